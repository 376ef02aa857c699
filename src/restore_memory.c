// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rebuilds an address space in a skeleton: mm fields, vdso, mappings, contents, flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "apart.h"
#include "log.h"
#include "memlocks.h"
#include "mempolicy.h"
#include "pkeys.h"
#include "restore_objects.h"
#include "skeleton.h"
#include "vma_map.h"
#include "vma_nodes.h"

#define ARCH_MAP_VDSO_32_NR    0x2002 /* arch/x86/include/uapi/asm/prctl.h */
#define ARCH_MAP_VDSO_64_NR    0x2003
#define SYS_mseal_nr	       462 /* Linux 6.10 */
#define PR_SET_MEMORY_MERGE_NR 67  /* Linux 6.4 */

/* One mapped file that is open in the skeleton now: neighbours are mostly of the same file. */
struct open_file {
	const char *path;
	int flags;
	long fd;
};

/* ---- files behind mappings ---- */

static int close_file(struct ckpt_skeleton *s, struct open_file *open_, struct ckpt_err *err)
{
	int ret = 0;

	if (open_->path)
		ret = ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)open_->fd);
	open_->path = NULL;
	return ret;
}

int ckpt_skeleton_check_file(struct ckpt_skeleton *s, const char *path, long fd, uint64_t size,
			     int64_t mtime, struct ckpt_err *err)
{
	struct stat st;
	int ret = ckpt_skeleton_do(s, NULL, err, path, SYS_fstat, (uint64_t)fd, s->r.scratch);

	if (!ret)
		ret = ckpt_remote_get(&s->r, 0, &st, sizeof(st), err);
	if (ret || !S_ISREG(st.st_mode))
		return ret;
	if ((uint64_t)st.st_size != size)
		return ckpt_fail(err, EBUSY, "%s: file changed: %lld bytes now, %llu at the freeze",
				 path, (long long)st.st_size, (unsigned long long)size);
	if (st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec != mtime)
		return ckpt_fail(err, EBUSY, "%s: file changed: it was written since the freeze",
				 path);
	return 0;
}

/* A shared file mapping is of a living file: only that it is long enough counts. */
static int check_mapped(struct ckpt_skeleton *s, const struct ckpt_vma *vma, long fd,
			struct ckpt_err *err)
{
	if (vma->shared || !vma->fmtime)
		return 0;
	return ckpt_skeleton_check_file(s, vma->fname, fd, vma->fsize, vma->fmtime, err);
}

static int open_mapped(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct open_file *open_,
		       struct ckpt_err *err)
{
	int flags = (vma->shared && ckpt_vma_has(vma, "mw") ? O_RDWR : O_RDONLY) | O_CLOEXEC |
		    O_NOCTTY | O_NONBLOCK;
	int ret;

	if (open_->path && open_->flags == flags && !strcmp(open_->path, vma->fname))
		return 0;
	ret = close_file(s, open_, err);
	if (!ret)
		ret = ckpt_skeleton_open(s, vma->fname, flags, &open_->fd, err);
	if (ret)
		return ret;
	open_->path = vma->fname;
	open_->flags = flags;
	return check_mapped(s, vma, open_->fd, err);
}

/* ---- mapping ---- */

static int map_file(struct ckpt_skeleton *s, const struct ckpt_vma *vma,
		    const struct ckpt_vma *before, struct open_file *open_, struct ckpt_err *err)
{
	int ret = 0;

	/* mappings of one open file would become one */
	if (before && ckpt_apart_alike(before, vma))
		ret = close_file(s, open_, err);
	if (!ret)
		ret = open_mapped(s, vma, open_, err);

	return ret ? ret : ckpt_vma_map(s, vma, open_->fd, err);
}

/* PR_SET_MEMORY_MERGE makes everything mergeable that there is and that comes; what the task had
 * taken out is taken out again. */
static int merge_from_now(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	return s->task->mm.memory_merge ? ckpt_skeleton_do(s, NULL, err, "mm: memory_merge",
							   SYS_prctl, PR_SET_MEMORY_MERGE_NR, 1)
					: 0;
}

static int map_all(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct open_file open_ = {0};
	int ret = 0, closed;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (vma->how == CKPT_VMA_ANON)
			ret = ckpt_vma_map(s, vma, -1, err);
		else if (vma->how == CKPT_VMA_FILE && !vma->has_object)
			ret = map_file(s, vma, i ? vma - 1 : NULL, &open_, err);
		if (ret)
			ckpt_vma_about(vma, err);
	}
	closed = close_file(s, &open_, ret ? NULL : err);
	return ret ? ret : closed;
}

/* ---- contents ---- */

static int fill_all(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];
		char path[64];

		if (!vma->pages.npages)
			continue;
		snprintf(path, sizeof(path), "vmas/%016llx/pages", (unsigned long long)vma->start);
		ret = ckpt_vma_fill(s, path, &vma->pages, 0, ckpt_vma_first_prot(vma) & PROT_WRITE,
				    err);
		if (ret && ret != -EINVAL && vma->has_huge) /* a fault that finds none */
			ret = ckpt_vma_no_huge(vma, vma->pages.npages * CKPT_PAGE_SIZE, err);
		if (ret)
			ckpt_vma_about(vma, err);
	}
	return ret;
}

/* ---- vdso ---- */

/* The kernel maps vvar and vdso as one block; the tree's must be the same block elsewhere. */
static int restore_vdso(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_vma *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];
		const struct ckpt_vma *mine;

		if (vma->how < CKPT_VMA_VDSO)
			continue;
		if (!first)
			first = vma;
		mine = n < s->vdso.n ? &s->vdso.v[n] : NULL;
		if (!mine || mine->how != vma->how || ckpt_vma_len(mine) != ckpt_vma_len(vma) ||
		    vma->start - first->start != mine->start - s->vdso.v[0].start)
			return ckpt_fail(
				err, ENOTSUP,
				"vmas/%016llx: this kernel lays out vdso and vvar otherwise",
				(unsigned long long)vma->start);
		n++;
	}
	if (!n)
		return 0;
	if (n != s->vdso.n)
		return ckpt_fail(err, ENOTSUP,
				 "vdso: %zu of the kernel's %zu mappings are in the tree", n,
				 s->vdso.n);
	return ckpt_skeleton_do(s, NULL, err, "vdso", SYS_arch_prctl,
				ckpt_task_is_i386(s->task) ? ARCH_MAP_VDSO_32_NR
							   : ARCH_MAP_VDSO_64_NR,
				first->start);
}

/* ---- mm fields ---- */

/* struct prctl_mm_map, include/uapi/linux/prctl.h */
static int set_mm(struct ckpt_skeleton *s, long exe_fd, long *result, struct ckpt_err *err)
{
	const struct ckpt_mm *mm = &s->task->mm;
	const size_t word = ckpt_task_is_i386(s->task) ? 4 : 8; /* bytes, little endian */
	uint8_t auxv[1040] = {0};
	struct prctl_mm_map map = {
		.start_code = mm->start_code,
		.end_code = mm->end_code,
		.start_data = mm->start_data,
		.end_data = mm->end_data,
		.start_brk = mm->start_brk,
		.brk = mm->brk,
		.start_stack = mm->start_stack,
		.arg_start = mm->arg_start,
		.arg_end = mm->arg_end,
		.env_start = mm->env_start,
		.env_end = mm->env_end,
		.auxv = (void *)(uintptr_t)(s->r.scratch + sizeof(map)),
		.auxv_size = (uint32_t)((mm->auxv.n + 1) * 2 * word),
		.exe_fd = (uint32_t)exe_fd,
	};
	int ret;

	for (size_t i = 0; i < mm->auxv.n; i++) {
		memcpy(auxv + 2 * i * word, &mm->auxv.v[i].type, word);
		memcpy(auxv + (2 * i + 1) * word, &mm->auxv.v[i].value, word);
	}
	ret = ckpt_remote_put(&s->r, 0, &map, sizeof(map), err);
	if (!ret)
		ret = ckpt_remote_put(&s->r, sizeof(map), auxv, map.auxv_size, err);
	return ret ? ret
		   : ckpt_remote_call(
			     &s->r, result, err, SYS_prctl,
			     CKPT_ARGS(PR_SET_MM, PR_SET_MM_MAP, s->r.scratch, sizeof(map), 0));
}

static int open_exe(struct ckpt_skeleton *s, long *fd, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;
	int ret = ckpt_skeleton_open(s, h->exe, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, fd,
				     err);

	return ret ? ret : ckpt_skeleton_check_file(s, h->exe, *fd, h->exe_size, h->exe_mtime, err);
}

/* A program that was replaced while it ran. Who may not set it executes it already. */
static int exe_again(struct ckpt_skeleton *s, long *fd, struct ckpt_err *err)
{
	int ret = ckpt_skeleton_may_choose(s->who)
			  ? ckpt_unlinked_exe(s, fd, err)
			  : ckpt_skeleton_open(s, "/proc/self/exe", O_RDONLY | O_CLOEXEC, fd, err);

	s->exe_object = s->task->header.exe_object;
	s->exe_fd = *fd;
	return ret;
}

static int restore_mm(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;
	long fd = -1, result = 0;
	int ret = h->has_exe_object ? exe_again(s, &fd, err) : open_exe(s, &fd, err);

	if (!ret)
		/* who may not set it executes it already (ckpt_skeleton_exec) */
		ret = set_mm(s, ckpt_skeleton_may_choose(s->who) ? fd : -1, &result, err);
	if (!ret && result < 0)
		ret = ckpt_fail(err, (int)-result, "mm: the kernel does not take it: %s",
				strerror((int)-result));
	if (ret || h->has_exe_object) /* it is mapped later */
		return ret;
	return ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)fd);
}

/* ---- what follows the contents ---- */

static int finish_vma(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	int ret = 0;

	if (vma->how < CKPT_VMA_VDSO && ckpt_pkeys_explicit(s->task, vma))
		return ckpt_skeleton_do(s, NULL, err, "pkey_mprotect", SYS_pkey_mprotect,
					vma->start, ckpt_vma_len(vma), (uint64_t)ckpt_vma_prot(vma),
					vma->pkey);
	if (vma->how <= CKPT_VMA_FILE && ckpt_vma_first_prot(vma) != ckpt_vma_prot(vma))
		ret = ckpt_skeleton_do(s, NULL, err, "mprotect", SYS_mprotect, vma->start,
				       ckpt_vma_len(vma), (uint64_t)ckpt_vma_prot(vma));
	return ret;
}

static int seal_vma(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	if (vma->how >= CKPT_VMA_VDSO || !ckpt_vma_has(vma, "sl"))
		return 0;
	return ckpt_skeleton_do(s, NULL, err, "mseal", SYS_mseal_nr, vma->start, ckpt_vma_len(vma),
				0);
}

static int each_vma(struct ckpt_skeleton *s,
		    int (*step)(struct ckpt_skeleton *s, const struct ckpt_vma *vma,
				struct ckpt_err *err),
		    struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		ret = step(s, &s->task->vmas.v[i], err);
		if (ret)
			ckpt_vma_about(&s->task->vmas.v[i], err);
	}
	return ret;
}

int ckpt_restore_memory(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = restore_mm(s, err);

	if (!ret)
		ret = merge_from_now(s, err);
	if (!ret)
		ret = ckpt_pkeys_restore(s, err);
	if (!ret)
		ret = restore_vdso(s, err);
	if (!ret)
		ret = map_all(s, err);
	if (!ret)
		ret = ckpt_objects_restore(s, err);
	if (!ret)
		ret = ckpt_apart_begin(s, err);
	if (!ret)
		ret = fill_all(s, err);
	if (!ret)
		ret = ckpt_apart_end(s, err);
	if (!ret)
		ret = each_vma(s, finish_vma, err);
	if (!ret)
		ret = ckpt_memlocks_restore(s, err);
	if (!ret)
		ret = each_vma(s, seal_vma, err);
	if (!ret)
		ret = ckpt_mempolicy_restore(s, err);
	return ret ? ret : ckpt_memlocks_restore_future(s, err);
}

/* ---- a live task, beside its own memory ---- */

int ckpt_restore_mappings(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = map_all(s, err);

	return ret ? ret : ckpt_objects_restore(s, err);
}

int ckpt_restore_protection(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	return each_vma(s, finish_vma, err);
}
