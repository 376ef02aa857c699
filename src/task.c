// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A task's state in memory. What its parts own is freed by the tables that know it.
 */
#include <stdlib.h>
#include <string.h>
#include "task.h"
#include "tree.h"

struct ckpt_task *ckpt_task_new(void)
{
	return calloc(1, sizeof(struct ckpt_task));
}

void ckpt_task_free(struct ckpt_task *task)
{
	if (!task)
		return;
	ckpt_node_fini(task);
	free(task);
}

bool ckpt_task_is_i386(const struct ckpt_task *task)
{
	return !strcmp(task->header.arch, CKPT_ARCH_I386);
}
