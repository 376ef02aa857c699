/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program may have seen of the machine: its CPU and the vdso that the kernel gives it.
 */
#ifndef CKPT_MACHINE_H
#define CKPT_MACHINE_H

#include "err.h"
#include "task.h"

/* -ENOTSUP names what the task may have seen and this machine does not have. */
int ckpt_machine_check(const struct ckpt_task *task, struct ckpt_err *err);

/* The features of this CPU that a program can use. -ENOMEM. */
int ckpt_cpu_features(struct ckpt_header *h);
/* -ENOTSUP names those that this CPU has not. tiles: the task has asked for AMX. */
int ckpt_cpu_features_check(const struct ckpt_header *h, bool tiles, struct ckpt_err *err);

#define CKPT_VDSO_DIGEST 33 /* XXH3-128 as hex; "": there is no vdso */

/* That of 64-bit programs here. */
void ckpt_vdso_digest(char out[CKPT_VDSO_DIGEST]);
/* That of the task with those mappings. */
void ckpt_vdso_digest_of(const struct ckpt_task *task, int mem_fd, char out[CKPT_VDSO_DIGEST]);
/* -ENOTSUP: the tree's program uses another one. */
int ckpt_vdso_check(const struct ckpt_task *task, const char *here, struct ckpt_err *err);

#endif
