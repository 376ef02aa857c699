/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees being staged in memory: one struct ckpt_stage per directory restore/NAME, and one per
 * frozen task that is written to (overlay.h). Knows nothing of FUSE.
 *
 * One lock per stage. Functions marked (L) need it held. Checks and restores take long, so
 * they run without it: ckpt_stage_begin() makes the caller the only one who may change the
 * tree until ckpt_stage_end(); everybody else goes through ckpt_stage_wait_turn() first.
 * Looking (lookup, stat, list) needs the lock only and never waits for them.
 *
 * Nodes are numbered in the order of their creation and numbers are never used again, so that
 * they can serve as inode numbers. An unlinked node lives until its last handle closes.
 */
#ifndef CKPT_STAGE_H
#define CKPT_STAGE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "blob.h"
#include "err.h"
#include "manifest.h"
#include "source.h"
#include "status.h"

struct ckpt_cred;

/* What the manifest says of a file. */
enum ckpt_verdict {
	CKPT_UNJUDGED, /* not written to its end yet, or no manifest yet */
	CKPT_GOOD,
	CKPT_BAD,   /* not what the manifest says: node->why */
	CKPT_EXTRA, /* not listed: node->why */
	CKPT_NVERDICTS,
};

struct ckpt_stage_node {
	uint32_t index;
	char *name;
	struct ckpt_stage_node *dir;	      /* parent; NULL for the root, and when unlinked */
	struct ckpt_stage_node *first, *last; /* children, in the order of creation */
	struct ckpt_stage_node *next, *prev;  /* siblings */
	struct ckpt_stage_node *chain;	      /* of the hash table */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime, ctime;
	uint32_t nsubdirs;
	uint32_t nfiles;	       /* of a directory: regular files in it */
	uint32_t touched, turn;	       /* of a directory: see ckpt_stage_touched() */
	unsigned int handles, writers; /* open handles; those that may write */
	/* regular files */
	struct ckpt_blob blob;
	bool settled; /* closed (FLUSH) after its last change */
	bool late;    /* came after its tree was restored */
	bool edit;    /* was an edit of the frozen task before its tree began to be staged */
	bool clean;   /* opened for writing over a file of a frozen task, not changed yet */
	pid_t writer; /* the thread that closed it */
	enum ckpt_verdict verdict;
	char *why; /* sentence for BAD and EXTRA */
};

struct ckpt_stage {
	char *name;	   /* restore/NAME */
	const char *above; /* for messages: "restore/", or "" for a frozen task */
	bool scratch;	   /* names that no tree has may be there: no part of the tree */
	/* What a complete tree is for; without lock. At first: ckpt_restore(). */
	int (*build)(struct ckpt_stage *s, struct ckpt_err *err);
	void *ctx;	       /* for build */
	struct ckpt_cred *who; /* owned: whose authority */
	uid_t uid;	       /* who's fsuid: only he may write */
	pthread_mutex_t lock;
	pthread_cond_t idle; /* busy became false */
	bool busy;	     /* between begin and end */
	bool orphans;	     /* nodes closed meanwhile: ckpt_stage_end() frees them */
	bool restoring;	     /* busy for long: others get EBUSY instead of waiting */
	CKPT_VEC(struct ckpt_stage_node *) nodes; /* by index; NULL: freed */
	struct ckpt_stage_node **buckets;	  /* by directory and name */
	uint32_t nbuckets, nlinked;
	uint32_t nfiles; /* regular files linked */
	uint32_t nverdicts[CKPT_NVERDICTS];
	struct ckpt_manifest manifest;
	bool has_manifest;
	uint32_t ndirs_listed;	  /* directories below the root that have files in the manifest */
	pid_t toucher;		  /* the thread that set the times of a directory last, ... */
	uint32_t touch, ntouched; /* ... the number of its turn, and of directories it finished */
	char *stranger; /* sentence on a name that no tree has and somebody wanted; or NULL */
	pid_t writer;	/* the thread whose file arrived last */
	struct ckpt_stage_node *ghost, *ghost_dir; /* see ckpt_stage_ghost() */
	int64_t ghost_until, late_until;	   /* CLOCK_MONOTONIC, milliseconds */
	struct ckpt_manifest done;		   /* of the tree that was restored last */
	bool mixed;				   /* that one held files of an earlier copy */
	struct ckpt_source source;		   /* of the files, for ckpt_restore() */
	struct ckpt_status status;
};

/* Takes who over, also on failure. build is that of restore/. */
int ckpt_stage_new(const char *name, struct ckpt_cred *who, mode_t mode, struct ckpt_stage **out,
		   struct ckpt_err *err);
void ckpt_stage_free(struct ckpt_stage *s);

/* (L) Waits while a check runs; -EBUSY while a restore runs. */
int ckpt_stage_wait_turn(struct ckpt_stage *s);
/* (L), lock is not held between the two. Only after ckpt_stage_wait_turn(). */
void ckpt_stage_begin(struct ckpt_stage *s);
void ckpt_stage_end(struct ckpt_stage *s);

/* ---- the tree, all (L) ---- */

struct ckpt_stage_node *ckpt_stage_root(const struct ckpt_stage *s);
struct ckpt_stage_node *ckpt_stage_node(const struct ckpt_stage *s, uint32_t index); /* or NULL */
struct ckpt_stage_node *ckpt_stage_child(const struct ckpt_stage *s,
					 const struct ckpt_stage_node *dir, const char *name);
/* By path from the root; NULL if there is none. */
struct ckpt_stage_node *ckpt_stage_find(const struct ckpt_stage *s, const char *path);
/* malloc'd path from the root; NULL when out of memory. */
char *ckpt_stage_path(const struct ckpt_stage_node *node);

/* mode has S_IFDIR or S_IFREG. -EEXIST -ENOSPC -ENOMEM. */
int ckpt_stage_make(struct ckpt_stage *s, struct ckpt_stage_node *dir, const char *name,
		    mode_t mode, struct ckpt_stage_node **out);
int ckpt_stage_unlink(struct ckpt_stage *s, struct ckpt_stage_node *node);
int ckpt_stage_rmdir(struct ckpt_stage *s, struct ckpt_stage_node *node); /* -ENOTEMPTY */
/* Regular files only; replaces a file of that name. */
int ckpt_stage_rename(struct ckpt_stage *s, struct ckpt_stage_node *node,
		      struct ckpt_stage_node *dir, const char *name);
void ckpt_stage_opened(struct ckpt_stage_node *node, bool writes);
void ckpt_stage_closed(struct ckpt_stage *s, struct ckpt_stage_node *node, bool writes);
void ckpt_stage_stat(const struct ckpt_stage_node *node, struct stat *st); /* but for st_ino */

ssize_t ckpt_stage_write(struct ckpt_stage *s, struct ckpt_stage_node *node, const void *buf,
			 size_t len, uint64_t off);
int ckpt_stage_truncate(struct ckpt_stage *s, struct ckpt_stage_node *node, uint64_t size);
void ckpt_stage_set_verdict(struct ckpt_stage *s, struct ckpt_stage_node *node,
			    enum ckpt_verdict verdict, const char *why);

/* Unlinks every file of the tree and forgets the manifest; directories and scratch stay. */
void ckpt_stage_clear(struct ckpt_stage *s);

/* ---- one try and the next (stage_try.c), all (L) ---- */

/* rsync's files before they get their names, also those in `.~tmp~/`; with scratch, all that no
 * tree has. */
bool ckpt_stage_is_temporary(const struct ckpt_stage *s, const struct ckpt_stage_node *node);
/* The restore has come to its end, and nothing was written since. */
bool ckpt_stage_is_over(struct ckpt_stage *s);
/* The thread that completed the tree which is over is still in the middle of its copy. */
bool ckpt_stage_is_late(struct ckpt_stage *s, pid_t pid);
/* A restore has come to its end, by a file of thread pid: drops the files. */
void ckpt_stage_try_over(struct ckpt_stage *s, pid_t pid);
/* After making a file: after the end of a try, a new one begins; or node->late is set. */
void ckpt_stage_created(struct ckpt_stage *s, struct ckpt_stage_node *node, pid_t pid);
/* In place of ckpt_stage_arrived() for those. The node may be gone afterwards. */
int ckpt_stage_arrived_late(struct ckpt_stage *s, struct ckpt_stage_node *node,
			    struct ckpt_err *err);
/* Before a file is changed or removed: drops an earlier copy if this begins another one. */
void ckpt_stage_changing(struct ckpt_stage *s, const struct ckpt_stage_node *node, pid_t pid);

/* A tool that completes a tree with a close may set times and mode of that file by name next
 * (rsync --inplace). The file is gone; for the thread that closed it, it is there for a moment,
 * empty. ckpt_stage_ghost() returns it, or NULL; _set() needs an open handle on the node. */
void ckpt_stage_ghost_set(struct ckpt_stage *s, struct ckpt_stage_node *node,
			  struct ckpt_stage_node *dir);
struct ckpt_stage_node *ckpt_stage_ghost(const struct ckpt_stage *s,
					 const struct ckpt_stage_node *dir, const char *name,
					 pid_t pid);
void ckpt_stage_ghost_drop(struct ckpt_stage *s);

extern const struct ckpt_source_ops ckpt_stage_source_ops;

int ckpt_stage_build(struct ckpt_stage *s, struct ckpt_err *err); /* ckpt_restore() of it */

/* ---- completion (stage_check.c), all (L); the lock is let go meanwhile ---- */

/* Thread pid closed a file after writing it, or renamed it into its place. Checks it against the
 * manifest, everything against the manifest if it is the manifest; restores when the tree is
 * complete. 0, or the error the operation must return; .status has it too. */
int ckpt_stage_arrived(struct ckpt_stage *s, struct ckpt_stage_node *node, pid_t pid,
		       struct ckpt_err *err);

/* Renames, and checks the file under its new name if it is closed. A file that is not what the
 * manifest says gets its old name back, so that a failed rename changed nothing that matters. */
int ckpt_stage_move(struct ckpt_stage *s, struct ckpt_stage_node *node, struct ckpt_stage_node *dir,
		    const char *name, pid_t pid, struct ckpt_err *err);

/* The times of a directory are set, by thread pid. rsync does that when the directory is complete,
 * from a process that writes no files: once one thread has done so for every directory that the
 * manifest knows, each after the last change in it, the copy is finished. In a directory where
 * nothing changed since its turn began it says nothing: a second copy sets times first. Does
 * nothing but note it. */
void ckpt_stage_touched(struct ckpt_stage *s, struct ckpt_stage_node *dir, pid_t pid);

/* To be called when the times of a directory are set. Those of the root are the last thing that
 * cp -a, tar and mv do; for rsync see above. -EINVAL with the list of what is missing, when the
 * copy is finished by that. */
int ckpt_stage_finish(struct ckpt_stage *s, const struct ckpt_stage_node *dir, pid_t pid,
		      struct ckpt_err *err);

/* Names in the log what is missing of a tree that is not complete; -EINVAL and a sentence. */
int ckpt_stage_missing(struct ckpt_stage *s, struct ckpt_err *err);

/* For trees that were restored from elsewhere (a symbolic link). who is not taken over.
 * Without lock. */
int ckpt_stage_restore_dir(const char *target, const struct ckpt_cred *who,
			   struct ckpt_status *status, struct ckpt_err *err);

#endif
