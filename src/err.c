// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Errors. Sentences may quote file names, which may hold anything: what could break a line of
 * the log, or a terminal, is replaced.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "err.h"

static void set_text(struct ckpt_err *err, const char *text)
{
	size_t len = strnlen(text, sizeof(err->text) - 1);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		err->text[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
	}
	err->text[len] = '\0';
}

/* The arguments may point into err->text, so the sentence is made elsewhere first. */
static int vfail(struct ckpt_err *err, int code, const char *tail, const char *fmt, va_list ap)
{
	char text[CKPT_ERR_TEXT];
	int len;

	if (!err)
		return -code;
	len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len < 0)
		text[0] = '\0', len = 0;
	if (tail && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, ": %s", tail);
	err->code = code;
	set_text(err, text);
	return -code;
}

int ckpt_fail(struct ckpt_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vfail(err, code, NULL, fmt, ap);
	va_end(ap);
	return rc;
}

int ckpt_fail_sys(struct ckpt_err *err, const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	char buf[128];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vfail(err, code, strerror_r(code, buf, sizeof(buf)), fmt, ap);
	va_end(ap);
	return rc;
}

int ckpt_err_about(struct ckpt_err *err, const char *fmt, ...)
{
	char text[CKPT_ERR_TEXT];
	va_list ap;
	int rc;

	if (!err)
		return -EIO;
	memcpy(text, err->text, sizeof(text));
	va_start(ap, fmt);
	rc = vfail(err, err->code, text, fmt, ap);
	va_end(ap);
	return rc;
}
