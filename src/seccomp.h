/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seccomp filters of a task: read from it, and what they would say to a system call.
 */
#ifndef CKPT_SECCOMP_H
#define CKPT_SECCOMP_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "task.h"

/* The task's filters, oldest first; none if it has none. It must be in a ptrace-stop of the calling
 * thread. -ENOTSUP: it has some that can't be read, or strict mode; the text is the obstacle.
 * On failure out holds nothing. */
int ckpt_seccomp_get(pid_t tid, struct ckpt_seccomp *out, struct ckpt_err *err);
void ckpt_seccomp_fini(struct ckpt_seccomp *s);

/* While we trace it, its filters judge nothing. options: all others of the tracee. */
int ckpt_seccomp_suspend(pid_t tid, unsigned long options, struct ckpt_err *err);

/* A wait that our stop has interrupted goes on by restart_syscall(2): where a filter does not allow
 * that, makes it start afresh. The task is in its first ptrace-stop. */
int ckpt_seccomp_spare(pid_t tid, const struct ckpt_seccomp *s, struct ckpt_err *err);

/* What all filters together answer: SECCOMP_RET_*, data bits included. */
uint32_t ckpt_seccomp_verdict(const struct ckpt_seccomp *s, const struct seccomp_data *call);

/* A filter that may ask a supervisor, who would have to be there after a restore. */
bool ckpt_seccomp_has_supervisor(const struct ckpt_seccomp *s);

/* Whether the task lives on with that answer. runs: and the call is made. */
bool ckpt_seccomp_harmless(uint32_t verdict, bool runs);

/* "kills on modify_ldt": for messages. */
void ckpt_seccomp_describe(uint32_t verdict, long nr, uint64_t arg0, char *text, size_t size);

#endif
