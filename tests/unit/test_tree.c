// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A task laid out as a tree, and the way back: with the real codecs, on a task filled by hand.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "manifest.h"
#include "pages.h"
#include "task.h"
#include "tree.h"

Suite *tree_suite(void);

#define BASE 0x7f0000000000ull
#define VMA0 "vmas/00007f0000000000"

/* ---- a task filled by hand ---- */

static void add_vma(struct ckpt_task *task, uint64_t start, uint64_t npages)
{
	struct ckpt_vma *vma = CKPT_VEC_ADD(&task->vmas);
	struct ckpt_run *run;

	vma->start = start;
	vma->end = start + (npages ? npages : 1) * CKPT_PAGE_SIZE;
	vma->prot = CKPT_PROT_READ | CKPT_PROT_WRITE;
	vma->pages.npages = npages;
	if (!npages)
		return;
	run = CKPT_VEC_ADD(&vma->pages.runs);
	run->start = start;
	run->npages = npages;
}

static struct ckpt_task *task_by_hand(void)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_header *h = &task->header;
	struct ckpt_file *file;

	h->version = CKPT_FORMAT_VERSION;
	h->pid = h->pgid = h->sid = 1234;
	h->page_size = CKPT_PAGE_SIZE;
	h->fs_tag = h->files_tag = h->sighand_tag = h->sysvsem_tag = task->mm.tag = 1;
	for (uint32_t i = 0; i < RLIM_NLIMITS; i++)
		((struct ckpt_limit *)CKPT_VEC_ADD(&task->limits.limit))->resource = i;
	strcpy(h->comm, "a (b) c");
	h->exe = strdup("/usr/bin/prog with blank");
	h->cwd = strdup("/");
	h->root = strdup("/");
	h->kernel = strdup("6.1.0");
	task->cpu.rip = UINT64_MAX;
	task->ldt.entry_size = 8;
	((struct ckpt_auxv *)CKPT_VEC_ADD(&task->mm.auxv))->type = 6;
	((struct ckpt_sigaction *)CKPT_VEC_ADD(&task->signals.action))->sig = 15;
	add_vma(task, BASE, 0);
	add_vma(task, BASE + 0x10000000, 3);
	add_vma(task, BASE + 0x20000000, 600); /* three chunks, the last one short */
	for (uint64_t i = 0; i < 12; i++) {
		struct ckpt_fd *fd = CKPT_VEC_ADD(&task->fds);

		fd->fd = i;
		fd->cloexec = i & 1;
	}
	file = CKPT_VEC_ADD(&task->files);
	file->path = strdup("/tmp/out");
	return task;
}

/* Page contents: a function of the address and of the byte in the page. */
static int reads;

static ssize_t read_pattern(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			    uint64_t off)
{
	const struct ckpt_vma *vma =
		(const void *)((const char *)entry->pages - offsetof(struct ckpt_vma, pages));
	uint8_t *to = buf;

	(void)ctx;
	ck_assert_int_eq(entry->kind, CKPT_NODE_PAGES);
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)((off + i) * 2654435761u >> 13 ^ vma->start >> 28);
	reads++;
	return (ssize_t)len;
}

static ssize_t read_fails(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			  uint64_t off)
{
	(void)ctx;
	(void)entry;
	(void)buf;
	(void)len;
	(void)off;
	return -ESRCH;
}

static const struct ckpt_page_reader pattern = {read_pattern, NULL};

static struct ckpt_tree *tree_of(struct ckpt_task *task)
{
	struct ckpt_err err = {0};
	struct ckpt_tree *tree;

	ck_assert_msg(!ckpt_tree_new(task, &pattern, &tree, &err), "%s", err.text);
	return tree;
}

/* The whole file, read in pieces; its length must be the entry's size. */
static char *read_whole(struct ckpt_tree *tree, uint32_t index, size_t piece)
{
	const struct ckpt_entry *e = &tree->v[index];
	char *data = malloc(e->size + piece + 1);
	struct ckpt_err err = {0};
	uint64_t off = 0;

	for (;;) {
		ssize_t n = ckpt_tree_read(tree, index, data + off, piece, off, &err);

		ck_assert_msg(n >= 0, "%s: %s", e->path, err.text);
		if (!n)
			break;
		ck_assert((size_t)n == piece || off + (uint64_t)n == e->size);
		off += (uint64_t)n;
	}
	ck_assert_uint_eq(off, e->size);
	ck_assert_int_eq(ckpt_tree_read(tree, index, data, 1, UINT64_MAX, &err), 0);
	data[off] = '\0';
	return data;
}

static uint32_t find(const struct ckpt_tree *tree, const char *path)
{
	int64_t index = ckpt_tree_find(tree, path);

	ck_assert_msg(index >= 0, "no %s", path);
	return (uint32_t)index;
}

/* ---- a laid out tree ---- */

START_TEST(every_entry_agrees_with_the_table)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());

	ck_assert_uint_eq(tree->n, 1 + 10 + 4 + 3 * 4 + 12 + 1 + 1);
	ck_assert_str_eq(tree->v[0].path, "");
	ck_assert_int_eq(ckpt_tree_find(tree, "vmas/0"), -ENOENT);
	ck_assert_int_eq(ckpt_tree_find(tree, "zzz"), -ENOENT);
	for (uint32_t i = 0; i < tree->n; i++) {
		const struct ckpt_entry *e = &tree->v[i];
		const char *slash = strrchr(e->path, '/');

		ck_assert_int_eq(ckpt_node_kind_of(e->path, NULL), (int)e->kind);
		ck_assert_int_eq(ckpt_tree_find(tree, e->path), i);
		ck_assert_str_eq(e->name, slash ? slash + 1 : e->path);
		ck_assert_uint_le(e->parent, i);
		ck_assert_int_eq(tree->v[e->parent].kind, CKPT_NODE_DIR);
		if (i)
			ck_assert_int_eq(strncmp(e->path, tree->v[e->parent].path,
						 strlen(tree->v[e->parent].path)),
					 0);
	}
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(children_are_linked_once_in_ascending_order)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());
	uint32_t linked = 1;

	for (uint32_t dir = 0; dir < tree->n; dir++) {
		uint32_t last = dir, subdirs = 0;

		for (uint32_t i = tree->v[dir].first; i; i = tree->v[i].next) {
			ck_assert_uint_eq(tree->v[i].parent, dir);
			ck_assert_uint_gt(i, last);
			last = i;
			subdirs += tree->v[i].kind == CKPT_NODE_DIR;
			linked++;
		}
		ck_assert_uint_eq(tree->v[dir].nsubdirs, subdirs);
	}
	ck_assert_uint_eq(linked, tree->n);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(inode_order_is_texts_pages_sums_manifest)
{
	static const int rank[] = {[CKPT_NODE_DIR] = 0,
				   [CKPT_NODE_TEXT] = 0,
				   [CKPT_NODE_PAGES] = 1,
				   [CKPT_NODE_SUMS] = 2,
				   [CKPT_NODE_MANIFEST] = 3};
	struct ckpt_tree *tree = tree_of(task_by_hand());

	for (uint32_t i = 1; i < tree->n; i++)
		ck_assert_int_le(rank[tree->v[i - 1].kind], rank[tree->v[i].kind]);
	ck_assert_str_eq(tree->v[tree->n - 1].path, "manifest");
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(contents_have_the_size_that_was_promised)
{
	static const size_t pieces[] = {1 << 20, 4096, 1000};
	struct ckpt_tree *tree = tree_of(task_by_hand());

	for (uint32_t i = 0; i < tree->n; i++)
		if (tree->v[i].kind != CKPT_NODE_DIR)
			free(read_whole(tree, i, pieces[_i]));
	ck_assert_uint_eq(tree->v[find(tree, VMA0 "/pages")].size, 0);
	ck_assert_uint_eq(tree->v[find(tree, "vmas/00007f0020000000/pages")].size, 600 * 4096);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(directory_has_no_contents)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());
	struct ckpt_err err;
	char byte;

	ck_assert_int_eq(ckpt_tree_read(tree, 0, &byte, 1, 0, &err), -EISDIR);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(key_of_two_elements_is_refused)
{
	struct ckpt_task *task = task_by_hand();
	struct ckpt_err err = {0};
	struct ckpt_tree *tree;

	CKPT_VEC_ADD(&task->fds);
	ck_assert_int_eq(ckpt_tree_new(task, &pattern, &tree, &err), -EINVAL);
	ck_assert_str_eq(err.text, "fds/0: there are two of it");
}
END_TEST

/* ---- digests ---- */

/* What the manifest says of a file, against what reading it gives. */
static void line_is_true(struct ckpt_tree *tree, uint32_t i, const struct ckpt_manifest *m)
{
	const struct ckpt_entry *e = &tree->v[i];
	const struct ckpt_manifest_line *line = ckpt_manifest_find(m, e->path);
	bool pages = e->kind == CKPT_NODE_PAGES;
	char *data = read_whole(tree, i, 100000);
	struct ckpt_hasher *h = ckpt_hasher_new(pages);
	struct ckpt_digest digest;
	uint64_t size;

	ck_assert_msg(line, "%s is not listed", e->path);
	ck_assert_uint_eq(line->size, e->size);
	ck_assert_int_eq(ckpt_hasher_add(h, data, e->size), 0);
	ck_assert_int_eq(ckpt_hasher_end(h, &size, &digest), 0);
	ck_assert_msg(ckpt_digest_equal(&line->digest, &digest), "%s", e->path);
	ckpt_hasher_free(h);
	free(data);
}

/* _i: whether everything was read before, as cp does it, or the manifest comes first. */
START_TEST(manifest_lists_every_file_with_its_digest)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());
	struct ckpt_err err = {0};
	struct ckpt_manifest m;
	char *text;
	int before;

	for (uint32_t i = 0; _i && i < tree->n; i++)
		if (tree->v[i].kind == CKPT_NODE_PAGES)
			free(read_whole(tree, i, 1 << 20));
	before = reads;
	text = read_whole(tree, tree->n - 1, 777);
	if (_i)
		ck_assert_int_eq(reads, before); /* the pages are not read again */
	else
		ck_assert_int_gt(reads, before);
	ck_assert_msg(!ckpt_manifest_parse(text, strlen(text), &m, &err), "%s", err.text);
	ck_assert_msg(!ckpt_node_check_list(&m, &err), "%s", err.text);
	ck_assert_uint_eq(m.n, 10 + 3 * 3 + 12 + 1);
	for (uint32_t i = 0; i + 1 < tree->n; i++)
		if (tree->v[i].kind != CKPT_NODE_DIR)
			line_is_true(tree, i, &m);
	ckpt_manifest_fini(&m);
	free(text);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(failing_reader_is_passed_on)
{
	static const struct ckpt_page_reader failing = {read_fails, NULL};
	struct ckpt_err err = {0};
	struct ckpt_tree *tree;
	char byte;

	ck_assert_int_eq(ckpt_tree_new(task_by_hand(), &failing, &tree, &err), 0);
	for (uint32_t i = 0; i < tree->n; i++) {
		const struct ckpt_entry *e = &tree->v[i];
		bool needs_pages = e->kind == CKPT_NODE_MANIFEST || (e->pages && e->pages->npages);
		ssize_t n = ckpt_tree_read(tree, i, &byte, 1, 0, &err);

		if (needs_pages)
			ck_assert_int_eq(n, -ESRCH);
		else if (e->kind != CKPT_NODE_DIR)
			ck_assert_int_eq(n, e->size ? 1 : 0);
	}
	ckpt_tree_free(tree);
}
END_TEST

/* ---- a view ---- */

static ssize_t read_ones(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			 uint64_t off)
{
	if (strcmp(entry->path, "vmas/00007f0020000000/pages") != 0)
		return read_pattern(ctx, entry, buf, len, off);
	memset(buf, 1, len);
	return (ssize_t)len;
}

START_TEST(view_has_its_own_contents_and_digests)
{
	static const struct ckpt_page_reader ones = {read_ones, NULL};
	static const struct timespec when = {5, 0};
	static char text[] = "all other\nend\n";
	struct ckpt_tree *tree = tree_of(task_by_hand()), *view;
	uint32_t cpu = find(tree, "cpu"), pages = find(tree, "vmas/00007f0020000000/pages");
	char *before = read_whole(tree, tree->n - 1, 777), *manifest, *again;
	struct ckpt_err err = {0};
	struct ckpt_manifest m;

	view = ckpt_tree_view_new(tree, &ones);
	ckpt_tree_view_set_text(view, cpu, text, strlen(text), &when);
	ck_assert_int_eq(ckpt_tree_view_set_pages(view, pages, &when), 0);
	manifest = read_whole(view, view->n - 1, 777);
	ck_assert_msg(!ckpt_manifest_parse(manifest, strlen(manifest), &m, &err), "%s", err.text);
	for (uint32_t i = 0; i + 1 < view->n; i++) {
		const struct ckpt_entry *e = &view->v[i];

		ck_assert_int_eq(ckpt_tree_find(view, e->path), i);
		ck_assert_int_eq(e->changed != NULL,
				 i == cpu || (e->pages && e->sums == view->v[pages].sums));
		if (e->kind != CKPT_NODE_DIR)
			line_is_true(view, i, &m);
	}
	ck_assert_ptr_eq(view->v[view->n - 1].changed, &when);
	ck_assert_str_ne(manifest, before);
	ckpt_tree_view_free(view);
	again = read_whole(tree, tree->n - 1, 777);
	ck_assert_str_eq(again, before); /* nothing of the base was touched */
	ckpt_manifest_fini(&m);
	free(again);
	free(manifest);
	free(before);
	ckpt_tree_free(tree);
}
END_TEST

/* ---- the way back ---- */

static struct ckpt_task *parse_back(struct ckpt_tree *tree, bool backwards)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_err err = {0};

	for (uint32_t k = 0; k < tree->n; k++) {
		const struct ckpt_entry *e = &tree->v[backwards ? tree->n - 1 - k : k];

		if (e->kind == CKPT_NODE_TEXT)
			ck_assert_msg(!ckpt_node_parse(task, e->path, e->text, e->size, &err), "%s",
				      err.text);
	}
	ck_assert_msg(!ckpt_task_sort(task, &err), "%s", err.text);
	return task;
}

START_TEST(parsed_task_lays_out_as_the_same_tree)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());
	struct ckpt_tree *again = tree_of(parse_back(tree, _i));

	ck_assert_uint_eq(again->n, tree->n);
	for (uint32_t i = 0; i < tree->n; i++) {
		char *a, *b;

		ck_assert_str_eq(tree->v[i].path, again->v[i].path);
		if (tree->v[i].kind == CKPT_NODE_DIR)
			continue;
		a = read_whole(tree, i, 1 << 20);
		b = read_whole(again, i, 1 << 20);
		ck_assert_uint_eq(tree->v[i].size, again->v[i].size);
		ck_assert_mem_eq(a, b, tree->v[i].size);
		free(a);
		free(b);
	}
	ckpt_tree_free(again);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(keys_come_from_the_path)
{
	struct ckpt_task *task = ckpt_task_new();
	static const char text[] = "file 5\ncloexec 1\nend\n";
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_node_parse(task, "fds/7", text, strlen(text), &err), 0);
	ck_assert_int_eq(ckpt_node_parse(task, "fds/3", text, strlen(text), &err), 0);
	ck_assert_int_eq(ckpt_task_sort(task, &err), 0);
	ck_assert_uint_eq(task->fds.n, 2);
	ck_assert_uint_eq(task->fds.v[0].fd, 3);
	ck_assert_uint_eq(task->fds.v[1].fd, 7);
	ck_assert_uint_eq(task->fds.v[1].file, 5);
	ck_assert_int_eq(ckpt_node_parse(task, "fds/3", text, strlen(text), &err), 0);
	ck_assert_int_eq(ckpt_task_sort(task, &err), -EINVAL);
	ck_assert_str_eq(err.text, "fds: an entry is there twice");
	ckpt_task_free(task);
}
END_TEST

START_TEST(vma_under_another_address_is_einval)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());
	const struct ckpt_entry *e = &tree->v[find(tree, VMA0 "/meta")];
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_err err = {0};

	ck_assert_int_eq(
		ckpt_node_parse(task, "vmas/00007f0000001000/meta", e->text, e->size, &err),
		-EINVAL);
	ck_assert_str_eq(err.text,
			 "vmas/00007f0000001000/meta: its contents are of 0x7f0000000000");
	ck_assert_uint_eq(task->vmas.n, 0);
	ck_assert_int_eq(ckpt_node_parse(task, e->path, e->text, e->size, &err), 0);
	ck_assert_uint_eq(task->vmas.n, 1);
	ckpt_task_free(task);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(bad_element_leaves_no_trace)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_node_parse(task, "files/1", "path /x\nend\n", 12, &err), -EINVAL);
	ck_assert_int_eq(strncmp(err.text, "files/1:2: no line '", 20), 0);
	ck_assert_uint_eq(task->files.n, 0);
	ckpt_task_free(task);
}
END_TEST

START_TEST(only_text_files_are_parsed)
{
	struct ckpt_task *task = ckpt_task_new();
	static const char *const none[] = {"",		 "vmas", "manifest", VMA0 "/pages",
					   VMA0 "/sums", "x"};

	for (size_t i = 0; i < CKPT_NROWS(none); i++)
		ck_assert_int_eq(ckpt_node_parse(task, none[i], "end\n", 4, NULL), -EINVAL);
	ckpt_task_free(task);
	ckpt_task_free(NULL);
}
END_TEST

/* Each line of a whole manifest left out in turn: fds and files may be fewer, nothing else. */
START_TEST(list_without_a_needed_file_is_einval)
{
	struct ckpt_tree *tree = tree_of(task_by_hand());
	char *text = read_whole(tree, tree->n - 1, 1 << 20);
	struct ckpt_err err = {0};
	struct ckpt_manifest all, m;

	ck_assert_int_eq(ckpt_manifest_parse(text, strlen(text), &all, &err), 0);
	for (size_t skip = 0; skip < all.n; skip++) {
		const char *path = all.v[skip].path;
		bool element = !strncmp(path, "fds/", 4) || !strncmp(path, "files/", 6);
		int rc;

		m.v = malloc(all.n * sizeof(*m.v));
		m.n = 0;
		for (size_t i = 0; i < all.n; i++)
			if (i != skip)
				m.v[m.n++] = all.v[i];
		rc = ckpt_node_check_list(&m, &err);
		free(m.v);
		ck_assert_int_eq(rc, element ? 0 : -EINVAL);
		if (!element)
			ck_assert_ptr_nonnull(strstr(err.text, path));
	}
	ckpt_manifest_fini(&all);
	free(text);
	ckpt_tree_free(tree);
}
END_TEST

START_TEST(ten_thousand_vmas)
{
	struct ckpt_task *task = task_by_hand();
	struct ckpt_tree *tree, *again;
	struct ckpt_err err = {0};
	struct ckpt_manifest m;
	char *text;

	for (uint64_t i = 0; i < 10000; i++)
		add_vma(task, BASE + 0x100000000 + i * 0x10000, i % 3);
	tree = tree_of(task);
	text = read_whole(tree, tree->n - 1, 1 << 20);
	ck_assert_int_eq(ckpt_manifest_parse(text, strlen(text), &m, &err), 0);
	ck_assert_int_eq(ckpt_node_check_list(&m, &err), 0);
	again = tree_of(parse_back(tree, true));
	ck_assert_uint_eq(again->n, tree->n);
	ckpt_tree_free(again);
	ckpt_manifest_fini(&m);
	free(text);
	ckpt_tree_free(tree);
}
END_TEST

Suite *tree_suite(void)
{
	Suite *s = suite_create("tree");
	TCase *c = tcase_create("tree");
	tcase_add_test(c, every_entry_agrees_with_the_table);
	tcase_add_test(c, children_are_linked_once_in_ascending_order);
	tcase_add_test(c, inode_order_is_texts_pages_sums_manifest);
	tcase_add_loop_test(c, contents_have_the_size_that_was_promised, 0, 3);
	tcase_add_test(c, directory_has_no_contents);
	tcase_add_test(c, key_of_two_elements_is_refused);
	tcase_add_loop_test(c, manifest_lists_every_file_with_its_digest, 0, 2);
	tcase_add_test(c, failing_reader_is_passed_on);
	suite_add_tcase(s, c);

	c = tcase_create("view");
	tcase_add_test(c, view_has_its_own_contents_and_digests);
	suite_add_tcase(s, c);

	c = tcase_create("way back");
	tcase_add_loop_test(c, parsed_task_lays_out_as_the_same_tree, 0, 2);
	tcase_add_test(c, keys_come_from_the_path);
	tcase_add_test(c, vma_under_another_address_is_einval);
	tcase_add_test(c, bad_element_leaves_no_trace);
	tcase_add_test(c, only_text_files_are_parsed);
	tcase_add_test(c, list_without_a_needed_file_is_einval);
	tcase_add_test(c, ten_thousand_vmas);
	suite_add_tcase(s, c);
	return s;
}
