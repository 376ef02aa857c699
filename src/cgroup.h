/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups: a restored process counts against those of the user who restores it, or goes
 * back into its own where he may put it there.
 */
#ifndef CKPT_CGROUP_H
#define CKPT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "cred.h"
#include "err.h"
#include "task.h"

/* Moves pid into the groups that wanted (the text of some /proc/PID/cgroup, cgroups(7)) names, in
 * every hierarchy where it differs from pid's own. */
int ckpt_cgroup_join(pid_t pid, const char *wanted, struct ckpt_err *err);

/* Whether the process is in a group that is frozen now, v1 or v2, by its own switch or by that of
 * a group above; the group's path goes to name. */
bool ckpt_cgroup_frozen(pid_t pid, char *name, size_t size);

/* In what follows a hierarchy is named by its controllers as /proc/PID/cgroup has them, "" for
 * version 2. Whether a group is frozen, or about to be. */
bool ckpt_cgroup_is_frozen(const char *controllers, const char *path);

/* The path of a file of a group; false: the hierarchy is not mounted where we see it. */
bool ckpt_cgroup_file(const char *controllers, const char *path, const char *name, char *out,
		      size_t size);

/* The group of task pid in that hierarchy; false: there is no such. */
bool ckpt_cgroup_path(pid_t pid, const char *controllers, char *path, size_t size);

/* The groups that pid is in. A kernel without them: none. */
int ckpt_cgroup_read(pid_t pid, struct ckpt_header *header);
void ckpt_cgroup_fini(struct ckpt_header *header);

/* Moves pid into the groups of header, those that are frozen or the others, as who, by the ids and
 * capabilities of whom the kernel judges. What can't be stays where it is, and the log says so. */
void ckpt_cgroup_return(pid_t pid, const struct ckpt_header *header, const struct ckpt_cred *who,
			bool frozen);

#endif
