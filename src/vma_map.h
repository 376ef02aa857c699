/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One mapping of a skeleton: made, advised, filled.
 */
#ifndef CKPT_VMA_MAP_H
#define CKPT_VMA_MAP_H

#include "err.h"
#include "skeleton.h"
#include "task.h"

static inline uint64_t ckpt_vma_len(const struct ckpt_vma *vma)
{
	return vma->end - vma->start;
}

/* Puts the name of its directory before the sentence. */
int ckpt_vma_about(const struct ckpt_vma *vma, struct ckpt_err *err);

/* PROT_* that it has in the end, and those it is mapped with: mprotect makes the difference. */
int ckpt_vma_prot(const struct ckpt_vma *vma);
int ckpt_vma_first_prot(const struct ckpt_vma *vma);

/* The flags of mmap that ask for its huge pages. */
int ckpt_vma_huge_flags(const struct ckpt_vma *vma);
/* ENOMEM that says so, in place of whatever the lack of huge pages gave. */
int ckpt_vma_no_huge(const struct ckpt_vma *vma, uint64_t size, struct ckpt_err *err);

/* Maps it from the descriptor of the skeleton (-1: anonymous), with its advice. */
int ckpt_vma_map(struct ckpt_skeleton *s, const struct ckpt_vma *vma, long fd,
		 struct ckpt_err *err);

/* The advice alone, of a mapping that came in another way. */
int ckpt_vma_advise(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err);

/* Writes the contents of the page file at path (in the tree): every run to base + its start.
 * writable: the mapping is, for the skeleton itself. */
int ckpt_vma_fill(struct ckpt_skeleton *s, const char *path, const struct ckpt_pages *pages,
		  uint64_t base, bool writable, struct ckpt_err *err);

/* The same through a call, for each piece: where is of the first byte, data of ours. */
int ckpt_pages_pour(struct ckpt_skeleton *s, const char *path, const struct ckpt_pages *pages,
		    int (*put)(void *arg, uint64_t where, void *data, size_t len,
			       struct ckpt_err *err),
		    void *arg, struct ckpt_err *err);

#endif
