/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growing text buffers and growing arrays.
 */
#ifndef CKPT_BUF_H
#define CKPT_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include "err.h"

/* A text buffer. A failed allocation sets failed and drops what follows: test it once. */
struct ckpt_buf {
	char *data; /* NUL-terminated when not NULL */
	size_t len;
	size_t cap;
	bool failed;
};

void ckpt_buf_put(struct ckpt_buf *buf, const char *data, size_t len);
void ckpt_buf_puts(struct ckpt_buf *buf, const char *text);
void ckpt_buf_printf(struct ckpt_buf *buf, const char *fmt, ...) CKPT_PRINTF(2, 3);
void ckpt_buf_fini(struct ckpt_buf *buf);

/* The number of the line in which the first NUL byte stands, counted from 1; 0: there is none. */
size_t ckpt_text_nul_line(const char *text, size_t len);

/* An array of T that owns its memory: .v elements, .n in use. Zeroed memory is an empty one. */
#define CKPT_VEC(T)                                                                                \
	struct {                                                                                   \
		T *v;                                                                              \
		size_t n, cap;                                                                     \
	}

/* What every CKPT_VEC looks like to code that does not know T. */
struct ckpt_vec {
	void *v;
	size_t n, cap;
};

/* Adds one zeroed element and returns it; NULL when out of memory. */
void *ckpt_vec_add(struct ckpt_vec *vec, size_t size);
#define CKPT_VEC_ADD(vec)  (ckpt_vec_add((struct ckpt_vec *)(vec), sizeof(*(vec)->v)))
#define CKPT_VEC_FINI(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

#endif
