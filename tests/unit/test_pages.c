// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs, the pages of shared memory files, contents read from a child, and sums.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pages.h"

#define PAGE CKPT_PAGE_SIZE

Suite *pages_suite(void);

static uint8_t *map_anon(size_t npages, int prot)
{
	uint8_t *p =
		mmap(NULL, npages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	madvise(p, npages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

/* ---- shared memory files ---- */

START_TEST(select_fd_takes_data_of_shared_memory)
{
	struct ckpt_pages pages = {0};
	int fd = memfd_create("test", MFD_CLOEXEC);
	uint8_t page[PAGE];

	ck_assert_int_eq(ftruncate(fd, 9 * PAGE + 100), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, PAGE), 1);
	ck_assert_int_eq(pwrite(fd, "xy", 2, 5 * PAGE - 1), 2);
	ck_assert_int_eq(pwrite(fd, "z", 1, 9 * PAGE), 1);
	ck_assert_int_eq(ckpt_pages_select_fd(fd, 9 * PAGE + 100, &pages, NULL), 0);
	ck_assert_uint_eq(pages.npages, 4);
	ck_assert_uint_eq(pages.runs.n, 3);
	ck_assert_uint_eq(pages.runs.v[1].start, 4 * PAGE);
	ck_assert_uint_eq(pages.runs.v[1].npages, 2);
	ck_assert_int_eq(ckpt_pages_check(&pages, 0, 9 * PAGE + 100, NULL), 0);
	/* The last page, cut by the end of the file, reads as zeros. */
	memset(page, 0xff, sizeof(page));
	ck_assert_int_eq(ckpt_pages_read_fd(&pages, fd, page, PAGE, 3 * PAGE), PAGE);
	ck_assert_uint_eq(page[0], 'z');
	ck_assert_uint_eq(page[PAGE - 1], 0);
	CKPT_VEC_FINI(&pages.runs);
	close(fd);
}
END_TEST

START_TEST(select_fd_of_empty_memory_is_empty)
{
	struct ckpt_pages pages = {0};
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, 1ull << 40), 0);
	ck_assert_int_eq(ckpt_pages_select_fd(fd, 1ull << 40, &pages, NULL), 0);
	ck_assert_uint_eq(pages.npages, 0);
	close(fd);
}
END_TEST

/* ---- runs ---- */

static void make_runs(struct ckpt_pages *pages)
{
	memset(pages, 0, sizeof(*pages));
	ckpt_pages_add(pages, 0x10000, 2);
	ckpt_pages_add(pages, 0x12000, 1); /* joins */
	ckpt_pages_add(pages, 0x20000, 1);
	ckpt_pages_add(pages, 0x30000, 3);
}

START_TEST(add_joins_what_touches)
{
	struct ckpt_pages pages;

	make_runs(&pages);
	ck_assert_uint_eq(pages.runs.n, 3);
	ck_assert_uint_eq(pages.runs.v[0].npages, 3);
	ck_assert_uint_eq(pages.runs.v[2].offset, 4);
	ck_assert_uint_eq(pages.npages, 7);
	CKPT_VEC_FINI(&pages.runs);
}
END_TEST

static const struct {
	uint64_t addr;
	size_t nruns;
	uint64_t npages;
} removals[] = {
	{0x10000, 3, 6}, {0x11008, 4, 6}, {0x12fff, 3, 6}, {0x20000, 2, 6},
	{0x31000, 4, 6}, {0x13000, 3, 7}, {0xf000, 3, 7},  {0x40000, 3, 7},
};

START_TEST(remove_keeps_runs_packed)
{
	struct ckpt_pages pages;

	make_runs(&pages);
	ck_assert_int_eq(ckpt_pages_remove(&pages, removals[_i].addr), 0);
	ck_assert_uint_eq(pages.runs.n, removals[_i].nruns);
	ck_assert_uint_eq(pages.npages, removals[_i].npages);
	ck_assert_int_eq(ckpt_pages_check(&pages, 0x10000, 0x33000, NULL), 0);
	for (size_t i = 0; i < pages.runs.n; i++)
		ck_assert(removals[_i].addr - pages.runs.v[i].start >=
			  pages.runs.v[i].npages * PAGE);
	CKPT_VEC_FINI(&pages.runs);
}
END_TEST

static const struct {
	const char *says;
	size_t run;
	struct ckpt_run bad;
} bad_runs[] = {
	{"page's start", 1, {0x20010, 1, CKPT_RUN_HERE, 3}},
	{"no pages", 1, {0x20000, 0, CKPT_RUN_HERE, 3}},
	{"source", 1, {0x20000, 1, 7, 3}},
	{"not within", 0, {0xf000, 3, CKPT_RUN_HERE, 0}},
	{"not within", 2, {0x30000, 4, CKPT_RUN_HERE, 4}},
	{"not within", 2, {0x33000, 3, CKPT_RUN_HERE, 4}},
	{"not within", 2, {0x30000, 1ull << 52, CKPT_RUN_HERE, 4}},
	{"overlaps", 1, {0x12000, 1, CKPT_RUN_HERE, 3}},
	{"overlaps", 2, {0x11000, 3, CKPT_RUN_HERE, 4}},
	{"offset", 1, {0x20000, 1, CKPT_RUN_HERE, 4}},
	{"npages", 2, {0x30000, 2, CKPT_RUN_HERE, 4}},
};

START_TEST(check_refuses_bad_runs)
{
	struct ckpt_pages pages;
	struct ckpt_err err = {0};

	make_runs(&pages);
	ck_assert_int_eq(ckpt_pages_check(&pages, 0x10000, 0x33000, &err), 0);
	pages.runs.v[bad_runs[_i].run] = bad_runs[_i].bad;
	ck_assert_int_eq(ckpt_pages_check(&pages, 0x10000, 0x33000, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, bad_runs[_i].says), "'%s' does not say '%s'", err.text,
		      bad_runs[_i].says);
	CKPT_VEC_FINI(&pages.runs);
}
END_TEST

/* ---- contents ---- */

struct victim {
	pid_t pid;
	int mem_fd;
	uint8_t *base;
	struct ckpt_pages pages;
	uint8_t *expect; /* the packed contents */
	size_t size;
};

/* A child with 3,000 pages in runs of one, some of which it can't read itself. */
static void victim_start(struct victim *v)
{
	char path[64];
	size_t n = 3000;

	memset(v, 0, sizeof(*v));
	v->base = map_anon(2 * n, PROT_READ | PROT_WRITE);
	v->size = n * PAGE;
	v->expect = malloc(v->size);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < PAGE; k += 8)
			*(uint64_t *)(v->expect + i * PAGE + k) = i * PAGE + k;
		memcpy(v->base + 2 * i * PAGE, v->expect + i * PAGE, PAGE);
		ckpt_pages_add(&v->pages, (uintptr_t)v->base + 2 * i * PAGE, 1);
	}
	mprotect(v->base + 200 * PAGE, 100 * PAGE, PROT_NONE);
	v->pid = fork();
	if (v->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	munmap(v->base, 2 * n * PAGE); /* so that reading ourselves by mistake shows */
	snprintf(path, sizeof(path), "/proc/%d/mem", v->pid);
	v->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(v->mem_fd, 0);
}

static void victim_kill(struct victim *v)
{
	if (!v->pid)
		return;
	kill(v->pid, SIGKILL);
	waitpid(v->pid, NULL, 0);
	v->pid = 0;
}

static void victim_end(struct victim *v)
{
	victim_kill(v);
	close(v->mem_fd);
	CKPT_VEC_FINI(&v->pages.runs);
	free(v->expect);
}

START_TEST(read_task_reads_any_range)
{
	static const size_t lens[] = {1, 4096, 5000, 131072, 1 << 20, 3000 * 4096};
	struct victim v;
	uint8_t *buf;

	victim_start(&v);
	buf = malloc(v.size);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		for (uint64_t off = 0; off + lens[i] <= v.size; off += 777777) {
			ck_assert_int_eq(
				ckpt_pages_read_task(&v.pages, v.pid, v.mem_fd, buf, lens[i], off),
				lens[i]);
			ck_assert_mem_eq(buf, v.expect + off, lens[i]);
		}
	}
	free(buf);
	victim_end(&v);
}
END_TEST

START_TEST(read_task_refuses_beyond_the_end)
{
	struct victim v;
	uint8_t buf[16];

	victim_start(&v);
	ck_assert_int_eq(ckpt_pages_read_task(&v.pages, v.pid, v.mem_fd, buf, 16, v.size - 15),
			 -EINVAL);
	ck_assert_int_eq(ckpt_pages_read_task(&v.pages, v.pid, v.mem_fd, buf, 1, v.size + PAGE),
			 -EINVAL);
	ck_assert_int_eq(ckpt_pages_read_task(&v.pages, v.pid, v.mem_fd, buf, 0, v.size), 0);
	victim_end(&v);
}
END_TEST

START_TEST(read_task_never_reads_another_with_that_pid)
{
	struct victim old, new;
	pid_t pid;
	uint8_t buf[16];

	victim_start(&old);
	victim_start(&new);
	pid = old.pid;
	victim_kill(&old);
	/* As if new had got old's PID: the memory behind mem_fd is gone. */
	ck_assert_int_eq(ckpt_pages_read_task(&new.pages, new.pid, old.mem_fd, buf, 16, 0), -ESRCH);
	ck_assert_int_lt(ckpt_pages_read_task(&old.pages, pid, old.mem_fd, buf, 16, 0), 0);
	victim_end(&old);
	victim_end(&new);
}
END_TEST

/* ---- sums ---- */

static uint8_t *packed;
static int reads;

static ssize_t read_packed(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			   uint64_t off)
{
	(void)ctx, (void)entry;
	reads++;
	memcpy(buf, packed + off, len);
	return len;
}

static char *sums_text(struct ckpt_sums *sums)
{
	struct ckpt_page_reader reader = {read_packed, NULL};
	struct ckpt_buf buf = {0};

	ck_assert_int_eq(ckpt_sums_text(sums, &reader, NULL, &buf), 0);
	return buf.data;
}

START_TEST(sums_are_the_same_however_they_were_learnt)
{
	size_t size = 3 * CKPT_CHUNK_SIZE + 2 * PAGE;
	struct ckpt_sums *read = ckpt_sums_new(size), *noted = ckpt_sums_new(size);
	char *a, *b;

	packed = malloc(size);
	for (size_t i = 0; i < size; i++)
		packed[i] = i * 2654435761u >> 13;
	ck_assert_uint_eq(ckpt_sums_nchunks(read), 4);
	a = sums_text(read);
	ck_assert_int_eq(reads, 4);
	ck_assert_uint_eq(strlen(a), ckpt_sums_size(4));

	reads = 0;
	/* The last two chunks; nothing whole; parts around the second; then the first two. */
	ckpt_sums_note(noted, packed + 2 * CKPT_CHUNK_SIZE, size - 2 * CKPT_CHUNK_SIZE,
		       2 * CKPT_CHUNK_SIZE);
	ckpt_sums_note(noted, packed + 1, CKPT_CHUNK_SIZE, 1);
	ckpt_sums_note(noted, packed, PAGE, 0);
	ckpt_sums_note(noted, packed + PAGE, 2 * CKPT_CHUNK_SIZE, PAGE);
	b = sums_text(noted);
	ck_assert_int_eq(reads, 1);
	ck_assert_str_eq(a, b);
	free(a);
	free(b);
	free(packed);
	ckpt_sums_free(read);
	ckpt_sums_free(noted);
}
END_TEST

START_TEST(sums_learn_nothing_from_parts_of_chunks)
{
	size_t size = 2 * CKPT_CHUNK_SIZE;
	struct ckpt_sums *sums = ckpt_sums_new(size);
	uint8_t *wrong = malloc(2 * size);

	packed = calloc(1, size);
	memset(wrong, 0xff, 2 * size);
	ckpt_sums_note(sums, wrong, PAGE, PAGE);
	ckpt_sums_note(sums, wrong, CKPT_CHUNK_SIZE - 1, 0);
	ckpt_sums_note(sums, wrong, 0, 0);
	ckpt_sums_note(sums, wrong, PAGE, size);
	free(sums_text(sums));
	ck_assert_int_eq(reads, 2);
	free(wrong);
	free(packed);
	ckpt_sums_free(sums);
}
END_TEST

START_TEST(sums_of_nothing_need_no_read)
{
	struct ckpt_sums *sums = ckpt_sums_new(0);
	char *text = sums_text(sums);

	ck_assert_uint_eq(ckpt_sums_nchunks(sums), 0);
	ck_assert_int_eq(reads, 0);
	free(text);
	ckpt_sums_free(sums);
	ckpt_sums_free(NULL);
}
END_TEST

static ssize_t read_fails(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			  uint64_t off)
{
	(void)ctx, (void)entry, (void)buf, (void)len, (void)off;
	return -ESTALE;
}

START_TEST(sums_pass_on_a_read_error)
{
	struct ckpt_page_reader reader = {read_fails, NULL};
	struct ckpt_sums *sums = ckpt_sums_new(PAGE);
	struct ckpt_buf buf = {0};

	ck_assert_int_eq(ckpt_sums_text(sums, &reader, NULL, &buf), -ESTALE);
	ckpt_buf_fini(&buf);
	ckpt_sums_free(sums);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

Suite *pages_suite(void)
{
	Suite *s = suite_create("pages");
	TCase *shm = tcase_create("shm"), *runs = tcase_create("runs");
	TCase *contents = tcase_create("contents"), *sums = tcase_create("sums");

	tcase_add_test(shm, select_fd_takes_data_of_shared_memory);
	tcase_add_test(shm, select_fd_of_empty_memory_is_empty);
	tcase_add_test(runs, add_joins_what_touches);
	tcase_add_loop_test(runs, remove_keeps_runs_packed, 0, COUNT(removals));
	tcase_add_loop_test(runs, check_refuses_bad_runs, 0, COUNT(bad_runs));
	tcase_add_test(contents, read_task_reads_any_range);
	tcase_add_test(contents, read_task_refuses_beyond_the_end);
	tcase_add_test(contents, read_task_never_reads_another_with_that_pid);
	tcase_add_test(sums, sums_are_the_same_however_they_were_learnt);
	tcase_add_test(sums, sums_learn_nothing_from_parts_of_chunks);
	tcase_add_test(sums, sums_of_nothing_need_no_read);
	tcase_add_test(sums, sums_pass_on_a_read_error);
	suite_add_tcase(s, shm);
	suite_add_tcase(s, runs);
	suite_add_tcase(s, contents);
	suite_add_tcase(s, sums);
	return s;
}
