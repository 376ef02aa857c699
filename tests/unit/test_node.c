// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of the tree: which names there are.
 */
#include <check.h>
#include <errno.h>

#include "task.h"
#include "tree.h"

Suite *node_suite(void);

#define VMA0 "vmas/00007f0000000000"

static const struct {
	const char *path;
	int kind;
	bool gz;
} paths[] = {
	{"", CKPT_NODE_DIR, false},
	{"task", CKPT_NODE_TEXT, false},
	{"mm", CKPT_NODE_TEXT, false},
	{"cpu", CKPT_NODE_TEXT, false},
	{"ldt", CKPT_NODE_TEXT, false},
	{"signals", CKPT_NODE_TEXT, false},
	{"timers", CKPT_NODE_TEXT, false},
	{"creds", CKPT_NODE_TEXT, false},
	{"limits", CKPT_NODE_TEXT, false},
	{"thread", CKPT_NODE_TEXT, false},
	{"seccomp", CKPT_NODE_TEXT, false},
	{"manifest", CKPT_NODE_MANIFEST, false},
	{"vmas", CKPT_NODE_DIR, false},
	{"files", CKPT_NODE_DIR, false},
	{"fds", CKPT_NODE_DIR, false},
	{"objects", CKPT_NODE_DIR, false},
	{VMA0, CKPT_NODE_DIR, false},
	{VMA0 "/meta", CKPT_NODE_TEXT, false},
	{VMA0 "/pages", CKPT_NODE_PAGES, false},
	{VMA0 "/pages.gz", CKPT_NODE_PAGES, true},
	{VMA0 "/sums", CKPT_NODE_SUMS, false},
	{"vmas/ffffffffffffffff/meta", CKPT_NODE_TEXT, false},
	{"files/0", CKPT_NODE_TEXT, false},
	{"files/18446744073709551615", CKPT_NODE_TEXT, false},
	{"fds/10", CKPT_NODE_TEXT, false},
	{"objects/7", CKPT_NODE_DIR, false},
	{"objects/7/meta", CKPT_NODE_TEXT, false},
	{"objects/7/pages", CKPT_NODE_PAGES, false},
	{"objects/7/pages.gz", CKPT_NODE_PAGES, true},
	{"objects/7/sums", CKPT_NODE_SUMS, false},
	/* and what is none */
	{"Task", -ENOENT, false},
	{"tas", -ENOENT, false},
	{"tasks", -ENOENT, false},
	{"/task", -ENOENT, false},
	{"task/", -ENOENT, false},
	{"task/x", -ENOENT, false},
	{"task.gz", -ENOENT, false},
	{"manifest.gz", -ENOENT, false},
	{"/", -ENOENT, false},
	{".", -ENOENT, false},
	{"..", -ENOENT, false},
	{"vmas/", -ENOENT, false},
	{"vmas//meta", -ENOENT, false},
	{"vmas/meta", -ENOENT, false},
	{"vmas/00007F0000000000", -ENOENT, false},
	{"vmas/7f0000000000", -ENOENT, false},
	{"vmas/00007f00000000000", -ENOENT, false},
	{"vmas/0x007f0000000000", -ENOENT, false},
	{VMA0 "/", -ENOENT, false},
	{VMA0 "/meta.gz", -ENOENT, false},
	{VMA0 "/sums.gz", -ENOENT, false},
	{VMA0 "/pages.gz.gz", -ENOENT, false},
	{VMA0 "/pages.zst", -ENOENT, false},
	{VMA0 "/pages/x", -ENOENT, false},
	{VMA0 "/../" VMA0, -ENOENT, false},
	{"files/", -ENOENT, false},
	{"files/00", -ENOENT, false},
	{"files/-1", -ENOENT, false},
	{"files/ 1", -ENOENT, false},
	{"files/1a", -ENOENT, false},
	{"files/1/x", -ENOENT, false},
	{"files/1.gz", -ENOENT, false},
	{"files/18446744073709551616", -ENOENT, false},
	{"fds/99999999999999999999999", -ENOENT, false},
};

START_TEST(path_has_its_kind)
{
	bool gz = false;

	ck_assert_msg(ckpt_node_kind_of(paths[_i].path, &gz) == paths[_i].kind, "'%s'",
		      paths[_i].path);
	ck_assert(gz == paths[_i].gz);
	ck_assert_int_eq(ckpt_node_kind_of(paths[_i].path, NULL), paths[_i].kind);
}
END_TEST

static void count_codec(const char *name, const struct ckpt_codec *codec, void *arg)
{
	ck_assert_str_eq(name, codec->name);
	++*(int *)arg;
}

START_TEST(codec_names_are_those_of_the_table)
{
	int n = 0;

	ckpt_node_each_codec(count_codec, &n);
	ck_assert_int_eq(n, 14);
}
END_TEST

Suite *node_suite(void)
{
	Suite *s = suite_create("node");
	TCase *c = tcase_create("table");

	tcase_add_loop_test(c, path_has_its_kind, 0, (int)CKPT_NROWS(paths));
	tcase_add_test(c, codec_names_are_those_of_the_table);
	suite_add_tcase(s, c);
	return s;
}
