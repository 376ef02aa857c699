/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that are made again with what is left of their time-out or of their bytes, without
 * the program seeing other registers or memory: the code of again.S, placed in slack of the
 * program's own code below the room of the stub of remote.c (docs/restart.md).
 *
 * It lies there until the call is over and somebody looks again. Only for a task that is stopped.
 */
#ifndef CKPT_AGAIN_H
#define CKPT_AGAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "task.h"

enum ckpt_again_format {
	CKPT_AGAIN_WHOLE,    /* as it is */
	CKPT_AGAIN_MS,	     /* the argument is a number of milliseconds */
	CKPT_AGAIN_TIMESPEC, /* the argument is a pointer to a time */
	CKPT_AGAIN_SOCKET,   /* poll(2) first, because the time-out is the socket's */
};

#define CKPT_AGAIN_MAX (INT64_MAX / 4) /* ns: 73 years; what is longer has no limit */

/* What a stop makes of the call. */
enum ckpt_stop {
	CKPT_STOP_EINTR,   /* EINTR */
	CKPT_STOP_LOST,	   /* -514, and its time starts anew */
	CKPT_STOP_WRITTEN, /* -514, and the time left is written to memory; EINTR if it can't be */
};

/* How to make one system call again: a row of waits.c. */
struct ckpt_again {
	long nr;
	uint32_t format; /* enum ckpt_again_format */
	uint32_t arg;	 /* which argument is the time, 3 to 5 */
	uint32_t unit;	 /* of its fraction: 1 (ns) or 1000 (us) */
	uint32_t events; /* of the socket */
	int32_t expired; /* errno when the time is over */
	uint32_t stop;	 /* enum ckpt_stop */
};

/* Addresses where code of the process is being executed: what lies there must stay. */
struct ckpt_again_busy {
	const uint64_t *rip;
	size_t n;
};

/* cpu: interrupted in the call how->nr, with the time left (restart_left, ns) or, restart being
 * CKPT_RESTART_MORE, the bytes done. Places the code and sets cpu's registers to it.
 * -ENOTSUP: there is no room for it; cpu is as it was. */
int ckpt_again_place(pid_t pid, int mem_fd, const struct ckpt_again *how,
		     const struct ckpt_again_busy *busy, struct ckpt_cpu *cpu,
		     struct ckpt_err *err);

/* Where the code lies that this address is in; 0: it is not in such code. */
uint64_t ckpt_again_at(int mem_fd, uint64_t rip);

/* cpu was stopped in the code at that address: when its call was interrupted there, it begins once
 * more with what is left. True if cpu was changed. */
bool ckpt_again_resume(uint64_t at, struct ckpt_cpu *cpu);

/* Makes of registers in the code at that address those of the program. -EIO. */
int ckpt_again_view(pid_t pid, int mem_fd, uint64_t at, struct ckpt_cpu *cpu, struct ckpt_err *err);

/* Zeroes what calls that are over have left. */
void ckpt_again_sweep(pid_t pid, int mem_fd, const struct ckpt_again_busy *busy);

/* Zeroes, in a copy of the task's page at that address, the code at `at`. */
void ckpt_again_hide(uint64_t at, uint64_t page, uint8_t *bytes);

#endif
