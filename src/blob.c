// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The contents of one staged file. A chunk grows by doubling, at first in the heap; beyond
 * 64 KiB it is a mapping of its own, so that what is not written takes no memory and freeing it
 * gives the memory back.
 */
#include "blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chunks.h"
#include "quota.h"
#include "task.h"

#define CHUNK	 ((size_t)CKPT_CHUNK_SIZE)
#define HEAP_MIN 512u
#define HEAP_MAX 65536u

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void ckpt_blob_init(struct ckpt_blob *b, uid_t uid, bool pages)
{
	*b = (struct ckpt_blob){.uid = uid, .pages = pages, .hasher = ckpt_hasher_new(pages)};
}

static void chunk_free(struct ckpt_blob *b, struct ckpt_chunk *c)
{
	if (!c->mem)
		return;
	if (c->cap > HEAP_MAX)
		ckpt_chunk_free(c->mem, c->cap);
	else
		free(c->mem);
	ckpt_quota_give(b->uid, c->cap);
	*c = (struct ckpt_chunk){0};
}

static void hash_drop(struct ckpt_blob *b)
{
	ckpt_hasher_free(b->hasher);
	b->hasher = NULL;
	b->hashed = 0;
	b->has_digest = false;
}

void ckpt_blob_fini(struct ckpt_blob *b)
{
	for (size_t i = 0; i < b->chunks.n; i++)
		chunk_free(b, &b->chunks.v[i]);
	CKPT_VEC_FINI(&b->chunks);
	hash_drop(b);
	b->size = b->base_size = 0;
}

void ckpt_blob_set_base(struct ckpt_blob *b, const struct ckpt_blob_base *base, uint64_t size)
{
	b->base = *base;
	b->size = b->base_size = size;
	b->has_digest = false;
}

/* How many of the bytes of chunk i come from the base while it is a hole. */
static size_t base_len(const struct ckpt_blob *b, uint64_t i)
{
	uint64_t left = i * CHUNK < b->base_size ? b->base_size - i * CHUNK : 0;

	return left < CHUNK ? (size_t)left : CHUNK;
}

static int base_read(const struct ckpt_blob *b, void *buf, size_t len, uint64_t off)
{
	ssize_t n = len ? b->base.read(b->base.ctx, b->base.key, buf, len, off) : 0;

	return n < 0 ? (int)n : (size_t)n < len ? -EIO : 0;
}

static void zero_tail(struct ckpt_chunk *c, size_t from)
{
	if (c->cap > from)
		memset((char *)c->mem + from, 0, c->cap - from);
}

int ckpt_blob_merge(struct ckpt_blob *b, struct ckpt_blob *under)
{
	while (b->chunks.n < under->chunks.n)
		if (!CKPT_VEC_ADD(&b->chunks))
			return -ENOMEM;
	for (size_t i = 0; i < under->chunks.n; i++) {
		struct ckpt_chunk *from = &under->chunks.v[i], *to = &b->chunks.v[i];
		size_t seen = base_len(b, i);

		if (to->mem || !seen)
			continue;
		*to = *from;
		*from = (struct ckpt_chunk){0};
		zero_tail(to, seen);
	}
	b->base = under->base;
	b->base_size = min_u64(b->base_size, under->base_size);
	ckpt_blob_fini(under);
	return 0;
}

/* Memory of another capacity with the same contents, zero behind them; takes c->mem over
 * unless it fails. */
static void *chunk_realloc(const struct ckpt_chunk *c, size_t cap)
{
	void *mem;

	if (cap <= HEAP_MAX) {
		mem = realloc(c->mem, cap);
		if (mem)
			memset((char *)mem + c->cap, 0, cap - c->cap);
		return mem;
	}
	if (c->cap > HEAP_MAX)
		return ckpt_chunk_resize(c->mem, c->cap, cap);
	mem = ckpt_chunk_resize(NULL, 0, cap);
	if (mem && c->mem) {
		memcpy(mem, c->mem, c->cap);
		free(c->mem);
	}
	return mem;
}

/* Makes room for the first `need` bytes of a chunk. */
static int chunk_grow(struct ckpt_blob *b, struct ckpt_chunk *c, size_t need)
{
	size_t cap = HEAP_MIN;
	void *mem;
	int ret;

	if (need <= c->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	ret = ckpt_quota_take(b->uid, cap - c->cap);
	if (ret)
		return ret;
	mem = need == CHUNK && !c->mem ? ckpt_chunk_new() : chunk_realloc(c, cap);
	if (!mem) {
		ckpt_quota_give(b->uid, cap - c->cap);
		return -ENOMEM;
	}
	*c = (struct ckpt_chunk){mem, cap};
	return 0;
}

/* A chunk with room for the first `need` bytes, with what it shows of the base in it. */
static int chunk_at(struct ckpt_blob *b, uint64_t index, size_t need, struct ckpt_chunk **out)
{
	struct ckpt_chunk *c;
	size_t under;
	int ret;

	while (b->chunks.n <= index)
		if (!CKPT_VEC_ADD(&b->chunks))
			return -ENOMEM;
	*out = c = &b->chunks.v[index];
	under = c->mem ? 0 : base_len(b, index);
	ret = chunk_grow(b, c, need > under ? need : under);
	if (!ret && under) {
		ret = base_read(b, c->mem, under, index * CHUNK);
		if (ret)
			chunk_free(b, c);
	}
	return ret;
}

static void hash_written(struct ckpt_blob *b, const void *buf, size_t len, uint64_t off)
{
	b->has_digest = false;
	if (!b->hasher || off > b->hashed)
		return;
	if (off < b->hashed || ckpt_hasher_add(b->hasher, buf, len))
		hash_drop(b);
	else
		b->hashed += len;
}

ssize_t ckpt_blob_write(struct ckpt_blob *b, const void *buf, size_t len, uint64_t off)
{
	size_t done = 0;
	int ret = 0;

	if (off > ckpt_quota_limit() || len > ckpt_quota_limit() - off)
		return -ENOSPC;
	while (done < len) {
		uint64_t at = off + done;
		size_t in = at % CHUNK, part = min_size(len - done, CHUNK - in);
		struct ckpt_chunk *c;

		ret = chunk_at(b, at / CHUNK, in + part, &c);
		if (ret)
			break;
		memcpy((char *)c->mem + in, (const char *)buf + done, part);
		done += part;
	}
	if (done) {
		hash_written(b, buf, done, off);
		if (off + done > b->size)
			b->size = off + done;
	}
	return done || !ret ? (ssize_t)done : ret;
}

ssize_t ckpt_blob_read(const struct ckpt_blob *b, void *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	if (off >= b->size)
		return 0;
	if (len > b->size - off)
		len = (size_t)(b->size - off);
	while (done < len) {
		uint64_t at = off + done;
		size_t in = at % CHUNK, part = min_size(len - done, CHUNK - in), have = 0;
		const struct ckpt_chunk *c = NULL;
		int ret;

		if (at / CHUNK < b->chunks.n)
			c = &b->chunks.v[at / CHUNK];
		if (c && c->mem) {
			have = c->cap > in ? min_size(part, c->cap - in) : 0;
			memcpy((char *)buf + done, (const char *)c->mem + in, have);
		} else if (base_len(b, at / CHUNK) > in) {
			have = min_size(part, base_len(b, at / CHUNK) - in);
			ret = base_read(b, (char *)buf + done, have, at);
			if (ret)
				return ret;
		}
		memset((char *)buf + done + have, 0, part - have);
		done += part;
	}
	return (ssize_t)done;
}

int ckpt_blob_truncate(struct ckpt_blob *b, uint64_t size)
{
	if (size > ckpt_quota_limit())
		return -ENOSPC;
	if (size == b->size)
		return 0;
	b->has_digest = false;
	if (size < b->size) {
		uint64_t keep = (size + CHUNK - 1) / CHUNK;

		if (size < b->hashed)
			hash_drop(b);
		for (; b->chunks.n > keep; b->chunks.n--)
			chunk_free(b, &b->chunks.v[b->chunks.n - 1]);
		if (size % CHUNK && b->chunks.n == keep)
			zero_tail(&b->chunks.v[keep - 1], size % CHUNK);
		b->base_size = min_u64(b->base_size, size);
		if (!size && !b->hasher)
			b->hasher = ckpt_hasher_new(b->pages);
	}
	b->size = size;
	return 0;
}

void ckpt_blob_drop(struct ckpt_blob *b, uint64_t off, uint64_t len)
{
	uint64_t end = off + len;

	/* The last chunk is whole when the range reaches the end of the file. */
	if (end >= b->size)
		end = (uint64_t)b->chunks.n * CHUNK;
	for (uint64_t i = (off + CHUNK - 1) / CHUNK; (i + 1) * CHUNK <= end && i < b->chunks.n; i++)
		chunk_free(b, &b->chunks.v[i]);
}

/* Gives the hasher what it has not seen: all of it after writes that were out of order. */
static int hash_rest(struct ckpt_blob *b)
{
	char *buf = b->hashed < b->size ? malloc(CHUNK) : NULL;
	int ret = 0;

	while (!ret && b->hashed < b->size) {
		ssize_t n = buf ? ckpt_blob_read(b, buf, CHUNK, b->hashed) : -ENOMEM;

		ret = n < 0 ? (int)n : ckpt_hasher_add(b->hasher, buf, (size_t)n);
		if (!ret)
			b->hashed += (uint64_t)n;
	}
	free(buf);
	return ret;
}

int ckpt_blob_digest(struct ckpt_blob *b, bool pages, struct ckpt_digest *out)
{
	uint64_t size;
	int ret;

	if (!b->has_digest || b->pages != pages) {
		if (!b->hasher || b->pages != pages) {
			hash_drop(b);
			b->pages = pages;
			b->hasher = ckpt_hasher_new(pages);
			if (!b->hasher)
				return -ENOMEM;
		}
		ret = hash_rest(b);
		if (!ret)
			ret = ckpt_hasher_end(b->hasher, &size, &b->digest);
		hash_drop(b); /* an ended hasher takes no more */
		if (ret)
			return ret;
		b->has_digest = true;
	}
	*out = b->digest;
	return 0;
}
