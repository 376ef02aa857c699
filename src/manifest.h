/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Digests, and the file `manifest` that lists every file of a tree.
 *
 *	file PATH SIZE DIGEST	SIZE: 16 decimal digits; DIGEST: 32 hex digits
 *	file PATH edited	somebody changed it on purpose: its size and digest are not checked
 *	end COUNT
 *
 * DIGEST is XXH3-128 (as xxh128sum prints it) of the file; that of a `pages` file is the digest
 * of the `sums` text that belongs to it, so that pages are hashed once, in chunks of 1 MiB, in
 * any order. SIZE and DIGEST are of uncompressed contents.
 */
#ifndef CKPT_MANIFEST_H
#define CKPT_MANIFEST_H

#include <stdint.h>
#include "buf.h"
#include "err.h"

#define CKPT_MANIFEST_NAME "manifest"
#define CKPT_DIGEST_HEX	   32

/* More is refused: a file for each of 349,000 mappings, three times; and bytes for their lines. */
#define CKPT_MANIFEST_FILES (1u << 20)
#define CKPT_MANIFEST_MAX   (128ull << 20)

struct ckpt_digest {
	uint8_t v[16]; /* canonical (big endian) XXH3-128 */
};

void ckpt_digest_of(const void *data, size_t len, struct ckpt_digest *out);
void ckpt_digest_hex(const struct ckpt_digest *d, char hex[CKPT_DIGEST_HEX + 1]);
bool ckpt_digest_equal(const struct ckpt_digest *a, const struct ckpt_digest *b);

struct ckpt_manifest_line {
	char *path;
	uint64_t size;
	struct ckpt_digest digest;
	bool edited;
};

struct ckpt_manifest {
	struct ckpt_manifest_line *v; /* sorted by path (strcmp) after parsing */
	size_t n, cap;
};

/* -EINVAL names the line: junk, a duplicate path, a path that is absolute or has `.`, `..` or
 * empty components, a path the format does not know, a wrong count, no end, more files
 * than CKPT_MANIFEST_FILES. */
int ckpt_manifest_parse(const char *text, size_t len, struct ckpt_manifest *out,
			struct ckpt_err *err);
void ckpt_manifest_fini(struct ckpt_manifest *m);

/* The line of that path, or NULL. */
const struct ckpt_manifest_line *ckpt_manifest_find(const struct ckpt_manifest *m,
						    const char *path);

/* Prints one line; exact width: strlen(word) + CKPT_MANIFEST_LINE. */
void ckpt_manifest_print_line(struct ckpt_buf *buf, const char *path, uint64_t size,
			      const struct ckpt_digest *digest);
#define CKPT_MANIFEST_LINE (sizeof("file ") - 1 + 1 + 16 + 1 + CKPT_DIGEST_HEX + 1)

/* The text of a `sums` file from the digests of its chunks; and its exact length beforehand. */
void ckpt_sums_print(struct ckpt_buf *buf, const struct ckpt_digest *sums, uint64_t nchunks);
uint64_t ckpt_sums_size(uint64_t nchunks);

/* Hashes a file that arrives in pieces, in order. kind pages: chunk digests, then the digest of
 * their sums text; every other kind: the digest of the contents. */
struct ckpt_hasher;
struct ckpt_hasher *ckpt_hasher_new(bool pages); /* NULL when out of memory */
int ckpt_hasher_add(struct ckpt_hasher *h, const void *data, size_t len);
int ckpt_hasher_end(struct ckpt_hasher *h, uint64_t *size, struct ckpt_digest *out);
void ckpt_hasher_free(struct ckpt_hasher *h);

#endif
