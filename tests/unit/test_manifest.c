// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Digests, sums and the manifest's text.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "manifest.h"
#include "task.h"

Suite *manifest_suite(void);

#define SIZE0  "0000000000000000"
#define SIZE7  "0000000000000007"
#define DIGEST "99aa06d3014798d86001c324468d497f" /* xxh128sum of an empty file */
#define VMA    "vmas/00007f0000001000/"

START_TEST(digest_is_what_xxh128sum_prints)
{
	struct ckpt_digest d;
	char hex[CKPT_DIGEST_HEX + 1];

	ckpt_digest_of("", 0, &d);
	ckpt_digest_hex(&d, hex);
	ck_assert_str_eq(hex, DIGEST);
	ckpt_digest_of("abc", 3, &d);
	ckpt_digest_hex(&d, hex);
	ck_assert_str_eq(hex, "06b05ab6733a618578af5f94892f3950");
}
END_TEST

static uint8_t *pattern(size_t len)
{
	uint8_t *data = malloc(len + 1);
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
	return data;
}

START_TEST(hasher_of_a_text_does_not_see_the_pieces)
{
	const size_t len = 3000000;
	uint8_t *data = pattern(len);
	struct ckpt_digest whole, pieces;
	uint64_t size;

	ckpt_digest_of(data, len, &whole);
	for (size_t step = 1000; step < len; step = step * 7 + 13) {
		struct ckpt_hasher *h = ckpt_hasher_new(false);

		for (size_t off = 0; off < len; off += step)
			ck_assert_int_eq(
				ckpt_hasher_add(h, data + off, len - off < step ? len - off : step),
				0);
		ck_assert_int_eq(ckpt_hasher_end(h, &size, &pieces), 0);
		ck_assert_uint_eq(size, len);
		ck_assert(ckpt_digest_equal(&whole, &pieces));
		ckpt_hasher_free(h);
	}
	free(data);
}
END_TEST

/* Sizes around the ends of chunks. */
static const size_t page_sizes[] = {
	0, 4096, (1 << 20) - 4096, 1 << 20, (1 << 20) + 4096, 3 << 20, (3 << 20) + 8192};

START_TEST(hasher_of_pages_digests_their_sums_text)
{
	size_t len = page_sizes[_i], nchunks = 0;
	uint8_t *data = pattern(len);
	struct ckpt_digest sums[8], want, got;
	struct ckpt_buf text = {0};
	uint64_t size;

	for (size_t off = 0; off < len; off += 1 << 20, nchunks++)
		ckpt_digest_of(data + off, len - off < 1 << 20 ? len - off : 1 << 20,
			       &sums[nchunks]);
	ckpt_sums_print(&text, sums, nchunks);
	ck_assert_uint_eq(text.len, ckpt_sums_size(nchunks));
	ckpt_digest_of(text.data, text.len, &want);
	for (size_t step = 4096; step <= 4 << 20; step *= 4) {
		struct ckpt_hasher *h = ckpt_hasher_new(true);

		for (size_t off = 0; off < len; off += step - 1)
			ck_assert_int_eq(
				ckpt_hasher_add(h, data + off,
						len - off < step - 1 ? len - off : step - 1),
				0);
		ck_assert_int_eq(ckpt_hasher_end(h, &size, &got), 0);
		ck_assert_uint_eq(size, len);
		ck_assert(ckpt_digest_equal(&want, &got));
		ckpt_hasher_free(h);
	}
	ckpt_buf_fini(&text);
	free(data);
}
END_TEST

START_TEST(sums_text_has_fixed_width)
{
	struct ckpt_digest d[2];
	struct ckpt_buf buf = {0};

	ckpt_digest_of("", 0, &d[0]);
	d[1] = d[0];
	ckpt_sums_print(&buf, d, 2);
	ck_assert_str_eq(buf.data, "sum 0000000000 " DIGEST "\nsum 0000000001 " DIGEST "\nend\n");
	ck_assert_uint_eq(ckpt_sums_size(0), 4);
	ckpt_buf_fini(&buf);
}
END_TEST

START_TEST(line_has_the_promised_width)
{
	struct ckpt_digest d;
	struct ckpt_buf buf = {0};

	ckpt_digest_of("", 0, &d);
	ckpt_manifest_print_line(&buf, "cpu", UINT64_C(9999999999999999), &d);
	ck_assert_str_eq(buf.data, "file cpu 9999999999999999 " DIGEST "\n");
	ck_assert_uint_eq(buf.len, 3 + CKPT_MANIFEST_LINE);
	ckpt_buf_fini(&buf);
}
END_TEST

START_TEST(good_manifest_is_sorted_and_found)
{
	static const char text[] = "file task " SIZE7 " " DIGEST "\n"
				   "file cpu edited\n"
				   "file " VMA "pages 0000000001048576 " DIGEST "\n"
				   "file " VMA "meta " SIZE0 " 00000000000000000000000000000001\n"
				   "file fds/10 " SIZE7 " " DIGEST "\n"
				   "end 5\n";
	const struct ckpt_manifest_line *line;
	struct ckpt_err err = {0};
	struct ckpt_manifest m;

	ck_assert_msg(!ckpt_manifest_parse(text, strlen(text), &m, &err), "%s", err.text);
	ck_assert_uint_eq(m.n, 5);
	for (size_t i = 1; i < m.n; i++)
		ck_assert_int_lt(strcmp(m.v[i - 1].path, m.v[i].path), 0);
	line = ckpt_manifest_find(&m, "cpu");
	ck_assert(line && line->edited);
	line = ckpt_manifest_find(&m, VMA "pages");
	ck_assert(line && !line->edited && line->size == 1 << 20);
	line = ckpt_manifest_find(&m, VMA "meta");
	ck_assert(line && line->digest.v[15] == 1 && line->digest.v[0] == 0);
	ck_assert_ptr_null(ckpt_manifest_find(&m, "mm"));
	ck_assert_ptr_null(ckpt_manifest_find(&m, ""));
	ckpt_manifest_fini(&m);
}
END_TEST

START_TEST(empty_manifest_has_no_line)
{
	struct ckpt_manifest m;

	ck_assert_int_eq(ckpt_manifest_parse("end 0\n", 6, &m, NULL), 0);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_ptr_null(ckpt_manifest_find(&m, "cpu"));
	ckpt_manifest_fini(&m);
}
END_TEST

#define CPU	"file cpu " SIZE7 " " DIGEST "\n"
#define OF(p)	CPU "file " p " " SIZE7 " " DIGEST "\nend 2\n"
#define OUTSIDE "does not stay inside the tree"
#define UNKNOWN "is no file that this format knows"
#define FORM	"manifest:2: not 'file PATH SIZE DIGEST'"

static const struct {
	const char *text, *message;
} bad[] = {
	{"", "manifest:1: no line 'end COUNT'"},
	{CPU, "manifest:2: no line 'end COUNT'"},
	{CPU "end 1", "manifest:2: the file ends within a line"},
	{"file cpu " SIZE7 " " DIGEST, "manifest:1: the file ends within a line"},
	{CPU "end\n", "manifest:2: 'end' is neither 'file ...' nor 'end COUNT'"},
	{CPU "end 2\n", "manifest:2: end says 2 files, 1 are listed"},
	{CPU "end 01\n", "manifest:2: '01' is not a number of files"},
	{CPU "end \n", "manifest:2: '' is not a number of files"},
	{CPU "end -1\n", "manifest:2: '-1' is not a number of files"},
	{CPU "end 1 \n", "manifest:2: '1 ' is not a number of files"},
	{CPU "end 18446744073709551617\n",
	 "manifest:2: '18446744073709551617' is not a number of files"},
	{CPU "end 1\n\n", "manifest:3: text after the line 'end'"},
	{CPU "end 1\nend 1\n", "manifest:3: text after the line 'end'"},
	{CPU "\nend 1\n", "manifest:2: '' is neither 'file ...' nor 'end COUNT'"},
	{CPU "directory x\nend 1\n",
	 "manifest:2: 'directory x' is neither 'file ...' nor 'end COUNT'"},
	{CPU "file\nend 1\n", "manifest:2: 'file' is neither 'file ...' nor 'end COUNT'"},
	{CPU "file mm\nend 2\n", FORM},
	{CPU "file mm " SIZE7 "\nend 2\n", "manifest:2: 'mm' has no digest"},
	{CPU "file mm Edited\nend 2\n", "manifest:2: 'mm' has no digest"},
	{CPU "file mm " SIZE7 " " DIGEST " x\nend 2\n", FORM},
	{CPU "file mm " SIZE7 " " DIGEST " \nend 2\n", FORM},
	{CPU "file mm edited " DIGEST "\nend 2\n",
	 "manifest:2: 'edited' is not a size of 16 decimal digits"},
	{CPU "file mm  " SIZE7 " " DIGEST "\nend 2\n", FORM},
	{CPU "file mm 7 " DIGEST "\nend 2\n", "manifest:2: '7' is not a size of 16 decimal digits"},
	{CPU "file mm 000000000000000a " DIGEST "\nend 2\n",
	 "manifest:2: '000000000000000a' is not a size of 16 decimal digits"},
	{CPU "file mm " SIZE7 " 99\nend 2\n", "manifest:2: '99' is not a digest of 32 hex digits"},
	{CPU "file mm " SIZE7 " 99AA06d3014798d86001c324468d497f\nend 2\n",
	 "manifest:2: '99AA06d3014798d86001c324468d497f' is not a digest of 32 hex digits"},
	{CPU CPU "end 2\n", "manifest:2: 'cpu' is listed twice"},
	{CPU "file mm edited\nfile cpu edited\nend 3\n", "manifest:3: 'cpu' is listed twice"},
	{OF("/etc/passwd"), "manifest:2: '/etc/passwd' " OUTSIDE},
	{OF("../cpu"), "manifest:2: '../cpu' " OUTSIDE},
	{OF("fds/../cpu"), "manifest:2: 'fds/../cpu' " OUTSIDE},
	{OF("./cpu"), "manifest:2: './cpu' " OUTSIDE},
	{OF("fds//1"), "manifest:2: 'fds//1' " OUTSIDE},
	{OF("fds/"), "manifest:2: 'fds/' " OUTSIDE},
	{OF(".."), "manifest:2: '..' " OUTSIDE},
	{OF("notes"), "manifest:2: 'notes' " UNKNOWN},
	{OF("mm\\040"), "manifest:2: 'mm\\040' " UNKNOWN},
	{OF("\\155m"), "manifest:2: '\\155m' " UNKNOWN},
	{OF("fds/01"), "manifest:2: 'fds/01' " UNKNOWN},
	{OF("vmas/7f0000001000/meta"), "manifest:2: 'vmas/7f0000001000/meta' " UNKNOWN},
	{OF(VMA "other"), "manifest:2: '" VMA "other' " UNKNOWN},
	{OF("fds"), "manifest:2: 'fds' is a directory"},
	{OF("manifest"), "manifest:2: 'manifest' lists itself"},
	{OF(VMA "pages.gz"), "manifest:2: '" VMA "pages.gz' must be listed without .gz"},
	{OF("cpu.gz"), "manifest:2: 'cpu.gz' " UNKNOWN},
};

START_TEST(bad_manifest_is_einval_and_names_the_line)
{
	struct ckpt_manifest m = {0};
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_manifest_parse(bad[_i].text, strlen(bad[_i].text), &m, &err),
			 -EINVAL);
	ck_assert_str_eq(err.text, bad[_i].message);
	ck_assert_ptr_null(m.v); /* outputs are untouched on failure */
}
END_TEST

START_TEST(manifest_without_end_is_bounded)
{
	struct ckpt_buf text = {0};
	struct ckpt_manifest m = {0};
	struct ckpt_err err = {0};

	for (unsigned int i = 0; i <= CKPT_MANIFEST_FILES; i++)
		ckpt_buf_printf(&text, "file fds/%u edited\n", i);
	ckpt_buf_printf(&text, "end %u\n", CKPT_MANIFEST_FILES + 1);
	ck_assert_int_eq(ckpt_manifest_parse(text.data, text.len, &m, &err), -EINVAL);
	ck_assert_str_eq(err.text, "manifest:1048577: more than 1048576 files");
	ckpt_buf_fini(&text);
	ck_assert_int_eq(ckpt_manifest_parse("", CKPT_MANIFEST_MAX + 1, &m, &err), -EINVAL);
	ck_assert_str_eq(err.text, "manifest: 134217729 bytes are too long for a manifest");
}
END_TEST

START_TEST(nul_byte_in_manifest_is_einval)
{
	static const char text[] = CPU "end 1\n";
	struct ckpt_manifest m;
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_manifest_parse(text, sizeof(text), &m, &err), -EINVAL);
	ck_assert_str_eq(err.text, "manifest:3: a NUL byte in the text");
}
END_TEST

Suite *manifest_suite(void)
{
	Suite *s = suite_create("manifest");
	TCase *c = tcase_create("manifest");

	tcase_add_test(c, digest_is_what_xxh128sum_prints);
	tcase_add_test(c, hasher_of_a_text_does_not_see_the_pieces);
	tcase_add_loop_test(c, hasher_of_pages_digests_their_sums_text, 0,
			    (int)CKPT_NROWS(page_sizes));
	tcase_add_test(c, sums_text_has_fixed_width);
	tcase_add_test(c, line_has_the_promised_width);
	tcase_add_test(c, good_manifest_is_sorted_and_found);
	tcase_add_test(c, empty_manifest_has_no_line);
	tcase_add_loop_test(c, bad_manifest_is_einval_and_names_the_line, 0, (int)CKPT_NROWS(bad));
	tcase_add_test(c, nul_byte_in_manifest_is_einval);
	tcase_add_test(c, manifest_without_end_is_bounded);
	suite_add_tcase(s, c);
	return s;
}
