/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NUMA memory policies: of the task (set_mempolicy(2)) and of its mappings (mbind(2)).
 */
#ifndef CKPT_MEMPOLICY_H
#define CKPT_MEMPOLICY_H

#include "err.h"
#include "remote.h"
#include "skeleton.h"
#include "task.h"

/* How a policy is spelled: mode, flags, nodes. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type and a field */
#define CKPT_MEMPOLICY_COLS(T, f)                                                                  \
	CKPT_FA(enum, T, f.mode, ckpt_mempolicy_modes),                                            \
		CKPT_FA(flags, T, f.flags, ckpt_mempolicy_flags), CKPT_F(bytes, T, f.nodes)
/* NOLINTEND(bugprone-macro-parentheses) */
extern const struct ckpt_word ckpt_mempolicy_modes[], ckpt_mempolicy_flags[];

/* Live task: its own policy, and that of every mapping that has one. */
int ckpt_mempolicy_get(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_err *err);

/* Skeleton: a mapping's, before there are pages in it; the task's own. */
int ckpt_mempolicy_bind(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err);
int ckpt_mempolicy_restore(struct ckpt_skeleton *s, struct ckpt_err *err);

#endif
