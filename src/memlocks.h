/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locked memory: mlock(2), mlock2(2) and mlockall(2).
 */
#ifndef CKPT_MEMLOCKS_H
#define CKPT_MEMLOCKS_H

#include "err.h"
#include "remote.h"
#include "skeleton.h"
#include "task.h"

/* How much is locked, in KiB. */
int64_t ckpt_memlocks_locked(pid_t pid);

/* Live task: whether mappings to come will be locked, into mm.lock_future. locked_before: what was
 * locked before it got its scratch memory. */
int ckpt_memlocks_get(const struct ckpt_remote *r, int64_t locked_before, struct ckpt_task *task,
		      struct ckpt_err *err);

/* Skeleton, with every mapping in place and the limits of the maker: locks those that were. */
int ckpt_memlocks_restore(struct ckpt_skeleton *s, struct ckpt_err *err);

/* Locks what the task will map. Nothing of ours may be mapped afterwards. */
int ckpt_memlocks_restore_future(struct ckpt_skeleton *s, struct ckpt_err *err);

#endif
