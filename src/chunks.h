/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for staged contents, in chunks of 1 MiB that are kept out of forks, so that building
 * a process next to gigabytes of stage costs nothing. Any thread.
 *
 * Most of what fresh memory costs is the kernel finding and clearing pages. While a stage is
 * being written a thread of its own does that a few chunks ahead.
 */
#ifndef CKPT_CHUNKS_H
#define CKPT_CHUNKS_H

#include <stddef.h>

/* A chunk of CKPT_CHUNK_SIZE zero bytes, all of it resident; NULL when out of memory. */
void *ckpt_chunk_new(void);

/* Zero bytes, resident when written; grows with old != NULL. Sizes are multiples of a page. */
void *ckpt_chunk_resize(void *old, size_t old_size, size_t size);

void ckpt_chunk_free(void *chunk, size_t size);

/* Ends the thread and frees what it holds. The next chunk starts it again. */
void ckpt_chunks_stop(void);

#endif
