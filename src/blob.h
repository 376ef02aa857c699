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
	void *mem; /* NULL: a hole, all zero */
	size_t cap;
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
};

/* pages: the digest that will be asked for; a wrong guess only costs a second pass. */
void ckpt_blob_init(struct ckpt_blob *b, uid_t uid, bool pages);
void ckpt_blob_fini(struct ckpt_blob *b);

/* Bytes written, fewer than len when the stage is full; or -ENOSPC, -ENOMEM. */
ssize_t ckpt_blob_write(struct ckpt_blob *b, const void *buf, size_t len, uint64_t off);
/* Bytes read, less than len only at the end. */
ssize_t ckpt_blob_read(const struct ckpt_blob *b, void *buf, size_t len, uint64_t off);
int ckpt_blob_truncate(struct ckpt_blob *b, uint64_t size);

/* Frees the chunks that lie within [off, off + len) whole; they read as zero afterwards. */
void ckpt_blob_drop(struct ckpt_blob *b, uint64_t off, uint64_t len);

int ckpt_blob_digest(struct ckpt_blob *b, bool pages, struct ckpt_digest *out);

#endif
