/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the system calls of stopped tasks such that the stop is not seen: what calls.h knows is
 * made again when the task runs on, with what is left of it.
 */
#ifndef CKPT_SETTLE_H
#define CKPT_SETTLE_H

#include <stdint.h>
#include "backend.h"

/* On the tracer thread, right after all tasks have stopped (now: CLOCK_MONOTONIC ns). What can't be
 * done is said in the log: that call takes its whole time, or moves fewer bytes. */
void ckpt_settle_all(struct ckpt_captured *cap, int64_t now);

/* Right before they run on: time-outs that the kernel has written to their memory went on in the ns
 * that they stood still, as all others do. */
void ckpt_settle_thaw(const struct ckpt_captured *cap, int64_t stood);

/* Registers that lead into code of ours become the program's own; *at: where that code is, 0. */
int ckpt_settle_view(pid_t pid, int mem_fd, struct ckpt_cpu *cpu, uint64_t *at,
		     struct ckpt_err *err);

/* A process that has become what a tree says: its cpu, as the tree has it, gets registers that make
 * the call go on with what was left. Nothing of ours may be mapped in it any more. */
void ckpt_settle_new(pid_t pid, int mem_fd, struct ckpt_cpu *cpu);

#endif
