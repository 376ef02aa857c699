/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory protection keys (pkeys(7)): which of them are allocated, and which mapping has which.
 */
#ifndef CKPT_PKEYS_H
#define CKPT_PKEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "err.h"
#include "obstacles.h"
#include "skeleton.h"
#include "task.h"

#define CKPT_PKEYS 16 /* arch/x86/include/asm/pkeys.h */

/* Live task: the keys that it has allocated, into mm.pkeys. */
int ckpt_pkeys_get(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_obstacles *obstacles,
		   struct ckpt_err *err);

/* The key that the kernel took for memory that can only be executed; 0: none. */
uint32_t ckpt_pkeys_exec_only(const struct ckpt_task *task);

/* Skeleton, before anything is mapped: has the same keys allocated. */
int ckpt_pkeys_restore(struct ckpt_skeleton *s, struct ckpt_err *err);

/* Whether the mapping gets its key by pkey_mprotect(2); if not, the kernel gives it. */
bool ckpt_pkeys_explicit(const struct ckpt_task *task, const struct ckpt_vma *vma);

/* What to do so that exactly the keys of want are allocated (bit 0 is at the start), and the kernel
 * has taken exec_only (0: none) for itself. The kernel gives the lowest key that is free. */
struct ckpt_pkey_step {
	enum ckpt_pkey_do { CKPT_PKEY_ALLOC, CKPT_PKEY_FREE, CKPT_PKEY_EXEC_ONLY } what;
	uint32_t key; /* that it gives, frees, or takes */
};
size_t ckpt_pkeys_plan(uint32_t want, uint32_t exec_only,
		       struct ckpt_pkey_step steps[2 * CKPT_PKEYS]);

#endif
