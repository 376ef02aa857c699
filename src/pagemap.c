// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pages of an address space belong in a dump.
 *
 * Owns that rule and its two implementations: the PAGEMAP_SCAN ioctl, where the kernel itself
 * walks the page tables and returns only what we want, and /proc/PID/pagemap for kernels before
 * 6.7. Reads no page.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"
#include "proc.h"

/* include/uapi/linux/fs.h of Linux 6.7; our headers may be older than the kernel. */
#ifndef PAGEMAP_SCAN
#define PAGE_IS_FILE	(1 << 2)
#define PAGE_IS_PRESENT (1 << 3)
#define PAGE_IS_SWAPPED (1 << 4)
#define PAGE_IS_PFNZERO (1 << 5)
#define PAGE_IS_HUGE	(1 << 6)

struct page_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct pm_scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif
#ifndef PAGE_IS_GUARD
#define PAGE_IS_GUARD (1 << 8) /* Linux 6.15 */
#endif

/* Documentation/admin-guide/mm/pagemap.rst */
#define PM_PFN	      ((1ull << 55) - 1)
#define PM_EXCLUSIVE  (1ull << 56)
#define PM_GUARD      (1ull << 58)
#define PM_FILE	      (1ull << 61)
#define PM_SWAP	      (1ull << 62)
#define PM_PRESENT    (1ull << 63)
#define KPF_ZERO_PAGE (1ull << 24)

#define HUGE_PAGES    512ull
#define HUGE_SIZE     (HUGE_PAGES * CKPT_PAGE_SIZE)
#define SCAN_REGIONS  512
#define BLOCK_ENTRIES 2048
/* Reading 8 bytes of pagemap per page of a reservation this big is worth a look at smaps first. */
#define BIG_VMA (1ull << 30)

/* ---- what selection needs to know ---- */

static bool read_entry(int fd, uint64_t index, uint64_t *out)
{
	return pread(fd, out, sizeof(*out), index * sizeof(*out)) == sizeof(*out);
}

/* The frame of the zero page, from an untouched page of ours that is only read. 0: frame numbers
 * are hidden from us (no CAP_SYS_ADMIN). */
static uint64_t learn_zero_pfn(void)
{
	uint64_t entry = 0;
	volatile char *page;
	int fd;

	page = mmap(NULL, CKPT_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 0;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)*page;
		if (!read_entry(fd, (uintptr_t)page / CKPT_PAGE_SIZE, &entry) ||
		    !(entry & PM_PRESENT))
			entry = 0;
		close(fd);
	}
	munmap((void *)page, CKPT_PAGE_SIZE);
	return entry & PM_PFN;
}

/* Scans nothing, to see what the kernel takes: -1 with EINVAL for a category it does not know,
 * ENOTTY for the whole ioctl. */
static bool scan_takes(int fd, uint64_t excluded)
{
	struct page_region region;
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = CKPT_PAGE_SIZE,
		.end = 2 * CKPT_PAGE_SIZE,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_inverted = excluded,
		.category_mask = excluded,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_HUGE,
	};

	return ioctl(fd, PAGEMAP_SCAN, &arg) >= 0;
}

int ckpt_pagemap_open(pid_t pid, struct ckpt_pagemap *out, struct ckpt_err *err)
{
	struct ckpt_pagemap pm = {.pid = pid};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pm.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pm.fd < 0)
		return ckpt_fail_sys(err, "can't open %s", path);
	pm.kflags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	pm.zero_pfn = learn_zero_pfn();
	/* Guard regions exist since 6.13 but are told apart since 6.15 only: in between they look
	 * swapped out, and reading one fails the dump. */
	pm.excluded = PAGE_IS_FILE | PAGE_IS_PFNZERO | PAGE_IS_GUARD;
	if (!scan_takes(pm.fd, pm.excluded))
		pm.excluded &= ~(uint64_t)PAGE_IS_GUARD;
	pm.no_scan = !scan_takes(pm.fd, pm.excluded);
	*out = pm;
	return 0;
}

void ckpt_pagemap_close(struct ckpt_pagemap *pm)
{
	close(pm->fd);
	if (pm->kflags_fd >= 0)
		close(pm->kflags_fd);
	CKPT_VEC_FINI(&pm->empty);
	pm->fd = pm->kflags_fd = -1;
}

/* Whether a present page that is not a file's is the zero page, small or huge. */
static bool is_zero_page(struct ckpt_pagemap *pm, uint64_t entry)
{
	uint64_t pfn = entry & PM_PFN, head = pfn & ~(HUGE_PAGES - 1), flags;

	/* The zero pages are mapped by all and counted as mapped by none. */
	if (!pfn || entry & PM_EXCLUSIVE)
		return false;
	if (pfn == pm->zero_pfn)
		return true;
	if (pm->kflags_fd < 0 || head == pm->plain_pfn)
		return false;
	if (head && head == pm->huge_zero_pfn)
		return true;
	/* head's flag speaks for the huge zero page only if head is not the small one. */
	if (read_entry(pm->kflags_fd, head, &flags) && flags & KPF_ZERO_PAGE &&
	    head != pm->zero_pfn) {
		pm->huge_zero_pfn = head;
		return true;
	}
	pm->plain_pfn = head;
	return false;
}

/* ---- PAGEMAP_SCAN ---- */

/* Adds a region the kernel says is mapped by huge entries. Before 6.17 it does not recognize the
 * huge zero page there, so ask for the frame of each. */
static int add_huge(struct ckpt_pagemap *pm, uint64_t start, uint64_t end, struct ckpt_pages *pages)
{
	while (start < end) {
		uint64_t next = (start & ~(HUGE_SIZE - 1)) + HUGE_SIZE, entry;
		int ret;

		if (next > end)
			next = end;
		if (!read_entry(pm->fd, start / CKPT_PAGE_SIZE, &entry) || !(entry & PM_PRESENT) ||
		    !is_zero_page(pm, entry)) {
			ret = ckpt_pages_add(pages, start, (next - start) / CKPT_PAGE_SIZE);
			if (ret < 0)
				return ret;
		}
		start = next;
	}
	return 0;
}

static int select_by_scan(struct ckpt_pagemap *pm, uint64_t start, uint64_t end,
			  struct ckpt_pages *pages)
{
	struct page_region vec[SCAN_REGIONS];

	while (start < end) {
		struct pm_scan_arg arg = {
			.size = sizeof(arg),
			.start = start,
			.end = end,
			.vec = (uintptr_t)vec,
			.vec_len = SCAN_REGIONS,
			/* Inverted and required: these must be absent. */
			.category_inverted = pm->excluded,
			.category_mask = pm->excluded,
			.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
			.return_mask = PAGE_IS_HUGE,
		};
		int n = ioctl(pm->fd, PAGEMAP_SCAN, &arg), ret = 0;

		if (n < 0)
			return -errno;
		for (int i = 0; i < n && ret == 0; i++) {
			uint64_t npages = (vec[i].end - vec[i].start) / CKPT_PAGE_SIZE;

			ret = vec[i].categories & PAGE_IS_HUGE
				      ? add_huge(pm, vec[i].start, vec[i].end, pages)
				      : ckpt_pages_add(pages, vec[i].start, npages);
		}
		if (ret < 0)
			return ret;
		if (arg.walk_end <= start)
			return -EIO;
		start = arg.walk_end;
	}
	return 0;
}

int ckpt_guards_select(struct ckpt_pagemap *pm, struct ckpt_vma *vma, struct ckpt_err *err)
{
	struct page_region vec[SCAN_REGIONS];
	uint64_t start = vma->start;

	if (pm->no_scan || !(pm->excluded & PAGE_IS_GUARD))
		return 0;
	while (start < vma->end) {
		struct pm_scan_arg arg = {
			.size = sizeof(arg),
			.start = start,
			.end = vma->end,
			.vec = (uintptr_t)vec,
			.vec_len = SCAN_REGIONS,
			.category_mask = PAGE_IS_GUARD,
			.return_mask = PAGE_IS_GUARD,
		};
		int n = ioctl(pm->fd, PAGEMAP_SCAN, &arg);

		if (n < 0 || arg.walk_end <= start)
			return ckpt_fail(err, n < 0 ? errno : EIO,
					 "can't tell the guard regions of process %d: %s", pm->pid,
					 strerror(n < 0 ? errno : EIO));
		for (int i = 0; i < n; i++) {
			struct ckpt_guard *last =
				vma->guard.n ? &vma->guard.v[vma->guard.n - 1] : NULL;
			uint64_t npages = (vec[i].end - vec[i].start) / CKPT_PAGE_SIZE;

			if (last && last->start + last->npages * CKPT_PAGE_SIZE == vec[i].start) {
				last->npages += npages;
				continue;
			}
			last = CKPT_VEC_ADD(&vma->guard);
			if (!last)
				return ckpt_fail(err, ENOMEM, "no memory for guard regions");
			*last = (struct ckpt_guard){vec[i].start, npages};
		}
		start = arg.walk_end;
	}
	return 0;
}

/* ---- /proc/PID/pagemap ---- */

/* One pass over smaps notes the big VMAs without a page; a line of it is "Rss:   12 kB". */
static int read_smaps(struct ckpt_pagemap *pm)
{
	static const char *const counters[] = {
		"Rss:", "Swap:", "Private_Hugetlb:", "Shared_Hugetlb:"};
	struct ckpt_range vma = {0}, *slot;
	bool used = true, failed = false;
	char path[64], *line = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pm->pid);
	f = ckpt_proc_fopen(path);
	if (!f)
		return -errno;
	while (!failed && ckpt_proc_getline(&line, &cap, f) > 0) {
		uint64_t kb;

		for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
			size_t n = strlen(counters[i]);

			if (!strncmp(line, counters[i], n) &&
			    (sscanf(line + n, "%" SCNu64, &kb) != 1 || kb))
				used = true;
		}
		if (!strncmp(line, "VmFlags:", 8) && !used && vma.end - vma.start >= BIG_VMA) {
			slot = CKPT_VEC_ADD(&pm->empty);
			failed = !slot;
			if (slot)
				*slot = vma;
		}
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &vma.start, &vma.end) == 2)
			used = false;
	}
	free(line);
	fclose(f);
	return failed ? -ENOMEM : 0;
}

static bool known_empty(struct ckpt_pagemap *pm, uint64_t start, uint64_t end)
{
	/* Without smaps every page is looked at: slower, the same result. */
	if (!pm->smaps_read)
		read_smaps(pm);
	pm->smaps_read = true;
	for (size_t i = 0; i < pm->empty.n; i++)
		if (pm->empty.v[i].start <= start && end <= pm->empty.v[i].end)
			return true;
	return false;
}

static bool entry_dumped(struct ckpt_pagemap *pm, uint64_t entry)
{
	if (!(entry & (PM_PRESENT | PM_SWAP)) || entry & (PM_FILE | PM_GUARD))
		return false;
	return !(entry & PM_PRESENT) || !is_zero_page(pm, entry);
}

static int select_by_pagemap(struct ckpt_pagemap *pm, uint64_t start, uint64_t end,
			     struct ckpt_pages *pages)
{
	uint64_t entry[BLOCK_ENTRIES];

	if (end - start >= BIG_VMA && known_empty(pm, start, end))
		return 0;
	while (start < end) {
		size_t want = (end - start) / CKPT_PAGE_SIZE;
		ssize_t got;

		if (want > BLOCK_ENTRIES)
			want = BLOCK_ENTRIES;
		got = pread(pm->fd, entry, want * sizeof(*entry),
			    start / CKPT_PAGE_SIZE * sizeof(*entry));
		if (got < 0)
			return -errno;
		if (got < (ssize_t)sizeof(*entry))
			return -ESRCH; /* the address space is gone */
		got /= sizeof(*entry);
		for (ssize_t i = 0; i < got; i++) {
			if (entry_dumped(pm, entry[i]) &&
			    ckpt_pages_add(pages, start + i * CKPT_PAGE_SIZE, 1) < 0)
				return -ENOMEM;
		}
		start += got * CKPT_PAGE_SIZE;
	}
	return 0;
}

int ckpt_pages_select(struct ckpt_pagemap *pm, uint64_t start, uint64_t end,
		      struct ckpt_pages *pages, struct ckpt_err *err)
{
	int ret = pm->no_scan ? select_by_pagemap(pm, start, end, pages)
			      : select_by_scan(pm, start, end, pages);

	if (ret == 0)
		return 0;
	CKPT_VEC_FINI(&pages->runs);
	pages->npages = 0;
	return ckpt_fail(err, -ret,
			 "can't tell the pages of 0x%" PRIx64 "-0x%" PRIx64 " of process %d: %s",
			 start, end, pm->pid, strerror(-ret));
}
