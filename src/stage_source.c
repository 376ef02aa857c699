// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A staged tree as a source for ckpt_restore(): only between begin and end, when nobody else
 * may change the tree, so without its lock.
 */
#include "stage.h"

#include <errno.h>
#include <stdlib.h>

static struct ckpt_stage *stage_of(struct ckpt_source *src)
{
	return (struct ckpt_stage *)((char *)src - offsetof(struct ckpt_stage, source));
}

static struct ckpt_stage_node *source_file(struct ckpt_source *src, const char *path)
{
	struct ckpt_stage_node *node = ckpt_stage_find(stage_of(src), path);

	return node && S_ISREG(node->mode) ? node : NULL;
}

static int source_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	struct ckpt_stage_node *node = source_file(src, path);

	if (!node)
		return -ENOENT;
	*size = node->blob.size;
	return 0;
}

static ssize_t source_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
			   uint64_t off)
{
	struct ckpt_stage_node *node = source_file(src, path);

	return node ? ckpt_blob_read(&node->blob, buf, len, off) : -ENOENT;
}

static void source_drop(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len)
{
	struct ckpt_stage_node *node = source_file(src, path);

	if (node)
		ckpt_blob_drop(&node->blob, off, len);
}

static int source_each(struct ckpt_source *src, int (*fn)(const char *path, void *arg), void *arg)
{
	struct ckpt_stage *s = stage_of(src);
	int ret = 0;

	for (size_t i = 0; i < s->nodes.n && !ret; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];
		char *path;

		if (!node || !node->dir || !S_ISREG(node->mode))
			continue;
		path = ckpt_stage_path(node);
		ret = path ? fn(path, arg) : -ENOMEM;
		free(path);
	}
	return ret;
}

const struct ckpt_source_ops ckpt_stage_source_ops = {
	.size = source_size,
	.read = source_read,
	.drop = source_drop,
	.each = source_each,
};
