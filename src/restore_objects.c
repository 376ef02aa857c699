// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects that mappings refer to: made with their contents, then mapped wherever they were.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "restore_objects.h"
#include "vma_map.h"
#include "vma_nodes.h"

static bool is_of(const struct ckpt_vma *vma, const struct ckpt_object *object)
{
	return vma->has_object && vma->object == object->id;
}

/* ---- shared anonymous memory ---- */

/* How far mappings of it reach: behind its end, where memory was mapped beyond (mremap(2)). */
static uint64_t extent(const struct ckpt_task *task, const struct ckpt_object *object)
{
	uint64_t end = object->size;

	for (size_t i = 0; i < task->vmas.n; i++) {
		const struct ckpt_vma *vma = &task->vmas.v[i];

		if (is_of(vma, object) && vma->pgoff + ckpt_vma_len(vma) > end)
			end = vma->pgoff + ckpt_vma_len(vma);
	}
	return end;
}

/* The mapping made of the object's memory: mremap with an old size of 0 maps the same pages once
 * more (mremap(2)), under the name the kernel gives to such memory. */
static int map_view(struct ckpt_skeleton *s, const struct ckpt_vma *vma, uint64_t whole,
		    struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(s, NULL, err, "mremap", SYS_mremap, whole + vma->pgoff, 0,
				   ckpt_vma_len(vma), MREMAP_MAYMOVE | MREMAP_FIXED, vma->start);

	if (!ret && vma->prot != (CKPT_PROT_READ | CKPT_PROT_WRITE))
		ret = ckpt_skeleton_do(s, NULL, err, "mprotect", SYS_mprotect, vma->start,
				       ckpt_vma_len(vma), (uint64_t)ckpt_vma_prot(vma));
	return ret ? ret : ckpt_vma_advise(s, vma, err);
}

static int map_views(struct ckpt_skeleton *s, const struct ckpt_object *object, uint64_t whole,
		     struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (!is_of(vma, object))
			continue;
		ret = map_view(s, vma, whole, err);
		if (ret)
			ckpt_vma_about(vma, err);
	}
	return ret;
}

static int restore_shm(struct ckpt_skeleton *s, const struct ckpt_object *object,
		       struct ckpt_err *err)
{
	uint64_t reach = extent(s->task, object), whole = ckpt_skeleton_gap(s, reach);
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ret;
	char path[64];

	if (!whole)
		return ckpt_fail(err, ENOTSUP, "no free address space for it");
	for (size_t i = 0; i < s->task->vmas.n; i++)
		if (is_of(&s->task->vmas.v[i], object) && ckpt_vma_has(&s->task->vmas.v[i], "nr"))
			flags |= MAP_NORESERVE;
	ret = ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, whole, object->size,
			       PROT_READ | PROT_WRITE, (uint64_t)flags, (uint64_t)-1, 0);
	snprintf(path, sizeof(path), "objects/%llu/pages", (unsigned long long)object->id);
	if (!ret)
		ret = ckpt_vma_fill(s, path, &object->pages, whole, true, err);
	if (!ret && reach > object->size)
		ret = ckpt_skeleton_do(s, NULL, err, "mremap", SYS_mremap, whole, object->size,
				       reach, 0);
	if (!ret)
		ret = map_views(s, object, whole, err);
	return ret ? ret : ckpt_skeleton_do(s, NULL, err, "munmap", SYS_munmap, whole, reach);
}

/* ---- shared huge pages ---- */

/* mremap does not map huge pages once more, but the file behind them can be opened. */
static int map_huge_views(struct ckpt_skeleton *s, const struct ckpt_object *object, uint64_t whole,
			  struct ckpt_err *err)
{
	char path[80];
	long fd;
	int ret, closed;

	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", (unsigned long long)whole,
		 (unsigned long long)whole + object->size);
	ret = ckpt_skeleton_open(s, path, O_RDWR | O_CLOEXEC, &fd, err);
	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (!is_of(vma, object))
			continue;
		ret = ckpt_vma_map(s, vma, fd, err);
		if (ret)
			ckpt_vma_about(vma, err);
	}
	closed = ckpt_skeleton_do(s, NULL, ret ? NULL : err, "close", SYS_close, (uint64_t)fd);
	return ret ? ret : closed;
}

static int restore_huge(struct ckpt_skeleton *s, const struct ckpt_object *object,
			const struct ckpt_vma *vma, struct ckpt_err *err)
{
	uint64_t room = ckpt_skeleton_gap(s, object->size + vma->huge);
	uint64_t whole = (room + vma->huge - 1) & ~(vma->huge - 1);
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | ckpt_vma_huge_flags(vma);
	char path[64];
	int ret;

	if (!room)
		return ckpt_fail(err, ENOTSUP, "no free address space for it");
	if (object->size % vma->huge)
		return ckpt_fail(err, EINVAL, "size is no number of huge pages");
	if (ckpt_vma_has(vma, "nr"))
		flags |= MAP_NORESERVE;
	ret = ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, whole, object->size,
			       PROT_READ | PROT_WRITE, (uint64_t)flags, (uint64_t)-1, 0);
	if (ret == -ENOMEM)
		return ckpt_vma_no_huge(vma, object->size, err);
	snprintf(path, sizeof(path), "objects/%llu/pages", (unsigned long long)object->id);
	if (!ret) {
		ret = ckpt_vma_fill(s, path, &object->pages, whole, true, err);
		if (ret && ret != -EINVAL)
			ret = ckpt_vma_no_huge(vma, object->pages.npages * CKPT_PAGE_SIZE, err);
	}
	if (!ret)
		ret = map_huge_views(s, object, whole, err);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "munmap", SYS_munmap, whole, object->size);
}

static const struct ckpt_vma *first_of(const struct ckpt_task *task,
				       const struct ckpt_object *object)
{
	for (size_t i = 0; i < task->vmas.n; i++)
		if (is_of(&task->vmas.v[i], object))
			return &task->vmas.v[i];
	return NULL;
}

static int restore_shared(struct ckpt_skeleton *s, const struct ckpt_object *object,
			  struct ckpt_err *err)
{
	const struct ckpt_vma *vma = first_of(s->task, object);

	if (!vma) /* no mapping has it */
		return 0;
	return vma->has_huge ? restore_huge(s, object, vma, err) : restore_shm(s, object, err);
}

/* ---- files without a name ---- */

/* From a descriptor of its own: mappings of one open file, side by side, would become one. */
static int map_unlinked(struct ckpt_skeleton *s, const struct ckpt_vma *vma, long fd,
			struct ckpt_err *err)
{
	bool writes = vma->shared && ckpt_vma_has(vma, "mw");
	long own;
	int ret = ckpt_skeleton_reopen(s, fd, writes ? O_RDWR : O_RDONLY, &own, err), closed;

	if (ret)
		return ret;
	ret = ckpt_vma_map(s, vma, own, err);
	closed = ckpt_skeleton_do(s, NULL, ret ? NULL : err, "close", SYS_close, (uint64_t)own);
	return ret ? ret : closed;
}

static int restore_unlinked(struct ckpt_skeleton *s, const struct ckpt_object *object,
			    struct ckpt_err *err)
{
	const struct ckpt_vma *first = first_of(s->task, object);
	bool made = s->exe_object == object->id;
	long fd = s->exe_fd;
	int ret = 0;

	if (!first)
		return 0;
	if (!made)
		ret = ckpt_unlinked_make(s, object, first->fname, &fd, err);
	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (!is_of(vma, object))
			continue;
		ret = map_unlinked(s, vma, fd, err);
		if (ret)
			ckpt_vma_about(vma, err);
	}
	return ret ? ret : ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)fd);
}

int ckpt_objects_restore(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	static int (*const kinds[])(struct ckpt_skeleton *, const struct ckpt_object *,
				    struct ckpt_err *) = {
		[CKPT_OBJECT_SHM] = restore_shared,
		[CKPT_OBJECT_PIPE] = NULL, /* restore_files.c */
		[CKPT_OBJECT_FILE] = restore_unlinked,
		[CKPT_OBJECT_MEMFD] = restore_unlinked,
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->objects.n; i++) {
		const struct ckpt_object *object = &s->task->objects.v[i];

		if (!kinds[object->kind])
			continue;
		ret = kinds[object->kind](s, object, err);
		if (ret)
			ckpt_err_about(err, "objects/%llu", (unsigned long long)object->id);
	}
	return ret;
}
