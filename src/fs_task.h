/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between fs_tasks.c (which tasks are listed, and what freezes and thaws them), fs_task.c (the
 * operations below /PID) and fs_edit.c (those that change something) only.
 *
 * A reference keeps the struct; the rwlock keeps it frozen: reads hold it shared, a thaw and
 * every change take it exclusively, so that after a thaw no read of the tree is in progress.
 */
#ifndef CKPT_FS_TASK_H
#define CKPT_FS_TASK_H

#include <pthread.h>
#include "frozen.h"
#include "fs.h"
#include "overlay.h"

struct ckpt_listed {
	struct ckpt_listed *next;
	uint32_t number; /* tree, of its inodes */
	pid_t pid;
	bool stopped;		    /* by others: frozen by us only while pinned */
	bool busy;		    /* mkdir is at work: not to be seen yet */
	bool pinned;		    /* a stopped one that is frozen, or about to be */
	bool leaving;		    /* being thawed: no new references */
	unsigned int refs, handles; /* under the table's lock, as is used_ms */
	int64_t used_ms;
	struct timespec since; /* times of the directory, the same before and after pinning */
	pthread_rwlock_t lock;
	struct ckpt_frozen *frozen; /* under lock; NULL: thawed, or not pinned */
	/* for fs_edit.c, under lock */
	struct ckpt_overlay *overlay; /* NULL: nothing was written */
	uint32_t edition;	      /* counts what readers saw change */
	time_t refused_s;	      /* when removing something was refused last */
	bool sealed;		      /* thaw is certain: no more changes */
};

/* The task of an inode, with a reference; NULL: thawed. */
struct ckpt_listed *ckpt_task_get(uint64_t ino);
void ckpt_task_put(struct ckpt_listed *t);

/* With a reference and the lock, shared; frozen. may_pin: freezes it if only job control holds
 * it. -ESTALE: thawed, or no such entry in its tree. */
int ckpt_task_enter(const struct ckpt_req *req, uint64_t ino, bool may_pin,
		    struct ckpt_listed **out);
/* The same, with the lock held alone; freezes. */
int ckpt_task_enter_alone(const struct ckpt_req *req, uint64_t ino, struct ckpt_listed **out);
void ckpt_task_leave(struct ckpt_listed *t);

/* An open handle keeps a pinned task pinned. */
void ckpt_task_opened(struct ckpt_listed *t);
void ckpt_task_closed(struct ckpt_listed *t);

/* What readers see; t->lock held. */
static inline struct ckpt_tree *ckpt_task_tree(const struct ckpt_listed *t)
{
	return t->overlay && t->overlay->edits.view ? t->overlay->edits.view : t->frozen->tree;
}

static inline uint64_t ckpt_task_ino(const struct ckpt_listed *t, uint32_t index)
{
	return CKPT_INO(t->number,
			t->overlay ? ckpt_inodes_number(&t->overlay->inodes, index) : index);
}

/* Of an inode that is not a staged one: the index of its entry, or CKPT_NO_INDEX. */
static inline uint32_t ckpt_task_index(const struct ckpt_listed *t, uint64_t ino)
{
	static const struct ckpt_inodes plain;

	return ckpt_inodes_index(t->overlay ? &t->overlay->inodes : &plain, t->frozen->tree,
				 CKPT_INO_INDEX(ino));
}

/* Attributes of an entry of a frozen tree, t->lock held; of the directory /PID, frozen or not,
 * t->lock not held. */
void ckpt_task_entry_stat(const struct ckpt_listed *t, uint32_t index, struct stat *st);
int ckpt_task_root_stat(struct ckpt_listed *t, struct stat *st);

/* ---- fs_task.c, for fs_edit.c ---- */

/* The kernel's ptrace rule for who asks; op and path are for the log. */
int ckpt_task_may_open(const struct ckpt_req *req, const struct ckpt_listed *t, const char *op,
		       const char *path);
/* From the root of the tree; size: PATH_MAX. -ESTALE */
int ckpt_task_path(const struct ckpt_listed *t, uint64_t ino, char *path);

/* ---- fs_edit.c, for fs_task.c: as in struct ckpt_fs_ops ---- */

void ckpt_task_node_stat(const struct ckpt_listed *t, const struct ckpt_stage_node *node,
			 struct stat *st); /* t->lock held */
int ckpt_edit_mkdir(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		    struct stat *st);
int ckpt_edit_create(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		     struct ckpt_handle *h, struct stat *st);
int ckpt_edit_unlink(const struct ckpt_req *req, uint64_t dir, const char *name);
int ckpt_edit_rmdir(const struct ckpt_req *req, uint64_t dir, const char *name);
int ckpt_edit_rename(const struct ckpt_req *req, uint64_t dir, const char *name, uint64_t newdir,
		     const char *newname, unsigned int flags);
int ckpt_edit_setattr(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
		      unsigned int which, const struct stat *set, struct stat *st);
void ckpt_edit_renamed(uint64_t newdir, const char *newname);
/* Of what may write, and of what is not of the tree. */
int ckpt_edit_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h);
ssize_t ckpt_edit_write(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			const void *buf, size_t len, uint64_t off);
int ckpt_edit_flush(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h);
void ckpt_edit_release(uint64_t ino, struct ckpt_handle *h);

/* ---- fs_edit.c, for fs_tasks.c ---- */

/* Before a thaw that somebody asked for: does the edits to the task. If that fails they are
 * dropped, and it stays frozen. t->lock not held. */
int ckpt_task_edits_commit(struct ckpt_listed *t);
/* At a thaw, t->lock held alone: the same if it was not done, and nothing is left of them. */
void ckpt_task_edits_end(struct ckpt_listed *t);

#endif
