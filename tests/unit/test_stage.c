// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Staged trees: contents, names, quota, what counts as complete, and what a second copy does.
 *
 * No tree here is one that ckpt_restore() would accept: where a test gets as far as that, the
 * restore's refusal is the sign that the tree was complete.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cred.h"
#include "quota.h"
#include "stage.h"
#include "task.h"

Suite *stage_suite(void);

#define TOOL  100 /* thread ids of those who copy */
#define OTHER 200

static struct ckpt_stage *stage;
static uid_t uid;

static void setup(void)
{
	struct ckpt_err err = {0};

	ckpt_quota_set_limit(64ull << 20);
	ck_assert_int_eq(ckpt_stage_new("1234", ckpt_cred_self(), 0700, &stage, &err), 0);
	uid = stage->uid;
	pthread_mutex_lock(&stage->lock);
}

static void teardown(void)
{
	pthread_mutex_unlock(&stage->lock);
	ckpt_stage_free(stage);
	ck_assert_uint_eq(ckpt_quota_used(uid), 0);
}

/* ---- helpers: what a tool does ---- */

static struct ckpt_stage_node *make_file(const char *name, pid_t pid)
{
	struct ckpt_stage_node *node, *root = ckpt_stage_root(stage);

	ck_assert_int_eq(ckpt_stage_make(stage, root, name, S_IFREG | 0600, &node), 0);
	ckpt_stage_created(stage, node, pid);
	return node;
}

/* open, write, close: returns what the close returns */
static int put_err(const char *name, const char *text, pid_t pid, struct ckpt_err *err)
{
	struct ckpt_stage_node *node = ckpt_stage_child(stage, ckpt_stage_root(stage), name);
	size_t len = strlen(text);
	int ret;

	if (node) {
		ckpt_stage_changing(stage, node, pid);
		ck_assert_int_eq(ckpt_stage_truncate(stage, node, 0), 0);
	} else {
		node = make_file(name, pid);
	}
	ckpt_stage_opened(node, true);
	ck_assert_int_eq(ckpt_stage_write(stage, node, text, len, 0), (ssize_t)len);
	*err = (struct ckpt_err){0};
	ret = ckpt_stage_arrived(stage, node, pid, err);
	ckpt_stage_closed(stage, node, true);
	return ret;
}

static int put(const char *name, const char *text, pid_t pid)
{
	struct ckpt_err err;

	return put_err(name, text, pid, &err);
}

#define TIMERS "end\n"
#define LDT    "entry_size 8\nnumber 0\nend\n"

static char *manifest_text(bool edited)
{
	static char text[1000];
	struct ckpt_buf buf = {0};
	struct ckpt_digest d;

	ckpt_digest_of(LDT, strlen(LDT), &d);
	ckpt_manifest_print_line(&buf, "ldt", strlen(LDT), &d);
	ckpt_digest_of(TIMERS, strlen(TIMERS), &d);
	if (edited)
		ckpt_buf_puts(&buf, "file timers edited\n");
	else
		ckpt_manifest_print_line(&buf, "timers", strlen(TIMERS), &d);
	ckpt_buf_puts(&buf, "end 2\n");
	ck_assert(!buf.failed && buf.len < sizeof(text));
	memcpy(text, buf.data, buf.len + 1);
	ckpt_buf_fini(&buf);
	return text;
}

/* ---- contents ---- */

START_TEST(blob_reads_back_what_was_written_anywhere)
{
	struct ckpt_blob b;
	char *got = malloc(4 << 20);
	char data[3000];

	memset(data, 'x', sizeof(data));
	ckpt_blob_init(&b, uid, false);
	/* across a chunk border, with a hole before it */
	ck_assert_int_eq(ckpt_blob_write(&b, data, 3000, CKPT_CHUNK_SIZE - 1000), 3000);
	ck_assert_int_eq(ckpt_blob_write(&b, "head", 4, 0), 4);
	ck_assert_uint_eq(b.size, CKPT_CHUNK_SIZE + 2000);
	ck_assert_int_eq(ckpt_blob_read(&b, got, 4 << 20, 0), (ssize_t)b.size);
	ck_assert(!memcmp(got, "head\0\0", 6));
	ck_assert(!got[CKPT_CHUNK_SIZE - 1001] && got[CKPT_CHUNK_SIZE - 1000] == 'x');
	ck_assert(got[CKPT_CHUNK_SIZE + 1999] == 'x');
	ck_assert_int_eq(ckpt_blob_read(&b, got, 10, b.size), 0);
	/* what is cut off is zero when the file grows again */
	ck_assert_int_eq(ckpt_blob_truncate(&b, 2), 0);
	ck_assert_int_eq(ckpt_blob_truncate(&b, 100), 0);
	ck_assert_int_eq(ckpt_blob_read(&b, got, 100, 0), 100);
	ck_assert(!memcmp(got, "he\0\0", 4));
	ckpt_blob_fini(&b);
	free(got);
}
END_TEST

START_TEST(blob_digest_does_not_depend_on_the_order_of_writes)
{
	static char data[200000];
	struct ckpt_digest want, got;
	struct ckpt_blob b;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
	ckpt_digest_of(data, sizeof(data), &want);
	ckpt_blob_init(&b, uid, true); /* guessed wrong */
	ckpt_blob_write(&b, data + 100000, 100000, 100000);
	ckpt_blob_write(&b, data, 100000, 0);
	ck_assert_int_eq(ckpt_blob_digest(&b, false, &got), 0);
	ck_assert(ckpt_digest_equal(&want, &got));
	ckpt_blob_write(&b, "!", 1, 5); /* a digest that is known does not outlive a write */
	ck_assert_int_eq(ckpt_blob_digest(&b, false, &got), 0);
	ck_assert(!ckpt_digest_equal(&want, &got));
	ckpt_blob_write(&b, data + 5, 1, 5);
	ck_assert_int_eq(ckpt_blob_digest(&b, false, &got), 0);
	ck_assert(ckpt_digest_equal(&want, &got));
	ckpt_blob_fini(&b);
}
END_TEST

START_TEST(blob_drop_gives_memory_back)
{
	struct ckpt_blob b;
	char *mib = calloc(1, CKPT_CHUNK_SIZE);

	ckpt_blob_init(&b, 4242, true);
	for (uint64_t i = 0; i < 4; i++)
		ckpt_blob_write(&b, mib, CKPT_CHUNK_SIZE, i * CKPT_CHUNK_SIZE);
	ckpt_blob_write(&b, mib, 100, 4 * CKPT_CHUNK_SIZE);
	ckpt_blob_drop(&b, 4096, 2 * CKPT_CHUNK_SIZE); /* covers one chunk whole */
	ck_assert_uint_eq(ckpt_quota_used(4242), 3 * CKPT_CHUNK_SIZE + 512);
	ckpt_blob_drop(&b, 3 * CKPT_CHUNK_SIZE, b.size); /* to the end: the short one too */
	ck_assert_uint_eq(ckpt_quota_used(4242), 2 * CKPT_CHUNK_SIZE);
	ckpt_blob_fini(&b);
	ck_assert_uint_eq(ckpt_quota_used(4242), 0);
	free(mib);
}
END_TEST

/* ---- contents over others ---- */

#define BASE_SIZE (3 * CKPT_CHUNK_SIZE - 4096)

static char base_byte(uint64_t off)
{
	return (char)(off * 7 + off / 251);
}

static ssize_t read_base(void *ctx, uint64_t key, void *buf, size_t len, uint64_t off)
{
	unsigned int *reads = ctx;

	ck_assert_uint_eq(key, 5);
	ck_assert_uint_le(off + len, BASE_SIZE);
	++*reads;
	for (size_t i = 0; i < len; i++)
		((char *)buf)[i] = base_byte(off + i);
	return (ssize_t)len;
}

/* Whether the blob shows its base but for [off, off + len), which is x. */
static void shows(const struct ckpt_blob *b, uint64_t off, size_t len, char x)
{
	char *got = malloc(BASE_SIZE);
	uint64_t i = 0;

	ck_assert_int_eq(ckpt_blob_read(b, got, BASE_SIZE + 1, 0), (ssize_t)BASE_SIZE);
	while (i < BASE_SIZE && got[i] == (i - off < len ? x : base_byte(i)))
		i++;
	ck_assert_uint_eq(i, BASE_SIZE);
	free(got);
}

START_TEST(blob_over_a_base_is_copied_where_it_is_written)
{
	unsigned int reads = 0;
	struct ckpt_blob_base base = {read_base, &reads, 5};
	struct ckpt_digest before, after;
	struct ckpt_blob b;
	char data[5000];
	char *got = malloc(BASE_SIZE);

	memset(data, 'x', sizeof(data));
	ckpt_blob_init(&b, 4242, true);
	ckpt_blob_set_base(&b, &base, BASE_SIZE);
	shows(&b, 0, 0, 0);
	ck_assert_uint_eq(ckpt_quota_used(4242), 0);
	ck_assert_int_eq(ckpt_blob_digest(&b, true, &before), 0);
	/* across a border of chunks */
	ck_assert_int_eq(ckpt_blob_write(&b, data, 5000, CKPT_CHUNK_SIZE - 1000), 5000);
	ck_assert_uint_eq(ckpt_quota_used(4242), 2 * CKPT_CHUNK_SIZE);
	shows(&b, CKPT_CHUNK_SIZE - 1000, 5000, 'x');
	ck_assert_int_eq(ckpt_blob_digest(&b, true, &after), 0);
	ck_assert(!ckpt_digest_equal(&before, &after));
	/* what was cut off is zero when it grows again, not the base's */
	ck_assert_int_eq(ckpt_blob_truncate(&b, 2 * CKPT_CHUNK_SIZE + 100), 0);
	ck_assert_int_eq(ckpt_blob_truncate(&b, BASE_SIZE), 0);
	ck_assert_int_eq(ckpt_blob_read(&b, got, BASE_SIZE, 0), (ssize_t)BASE_SIZE);
	ck_assert(got[2 * CKPT_CHUNK_SIZE + 99] == base_byte(2 * CKPT_CHUNK_SIZE + 99));
	ck_assert(!got[2 * CKPT_CHUNK_SIZE + 100] && !got[BASE_SIZE - 1]);
	ckpt_blob_fini(&b);
	ck_assert_uint_eq(ckpt_quota_used(4242), 0);
	free(got);
}
END_TEST

static ssize_t read_blob(void *ctx, uint64_t key, void *buf, size_t len, uint64_t off)
{
	(void)key;
	return ckpt_blob_read(ctx, buf, len, off);
}

START_TEST(blob_merged_with_its_base_shows_the_same)
{
	unsigned int reads = 0;
	struct ckpt_blob_base base = {read_base, &reads, 5};
	struct ckpt_blob under, b;

	ckpt_blob_init(&under, 4242, true);
	ckpt_blob_set_base(&under, &base, BASE_SIZE);
	ck_assert_int_eq(ckpt_blob_write(&under, "yy", 2, CKPT_CHUNK_SIZE), 2);
	ckpt_blob_init(&b, 4242, true);
	ckpt_blob_set_base(&b, &(struct ckpt_blob_base){read_blob, &under, 0}, BASE_SIZE);
	ck_assert_int_eq(ckpt_blob_write(&b, "yy", 2, CKPT_CHUNK_SIZE - 2), 2);
	shows(&b, CKPT_CHUNK_SIZE - 2, 4, 'y');
	ck_assert_int_eq(ckpt_blob_merge(&b, &under), 0);
	shows(&b, CKPT_CHUNK_SIZE - 2, 4, 'y');
	ck_assert_uint_eq(ckpt_quota_used(4242), 2 * CKPT_CHUNK_SIZE);
	ckpt_blob_fini(&under);
	ckpt_blob_fini(&b);
	ck_assert_uint_eq(ckpt_quota_used(4242), 0);
}
END_TEST

START_TEST(full_stage_is_enospc_and_stays_usable)
{
	static char mib[1 << 20];
	struct ckpt_stage_node *node = make_file("ldt", TOOL);

	ckpt_quota_set_limit(3 << 20);
	ck_assert_int_eq(ckpt_stage_write(stage, node, mib, sizeof(mib), 0), 1 << 20);
	ck_assert_int_eq(ckpt_stage_write(stage, node, mib, sizeof(mib), 1 << 20), 1 << 20);
	ck_assert_int_eq(ckpt_stage_write(stage, node, mib, sizeof(mib), 2 << 20), -ENOSPC);
	ck_assert_int_eq(ckpt_stage_write(stage, node, mib, 1, 1ull << 60), -ENOSPC);
	ck_assert_int_eq(ckpt_stage_truncate(stage, node, 1ull << 60), -ENOSPC);
	ck_assert_uint_eq(node->blob.size, 2 << 20);
	ck_assert_int_eq(ckpt_stage_truncate(stage, node, 0), 0);
	ck_assert_int_eq(ckpt_stage_write(stage, node, "x", 1, 0), 1);
	ckpt_quota_set_limit(64 << 20);
}
END_TEST

/* ---- names ---- */

START_TEST(names_are_found_after_many_and_renames)
{
	struct ckpt_stage_node *root = ckpt_stage_root(stage), *dir, *node;
	char name[32], *path;

	ck_assert_int_eq(ckpt_stage_make(stage, root, "vmas", S_IFDIR | 0700, &dir), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(ckpt_stage_make(stage, dir, name, S_IFREG | 0600, &node), 0);
	}
	ck_assert_int_eq(ckpt_stage_make(stage, dir, "7", S_IFREG | 0600, &node), -EEXIST);
	node = ckpt_stage_find(stage, "vmas/1999");
	ck_assert_ptr_nonnull(node);
	path = ckpt_stage_path(node);
	ck_assert_str_eq(path, "vmas/1999");
	free(path);
	ck_assert_int_eq(ckpt_stage_rename(stage, node, root, "cpu"), 0);
	ck_assert_ptr_null(ckpt_stage_find(stage, "vmas/1999"));
	ck_assert_ptr_eq(ckpt_stage_find(stage, "cpu"), node);
	ck_assert_int_eq(ckpt_stage_rename(stage, ckpt_stage_find(stage, "vmas/3"), root, "cpu"),
			 0);
	ck_assert_uint_eq(stage->nfiles, 1999);
	ck_assert_int_eq(ckpt_stage_rmdir(stage, dir), -ENOTEMPTY);
}
END_TEST

START_TEST(unlinked_file_lives_while_it_is_open)
{
	struct ckpt_stage_node *node = make_file("cpu", TOOL);
	uint32_t index = node->index;

	ckpt_stage_opened(node, false);
	ckpt_stage_unlink(stage, node);
	ck_assert_ptr_null(ckpt_stage_find(stage, "cpu"));
	ck_assert_ptr_eq(ckpt_stage_node(stage, index), node);
	ck_assert_int_eq(ckpt_stage_write(stage, node, "x", 1, 0), -ESTALE);
	ckpt_stage_closed(stage, node, false);
	ck_assert_ptr_null(ckpt_stage_node(stage, index));
}
END_TEST

/* ---- completion ---- */

/* Everything was there and right, so the restore was tried; it refused this tree. */
static void assert_was_complete(int ret)
{
	ck_assert_int_lt(ret, 0);
	ck_assert_int_eq(ckpt_status_state(&stage->status), CKPT_FAILED);
	ck_assert_uint_eq(stage->nfiles, 0);
}

static void assert_staging(uint32_t nfiles)
{
	ck_assert_int_eq(ckpt_status_state(&stage->status), CKPT_STAGING);
	ck_assert_uint_eq(stage->nfiles, nfiles);
}

START_TEST(complete_in_any_order)
{
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					{1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	const char *names[] = {"manifest", "ldt", "timers"};
	const char *texts[] = {manifest_text(false), LDT, TIMERS};

	for (int o = 0; o < 6; o++) {
		const int *k = orders[o];

		ck_assert_int_eq(put(names[k[0]], texts[k[0]], TOOL + o), 0);
		ck_assert_int_eq(put(names[k[1]], texts[k[1]], TOOL + o), 0);
		assert_staging(2);
		assert_was_complete(put(names[k[2]], texts[k[2]], TOOL + o));
	}
}
END_TEST

START_TEST(first_close_before_the_first_write_is_no_error)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};

	ck_assert_int_eq(put("manifest", manifest_text(true), TOOL), 0);
	node = make_file("ldt", TOOL);
	ck_assert_int_eq(ckpt_stage_arrived(stage, node, TOOL, &err), 0);
	ck_assert_int_eq(put("ldt", LDT, TOOL), 0);
	node = make_file("timers", TOOL); /* edited: complete with its end line */
	ck_assert_int_eq(ckpt_stage_arrived(stage, node, TOOL, &err), 0);
	assert_staging(3);
	assert_was_complete(put("timers", "end\n", TOOL));
}
END_TEST

START_TEST(wrong_file_is_named_and_ends_the_try)
{
	struct ckpt_err err;

	put("ldt", "entry_size 8\nnumber 1\nend\n", TOOL);
	put("timers", TIMERS, TOOL);
	ck_assert_int_eq(put_err("manifest", manifest_text(false), TOOL, &err), -EINVAL);
	ck_assert_int_eq(strncmp(err.text, "ldt: damaged", 12), 0);
	assert_was_complete(-EINVAL);
	/* and the next copy begins afresh */
	put("manifest", manifest_text(false), OTHER);
	put("timers", TIMERS, OTHER);
	assert_staging(2);
	assert_was_complete(put("ldt", LDT, OTHER));
}
END_TEST

START_TEST(wrong_file_is_repaired_while_others_are_missing)
{
	struct ckpt_err err;

	put("manifest", manifest_text(false), TOOL);
	ck_assert_int_eq(put_err("ldt", "short", TOOL, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "5 bytes, the manifest says 26"));
	assert_staging(2);
	ck_assert_int_eq(put("ldt", LDT, OTHER), 0);
	assert_was_complete(put("timers", TIMERS, OTHER));
}
END_TEST

/* Holes cost nobody anything, but reading them would. */
START_TEST(manifest_of_holes_is_not_read)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};

	ckpt_quota_set_limit(1ull << 50);
	node = make_file("manifest", TOOL);
	ck_assert_int_eq(ckpt_stage_truncate(stage, node, 1ull << 49), 0);
	ck_assert_int_eq(ckpt_stage_arrived(stage, node, TOOL, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "manifest: 562949953421312 bytes are too long"));
}
END_TEST

START_TEST(bad_manifest_ends_the_try)
{
	struct ckpt_err err;

	put("ldt", LDT, TOOL);
	ck_assert_int_eq(put_err("manifest", "junk\n", TOOL, &err), -EINVAL);
	ck_assert_int_eq(strncmp(err.text, "manifest:", 9), 0);
	assert_was_complete(-EINVAL);
}
END_TEST

START_TEST(edited_file_needs_its_end_line)
{
	struct ckpt_err err;

	put("manifest", manifest_text(true), TOOL);
	ck_assert_int_eq(put_err("timers", "timer 1\n", TOOL, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "end"));
	ck_assert_int_eq(put("timers", "whatever\nend\n", OTHER), 0);
	assert_was_complete(put("ldt", LDT, OTHER));
}
END_TEST

START_TEST(unlisted_file_is_named)
{
	struct ckpt_err err;

	put("ldt", LDT, TOOL);
	put("surprise", "x", TOOL);
	put("timers", TIMERS, TOOL);
	ck_assert_int_eq(put_err("manifest", manifest_text(false), TOOL, &err), -EINVAL);
	ck_assert_int_eq(strncmp(err.text, "surprise:", 9), 0);
	assert_was_complete(-EINVAL);
}
END_TEST

START_TEST(temporary_file_counts_when_it_gets_its_name)
{
	struct ckpt_stage_node *node, *root = ckpt_stage_root(stage);
	struct ckpt_err err = {0};

	put("manifest", manifest_text(false), TOOL);
	put("timers", TIMERS, TOOL);
	ck_assert_int_eq(put(".ldt.Ab12Cd", LDT, TOOL), 0);
	assert_staging(3);
	node = ckpt_stage_find(stage, ".ldt.Ab12Cd");
	ck_assert_int_eq(ckpt_stage_rename(stage, node, root, "ldt"), 0);
	assert_was_complete(ckpt_stage_arrived(stage, node, TOOL, &err));
}
END_TEST

START_TEST(finish_names_what_is_missing)
{
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_stage_finish(stage, ckpt_stage_root(stage), TOOL, &err),
			 0); /* nothing staged: fine */
	put("ldt", LDT, TOOL);
	ck_assert_int_eq(ckpt_stage_finish(stage, ckpt_stage_root(stage), OTHER, &err),
			 0); /* rsync's generator */
	ck_assert_int_eq(ckpt_stage_finish(stage, ckpt_stage_root(stage), TOOL, &err), -EINVAL);
	ck_assert_str_eq(err.text, "incomplete: manifest missing");
	put("manifest", manifest_text(false), TOOL);
	ck_assert_int_eq(ckpt_stage_finish(stage, ckpt_stage_root(stage), TOOL, &err), -EINVAL);
	ck_assert_str_eq(err.text, "incomplete: timers missing");
	assert_staging(2);
}
END_TEST

/* ---- a second copy ---- */

/* cp -a again over a tree of which the first file was missing: completed by its first file, it
 * still writes the others. */
START_TEST(copy_that_completes_early_may_go_on)
{
	struct ckpt_err err;

	put("timers", TIMERS, TOOL);
	put("manifest", manifest_text(false), TOOL);
	assert_was_complete(put("ldt", LDT, OTHER));
	ck_assert_int_eq(put("timers", TIMERS, OTHER), 0);
	ck_assert_int_eq(put("manifest", manifest_text(false), OTHER), 0);
	ck_assert_int_eq(ckpt_stage_finish(stage, ckpt_stage_root(stage), OTHER, &err), 0);
	ck_assert_int_eq(ckpt_status_state(&stage->status), CKPT_FAILED);
	ck_assert_uint_eq(stage->nfiles, 0);
	/* and the next copy by the same thread is a new try */
	ck_assert_int_eq(put("timers", TIMERS, OTHER), 0);
	assert_staging(1);
}
END_TEST

START_TEST(good_file_written_again_begins_a_new_copy)
{
	put("ldt", LDT, TOOL);
	put("manifest", manifest_text(false), TOOL);
	ck_assert_int_eq(put("ldt", LDT, OTHER), 0);
	assert_staging(1);
	ck_assert(!stage->has_manifest);
	put("timers", TIMERS, OTHER);
	assert_was_complete(put("manifest", manifest_text(false), OTHER));
}
END_TEST

START_TEST(late_unlisted_file_is_an_error)
{
	struct ckpt_err err;

	put("ldt", LDT, TOOL);
	put("timers", TIMERS, TOOL);
	assert_was_complete(put("manifest", manifest_text(false), TOOL));
	ck_assert_int_eq(put_err("surprise", "x", TOOL, &err), -EINVAL);
	ck_assert_int_eq(strncmp(err.text, "surprise:", 9), 0);
	ck_assert_int_eq(ckpt_status_state(&stage->status), CKPT_FAILED);
	ck_assert_int_eq(put("timers", TIMERS, TOOL), 0);
	assert_staging(1);
}
END_TEST

START_TEST(status_tells_the_counts)
{
	struct ckpt_buf buf = {0};

	put("ldt", LDT, TOOL);
	ckpt_status_render(&stage->status, &buf);
	ck_assert_str_eq(buf.data, "state staging\npid 0\nfiles 1 of -\npages 0 of 0\nend\n");
	put("manifest", manifest_text(false), TOOL);
	buf.len = 0;
	ckpt_status_render(&stage->status, &buf);
	ck_assert_str_eq(buf.data, "state staging\npid 0\nfiles 1 of 2\npages 0 of 0\nend\n");
	ckpt_buf_fini(&buf);
}
END_TEST

static int builds;

static int build_nothing(struct ckpt_stage *s, struct ckpt_err *err)
{
	builds++;
	return s->ctx == &builds ? 0 : ckpt_fail(err, EIO, "wrong context");
}

START_TEST(names_that_no_tree_has_are_scratch)
{
	struct ckpt_stage_node *note, *edit;

	stage->scratch = true;
	stage->build = build_nothing;
	stage->ctx = &builds;
	builds = 0;
	ck_assert_int_eq(put("cpu~", "a backup", OTHER), 0);
	note = ckpt_stage_find(stage, "cpu~");
	/* an edit that came before the tree, and is none of its files */
	edit = make_file("cpu", OTHER);
	edit->settled = edit->edit = true;
	ck_assert_int_eq(put("timers", TIMERS, TOOL), 0);
	ck_assert_int_eq(put("manifest", manifest_text(false), TOOL), 0);
	ck_assert_int_eq(put("ldt", LDT, TOOL), 0);
	ck_assert_int_eq(builds, 1);
	ck_assert_ptr_null(ckpt_stage_find(stage, "timers"));
	ck_assert_ptr_eq(ckpt_stage_find(stage, "cpu~"), note);
}
END_TEST

Suite *stage_suite(void)
{
	const TTest *const tests[] = {
		blob_reads_back_what_was_written_anywhere,
		blob_digest_does_not_depend_on_the_order_of_writes,
		blob_drop_gives_memory_back,
		blob_over_a_base_is_copied_where_it_is_written,
		blob_merged_with_its_base_shows_the_same,
		names_that_no_tree_has_are_scratch,
		full_stage_is_enospc_and_stays_usable,
		names_are_found_after_many_and_renames,
		unlinked_file_lives_while_it_is_open,
		complete_in_any_order,
		first_close_before_the_first_write_is_no_error,
		wrong_file_is_named_and_ends_the_try,
		wrong_file_is_repaired_while_others_are_missing,
		bad_manifest_ends_the_try,
		manifest_of_holes_is_not_read,
		edited_file_needs_its_end_line,
		unlisted_file_is_named,
		temporary_file_counts_when_it_gets_its_name,
		finish_names_what_is_missing,
		copy_that_completes_early_may_go_on,
		good_file_written_again_begins_a_new_copy,
		late_unlisted_file_is_an_error,
		status_tells_the_counts,
	};
	Suite *suite = suite_create("stage");
	TCase *tcase = tcase_create("stage");

	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}
