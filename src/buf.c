// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Growing text buffers and growing arrays.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buf.h"

/* Room for more bytes and the final NUL. */
static bool reserve(struct ckpt_buf *buf, size_t more)
{
	size_t cap = buf->cap ? buf->cap : 64;
	char *data;

	if (buf->failed)
		return false;
	if (more < buf->cap && buf->len < buf->cap - more)
		return true;
	if (more >= SIZE_MAX / 2 - buf->len)
		goto failed;
	while (cap <= buf->len + more)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data)
		goto failed;
	buf->data = data;
	buf->cap = cap;
	return true;
failed:
	buf->failed = true;
	return false;
}

void ckpt_buf_put(struct ckpt_buf *buf, const char *data, size_t len)
{
	if (!reserve(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void ckpt_buf_puts(struct ckpt_buf *buf, const char *text)
{
	ckpt_buf_put(buf, text, strlen(text));
}

void ckpt_buf_printf(struct ckpt_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (!reserve(buf, 32))
		return;
	va_start(ap, fmt);
	len = vsnprintf(buf->data + buf->len, buf->cap - buf->len, fmt, ap);
	va_end(ap);
	if (len < 0) {
		buf->data[buf->len] = '\0';
		buf->failed = true;
		return;
	}
	if ((size_t)len >= buf->cap - buf->len) {
		if (!reserve(buf, (size_t)len)) {
			buf->data[buf->len] = '\0';
			return;
		}
		va_start(ap, fmt);
		vsnprintf(buf->data + buf->len, buf->cap - buf->len, fmt, ap);
		va_end(ap);
	}
	buf->len += (size_t)len;
}

void ckpt_buf_fini(struct ckpt_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

size_t ckpt_text_nul_line(const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len);
	size_t line = 1;

	if (!nul)
		return 0;
	for (const char *p = text; p < nul; p++)
		line += *p == '\n';
	return line;
}

void *ckpt_vec_add(struct ckpt_vec *vec, size_t size)
{
	char *elem;

	if (vec->n == vec->cap) {
		size_t cap = vec->cap ? vec->cap * 2 : 4;
		void *v = reallocarray(vec->v, cap, size);

		if (!v)
			return NULL;
		vec->v = v;
		vec->cap = cap;
	}
	elem = (char *)vec->v + vec->n++ * size;
	memset(elem, 0, size);
	return elem;
}
