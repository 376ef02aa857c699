/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading ahead: while a tool writes down what it got, the next piece is read already.
 *
 * One struct ckpt_ahead per open handle of a file that is worth it; it reads by calling back.
 * Buffers are exchanged, not copied. Any thread.
 */
#ifndef CKPT_FS_AHEAD_H
#define CKPT_FS_AHEAD_H

#include <stdint.h>
#include <sys/types.h>

#define CKPT_READ_MAX (1u << 20) /* size of every buffer */

struct ckpt_ahead;

/* Reads as pread(2) does, with negative errno. */
typedef ssize_t ckpt_ahead_read_fn(void *ctx, void *buf, size_t len, uint64_t off);

/* A buffer of CKPT_READ_MAX bytes, for free(3). */
void *ckpt_read_buffer_new(void);

/* size: of the file. NULL when out of memory; every function here takes NULL. */
struct ckpt_ahead *ckpt_ahead_new(ckpt_ahead_read_fn *read, void *ctx, uint64_t size);
/* Waits for a read that is in progress; nothing is read afterwards. */
void ckpt_ahead_free(struct ckpt_ahead *a);

/* If the piece at off was read ahead: exchanges *buf for it and returns its length, at most len;
 * else -EAGAIN and *buf is as it was. */
ssize_t ckpt_ahead_take(struct ckpt_ahead *a, void **buf, size_t len, uint64_t off);

/* Somebody reads [off, off + len): if that is in sequence, the piece after it is read. */
void ckpt_ahead_start(struct ckpt_ahead *a, size_t len, uint64_t off);

/* The threads that read. start: only after the fork into the background. */
int ckpt_ahead_threads_start(void);
void ckpt_ahead_threads_stop(void);

#endif
