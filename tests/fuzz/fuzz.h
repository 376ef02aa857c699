/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. A target is one .c file: LLVMFuzzerTestOneInput() (libFuzzer,
 * https://llvm.org/docs/LibFuzzer.html) gives its parser the bytes, and checks more than that it
 * does not crash. No target does anything that needs a privilege, or changes anything.
 */
#ifndef CKPT_FUZZ_H
#define CKPT_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buf.h"
#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold is a finding as a crash is. */
#define HOLDS(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "\n%s:%d: does not hold: %s\n", __FILE__, __LINE__,        \
				#condition);                                                       \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A refusal has a code, and a sentence in one line. */
static inline void fuzz_refused(int ret, const struct ckpt_err *err)
{
	HOLDS(ret < 0 && err->code == -ret, "ret %d, code %d: '%s'", ret, err->code, err->text);
	HOLDS(strlen(err->text) > 5, "ret %d: '%s'", ret, err->text);
	for (const char *p = err->text; *p; p++)
		HOLDS((unsigned char)*p >= 0x20 && *p != 0x7f, "a control byte in '%s'", err->text);
}

/* A copy with a NUL behind it, in memory of exactly that size. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	HOLDS(text, "out of memory");
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static int fuzz_line_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same text but for the order of its lines: text is cut up. */
static inline char *fuzz_sorted(const char *text, size_t len)
{
	char *copy = fuzz_text((const uint8_t *)text, len), *save, *line;
	CKPT_VEC(char *) lines = {0};
	struct ckpt_buf out = {0};

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char **slot = CKPT_VEC_ADD(&lines);

		*slot = line;
	}
	if (lines.n)
		qsort(lines.v, lines.n, sizeof(*lines.v), fuzz_line_order);
	ckpt_buf_puts(&out, "");
	for (size_t i = 0; i < lines.n; i++)
		ckpt_buf_printf(&out, "%s\n", lines.v[i]);
	CKPT_VEC_FINI(&lines);
	free(copy);
	return out.data;
}

static inline void fuzz_same_lines(const char *a, size_t alen, const char *b, size_t blen)
{
	char *x = fuzz_sorted(a, alen), *y = fuzz_sorted(b, blen);

	HOLDS(!strcmp(x, y), "taken:\n%s\nprinted again:\n%s", x, y);
	free(x);
	free(y);
}

#endif
