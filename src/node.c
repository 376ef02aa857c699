// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of the tree: one row per file. Owns which files there are, where in struct ckpt_task
 * each one's contents live, and how names of collections are spelled. What is in a text file is
 * its codec's business.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "manifest.h"
#include "node.h"

/* ---- names ---- */

/* Sixteen digits, so that names sort as the addresses do. */
static void print_hex16(uint64_t key, char *name, size_t size)
{
	snprintf(name, size, "%016" PRIx64, key);
}

static bool parse_hex16(const char *name, size_t len, uint64_t *key)
{
	uint64_t value = 0;

	if (len != 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*key = value;
	return true;
}

static void print_decimal(uint64_t key, char *name, size_t size)
{
	snprintf(name, size, "%" PRIu64, key);
}

static bool parse_decimal(const char *name, size_t len, uint64_t *key)
{
	uint64_t value = 0;

	if (!len || (name[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(name[i] - '0'), &value))
			return false;
	}
	*key = value;
	return true;
}

/* ---- the table ---- */

/* clang-format off */
#define TEXT(name, T, field, codec)                                                                \
	{name, CKPT_NODE_TEXT, offsetof(T, field), &(codec), NULL, NULL, 0}
/* The whole element is the object of its codec. */
#define ELEMENT_TEXT(name, codec) {name, CKPT_NODE_TEXT, 0, &(codec), NULL, NULL, 0}
#define PAGES(T, field) {"pages", CKPT_NODE_PAGES, offsetof(T, field), NULL, NULL, NULL, 0}
#define SUMS(T, field) {"sums", CKPT_NODE_SUMS, offsetof(T, field), NULL, NULL, NULL, 0}
#define DIR_ROWS(name, rows) {name, CKPT_NODE_DIR, 0, NULL, NULL, rows, CKPT_NROWS(rows)}
#define DIR_OF(name, collection) {name, CKPT_NODE_DIR, 0, NULL, &(collection), NULL, 0}

#define COLLECTION(T, field, E, keyfield)                                                          \
	.vec = offsetof(T, field), .esize = sizeof(E), .key = offsetof(E, keyfield)
#define HEX16 .key_print = print_hex16, .key_parse = parse_hex16
#define DECIMAL .key_print = print_decimal, .key_parse = parse_decimal
/* clang-format on */

static const struct ckpt_node_row vma_rows[] = {
	ELEMENT_TEXT("meta", ckpt_vma_codec),
	PAGES(struct ckpt_vma, pages),
	SUMS(struct ckpt_vma, pages),
};
static const struct ckpt_node_row vma_row = DIR_ROWS(NULL, vma_rows);
static const struct ckpt_collection vmas = {
	COLLECTION(struct ckpt_task, vmas, struct ckpt_vma, start),
	HEX16,
	.key_in_text = true,
	.placeholder = "N",
	.row = &vma_row,
};

static const struct ckpt_node_row file_row = ELEMENT_TEXT(NULL, ckpt_file_codec);
static const struct ckpt_collection files = {
	COLLECTION(struct ckpt_task, files, struct ckpt_file, id),
	DECIMAL,
	.placeholder = "ID",
	.row = &file_row,
};

static const struct ckpt_node_row fd_row = ELEMENT_TEXT(NULL, ckpt_fd_codec);
static const struct ckpt_collection fds = {
	COLLECTION(struct ckpt_task, fds, struct ckpt_fd, fd),
	DECIMAL,
	.placeholder = "N",
	.row = &fd_row,
};

static const struct ckpt_node_row object_rows[] = {
	ELEMENT_TEXT("meta", ckpt_object_codec),
	PAGES(struct ckpt_object, pages),
	SUMS(struct ckpt_object, pages),
};
static const struct ckpt_node_row object_row = DIR_ROWS(NULL, object_rows);
static const struct ckpt_collection objects = {
	COLLECTION(struct ckpt_task, objects, struct ckpt_object, id),
	DECIMAL,
	.placeholder = "ID",
	.row = &object_row,
};

static const struct ckpt_node_row root_rows[] = {
	TEXT("task", struct ckpt_task, header, ckpt_header_codec),
	TEXT("mm", struct ckpt_task, mm, ckpt_mm_codec),
	TEXT("cpu", struct ckpt_task, cpu, ckpt_cpu_codec),
	TEXT("ldt", struct ckpt_task, ldt, ckpt_ldt_codec),
	TEXT("signals", struct ckpt_task, signals, ckpt_signals_codec),
	TEXT("timers", struct ckpt_task, timers, ckpt_timers_codec),
	TEXT("creds", struct ckpt_task, creds, ckpt_creds_codec),
	TEXT("limits", struct ckpt_task, limits, ckpt_limits_codec),
	TEXT("thread", struct ckpt_task, thread, ckpt_thread_codec),
	TEXT("seccomp", struct ckpt_task, seccomp, ckpt_seccomp_codec),
	DIR_OF("vmas", vmas),
	DIR_OF("files", files),
	DIR_OF("fds", fds),
	DIR_OF("objects", objects),
	{CKPT_MANIFEST_NAME, CKPT_NODE_MANIFEST, 0, NULL, NULL, NULL, 0},
};

const struct ckpt_node_row ckpt_node_root = DIR_ROWS("", root_rows);

/* ---- from a path to its row ---- */

struct place {
	const struct ckpt_node_row *row;
	const struct ckpt_node_row *dir;	  /* the row of its directory */
	const struct ckpt_collection *collection; /* that the path is in, or NULL */
	uint64_t key;				  /* of its element */
	bool gz;
};

static bool name_matches(const struct ckpt_node_row *row, const char *name, size_t len, bool *gz)
{
	static const char suffix[] = ".gz";
	size_t want = strlen(row->name);

	*gz = row->kind == CKPT_NODE_PAGES && len == want + sizeof(suffix) - 1 &&
	      !memcmp(name + want, suffix, sizeof(suffix) - 1);
	return (len == want || *gz) && !memcmp(name, row->name, want);
}

/* Steps from a directory to its entry of that name. */
static bool step(struct place *at, const char *name, size_t len)
{
	const struct ckpt_node_row *dir = at->row;

	at->dir = dir;
	if (dir->entries) {
		at->collection = dir->entries;
		at->row = dir->entries->row;
		return dir->entries->key_parse(name, len, &at->key);
	}
	for (size_t i = 0; i < dir->nrows; i++) {
		if (name_matches(&dir->rows[i], name, len, &at->gz)) {
			at->row = &dir->rows[i];
			return true;
		}
	}
	return false;
}

static int walk(const char *path, struct place *out)
{
	struct place at = {.row = &ckpt_node_root};

	if (*path) {
		for (;; path++) {
			size_t len = strcspn(path, "/");

			if (at.row->kind != CKPT_NODE_DIR || !step(&at, path, len))
				return -ENOENT;
			path += len;
			if (!*path)
				break;
		}
	}
	*out = at;
	return 0;
}

int ckpt_node_kind_of(const char *path, bool *gz)
{
	struct place at;

	if (walk(path, &at))
		return -ENOENT;
	if (gz)
		*gz = at.gz;
	return (int)at.row->kind;
}

/* ---- parsing ---- */

static uint64_t *key_of(const struct ckpt_collection *c, void *elem)
{
	return (uint64_t *)((char *)elem + c->key);
}

static struct ckpt_vec *vec_of(struct ckpt_task *task, const struct ckpt_collection *c)
{
	return (struct ckpt_vec *)((char *)task + c->vec);
}

/* An element has exactly one text file, so that each one that comes is a new element. */
static int parse_element(struct ckpt_task *task, const struct place *at, const char *path,
			 const char *text, size_t len, struct ckpt_err *err)
{
	const struct ckpt_collection *c = at->collection;
	struct ckpt_vec *vec = vec_of(task, c);
	char *elem = ckpt_vec_add(vec, c->esize);
	int rc;

	if (!elem)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", path);
	rc = ckpt_codec_parse(at->row->codec, path, text, len, elem + at->row->off, err);
	if (!rc && c->key_in_text && *key_of(c, elem) != at->key) {
		ckpt_codec_fini(at->row->codec, elem + at->row->off);
		rc = ckpt_fail(err, EINVAL, "%s: its contents are of 0x%" PRIx64, path,
			       *key_of(c, elem));
	}
	if (rc)
		vec->n--;
	else
		*key_of(c, elem) = at->key;
	return rc;
}

int ckpt_node_parse(struct ckpt_task *task, const char *path, const char *text, size_t len,
		    struct ckpt_err *err)
{
	struct place at;

	if (walk(path, &at) || at.row->kind != CKPT_NODE_TEXT)
		return ckpt_fail(err, EINVAL, "%s: no text file of this format", path);
	if (at.collection)
		return parse_element(task, &at, path, text, len, err);
	return ckpt_codec_parse(at.row->codec, path, text, len, (char *)task + at.row->off, err);
}

static int key_cmp(const void *a, const void *b, void *arg)
{
	const struct ckpt_collection *c = arg;
	uint64_t x = *(const uint64_t *)((const char *)a + c->key);
	uint64_t y = *(const uint64_t *)((const char *)b + c->key);

	return (x > y) - (x < y);
}

int ckpt_task_sort(struct ckpt_task *task, struct ckpt_err *err)
{
	for (size_t i = 0; i < CKPT_NROWS(root_rows); i++) {
		const struct ckpt_collection *c = root_rows[i].entries;
		struct ckpt_vec *vec;
		char *v;

		if (!c)
			continue;
		vec = vec_of(task, c);
		v = vec->v;
		if (vec->n > 1)
			qsort_r(v, vec->n, c->esize, key_cmp, (void *)c);
		for (size_t k = 1; k < vec->n; k++)
			if (!key_cmp(v + (k - 1) * c->esize, v + k * c->esize, (void *)c))
				return ckpt_fail(err, EINVAL, "%s: an entry is there twice",
						 root_rows[i].name);
	}
	return 0;
}

/* ---- all that must be listed ---- */

/* Whether every file beside path (in its directory of fixed rows) is listed too. */
static int check_siblings(const struct ckpt_manifest *m, const struct ckpt_node_row *dir,
			  const char *path, size_t dir_len, struct ckpt_err *err)
{
	char sibling[PATH_MAX];

	for (size_t i = 0; i < dir->nrows; i++) {
		const struct ckpt_node_row *row = &dir->rows[i];

		if (row->kind == CKPT_NODE_DIR || row->kind == CKPT_NODE_MANIFEST)
			continue;
		snprintf(sibling, sizeof(sibling), "%.*s%s", (int)dir_len, path, row->name);
		if (!ckpt_manifest_find(m, sibling))
			return ckpt_fail(err, EINVAL, CKPT_MANIFEST_NAME ": '%s' is not listed",
					 sibling);
	}
	return 0;
}

int ckpt_node_check_list(const struct ckpt_manifest *m, struct ckpt_err *err)
{
	int rc = check_siblings(m, &ckpt_node_root, "", 0, err);

	for (size_t i = 0; !rc && i < m->n; i++) {
		const char *path = m->v[i].path, *slash = strrchr(path, '/');
		struct place at;

		if (!slash)
			continue;
		if (walk(path, &at) || !at.dir)
			return ckpt_fail(err, EINVAL, CKPT_MANIFEST_NAME ": '%s' is not known",
					 path);
		rc = check_siblings(m, at.dir, path, (size_t)(slash + 1 - path), err);
	}
	return rc;
}

/* ---- every text file ---- */

static void fini_texts(const struct ckpt_node_row *row, char *obj)
{
	if (row->kind == CKPT_NODE_TEXT)
		ckpt_codec_fini(row->codec, obj + row->off);
	for (size_t i = 0; i < row->nrows; i++)
		fini_texts(&row->rows[i], obj);
}

void ckpt_node_fini(struct ckpt_task *task)
{
	fini_texts(&ckpt_node_root, (char *)task);
	for (size_t i = 0; i < CKPT_NROWS(root_rows); i++) {
		const struct ckpt_collection *c = root_rows[i].entries;
		struct ckpt_vec *vec;

		if (!c)
			continue;
		vec = vec_of(task, c);
		for (size_t k = 0; k < vec->n; k++)
			fini_texts(c->row, (char *)vec->v + k * c->esize);
		CKPT_VEC_FINI(vec);
	}
}

static void each_codec(const struct ckpt_node_row *row, const char *path,
		       void (*fn)(const char *name, const struct ckpt_codec *codec, void *arg),
		       void *arg)
{
	char sub[PATH_MAX];
	const char *slash = *path ? "/" : "";

	if (row->kind == CKPT_NODE_TEXT)
		fn(path, row->codec, arg);
	if (row->entries) {
		snprintf(sub, sizeof(sub), "%s%s%s", path, slash, row->entries->placeholder);
		each_codec(row->entries->row, sub, fn, arg);
	}
	for (size_t i = 0; i < row->nrows; i++) {
		snprintf(sub, sizeof(sub), "%s%s%s", path, slash, row->rows[i].name);
		each_codec(&row->rows[i], sub, fn, arg);
	}
}

void ckpt_node_each_codec(void (*fn)(const char *name, const struct ckpt_codec *codec, void *arg),
			  void *arg)
{
	each_codec(&ckpt_node_root, "", fn, arg);
}
