// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What everything stands on: errors, buffers, the log.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "log.h"

Suite *base_suite(void);

START_TEST(err_about_keeps_code_and_sentence)
{
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_fail(&err, ENOENT, "no %s", "file"), -ENOENT);
	ck_assert_int_eq(ckpt_err_about(&err, "fd %d", 7), -ENOENT);
	ck_assert_str_eq(err.text, "fd 7: no file");
	ck_assert_int_eq(ckpt_fail(&err, EPERM, "%s again", err.text), -EPERM);
	ck_assert_str_eq(err.text, "fd 7: no file again");
	errno = EACCES;
	ck_assert_int_eq(ckpt_fail_sys(&err, "open"), -EACCES);
	ck_assert_str_eq(err.text, "open: Permission denied");
	ck_assert_int_eq(ckpt_fail(NULL, EPERM, "nobody listens"), -EPERM);
}
END_TEST

START_TEST(err_text_is_one_line_and_fits)
{
	struct ckpt_err err = {0};
	char text[5000];

	memset(text, 'x', sizeof(text));
	text[3] = '\n';
	text[sizeof(text) - 1] = '\0';
	ckpt_fail(&err, EINVAL, "%s", text);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ckpt_err_about(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	errno = ENOENT;
	ck_assert_int_eq(ckpt_fail_sys(&err, "%s", text), -ENOENT);
}
END_TEST

START_TEST(buf_printf_grows)
{
	struct ckpt_buf buf = {0};

	for (int i = 0; i < 1000; i++)
		ckpt_buf_printf(&buf, "%0*d", i, 0);
	ck_assert_uint_eq(buf.len, 999 * 1000 / 2 + 1); /* %00d is one digit */
	ck_assert_uint_eq(strlen(buf.data), buf.len);
	ckpt_buf_fini(&buf);
	ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(log_lines_have_a_time_and_are_one_line)
{
	size_t len;
	char *text;

	ckpt_log("first %d\nstill first", 1);
	text = ckpt_log_copy(&len);
	ck_assert_uint_eq(len, ckpt_log_size());
	ck_assert_uint_eq(len, strlen("2026-01-31T12:00:00.123Z first 1?still first\n"));
	ck_assert_str_eq(text + strlen("2026-01-31T12:00:00.123"), "Z first 1?still first\n");
	ck_assert_int_eq(text[10], 'T');
	free(text);
}
END_TEST

START_TEST(log_drops_the_oldest_whole_lines)
{
	size_t len, lines = 0;
	char *text, last[32];

	for (int i = 0; i < 10000; i++)
		ckpt_log("line %d of a log that is longer than its ring", i);
	text = ckpt_log_copy(&len);
	ck_assert_uint_le(len, 256 << 10);
	ck_assert_uint_gt(len, (256 << 10) - 100);
	ck_assert_int_eq(text[0], '2');
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	snprintf(last, sizeof(last), "Z line %zu of", 10000 - lines);
	ck_assert_int_eq(strncmp(text + strlen("2026-01-31T12:00:00.123"), last, strlen(last)), 0);
	ck_assert_int_eq(text[len - 1], '\n');
	free(text);
}
END_TEST

START_TEST(log_takes_a_line_of_any_length)
{
	char *long_line = malloc(1 << 20), *text, *next, *start;
	size_t len;

	memset(long_line, 'y', (1 << 20) - 1);
	long_line[(1 << 20) - 1] = '\0';
	ckpt_log("before");
	ckpt_log("%s", long_line);
	ckpt_log("next");
	text = ckpt_log_copy(&len);
	next = memrchr(text, '\n', len - 1);
	start = memrchr(text, '\n', (size_t)(next - text));
	ck_assert_int_eq(next[-1], 'y');
	ck_assert_int_gt(next - start, 1000);
	ck_assert_int_lt(next - start, 8192);
	ck_assert_ptr_nonnull(strstr(next, "Z next\n"));
	free(text);
	free(long_line);
}
END_TEST

Suite *base_suite(void)
{
	Suite *s = suite_create("base");
	TCase *c = tcase_create("base");

	tcase_add_test(c, err_about_keeps_code_and_sentence);
	tcase_add_test(c, err_text_is_one_line_and_fits);
	tcase_add_test(c, buf_printf_grows);
	tcase_add_test(c, log_lines_have_a_time_and_are_one_line);
	tcase_add_test(c, log_drops_the_oldest_whole_lines);
	tcase_add_test(c, log_takes_a_line_of_any_length);
	suite_add_tcase(s, c);
	return s;
}
