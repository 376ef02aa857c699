// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading a tree: what its files say of each other, and what is too much. tests/tree_damage.c
 * does the same to real trees, byte by byte.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../memory_tree.h"
#include "load.h"
#include "x86_regs.h"

Suite *load_suite(void);

#define VMA  "vmas/0000000000400000/"
#define VMA2 "vmas/0000000000800000/"

static struct ckpt_task *task; /* what the tree says */
static struct ckpt_err err;

static void add_vma(uint64_t start, uint64_t end, uint64_t pgoff)
{
	struct ckpt_vma *vma = CKPT_VEC_ADD(&task->vmas);

	vma->how = CKPT_VMA_SHM;
	vma->shared = vma->has_object = true;
	vma->object = 7;
	vma->start = start;
	vma->end = end;
	vma->pgoff = pgoff;
	task->mm.map_count++;
}

static void setup(void)
{
	struct ckpt_object *object;
	struct ckpt_header *h;
	struct ckpt_file *file;
	struct ckpt_fd *fd;

	task = ckpt_task_new();
	h = &task->header;
	h->version = CKPT_FORMAT_VERSION;
	h->pid = h->pgid = h->sid = 1234;
	h->fs_tag = h->files_tag = h->sighand_tag = h->sysvsem_tag = task->mm.tag = 1;
	for (uint32_t i = 0; i < RLIM_NLIMITS; i++)
		((struct ckpt_limit *)CKPT_VEC_ADD(&task->limits.limit))->resource = i;
	h->exe = strdup("/usr/bin/prog");
	h->cwd = strdup("/");
	h->root = strdup("/");
	task->ldt.entry_size = 8;
	task->cpu.cs = CKPT_CS_64;
	task->cpu.ss = CKPT_SS_FLAT;
	task->cpu.eflags = CKPT_EFLAGS_PLAIN;
	object = CKPT_VEC_ADD(&task->objects);
	object->id = 7;
	object->size = 0x10000;
	add_vma(0x400000, 0x410000, 0);
	file = CKPT_VEC_ADD(&task->files);
	file->id = 3;
	file->path = strdup("/tmp/out");
	fd = CKPT_VEC_ADD(&task->fds);
	fd->fd = 5;
	fd->file = 3;
}

static void teardown(void)
{
	ckpt_task_free(task);
}

/* Lays the task out, and reads what is there as a restore does. */
static int load(void)
{
	struct memory_tree memory = {0};
	struct ckpt_task *copy = ckpt_task_new();
	struct ckpt_manifest m = {0};
	struct ckpt_buf text = {0};
	struct ckpt_tree *tree;
	int ret;

	ck_assert_int_eq(ckpt_tree_new(task, NULL, &tree, &err), 0);
	for (uint32_t i = 0; i < tree->n; i++) {
		const struct ckpt_entry *e = &tree->v[i];

		if (e->kind == CKPT_NODE_DIR || e->kind == CKPT_NODE_MANIFEST)
			continue;
		memory_tree_add(&memory, e->path, e->text ? e->text : "", e->text ? e->size : 0);
		ckpt_buf_printf(&text, "file %s edited\n", e->path);
	}
	ckpt_buf_printf(&text, "end %zu\n", memory.files.n);
	ck_assert_int_eq(ckpt_manifest_parse(text.data, text.len, &m, &err), 0);
	ckpt_buf_fini(&text);
	ret = ckpt_task_load(&memory.src, &m, copy, &err);
	ckpt_manifest_fini(&m);
	memory_tree_fini(&memory);
	ckpt_task_free(copy);
	task = NULL; /* the tree had it */
	ckpt_tree_free(tree);
	return ret;
}

static void refused(const char *why)
{
	ck_assert_int_eq(load(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, why));
}

START_TEST(good_tree_loads)
{
	int ret = load();

	ck_assert_msg(!ret, "%s", err.text);
}
END_TEST

/* mremap(2) makes such of shared memory. */
START_TEST(view_beyond_its_object_is_good)
{
	task->objects.v[0].size = 0xf000;
	ck_assert_int_eq(load(), 0);
}
END_TEST

/* pgoff + length is 0x1000 again: it would be memory before the object. */
START_TEST(view_that_wraps_around_is_refused)
{
	task->vmas.v[0].pgoff = 0xfffffffffffff000;
	refused(VMA "meta: pgoff");
}
END_TEST

START_TEST(view_of_no_object_is_refused)
{
	task->vmas.v[0].object = 8;
	refused(VMA "meta: there is no objects/8");
}
END_TEST

START_TEST(overlap_is_refused)
{
	task->vmas.v[0].end = 0x801000;
	add_vma(0x800000, 0x802000, 0);
	task->objects.v[0].size = 0x1000000;
	refused(VMA2 "meta: it overlaps");
}
END_TEST

START_TEST(descriptor_of_no_file_is_refused)
{
	task->fds.v[0].file = 4;
	refused("fds/5: there is no files/4");
}
END_TEST

START_TEST(descriptor_beyond_all_is_refused)
{
	task->fds.v[0].fd = 1ull << 31;
	refused("fds/2147483648: is no descriptor");
}
END_TEST

START_TEST(pipe_end_of_no_pipe_is_refused)
{
	task->files.v[0].kind = CKPT_FILE_PIPE;
	task->files.v[0].object = 7; /* is shared memory */
	refused("files/3: objects/7 is no pipe");
}
END_TEST

START_TEST(map_count_that_lies_is_refused)
{
	task->mm.map_count = UINT32_MAX;
	refused("mm: map_count");
}
END_TEST

/* The line is that of the value that is wrong, though only the whole can tell. */
START_TEST(error_names_the_line)
{
	task->header.umask = 01777;
	refused("task:");
	ck_assert_ptr_nonnull(strstr(err.text, ": umask 1777"));
	ck_assert_int_gt(atoi(err.text + strlen("task:")), 1);
}
END_TEST

/* Sizes cost nothing to write down, nor to fill with the holes of a sparse file. */
START_TEST(sizes_beyond_all_bounds_are_refused)
{
	struct ckpt_manifest_line line = {.path = "vmas/0000000000400000/pages",
					  .size = 9999999999999999};
	struct ckpt_manifest m = {&line, 1, 1};

	ck_assert_int_eq(ckpt_manifest_check_sizes(&m, &err), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(err.text, line.path));
	line.path = "cpu";
	line.size = CKPT_TEXT_MAX + 1;
	ck_assert_int_eq(ckpt_manifest_check_sizes(&m, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "cpu"));
}
END_TEST

Suite *load_suite(void)
{
	Suite *s = suite_create("load");
	TCase *c = tcase_create("load");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, good_tree_loads);
	tcase_add_test(c, view_beyond_its_object_is_good);
	tcase_add_test(c, view_that_wraps_around_is_refused);
	tcase_add_test(c, view_of_no_object_is_refused);
	tcase_add_test(c, overlap_is_refused);
	tcase_add_test(c, descriptor_of_no_file_is_refused);
	tcase_add_test(c, descriptor_beyond_all_is_refused);
	tcase_add_test(c, pipe_end_of_no_pipe_is_refused);
	tcase_add_test(c, map_count_that_lies_is_refused);
	tcase_add_test(c, error_names_the_line);
	tcase_add_test(c, sizes_beyond_all_bounds_are_refused);
	suite_add_tcase(s, c);
	return s;
}
