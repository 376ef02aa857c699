/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the in-place change share: apply.c leads, apply_*.c plan one part each.
 */
#ifndef CKPT_APPLY_INT_H
#define CKPT_APPLY_INT_H

#include "apply.h"
#include "task.h"

struct ckpt_apply {
	struct ckpt_frozen *frozen;
	const struct ckpt_want *w;
	const struct ckpt_task *old, *want;
};

/* Calls fn for every key whose lines differ; stops at the first non-zero result. */
int ckpt_codec_diff(const struct ckpt_codec *codec, const void *a, const void *b,
		    int (*fn)(const char *key, void *arg), void *arg);

/* Refuses by name what can't be changed in place. */
int ckpt_apply_judge(const struct ckpt_apply *a, struct ckpt_err *err);

#endif
