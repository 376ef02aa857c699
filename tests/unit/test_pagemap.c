// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pages are selected, on memory of our own.
 *
 * Most tests run twice: _i == 0 with PAGEMAP_SCAN, _i == 1 with /proc/PID/pagemap. What the zero
 * page needs on the second path (frame numbers) only root sees.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pages.h"

#define PAGE	 CKPT_PAGE_SIZE
#define GUARD_IN 102 /* MADV_GUARD_INSTALL, Linux 6.13 */

Suite *pagemap_suite(void);

static uint8_t *map_anon(size_t npages, int prot)
{
	uint8_t *p =
		mmap(NULL, npages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	madvise(p, npages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

/* The selection of our own [p, p + npages), as "0+2 5+1": first page + number. */
static const char *selection(int no_scan, const void *p, size_t npages)
{
	static char text[4096];
	struct ckpt_pagemap pm;
	struct ckpt_pages pages = {0};
	struct ckpt_err err = {0};
	uint64_t start = (uintptr_t)p;

	ck_assert_int_eq(ckpt_pagemap_open(getpid(), &pm, &err), 0);
	if (no_scan)
		pm.no_scan = true;
	ck_assert_int_eq(ckpt_pages_select(&pm, start, start + npages * PAGE, &pages, &err), 0);
	ck_assert_int_eq(ckpt_pages_check(&pages, start, start + npages * PAGE, &err), 0);
	text[0] = '\0';
	for (size_t i = 0; i < pages.runs.n; i++)
		sprintf(text + strlen(text), "%s%d+%d", i ? " " : "",
			(int)((pages.runs.v[i].start - start) / PAGE), (int)pages.runs.v[i].npages);
	CKPT_VEC_FINI(&pages.runs);
	ckpt_pagemap_close(&pm);
	return text;
}

/* ---- selection ---- */

START_TEST(select_takes_written_pages_only)
{
	uint8_t *p = map_anon(16, PROT_READ | PROT_WRITE);

	p[0] = p[PAGE] = p[5 * PAGE + 100] = p[15 * PAGE] = 1;
	p[7 * PAGE] = 1;
	mprotect(p + 7 * PAGE, PAGE, PROT_NONE);
	ck_assert_str_eq(selection(_i, p, 8), "0+2 5+1 7+1");
	ck_assert_str_eq(selection(_i, p, 16), "0+2 5+1 7+1 15+1");
	ck_assert_str_eq(selection(_i, p + 2 * PAGE, 3), "");
}
END_TEST

START_TEST(select_leaves_out_zero_page)
{
	uint8_t *p = map_anon(4, PROT_READ | PROT_WRITE);
	volatile uint8_t *v = p;

	p[3 * PAGE] = 0; /* written with zero: a page of its own */
	(void)v[0];
	(void)v[PAGE];
	ck_assert_str_eq(selection(_i, p, 4), "3+1");
}
END_TEST

START_TEST(select_leaves_out_huge_zero_page)
{
	uint8_t *p = map_anon(2048, PROT_READ | PROT_WRITE);
	uint8_t *aligned = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & ~((2ull << 20) - 1));
	volatile uint8_t *v = aligned;

	/* Where huge pages are off these are small ones, and the result is the same. */
	madvise(aligned, 4 << 20, MADV_HUGEPAGE);
	(void)v[0];
	aligned[2 << 20] = 1;
	madvise(aligned + (2 << 20) + PAGE, (2 << 20) - PAGE, MADV_DONTNEED);
	ck_assert_str_eq(selection(_i, aligned, 1024), "512+1");
}
END_TEST

static bool file_says(const char *path, const char *text)
{
	char buf[64] = "";
	FILE *f = fopen(path, "r");
	bool says = f && fgets(buf, sizeof(buf), f) && strstr(buf, text);

	if (f)
		fclose(f);
	return says;
}

/* As on kernels before 6.17, whose PAGEMAP_SCAN does not know the huge zero page. */
START_TEST(select_knows_huge_zero_page_where_the_kernel_does_not)
{
	uint8_t *p = map_anon(2048, PROT_READ | PROT_WRITE);
	uint8_t *aligned = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & ~((2ull << 20) - 1));
	struct ckpt_pages pages = {0};
	struct ckpt_pagemap pm;

	if (file_says("/sys/kernel/mm/transparent_hugepage/enabled", "[never]") ||
	    !file_says("/sys/kernel/mm/transparent_hugepage/use_zero_page", "1"))
		return;
	madvise(aligned, 4 << 20, MADV_HUGEPAGE);
	(void)*(volatile uint8_t *)aligned;
	aligned[2 << 20] = 1;
	ck_assert_int_eq(ckpt_pagemap_open(getpid(), &pm, NULL), 0);
	pm.excluded &= ~(1ull << 5); /* PAGE_IS_PFNZERO */
	ck_assert_int_eq(ckpt_pages_select(&pm, (uintptr_t)aligned, (uintptr_t)aligned + (4 << 20),
					   &pages, NULL),
			 0);
	ck_assert_uint_eq(pages.npages, 512);
	ck_assert_uint_eq(pages.runs.v[0].start, (uintptr_t)aligned + (2 << 20));
	CKPT_VEC_FINI(&pages.runs);
	ckpt_pagemap_close(&pm);
}
END_TEST

START_TEST(select_takes_huge_pages)
{
	uint8_t *p = map_anon(2048, PROT_READ | PROT_WRITE);
	uint8_t *aligned = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & ~((2ull << 20) - 1));

	madvise(aligned, 4 << 20, MADV_HUGEPAGE);
	memset(aligned, 1, 4 << 20);
	ck_assert_str_eq(selection(_i, aligned, 1024), "0+1024");
}
END_TEST

START_TEST(select_takes_written_file_pages_only)
{
	char name[] = "/tmp/ckpt-test-XXXXXX";
	int fd = mkstemp(name), sum = 0;
	uint8_t *private, *shared;

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(ftruncate(fd, 8 * PAGE), 0);
	private = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(private, MAP_FAILED);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	for (int i = 0; i < 8; i++)
		sum += private[i * PAGE] + ++shared[i * PAGE];
	ck_assert_int_gt(sum, 0);
	private[2 * PAGE] = 1;
	ck_assert_str_eq(selection(_i, private, 8), "2+1");
	ck_assert_str_eq(selection(_i, shared, 8), "");
	close(fd);
}
END_TEST

START_TEST(select_leaves_out_guard_pages)
{
	uint8_t *p = map_anon(4, PROT_READ | PROT_WRITE);

	p[0] = p[2 * PAGE] = 1;
	if (madvise(p + PAGE, PAGE, GUARD_IN) < 0)
		return; /* this kernel has none */
	ck_assert_str_eq(selection(_i, p, 4), "0+1 2+1");
}
END_TEST

START_TEST(guard_regions_are_told)
{
	uint8_t *p = map_anon(8, PROT_READ | PROT_WRITE);
	struct ckpt_vma vma = {.start = (uintptr_t)p, .end = (uintptr_t)(p + 8 * PAGE)};
	struct ckpt_pagemap pm;
	struct ckpt_err err = {0};

	if (madvise(p + PAGE, 2 * PAGE, GUARD_IN) < 0 || madvise(p + 7 * PAGE, PAGE, GUARD_IN) < 0)
		return; /* this kernel has none */
	ck_assert_int_eq(ckpt_pagemap_open(getpid(), &pm, &err), 0);
	ck_assert_int_eq(ckpt_guards_select(&pm, &vma, &err), 0);
	ck_assert_uint_eq(vma.guard.n, 2);
	ck_assert_uint_eq(vma.guard.v[0].start, vma.start + PAGE);
	ck_assert_uint_eq(vma.guard.v[0].npages, 2);
	ck_assert_uint_eq(vma.guard.v[1].start, vma.start + 7 * PAGE);
	ck_assert_uint_eq(vma.guard.v[1].npages, 1);
	CKPT_VEC_FINI(&vma.guard);
	ckpt_pagemap_close(&pm);
}
END_TEST

#ifndef __SANITIZE_THREAD__
START_TEST(select_terabytes_at_no_cost)
{
	size_t npages = (8ull << 40) / PAGE;
	uint8_t *p = map_anon(npages, PROT_NONE);

	/* 8 TiB of pagemap entries would be 16 GiB: libcheck's timeout would end this. */
	ck_assert_str_eq(selection(_i, p, npages), "");
}
END_TEST
#endif

START_TEST(select_many_runs)
{
	size_t n = 5000; /* more than one buffer of regions, and of entries */
	uint8_t *p = map_anon(2 * n, PROT_READ | PROT_WRITE);
	struct ckpt_pages pages = {0};
	struct ckpt_pagemap pm;

	for (size_t i = 0; i < n; i++)
		p[2 * i * PAGE] = 1;
	ck_assert_int_eq(ckpt_pagemap_open(getpid(), &pm, NULL), 0);
	pm.no_scan |= _i;
	ck_assert_int_eq(
		ckpt_pages_select(&pm, (uintptr_t)p, (uintptr_t)p + 2 * n * PAGE, &pages, NULL), 0);
	ck_assert_uint_eq(pages.npages, n);
	ck_assert_uint_eq(pages.runs.n, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(pages.runs.v[i].start, (uintptr_t)p + 2 * i * PAGE);
	CKPT_VEC_FINI(&pages.runs);
	ckpt_pagemap_close(&pm);
}
END_TEST

START_TEST(select_of_dead_process_fails)
{
	struct ckpt_pages pages = {0};
	struct ckpt_err err = {0};
	struct ckpt_pagemap pm;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	ck_assert_int_eq(ckpt_pagemap_open(pid, &pm, &err), 0);
	pm.no_scan |= _i;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_lt(ckpt_pages_select(&pm, 1 << 20, 2 << 20, &pages, &err), 0);
	ck_assert_int_ne(err.code, 0);
	ckpt_pagemap_close(&pm);
}
END_TEST

Suite *pagemap_suite(void)
{
	Suite *s = suite_create("pagemap");
	TCase *select = tcase_create("select");
	/* Without frame numbers the zero page can't be told through pagemap. */
	int paths = geteuid() ? 1 : 2;

	tcase_add_loop_test(select, select_takes_written_pages_only, 0, 2);
	tcase_add_loop_test(select, select_leaves_out_zero_page, 0, paths);
	tcase_add_loop_test(select, select_leaves_out_huge_zero_page, 0, paths);
	if (geteuid() == 0)
		tcase_add_test(select, select_knows_huge_zero_page_where_the_kernel_does_not);
	tcase_add_loop_test(select, select_takes_huge_pages, 0, 2);
	tcase_add_loop_test(select, select_takes_written_file_pages_only, 0, 2);
	tcase_add_loop_test(select, select_leaves_out_guard_pages, 0, 2);
	tcase_add_test(select, guard_regions_are_told);
#ifndef __SANITIZE_THREAD__ /* it leaves no terabytes of address space */
	tcase_add_loop_test(select, select_terabytes_at_no_cost, 0, 2);
#endif
	tcase_add_loop_test(select, select_many_runs, 0, 2);
	tcase_add_loop_test(select, select_of_dead_process_fails, 0, 2);
	suite_add_tcase(s, select);
	return s;
}
