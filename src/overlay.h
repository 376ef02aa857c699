/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written to a frozen task: files that are being written, edits (edits.h), a checkpoint
 * that is being copied over it (a rollback), and names that no tree has (temporary files of
 * editors and rsync). Knows nothing of FUSE.
 *
 * Files that are being written are nodes of a stage. One that can be edited by itself becomes an
 * edit when it is closed or renamed into its place. The first change of any other file of the
 * tree begins a rollback: from then on the stage is a tree as below restore/, by the same
 * rules, and its end is ckpt_apply() in place of a new process. Edits made before become files
 * of it. Until then nothing of it is shown to readers.
 *
 * Not locked: every function needs the caller to be the only one who uses the frozen task.
 */
#ifndef CKPT_OVERLAY_H
#define CKPT_OVERLAY_H

#include "edits.h"
#include "inodes.h"
#include "stage.h"

struct ckpt_overlay {
	struct ckpt_frozen *frozen;
	struct ckpt_stage *stage;
	struct ckpt_edits edits;
	bool rollback; /* in progress */
	bool replaced; /* a rollback was done: every entry is another one; for the caller */
	struct ckpt_inodes inodes;
	CKPT_VEC(uint64_t) outdated; /* entries that readers see otherwise now; for the caller */
	struct ckpt_source source;   /* the rollback's */
};

int ckpt_overlay_new(struct ckpt_frozen *frozen, struct ckpt_overlay **out, struct ckpt_err *err);
void ckpt_overlay_free(struct ckpt_overlay *o);

/* The node of that path, which is being written, is a part of the rollback, or temporary; or
 * NULL. */
struct ckpt_stage_node *ckpt_overlay_find(const struct ckpt_overlay *o, const char *path);
/* Whether it has contents that are not shown yet but are what its writer works on. */
bool ckpt_overlay_is_draft(const struct ckpt_overlay *o, const struct ckpt_stage_node *node);

/* To write over the file of that path, which the tree has. */
int ckpt_overlay_open(struct ckpt_overlay *o, const char *path, pid_t pid,
		      struct ckpt_stage_node **out, struct ckpt_err *err);
/* A file or directory (mode: S_IFREG or S_IFDIR) that is not there. */
int ckpt_overlay_make(struct ckpt_overlay *o, const char *path, mode_t mode, pid_t pid,
		      struct ckpt_stage_node **out, struct ckpt_err *err);
ssize_t ckpt_overlay_write(struct ckpt_overlay *o, struct ckpt_stage_node *node, const void *buf,
			   size_t len, uint64_t off, pid_t pid, struct ckpt_err *err);
int ckpt_overlay_truncate(struct ckpt_overlay *o, struct ckpt_stage_node *node, uint64_t size,
			  pid_t pid, struct ckpt_err *err);
/* Thread pid closed it after writing: it becomes an edit, or counts for the rollback. */
int ckpt_overlay_arrived(struct ckpt_overlay *o, struct ckpt_stage_node *node, pid_t pid,
			 struct ckpt_err *err);
/* After ckpt_stage_opened(); the node may be gone afterwards. */
void ckpt_overlay_closed(struct ckpt_overlay *o, struct ckpt_stage_node *node, bool writes);
/* Of a temporary file or one of the rollback. */
int ckpt_overlay_rename(struct ckpt_overlay *o, struct ckpt_stage_node *node, const char *path,
			pid_t pid, struct ckpt_err *err);

/* A file of the task is renamed to a temporary one, as editors make backups: that gets a copy of a
 * text that can be edited, and the task keeps what it has. All else is -EPERM. */
int ckpt_overlay_copy(struct ckpt_overlay *o, const char *from, const char *to,
		      struct ckpt_err *err);

/* The times of the directory of that path are set: ckpt_stage_finish(). */
int ckpt_overlay_finish(struct ckpt_overlay *o, const char *path, pid_t pid, struct ckpt_err *err);

/* Before the task runs on: does the edits to it. A rollback that is not complete, and after an
 * error the edits, are dropped: there is nothing left to do then. */
int ckpt_overlay_commit(struct ckpt_overlay *o, struct ckpt_err *err);

#endif
