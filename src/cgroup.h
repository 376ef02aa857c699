/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups: a restored process counts against those of the user who restores it.
 */
#ifndef CKPT_CGROUP_H
#define CKPT_CGROUP_H

#include <stddef.h>
#include <sys/types.h>
#include "err.h"

/* Moves pid into the groups that wanted (the text of some /proc/PID/cgroup, cgroups(7)) names, in
 * every hierarchy where it differs from pid's own. */
int ckpt_cgroup_join(pid_t pid, const char *wanted, struct ckpt_err *err);

/* Whether the process is in a group that is frozen now, v1 or v2, by its own switch or by that of
 * a group above; the group's path goes to name. */
bool ckpt_cgroup_frozen(pid_t pid, char *name, size_t size);

#endif
