// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Brings memory into a live task beside its own: new mappings with their contents, at a place from
 * which the program moves them; and of mappings that stay, the pages that differ.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "apply_int.h"
#include "pages.h"
#include "vma_map.h"
#include "vma_nodes.h"

#define PIECE CKPT_CHUNK_SIZE

static bool same_runs(const struct ckpt_pages *x, const struct ckpt_pages *y)
{
	if (x->runs.n != y->runs.n)
		return false;
	for (size_t i = 0; i < x->runs.n; i++)
		if (x->runs.v[i].start != y->runs.v[i].start ||
		    x->runs.v[i].npages != y->runs.v[i].npages)
			return false;
	return true;
}

/* ---- new mappings ---- */

/* Guard regions within the piece, at the place where it is prepared. */
static int move_guards(const struct ckpt_seg *seg, struct ckpt_vma *vma)
{
	const struct ckpt_vma *want = seg->want;

	memset(&vma->guard, 0, sizeof(vma->guard));
	for (size_t i = 0; i < want->guard.n; i++) {
		uint64_t start = want->guard.v[i].start;
		uint64_t end = start + want->guard.v[i].npages * CKPT_PAGE_SIZE;
		struct ckpt_guard *guard;

		start = start > seg->start ? start : seg->start;
		end = end < seg->end ? end : seg->end;
		if (start >= end)
			continue;
		guard = CKPT_VEC_ADD(&vma->guard);
		if (!guard)
			return -ENOMEM;
		guard->start = seg->stage + (start - seg->start);
		guard->npages = (end - start) / CKPT_PAGE_SIZE;
	}
	return 0;
}

/* The mapping that a piece is made as. */
static int staged_vma(const struct ckpt_seg *seg, struct ckpt_vma *vma)
{
	*vma = *seg->want;
	vma->pgoff += seg->start - vma->start;
	vma->start = seg->stage;
	vma->end = seg->stage + (seg->end - seg->start);
	return move_guards(seg, vma);
}

/* What restores mappings names them by where they are put: not where the user finds them. */
static int name_home(struct ckpt_apply *a, const struct ckpt_seg *seg)
{
	char here[32], there[32];

	snprintf(here, sizeof(here), "vmas/%016llx", (unsigned long long)seg->stage);
	snprintf(there, sizeof(there), "vmas/%016llx", (unsigned long long)seg->want->start);
	if (!strncmp(a->err->text, here, strlen(here)))
		memcpy(a->err->text, there, strlen(there));
	return -a->err->code;
}

/* One piece as the restore of a whole process maps it, elsewhere. */
static int run_staged(struct ckpt_apply *a, const struct ckpt_seg *seg,
		      int (*fn)(struct ckpt_skeleton *s, struct ckpt_err *err))
{
	struct ckpt_vma vma;
	struct ckpt_task one = {.vmas = {&vma, 1, 1}, .mm = a->want->mm};
	int ret = staged_vma(seg, &vma);

	if (ret)
		ckpt_fail(a->err, ENOMEM, "no memory for a mapping");
	if (!ret) {
		a->s.task = &one;
		ret = fn(&a->s, a->err);
		a->s.task = a->want;
	}
	CKPT_VEC_FINI(&vma.guard);
	return ret ? name_home(a, seg) : 0;
}

static int stage_mappings(struct ckpt_apply *a)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < a->segs.n; i++) {
		struct ckpt_seg *seg = &a->segs.v[i];
		uint64_t len = seg->end - seg->start;

		if (seg->what != CKPT_SEG_NEW || seg->want->has_object || ckpt_apply_direct(seg))
			continue;
		seg->stage = ckpt_skeleton_gap(&a->s, len);
		if (!seg->stage)
			ret = ckpt_fail(a->err, ENOTSUP, "no %llu free bytes of address space",
					(unsigned long long)len);
		if (!ret)
			ret = run_staged(a, seg, ckpt_restore_mappings);
	}
	return ret;
}

static bool is_new_view(const struct ckpt_seg *seg, const struct ckpt_object *object)
{
	return seg->what == CKPT_SEG_NEW && seg->want->has_object &&
	       seg->want->object == object->id;
}

/* An object that the task has not: made once, seen at a place for each of its mappings. */
static int stage_object(struct ckpt_apply *a, const struct ckpt_object *object)
{
	struct ckpt_object copy = *object;
	struct ckpt_task some = {.objects = {&copy, 1, 1}, .mm = a->want->mm};
	int ret = 0;

	for (size_t i = 0; !ret && i < a->segs.n; i++) {
		struct ckpt_seg *seg = &a->segs.v[i];
		struct ckpt_vma *vma;

		if (!is_new_view(seg, object))
			continue;
		vma = CKPT_VEC_ADD(&some.vmas);
		seg->stage = ckpt_skeleton_gap(&a->s, seg->end - seg->start);
		if (!vma || !seg->stage || staged_vma(seg, vma))
			ret = ckpt_fail(a->err, ENOMEM, "no room for its mappings");
	}
	if (!ret && some.vmas.n) {
		a->s.task = &some;
		ret = ckpt_restore_mappings(&a->s, a->err);
		a->s.task = a->want;
	}
	for (size_t i = 0; i < some.vmas.n; i++)
		CKPT_VEC_FINI(&some.vmas.v[i].guard);
	CKPT_VEC_FINI(&some.vmas);
	return ret ? ckpt_err_about(a->err, "objects/%llu", (unsigned long long)object->id) : 0;
}

static int stage_objects(struct ckpt_apply *a)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < a->want->objects.n; i++) {
		const struct ckpt_object *object = &a->want->objects.v[i];

		if (object->kind != CKPT_OBJECT_PIPE && !ckpt_apply_partner(a, object->id))
			ret = stage_object(a, object);
	}
	return ret;
}

/* ---- contents ---- */

static int put(struct ckpt_apply *a, uint64_t addr, void *data, size_t len)
{
	struct iovec local = {data, len}, remote = {(void *)(uintptr_t)addr, len};

	if (process_vm_writev(a->s.pid, &local, 1, &remote, 1, 0) == (ssize_t)len ||
	    pwrite(a->s.r.mem_fd, data, len, (off_t)addr) == (ssize_t)len)
		return 0;
	return ckpt_fail(a->err, EIO, "its memory at 0x%llx can't be written: %s",
			 (unsigned long long)addr, strerror(errno));
}

static bool get(struct ckpt_apply *a, uint64_t addr, void *data, size_t len)
{
	struct iovec local = {data, len}, remote = {(void *)(uintptr_t)addr, len};

	return process_vm_readv(a->s.pid, &local, 1, &remote, 1, 0) == (ssize_t)len ||
	       pread(a->s.r.mem_fd, data, len, (off_t)addr) == (ssize_t)len;
}

/* Pages that differ from what the task has there. */
static int patch(struct ckpt_apply *a, struct ckpt_seg *seg, uint64_t addr, uint8_t *data,
		 size_t len)
{
	bool known = get(a, addr, a->live, len);
	int ret = 0;

	if (seg->old->pkey && !(known && !memcmp(a->live, data, len)))
		return ckpt_fail(a->err, ENOTSUP,
				 "memory with a protection key can't be written in place");

	for (size_t at = 0; !ret && at < len;) {
		struct ckpt_patch *p = a->patches.n ? &a->patches.v[a->patches.n - 1] : NULL;
		size_t end = at;

		while (end < len && !(known && !memcmp(a->live + end, data + end, CKPT_PAGE_SIZE)))
			end += CKPT_PAGE_SIZE;
		if (end > at) {
			uint64_t from = a->patch_area + a->patch_used;

			ret = ckpt_apply_may_write(a, seg);
			if (!ret)
				ret = put(a, from, data + at, end - at);
			if (p && p->to + p->len == addr + at && addr + at > seg->start) {
				p->len += end - at;
			} else {
				p = CKPT_VEC_ADD(&a->patches);
				if (!p)
					return ckpt_fail(a->err, ENOMEM, "no memory for pages");
				*p = (struct ckpt_patch){addr + at, from, end - at};
			}
			a->patch_used += end - at;
			seg->patched = true;
		}
		at = end + CKPT_PAGE_SIZE; /* a page that is the same, or the end */
	}
	return ret;
}

/* Contents of [addr, addr + len) of one mapping, to wherever its pieces are. */
static int spread(struct ckpt_apply *a, uint64_t addr, uint8_t *data, size_t len)
{
	int ret = 0;

	while (!ret && len) {
		struct ckpt_seg *seg = (struct ckpt_seg *)ckpt_apply_seg(a, addr);
		size_t part = seg->end - addr < len ? (size_t)(seg->end - addr) : len;

		if (seg->what == CKPT_SEG_KEEP)
			ret = patch(a, seg, addr, data, part);
		else
			ret = put(a, seg->stage + (addr - seg->start), data, part);
		addr += part;
		data += part;
		len -= part;
	}
	return ret;
}

/* The place where the task sees that offset of an object that stays; 0: nowhere. */
static uint64_t view_of(const struct ckpt_apply *a, uint64_t object, uint64_t off, uint64_t *len)
{
	for (size_t i = 0; i < a->segs.n; i++) {
		const struct ckpt_seg *seg = &a->segs.v[i];
		uint64_t first;

		if (seg->what != CKPT_SEG_KEEP || seg->want->how != CKPT_VMA_SHM ||
		    seg->want->object != object)
			continue;
		first = seg->want->pgoff + (seg->start - seg->want->start);
		if (off < first || off >= first + (seg->end - seg->start))
			continue;
		*len = first + (seg->end - seg->start) - off;
		return seg->start + (off - first);
	}
	return 0;
}

static int spread_object(struct ckpt_apply *a, uint64_t object, uint64_t off, uint8_t *data,
			 size_t len)
{
	int ret = 0;

	while (!ret && len) {
		uint64_t room = len, addr = view_of(a, object, off, &room);
		size_t part = room < len ? (size_t)room : len;

		if (!addr)
			return ckpt_fail(a->err, ENOTSUP,
					 "the task does not map it at 0x%llx: can't be changed in "
					 "place",
					 (unsigned long long)off);
		ret = spread(a, addr, data, part);
		off += part;
		data += part;
		len -= part;
	}
	return ret;
}

struct reader {
	struct ckpt_apply *a;
	uint64_t object; /* 0: pages of a mapping */
};

static int on_pages(void *arg, uint64_t where, void *data, size_t len, struct ckpt_err *err)
{
	const struct reader *r = arg;

	(void)err;
	return r->object ? spread_object(r->a, r->object, where, data, len)
			 : spread(r->a, where, data, len);
}

static int read_pages(struct ckpt_apply *a, const char *path, const struct ckpt_pages *pages,
		      uint64_t object)
{
	struct reader r = {a, object};

	return ckpt_pages_pour(&a->s, path, pages, on_pages, &r, a->err);
}

/* A file without a name is compared only: who maps it privately could not write it. */
static int same_pages(struct ckpt_apply *a, const char *path, const struct ckpt_object *object)
{
	const struct ckpt_object *old = ckpt_apply_old_object(a, ckpt_apply_partner(a, object->id));
	struct ckpt_tree *tree = a->frozen->tree;
	uint8_t *theirs = malloc(PIECE);
	uint64_t size = object->pages.npages * CKPT_PAGE_SIZE;
	char own[64];
	int64_t at;
	int ret = 0;

	if (!theirs)
		return ckpt_fail(a->err, ENOMEM, "no memory for pages");
	snprintf(own, sizeof(own), "objects/%llu/pages", (unsigned long long)old->id);
	at = ckpt_tree_find(tree, own);
	for (uint64_t off = 0; !ret && off < size; off += PIECE) {
		size_t len = size - off < PIECE ? (size_t)(size - off) : PIECE;

		if (at < 0 || !same_runs(&old->pages, &object->pages) ||
		    ckpt_tree_read(tree, (uint32_t)at, a->live, len, off, a->err) != (ssize_t)len ||
		    a->src.ops->read(&a->src, path, theirs, len, off) != (ssize_t)len ||
		    memcmp(theirs, a->live, len) != 0)
			ret = ckpt_fail(a->err, ENOTSUP,
					"a file without a name can't be changed in place");
	}
	free(theirs);
	return ret;
}

/* ---- which files have to be read ---- */

static bool unchanged(const struct ckpt_apply *a, const char *path)
{
	return a->w->changed && !a->w->changed(a->w->src, path);
}

/* Whether the contents of a mapping have to be read: 0, or how many bytes of it may differ from
 * what the task has (at least a page, also if all of it is new). */
static uint64_t to_read(const struct ckpt_apply *a, const struct ckpt_vma *vma, const char *path)
{
	const struct ckpt_seg *seg = ckpt_apply_seg(a, vma->start);

	if (!vma->pages.npages)
		return 0;
	if (seg->what == CKPT_SEG_KEEP && seg->start == vma->start && seg->end == vma->end &&
	    seg->old->start == vma->start && seg->old->end == vma->end && unchanged(a, path) &&
	    same_runs(&seg->old->pages, &vma->pages))
		return 0;
	return vma->pages.npages * CKPT_PAGE_SIZE;
}

const struct ckpt_object *ckpt_apply_old_object(const struct ckpt_apply *a, uint64_t id)
{
	for (size_t i = 0; i < a->old->objects.n; i++)
		if (a->old->objects.v[i].id == id)
			return &a->old->objects.v[i];
	return NULL;
}

static uint64_t object_to_read(const struct ckpt_apply *a, const struct ckpt_object *object,
			       const char *path)
{
	const struct ckpt_object *old;

	if (object->kind == CKPT_OBJECT_PIPE || !object->pages.npages)
		return 0;
	old = ckpt_apply_old_object(a, ckpt_apply_partner(a, object->id));
	if (!old || (unchanged(a, path) && same_runs(&old->pages, &object->pages)))
		return 0;
	return object->pages.npages * CKPT_PAGE_SIZE;
}

static void vma_path(const struct ckpt_vma *vma, char path[64])
{
	snprintf(path, 64, "vmas/%016llx/pages", (unsigned long long)vma->start);
}

static void object_path(const struct ckpt_object *object, char path[64])
{
	snprintf(path, 64, "objects/%llu/pages", (unsigned long long)object->id);
}

/* Room for all that may differ; memory is used for what does. */
static int map_patch_area(struct ckpt_apply *a)
{
	uint64_t total = 0;
	char path[64];

	for (size_t i = 0; i < a->want->vmas.n; i++) {
		vma_path(&a->want->vmas.v[i], path);
		total += to_read(a, &a->want->vmas.v[i], path);
	}
	for (size_t i = 0; i < a->want->objects.n; i++) {
		object_path(&a->want->objects.v[i], path);
		total += object_to_read(a, &a->want->objects.v[i], path);
	}
	a->patch_len = total;
	return total ? ckpt_apply_map(a, total, MAP_NORESERVE, &a->patch_area) : 0;
}

static int stage_contents(struct ckpt_apply *a)
{
	char path[64];
	int ret = map_patch_area(a);

	for (size_t i = 0; !ret && i < a->want->vmas.n; i++) {
		const struct ckpt_vma *vma = &a->want->vmas.v[i];

		vma_path(vma, path);
		if (to_read(a, vma, path))
			ret = read_pages(a, path, &vma->pages, 0);
		if (ret)
			ckpt_err_about(a->err, "%s", path);
	}
	for (size_t i = 0; !ret && i < a->want->objects.n; i++) {
		const struct ckpt_object *object = &a->want->objects.v[i];

		object_path(object, path);
		if (!object_to_read(a, object, path))
			continue;
		ret = object->kind == CKPT_OBJECT_SHM
			      ? read_pages(a, path, &object->pages, object->id)
			      : same_pages(a, path, object);
		if (ret)
			ckpt_err_about(a->err, "%s", path);
	}
	return ret;
}

int ckpt_apply_stage(struct ckpt_apply *a)
{
	int ret;

	a->live = malloc(PIECE);
	if (!a->live)
		return ckpt_fail(a->err, ENOMEM, "no memory for pages");
	ret = stage_mappings(a);
	if (!ret)
		ret = stage_objects(a);
	if (!ret)
		ret = stage_contents(a);
	for (size_t i = 0; !ret && i < a->segs.n; i++) {
		const struct ckpt_seg *seg = &a->segs.v[i];

		if (seg->what == CKPT_SEG_NEW && seg->stage)
			ret = run_staged(a, seg, ckpt_restore_protection);
	}
	return ret;
}
