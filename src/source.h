/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a tree to restore comes from: files staged in memory (stage.c) or a directory named by
 * a symbolic link (source_dir.c). Below here nobody knows which.
 *
 * Paths are relative to the tree's root and exactly as in the manifest; a compressed page file
 * is found by its own name ("vmas/N/pages.gz").
 */
#ifndef CKPT_SOURCE_H
#define CKPT_SOURCE_H

#include <stdint.h>
#include <sys/types.h>
#include "err.h"

struct ckpt_source;

struct ckpt_source_ops {
	/* 0 and the stored size; -ENOENT if there is no such regular file. */
	int (*size)(struct ckpt_source *src, const char *path, uint64_t *size);
	/* Bytes read, less than len only at the end of file; or a negative errno. */
	ssize_t (*read)(struct ckpt_source *src, const char *path, void *buf, size_t len,
			uint64_t off);
	/* The contents of [off, off + len) will not be read again: their memory may go. */
	void (*drop)(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len);
	/* Calls fn for every regular file; stops at the first non-zero result and returns it. */
	int (*each)(struct ckpt_source *src, int (*fn)(const char *path, void *arg), void *arg);
};

struct ckpt_source {
	const struct ckpt_source_ops *ops;
};

/* ---- a directory ---- */

/* Opens the tree at the absolute path as the caller who has these credentials would (cred.h);
 * needs a directory. Symbolic links inside the tree are never followed. */
struct ckpt_cred;
int ckpt_source_dir_open(const char *path, const struct ckpt_cred *who, struct ckpt_source **out,
			 struct ckpt_err *err);
void ckpt_source_dir_close(struct ckpt_source *src);

/* ---- uncompressed page files ---- */

/* Reads `pages` or, where only that is there, `pages.gz` (zlib), in ascending order. */
struct ckpt_page_stream;
int ckpt_page_stream_open(struct ckpt_source *src, const char *path, struct ckpt_page_stream **out,
			  struct ckpt_err *err);
/* What is read is given back to the source (ops->drop), unless this was called before reading:
 * for who only checks. */
void ckpt_page_stream_keep(struct ckpt_page_stream *s);
/* Exactly len bytes, else -EINVAL ("shorter than its runs"); */
int ckpt_page_stream_read(struct ckpt_page_stream *s, void *buf, size_t len, struct ckpt_err *err);
/* 0 at the end of the contents, else -EINVAL ("longer than its runs"). */
int ckpt_page_stream_end(struct ckpt_page_stream *s, struct ckpt_err *err);
void ckpt_page_stream_close(struct ckpt_page_stream *s);

#endif
