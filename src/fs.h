/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between FUSE and the rest: inode numbers, who asks, and one table of operations per family
 * of nodes. fs_ops.c turns FUSE requests into calls of these; nothing else knows libfuse.
 *
 *	fs_root.c	/, /log
 *	fs_task.c	/PID and everything below; fs_tasks.c: which of them there are; fs_edit.c:
 *			what changes something there
 *	fs_restore.c	/restore
 *	fs_stage.c	/restore/NAME and everything below
 *
 * An inode number is the number of a tree and the index of a node in it. Trees are counted and
 * never reused, so a number that is not valid any more is never anybody else's: ESTALE.
 */
#ifndef CKPT_FS_H
#define CKPT_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "buf.h"
#include "err.h"

struct ckpt_ahead;
struct ckpt_opts;
struct ckpt_stage;
struct ckpt_stage_node;

#define CKPT_INO(tree, index) ((uint64_t)(tree) << 32 | (uint32_t)(index))
#define CKPT_INO_TREE(ino)    ((uint32_t)((ino) >> 32))
#define CKPT_INO_INDEX(ino)   ((uint32_t)(ino))
#define CKPT_INO_ROOT	      1ull
#define CKPT_INO_LOG	      2ull
#define CKPT_INO_RESTORE      3ull
#define CKPT_TREE_STAGED      0x40000000u /* this bit: below restore/; else a task */

#define CKPT_TREE_STOPPED 0x20000000u /* a task that is listed because job control stopped it */

#define CKPT_INDEX_STAGED 0x80000000u /* a file that is written below a task: not of its tree */

/* The next unused number, with these bits. */
uint32_t ckpt_tree_number(uint32_t bits);

/* Who asks. He is blocked in his request until it is answered. */
struct ckpt_req {
	pid_t pid; /* thread, in our PID namespace; 0 if he is outside it */
	uid_t uid; /* filesystem ids */
	gid_t gid;
};

struct ckpt_dirent {
	char *name;
	uint64_t ino;
	mode_t type; /* S_IF* */
};

/* An open file or directory. The family fills it at open and may use obj and index. */
struct ckpt_handle {
	LIST_ENTRY(ckpt_handle) others; /* all that are open */
	uint64_t ino;
	struct ckpt_buf text; /* files with has_text: contents as they were at open */
	bool has_text;
	CKPT_VEC(struct ckpt_dirent) list; /* directories */
	bool nomem;			   /* list is not whole */
	bool writes;			   /* open for writing */
	bool wrote;			   /* something was written through it */
	bool flushed;			   /* it was closed once with nothing written */
	void *obj;
	uint32_t index;
	uint32_t edition;	  /* of the task's tree, at open */
	struct ckpt_ahead *ahead; /* files that are read ahead */
};

void ckpt_handle_list(struct ckpt_handle *h, const char *name, uint64_t ino, mode_t type);
ssize_t ckpt_handle_read_text(const struct ckpt_handle *h, void *buf, size_t len, uint64_t off);
void ckpt_handle_fini(struct ckpt_handle *h);

enum ckpt_set {
	CKPT_SET_MODE = 1 << 0,
	CKPT_SET_UID = 1 << 1,
	CKPT_SET_GID = 1 << 2,
	CKPT_SET_SIZE = 1 << 3,
	CKPT_SET_ATIME = 1 << 4,
	CKPT_SET_MTIME = 1 << 5,
};

/* All return 0 (or a count) or a negative errno. A missing operation is EPERM; a missing
 * flush or release has nothing to do. h of getattr and setattr may be NULL. */
struct ckpt_fs_ops {
	int (*lookup)(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st);
	int (*getattr)(const struct ckpt_req *req, uint64_t ino, struct stat *st);
	int (*setattr)(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
		       unsigned int which, const struct stat *set, struct stat *st);
	int (*mkdir)(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		     struct stat *st);
	int (*mknod)(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode);
	int (*create)(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		      struct ckpt_handle *h, struct stat *st);
	int (*symlink)(const struct ckpt_req *req, const char *target, uint64_t dir,
		       const char *name, struct stat *st);
	int (*unlink)(const struct ckpt_req *req, uint64_t dir, const char *name);
	int (*rmdir)(const struct ckpt_req *req, uint64_t dir, const char *name);
	int (*rename)(const struct ckpt_req *req, uint64_t dir, const char *name, uint64_t newdir,
		      const char *newname, unsigned int flags);
	/* After the answer to a rename that did not fail: the kernel's locks are free again. */
	void (*renamed)(uint64_t newdir, const char *newname);
	int (*open)(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h);
	int (*opendir)(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h);
	/* *buf has room for CKPT_READ_MAX; may be exchanged for another buffer of that size. */
	ssize_t (*read)(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h, void **buf,
			size_t len, uint64_t off);
	ssize_t (*write)(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			 const void *buf, size_t len, uint64_t off);
	int (*flush)(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h);
	void (*release)(uint64_t ino, struct ckpt_handle *h);
};

extern const struct ckpt_fs_ops ckpt_root_ops, ckpt_task_ops, ckpt_restore_ops, ckpt_stage_ops;

/* Of the mount: set once, before the first request. */
struct ckpt_fs {
	const struct ckpt_opts *opts;
	uid_t uid; /* who mounted */
	gid_t gid;
	struct timespec since;
	/* Tells the kernel that inodes [first, first + n) of a tree are gone. */
	void (*forget)(uint64_t first, uint32_t n);
	/* ... that a name must be looked up again. Not while a request changes that directory. */
	void (*forget_name)(uint64_t dir, const char *name);
};
extern struct ckpt_fs ckpt_fs;

/* Attributes of a directory of the mount itself. */
void ckpt_fs_dir_stat(uint64_t ino, mode_t mode, struct stat *st);

/* ---- fs_tasks.c, for the root directory ---- */
int ckpt_tasks_start(void); /* threads: only after the fork into the background */
void ckpt_tasks_stop(void); /* thaws everything */
int ckpt_tasks_lookup(pid_t pid, struct stat *st);
int ckpt_tasks_freeze(const struct ckpt_req *req, pid_t pid, struct stat *st);
int ckpt_tasks_thaw(const struct ckpt_req *req, pid_t pid);
void ckpt_tasks_list(struct ckpt_handle *h);

/* ---- fs_restore.c, for fs_stage.c ---- */
/* The stage with that number, with a reference; NULL if it is gone. */
struct ckpt_stage *ckpt_stages_get(uint32_t tree);
struct ckpt_stage *ckpt_stages_ref(struct ckpt_stage *s);
void ckpt_stages_put(struct ckpt_stage *s);
void ckpt_stages_stop(void);

/* ---- fs_stage.c, for fs_restore.c and fs_edit.c ---- */
int ckpt_stage_root_stat(struct ckpt_stage *s, uint32_t tree, struct stat *st);
/* which: CKPT_SET_*, but for the size. */
void ckpt_fs_set_attrs(struct ckpt_stage_node *node, unsigned int which, const struct stat *set);
#define CKPT_STAGE_STATUS 0xfffffffeu /* index of .status */
#define CKPT_STAGE_LINK	  0xfffffffdu /* index of the link that `ln -s` sees */

#endif
