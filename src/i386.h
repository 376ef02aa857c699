/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 32-bit programs under the 64-bit kernel: what only a system call of i386 asks or sets.
 *
 * Most calls mean the same made by `syscall`, and are made so. Not those by which the kernel
 * remembers who called: a handler gets a 32-bit frame if sigaction(2) came by int $0x80
 * (SA_IA32_ABI), an interrupted wait goes on as the restart_syscall of its caller, and there is a
 * robust list for each of the two.
 */
#ifndef CKPT_I386_H
#define CKPT_I386_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "skeleton.h"
#include "task.h"

/* Whether the 32-bit program is one of the x32 ABI, which has system calls of its own. */
bool ckpt_program_is_x32(pid_t pid);

/* The robust list that the task has set by int $0x80. Needs this kernel to take such calls. */
int ckpt_i386_robust_list(pid_t tid, uint64_t *head, uint64_t *len);

/* The wait that the interrupted call of cpu is: sets cpu->restart, the time asked for (ns, -1: no
 * limit) and that left as the kernel wrote it for the program (-1: it did not). */
bool ckpt_i386_wait_asked(int mem_fd, struct ckpt_cpu *cpu, int64_t *asked, int64_t *told);

/* In a skeleton. */
int ckpt_i386_restore_actions(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_i386_restore_robust_list(struct ckpt_skeleton *s, struct ckpt_err *err);
/* Runs the wait of cpu (restart: one of CKPT_RESTART_I386_*) again with the time left, interrupted
 * at once; its result in *result. */
int ckpt_i386_restore_wait(struct ckpt_skeleton *s, const struct ckpt_cpu *cpu, long *result,
			   struct ckpt_err *err);

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	I386_restart_syscall = 0,
	I386_nanosleep = 162,
	I386_poll = 168,
	I386_rt_sigaction = 174,
	I386_futex = 240,
	I386_clock_nanosleep = 267,
	I386_set_robust_list = 311,
	I386_get_robust_list = 312,
	I386_clock_nanosleep_time64 = 407,
	I386_futex_time64 = 422,
};

#endif
