/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contents of one staged file: bytes in chunks of 1 MiB, paid for by one user, with a
 * digest that is computed along while the file is written in order.
 *
 * Not locked: stage.h says who may touch a file when.
 */
#ifndef CKPT_BLOB_H
#define CKPT_BLOB_H

#include <stdint.h>
#include <sys/types.h>
#include "buf.h"
#include "manifest.h"

struct ckpt_chunk {
	void *mem; /* NULL: a hole: zero, or the base */
	size_t cap;
};

/* Where the bytes come from that nobody wrote. All of len, or a negative errno. */
struct ckpt_blob_base {
	ssize_t (*read)(void *ctx, uint64_t key, void *buf, size_t len, uint64_t off);
	void *ctx;
	uint64_t key;
};

struct ckpt_blob {
	uid_t uid; /* who pays */
	uint64_t size;
	CKPT_VEC(struct ckpt_chunk) chunks; /* may be shorter than size: holes */
	struct ckpt_hasher *hasher; /* has seen the first `hashed` bytes; NULL: hash all again */
	uint64_t hashed;
	bool pages;	 /* which digest the hasher computes (manifest.h) */
	bool has_digest; /* digest is that of the contents as they are, of kind `pages` */
	struct ckpt_digest digest;
	struct ckpt_blob_base base; /* of the first base_size bytes where there is no chunk */
	uint64_t base_size;
};

/* pages: the digest that will be asked for; a wrong guess only costs a second pass. */
void ckpt_blob_init(struct ckpt_blob *b, uid_t uid, bool pages);
void ckpt_blob_fini(struct ckpt_blob *b);

/* Bytes written, fewer than len when the stage is full; or -ENOSPC, -ENOMEM, an error of the
 * base. */
ssize_t ckpt_blob_write(struct ckpt_blob *b, const void *buf, size_t len, uint64_t off);
/* Bytes read, less than len only at the end. */
ssize_t ckpt_blob_read(const struct ckpt_blob *b, void *buf, size_t len, uint64_t off);
int ckpt_blob_truncate(struct ckpt_blob *b, uint64_t size);

/* Frees the chunks that lie within [off, off + len) whole; they read as zero afterwards. */
void ckpt_blob_drop(struct ckpt_blob *b, uint64_t off, uint64_t len);

/* An empty blob becomes a copy on write of size bytes that are somewhere else. */
void ckpt_blob_set_base(struct ckpt_blob *b, const struct ckpt_blob_base *base, uint64_t size);

/* b's base was what `under` shows. Takes that over, chunk by chunk: afterwards `under` is empty
 * and the base of b is that of `under`. Both are paid for by the same user. -ENOMEM: as before. */
int ckpt_blob_merge(struct ckpt_blob *b, struct ckpt_blob *under);

int ckpt_blob_digest(struct ckpt_blob *b, bool pages, struct ckpt_digest *out);

#endif
