/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that the freezer of a control group holds, outside of that group for the length of some
 * system calls of ours: there it can run them, at home it can't.
 *
 * The danger is our death meanwhile: it would be left in another group, where nothing freezes it.
 * So while it is out a guardian, a process of its own, waits for our end and moves it back. What
 * the process itself does until then is the stub's business (docs/freezers.md).
 */
#ifndef CKPT_OUTING_H
#define CKPT_OUTING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "buf.h"
#include "err.h"

#define CKPT_OUTING_HOMES 2 /* version 1, version 2 */

struct ckpt_outing_home {
	char *controllers; /* "": version 2 */
	char *path, *away; /* of the group; of the one it is in meanwhile, NULL: at home */
	int fd;		   /* its cgroup.procs, open for writing */
};

struct ckpt_outing_mask { /* cpuset controllers change it on the way */
	pid_t tid;
	uint64_t cpus[16];
};

struct ckpt_outing {
	pid_t pid;
	struct ckpt_outing_home homes[CKPT_OUTING_HOMES];
	unsigned int nhomes; /* 0: no group holds it */
	bool out;
	int pidfd, mem_fd; /* mem_fd: not ours */
	uint64_t wait;	   /* address of the stub's word that is cleared at home, 0: none */
	int alive;	   /* its end tells the guardian */
	pid_t guardian;
	CKPT_VEC(struct ckpt_outing_mask) masks;
};

/* Which groups hold pid, and that it can be brought back into them. version1: only if a freezer
 * of version 1 does. -ENOTSUP: it must stay where it is; err names the group and says why. */
int ckpt_outing_open(struct ckpt_outing *o, pid_t pid, bool version1, struct ckpt_err *err);

/* Out, into the nearest groups above that are not frozen; and back. The guardian and the way back
 * clear the word at wait, by mem_fd (/proc/PID/mem). Until it is in a ptrace-stop the process
 * runs there. */
int ckpt_outing_leave(struct ckpt_outing *o, int mem_fd, uint64_t wait, struct ckpt_err *err);
int ckpt_outing_return(struct ckpt_outing *o, struct ckpt_err *err);

/* Returns first if need be. */
void ckpt_outing_close(struct ckpt_outing *o);

#endif
