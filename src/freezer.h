/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that the freezer of a control group holds, version 1 or 2.
 */
#ifndef CKPT_FREEZER_H
#define CKPT_FREEZER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Calls fn for every process in a group that is frozen, or is about to be. Walks the groups, not
 * the processes: there are fewer, and most are not frozen. */
void ckpt_freezer_each(void (*fn)(pid_t pid, void *arg), void *arg);

/* Whether one holds pid, a process (no thread) that has not ended; the group's path goes to name.
 */
bool ckpt_freezer_holds(pid_t pid, char *name, size_t size);

#endif
