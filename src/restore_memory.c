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
#include "log.h"
#include "memlocks.h"
#include "prctls.h"
#include "skeleton.h"
#include "vma_nodes.h"

#define ARCH_MAP_VDSO_64_NR    0x2003 /* arch/x86/include/uapi/asm/prctl.h */
#define SYS_mseal_nr	       462    /* Linux 6.10 */
#define PR_SET_MEMORY_MERGE_NR 67     /* Linux 6.4 */
#define FILL_BYTES	       CKPT_CHUNK_SIZE

/* One mapped file that is open in the skeleton now: neighbours are mostly of the same file. */
struct open_file {
	const char *path;
	int flags;
	long fd;
};

static uint64_t vma_len(const struct ckpt_vma *vma)
{
	return vma->end - vma->start;
}

static int about_vma(const struct ckpt_vma *vma, struct ckpt_err *err)
{
	return ckpt_err_about(err, "vmas/%016llx", (unsigned long long)vma->start);
}

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

static int final_prot(const struct ckpt_vma *vma)
{
	return (vma->prot & CKPT_PROT_READ ? PROT_READ : 0) |
	       (vma->prot & CKPT_PROT_WRITE ? PROT_WRITE : 0) |
	       (vma->prot & CKPT_PROT_EXEC ? PROT_EXEC : 0);
}

/* Memory that was writable once is accounted ("ac"), and stays so when it is protected: map it
 * writable first, as the program had it (mm/mmap.c, accountable_mapping). */
static int first_prot(const struct ckpt_vma *vma)
{
	int prot = final_prot(vma);

	return ckpt_vma_has(vma, "ac") && !vma->shared ? prot | PROT_WRITE : prot;
}

static int map_flags(const struct ckpt_vma *vma)
{
	int flags = MAP_FIXED_NOREPLACE | (vma->shared ? MAP_SHARED : MAP_PRIVATE);

	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++)
		if (ckpt_vm_flags[i].what == CKPT_VM_MAP && vma->flags >> i & 1)
			flags |= ckpt_vm_flags[i].arg;
	return flags;
}

static int map_anon(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	return ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, vma->start, vma_len(vma),
				(uint64_t)first_prot(vma),
				(uint64_t)(map_flags(vma) | MAP_ANONYMOUS), (uint64_t)-1, 0);
}

static int map_file(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct open_file *open_,
		    struct ckpt_err *err)
{
	int ret = open_mapped(s, vma, open_, err);

	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, vma->start, vma_len(vma),
				      (uint64_t)first_prot(vma), (uint64_t)map_flags(vma),
				      (uint64_t)open_->fd, vma->pgoff);
}

/* Advice comes before the contents: whether pages may be huge is decided when they are touched. */
static int advise(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	int ret = 0;

	for (int i = 0; !ret && ckpt_vm_flags[i].letters[0]; i++)
		if (ckpt_vm_flags[i].what == CKPT_VM_ADVISE && vma->flags >> i & 1)
			ret = ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, vma->start,
					       vma_len(vma), (uint64_t)ckpt_vm_flags[i].arg);
	return ret;
}

/* PR_SET_MEMORY_MERGE makes everything mergeable that there is and that comes; what the task had
 * taken out is taken out again. */
static int merge_from_now(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	return s->task->mm.memory_merge ? ckpt_skeleton_do(s, NULL, err, "mm: memory_merge",
							   SYS_prctl, PR_SET_MEMORY_MERGE_NR, 1)
					: 0;
}

static int unmerge(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	if (!s->task->mm.memory_merge || ckpt_vma_has(vma, "mg"))
		return 0;
	return ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, vma->start, vma_len(vma),
				MADV_UNMERGEABLE);
}

static int map_all(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct open_file open_ = {0};
	int ret = 0, closed;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (vma->how == CKPT_VMA_ANON)
			ret = map_anon(s, vma, err);
		else if (vma->how == CKPT_VMA_FILE)
			ret = map_file(s, vma, &open_, err);
		if (!ret && vma->how <= CKPT_VMA_FILE)
			ret = advise(s, vma, err);
		if (!ret && vma->how <= CKPT_VMA_FILE)
			ret = unmerge(s, vma, err);
		if (ret)
			about_vma(vma, err);
	}
	closed = close_file(s, &open_, ret ? NULL : err);
	return ret ? ret : closed;
}

/* ---- contents ---- */

static int put_memory(struct ckpt_skeleton *s, uint64_t addr, void *data, size_t len, bool writable,
		      struct ckpt_err *err)
{
	struct iovec local = {data, len}, remote = {(void *)(uintptr_t)addr, len};

	if (writable && process_vm_writev(s->pid, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return 0;
	/* through the tracer's door, which private read-only mappings do not close */
	if (pwrite(s->r.mem_fd, data, len, (off_t)addr) == (ssize_t)len)
		return 0;
	return ckpt_fail(err, errno ? errno : EIO, "its memory at 0x%llx can't be written: %s",
			 (unsigned long long)addr, strerror(errno));
}

/* Reads the page file in order and puts every run at base + its start. */
static int fill(struct ckpt_skeleton *s, const char *path, const struct ckpt_pages *pages,
		uint64_t base, bool writable, struct ckpt_err *err)
{
	struct ckpt_page_stream *stream = NULL;
	void *buf = malloc(FILL_BYTES);
	int ret;

	if (!buf)
		return ckpt_fail(err, ENOMEM, "no memory for pages");
	ret = ckpt_page_stream_open(s->src, path, &stream, err);
	if (ret) {
		free(buf);
		return ret;
	}
	for (size_t i = 0; !ret && i < pages->runs.n; i++) {
		uint64_t addr = base + pages->runs.v[i].start;
		uint64_t left = pages->runs.v[i].npages * CKPT_PAGE_SIZE;

		while (!ret && left) {
			size_t len = left < FILL_BYTES ? left : FILL_BYTES;

			ret = ckpt_page_stream_read(stream, buf, len, err);
			if (!ret)
				ret = put_memory(s, addr, buf, len, writable, err);
			addr += len;
			left -= len;
			atomic_fetch_add(&s->progress->pages_done, len / CKPT_PAGE_SIZE);
		}
	}
	if (!ret)
		ret = ckpt_page_stream_end(stream, err);
	ckpt_page_stream_close(stream);
	free(buf);
	return ret;
}

static int fill_all(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];
		char path[64];

		if (!vma->pages.npages)
			continue;
		snprintf(path, sizeof(path), "vmas/%016llx/pages", (unsigned long long)vma->start);
		ret = fill(s, path, &vma->pages, 0, first_prot(vma) & PROT_WRITE, err);
	}
	return ret;
}

/* ---- shared anonymous memory ---- */

/* The mapping made of the object's memory: mremap with an old size of 0 maps the same pages once
 * more (mremap(2)), under the name the kernel gives to such memory. */
static int map_view(struct ckpt_skeleton *s, const struct ckpt_vma *vma, uint64_t whole,
		    const struct ckpt_object *object, struct ckpt_err *err)
{
	int ret;

	if (vma->pgoff + vma_len(vma) > object->size || vma->pgoff % CKPT_PAGE_SIZE)
		return ckpt_fail(err, EINVAL, "it lies outside object %llu",
				 (unsigned long long)object->id);
	ret = ckpt_skeleton_do(s, NULL, err, "mremap", SYS_mremap, whole + vma->pgoff, 0,
			       vma_len(vma), MREMAP_MAYMOVE | MREMAP_FIXED, vma->start);
	if (!ret && vma->prot != (CKPT_PROT_READ | CKPT_PROT_WRITE))
		ret = ckpt_skeleton_do(s, NULL, err, "mprotect", SYS_mprotect, vma->start,
				       vma_len(vma), (uint64_t)final_prot(vma));
	return ret;
}

static int restore_object(struct ckpt_skeleton *s, const struct ckpt_object *object,
			  struct ckpt_err *err)
{
	uint64_t whole = ckpt_skeleton_gap(s, object->size);
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ret;
	char path[64];

	if (!whole)
		return ckpt_fail(err, ENOTSUP, "no free address space for it");
	for (size_t i = 0; i < s->task->vmas.n; i++)
		if (s->task->vmas.v[i].how == CKPT_VMA_SHM &&
		    s->task->vmas.v[i].object == object->id &&
		    ckpt_vma_has(&s->task->vmas.v[i], "nr"))
			flags |= MAP_NORESERVE;
	ret = ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, whole, object->size,
			       PROT_READ | PROT_WRITE, (uint64_t)flags, (uint64_t)-1, 0);
	snprintf(path, sizeof(path), "objects/%llu/pages", (unsigned long long)object->id);
	if (!ret)
		ret = fill(s, path, &object->pages, whole, true, err);
	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (vma->how != CKPT_VMA_SHM || vma->object != object->id)
			continue;
		ret = map_view(s, vma, whole, object, err);
		if (ret)
			about_vma(vma, err);
	}
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "munmap", SYS_munmap, whole, object->size);
}

static int restore_objects(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->objects.n; i++) {
		const struct ckpt_object *object = &s->task->objects.v[i];

		if (object->kind != CKPT_OBJECT_SHM)
			continue;
		ret = restore_object(s, object, err);
		if (ret)
			ckpt_err_about(err, "objects/%llu", (unsigned long long)object->id);
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
		if (!mine || mine->how != vma->how || vma_len(mine) != vma_len(vma) ||
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
	return ckpt_skeleton_do(s, NULL, err, "vdso", SYS_arch_prctl, ARCH_MAP_VDSO_64_NR,
				first->start);
}

/* ---- mm fields ---- */

/* struct prctl_mm_map, include/uapi/linux/prctl.h */
static int set_mm(struct ckpt_skeleton *s, long exe_fd, long *result, struct ckpt_err *err)
{
	const struct ckpt_mm *mm = &s->task->mm;
	uint64_t auxv[130] = {0};
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
		.auxv_size = (uint32_t)((mm->auxv.n + 1) * 16),
		.exe_fd = (uint32_t)exe_fd,
	};
	int ret;

	for (size_t i = 0; i < mm->auxv.n; i++) {
		auxv[2 * i] = mm->auxv.v[i].type;
		auxv[2 * i + 1] = mm->auxv.v[i].value;
	}
	ret = ckpt_remote_put(&s->r, 0, &map, sizeof(map), err);
	if (!ret)
		ret = ckpt_remote_put(&s->r, sizeof(map), auxv, map.auxv_size, err);
	return ret ? ret
		   : ckpt_remote_call(
			     &s->r, result, err, SYS_prctl,
			     CKPT_ARGS(PR_SET_MM, PR_SET_MM_MAP, s->r.scratch, sizeof(map), 0));
}

static int restore_mm(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;
	long fd, result = 0;
	int ret = ckpt_skeleton_open(s, h->exe, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, &fd,
				     err);

	if (!ret)
		ret = ckpt_skeleton_check_file(s, h->exe, fd, h->exe_size, h->exe_mtime, err);
	if (!ret)
		/* who may not set it executes it already (ckpt_skeleton_exec) */
		ret = set_mm(s, ckpt_skeleton_may_choose(s->who) ? fd : -1, &result, err);
	if (!ret && result < 0)
		ret = ckpt_fail(err, (int)-result, "mm: the kernel does not take it: %s",
				strerror((int)-result));
	return ret ? ret : ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)fd);
}

/* ---- what follows the contents ---- */

static int finish_vma(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	int ret = 0;

	if (vma->how <= CKPT_VMA_FILE && first_prot(vma) != final_prot(vma))
		ret = ckpt_skeleton_do(s, NULL, err, "mprotect", SYS_mprotect, vma->start,
				       vma_len(vma), (uint64_t)final_prot(vma));
	if (!ret && vma->how == CKPT_VMA_SHM)
		ret = advise(s, vma, err);
	return ret;
}

static int seal_vma(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	if (vma->how >= CKPT_VMA_VDSO || !ckpt_vma_has(vma, "sl"))
		return 0;
	return ckpt_skeleton_do(s, NULL, err, "mseal", SYS_mseal_nr, vma->start, vma_len(vma), 0);
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
			about_vma(&s->task->vmas.v[i], err);
	}
	return ret;
}

int ckpt_restore_memory(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = restore_mm(s, err);

	if (!ret)
		ret = merge_from_now(s, err);
	if (!ret)
		ret = restore_vdso(s, err);
	if (!ret)
		ret = map_all(s, err);
	if (!ret)
		ret = fill_all(s, err);
	if (!ret)
		ret = restore_objects(s, err);
	if (!ret)
		ret = each_vma(s, finish_vma, err);
	if (!ret)
		ret = ckpt_memlocks_restore(s, err);
	if (!ret)
		ret = each_vma(s, seal_vma, err);
	return ret ? ret : ckpt_memlocks_restore_future(s, err);
}
