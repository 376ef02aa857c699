/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing a frozen task in place: from the state it has to the state a tree describes, without
 * a new process. An edited file and a whole checkpoint copied back are the same thing here: a
 * wanted state, of which only what differs is done.
 *
 * At every instant our SIGKILL leaves a task that has either all of its old state or all of the
 * new one, and runs on.
 */
#ifndef CKPT_APPLY_H
#define CKPT_APPLY_H

#include "err.h"
#include "frozen.h"
#include "source.h"

enum ckpt_apply_mode {
	CKPT_APPLY_CHECK, /* only say whether it can be done; the task is not touched */
	CKPT_APPLY_COMMIT /* do it; the task stays frozen, frozen->tree shows what it has now */
};

struct ckpt_want {
	/* Every file that a tree of the task lists but sums and manifest. */
	struct ckpt_source *src;
	/* Whether the file may differ from what the frozen task has; NULL: any may. A file of
	 * pages that did not change is not read. */
	bool (*changed)(struct ckpt_source *src, const char *path);
};

/* -EINVAL bad text (file:line), -EPERM the task may not do that to itself, -ENOTSUP not in place
 * (the sentence names file and key), -EBUSY a file it needs changed, -ESRCH it is gone, -ENOMEM.
 * On failure nothing has changed. Any thread may call; nobody may read frozen->tree meanwhile. */
int ckpt_apply(struct ckpt_frozen *frozen, const struct ckpt_want *want, enum ckpt_apply_mode mode,
	       struct ckpt_err *err);

#endif
