/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between fs_tasks.c (which tasks are listed, and what freezes and thaws them) and fs_task.c
 * (the operations below /PID) only.
 *
 * A reference keeps the struct; the rwlock keeps it frozen: reads hold it shared, a thaw takes
 * it exclusively, so that after a thaw no read of the tree is in progress.
 */
#ifndef CKPT_FS_TASK_H
#define CKPT_FS_TASK_H

#include <pthread.h>
#include "frozen.h"
#include "fs.h"

struct ckpt_listed {
	struct ckpt_listed *next;
	uint32_t number; /* tree, of its inodes */
	pid_t pid;
	bool stopped;		    /* by job control: frozen only while pinned */
	bool busy;		    /* mkdir is at work: not to be seen yet */
	bool pinned;		    /* a stopped one that is frozen, or about to be */
	bool leaving;		    /* being thawed: no new references */
	unsigned int refs, handles; /* under the table's lock, as is used_ms */
	int64_t used_ms;
	struct timespec since; /* times of the directory, the same before and after pinning */
	pthread_rwlock_t lock;
	struct ckpt_frozen *frozen; /* under lock; NULL: thawed, or not pinned */
};

/* The task of an inode, with a reference; NULL: thawed. */
struct ckpt_listed *ckpt_task_get(uint64_t ino);
void ckpt_task_put(struct ckpt_listed *t);

/* With a reference and the lock, shared; frozen. may_pin: freezes it if only job control holds
 * it. -ESTALE: thawed, or no such entry in its tree. */
int ckpt_task_enter(const struct ckpt_req *req, uint64_t ino, bool may_pin,
		    struct ckpt_listed **out);
void ckpt_task_leave(struct ckpt_listed *t);

/* An open handle keeps a pinned task pinned. */
void ckpt_task_opened(struct ckpt_listed *t);
void ckpt_task_closed(struct ckpt_listed *t);

/* Attributes of an entry of a frozen tree, t->lock held; of the directory /PID, frozen or not,
 * t->lock not held. */
void ckpt_task_entry_stat(const struct ckpt_listed *t, uint32_t index, struct stat *st);
int ckpt_task_root_stat(struct ckpt_listed *t, struct stat *st);

#endif
