// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of pages: their runs, and the contents of the packed file they describe.
 *
 * Knows nothing of how private pages are chosen (pagemap.c) nor of files of the tree.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pages.h"

/* ---- runs ---- */

int ckpt_pages_add(struct ckpt_pages *pages, uint64_t start, uint64_t npages)
{
	struct ckpt_run *last = pages->runs.n ? &pages->runs.v[pages->runs.n - 1] : NULL;

	if (!npages)
		return 0;
	if (!last || last->start + last->npages * CKPT_PAGE_SIZE != start) {
		last = CKPT_VEC_ADD(&pages->runs);
		if (!last)
			return -ENOMEM;
		last->start = start;
		last->source = CKPT_RUN_HERE;
		last->offset = pages->npages;
	}
	last->npages += npages;
	pages->npages += npages;
	return 0;
}

/* Splits run i so that its second part starts at addr. */
static int split_run(struct ckpt_pages *pages, size_t i, uint64_t addr)
{
	struct ckpt_run *first, *second;

	if (!CKPT_VEC_ADD(&pages->runs))
		return -ENOMEM;
	first = &pages->runs.v[i];
	second = first + 1;
	memmove(second, first, (pages->runs.n - 1 - i) * sizeof(*first));
	first->npages = (addr - first->start) / CKPT_PAGE_SIZE;
	second->start = addr;
	second->npages -= first->npages;
	second->offset += first->npages;
	return 0;
}

int ckpt_pages_remove(struct ckpt_pages *pages, uint64_t addr)
{
	struct ckpt_run *run;
	size_t i;

	addr &= ~(CKPT_PAGE_SIZE - 1);
	for (i = 0; i < pages->runs.n; i++) {
		run = &pages->runs.v[i];
		if (addr - run->start < run->npages * CKPT_PAGE_SIZE)
			break;
	}
	if (i == pages->runs.n)
		return 0;
	if (addr != run->start) {
		if (split_run(pages, i, addr) < 0)
			return -ENOMEM;
		run = &pages->runs.v[++i];
	}
	run->start += CKPT_PAGE_SIZE;
	run->npages--;
	if (!run->npages) {
		pages->runs.n--;
		memmove(run, run + 1, (pages->runs.n - i) * sizeof(*run));
	} else {
		run->offset++; /* undone below */
	}
	for (; i < pages->runs.n; i++)
		pages->runs.v[i].offset--;
	pages->npages--;
	return 0;
}

int ckpt_pages_check(const struct ckpt_pages *pages, uint64_t start, uint64_t end,
		     struct ckpt_err *err)
{
	uint64_t at = start, total = 0;

	/* A shared memory object may end within its last page. */
	end = (end + CKPT_PAGE_SIZE - 1) & ~(CKPT_PAGE_SIZE - 1);
	for (size_t i = 0; i < pages->runs.n; i++) {
		const struct ckpt_run *run = &pages->runs.v[i];

		if (run->start % CKPT_PAGE_SIZE)
			return ckpt_fail(err, EINVAL, "run 0x%" PRIx64 ": not at a page's start",
					 run->start);
		if (!run->npages)
			return ckpt_fail(err, EINVAL, "run 0x%" PRIx64 ": no pages", run->start);
		if (run->source != CKPT_RUN_HERE)
			return ckpt_fail(err, EINVAL, "run 0x%" PRIx64 ": unknown source",
					 run->start);
		if (run->start < start || run->start >= end ||
		    run->npages > (end - run->start) / CKPT_PAGE_SIZE)
			return ckpt_fail(err, EINVAL,
					 "run 0x%" PRIx64 ": not within 0x%" PRIx64 "-0x%" PRIx64,
					 run->start, start, end);
		if (run->start < at)
			return ckpt_fail(err, EINVAL,
					 "run 0x%" PRIx64 ": overlaps the one before, or "
					 "comes before it",
					 run->start);
		if (run->offset != total)
			return ckpt_fail(err, EINVAL,
					 "run 0x%" PRIx64 ": offset %" PRIu64 ", %" PRIu64
					 " pages come before it",
					 run->start, run->offset, total);
		at = run->start + run->npages * CKPT_PAGE_SIZE;
		total += run->npages;
	}
	if (total != pages->npages)
		return ckpt_fail(err, EINVAL, "npages is %" PRIu64 ", its runs have %" PRIu64,
				 pages->npages, total);
	return 0;
}

/* ---- shared memory files ---- */

static int select_data(int fd, uint64_t size, struct ckpt_pages *pages)
{
	uint64_t at = 0;

	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;
		uint64_t end;
		int ret;

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0 && errno != EINVAL)
			return -errno;
		/* EINVAL: a filesystem that can't tell. Take it all. */
		hole = data < 0 ? (off_t)size : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		if (data < (off_t)at)
			data = at;
		if ((uint64_t)data >= size)
			return 0;
		data -= data % CKPT_PAGE_SIZE;
		end = (uint64_t)hole < size ? (uint64_t)hole : size;
		end = (end + CKPT_PAGE_SIZE - 1) & ~(CKPT_PAGE_SIZE - 1);
		ret = ckpt_pages_add(pages, data, (end - data) / CKPT_PAGE_SIZE);
		if (ret < 0)
			return ret;
		at = end;
	}
	return 0;
}

/* hugetlbfs tells of no holes. A page that is all zeros is as good as one, and to read a hole makes
 * no page of it. */
static int select_huge(int fd, uint64_t size, uint64_t page, struct ckpt_pages *pages)
{
	uint64_t *buf = malloc(CKPT_CHUNK_SIZE);
	int ret = buf ? 0 : -ENOMEM;

	for (uint64_t at = 0; ret == 0 && at < size; at += page) {
		bool zero = true;

		for (uint64_t off = at; zero && off < at + page; off += CKPT_CHUNK_SIZE) {
			ssize_t got = pread(fd, buf, CKPT_CHUNK_SIZE, off);

			if (got < 0)
				ret = -errno;
			for (ssize_t i = 0; zero && i < got / 8; i++)
				zero = !buf[i];
			zero = zero && got >= 0;
		}
		if (!zero && ret == 0)
			ret = ckpt_pages_add(pages, at, page / CKPT_PAGE_SIZE);
	}
	free(buf);
	return ret < 0 ? ret : 0;
}

int ckpt_pages_select_fd(int fd, uint64_t size, struct ckpt_pages *pages, struct ckpt_err *err)
{
	struct statfs fs;
	bool huge = !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC;
	int ret = huge ? select_huge(fd, size, fs.f_bsize, pages) : select_data(fd, size, pages);

	if (ret == 0)
		return 0;
	CKPT_VEC_FINI(&pages->runs);
	pages->npages = 0;
	return ckpt_fail(err, -ret, "can't tell which pages of the shared memory hold data: %s",
			 strerror(-ret));
}

/* ---- contents ---- */

static bool beyond(const struct ckpt_pages *pages, size_t len, uint64_t off)
{
	uint64_t size = pages->npages * CKPT_PAGE_SIZE;

	return off > size || len > size - off;
}

/* Index of the run that holds byte off of the packed file; off is within it. */
static size_t run_at(const struct ckpt_pages *pages, uint64_t off)
{
	size_t low = 0, high = pages->runs.n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (pages->runs.v[mid].offset * CKPT_PAGE_SIZE <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Where bytes [off, off + len) of the packed file are: up to max pieces. Their number, and the
 * bytes they cover. */
static size_t pieces(const struct ckpt_pages *pages, uint64_t off, size_t len, struct iovec *iov,
		     size_t max, size_t *covered)
{
	size_t n = 0, sum = 0;

	for (size_t i = run_at(pages, off); n < max && sum < len; i++, n++) {
		const struct ckpt_run *run = &pages->runs.v[i];
		uint64_t skip = off + sum - run->offset * CKPT_PAGE_SIZE;
		uint64_t piece = run->npages * CKPT_PAGE_SIZE - skip;

		if (piece > len - sum)
			piece = len - sum;
		iov[n].iov_base = (void *)(uintptr_t)(run->start + skip);
		iov[n].iov_len = piece;
		sum += piece;
	}
	*covered = sum;
	return n;
}

static ssize_t read_mem(int mem_fd, void *buf, const struct iovec *piece)
{
	size_t done = 0;

	while (done < piece->iov_len) {
		ssize_t got = pread(mem_fd, (char *)buf + done, piece->iov_len - done,
				    (uintptr_t)piece->iov_base + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ESRCH; /* 0: the address space is gone */
		done += got;
	}
	return done;
}

ssize_t ckpt_pages_read_task(const struct ckpt_pages *pages, pid_t pid, int mem_fd, void *buf,
			     size_t len, uint64_t off)
{
	struct iovec remote[IOV_MAX], first = {0};
	size_t done = 0;
	char probe;

	if (beyond(pages, len, off))
		return -EINVAL;
	while (done < len) {
		size_t covered;
		size_t n = pieces(pages, off + done, len - done, remote, IOV_MAX, &covered);
		struct iovec local = {(char *)buf + done, covered};
		ssize_t got = process_vm_readv(pid, &local, 1, remote, n, 0);

		/* It can't read what the task itself can't (PROT_NONE); mem can. */
		if (got <= 0)
			got = read_mem(mem_fd, (char *)buf + done, &remote[0]);
		if (got < 0)
			return got;
		if (!first.iov_base)
			first = remote[0];
		done += got;
	}
	/* process_vm_readv() names the task by PID, and a PID is somebody else's once a killed task
	 * was reaped. mem_fd is bound to the address space: if that is still there now, it was
	 * there, and the PID ours, while we read. */
	first.iov_len = 1;
	return len && read_mem(mem_fd, &probe, &first) < 0 ? -ESRCH : (ssize_t)len;
}

ssize_t ckpt_pages_read_fd(const struct ckpt_pages *pages, int fd, void *buf, size_t len,
			   uint64_t off)
{
	size_t done = 0;

	if (beyond(pages, len, off))
		return -EINVAL;
	while (done < len) {
		struct iovec piece = {0};
		size_t covered;
		ssize_t got;

		pieces(pages, off + done, len - done, &piece, 1, &covered);
		got = pread(fd, (char *)buf + done, covered, (uintptr_t)piece.iov_base);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		/* Beyond the end of the file its last page is zeros. */
		if (got == 0) {
			memset((char *)buf + done, 0, covered);
			got = covered;
		}
		done += got;
	}
	return done;
}
