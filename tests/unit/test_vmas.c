// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What /proc/PID/smaps says, also of kernels and machines that are not this one.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vma_nodes.h"

Suite *vmas_suite(void);

static struct ckpt_task *task;
static char obstacles[4096];

static void setup(void)
{
	task = ckpt_task_new();
	obstacles[0] = '\0';
}

static void teardown(void)
{
	ckpt_task_free(task);
}

static void obstacle(void *arg, const char *text)
{
	(void)arg;
	strcat(obstacles, text);
	strcat(obstacles, "\n");
}

/* One mapping at 0x10000000: the end of its first line, and lines that follow. */
static const struct ckpt_vma *parse(const char *head, const char *lines)
{
	char text[2048];
	size_t n = task->vmas.n;
	FILE *f;

	snprintf(text, sizeof(text), "10000000-10400000 %s\nSize: 4096 kB\n%s", head, lines);
	f = fmemopen(text, strlen(text), "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(ckpt_vmas_parse(f, task, obstacle, NULL), 0);
	fclose(f);
	ck_assert_uint_eq(task->vmas.n, n + 1);
	return &task->vmas.v[n];
}

START_TEST(names_of_memory)
{
	const struct ckpt_vma *vma =
		parse("rw-p 00000000 00:00 0    [anon:a name, (v2) = %s \"x\"]",
		      "VmFlags: rd wr mr mw me ac \n");

	ck_assert_str_eq(vma->name, "a name, (v2) = %s \"x\"");
	ck_assert_uint_eq(vma->how, CKPT_VMA_ANON);
	vma = parse("rw-s 00000000 00:01 55    [anon_shmem:shared: one]",
		    "VmFlags: rd wr sh mr mw me ms \n");
	ck_assert_str_eq(vma->name, "shared: one");
	ck_assert_uint_eq(vma->how, CKPT_VMA_SHM);
	vma = parse("rw-p 00000000 00:00 0    [anon: ]", "VmFlags: rd wr mr mw me ac \n");
	ck_assert_str_eq(vma->name, " ");
	vma = parse("rw-p 00000000 00:00 0    [anon:]", "VmFlags: rd wr mr mw me ac \n");
	ck_assert(!vma->has_name);
	vma = parse("rw-p 00000000 00:00 0    [heap]", "VmFlags: rd wr mr mw me ac \n");
	ck_assert(!vma->has_name);
	ck_assert_str_eq(obstacles, "");
}
END_TEST

START_TEST(keys_and_huge_pages)
{
	const struct ckpt_vma *vma = parse("--xp 00000000 00:00 0", "KernelPageSize:        4 kB\n"
								    "VmFlags: ex mr mw me \n"
								    "ProtectionKey:         7\n");

	ck_assert_uint_eq(vma->pkey, 7);
	ck_assert(!vma->has_huge);
	vma = parse("rw-p 00000000 00:11 9    /anon_hugepage (deleted)",
		    "KernelPageSize:     2048 kB\nVmFlags: rd wr mr mw me de ht \n");
	ck_assert(vma->has_huge);
	ck_assert_uint_eq(vma->huge, 2 << 20);
	ck_assert_uint_eq(vma->how, CKPT_VMA_ANON);
	vma = parse("rw-s 00000000 00:11 9    /anon_hugepage (deleted)",
		    "KernelPageSize:  1048576 kB\nVmFlags: rd wr sh mr mw me ms de ht \n");
	ck_assert_uint_eq(vma->huge, 1 << 30);
	ck_assert_uint_eq(vma->how, CKPT_VMA_SHM);
	ck_assert_str_eq(obstacles, "");
}
END_TEST

START_TEST(locked_on_fault_has_no_letters_on_old_kernels)
{
	ck_assert(ckpt_vma_has(parse("rw-p 00000000 00:00 0", "VmFlags: rd wr lo ?? ac \n"), "lf"));
	ck_assert(ckpt_vma_has(parse("rw-p 00000000 00:00 0", "VmFlags: rd wr lo lf ac \n"), "lf"));
	ck_assert(!ckpt_vma_has(parse("rw-p 00000000 00:00 0", "VmFlags: rd wr lo ac \n"), "lf"));
	ck_assert_str_eq(obstacles, "");
	parse("rw-p 00000000 00:00 0", "VmFlags: rd wr ?"
				       "? ac \n");
	ck_assert_ptr_nonnull(strstr(obstacles, "is not known"));
}
END_TEST

START_TEST(what_is_refused_is_named)
{
	static const char *const flags[][2] = {
		{"um", "userfaultfd (missing)"}, {"uw", "userfaultfd (write protect)"},
		{"ui", "userfaultfd (minor)"},	 {"io", "device memory"},
		{"ss", "shadow stack"},		 {"zz", "'zz'"},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char line[64];

		obstacles[0] = '\0';
		snprintf(line, sizeof(line), "VmFlags: rd wr %s ac \n", flags[i][0]);
		parse("rw-p 00000000 00:00 0", line);
		ck_assert_ptr_nonnull(strstr(obstacles, "vma 10000000-10400000: "));
		ck_assert_ptr_nonnull(strstr(obstacles, flags[i][1]));
	}
}
END_TEST

Suite *vmas_suite(void)
{
	Suite *s = suite_create("vmas");
	TCase *c = tcase_create("vmas");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, names_of_memory);
	tcase_add_test(c, keys_and_huge_pages);
	tcase_add_test(c, locked_on_fault_has_no_letters_on_old_kernels);
	tcase_add_test(c, what_is_refused_is_named);
	suite_add_tcase(s, c);
	return s;
}
