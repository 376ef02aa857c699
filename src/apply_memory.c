// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The address space of a change in place: what goes, stays, comes. Works on pieces: between two
 * neighbouring bounds of either state there is at most one mapping of each.
 */
#include <errno.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "apply_int.h"
#include "vma_map.h"
#include "vma_nodes.h"

#define HUGE_RESERVATION (64ull << 30) /* bytes; moving it would take the kernel long */
#define SYS_mseal_nr	 462	       /* Linux 6.10 */

/* Advice that can be taken back, and how. */
enum { OFF_UNLOCK = -1 /* munlock */, OFF_NONE = -2 /* nothing sees it */ };
static const struct advice {
	const char *letters;
	int off; /* MADV_* or OFF_* */
} advices[] = {
	{"dc", MADV_DOFORK}, {"dd", MADV_DODUMP}, {"wf", MADV_KEEPONFORK},
	{"sr", MADV_NORMAL}, {"rr", MADV_NORMAL}, {"mg", MADV_UNMERGEABLE},
	{"lo", OFF_UNLOCK},  {"ac", OFF_NONE},	  {"mw", OFF_NONE},
};

static int flag_index(const char *letters)
{
	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++)
		if (!strcmp(ckpt_vm_flags[i].letters, letters))
			return i;
	return -1;
}

static const struct advice *advice_of(int flag)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (flag_index(advices[i].letters) == flag)
			return &advices[i];
	return NULL;
}

/* ---- pieces ---- */

static int bound_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static const struct ckpt_vma *vma_at(const struct ckpt_task *task, uint64_t addr)
{
	size_t low = 0, high = task->vmas.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (task->vmas.v[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < task->vmas.n && task->vmas.v[low].start <= addr ? &task->vmas.v[low] : NULL;
}

/* Keys in which two mappings of the same thing may differ, or that are compared otherwise. */
static int other_key(const char *key, void *arg)
{
	static const char *const known[] = {"start", "end",    "prot",	 "flags", "pgoff",
					    "fname", "npages", "object", "run"};

	(void)arg;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(key, known[i]))
			return 0;
	return 1;
}

/* A flag that no advice takes back or gives makes another mapping of it. */
static bool flags_change(const struct ckpt_vma *old, const struct ckpt_vma *want)
{
	uint64_t differ = old->flags ^ want->flags;

	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++) {
		const struct advice *advice = advice_of(i);

		if (!(differ >> i & 1) || ckpt_vm_flags[i].what == CKPT_VM_IMPLIED)
			continue;
		if (!advice && !(ckpt_vm_flags[i].what == CKPT_VM_SEAL && want->flags >> i & 1))
			return false;
	}
	return true;
}

static bool same_backing(const struct ckpt_apply *a, const struct ckpt_vma *old,
			 const struct ckpt_vma *want)
{
	int64_t old_off = (int64_t)(old->pgoff - old->start);
	int64_t want_off = (int64_t)(want->pgoff - want->start);

	if (ckpt_codec_diff(&ckpt_vma_codec, old, want, other_key, NULL))
		return false;
	if (old->how != CKPT_VMA_ANON && old_off != want_off)
		return false;
	if (old->has_file != want->has_file ||
	    (old->has_file && strcmp(old->fname, want->fname) != 0))
		return false;
	if (old->has_object != want->has_object ||
	    (old->has_object && ckpt_apply_partner(a, want->object) != old->object))
		return false;
	return flags_change(old, want);
}

uint64_t ckpt_apply_partner(const struct ckpt_apply *a, uint64_t object)
{
	const struct ckpt_object *theirs = NULL, *ours = NULL;

	for (size_t i = 0; i < a->want->objects.n; i++)
		if (a->want->objects.v[i].id == object)
			theirs = &a->want->objects.v[i];
	for (size_t i = 0; theirs && i < a->want->vmas.n; i++) {
		const struct ckpt_vma *want = &a->want->vmas.v[i], *old;

		if (!want->has_object || want->object != object)
			continue;
		old = vma_at(a->old, want->start);
		if (!old || !old->has_object || old->how != want->how ||
		    old->pgoff - old->start != want->pgoff - want->start)
			continue;
		for (size_t k = 0; k < a->old->objects.n; k++)
			if (a->old->objects.v[k].id == old->object)
				ours = &a->old->objects.v[k];
		return ours && ours->size == theirs->size && ours->kind == theirs->kind &&
				       ours->seals == theirs->seals
			       ? ours->id
			       : 0;
	}
	return 0;
}

static int refuse_piece(struct ckpt_apply *a, const struct ckpt_vma *vma, const char *why)
{
	return ckpt_fail(a->err, ENOTSUP, "vmas/%016llx/meta: %s", (unsigned long long)vma->start,
			 why);
}

/* Shared memory loses pages only to those who may write it (mm/madvise.c). */
static bool shm_differs(const struct ckpt_seg *seg)
{
	return seg->want->how == CKPT_VMA_SHM &&
	       ckpt_codec_differs(&ckpt_vma_codec, seg->old, seg->want, NULL);
}

/* It is known beforehand that its contents differ. */
static bool edited(const struct ckpt_apply *a, const struct ckpt_vma *vma)
{
	char path[64];

	snprintf(path, sizeof(path), "vmas/%016llx/pages", (unsigned long long)vma->start);
	return a->w->changed && vma->pages.npages && a->w->changed(a->w->src, path);
}

int ckpt_apply_may_write(struct ckpt_apply *a, const struct ckpt_seg *seg)
{
	if (seg->old->prot & CKPT_PROT_WRITE)
		return 0;
	if (ckpt_vma_has(seg->old, "sl"))
		return refuse_piece(a, seg->want,
				    "it is sealed (mseal): its contents can't be changed");
	if (a->old->mm.mdwe && seg->want->prot & CKPT_PROT_EXEC)
		return refuse_piece(a, seg->want,
				    "mdwe: once written, memory can't be executable again");
	return 0;
}

static int judge_piece(struct ckpt_apply *a, struct ckpt_seg *seg)
{
	const struct ckpt_vma *old = seg->old, *want = seg->want;
	bool kernel = (old && old->how >= CKPT_VMA_VDSO) || (want && want->how >= CKPT_VMA_VDSO);

	if (kernel && (!old || !want || ckpt_codec_differs(&ckpt_vma_codec, old, want, NULL)))
		return refuse_piece(a, old ? old : want,
				    "the vdso is not where it was: another program "
				    "was executed, or it was moved");
	if (!want)
		seg->what = CKPT_SEG_GONE;
	else if (old && (kernel || same_backing(a, old, want)))
		seg->what = CKPT_SEG_KEEP;
	else
		seg->what = CKPT_SEG_NEW;
	if (old && ckpt_vma_has(old, "sl") &&
	    (seg->what != CKPT_SEG_KEEP || old->prot != want->prot))
		return refuse_piece(a, old, "it is sealed (mseal)");
	if (seg->what == CKPT_SEG_KEEP && !kernel && !old->shared && old->how == CKPT_VMA_FILE &&
	    (old->fsize != want->fsize || old->fmtime != want->fmtime))
		return ckpt_fail(a->err, EBUSY, "vmas/%016llx/meta: %s changed since",
				 (unsigned long long)want->start, want->fname);
	if (seg->what == CKPT_SEG_KEEP && old->prot != want->prot && a->old->mm.mdwe &&
	    want->prot & CKPT_PROT_EXEC)
		return refuse_piece(a, want, "mdwe: memory can't become executable");
	if (seg->what == CKPT_SEG_KEEP && !kernel && (shm_differs(seg) || edited(a, want)) &&
	    ckpt_apply_may_write(a, seg))
		return -ENOTSUP;
	if (seg->what == CKPT_SEG_NEW && want->has_object && ckpt_apply_partner(a, want->object))
		return refuse_piece(a, want, "another view of an object that is there");
	return 0;
}

/* Neighbours of the same two mappings, or that both go, are one piece. */
static int add_piece(struct ckpt_apply *a, const struct ckpt_seg *seg)
{
	struct ckpt_seg *last = a->segs.n ? &a->segs.v[a->segs.n - 1] : NULL;

	if (last && last->end == seg->start && last->what == seg->what && last->want == seg->want &&
	    (last->old == seg->old || seg->what != CKPT_SEG_KEEP)) {
		last->end = seg->end;
		return 0;
	}
	last = CKPT_VEC_ADD(&a->segs);
	if (!last)
		return ckpt_fail(a->err, ENOMEM, "no memory for the address map");
	*last = *seg;
	return 0;
}

int ckpt_apply_memory_check(struct ckpt_apply *a)
{
	size_t n = 0, max = 2 * (a->old->vmas.n + a->want->vmas.n);
	uint64_t *bounds = malloc((max + 1) * sizeof(*bounds));
	const struct ckpt_task *both[2] = {a->old, a->want};
	int ret = 0;

	if (!bounds)
		return ckpt_fail(a->err, ENOMEM, "no memory for the address map");
	for (int t = 0; t < 2; t++)
		for (size_t i = 0; i < both[t]->vmas.n; i++) {
			bounds[n++] = both[t]->vmas.v[i].start;
			bounds[n++] = both[t]->vmas.v[i].end;
		}
	qsort(bounds, n, sizeof(*bounds), bound_order);
	for (size_t i = 0; !ret && i + 1 < n; i++) {
		struct ckpt_seg seg = {.start = bounds[i], .end = bounds[i + 1]};

		if (seg.start == seg.end)
			continue;
		seg.old = vma_at(a->old, seg.start);
		seg.want = vma_at(a->want, seg.start);
		if (!seg.old && !seg.want)
			continue;
		ret = judge_piece(a, &seg);
		if (!ret)
			ret = add_piece(a, &seg);
	}
	free(bounds);
	return ret;
}

const struct ckpt_seg *ckpt_apply_seg(const struct ckpt_apply *a, uint64_t addr)
{
	size_t low = 0, high = a->segs.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (a->segs.v[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < a->segs.n && a->segs.v[low].start <= addr ? &a->segs.v[low] : NULL;
}

static bool has_page(const struct ckpt_pages *pages, uint64_t addr)
{
	for (size_t i = pages->runs.n; i-- > 0;)
		if (addr - pages->runs.v[i].start < pages->runs.v[i].npages * CKPT_PAGE_SIZE)
			return true;
	return false;
}

/* Whole mappings whose last page, where a stub lies, nobody touches. */
int ckpt_apply_memory_kept(const struct ckpt_apply *a, struct ckpt_task *out)
{
	for (size_t i = 0; i < a->old->vmas.n; i++) {
		const struct ckpt_vma *vma = &a->old->vmas.v[i];
		uint64_t last = vma->end - CKPT_PAGE_SIZE;
		const struct ckpt_seg *seg = ckpt_apply_seg(a, last);
		struct ckpt_vma *copy;

		if (!(vma->prot & CKPT_PROT_EXEC) || seg->what != CKPT_SEG_KEEP ||
		    seg->old->prot != seg->want->prot || has_page(&vma->pages, last) ||
		    has_page(&seg->want->pages, last))
			continue;
		copy = CKPT_VEC_ADD(&out->vmas);
		if (!copy)
			return -ENOMEM;
		*copy = *vma;
	}
	return 0;
}

/* ---- steps ---- */

static void plan_move(struct ckpt_apply *a, const struct ckpt_seg *seg, uint32_t flags)
{
	uint64_t len = seg->end - seg->start;

	if (seg->stage)
		ckpt_step(a, "mremap into place", flags, SYS_mremap, seg->stage, len, len,
			  MREMAP_MAYMOVE | MREMAP_FIXED, seg->start);
	else
		ckpt_step(a, "mmap of a reservation", flags, SYS_mmap, seg->start, len,
			  (uint64_t)ckpt_vma_prot(seg->want),
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, (uint64_t)-1, 0);
}

static void plan_advice(struct ckpt_apply *a, const struct ckpt_seg *seg, uint64_t from)
{
	uint64_t len = seg->end - seg->start, to = seg->want->flags;

	from &= ~(seg->what == CKPT_SEG_NEW ? ~to : 0); /* a new one has nothing to lose */

	for (int pass = 0; pass < 2; pass++) /* first what goes: NORMAL takes two back */
		for (int i = 0; ckpt_vm_flags[i].letters[0]; i++) {
			const struct ckpt_vm_flag *flag = &ckpt_vm_flags[i];
			const struct advice *advice = advice_of(i);
			bool had = from >> i & 1, has = to >> i & 1;

			if (!pass && had && !has && advice && advice->off >= 0)
				ckpt_step(a, "madvise", 0, SYS_madvise, seg->start, len,
					  (uint64_t)advice->off);
			if (!pass && had && !has && advice && advice->off == OFF_UNLOCK)
				ckpt_step(a, "munlock", 0, SYS_munlock, seg->start, len);
			if (pass && !had && has && flag->what == CKPT_VM_ADVISE)
				ckpt_step(a, "madvise", 0, SYS_madvise, seg->start, len,
					  (uint64_t)flag->arg);
			/* tells ENOMEM of pages that can't be touched, and locks all the same */
			if (pass && !had && has && flag->what == CKPT_VM_LOCK)
				ckpt_step(a, "mlock", CKPT_STEP_MAYFAIL, SYS_mlock2, seg->start,
					  len, (uint64_t)flag->arg);
			if (pass && !had && has && flag->what == CKPT_VM_SEAL)
				ckpt_step(a, "mseal", 0, SYS_mseal_nr, seg->start, len, 0);
		}
}

/* Pages that the task has now and the wanted state has not: what is behind them shows again. Runs
 * are at their addresses less delta. */
static void plan_gone_pages(struct ckpt_apply *a, const struct ckpt_seg *seg,
			    const struct ckpt_pages *old, const struct ckpt_pages *want,
			    uint64_t delta, uint64_t advice)
{
	size_t k = 0;

	for (size_t i = 0; i < old->runs.n; i++) {
		uint64_t at = old->runs.v[i].start + delta;
		uint64_t end = at + old->runs.v[i].npages * CKPT_PAGE_SIZE;

		at = at > seg->start ? at : seg->start;
		end = end < seg->end ? end : seg->end;
		while (at < end) {
			const struct ckpt_run *run = want->runs.v + k;
			uint64_t stop = end, start;

			if (k < want->runs.n &&
			    run->start + delta + run->npages * CKPT_PAGE_SIZE <= at) {
				k++;
				continue;
			}
			start = k < want->runs.n ? run->start + delta : UINT64_MAX;
			if (start <= at) {
				at = start + run->npages * CKPT_PAGE_SIZE;
				continue;
			}
			if (start < end)
				stop = start;
			ckpt_step(a, "madvise", 0, SYS_madvise, at, stop - at, advice);
			at = stop;
		}
	}
}

static void plan_gone(struct ckpt_apply *a, const struct ckpt_seg *seg)
{
	bool locked = ckpt_vma_has(seg->old, "lo") && ckpt_vma_has(seg->want, "lo");
	const struct ckpt_object *old, *want = NULL;

	if (!seg->old->shared) {
		plan_gone_pages(a, seg, &seg->old->pages, &seg->want->pages, 0,
				locked ? MADV_DONTNEED_LOCKED : MADV_DONTNEED);
		return;
	}
	if (seg->want->how != CKPT_VMA_SHM)
		return;
	old = ckpt_apply_old_object(a, seg->old->object);
	for (size_t i = 0; i < a->want->objects.n; i++)
		if (a->want->objects.v[i].id == seg->want->object)
			want = &a->want->objects.v[i];
	if (old && want)
		plan_gone_pages(a, seg, &old->pages, &want->pages,
				seg->want->start - seg->want->pgoff, MADV_REMOVE);
}

static void plan_patches(struct ckpt_apply *a, const struct ckpt_seg *seg)
{
	for (size_t i = 0; i < a->patches.n; i++) {
		const struct ckpt_patch *p = &a->patches.v[i];

		if (p->to >= seg->start && p->to < seg->end)
			ckpt_apply_copy(a, p->to, p->from, p->len);
	}
}

static void plan_kept(struct ckpt_apply *a, const struct ckpt_seg *seg)
{
	const uint64_t len = seg->end - seg->start;
	bool open_ = !(seg->old->prot & CKPT_PROT_WRITE) && (seg->patched || shm_differs(seg));
	size_t opened;

	plan_advice(a, seg, seg->old->flags);
	opened = a->steps.n;
	if (open_)
		ckpt_step(a, "mprotect", 0, SYS_mprotect, seg->start, len, PROT_READ | PROT_WRITE);
	plan_gone(a, seg);
	if (seg->patched)
		plan_patches(a, seg);
	/* it may fail for want of memory or of a limit: then a copy would be the task's end */
	if (open_ && !a->no_memory)
		a->steps.v[opened].flags |= CKPT_STEP_SKIP(a->steps.n - opened - 1);
	if (open_ || seg->old->prot != seg->want->prot)
		ckpt_step(a, "mprotect", 0, SYS_mprotect, seg->start, len,
			  (uint64_t)ckpt_vma_prot(seg->want));
}

static bool rseq_moves(const struct ckpt_apply *a)
{
	const struct ckpt_seg *seg = ckpt_apply_seg(a, a->old->thread.rseq);

	return a->old->thread.rseq && (!seg || seg->what != CKPT_SEG_KEEP);
}

static bool touches_memory(const struct ckpt_apply *a)
{
	for (size_t i = 0; i < a->segs.n; i++)
		if (a->segs.v[i].what != CKPT_SEG_KEEP || a->segs.v[i].patched)
			return true;
	return false;
}

/* What a staged mapping gets only in its place. */
static uint64_t late_flags(void)
{
	uint64_t late = 0;

	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++)
		if (ckpt_vm_flags[i].what == CKPT_VM_LOCK || ckpt_vm_flags[i].what == CKPT_VM_SEAL)
			late |= 1ull << i;
	return late;
}

/* What may fail comes first: while nothing has changed a failure takes nothing along. */
static void plan_steps(struct ckpt_apply *a)
{
	bool rseq = touches_memory(a) || ckpt_codec_differs(&ckpt_thread_codec, &a->old->thread,
							    &a->want->thread, "rseq");
	bool early = rseq && rseq_moves(a);
	uint32_t flags = a->steps.n || early ? 0 : CKPT_STEP_ABORT;

	if (early)
		ckpt_apply_rseq(a, true);
	for (size_t i = 0; i < a->segs.n; i++) {
		const struct ckpt_seg *seg = &a->segs.v[i];

		if (seg->what != CKPT_SEG_NEW)
			continue;
		plan_move(a, seg, flags);
		plan_advice(a, seg, seg->stage ? ~late_flags() : 0);
		flags = 0;
	}
	if (rseq && !early)
		ckpt_apply_rseq(a, true);
	for (size_t i = 0; i < a->segs.n; i++) {
		const struct ckpt_seg *seg = &a->segs.v[i];

		if (seg->what == CKPT_SEG_GONE)
			ckpt_step(a, "munmap", 0, SYS_munmap, seg->start, seg->end - seg->start);
		else if (seg->what == CKPT_SEG_KEEP && seg->want->how < CKPT_VMA_VDSO)
			plan_kept(a, seg);
	}
	if (rseq)
		ckpt_apply_rseq(a, false);
}

/* Reservations without contents, too big to be moved. */
bool ckpt_apply_direct(const struct ckpt_seg *seg)
{
	return seg->want->how == CKPT_VMA_ANON && !seg->want->pages.npages &&
	       seg->end - seg->start >= HUGE_RESERVATION && !ckpt_vma_has(seg->want, "gd");
}

int ckpt_apply_memory(struct ckpt_apply *a)
{
	int ret = ckpt_apply_stage(a);

	if (!ret)
		plan_steps(a);
	if (!ret && a->patch_area)
		ckpt_step(a, "munmap", 0, SYS_munmap, a->patch_area, a->patch_len);
	return ret;
}
