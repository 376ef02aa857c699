// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes one mapping in a skeleton as the table of flags has it, and fills it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "log.h"
#include "mempolicy.h"
#include "vma_map.h"
#include "vma_nodes.h"

#define PR_SET_VMA_NR	      0x53564d41 /* PR_SET_VMA_ANON_NAME, Linux 5.17 */
#define LEAST_MAX_MAPS	      60000	 /* vm.max_map_count is 65530 unless somebody changed it */
#define FILL_BYTES	      CKPT_CHUNK_SIZE
#define MADV_GUARD_INSTALL_NR 102
#define MADV_GUARD_REMOVE_NR  103

int ckpt_vma_about(const struct ckpt_vma *vma, struct ckpt_err *err)
{
	return ckpt_err_about(err, "vmas/%016llx", (unsigned long long)vma->start);
}

int ckpt_vma_prot(const struct ckpt_vma *vma)
{
	return (vma->prot & CKPT_PROT_READ ? PROT_READ : 0) |
	       (vma->prot & CKPT_PROT_WRITE ? PROT_WRITE : 0) |
	       (vma->prot & CKPT_PROT_EXEC ? PROT_EXEC : 0);
}

/* Memory that was writable once is accounted ("ac"), and stays so when it is protected: map it
 * writable first, as the program had it (mm/mmap.c, accountable_mapping). */
int ckpt_vma_first_prot(const struct ckpt_vma *vma)
{
	int prot = ckpt_vma_prot(vma);

	/* not even a tracer writes huge pages that can't be written (mm/gup.c, check_vma_flags) */
	return (ckpt_vma_has(vma, "ac") || vma->has_huge) && !vma->shared ? prot | PROT_WRITE
									  : prot;
}

int ckpt_vma_huge_flags(const struct ckpt_vma *vma)
{
	return vma->has_huge ? MAP_HUGETLB | __builtin_ctzll(vma->huge) << MAP_HUGE_SHIFT : 0;
}

int ckpt_vma_no_huge(const struct ckpt_vma *vma, uint64_t size, struct ckpt_err *err)
{
	return ckpt_fail(err, ENOMEM,
			 "%llu huge pages of %llu kB: the machine does not have so many free "
			 "(vm.nr_hugepages)",
			 (unsigned long long)(size / vma->huge),
			 (unsigned long long)(vma->huge >> 10));
}

static int map_flags(const struct ckpt_vma *vma)
{
	int flags = MAP_FIXED_NOREPLACE;

	if (!ckpt_vma_has(vma, "dp")) /* a type of its own */
		flags |= vma->shared ? MAP_SHARED : MAP_PRIVATE;

	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++)
		if (ckpt_vm_flags[i].what == CKPT_VM_MAP && vma->flags >> i & 1)
			flags |= ckpt_vm_flags[i].arg;
	return flags;
}

/* Also where there was one once and is none now, which the kernel remembers as well. */
static int guard(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	static const char what[] = "guard regions (MADV_GUARD_INSTALL, Linux 6.13)";
	int ret = 0;

	for (size_t i = 0; !ret && i < vma->guard.n; i++)
		ret = ckpt_skeleton_do(s, NULL, err, what, SYS_madvise, vma->guard.v[i].start,
				       vma->guard.v[i].npages * CKPT_PAGE_SIZE,
				       MADV_GUARD_INSTALL_NR);
	if (vma->guard.n || !ckpt_vma_has(vma, "gu"))
		return ret;
	ret = ckpt_skeleton_do(s, NULL, err, what, SYS_madvise, vma->start, CKPT_PAGE_SIZE,
			       MADV_GUARD_INSTALL_NR);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, what, SYS_madvise, vma->start, CKPT_PAGE_SIZE,
				      MADV_GUARD_REMOVE_NR);
}

/* A name changes nothing but what maps shows: said, and gone without. */
static int set_name(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	long result = 0;
	int ret;

	if (!vma->has_name)
		return 0;
	ret = ckpt_remote_put(&s->r, 0, vma->name, strlen(vma->name) + 1, err);
	if (!ret)
		ret = ckpt_remote_call(
			&s->r, &result, err, SYS_prctl,
			CKPT_ARGS(PR_SET_VMA_NR, 0, vma->start, ckpt_vma_len(vma), s->r.scratch));
	if (!ret && result < 0)
		ckpt_log("restore %d: vmas/%016llx: this kernel gives no names to memory (%s): "
			 "it was '%s'",
			 s->pid, (unsigned long long)vma->start, strerror((int)-result), vma->name);
	return ret;
}

static int unmerge(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	if (!s->task->mm.memory_merge || ckpt_vma_has(vma, "mg"))
		return 0;
	return ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, vma->start, ckpt_vma_len(vma),
				MADV_UNMERGEABLE);
}

/* Advice comes before the contents: whether pages may be huge is decided when they are touched. */
int ckpt_vma_advise(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	int ret = 0;

	for (int i = 0; !ret && ckpt_vm_flags[i].letters[0]; i++)
		if (ckpt_vm_flags[i].what == CKPT_VM_ADVISE && vma->flags >> i & 1)
			ret = ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, vma->start,
					       ckpt_vma_len(vma), (uint64_t)ckpt_vm_flags[i].arg);
	if (!ret)
		ret = ckpt_mempolicy_bind(s, vma, err);
	if (!ret)
		ret = set_name(s, vma, err);
	if (!ret)
		ret = guard(s, vma, err);
	return ret ? ret : unmerge(s, vma, err);
}

/* Memory in which no page was ever touched is not accounted any more when it is protected (Linux
 * 6.8, mm/mprotect.c): touch a page of what was, and drop it again. */
static int keep_accounted(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	if (!ckpt_vma_has(vma, "ac") || vma->shared || vma->has_huge || vma->pages.npages ||
	    vma->prot & CKPT_PROT_WRITE)
		return 0;
	if (pwrite(s->r.mem_fd, "", 1, (off_t)vma->start) != 1)
		return ckpt_fail_sys(err, "its memory can't be written");
	return ckpt_skeleton_do(s, NULL, err, "madvise", SYS_madvise, vma->start, CKPT_PAGE_SIZE,
				MADV_DONTNEED);
}

int ckpt_vma_map(struct ckpt_skeleton *s, const struct ckpt_vma *vma, long fd, struct ckpt_err *err)
{
	int flags = map_flags(vma) | (fd < 0 ? MAP_ANONYMOUS | ckpt_vma_huge_flags(vma) : 0);
	int ret = ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, vma->start, ckpt_vma_len(vma),
				   (uint64_t)ckpt_vma_first_prot(vma), (uint64_t)flags,
				   (uint64_t)fd, fd < 0 ? 0 : vma->pgoff);

	if (ret == -ENOMEM && vma->has_huge)
		return ckpt_vma_no_huge(vma, ckpt_vma_len(vma), err);
	if (ret == -ENOMEM && s->task->vmas.n >= LEAST_MAX_MAPS)
		return ckpt_fail(err, ENOMEM,
				 "mmap: Cannot allocate memory: it has %zu mappings, and needs two "
				 "more for a moment: vm.max_map_count may be too low",
				 s->task->vmas.n);
	if (!ret && fd < 0)
		ret = keep_accounted(s, vma, err);
	return ret ? ret : ckpt_vma_advise(s, vma, err);
}

/* ---- contents ---- */

struct sink {
	struct ckpt_skeleton *s;
	uint64_t base;
	bool writable;
};

static int put_memory(void *arg, uint64_t where, void *data, size_t len, struct ckpt_err *err)
{
	const struct sink *sink = arg;
	const struct ckpt_skeleton *s = sink->s;
	uint64_t addr = sink->base + where;
	struct iovec local = {data, len}, remote = {(void *)(uintptr_t)addr, len};

	if (sink->writable && process_vm_writev(s->pid, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return 0;
	/* through the tracer's door, which private read-only mappings do not close */
	if (pwrite(s->r.mem_fd, data, len, (off_t)addr) == (ssize_t)len)
		return 0;
	return ckpt_fail(err, errno ? errno : EIO, "its memory at 0x%llx can't be written: %s",
			 (unsigned long long)addr, strerror(errno));
}

int ckpt_pages_pour(struct ckpt_skeleton *s, const char *path, const struct ckpt_pages *pages,
		    int (*put)(void *arg, uint64_t where, void *data, size_t len,
			       struct ckpt_err *err),
		    void *arg, struct ckpt_err *err)
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
		uint64_t where = pages->runs.v[i].start;
		uint64_t left = pages->runs.v[i].npages * CKPT_PAGE_SIZE;

		while (!ret && left) {
			size_t len = left < FILL_BYTES ? left : FILL_BYTES;

			ret = ckpt_page_stream_read(stream, buf, len, err);
			if (!ret)
				ret = put(arg, where, buf, len, err);
			where += len;
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

int ckpt_vma_fill(struct ckpt_skeleton *s, const char *path, const struct ckpt_pages *pages,
		  uint64_t base, bool writable, struct ckpt_err *err)
{
	struct sink sink = {s, base, writable};

	return ckpt_pages_pour(s, path, pages, put_memory, &sink, err);
}
