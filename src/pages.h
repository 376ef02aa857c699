/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a VMA or an object belong in a dump, and their contents.
 *
 * A page is dumped when it is anonymous (swapped out counts) or was written privately; the
 * kernel's zero page, guard regions and clean file pages are not. Selection uses the PAGEMAP_SCAN
 * ioctl (Linux 6.7, fs/proc/task_mmu.c) where the kernel has it, else /proc/PID/pagemap entries
 * with /proc/kpageflags for the zero page; empty VMAs of any size cost nothing with either.
 */
#ifndef CKPT_PAGES_H
#define CKPT_PAGES_H

#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "manifest.h"
#include "task.h"
#include "tree.h"

struct ckpt_range {
	uint64_t start, end;
};

/* What selection needs to know of one address space; reuse it for all VMAs. */
struct ckpt_pagemap {
	pid_t pid;
	int fd;		   /* /proc/PID/pagemap */
	int kflags_fd;	   /* /proc/kpageflags, -1 */
	bool no_scan;	   /* PAGEMAP_SCAN is not there */
	uint64_t zero_pfn; /* 0: not known */
	/* pages.c's own: */
	uint64_t excluded; /* PAGE_IS_* that keep a page out, as far as the kernel knows them */
	uint64_t huge_zero_pfn; /* first page of the huge zero page; 0: not seen */
	uint64_t plain_pfn;	/* the last one looked up that was none */
	bool smaps_read;
	CKPT_VEC(struct ckpt_range) empty; /* big VMAs without any page, from smaps */
};
int ckpt_pagemap_open(pid_t pid, struct ckpt_pagemap *out, struct ckpt_err *err);
void ckpt_pagemap_close(struct ckpt_pagemap *pm);

/* Fills pages (empty before) with the runs of [start, end) to be dumped. Of a
 * file mapping only the pages that were written privately count. */
int ckpt_pages_select(struct ckpt_pagemap *pm, uint64_t start, uint64_t end,
		      struct ckpt_pages *pages, struct ckpt_err *err);

/* Adds the guard regions of a mapping to its guard. None where the kernel does not tell them
 * (before Linux 6.15). */
int ckpt_guards_select(struct ckpt_pagemap *pm, struct ckpt_vma *vma, struct ckpt_err *err);

/* Fills pages with the data ranges (SEEK_DATA) of a shared memory file of that size in bytes;
 * run starts are offsets in the file. */
int ckpt_pages_select_fd(int fd, uint64_t size, struct ckpt_pages *pages, struct ckpt_err *err);

/* Adds npages at start as the next run, joined with the last one where they touch. */
int ckpt_pages_add(struct ckpt_pages *pages, uint64_t start, uint64_t npages);

/* Removes one page from the runs, if it is there. */
int ckpt_pages_remove(struct ckpt_pages *pages, uint64_t addr);

/* What a good file holds: runs page-aligned, ascending, not overlapping, within [start, end),
 * offsets packed from 0, npages their sum. -EINVAL says which run is wrong. */
int ckpt_pages_check(const struct ckpt_pages *pages, uint64_t start, uint64_t end,
		     struct ckpt_err *err);

/* Reads len bytes at packed offset off, from a task (process_vm_readv, /proc/PID/mem where the
 * mapping is not readable) or from a file. All of len, or a negative errno. Any thread. */
ssize_t ckpt_pages_read_task(const struct ckpt_pages *pages, pid_t pid, int mem_fd, void *buf,
			     size_t len, uint64_t off);
ssize_t ckpt_pages_read_fd(const struct ckpt_pages *pages, int fd, void *buf, size_t len,
			   uint64_t off);

/* ---- digests of the 1 MiB chunks of one `pages` file ---- */
struct ckpt_sums;
struct ckpt_sums *ckpt_sums_new(uint64_t size); /* bytes of the pages file */
void ckpt_sums_free(struct ckpt_sums *sums);
uint64_t ckpt_sums_nchunks(const struct ckpt_sums *sums);
/* Learns the digests of the chunks that [off, off + len) covers whole. Any thread. */
void ckpt_sums_note(struct ckpt_sums *sums, const void *data, size_t len, uint64_t off);
/* Computes what is not known yet by reading it; then prints the text of the `sums` file. */
int ckpt_sums_text(struct ckpt_sums *sums, const struct ckpt_page_reader *reader,
		   const struct ckpt_entry *entry, struct ckpt_buf *buf);

#endif
