/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: a negative errno for the program, one sentence for the user.
 *
 * The place that knows the cause says it once with ckpt_fail(); the middle passes the
 * negative errno on, or adds what it was about with ckpt_err_about(); only the edge
 * (fs_ops.c, main.c) prints. A second ckpt_fail() on the same struct replaces the first.
 */
#ifndef CKPT_ERR_H
#define CKPT_ERR_H

#include <stdbool.h>

#define CKPT_ERR_TEXT 1000

struct ckpt_err {
	int code;		  /* positive errno, 0 while nothing failed */
	char text[CKPT_ERR_TEXT]; /* one sentence without newline */
};

#define CKPT_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Records code and sentence; returns -code. err may be NULL. */
int ckpt_fail(struct ckpt_err *err, int code, const char *fmt, ...) CKPT_PRINTF(3, 4);

/* As ckpt_fail() with the current errno, and ": strerror" appended. */
int ckpt_fail_sys(struct ckpt_err *err, const char *fmt, ...) CKPT_PRINTF(2, 3);

/* Puts "WHAT: " before the sentence that is there; returns -err->code. */
int ckpt_err_about(struct ckpt_err *err, const char *fmt, ...) CKPT_PRINTF(2, 3);

#endif
