// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The grammar of text files and the spelling of every type, on a table of the test's own.
 */
#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

Suite *codec_suite(void);

struct pair {
	uint64_t a;
	char *b;
};

struct thing {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int8_t i8;
	int32_t i32;
	int64_t i64;
	uint64_t hex;
	uint16_t hex16;
	uint32_t oct;
	char *str;
	char name[8];
	uint8_t blob[4];
	struct ckpt_bytes bytes;
	uint32_t word;
	uint32_t flags;
	bool has_opt;
	uint64_t opt;
	char *opt_str;
	CKPT_VEC(struct pair) pairs;
};

static const struct ckpt_word colours[] = {{"red", 0}, {"green", 7}, {"blue", 300}, {NULL, 0}};
static const struct ckpt_word bits[] = {
	{"both", 3}, {"one", 1}, {"two", 2}, {"top", 1u << 31}, {NULL, 0}};

#define T struct thing
static const struct ckpt_row rows[] = {
	CKPT_ROW(dec, T, u8),
	CKPT_ROW(dec, T, u16),
	CKPT_ROW(dec, T, u32),
	CKPT_ROW(dec, T, u64),
	CKPT_ROW(int, T, i8),
	CKPT_ROW(int, T, i32),
	CKPT_ROW(int, T, i64),
	CKPT_ROW(hex, T, hex),
	CKPT_ROW(hex, T, hex16),
	CKPT_ROW(oct, T, oct),
	CKPT_ROW(str, T, str),
	CKPT_ROW(name, T, name),
	CKPT_ROW(blob, T, blob),
	CKPT_ROW(bytes, T, bytes),
	CKPT_ROWA(enum, T, word, colours),
	CKPT_ROWA(flags, T, flags, bits),
	{"opt", CKPT_OPT, offsetof(T, has_opt), 0, {CKPT_F(dec, T, opt), CKPT_F(str, T, opt_str)}},
	{"pair",
	 CKPT_MANY,
	 offsetof(T, pairs),
	 sizeof(struct pair),
	 {CKPT_F(dec, struct pair, a), CKPT_F(str, struct pair, b)}},
};

static int thing_check(const void *obj, struct ckpt_err *err)
{
	const T *t = obj;

	if (t->u8 == 99)
		return ckpt_fail(err, EINVAL, "u8 must not be 99");
	return 0;
}

static const struct ckpt_codec codec = {"thing", rows, CKPT_NROWS(rows), thing_check};

static const char zero_text[] =
	"u8 0\nu16 0\nu32 0\nu64 0\ni8 0\ni32 0\ni64 0\nhex 0x0\nhex16 0x0\n"
	"oct 0\nstr -\nname -\nblob 00000000\nbytes -\nword red\nflags -\nend\n";

static int parse(const char *text, T *t, struct ckpt_err *err)
{
	memset(t, 0, sizeof(*t));
	memset(err, 0, sizeof(*err));
	return ckpt_codec_parse(&codec, "cpu", text, strlen(text), t, err);
}

/* zero_text with the line of key replaced (NULL: removed). */
static char *with(const char *key, const char *line)
{
	static char text[8192];
	const char *at = zero_text;
	size_t len = strlen(key);

	while (strncmp(at, key, len) || at[len] != (strcmp(key, "end") ? ' ' : '\n')) {
		at = strchr(at, '\n');
		ck_assert_ptr_nonnull(at);
		at++;
	}
	snprintf(text, sizeof(text), "%.*s%s%s%s", (int)(at - zero_text), zero_text,
		 line ? line : "", line ? "\n" : "", strchr(at, '\n') + 1);
	return text;
}

static void print_is(const T *t, const char *text)
{
	struct ckpt_buf buf = {0};

	ckpt_codec_print(&codec, t, &buf);
	ck_assert(!buf.failed);
	ck_assert_str_eq(buf.data, text);
	ck_assert_uint_eq(buf.len, strlen(text));
	ckpt_buf_fini(&buf);
}

/* One line that must parse, print as it was, and free cleanly. */
static void line_round_trips(const char *key, const char *line)
{
	const char *text = with(key, line);
	struct ckpt_err err;
	T t;

	ck_assert_msg(parse(text, &t, &err) == 0, "%s: %s", line, err.text);
	print_is(&t, text);
	ckpt_codec_fini(&codec, &t);
}

static void text_is_einval(const char *text, const char *message)
{
	struct ckpt_err err;
	T t;

	ck_assert_int_eq(parse(text, &t, &err), -EINVAL);
	ck_assert_int_eq(err.code, EINVAL);
	ck_assert_str_eq(err.text, message);
	/* Nothing is left that must be freed. */
	ck_assert_ptr_null(t.str);
	ck_assert_ptr_null(t.opt_str);
	ck_assert_ptr_null(t.bytes.v);
	ck_assert_ptr_null(t.pairs.v);
}

static void line_is_einval(const char *key, const char *line, const char *message)
{
	text_is_einval(with(key, line), message);
}

START_TEST(zero_object_round_trips)
{
	struct ckpt_err err;
	T t;

	ck_assert_int_eq(parse(zero_text, &t, &err), 0);
	print_is(&t, zero_text);
	ck_assert_ptr_null(t.str);
	ckpt_codec_fini(&codec, &t);
}
END_TEST

static const struct {
	const char *key, *line;
} good[] = {
	{"u8", "u8 255"},
	{"u16", "u16 65535"},
	{"u32", "u32 4294967295"},
	{"u64", "u64 18446744073709551615"},
	{"i8", "i8 -128"},
	{"i8", "i8 127"},
	{"i32", "i32 -2147483648"},
	{"i32", "i32 2147483647"},
	{"i64", "i64 -9223372036854775808"},
	{"i64", "i64 9223372036854775807"},
	{"i64", "i64 -1"},
	{"hex", "hex 0xffffffffffffffff"},
	{"hex", "hex 0x10"},
	{"hex16", "hex16 0xffff"},
	{"oct", "oct 0644"},
	{"oct", "oct 037777777777"},
	{"str", "str /a/b"},
	{"str", "str two\\040words"},
	{"str", "str \\055"},
	{"str", "str --"},
	{"str", "str -a"},
	{"str", "str a-"},
	{"str", "str \\134x\\012\\011\\001\\177"},
	{"str", "str \xc3\xa4\xff\x80"},
	{"name", "name seven77"},
	{"name", "name \\040\\040\\040\\040\\040\\040\\040"},
	{"name", "name \\055"},
	{"blob", "blob 00ff10a9"},
	{"bytes", "bytes 00"},
	{"bytes", "bytes 0123456789abcdef"},
	{"word", "word blue"},
	{"flags", "flags both"},
	{"flags", "flags one"},
	{"flags", "flags two,top"},
	{"flags", "flags both,top,0x7c"},
	{"flags", "flags 0x4"},
	{"flags", "flags both,top,0x7ffffffc"},
	{"end", "opt 5 x\nend"},
	{"end", "opt 5 -\nend"},
	{"end", "pair 1 a\nend"},
	{"end", "opt 1 x\npair 3 c\npair 1 -\npair 3 c\nend"},
};

START_TEST(good_line_round_trips)
{
	line_round_trips(good[_i].key, good[_i].line);
}
END_TEST

#define DEC   "a decimal number"
#define HEX   "a hexadecimal number"
#define WORDS "known words joined by commas"

static const struct {
	const char *key, *line, *message;
} bad[] = {
	{"u8", "u8 256", "cpu:1: u8: '256' is not " DEC},
	{"u16", "u16 65536", "cpu:2: u16: '65536' is not " DEC},
	{"u32", "u32 4294967296", "cpu:3: u32: '4294967296' is not " DEC},
	{"u64", "u64 18446744073709551616", "cpu:4: u64: '18446744073709551616' is not " DEC},
	{"u64", "u64 99999999999999999999999", "cpu:4: u64: '99999999999999999999999' is not " DEC},
	{"u64", "u64 -1", "cpu:4: u64: '-1' is not " DEC},
	{"u64", "u64 +1", "cpu:4: u64: '+1' is not " DEC},
	{"u64", "u64 01", "cpu:4: u64: '01' must be written '1'"},
	{"u64", "u64 1 ", "cpu:4: u64: one value too many: ''"},
	{"u64", "u64  1", "cpu:4: u64: '' is not " DEC},
	{"u64", "u64\t1", "cpu:4: no key 'u64\?1'"},
	{"u64", "u64 1\r", "cpu:4: u64: '1\?' is not " DEC},
	{"u64", "u64 a", "cpu:4: u64: 'a' is not " DEC},
	{"u64", "u64", "cpu:4: u64: a value is missing"},
	{"u64", "u64 ", "cpu:4: u64: '' is not " DEC},
	{"u64", "u64 1 2", "cpu:4: u64: one value too many: '2'"},
	{"u64", " u64 1", "cpu:4: no key ''"},
	{"u64", "", "cpu:4: no key ''"},
	{"i8", "i8 128", "cpu:5: i8: '128' is not " DEC},
	{"i8", "i8 -129", "cpu:5: i8: '-129' is not " DEC},
	{"i32", "i32 2147483648", "cpu:6: i32: '2147483648' is not " DEC},
	{"i64", "i64 9223372036854775808", "cpu:7: i64: '9223372036854775808' is not " DEC},
	{"i64", "i64 -9223372036854775809", "cpu:7: i64: '-9223372036854775809' is not " DEC},
	{"i64", "i64 -0", "cpu:7: i64: '-0' must be written '0'"},
	{"i64", "i64 -", "cpu:7: i64: '-' is not " DEC},
	{"i64", "i64 --1", "cpu:7: i64: '--1' is not " DEC},
	{"hex", "hex 0x1g", "cpu:8: hex: '0x1g' is not " HEX},
	{"hex", "hex 1f", "cpu:8: hex: '1f' is not " HEX},
	{"hex", "hex 0x", "cpu:8: hex: '0x' is not " HEX},
	{"hex", "hex 0x1F", "cpu:8: hex: '0x1F' is not " HEX},
	{"hex", "hex 0X1f", "cpu:8: hex: '0X1f' is not " HEX},
	{"hex", "hex 0x01", "cpu:8: hex: '0x01' must be written '0x1'"},
	{"hex", "hex 0x10000000000000000", "cpu:8: hex: '0x10000000000000000' is not " HEX},
	{"hex16", "hex16 0x10000", "cpu:9: hex16: '0x10000' is not " HEX},
	{"oct", "oct 644", "cpu:10: oct: '644' must be written '0644'"},
	{"oct", "oct 00", "cpu:10: oct: '00' must be written '0'"},
	{"oct", "oct 08", "cpu:10: oct: '08' is not an octal number"},
	{"str", "str a\\", "cpu:11: str: 'a\\' is not a word"},
	{"str", "str a\\04", "cpu:11: str: 'a\\04' is not a word"},
	{"str", "str a\\000", "cpu:11: str: 'a\\000' is not a word"},
	{"str", "str a\\400", "cpu:11: str: 'a\\400' is not a word"},
	{"str", "str a\\x41", "cpu:11: str: 'a\\x41' is not a word"},
	{"str", "str \\101", "cpu:11: str: '\\101' must be written 'A'"},
	{"str", "str \x7f", "cpu:11: str: '?' must be written '\\177'"},
	{"str", "str ", "cpu:11: str: '' must be written '-'"},
	{"name", "name eight888", "cpu:12: name: 'eight888' is not a word that fits"},
	{"name", "name \\101", "cpu:12: name: '\\101' must be written 'A'"},
	{"blob", "blob 0011223",
	 "cpu:13: blob: '0011223' is not bytes in hexadecimal of the right number"},
	{"blob", "blob 0011223344",
	 "cpu:13: blob: '0011223344' is not bytes in hexadecimal of the right number"},
	{"blob", "blob 001122AA",
	 "cpu:13: blob: '001122AA' is not bytes in hexadecimal of the right number"},
	{"bytes", "bytes 012", "cpu:14: bytes: '012' is not bytes in hexadecimal"},
	{"bytes", "bytes 0x", "cpu:14: bytes: '0x' is not bytes in hexadecimal"},
	{"bytes", "bytes ", "cpu:14: bytes: '' is not bytes in hexadecimal"},
	{"word", "word yellow", "cpu:15: word: 'yellow' is not one of the known words"},
	{"word", "word 7", "cpu:15: word: '7' is not one of the known words"},
	{"word", "word ?7", "cpu:15: word: '?7' is not one of the known words"},
	{"word", "word -", "cpu:15: word: '-' is not one of the known words"},
	{"flags", "flags one,two", "cpu:16: flags: 'one,two' must be written 'both'"},
	{"flags", "flags top,one", "cpu:16: flags: 'top,one' must be written 'one,top'"},
	{"flags", "flags one,one", "cpu:16: flags: 'one,one' must be written 'one'"},
	{"flags", "flags 0x1", "cpu:16: flags: '0x1' must be written 'one'"},
	{"flags", "flags 0x0", "cpu:16: flags: '0x0' must be written '-'"},
	{"flags", "flags 0x4,0x8", "cpu:16: flags: '0x4,0x8' must be written '0xc'"},
	{"flags", "flags one,", "cpu:16: flags: 'one,' is not " WORDS},
	{"flags", "flags ,", "cpu:16: flags: ',' is not " WORDS},
	{"flags", "flags three", "cpu:16: flags: 'three' is not " WORDS},
	{"flags", "flags 0x100000000", "cpu:16: flags: '0x100000000' is not " WORDS},
	{"u8", "raxx 0x1", "cpu:1: no key 'raxx'"},
	{"u8", "U8 1", "cpu:1: no key 'U8'"},
	{"u16", "u8 0", "cpu:2: duplicate 'u8'"},
	{"end", "opt 1 a\nopt 1 a\nend", "cpu:18: duplicate 'opt'"},
	{"end", "pair 1\nend", "cpu:17: pair: a value is missing"},
	{"end", "pair 1 a\npair 2 b\\\nend", "cpu:18: pair: 'b\\' is not a word"},
	{"end", "pair 1 a\npair 2 b c\nend", "cpu:18: pair: one value too many: 'c'"},
	{"end", NULL, "cpu:17: no line 'end'"},
	{"end", "end x", "cpu:17: no key 'end'"},
	{"end", "end ", "cpu:17: no key 'end'"},
	{"end", "end\nend", "cpu:18: text after the line 'end'"},
	{"end", "end\n", "cpu:18: text after the line 'end'"},
	{"end", "end\nu8 1", "cpu:18: text after the line 'end'"},
	{"u64", NULL, "cpu:16: no line 'u64' before 'end'"},
	{"u8", NULL, "cpu:16: no line 'u8' before 'end'"},
	{"flags", NULL, "cpu:16: no line 'flags' before 'end'"},
	{"u8", "u8 99", "cpu:1: u8 must not be 99"},
};

START_TEST(bad_line_is_einval_and_named)
{
	line_is_einval(bad[_i].key, bad[_i].line, bad[_i].message);
}
END_TEST

START_TEST(failure_frees_what_was_parsed)
{
	text_is_einval("str abc\nbytes 0011\nopt 1 x\npair 1 a\npair 2 b\nnone 0\nend\n",
		       "cpu:6: no key 'none'");
	text_is_einval("opt 1 x\nopt 2 y\n", "cpu:2: duplicate 'opt'");
}
END_TEST

START_TEST(lines_may_come_in_any_order)
{
	char text[1024] = "", *line, *save, copy[sizeof(zero_text)];
	struct ckpt_err err;
	T t;

	strcpy(copy, zero_text);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char before[1024];

		if (!strcmp(line, "end"))
			break;
		strcpy(before, text);
		snprintf(text, sizeof(text), "%s\n%.900s", line, before);
	}
	strcat(text, "end\n");
	ck_assert_int_eq(parse(text, &t, &err), 0);
	print_is(&t, zero_text);
	ckpt_codec_fini(&codec, &t);
}
END_TEST

START_TEST(cut_text_is_einval)
{
	struct ckpt_err err;
	T t;

	for (size_t len = 0; len + 1 < sizeof(zero_text); len++) {
		memset(&t, 0, sizeof(t));
		ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", zero_text, len, &t, &err),
				 -EINVAL);
		ck_assert_int_eq(strncmp(err.text, "cpu:", 4), 0);
	}
	memset(&t, 0, sizeof(t));
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", NULL, 0, &t, &err), -EINVAL);
	ck_assert_str_eq(err.text, "cpu:1: no line 'end'");
}
END_TEST

START_TEST(nul_byte_is_einval)
{
	struct ckpt_err err;
	char text[sizeof(zero_text)];
	T t = {0};

	memcpy(text, zero_text, sizeof(text));
	text[20] = '\0';
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", text, sizeof(text) - 1, &t, &err),
			 -EINVAL);
	ck_assert_str_eq(err.text, "cpu:4: a NUL byte in the text");
	/* The NUL that C strings end with is no part of a file either. */
	memset(&t, 0, sizeof(t));
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", zero_text, sizeof(zero_text), &t, &err),
			 -EINVAL);
}
END_TEST

START_TEST(every_byte_of_a_string_round_trips)
{
	char all[256];
	struct ckpt_err err;
	struct ckpt_buf buf = {0};
	T t = {0}, back = {0};

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	t.str = all;
	ckpt_codec_print(&codec, &t, &buf);
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", buf.data, buf.len, &back, &err), 0);
	ck_assert_str_eq(back.str, all);
	ckpt_codec_fini(&codec, &back);
	ckpt_buf_fini(&buf);
}
END_TEST

START_TEST(empty_string_and_null_are_one)
{
	char empty[] = "";
	T t = {0};

	t.str = empty;
	print_is(&t, zero_text);
}
END_TEST

START_TEST(long_values_round_trip)
{
	struct ckpt_err err;
	struct ckpt_buf buf = {0};
	T t = {0}, back = {0};

	t.bytes.n = 100000;
	t.bytes.v = malloc(t.bytes.n);
	for (size_t i = 0; i < t.bytes.n; i++)
		t.bytes.v[i] = (uint8_t)(i * 7);
	t.str = malloc(100001);
	memset(t.str, ' ', 100000);
	t.str[100000] = '\0';
	ckpt_codec_print(&codec, &t, &buf);
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", buf.data, buf.len, &back, &err), 0);
	ck_assert_str_eq(back.str, t.str);
	ck_assert_uint_eq(back.bytes.n, t.bytes.n);
	ck_assert_mem_eq(back.bytes.v, t.bytes.v, t.bytes.n);
	ckpt_codec_fini(&codec, &back);
	ckpt_codec_fini(&codec, &t);
	ckpt_buf_fini(&buf);
}
END_TEST

START_TEST(name_without_nul_prints_whole)
{
	struct ckpt_buf buf = {0};
	T t = {0};

	memcpy(t.name, "12345678", 8);
	ckpt_codec_print(&codec, &t, &buf);
	ck_assert_ptr_nonnull(strstr(buf.data, "\nname 12345678\n"));
	ckpt_buf_fini(&buf);
}
END_TEST

START_TEST(enum_without_word_prints_what_never_parses)
{
	struct ckpt_err err;
	struct ckpt_buf buf = {0};
	T t = {0}, back = {0};

	t.word = 8;
	ckpt_codec_print(&codec, &t, &buf);
	ck_assert_ptr_nonnull(strstr(buf.data, "\nword ?8\n"));
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", buf.data, buf.len, &back, &err), -EINVAL);
	ckpt_buf_fini(&buf);
}
END_TEST

START_TEST(hundred_thousand_elements_keep_their_order)
{
	struct ckpt_err err;
	struct ckpt_buf buf = {0};
	T t = {0}, back = {0};

	for (uint64_t i = 0; i < 100000; i++) {
		struct pair *pair = CKPT_VEC_ADD(&t.pairs);

		pair->a = i * 0x9e3779b97f4a7c15ull;
	}
	ckpt_codec_print(&codec, &t, &buf);
	ck_assert_int_eq(ckpt_codec_parse(&codec, "cpu", buf.data, buf.len, &back, &err), 0);
	ck_assert_uint_eq(back.pairs.n, 100000);
	for (size_t i = 0; i < back.pairs.n; i++)
		ck_assert(back.pairs.v[i].a == t.pairs.v[i].a);
	ckpt_codec_fini(&codec, &back);
	ckpt_codec_fini(&codec, &t);
	ckpt_buf_fini(&buf);
}
END_TEST

/* Whatever parses is, but for the order of rows, exactly what would be printed: so it has the
 * same length. (With a sanitizer this looks for overruns and leaks, too.) */
START_TEST(damaged_text_is_refused_or_has_one_spelling)
{
	static const char whole[] =
		"u8 1\nu16 22\nu32 3\nu64 44\ni8 -5\ni32 6\ni64 -7\nhex 0x1f\nhex16 0xa\noct 017\n"
		"str a\\040b\nname c\\134\nblob 00ff00ff\nbytes 1234\nword red\nflags one,top,0x4\n"
		"opt 1 x\npair 1 y\npair 2 -\nend\n";
	static const char bytes[] = "0123456789abcdefx-,\\ \n\n?eno";
	uint64_t seed = 88172645463325252ull;
	int accepted = 0;

	for (int i = 0; i < 20000; i++) {
		char text[sizeof(whole)];
		struct ckpt_buf buf = {0};
		struct ckpt_err err;
		T t = {0};

		memcpy(text, whole, sizeof(text));
		for (int k = 0; k <= i % 3; k++) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			text[seed % (sizeof(whole) - 1)] =
				bytes[(seed >> 32) % (sizeof(bytes) - 1)];
		}
		if (ckpt_codec_parse(&codec, "cpu", text, sizeof(text) - 1, &t, &err))
			continue;
		ckpt_codec_print(&codec, &t, &buf);
		ck_assert_msg(buf.len == sizeof(text) - 1, "%s\nprints as\n%s", text, buf.data);
		ckpt_buf_fini(&buf);
		ckpt_codec_fini(&codec, &t);
		accepted++;
	}
	ck_assert_int_gt(accepted, 100);
}
END_TEST

Suite *codec_suite(void)
{
	Suite *s = suite_create("codec");
	TCase *c = tcase_create("codec");

	tcase_add_test(c, zero_object_round_trips);
	tcase_add_loop_test(c, good_line_round_trips, 0, (int)CKPT_NROWS(good));
	tcase_add_loop_test(c, bad_line_is_einval_and_named, 0, (int)CKPT_NROWS(bad));
	tcase_add_test(c, failure_frees_what_was_parsed);
	tcase_add_test(c, lines_may_come_in_any_order);
	tcase_add_test(c, cut_text_is_einval);
	tcase_add_test(c, nul_byte_is_einval);
	tcase_add_test(c, every_byte_of_a_string_round_trips);
	tcase_add_test(c, empty_string_and_null_are_one);
	tcase_add_test(c, long_values_round_trip);
	tcase_add_test(c, name_without_nul_prints_whole);
	tcase_add_test(c, enum_without_word_prints_what_never_parses);
	tcase_add_test(c, damaged_text_is_refused_or_has_one_spelling);
	tcase_add_test(c, hundred_thousand_elements_keep_their_order);
	suite_add_tcase(s, c);
	return s;
}
