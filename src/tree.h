/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree: which files there are (one table row per file), and a frozen task laid out as them.
 *
 * node.c owns the table. ckpt_tree_new() lays a collected task out as entries: all text is
 * rendered there, once, so sizes are exact and every read agrees; `sums` and `manifest` have
 * exact sizes at once (fixed-width lines) and contents when first read.
 *
 * Entries never change after ckpt_tree_new(); any number of threads may read.
 */
#ifndef CKPT_TREE_H
#define CKPT_TREE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include "err.h"
#include "task.h"

enum ckpt_node_kind {
	CKPT_NODE_DIR,
	CKPT_NODE_TEXT,	    /* codec of row, object at entry->obj */
	CKPT_NODE_PAGES,    /* page contents of the struct ckpt_pages at entry->pages */
	CKPT_NODE_SUMS,	    /* their digests */
	CKPT_NODE_MANIFEST, /* last entry of a tree */
};

/* One row per file of the tree; see the table in node.c. */
struct ckpt_node_row;

struct ckpt_entry {
	const struct ckpt_node_row *row;
	enum ckpt_node_kind kind;
	char *path;	   /* from the tree's root, "" for the root itself: "vmas/0000.../meta" */
	const char *name;  /* last component of path */
	uint32_t parent;   /* index of the directory; the root is its own parent */
	uint32_t first;	   /* first child, 0: none */
	uint32_t next;	   /* next entry of the same directory, 0: none */
	uint32_t nsubdirs; /* for st_nlink */
	uint64_t size;	   /* exact, bytes */
	char *text;	   /* contents of TEXT; of SUMS once read; NULL for the others */
	void *obj;	   /* the struct the codec prints */
	const struct ckpt_pages *pages; /* PAGES, SUMS */
	struct ckpt_sums *sums;		/* PAGES and SUMS of one directory share it */
	const struct timespec *changed; /* in a view: when; NULL: at the freeze */
};

/* Reads the contents of `pages` files: offset and length in bytes of the packed file.
 * Returns bytes read (all of len unless an error), or a negative errno. Any thread. */
struct ckpt_page_reader {
	ssize_t (*read)(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			uint64_t off);
	void *ctx;
};

struct ckpt_tree {
	struct ckpt_task *task; /* owned */
	struct ckpt_entry *v;	/* v[0] is the root directory; order = inode order */
	uint32_t n;
	uint32_t *by_path;     /* indices sorted by path, for ckpt_tree_find() */
	struct timespec mtime; /* the moment of the freeze */
	struct ckpt_page_reader reader;
	pthread_mutex_t lock; /* for what is computed at first read: sums, manifest */
	char *manifest;	      /* NULL until read */
};

/* Takes task over, also on failure. reader may be NULL: pages then give EIO. */
int ckpt_tree_new(struct ckpt_task *task, const struct ckpt_page_reader *reader,
		  struct ckpt_tree **out, struct ckpt_err *err);
void ckpt_tree_free(struct ckpt_tree *tree);

/* Index of the entry with that path ("" is 0), or -ENOENT. */
int64_t ckpt_tree_find(const struct ckpt_tree *tree, const char *path);

/* Reads file contents; returns bytes (less than len only at the end), or a negative errno. */
ssize_t ckpt_tree_read(struct ckpt_tree *tree, uint32_t index, void *buf, size_t len, uint64_t off,
		       struct ckpt_err *err);

/* ---- a view: a tree with other contents here and there (tree_view.c) ---- */

/* Entries, order and numbers are those of base, and whatever was not changed is base's, so base
 * must stay. Changes only before anybody reads. reader gets entries of the view, and their
 * index is as in base. NULL when out of memory. */
struct ckpt_tree *ckpt_tree_view_new(const struct ckpt_tree *base,
				     const struct ckpt_page_reader *reader);
void ckpt_tree_view_free(struct ckpt_tree *view);
/* text and when stay the caller's. `manifest` follows; with pages `sums` too (-ENOMEM). */
void ckpt_tree_view_set_text(struct ckpt_tree *view, uint32_t index, char *text, uint64_t size,
			     const struct timespec *when);
int ckpt_tree_view_set_pages(struct ckpt_tree *view, uint32_t index, const struct timespec *when);

/* ---- for the way back ---- */

/* Bytes of one text file, and of all of them: more is refused at the freeze and at the restore,
 * since it is held in memory then. A VMA with a million runs has 40 MiB. */
#define CKPT_TEXT_MAX	(64ull << 20)
#define CKPT_TEXT_TOTAL (256ull << 20)

/* What the table says of a path in a tree ("cpu", "vmas/00007f.../pages"): its kind, or -ENOENT.
 * A pages file may also be called pages.gz: *gz is set (may be NULL). */
int ckpt_node_kind_of(const char *path, bool *gz);

/* Parses one text file into task (into a new element for vmas/N and so on). */
int ckpt_node_parse(struct ckpt_task *task, const char *path, const char *text, size_t len,
		    struct ckpt_err *err);

/* Once all files are parsed: puts every collection in ascending order of its keys. -EINVAL if an
 * element came twice. */
int ckpt_task_sort(struct ckpt_task *task, struct ckpt_err *err);

/* Whether a manifest lists every file that the format demands: all at the top, and in each
 * directory of a collection all of its files. -EINVAL names the first that is missing. */
struct ckpt_manifest;
int ckpt_node_check_list(const struct ckpt_manifest *m, struct ckpt_err *err);

/* Frees what a task owns, but not the task: for ckpt_task_free(). */
void ckpt_node_fini(struct ckpt_task *task);

/* Calls fn for every text file the format knows: name as in ckptfs(5) and its codec. */
void ckpt_node_each_codec(void (*fn)(const char *name, const struct ckpt_codec *codec, void *arg),
			  void *arg);

#endif
