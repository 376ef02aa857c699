/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows of the tree's table, for node.c (which owns them) and tree.c (which lays a task out
 * by them). Everybody else uses tree.h.
 */
#ifndef CKPT_NODE_H
#define CKPT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tree.h"

/* A directory with one entry for each element of a vec of the task, named by the element's key. */
struct ckpt_collection {
	size_t vec; /* in struct ckpt_task */
	size_t esize;
	size_t key; /* in the element: a uint64_t */
	void (*key_print)(uint64_t key, char *name, size_t size);
	bool (*key_parse)(const char *name, size_t len, uint64_t *key);
	bool key_in_text;		 /* the element's text has the key too: both must agree */
	const char *placeholder;	 /* for the manual: "N" */
	const struct ckpt_node_row *row; /* of each entry; its name is NULL */
};

/*
 * One row per file or directory. Offsets are in the object that the directory stands for: the
 * task at the top, the element in a collection.
 */
struct ckpt_node_row {
	const char *name;
	enum ckpt_node_kind kind;
	size_t off;			       /* TEXT: of what codec prints; PAGES and SUMS: of
						  the struct ckpt_pages */
	const struct ckpt_codec *codec;	       /* TEXT */
	const struct ckpt_collection *entries; /* DIR: either these ... */
	const struct ckpt_node_row *rows;      /* ... or these */
	size_t nrows;
};

extern const struct ckpt_node_row ckpt_node_root;

#endif
