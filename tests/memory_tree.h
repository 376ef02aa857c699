/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree in memory, for what tries thousands of damages: a struct ckpt_source whose files can be
 * replaced one by one.
 */
#ifndef CKPT_MEMORY_TREE_H
#define CKPT_MEMORY_TREE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest.h"
#include "source.h"
#include "tree.h"

struct memory_file {
	char *path;
	const uint8_t *data; /* not owned */
	size_t len;
	bool missing;
};

struct memory_tree {
	struct ckpt_source src; /* first */
	CKPT_VEC(struct memory_file) files;
};

static struct memory_file *memory_tree_find(struct ckpt_source *src, const char *path)
{
	struct memory_tree *t = (struct memory_tree *)src;

	for (size_t i = 0; i < t->files.n; i++)
		if (!t->files.v[i].missing && !strcmp(t->files.v[i].path, path))
			return &t->files.v[i];
	return NULL;
}

static int memory_tree_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	const struct memory_file *f = memory_tree_find(src, path);

	if (!f)
		return -ENOENT;
	*size = f->len;
	return 0;
}

static ssize_t memory_tree_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
				uint64_t off)
{
	const struct memory_file *f = memory_tree_find(src, path);

	if (!f)
		return -ENOENT;
	if (off >= f->len)
		return 0;
	if (len > f->len - off)
		len = (size_t)(f->len - off);
	memcpy(buf, f->data + off, len);
	return (ssize_t)len;
}

static int memory_tree_each(struct ckpt_source *src, int (*fn)(const char *path, void *arg),
			    void *arg)
{
	struct memory_tree *t = (struct memory_tree *)src;
	int ret = 0;

	for (size_t i = 0; !ret && i < t->files.n; i++)
		if (!t->files.v[i].missing)
			ret = fn(t->files.v[i].path, arg);
	return ret;
}

static const struct ckpt_source_ops memory_tree_ops = {
	.size = memory_tree_size,
	.read = memory_tree_read,
	.each = memory_tree_each,
};

/* data must outlive the tree. */
static inline void memory_tree_add(struct memory_tree *t, const char *path, const void *data,
				   size_t len)
{
	struct memory_file *f = CKPT_VEC_ADD(&t->files);

	t->src.ops = &memory_tree_ops;
	if (!f || !(f->path = strdup(path)))
		abort();
	f->data = data;
	f->len = len;
}

static inline void memory_tree_fini(struct memory_tree *t)
{
	for (size_t i = 0; i < t->files.n; i++)
		free(t->files.v[i].path);
	CKPT_VEC_FINI(&t->files);
}

#endif
