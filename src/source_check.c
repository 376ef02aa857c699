// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds a whole tree against its manifest before a restore by reference.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"
#include "restore.h"
#include "tree.h"

#define PIECE (1u << 20) /* bytes read at a time */

struct listed {
	struct ckpt_source *src;
	const struct ckpt_manifest *m;
	struct ckpt_err *err;
};

/* Of a pages file and a compressed one beside it nobody could say which of them counts. */
static int check_alone(struct listed *l, const char *path, const char *plain)
{
	uint64_t size;

	if (l->src->ops->size(l->src, plain, &size) == -ENOENT)
		return 0;
	return ckpt_fail(l->err, EINVAL, "%s: %s is there too: one of them must go", path, plain);
}

static int check_listed(const char *path, void *arg)
{
	struct listed *l = arg;
	char plain[256];
	size_t len = strlen(path);
	bool gz;

	if (!strcmp(path, CKPT_MANIFEST_NAME) || ckpt_manifest_find(l->m, path))
		return 0;
	if (ckpt_node_kind_of(path, &gz) == CKPT_NODE_PAGES && gz && len - 3 < sizeof(plain)) {
		memcpy(plain, path, len - 3);
		plain[len - 3] = '\0';
		if (ckpt_manifest_find(l->m, plain))
			return check_alone(l, path, plain);
	}
	return ckpt_fail(l->err, EINVAL, "%s: is not listed in the manifest", path);
}

static int hash_text(struct ckpt_source *src, const char *path, uint64_t size,
		     struct ckpt_hasher *hasher, void *buf, struct ckpt_err *err)
{
	for (uint64_t off = 0; off < size;) {
		size_t want = size - off < PIECE ? size - off : PIECE;
		ssize_t got = src->ops->read(src, path, buf, want, off);

		if (got <= 0)
			return ckpt_fail(err, got < 0 ? (int)-got : EINVAL, "%s: can't be read",
					 path);
		if (ckpt_hasher_add(hasher, buf, (size_t)got))
			return ckpt_fail(err, ENOMEM, "no memory to check %s", path);
		off += (uint64_t)got;
	}
	return 0;
}

static int hash_pages(struct ckpt_source *src, const char *path, uint64_t size,
		      struct ckpt_hasher *hasher, void *buf, struct ckpt_err *err)
{
	struct ckpt_page_stream *stream;
	int ret = ckpt_page_stream_open(src, path, &stream, err);

	if (ret)
		return ret;
	ckpt_page_stream_keep(stream);
	for (uint64_t off = 0; !ret && off < size; off += PIECE) {
		size_t want = size - off < PIECE ? size - off : PIECE;

		ret = ckpt_page_stream_read(stream, buf, want, err);
		if (!ret && ckpt_hasher_add(hasher, buf, want))
			ret = ckpt_fail(err, ENOMEM, "no memory to check %s", path);
	}
	if (!ret)
		ret = ckpt_page_stream_end(stream, err);
	ckpt_page_stream_close(stream);
	return ret;
}

static int check_size(struct ckpt_source *src, const struct ckpt_manifest_line *line,
		      struct ckpt_err *err)
{
	uint64_t size;
	int ret = src->ops->size(src, line->path, &size);

	if (ret == -ENOENT && ckpt_node_kind_of(line->path, NULL) == CKPT_NODE_PAGES)
		return 0; /* pages.gz: the stream will tell */
	if (ret)
		return ckpt_fail(err, ret == -ENOENT ? EINVAL : -ret, "%s: %s", line->path,
				 ret == -ENOENT ? "missing, or no regular file" : strerror(-ret));
	if (!line->edited && size != line->size)
		return ckpt_fail(
			err, EINVAL,
			"%s: %llu bytes, the manifest says %llu (`file %s edited` there accepts "
			"a change made on purpose)",
			line->path, (unsigned long long)size, (unsigned long long)line->size,
			line->path);
	return 0;
}

static int check_line(struct ckpt_source *src, const struct ckpt_manifest_line *line, void *buf,
		      struct ckpt_err *err)
{
	bool pages = ckpt_node_kind_of(line->path, NULL) == CKPT_NODE_PAGES;
	struct ckpt_hasher *hasher;
	struct ckpt_digest digest;
	uint64_t size;
	int ret = check_size(src, line, err);

	if (ret || line->edited)
		return ret;
	hasher = ckpt_hasher_new(pages);
	if (!hasher)
		return ckpt_fail(err, ENOMEM, "no memory to check %s", line->path);
	ret = (pages ? hash_pages : hash_text)(src, line->path, line->size, hasher, buf, err);
	if (!ret && ckpt_hasher_end(hasher, &size, &digest))
		ret = ckpt_fail(err, ENOMEM, "no memory to check %s", line->path);
	if (!ret && !ckpt_digest_equal(&digest, &line->digest))
		ret = ckpt_fail(
			err, EINVAL,
			"%s: damaged: its digest is not the manifest's (`file %s edited` there "
			"accepts a change made on purpose)",
			line->path, line->path);
	ckpt_hasher_free(hasher);
	return ret;
}

int ckpt_source_check(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_err *err)
{
	struct listed l = {src, m, err};
	void *buf = malloc(PIECE);
	int ret = buf ? ckpt_manifest_check_sizes(m, err)
		      : ckpt_fail(err, ENOMEM, "no memory to check the tree");

	if (!ret)
		ret = src->ops->each(src, check_listed, &l);

	if (ret && err && !err->code)
		ckpt_fail(err, -ret, "the tree can't be walked: %s", strerror(-ret));
	for (size_t i = 0; !ret && i < m->n; i++)
		ret = check_line(src, &m->v[i], buf, err);
	free(buf);
	return ret;
}
