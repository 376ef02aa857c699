/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that a stop ends early in a way the program would see: with EINTR, though no handler
 * ran (signal(7), "Interruption of system calls and library functions by stop signals"), or with
 * fewer bytes than it asked for. Which ones, and what is left of them.
 */
#ifndef CKPT_CALLS_H
#define CKPT_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>
#include "again.h"
#include "task.h"
#include "waits.h"

/* How the call that cpu is in is made again; NULL: a stop does not disturb it.
 * mended: its result was EINTR. */
const struct ckpt_again *ckpt_call_find(const struct ckpt_cpu *cpu, bool mended);

/* Whether that result of that call must become -514: what the kernel makes again without a handler,
 * and EINTR with one. */
bool ckpt_call_is_cut(long nr, int64_t result);

/* Whether they are in a call that is made again and has a signal mask of its own. */
bool ckpt_call_runs_masked(const struct user_regs_struct *regs);

/* A timespec (unit 1) or timeval (1000) of the task, ns; -1: longer than any wait, or none. */
int64_t ckpt_call_ns(const int64_t time[2], uint32_t unit);

/* The address where the kernel has written the time that the call of cpu has left, 0: nowhere; the
 * unit of its fraction, ns. */
uint64_t ckpt_call_written(const struct ckpt_cpu *cpu, uint32_t *unit);

/* cpu: interrupted in the call of how, result -514. Sets restart and restart_left: `none` when it
 * has no time-out, `unknown` when the time left is not known and the whole time is to be taken.
 * now: CLOCK_MONOTONIC ns of the stop. */
void ckpt_call_time(pid_t pid, int mem_fd, const struct ckpt_again *how,
		    const struct ckpt_wait_peek *peek, int64_t now, struct ckpt_cpu *cpu);

/* Bytes that a blocking call had moved when it was cut short; 0: it was not. */
uint64_t ckpt_call_done(pid_t pid, const struct ckpt_wait_peek *peek, const struct ckpt_cpu *cpu);

#endif
