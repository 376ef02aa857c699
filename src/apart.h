/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neighbours that look the same and are two mappings: the kernel would merge them when they are
 * made again.
 */
#ifndef CKPT_APART_H
#define CKPT_APART_H

#include "err.h"
#include "skeleton.h"
#include "task.h"

/* Whether the kernel would make one mapping of both, next. */
bool ckpt_apart_alike(const struct ckpt_vma *vma, const struct ckpt_vma *next);

/* Anonymous memory: between mapping and filling it, and after filling. */
int ckpt_apart_begin(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_apart_end(struct ckpt_skeleton *s, struct ckpt_err *err);

#endif
