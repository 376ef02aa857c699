/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors: open file descriptions and what points at them.
 */
#ifndef CKPT_FD_NODES_H
#define CKPT_FD_NODES_H

#include "err.h"
#include "task.h"

#define CKPT_O_LARGEFILE 0100000 /* glibc's is 0 on x86-64; the kernel's is not */

enum ckpt_lock_kind { CKPT_LOCK_POSIX, CKPT_LOCK_FLOCK, CKPT_LOCK_OFD };

/* Reads the descriptor table of a frozen process from /proc: task->fds and task->files. What
 * can't be captured goes to obstacle ("fd 7: socket"). The process must not run meanwhile. */
int ckpt_fds_read(pid_t pid, struct ckpt_task *task, void (*obstacle)(void *arg, const char *text),
		  void *arg, struct ckpt_err *err);

#endif
