// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A collected task laid out as the entries of a tree, by the rows of node.c.
 *
 * Entries are laid out in passes: directories and texts, then `pages`, then `sums`, then
 * `manifest`. Tools that read in inode order so come to what needs digests when the pages have
 * gone by and their digests are known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "manifest.h"
#include "node.h"
#include "pages.h"

static const char end_word[] = "end ";

/* ---- laying out ---- */

struct layout {
	struct ckpt_tree *tree;
	uint32_t cap;
	uint32_t *last;	 /* by entry: last child so far */
	uint64_t text;	 /* bytes of text files */
	uint64_t listed; /* files that the manifest lists ... */
	uint64_t width;	 /* ... and the length of their lines */
	struct ckpt_err *err;
};

static int no_memory(struct layout *l)
{
	return ckpt_fail(l->err, ENOMEM, "out of memory while a tree was laid out");
}

static int reserve(struct layout *l)
{
	uint32_t cap = l->cap ? l->cap * 2 : 64;
	struct ckpt_entry *v;
	uint32_t *last;

	if (l->tree->n < l->cap)
		return 0;
	if (l->cap > UINT32_MAX / 2)
		return ckpt_fail(l->err, EOVERFLOW, "a tree with more files than can be numbered");
	v = reallocarray(l->tree->v, cap, sizeof(*v));
	if (!v)
		return no_memory(l);
	l->tree->v = v;
	last = reallocarray(l->last, cap, sizeof(*last));
	if (!last)
		return no_memory(l);
	l->last = last;
	l->cap = cap;
	return 0;
}

/* The PAGES entry beside a SUMS entry, of the same pages. */
static struct ckpt_entry *pages_of(const struct ckpt_tree *tree, const struct ckpt_entry *sums)
{
	for (uint32_t i = tree->v[sums->parent].first; i; i = tree->v[i].next)
		if (tree->v[i].kind == CKPT_NODE_PAGES && tree->v[i].pages == sums->pages)
			return &tree->v[i];
	return NULL;
}

static uint64_t word_len(const char *path)
{
	struct ckpt_buf buf = {0};
	uint64_t len;

	ckpt_word_print(&buf, path);
	len = buf.len;
	ckpt_buf_fini(&buf);
	return len;
}

static int fill_text(struct layout *l, struct ckpt_entry *e)
{
	struct ckpt_buf buf = {0};
	char *fit;

	ckpt_codec_print(e->row->codec, e->obj, &buf);
	if (buf.failed) {
		ckpt_buf_fini(&buf);
		return no_memory(l);
	}
	/* It stays as long as the freeze does: give back what the growing buffer has left. */
	e->text = buf.data;
	fit = realloc(buf.data, buf.len + 1);
	if (fit)
		e->text = fit;
	e->size = buf.len;
	l->text += e->size;
	if (e->size > CKPT_TEXT_MAX || l->text > CKPT_TEXT_TOTAL)
		return ckpt_fail(l->err, EFBIG,
				 "%s: more text than a tree may have: the process's memory is in "
				 "too many pieces",
				 e->path);
	return 0;
}

static int fill_pages(struct layout *l, struct ckpt_entry *e)
{
	e->pages = e->obj;
	e->size = e->pages->npages * CKPT_PAGE_SIZE;
	e->sums = ckpt_sums_new(e->size);
	return e->sums ? 0 : no_memory(l);
}

static int fill_sums(struct layout *l, struct ckpt_entry *e)
{
	const struct ckpt_entry *pages;

	e->pages = e->obj;
	pages = pages_of(l->tree, e);
	if (!pages)
		return ckpt_fail(l->err, EINVAL, "%s: no pages beside it", e->path);
	e->sums = pages->sums;
	e->size = ckpt_sums_size(ckpt_sums_nchunks(e->sums));
	return 0;
}

static int fill_manifest(struct layout *l, struct ckpt_entry *e)
{
	char count[24];

	if (l->listed > CKPT_MANIFEST_FILES)
		return ckpt_fail(l->err, EFBIG, "%" PRIu64 " files: more than the %u of a tree",
				 l->listed, CKPT_MANIFEST_FILES);
	e->size = l->width + sizeof(end_word) - 1 +
		  (uint64_t)snprintf(count, sizeof(count), "%" PRIu64 "\n", l->listed);
	return 0;
}

static int fill_dir(struct layout *l, struct ckpt_entry *e)
{
	(void)l;
	(void)e;
	return 0;
}

static int (*const fill[])(struct layout *l, struct ckpt_entry *e) = {
	[CKPT_NODE_DIR] = fill_dir,	      [CKPT_NODE_TEXT] = fill_text,
	[CKPT_NODE_PAGES] = fill_pages,	      [CKPT_NODE_SUMS] = fill_sums,
	[CKPT_NODE_MANIFEST] = fill_manifest,
};

static int set_path(struct ckpt_entry *e, const char *dir, const char *name)
{
	const char *slash = *dir ? "/" : "";

	if (asprintf(&e->path, "%s%s%s", dir, slash, name) < 0) {
		e->path = NULL;
		return -ENOMEM;
	}
	e->name = e->path + strlen(dir) + strlen(slash);
	return 0;
}

/* Appends the entry of a row to its directory. obj is what the row's offset is in. */
static int add(struct layout *l, uint32_t parent, const struct ckpt_node_row *row, const char *name,
	       void *obj)
{
	struct ckpt_tree *tree = l->tree;
	uint32_t index = tree->n;
	struct ckpt_entry *e;
	int rc = reserve(l);

	if (rc || !l->last)
		return rc ? rc : no_memory(l);
	e = &tree->v[index];
	memset(e, 0, sizeof(*e));
	if (set_path(e, index ? tree->v[parent].path : "", name))
		return no_memory(l);
	tree->n++;
	e->row = row;
	e->kind = row->kind;
	e->obj = (char *)obj + row->off;
	e->parent = parent;
	l->last[index] = 0;
	if (index) {
		struct ckpt_entry *dir = &tree->v[parent];

		if (l->last[parent])
			tree->v[l->last[parent]].next = index;
		else
			dir->first = index;
		l->last[parent] = index;
		dir->nsubdirs += row->kind == CKPT_NODE_DIR;
	}
	rc = fill[row->kind](l, e);
	if (!rc && row->kind != CKPT_NODE_DIR && row->kind != CKPT_NODE_MANIFEST) {
		l->listed++;
		l->width += word_len(e->path) + CKPT_MANIFEST_LINE;
	}
	return rc;
}

static int add_elements(struct layout *l, uint32_t dir, const struct ckpt_collection *c)
{
	const struct ckpt_vec *vec =
		(const struct ckpt_vec *)((const char *)l->tree->task + c->vec);
	int rc = 0;

	for (size_t i = 0; !rc && i < vec->n; i++) {
		char *elem = (char *)vec->v + i * c->esize;
		char name[32];

		c->key_print(*(const uint64_t *)(elem + c->key), name, sizeof(name));
		rc = add(l, dir, c->row, name, elem);
	}
	return rc;
}

/* In this order the kinds are laid out; a directory is laid out with the texts. */
static const enum ckpt_node_kind passes[] = {CKPT_NODE_TEXT, CKPT_NODE_PAGES, CKPT_NODE_SUMS,
					     CKPT_NODE_MANIFEST};

static bool in_pass(enum ckpt_node_kind kind, enum ckpt_node_kind pass)
{
	return kind == pass || (kind == CKPT_NODE_DIR && pass == CKPT_NODE_TEXT);
}

static int lay_out_dir(struct layout *l, uint32_t dir, enum ckpt_node_kind pass)
{
	const struct ckpt_node_row *row = l->tree->v[dir].row;
	void *obj = l->tree->v[dir].obj;
	int rc = 0;

	if (row->entries && in_pass(row->entries->row->kind, pass))
		rc = add_elements(l, dir, row->entries);
	for (size_t i = 0; !rc && i < row->nrows; i++)
		if (in_pass(row->rows[i].kind, pass))
			rc = add(l, dir, &row->rows[i], row->rows[i].name, obj);
	return rc;
}

/* Goes over the entries while the first pass appends to them: breadth first. */
static int lay_out(struct layout *l)
{
	int rc = add(l, 0, &ckpt_node_root, "", l->tree->task);

	for (size_t p = 0; p < CKPT_NROWS(passes); p++)
		for (uint32_t i = 0; !rc && i < l->tree->n; i++)
			if (l->tree->v[i].kind == CKPT_NODE_DIR)
				rc = lay_out_dir(l, i, passes[p]);
	return rc;
}

/* ---- finding ---- */

static int path_cmp(const void *a, const void *b, void *arg)
{
	const struct ckpt_tree *tree = arg;

	return strcmp(tree->v[*(const uint32_t *)a].path, tree->v[*(const uint32_t *)b].path);
}

static int sort_paths(struct ckpt_tree *tree, struct ckpt_err *err)
{
	tree->by_path = malloc(tree->n * sizeof(*tree->by_path));
	if (!tree->by_path)
		return ckpt_fail(err, ENOMEM, "out of memory while a tree was laid out");
	for (uint32_t i = 0; i < tree->n; i++)
		tree->by_path[i] = i;
	qsort_r(tree->by_path, tree->n, sizeof(*tree->by_path), path_cmp, tree);
	for (uint32_t i = 1; i < tree->n; i++)
		if (!path_cmp(&tree->by_path[i - 1], &tree->by_path[i], tree))
			return ckpt_fail(err, EINVAL, "%s: there are two of it",
					 tree->v[tree->by_path[i]].path);
	return 0;
}

int64_t ckpt_tree_find(const struct ckpt_tree *tree, const char *path)
{
	uint32_t low = 0, high = tree->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int cmp = strcmp(path, tree->v[tree->by_path[mid]].path);

		if (!cmp)
			return tree->by_path[mid];
		if (cmp < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -ENOENT;
}

/* ---- life ---- */

static ssize_t no_reader(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			 uint64_t off)
{
	(void)ctx;
	(void)entry;
	(void)buf;
	(void)len;
	(void)off;
	return -EIO;
}

int ckpt_tree_new(struct ckpt_task *task, const struct ckpt_page_reader *reader,
		  struct ckpt_tree **out, struct ckpt_err *err)
{
	struct layout l = {.err = err};
	struct ckpt_tree *tree = calloc(1, sizeof(*tree));
	int rc;

	if (!tree) {
		ckpt_task_free(task);
		return ckpt_fail(err, ENOMEM, "out of memory while a tree was laid out");
	}
	l.tree = tree;
	tree->task = task;
	tree->reader = reader ? *reader : (struct ckpt_page_reader){no_reader, NULL};
	pthread_mutex_init(&tree->lock, NULL);
	clock_gettime(CLOCK_REALTIME, &tree->mtime);
	rc = lay_out(&l);
	if (!rc)
		rc = sort_paths(tree, err);
	free(l.last);
	if (rc) {
		ckpt_tree_free(tree);
		return rc;
	}
	*out = tree;
	return 0;
}

void ckpt_tree_free(struct ckpt_tree *tree)
{
	if (!tree)
		return;
	for (uint32_t i = 0; i < tree->n; i++) {
		if (tree->v[i].kind == CKPT_NODE_PAGES)
			ckpt_sums_free(tree->v[i].sums);
		free(tree->v[i].text);
		free(tree->v[i].path);
	}
	free(tree->v);
	free(tree->by_path);
	free(tree->manifest);
	pthread_mutex_destroy(&tree->lock);
	ckpt_task_free(tree->task);
	free(tree);
}

/* ---- reading ---- */

/* The text in buf becomes *keep, once its length is what was promised. */
static int keep_text(struct ckpt_entry *e, struct ckpt_buf *buf, char **keep, struct ckpt_err *err)
{
	if (buf->failed)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", e->path);
	if (buf->len != e->size)
		return ckpt_fail(err, EIO, "%s: %zu bytes instead of %" PRIu64 ": please report it",
				 e->path, buf->len, e->size);
	*keep = buf->data;
	memset(buf, 0, sizeof(*buf));
	return 0;
}

/* Under tree->lock: others wait while missing digests are computed, so that nobody computes
 * them twice. */
static int need_sums(struct ckpt_tree *tree, struct ckpt_entry *e, struct ckpt_err *err)
{
	struct ckpt_buf buf = {0};
	int rc;

	if (e->text)
		return 0;
	rc = ckpt_sums_text(e->sums, &tree->reader, pages_of(tree, e), &buf);
	if (rc)
		rc = ckpt_fail(err, -rc, "%s: cannot read the pages: %s", e->path, strerror(-rc));
	else
		rc = keep_text(e, &buf, &e->text, err);
	ckpt_buf_fini(&buf);
	return rc;
}

/* The SUMS entry beside a PAGES entry. */
static struct ckpt_entry *sums_of(struct ckpt_tree *tree, const struct ckpt_entry *pages)
{
	for (uint32_t i = pages->next; i; i = tree->v[i].next)
		if (tree->v[i].kind == CKPT_NODE_SUMS && tree->v[i].sums == pages->sums)
			return &tree->v[i];
	return NULL;
}

/* What the manifest digests for a file: its text, for pages that of their sums. */
static int digest_entry(struct ckpt_tree *tree, struct ckpt_entry *e, struct ckpt_digest *out,
			struct ckpt_err *err)
{
	struct ckpt_entry *of = e->kind == CKPT_NODE_PAGES ? sums_of(tree, e) : e;
	int rc = of->kind == CKPT_NODE_SUMS ? need_sums(tree, of, err) : 0;

	if (!rc)
		ckpt_digest_of(of->text, of->size, out);
	return rc;
}

static int need_manifest(struct ckpt_tree *tree, struct ckpt_entry *e, struct ckpt_err *err)
{
	struct ckpt_buf buf = {0};
	uint64_t count = 0;
	int rc = 0;

	if (tree->manifest)
		return 0;
	for (uint32_t i = 0; !rc && i < tree->n; i++) {
		struct ckpt_entry *file = &tree->v[i];
		struct ckpt_digest digest;

		if (file->kind == CKPT_NODE_DIR || file->kind == CKPT_NODE_MANIFEST)
			continue;
		rc = digest_entry(tree, file, &digest, err);
		if (!rc)
			ckpt_manifest_print_line(&buf, file->path, file->size, &digest);
		count++;
	}
	if (!rc) {
		ckpt_buf_printf(&buf, "%s%" PRIu64 "\n", end_word, count);
		rc = keep_text(e, &buf, &tree->manifest, err);
	}
	ckpt_buf_fini(&buf);
	return rc;
}

static ssize_t read_text(struct ckpt_tree *tree, struct ckpt_entry *e, void *buf, size_t len,
			 uint64_t off, struct ckpt_err *err)
{
	(void)tree;
	(void)err;
	memcpy(buf, e->text + off, len);
	return (ssize_t)len;
}

static ssize_t read_pages(struct ckpt_tree *tree, struct ckpt_entry *e, void *buf, size_t len,
			  uint64_t off, struct ckpt_err *err)
{
	ssize_t n = tree->reader.read(tree->reader.ctx, e, buf, len, off);

	if (n < 0)
		return ckpt_fail(err, (int)-n, "%s: cannot read the pages: %s", e->path,
				 strerror((int)-n));
	ckpt_sums_note(e->sums, buf, (size_t)n, off);
	return n;
}

static ssize_t read_sums(struct ckpt_tree *tree, struct ckpt_entry *e, void *buf, size_t len,
			 uint64_t off, struct ckpt_err *err)
{
	int rc;

	pthread_mutex_lock(&tree->lock);
	rc = need_sums(tree, e, err);
	pthread_mutex_unlock(&tree->lock);
	return rc ? rc : read_text(tree, e, buf, len, off, err);
}

static ssize_t read_manifest(struct ckpt_tree *tree, struct ckpt_entry *e, void *buf, size_t len,
			     uint64_t off, struct ckpt_err *err)
{
	int rc;

	pthread_mutex_lock(&tree->lock);
	rc = need_manifest(tree, e, err);
	pthread_mutex_unlock(&tree->lock);
	if (rc)
		return rc;
	memcpy(buf, tree->manifest + off, len);
	return (ssize_t)len;
}

static ssize_t read_dir(struct ckpt_tree *tree, struct ckpt_entry *e, void *buf, size_t len,
			uint64_t off, struct ckpt_err *err)
{
	(void)tree;
	(void)buf;
	(void)len;
	(void)off;
	return ckpt_fail(err, EISDIR, "%s: a directory has no contents", e->path);
}

static ssize_t (*const read_kind[])(struct ckpt_tree *tree, struct ckpt_entry *e, void *buf,
				    size_t len, uint64_t off, struct ckpt_err *err) = {
	[CKPT_NODE_DIR] = read_dir,	      [CKPT_NODE_TEXT] = read_text,
	[CKPT_NODE_PAGES] = read_pages,	      [CKPT_NODE_SUMS] = read_sums,
	[CKPT_NODE_MANIFEST] = read_manifest,
};

ssize_t ckpt_tree_read(struct ckpt_tree *tree, uint32_t index, void *buf, size_t len, uint64_t off,
		       struct ckpt_err *err)
{
	struct ckpt_entry *e = &tree->v[index];

	if (e->kind != CKPT_NODE_DIR) {
		if (off >= e->size || !len)
			return 0;
		if (len > e->size - off)
			len = (size_t)(e->size - off);
	}
	return read_kind[e->kind](tree, e, buf, len, off, err);
}
