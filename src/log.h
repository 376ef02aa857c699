/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages behind /ckpt/log: a ring of the last lines, newest last.
 *
 * Any thread may call. Register and memory contents never go here.
 */
#ifndef CKPT_LOG_H
#define CKPT_LOG_H

#include <stddef.h>
#include "err.h"

/* Adds one line: "2026-01-31T12:00:00.123Z TEXT". Also to stderr when ckpt_log_echo(true). */
void ckpt_log(const char *fmt, ...) CKPT_PRINTF(1, 2);
void ckpt_log_echo(bool on);

/* Total length of the log now, in bytes. */
size_t ckpt_log_size(void);

/* A malloc'd copy of the whole log; *len is its length. NULL when out of memory. */
char *ckpt_log_copy(size_t *len);

#endif
