// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns how anonymous neighbours stay two mappings.
 *
 * The kernel merges neighbours of one kind unless their pages belong to different anon_vmas
 * (mm/vma.c, is_mergeable_anon_vma), and gives a neighbour's anon_vma to new pages unless the
 * mappings differ (mm/vma.c, anon_vma_compatible). So every other one differs, by MADV_DONTFORK,
 * until all have pages.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "apart.h"
#include "vma_map.h"
#include "vma_nodes.h"

static bool same_policy(const struct ckpt_mempolicy *a, const struct ckpt_mempolicy *b)
{
	return a->mode == b->mode && a->flags == b->flags && a->nodes.n == b->nodes.n &&
	       (!a->nodes.n || !memcmp(a->nodes.v, b->nodes.v, a->nodes.n));
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

bool ckpt_apart_alike(const struct ckpt_vma *vma, const struct ckpt_vma *next)
{
	return vma->end == next->start && vma->how == next->how && vma->shared == next->shared &&
	       vma->prot == next->prot && vma->pkey == next->pkey && vma->flags == next->flags &&
	       !vma->has_huge && !next->has_huge && same_text(vma->name, next->name) &&
	       same_text(vma->fname, next->fname) && vma->has_object == next->has_object &&
	       vma->object == next->object && same_policy(&vma->policy, &next->policy) &&
	       (vma->how == CKPT_VMA_ANON || vma->pgoff + ckpt_vma_len(vma) == next->pgoff);
}

static bool is_private(const struct ckpt_vma *vma)
{
	return vma->how == CKPT_VMA_ANON && !vma->shared;
}

static int fork_advice(struct ckpt_skeleton *s, const struct ckpt_vma *vma, bool begin,
		       struct ckpt_err *err)
{
	bool dontfork = ckpt_vma_has(vma, "dc") != begin;

	return ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, vma->start, ckpt_vma_len(vma),
				dontfork ? MADV_DONTFORK : MADV_DOFORK);
}

/* The second, fourth ... of every row of neighbours. */
static int each_odd(struct ckpt_skeleton *s, bool begin, struct ckpt_err *err)
{
	bool odd = false;
	int ret = 0;

	for (size_t i = 1; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		odd = !odd && is_private(vma) && ckpt_apart_alike(vma - 1, vma);
		if (odd)
			ret = fork_advice(s, vma, begin, err);
	}
	return ret;
}

int ckpt_apart_begin(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	return each_odd(s, true, err);
}

/* It has to have had a page of its own, as it had. */
static int touch(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	uint64_t page = vma->start;
	char byte;

	if (vma->pages.npages)
		return 0;
	for (size_t i = 0; i < vma->guard.n && vma->guard.v[i].start == page; i++)
		page += vma->guard.v[i].npages * CKPT_PAGE_SIZE;
	/* where it can't be, they will be one mapping: no harm but to the eye */
	if (page >= vma->end || pread(s->r.mem_fd, &byte, 1, (off_t)page) != 1 ||
	    pwrite(s->r.mem_fd, &byte, 1, (off_t)page) != 1)
		return 0;
	return ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, page, CKPT_PAGE_SIZE,
				MADV_DONTNEED);
}

int ckpt_apart_end(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 1; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (!is_private(vma) || !ckpt_apart_alike(vma - 1, vma))
			continue;
		ret = touch(s, vma - 1, err);
		if (!ret)
			ret = touch(s, vma, err);
	}
	return ret ? ret : each_odd(s, false, err);
}
