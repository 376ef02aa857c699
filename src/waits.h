/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits with a time-out that a task is in when it is frozen: which one, and the time left.
 *
 * The kernel keeps both in task->restart_block, which ptrace does not show. What tells: the
 * system call and its arguments (/proc/PID/syscall), the remaining time the kernel itself wrote
 * (nanosleep with rem), and when the task went to sleep (se.exec_start in /proc/PID/sched, good
 * to about 0.2 ms, and only before the first ptrace stop). What we froze or restored ourselves is
 * remembered, because a restarted wait shows neither its number nor its start.
 */
#ifndef CKPT_WAITS_H
#define CKPT_WAITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "task.h"

struct ckpt_wait_peek {
	bool asleep;   /* in the system call nr, with these arguments */
	int64_t slept; /* CLOCK_MONOTONIC ns when it went to sleep, -1: not known */
	long nr;       /* -1: none */
	uint64_t args[3];
	char wchan[32]; /* the kernel's function it sleeps in, "-" */
};

/* Before the task is touched. */
void ckpt_wait_peek(pid_t pid, struct ckpt_wait_peek *out);

/* After it stopped: fills cpu->restart and restart_left. now: CLOCK_MONOTONIC ns of the stop. */
void ckpt_wait_find(pid_t pid, int mem_fd, const struct ckpt_wait_peek *peek, int64_t now,
		    struct ckpt_cpu *cpu);

/* Remembers that pid waits with these registers until now + cpu->restart_left. */
void ckpt_wait_remember(pid_t pid, int64_t now, const struct ckpt_cpu *cpu);

#endif
