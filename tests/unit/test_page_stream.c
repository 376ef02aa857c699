// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page streams, plain and compressed, over a source in memory.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "source.h"
#include "task.h"

#define SIZE (3 * CKPT_CHUNK_SIZE + 12345)
#define PATH "vmas/0000/pages"

Suite *page_stream_suite(void);

/* ---- a source with one file in memory, which watches what is dropped ---- */

struct mem_source {
	struct ckpt_source src;
	const char *path;
	uint8_t *data;
	size_t len;
	uint64_t read_upto, dropped;
	ssize_t fail; /* returned by read instead */
};

static int mem_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	struct mem_source *m = (struct mem_source *)src;

	if (strcmp(path, m->path))
		return -ENOENT;
	*size = m->len;
	return 0;
}

static ssize_t mem_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
			uint64_t off)
{
	struct mem_source *m = (struct mem_source *)src;

	ck_assert_str_eq(path, m->path);
	ck_assert_uint_ge(off, m->dropped);
	if (m->fail)
		return m->fail;
	if (off >= m->len)
		return 0;
	if (len > m->len - off)
		len = m->len - off;
	if (len > 100000)
		len -= 1; /* odd pieces */
	memcpy(buf, m->data + off, len);
	if (off + len > m->read_upto)
		m->read_upto = off + len;
	return len;
}

static void mem_drop(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len)
{
	struct mem_source *m = (struct mem_source *)src;

	ck_assert_str_eq(path, m->path);
	ck_assert_uint_eq(off, m->dropped);
	m->dropped += len;
	ck_assert_uint_le(m->dropped, m->read_upto);
}

static const struct ckpt_source_ops mem_ops = {mem_size, mem_read, mem_drop, NULL};

static uint8_t contents[SIZE];
static struct mem_source mem;

static void setup(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		contents[i] = i / 512 % 2 ? x >> 24 : 0;
	}
	memset(&mem, 0, sizeof(mem));
	mem.src.ops = &mem_ops;
	mem.path = PATH;
	mem.data = malloc(2 * SIZE);
}

static void teardown(void)
{
	free(mem.data);
}

static void store_plain(size_t len)
{
	memcpy(mem.data, contents, len);
	mem.len = len;
}

/* Appends contents [off, off + len) as a gzip member. */
static void store_gz(size_t off, size_t len)
{
	z_stream z = {0};

	mem.path = PATH ".gz";
	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, 0), Z_OK);
	z.next_in = contents + off;
	z.avail_in = len;
	z.next_out = mem.data + mem.len;
	z.avail_out = 2 * SIZE - mem.len;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	mem.len += z.total_out;
	deflateEnd(&z);
}

/* Reads len bytes in pieces and expects the end then; the first error, its sentence in err. */
static int read_all(size_t len, struct ckpt_err *err)
{
	struct ckpt_page_stream *s;
	uint8_t *buf = malloc(300000);
	size_t done = 0;
	int ret = ckpt_page_stream_open(&mem.src, PATH, &s, err);

	ck_assert_int_eq(ret, 0);
	while (ret == 0 && done < len) {
		size_t n = len - done < 300000 ? len - done : 300000;

		ret = ckpt_page_stream_read(s, buf, n, err);
		if (ret == 0)
			ck_assert_mem_eq(buf, contents + done, n);
		done += n;
	}
	if (ret == 0)
		ret = ckpt_page_stream_end(s, err);
	ckpt_page_stream_close(s);
	free(buf);
	return ret;
}

static void expect_einval(size_t len, const char *says)
{
	struct ckpt_err err = {0};

	ck_assert_int_eq(read_all(len, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, says), "'%s' does not say '%s'", err.text, says);
	ck_assert_msg(strstr(err.text, mem.path), "'%s' does not name the file", err.text);
}

START_TEST(stream_plain)
{
	store_plain(SIZE);
	ck_assert_int_eq(read_all(SIZE, NULL), 0);
	ck_assert_uint_eq(mem.dropped, SIZE);
}
END_TEST

START_TEST(stream_plain_drops_while_reading)
{
	struct ckpt_page_stream *s;
	uint8_t *buf = malloc(SIZE);

	store_plain(SIZE);
	ck_assert_int_eq(ckpt_page_stream_open(&mem.src, PATH, &s, NULL), 0);
	ck_assert_int_eq(ckpt_page_stream_read(s, buf, CKPT_CHUNK_SIZE + 5, NULL), 0);
	ck_assert_uint_eq(mem.dropped, CKPT_CHUNK_SIZE);
	ckpt_page_stream_close(s);
	free(buf);
}
END_TEST

START_TEST(stream_that_checks_keeps_all)
{
	struct ckpt_page_stream *s;
	uint8_t *buf = malloc(SIZE);

	store_gz(0, SIZE);
	ck_assert_int_eq(ckpt_page_stream_open(&mem.src, PATH, &s, NULL), 0);
	ckpt_page_stream_keep(s);
	ck_assert_int_eq(ckpt_page_stream_read(s, buf, SIZE, NULL), 0);
	ck_assert_int_eq(ckpt_page_stream_end(s, NULL), 0);
	ck_assert_uint_eq(mem.dropped, 0);
	ckpt_page_stream_close(s);
	free(buf);
}
END_TEST

START_TEST(stream_gz)
{
	store_gz(0, SIZE);
	ck_assert_int_eq(read_all(SIZE, NULL), 0);
	ck_assert_uint_eq(mem.dropped, mem.len);
}
END_TEST

START_TEST(stream_gz_of_several_members)
{
	store_gz(0, 1000);
	store_gz(1000, 0);
	store_gz(1000, SIZE - 1000);
	ck_assert_int_eq(read_all(SIZE, NULL), 0);
}
END_TEST

START_TEST(stream_of_nothing)
{
	store_plain(0);
	ck_assert_int_eq(read_all(0, NULL), 0);
	store_gz(0, 0);
	ck_assert_int_eq(read_all(0, NULL), 0);
}
END_TEST

START_TEST(stream_plain_short)
{
	store_plain(SIZE - 1);
	expect_einval(SIZE, "shorter than its runs");
}
END_TEST

START_TEST(stream_plain_long)
{
	store_plain(SIZE);
	expect_einval(SIZE - 1, "longer than its runs");
}
END_TEST

START_TEST(stream_gz_short)
{
	store_gz(0, SIZE - 1);
	expect_einval(SIZE, "shorter than its runs");
}
END_TEST

START_TEST(stream_gz_long)
{
	store_gz(0, SIZE);
	expect_einval(SIZE - 1, "longer than its runs");
}
END_TEST

START_TEST(stream_gz_long_by_a_member)
{
	store_gz(0, 1000);
	store_gz(1000, 1);
	expect_einval(1000, "longer than its runs");
}
END_TEST

START_TEST(stream_gz_cut)
{
	store_gz(0, SIZE);
	mem.len -= 4; /* the length in gzip's trailer */
	expect_einval(SIZE, "cut off");
	mem.dropped = 0;
	mem.len = 5;
	expect_einval(SIZE, "cut off");
	mem.len = 0;
	expect_einval(SIZE, "cut off");
}
END_TEST

START_TEST(stream_gz_damaged)
{
	store_gz(0, SIZE);
	mem.data[mem.len / 2] ^= 0x10;
	{
		struct ckpt_err err = {0};
		struct ckpt_page_stream *s;
		uint8_t *buf = malloc(SIZE);
		int ret;

		ck_assert_int_eq(ckpt_page_stream_open(&mem.src, PATH, &s, NULL), 0);
		ret = ckpt_page_stream_read(s, buf, SIZE, &err);
		if (ret == 0) /* then the checksum in the trailer tells */
			ret = ckpt_page_stream_end(s, &err);
		ck_assert_int_eq(ret, -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, "its compressed data"));
		ckpt_page_stream_close(s);
		free(buf);
	}
}
END_TEST

START_TEST(stream_gz_bad_checksum)
{
	store_gz(0, SIZE);
	mem.data[mem.len - 6] ^= 1;
	expect_einval(SIZE, "damaged");
}
END_TEST

START_TEST(stream_gz_that_is_none)
{
	store_plain(SIZE);
	mem.path = PATH ".gz";
	expect_einval(SIZE, "damaged");
}
END_TEST

START_TEST(stream_gz_with_junk_behind)
{
	store_gz(0, SIZE);
	memcpy(mem.data + mem.len, "junk", 4);
	mem.len += 4;
	expect_einval(SIZE, "something follows");
}
END_TEST

START_TEST(stream_of_missing_file)
{
	struct ckpt_page_stream *s;
	struct ckpt_err err = {0};

	mem.path = "other";
	ck_assert_int_eq(ckpt_page_stream_open(&mem.src, PATH, &s, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, PATH));
}
END_TEST

START_TEST(stream_passes_on_a_read_error)
{
	struct ckpt_err err = {0};

	store_plain(SIZE);
	mem.fail = -EIO;
	ck_assert_int_eq(read_all(SIZE, &err), -EIO);
}
END_TEST

Suite *page_stream_suite(void)
{
	Suite *s = suite_create("page_stream");
	TCase *stream = tcase_create("stream");

	tcase_add_checked_fixture(stream, setup, teardown);
	tcase_add_test(stream, stream_plain);
	tcase_add_test(stream, stream_plain_drops_while_reading);
	tcase_add_test(stream, stream_that_checks_keeps_all);
	tcase_add_test(stream, stream_gz);
	tcase_add_test(stream, stream_gz_of_several_members);
	tcase_add_test(stream, stream_of_nothing);
	tcase_add_test(stream, stream_plain_short);
	tcase_add_test(stream, stream_plain_long);
	tcase_add_test(stream, stream_gz_short);
	tcase_add_test(stream, stream_gz_long);
	tcase_add_test(stream, stream_gz_long_by_a_member);
	tcase_add_test(stream, stream_gz_cut);
	tcase_add_test(stream, stream_gz_damaged);
	tcase_add_test(stream, stream_gz_bad_checksum);
	tcase_add_test(stream, stream_gz_that_is_none);
	tcase_add_test(stream, stream_gz_with_junk_behind);
	tcase_add_test(stream, stream_of_missing_file);
	tcase_add_test(stream, stream_passes_on_a_read_error);
	suite_add_tcase(s, stream);
	return s;
}
