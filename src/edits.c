// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Edits of a frozen task: judging them, showing them, doing them.
 *
 * The contents of a page file that is edited here and there are in three layers: what is being
 * written lies over the edit that was accepted before, and that over the memory of the task.
 * Accepting the upper one merges it with the lower.
 */
#include "edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "tree.h"

#define MAX_TEXT (64ull << 20) /* bytes, as load.c has it */

static const char *const editable_texts[] = {"cpu", "signals", "limits"};

bool ckpt_edits_may(const struct ckpt_frozen *frozen, const char *path)
{
	int64_t index = ckpt_tree_find(frozen->tree, path);

	for (size_t i = 0; i < sizeof(editable_texts) / sizeof(editable_texts[0]); i++)
		if (!strcmp(path, editable_texts[i]))
			return index >= 0;
	return index >= 0 && frozen->tree->v[index].kind == CKPT_NODE_PAGES;
}

static struct ckpt_edit *find(const struct ckpt_edits *e, uint32_t index)
{
	for (size_t i = 0; i < e->v.n; i++)
		if (e->v.v[i]->index == index)
			return e->v.v[i];
	return NULL;
}

static void edit_free(struct ckpt_edit *edit)
{
	if (!edit)
		return;
	ckpt_blob_fini(&edit->blob);
	free(edit->text);
	free(edit);
}

/* ---- contents ---- */

static ssize_t read_live(void *ctx, uint64_t index, void *buf, size_t len, uint64_t off)
{
	struct ckpt_edits *e = ctx;

	return ckpt_tree_read(e->frozen->tree, (uint32_t)index, buf, len, off, NULL);
}

static ssize_t read_current(void *ctx, uint64_t index, void *buf, size_t len, uint64_t off)
{
	struct ckpt_edits *e = ctx;
	const struct ckpt_edit *edit = find(e, (uint32_t)index);

	return edit ? ckpt_blob_read(&edit->blob, buf, len, off)
		    : read_live(ctx, index, buf, len, off);
}

void ckpt_edits_copy(struct ckpt_edits *e, uint32_t index, struct ckpt_blob *blob)
{
	const struct ckpt_blob_base base = {read_current, e, index};

	ckpt_blob_set_base(blob, &base, e->frozen->tree->v[index].size);
}

static char *whole_text(const struct ckpt_blob *blob, const char *path, struct ckpt_err *err)
{
	char *text;

	if (blob->size > MAX_TEXT) {
		ckpt_fail(err, EINVAL, "%s: %llu bytes are too long for a text file", path,
			  (unsigned long long)blob->size);
		return NULL;
	}
	text = malloc((size_t)blob->size + 1);
	if (!text || ckpt_blob_read(blob, text, (size_t)blob->size, 0) < 0) {
		free(text);
		ckpt_fail(err, ENOMEM, "%s: no memory", path);
		return NULL;
	}
	text[blob->size] = '\0';
	return text;
}

/* ---- the view ---- */

static ssize_t read_view(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			 uint64_t off)
{
	struct ckpt_edits *e = ctx;
	const struct ckpt_page_reader *live = &e->frozen->tree->reader;
	const struct ckpt_edit *edit = find(e, (uint32_t)(entry - e->view->v));

	return edit ? ckpt_blob_read(&edit->blob, buf, len, off)
		    : live->read(live->ctx, entry, buf, len, off);
}

static int show(struct ckpt_tree *view, const struct ckpt_edit *edit, uint64_t size)
{
	if (!edit->text)
		return ckpt_tree_view_set_pages(view, edit->index, &edit->at);
	ckpt_tree_view_set_text(view, edit->index, edit->text, size, &edit->at);
	return 0;
}

/* The view with one more edit, of that size, in place of the one its entry has. */
static struct ckpt_tree *view_with(struct ckpt_edits *e, const struct ckpt_edit *more,
				   uint64_t size)
{
	const struct ckpt_page_reader reader = {read_view, e};
	struct ckpt_tree *view = ckpt_tree_view_new(e->frozen->tree, &reader);
	int ret = view ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < e->v.n; i++)
		if (e->v.v[i]->index != more->index)
			ret = show(view, e->v.v[i], e->v.v[i]->blob.size);
	if (!ret)
		ret = show(view, more, size); /* last: `manifest` is as new as it */
	if (ret) {
		ckpt_tree_view_free(view);
		return NULL;
	}
	return view;
}

/* ---- the whole as a source ---- */

static struct ckpt_edits *edits_of(struct ckpt_source *src)
{
	return (struct ckpt_edits *)((char *)src - offsetof(struct ckpt_edits, source));
}

static const struct ckpt_entry *source_entry(const struct ckpt_edits *e, const char *path)
{
	int64_t index = ckpt_tree_find(e->frozen->tree, path);
	const struct ckpt_entry *entry = index < 0 ? NULL : &e->frozen->tree->v[index];

	return entry && (entry->kind == CKPT_NODE_TEXT || entry->kind == CKPT_NODE_PAGES) ? entry
											  : NULL;
}

static const struct ckpt_blob *blob_of(const struct ckpt_edits *e, uint32_t index)
{
	const struct ckpt_edit *edit = find(e, index);

	if (e->probe && e->probe_index == index)
		return e->probe;
	return edit ? &edit->blob : NULL;
}

static int source_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	const struct ckpt_edits *e = edits_of(src);
	const struct ckpt_entry *entry = source_entry(e, path);
	const struct ckpt_blob *blob;

	if (!entry)
		return -ENOENT;
	blob = blob_of(e, (uint32_t)(entry - e->frozen->tree->v));
	*size = blob ? blob->size : entry->size;
	return 0;
}

static ssize_t source_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
			   uint64_t off)
{
	struct ckpt_edits *e = edits_of(src);
	const struct ckpt_entry *entry = source_entry(e, path);
	const struct ckpt_blob *blob;
	uint32_t index;

	if (!entry)
		return -ENOENT;
	index = (uint32_t)(entry - e->frozen->tree->v);
	blob = blob_of(e, index);
	return blob ? ckpt_blob_read(blob, buf, len, off) : read_live(e, index, buf, len, off);
}

static void source_drop(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len)
{
	(void)src, (void)path, (void)off, (void)len; /* small, or not ours */
}

static int source_each(struct ckpt_source *src, int (*fn)(const char *path, void *arg), void *arg)
{
	const struct ckpt_tree *tree = edits_of(src)->frozen->tree;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < tree->n; i++)
		if (tree->v[i].kind == CKPT_NODE_TEXT || tree->v[i].kind == CKPT_NODE_PAGES)
			ret = fn(tree->v[i].path, arg);
	return ret;
}

static const struct ckpt_source_ops source_ops = {
	.size = source_size,
	.read = source_read,
	.drop = source_drop,
	.each = source_each,
};

static bool source_changed(struct ckpt_source *src, const char *path)
{
	const struct ckpt_edits *e = edits_of(src);
	int64_t index = ckpt_tree_find(e->frozen->tree, path);

	return index < 0 || blob_of(e, (uint32_t)index);
}

static int apply(struct ckpt_edits *e, enum ckpt_apply_mode mode, struct ckpt_err *err)
{
	const struct ckpt_want want = {&e->source, source_changed};

	return ckpt_apply(e->frozen, &want, mode, err);
}

/* ---- judging ---- */

static int check_text(const struct ckpt_entry *entry, const char *text, size_t len,
		      struct ckpt_err *err)
{
	struct ckpt_task *task = ckpt_task_new();
	int ret;

	if (!task)
		return ckpt_fail(err, ENOMEM, "%s: no memory", entry->path);
	ret = ckpt_node_parse(task, entry->path, text, len, err);
	ckpt_task_free(task);
	return ret;
}

static int check_pages(const struct ckpt_entry *entry, const struct ckpt_blob *blob,
		       struct ckpt_err *err)
{
	if (blob->size == entry->size)
		return 0;
	return ckpt_fail(err, EINVAL,
			 "%s: %llu bytes in place of %llu: an edit keeps the size (dd needs "
			 "conv=notrunc)",
			 entry->path, (unsigned long long)blob->size,
			 (unsigned long long)entry->size);
}

static int check_whole(struct ckpt_edits *e, uint32_t index, struct ckpt_blob *blob,
		       struct ckpt_err *err)
{
	int ret;

	e->probe = blob;
	e->probe_index = index;
	ret = apply(e, CKPT_APPLY_CHECK, err);
	e->probe = NULL;
	return ret;
}

/* ---- taking it over ---- */

/* Fails only as long as nothing has changed. */
static int take(struct ckpt_edits *e, struct ckpt_edit *edit, struct ckpt_blob *blob)
{
	struct ckpt_edit *old = find(e, edit->index), **slot = NULL;
	struct ckpt_tree *view = view_with(e, edit, blob->size);
	int ret = view ? 0 : -ENOMEM;

	for (size_t i = 0; i < e->v.n; i++)
		if (e->v.v[i] == old)
			slot = &e->v.v[i];
	if (!ret && !slot) {
		slot = CKPT_VEC_ADD(&e->v);
		ret = slot ? 0 : -ENOMEM;
	}
	if (!ret && old)
		ret = ckpt_blob_merge(blob, &old->blob);
	if (ret) {
		ckpt_tree_view_free(view);
		return ret;
	}
	if (!old)
		blob->base = (struct ckpt_blob_base){read_live, e, edit->index};
	edit->blob = *blob;
	ckpt_blob_init(blob, edit->blob.uid, edit->blob.pages);
	*slot = edit;
	edit_free(old);
	ckpt_tree_view_free(e->view);
	e->view = view;
	return 0;
}

int ckpt_edits_add(struct ckpt_edits *e, uint32_t index, struct ckpt_blob *blob, pid_t writer,
		   struct ckpt_err *err)
{
	const struct ckpt_entry *entry = &e->frozen->tree->v[index];
	struct ckpt_edit *edit = calloc(1, sizeof(*edit));
	int ret = 0;

	if (!edit)
		return ckpt_fail(err, ENOMEM, "%s: no memory", entry->path);
	edit->index = index;
	edit->writer = writer;
	clock_gettime(CLOCK_REALTIME, &edit->at);
	if (entry->kind == CKPT_NODE_PAGES) {
		ret = check_pages(entry, blob, err);
	} else {
		edit->text = whole_text(blob, entry->path, err);
		ret = edit->text ? check_text(entry, edit->text, (size_t)blob->size, err)
				 : -err->code;
	}
	if (!ret)
		ret = check_whole(e, index, blob, err);
	if (!ret) {
		ret = take(e, edit, blob);
		if (ret)
			ckpt_fail(err, -ret, "%s: %s", entry->path, strerror(-ret));
	}
	if (ret)
		edit_free(edit);
	return ret;
}

/* ---- life ---- */

void ckpt_edits_init(struct ckpt_edits *e, struct ckpt_frozen *frozen)
{
	*e = (struct ckpt_edits){.frozen = frozen, .source.ops = &source_ops};
}

void ckpt_edits_fini(struct ckpt_edits *e)
{
	ckpt_tree_view_free(e->view);
	e->view = NULL;
	for (size_t i = 0; i < e->v.n; i++)
		edit_free(e->v.v[i]);
	CKPT_VEC_FINI(&e->v);
}

int ckpt_edits_commit(struct ckpt_edits *e, struct ckpt_err *err)
{
	int ret = 0;

	/* The view shows contents of frozen->tree, which may be exchanged now. */
	ckpt_tree_view_free(e->view);
	e->view = NULL;
	if (e->v.n)
		ret = apply(e, CKPT_APPLY_COMMIT, err);
	ckpt_edits_fini(e);
	return ret;
}
