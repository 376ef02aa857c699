// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The digests of the 1 MiB chunks of one `pages` file: learned in passing from whoever reads the
 * pages, so that `sums` and `manifest` cost nothing after a copy; computed when somebody asks
 * first.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "pages.h"

struct ckpt_sums {
	pthread_mutex_t lock; /* for known and digest */
	uint64_t size, nchunks;
	struct ckpt_digest *digest;
	bool *known;
};

struct ckpt_sums *ckpt_sums_new(uint64_t size)
{
	struct ckpt_sums *sums = calloc(1, sizeof(*sums));

	if (!sums)
		return NULL;
	pthread_mutex_init(&sums->lock, NULL);
	sums->size = size;
	sums->nchunks = size / CKPT_CHUNK_SIZE + (size % CKPT_CHUNK_SIZE != 0);
	sums->digest = calloc(sums->nchunks + 1, sizeof(*sums->digest));
	sums->known = calloc(sums->nchunks + 1, sizeof(*sums->known));
	if (sums->digest && sums->known)
		return sums;
	ckpt_sums_free(sums);
	return NULL;
}

void ckpt_sums_free(struct ckpt_sums *sums)
{
	if (!sums)
		return;
	pthread_mutex_destroy(&sums->lock);
	free(sums->digest);
	free(sums->known);
	free(sums);
}

uint64_t ckpt_sums_nchunks(const struct ckpt_sums *sums)
{
	return sums->nchunks;
}

/* Bytes of chunk i: the last one may be short. */
static size_t chunk_size(const struct ckpt_sums *sums, uint64_t i)
{
	uint64_t left = sums->size - i * CKPT_CHUNK_SIZE;

	return left < CKPT_CHUNK_SIZE ? left : CKPT_CHUNK_SIZE;
}

static bool chunk_known(struct ckpt_sums *sums, uint64_t i)
{
	bool known;

	pthread_mutex_lock(&sums->lock);
	known = sums->known[i];
	pthread_mutex_unlock(&sums->lock);
	return known;
}

/* Hashing is done outside the lock: two threads may do it twice, with the same result. */
static void learn(struct ckpt_sums *sums, uint64_t i, const void *data)
{
	struct ckpt_digest digest;

	ckpt_digest_of(data, chunk_size(sums, i), &digest);
	pthread_mutex_lock(&sums->lock);
	sums->digest[i] = digest;
	sums->known[i] = true;
	pthread_mutex_unlock(&sums->lock);
}

void ckpt_sums_note(struct ckpt_sums *sums, const void *data, size_t len, uint64_t off)
{
	uint64_t i = off / CKPT_CHUNK_SIZE + (off % CKPT_CHUNK_SIZE != 0);

	for (; i < sums->nchunks; i++) {
		uint64_t skip = i * CKPT_CHUNK_SIZE - off;

		if (skip > len || chunk_size(sums, i) > len - skip)
			return;
		if (!chunk_known(sums, i))
			learn(sums, i, (const char *)data + skip);
	}
}

int ckpt_sums_text(struct ckpt_sums *sums, const struct ckpt_page_reader *reader,
		   const struct ckpt_entry *entry, struct ckpt_buf *buf)
{
	char *chunk = NULL;
	int ret = 0;

	for (uint64_t i = 0; i < sums->nchunks; i++) {
		size_t want = chunk_size(sums, i);
		ssize_t got;

		if (chunk_known(sums, i))
			continue;
		if (!chunk)
			chunk = malloc(CKPT_CHUNK_SIZE);
		if (!chunk)
			return -ENOMEM;
		got = reader->read(reader->ctx, entry, chunk, want, i * CKPT_CHUNK_SIZE);
		if (got != (ssize_t)want) {
			ret = got < 0 ? (int)got : -EIO;
			break;
		}
		learn(sums, i, chunk);
	}
	free(chunk);
	if (ret == 0) {
		/* Every digest is known now and none changes any more. */
		ckpt_sums_print(buf, sums->digest, sums->nchunks);
		if (buf->failed)
			ret = -ENOMEM;
	}
	return ret;
}
