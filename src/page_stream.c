// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The contents of one `pages` file in ascending order, whether it is stored as it is or
 * compressed by gzip(1). Memory is bounded whatever the file says; what was consumed is given
 * back to the source, so that a staged tree shrinks while its process grows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "buf.h"
#include "source.h"
#include "task.h"

#define STORED_BUF (256u << 10)
#define GZIP_ONLY  (16 + MAX_WBITS) /* inflateInit2(): expect a gzip header */
#define DROP_STEP  CKPT_CHUNK_SIZE

struct ckpt_page_stream {
	struct ckpt_source *src;
	char *path;	  /* as stored: pages or pages.gz */
	uint64_t off;	  /* of the next byte of the stored file to be read */
	uint64_t dropped; /* stored bytes given back */
	bool keep;	  /* nothing is given back */
	bool gz;
	bool member_end;  /* gz: between two members, or at the end */
	uint64_t members; /* gz: that ended well */
	z_stream z;
	uint8_t *stored; /* gz: input of z */
};

static int open_gz(struct ckpt_page_stream *s)
{
	s->stored = malloc(STORED_BUF);
	if (!s->stored)
		return -ENOMEM;
	return inflateInit2(&s->z, GZIP_ONLY) == Z_OK ? 0 : -ENOMEM;
}

int ckpt_page_stream_open(struct ckpt_source *src, const char *path, struct ckpt_page_stream **out,
			  struct ckpt_err *err)
{
	struct ckpt_page_stream *s = calloc(1, sizeof(*s));
	uint64_t size;
	int ret;

	if (!s || asprintf(&s->path, "%s.gz", path) < 0) {
		free(s);
		return ckpt_fail(err, ENOMEM, "%s: out of memory", path);
	}
	s->src = src;
	s->keep = !src->ops->drop;
	s->gz = true;
	ret = src->ops->size(src, path, &size);
	if (ret == 0) {
		s->path[strlen(path)] = '\0';
		s->gz = false;
	} else if (ret == -ENOENT) {
		ret = src->ops->size(src, s->path, &size);
	}
	if (ret == 0 && s->gz)
		ret = open_gz(s);
	if (ret < 0) {
		ckpt_page_stream_close(s);
		return ckpt_fail(err, -ret, "%s: %s", path, strerror(-ret));
	}
	*out = s;
	return 0;
}

void ckpt_page_stream_close(struct ckpt_page_stream *s)
{
	if (!s)
		return;
	if (s->gz)
		inflateEnd(&s->z); /* harmless where it was not initialized: state is NULL */
	free(s->stored);
	free(s->path);
	free(s);
}

void ckpt_page_stream_keep(struct ckpt_page_stream *s)
{
	s->keep = true;
}

/* Gives back whole steps of what lies before byte upto of the stored file. */
static void drop(struct ckpt_page_stream *s, uint64_t upto)
{
	uint64_t len = (upto - s->dropped) / DROP_STEP * DROP_STEP;

	if (!len || s->keep)
		return;
	s->src->ops->drop(s->src, s->path, s->dropped, len);
	s->dropped += len;
}

/* Reads the next stored bytes; 0 at the end. */
static ssize_t read_stored(struct ckpt_page_stream *s, void *buf, size_t len, struct ckpt_err *err)
{
	ssize_t got = s->src->ops->read(s->src, s->path, buf, len, s->off);

	if (got < 0)
		return ckpt_fail(err, -got, "%s: can't read it: %s", s->path, strerror(-got));
	s->off += got;
	return got;
}

static int fail_short(struct ckpt_page_stream *s, struct ckpt_err *err)
{
	return ckpt_fail(err, EINVAL, "%s: shorter than its runs", s->path);
}

static int read_plain(struct ckpt_page_stream *s, uint8_t *buf, size_t len, struct ckpt_err *err)
{
	while (len) {
		ssize_t got = read_stored(s, buf, len, err);

		if (got < 0)
			return got;
		if (!got)
			return fail_short(s, err);
		buf += got;
		len -= got;
	}
	drop(s, s->off);
	return 0;
}

/* Makes input available to z: 1, or 0 at the end of the file, which is fine between members. */
static int fill(struct ckpt_page_stream *s, struct ckpt_err *err)
{
	ssize_t got;

	if (s->z.avail_in)
		return 1;
	drop(s, s->off);
	got = read_stored(s, s->stored, STORED_BUF, err);
	if (got < 0)
		return got;
	s->z.next_in = s->stored;
	s->z.avail_in = got;
	if (got)
		return 1;
	if (s->member_end)
		return 0;
	return ckpt_fail(err, EINVAL, "%s: its compressed data ends too early; it is cut off",
			 s->path);
}

static int fail_inflate(struct ckpt_page_stream *s, int code, struct ckpt_err *err)
{
	if (code == Z_MEM_ERROR)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", s->path);
	/* zlib says the same of a file that is not gzip's and of junk after a member. */
	if (s->z.total_out == 0 && s->members)
		return ckpt_fail(err, EINVAL, "%s: something follows its compressed data", s->path);
	return ckpt_fail(err, EINVAL, "%s: its compressed data is damaged (%s)", s->path,
			 s->z.msg ? s->z.msg : "bad data");
}

/* Inflates up to len bytes; bytes got, 0 at the end of the contents. A file may be several gzip
 * members one after the other (gzip(1), "ADVANCED USAGE"). */
static ssize_t inflate_some(struct ckpt_page_stream *s, uint8_t *buf, size_t len,
			    struct ckpt_err *err)
{
	s->z.next_out = buf;
	s->z.avail_out = len < STORED_BUF ? len : STORED_BUF;
	len = s->z.avail_out;
	while (s->z.avail_out == len) {
		int ret = fill(s, err);

		if (ret <= 0)
			return ret;
		if (s->member_end)
			inflateReset(&s->z);
		s->member_end = false;
		ret = inflate(&s->z, Z_NO_FLUSH);
		/* Z_BUF_ERROR: it needs more input, which the next round brings. */
		if (ret != Z_OK && ret != Z_STREAM_END && ret != Z_BUF_ERROR)
			return fail_inflate(s, ret, err);
		s->member_end = ret == Z_STREAM_END;
		s->members += s->member_end;
	}
	return len - s->z.avail_out;
}

static int read_gz(struct ckpt_page_stream *s, uint8_t *buf, size_t len, struct ckpt_err *err)
{
	while (len) {
		ssize_t got = inflate_some(s, buf, len, err);

		if (got < 0)
			return got;
		if (!got)
			return fail_short(s, err);
		buf += got;
		len -= got;
	}
	return 0;
}

int ckpt_page_stream_read(struct ckpt_page_stream *s, void *buf, size_t len, struct ckpt_err *err)
{
	return s->gz ? read_gz(s, buf, len, err) : read_plain(s, buf, len, err);
}

int ckpt_page_stream_end(struct ckpt_page_stream *s, struct ckpt_err *err)
{
	uint8_t byte;
	ssize_t got = s->gz ? inflate_some(s, &byte, 1, err) : read_stored(s, &byte, 1, err);

	if (got < 0)
		return got;
	if (got)
		return ckpt_fail(err, EINVAL, "%s: longer than its runs", s->path);
	if (!s->keep && s->off > s->dropped)
		s->src->ops->drop(s->src, s->path, s->dropped, s->off - s->dropped);
	s->dropped = s->off;
	return 0;
}
