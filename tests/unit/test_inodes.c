// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inode numbers when a tree is exchanged for another one.
 */
#include <check.h>
#include <string.h>

#include "inodes.h"

Suite *inodes_suite(void);

/* A tree of which only paths matter: "" and n names, in that order, sorted already. */
static void tree_of(struct ckpt_tree *tree, struct ckpt_entry *v, uint32_t *by_path,
		    const char *const *names, uint32_t n)
{
	memset(v, 0, (n + 1) * sizeof(*v));
	for (uint32_t i = 0; i <= n; i++) {
		v[i].path = (char *)(i ? names[i - 1] : "");
		by_path[i] = i;
	}
	*tree = (struct ckpt_tree){.v = v, .n = n + 1, .by_path = by_path};
}

static uint32_t number_of(const struct ckpt_inodes *in, const struct ckpt_tree *tree,
			  const char *path)
{
	int64_t index = ckpt_tree_find(tree, path);
	uint32_t number;

	ck_assert_int_ge(index, 0);
	number = ckpt_inodes_number(in, (uint32_t)index);
	ck_assert_uint_eq(ckpt_inodes_index(in, tree, number), (uint32_t)index);
	return number;
}

START_TEST(paths_keep_their_numbers)
{
	static const char *const one[] = {"a", "b", "c"}, *const two[] = {"aa", "b", "bb", "c"};
	struct ckpt_inodes in = {0};
	struct ckpt_tree old, new;
	struct ckpt_entry v[4], w[5];
	uint32_t by_path[4], by_path2[5], aa;

	tree_of(&old, v, by_path, one, 3);
	tree_of(&new, w, by_path2, two, 4);
	ck_assert_uint_eq(number_of(&in, &old, "b"), 2);
	ck_assert_uint_eq(ckpt_inodes_index(&in, &old, 4), CKPT_NO_INDEX);

	ck_assert_int_eq(ckpt_inodes_begin(&in, &old, 10), 0);
	ckpt_inodes_end(&in, &new);
	ck_assert_uint_eq(number_of(&in, &new, ""), 0);
	ck_assert_uint_eq(number_of(&in, &new, "b"), 2);
	ck_assert_uint_eq(number_of(&in, &new, "c"), 3);
	aa = number_of(&in, &new, "aa");
	ck_assert_uint_ge(aa, 4);
	ck_assert_uint_ge(number_of(&in, &new, "bb"), 4);
	ck_assert_uint_eq(ckpt_inodes_index(&in, &new, 1), CKPT_NO_INDEX); /* a is gone */
	ck_assert_uint_eq(ckpt_inodes_index(&in, &new, 6), CKPT_NO_INDEX);

	/* and back: a is another a */
	ck_assert_int_eq(ckpt_inodes_begin(&in, &new, 10), 0);
	ckpt_inodes_end(&in, &old);
	ck_assert_uint_eq(number_of(&in, &old, "b"), 2);
	ck_assert_uint_ge(number_of(&in, &old, "a"), 6);
	ck_assert_uint_eq(ckpt_inodes_index(&in, &old, aa), CKPT_NO_INDEX);

	/* nothing came of it: nothing is another one */
	ck_assert_int_eq(ckpt_inodes_begin(&in, &old, 10), 0);
	ckpt_inodes_end(&in, &old);
	ck_assert_uint_eq(number_of(&in, &old, "c"), 3);
	ckpt_inodes_fini(&in);
}
END_TEST

START_TEST(more_entries_than_room_have_no_number)
{
	static const char *const one[] = {"a"}, *const two[] = {"a", "b", "c"};
	struct ckpt_inodes in = {0};
	struct ckpt_tree old, new;
	struct ckpt_entry v[2], w[4];
	uint32_t by_path[2], by_path2[4];

	tree_of(&old, v, by_path, one, 1);
	tree_of(&new, w, by_path2, two, 3);
	ck_assert_int_eq(ckpt_inodes_begin(&in, &old, 1), 0);
	ckpt_inodes_end(&in, &new);
	ck_assert_uint_eq(number_of(&in, &new, "a"), 1);
	ck_assert_uint_eq(number_of(&in, &new, "b"), 2);
	ck_assert_uint_eq(ckpt_inodes_number(&in, 3), CKPT_NO_INDEX);
	ckpt_inodes_fini(&in);
}
END_TEST

Suite *inodes_suite(void)
{
	Suite *suite = suite_create("inodes");
	TCase *tcase = tcase_create("inodes");

	tcase_add_test(tcase, paths_keep_their_numbers);
	tcase_add_test(tcase, more_entries_than_room_have_no_number);
	suite_add_tcase(suite, tcase);
	return suite;
}
