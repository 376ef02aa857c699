// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is written to a frozen task, until it is an edit or a complete checkpoint.
 *
 * A tool that copies a checkpoint over the task says so by nothing, and may begin with a file
 * that can be edited. So such a file is an edit until another one is written; edits wait for
 * the thaw, and nothing is lost.
 */
#include "overlay.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "cred.h"
#include "log.h"
#include "tree.h"

/* ---- the rollback as a source: the files of its manifest that have state ---- */

static struct ckpt_overlay *overlay_of(struct ckpt_source *src)
{
	return (struct ckpt_overlay *)((char *)src - offsetof(struct ckpt_overlay, source));
}

static struct ckpt_source *staged(struct ckpt_source *src)
{
	return &overlay_of(src)->stage->source;
}

static int source_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	return staged(src)->ops->size(staged(src), path, size);
}

static ssize_t source_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
			   uint64_t off)
{
	return staged(src)->ops->read(staged(src), path, buf, len, off);
}

static void source_drop(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len)
{
	staged(src)->ops->drop(staged(src), path, off, len);
}

static int source_each(struct ckpt_source *src, int (*fn)(const char *path, void *arg), void *arg)
{
	const struct ckpt_manifest *m = &overlay_of(src)->stage->manifest;
	int ret = 0;

	for (size_t i = 0; !ret && i < m->n; i++)
		if (ckpt_node_kind_of(m->v[i].path, NULL) != CKPT_NODE_SUMS)
			ret = fn(m->v[i].path, arg);
	return ret;
}

static const struct ckpt_source_ops source_ops = {
	.size = source_size,
	.read = source_read,
	.drop = source_drop,
	.each = source_each,
};

/* The stage's tree is complete. */
static int roll_back(struct ckpt_stage *s, struct ckpt_err *err)
{
	struct ckpt_overlay *o = s->ctx;
	const struct ckpt_want want = {&o->source, NULL};
	int ret = ckpt_node_check_list(&s->manifest, err);

	if (ret)
		return ret;
	/* a file for each line, and a directory for some */
	ret = ckpt_inodes_begin(&o->inodes, o->frozen->tree, 2 * (uint32_t)s->manifest.n + 100);
	if (ret)
		return ckpt_fail(err, -ret, "no memory for a rollback");
	ret = ckpt_apply(o->frozen, &want, CKPT_APPLY_COMMIT, err);
	ckpt_inodes_end(&o->inodes, o->frozen->tree);
	if (!ret) {
		CKPT_VEC_FINI(&o->outdated); /* all are */
		o->replaced = true;
		ckpt_log("%d: rolled back to the checkpoint of %zu files", o->frozen->pid,
			 s->manifest.n);
	}
	return ret;
}

/* ---- life ---- */

/* Who owns the task pays for what is staged over it. */
static struct ckpt_cred *payer(const struct ckpt_frozen *frozen)
{
	struct ckpt_cred *cred = ckpt_cred_self();

	if (cred) {
		cred->fsuid = frozen->uid;
		cred->fsgid = frozen->gid;
	}
	return cred;
}

int ckpt_overlay_new(struct ckpt_frozen *frozen, struct ckpt_overlay **out, struct ckpt_err *err)
{
	struct ckpt_overlay *o = calloc(1, sizeof(*o));
	struct ckpt_cred *cred = payer(frozen);
	char name[16];
	int ret;

	if (!o || !cred) {
		ckpt_cred_free(cred);
		free(o);
		return ckpt_fail(err, ENOMEM, "no memory for files over a task");
	}
	snprintf(name, sizeof(name), "%d", frozen->pid);
	ret = ckpt_stage_new(name, cred, 0700, &o->stage, err);
	if (ret) {
		free(o);
		return ret;
	}
	o->frozen = frozen;
	o->source.ops = &source_ops;
	o->stage->above = "";
	o->stage->scratch = true;
	o->stage->build = roll_back;
	o->stage->ctx = o;
	ckpt_edits_init(&o->edits, frozen);
	*out = o;
	return 0;
}

void ckpt_overlay_free(struct ckpt_overlay *o)
{
	if (!o)
		return;
	ckpt_edits_fini(&o->edits);
	ckpt_stage_free(o->stage);
	ckpt_inodes_fini(&o->inodes);
	CKPT_VEC_FINI(&o->outdated);
	free(o);
}

/* ---- what readers see ---- */

static void outdate(struct ckpt_overlay *o, uint32_t index)
{
	uint64_t *slot = CKPT_VEC_ADD(&o->outdated);

	if (slot) /* else the kernel shows an old size for a while */
		*slot = index;
}

/* An entry, its sums, the manifest. */
static void outdate_edited(struct ckpt_overlay *o, uint32_t index)
{
	const struct ckpt_tree *tree = o->frozen->tree;
	const struct ckpt_entry *e = &tree->v[index];

	outdate(o, index);
	outdate(o, tree->n - 1);
	for (uint32_t i = tree->v[e->parent].first; e->sums && i; i = tree->v[i].next)
		if (tree->v[i].sums == e->sums && i != index)
			outdate(o, i);
}

static void drop_edits(struct ckpt_overlay *o)
{
	for (size_t i = 0; i < o->edits.v.n; i++)
		outdate_edited(o, o->edits.v.v[i]->index);
	ckpt_edits_fini(&o->edits);
}

struct ckpt_stage_node *ckpt_overlay_find(const struct ckpt_overlay *o, const char *path)
{
	return ckpt_stage_find(o->stage, path);
}

bool ckpt_overlay_is_draft(const struct ckpt_overlay *o, const struct ckpt_stage_node *node)
{
	return node->dir && !node->clean && !node->settled && node->verdict != CKPT_BAD &&
	       !ckpt_stage_is_temporary(o->stage, node);
}

/* ---- nodes ---- */

/* The last component of a path, and the node of the directory it is in, made if need be. */
static int enter_dir(struct ckpt_overlay *o, const char *path, struct ckpt_stage_node **dir,
		     const char **name)
{
	struct ckpt_stage_node *at = ckpt_stage_root(o->stage), *child;
	const char *slash;
	int ret = 0;

	for (; !ret && (slash = strchr(path, '/')); path = slash + 1) {
		char part[NAME_MAX + 1];

		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		child = ckpt_stage_child(o->stage, at, part);
		if (!child)
			ret = ckpt_stage_make(o->stage, at, part, S_IFDIR | 0700, &child);
		at = child;
	}
	*dir = at;
	*name = path;
	return ret;
}

static int no_room(const struct ckpt_overlay *o, int ret, struct ckpt_err *err)
{
	if (ret != -ENOSPC)
		return ckpt_fail(err, -ret, "%s", strerror(-ret));
	return ckpt_fail(err, ENOSPC,
			 "the stage of uid %u is full: what is written over frozen tasks counts "
			 "too (-o stage_limit=)",
			 o->stage->uid);
}

static int make_node(struct ckpt_overlay *o, const char *path, mode_t mode,
		     struct ckpt_stage_node **out, struct ckpt_err *err)
{
	struct ckpt_stage_node *dir;
	const char *name;
	int ret = enter_dir(o, path, &dir, &name);

	if (!ret)
		ret = ckpt_stage_make(o->stage, dir, name, mode, out);
	if (ret && ret != -EEXIST)
		no_room(o, ret, err);
	return ret;
}

/* Where an edit goes when a rollback begins; NULL: somebody is writing that file anew. */
static struct ckpt_stage_node *place_of(struct ckpt_overlay *o, const struct ckpt_edit *edit)
{
	struct ckpt_stage_node *node;

	node = ckpt_overlay_find(o, o->frozen->tree->v[edit->index].path);
	return node && node->clean ? node : NULL;
}

/* May fail, so before anything is changed. */
static int make_places(struct ckpt_overlay *o, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < o->edits.v.n; i++) {
		const char *path = o->frozen->tree->v[o->edits.v.v[i]->index].path;
		struct ckpt_stage_node *node;

		if (ckpt_overlay_find(o, path))
			continue;
		ret = make_node(o, path, S_IFREG | 0600, &node, err);
		if (!ret)
			node->clean = true;
	}
	return ret;
}

/* An edit becomes a file of the rollback. */
static void stage_edit(struct ckpt_stage_node *node, struct ckpt_edit *edit)
{
	ckpt_blob_fini(&node->blob);
	node->blob = edit->blob;
	edit->blob = (struct ckpt_blob){.uid = node->blob.uid};
	node->clean = false;
	node->settled = node->edit = true;
	node->writer = edit->writer;
}

static int begin_rollback(struct ckpt_overlay *o, const char *path, struct ckpt_err *err)
{
	int ret = make_places(o, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < o->edits.v.n; i++) {
		struct ckpt_stage_node *node = place_of(o, o->edits.v.v[i]);

		if (node)
			stage_edit(node, o->edits.v.v[i]);
	}
	if (ckpt_stage_is_over(o->stage))
		ckpt_status_reset(&o->stage->status);
	ckpt_log("%d: %s is written: if that is not the beginning of a rollback, which copies a "
		 "whole checkpoint over the task, it will be dropped (only cpu, signals, limits "
		 "and pages can be changed one by one)",
		 o->frozen->pid, path);
	drop_edits(o);
	o->rollback = true;
	return 0;
}

/* ---- opening, making ---- */

int ckpt_overlay_open(struct ckpt_overlay *o, const char *path, pid_t pid,
		      struct ckpt_stage_node **out, struct ckpt_err *err)
{
	struct ckpt_stage_node *node = ckpt_overlay_find(o, path);
	int ret = 0;

	if (!node) {
		ret = make_node(o, path, S_IFREG | 0600, &node, err);
		if (ret)
			return ret;
		node->clean = true;
		ckpt_stage_created(o->stage, node, pid);
	}
	*out = node;
	return S_ISREG(node->mode) ? 0 : ckpt_fail(err, EISDIR, "%s: a directory", path);
}

static bool is_hidden(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash ? slash + 1 : path)[0] == '.';
}

int ckpt_overlay_make(struct ckpt_overlay *o, const char *path, mode_t mode, pid_t pid,
		      struct ckpt_stage_node **out, struct ckpt_err *err)
{
	int kind = ckpt_node_kind_of(path, NULL), ret = 0;
	bool dir = S_ISDIR(mode);

	if (kind >= 0 && dir != (kind == CKPT_NODE_DIR)) {
		ckpt_fail(err, EINVAL, "%s: no tree has a %s of that name", path,
			  dir ? "directory" : "file");
		/* what comes with it is not taken either */
		if (o->rollback && !o->stage->stranger && !ckpt_stage_is_late(o->stage, pid))
			o->stage->stranger = strdup(err->text);
		return -EINVAL;
	}
	if (kind < 0 && dir && !is_hidden(path))
		return ckpt_fail(err, EPERM, "%s: no tree has a directory of that name", path);
	if (kind >= 0 && !o->rollback && !ckpt_stage_is_late(o->stage, pid))
		ret = begin_rollback(o, path, err);
	if (!ret)
		ret = make_node(o, path, mode, out, err);
	if (!ret && !dir)
		ckpt_stage_created(o->stage, *out, pid);
	return ret;
}

/* ---- changing ---- */

/* The contents that readers see now. */
static int load(struct ckpt_overlay *o, struct ckpt_stage_node *node, uint32_t index,
		struct ckpt_err *err)
{
	struct ckpt_tree *tree = o->edits.view ? o->edits.view : o->frozen->tree;
	const struct ckpt_entry *e = &tree->v[index];
	char *text;
	ssize_t n;

	if (e->kind == CKPT_NODE_PAGES) {
		ckpt_edits_copy(&o->edits, index, &node->blob);
		return 0;
	}
	text = malloc(e->size + 1);
	if (!text)
		return ckpt_fail(err, ENOMEM, "%s: no memory", e->path);
	n = ckpt_tree_read(tree, index, text, e->size, 0, err);
	if (n >= 0)
		n = ckpt_blob_write(&node->blob, text, (size_t)n, 0);
	free(text);
	if (n >= 0 && (uint64_t)n < e->size)
		n = -ENOSPC;
	return n < 0 ? err->code ? (int)n : no_room(o, (int)n, err) : 0;
}

/* Before the contents change; keep: not all of them. */
static int touch(struct ckpt_overlay *o, struct ckpt_stage_node *node, bool keep, pid_t pid,
		 struct ckpt_err *err)
{
	int64_t index;
	char *path;
	int ret = 0;

	if (!node->dir)
		return ckpt_fail(err, ESTALE, "%s: the file is gone", node->name);
	if (node->late || ckpt_stage_is_temporary(o->stage, node))
		return 0;
	path = ckpt_stage_path(node);
	if (!path)
		return ckpt_fail(err, ENOMEM, "%s: no memory", node->name);
	index = ckpt_tree_find(o->frozen->tree, path);
	if (!o->rollback && !ckpt_edits_may(o->frozen, path))
		ret = begin_rollback(o, path, err);
	if (!ret && o->rollback)
		ckpt_stage_changing(o->stage, node, pid);
	if (!ret && node->clean && keep && index >= 0)
		ret = load(o, node, (uint32_t)index, err);
	if (!ret)
		node->clean = false;
	free(path);
	return ret;
}

ssize_t ckpt_overlay_write(struct ckpt_overlay *o, struct ckpt_stage_node *node, const void *buf,
			   size_t len, uint64_t off, pid_t pid, struct ckpt_err *err)
{
	ssize_t n = touch(o, node, true, pid, err);

	if (!n)
		n = ckpt_stage_write(o->stage, node, buf, len, off);
	return n < 0 && !err->code ? no_room(o, (int)n, err) : n;
}

int ckpt_overlay_truncate(struct ckpt_overlay *o, struct ckpt_stage_node *node, uint64_t size,
			  pid_t pid, struct ckpt_err *err)
{
	int ret = touch(o, node, size != 0, pid, err);

	if (!ret)
		ret = ckpt_stage_truncate(o->stage, node, size);
	return ret && !err->code ? no_room(o, ret, err) : ret;
}

/* ---- arriving ---- */

static int arrive_in_rollback(struct ckpt_overlay *o, struct ckpt_stage_node *node, pid_t pid,
			      struct ckpt_err *err)
{
	int ret;

	pthread_mutex_lock(&o->stage->lock); /* which is let go meanwhile */
	ret = ckpt_stage_arrived(o->stage, node, pid, err);
	pthread_mutex_unlock(&o->stage->lock);
	if (ckpt_stage_is_over(o->stage))
		o->rollback = false;
	return ret;
}

static int arrive_as_edit(struct ckpt_overlay *o, uint32_t index, struct ckpt_stage_node *node,
			  pid_t pid, struct ckpt_err *err)
{
	int ret;

	ret = ckpt_edits_add(&o->edits, index, &node->blob, pid, err);
	ckpt_stage_set_verdict(o->stage, node, ret ? CKPT_BAD : CKPT_UNJUDGED, NULL);
	if (!ret) {
		node->clean = true;
		outdate_edited(o, index);
	}
	return ret;
}

int ckpt_overlay_arrived(struct ckpt_overlay *o, struct ckpt_stage_node *node, pid_t pid,
			 struct ckpt_err *err)
{
	int64_t index;
	char *path;

	if (!node->dir || node->clean)
		return 0;
	if (o->rollback || node->late || ckpt_stage_is_temporary(o->stage, node))
		return arrive_in_rollback(o, node, pid, err);
	path = ckpt_stage_path(node);
	index = path ? ckpt_tree_find(o->frozen->tree, path) : -1;
	free(path);
	if (index < 0)
		return ckpt_fail(err, ESTALE, "%s: the file is gone", node->name);
	return arrive_as_edit(o, (uint32_t)index, node, pid, err);
}

void ckpt_overlay_closed(struct ckpt_overlay *o, struct ckpt_stage_node *node, bool writes)
{
	bool last = node->dir && writes && node->writers == 1 &&
		    !ckpt_stage_is_temporary(o->stage, node);

	if (last && !node->clean && !o->rollback && !node->late && node->verdict != CKPT_BAD) {
		char *path = ckpt_stage_path(node);

		ckpt_log("%d: %s was closed before it was whole: it stays as it was",
			 o->frozen->pid, path ? path : node->name);
		free(path);
	}
	if (last && (node->clean || !o->rollback))
		ckpt_stage_unlink(o->stage, node); /* goes with its last handle */
	ckpt_stage_closed(o->stage, node, writes);
}

/* ---- renaming ---- */

static int rename_to_edit(struct ckpt_overlay *o, struct ckpt_stage_node *node, const char *path,
			  pid_t pid, struct ckpt_err *err)
{
	int64_t index = ckpt_tree_find(o->frozen->tree, path);
	int ret = ckpt_edits_add(&o->edits, (uint32_t)index, &node->blob, pid, err);

	if (ret)
		return ret;
	outdate_edited(o, (uint32_t)index);
	return ckpt_stage_unlink(o->stage, node);
}

/* As rsync calls a file, or the directory it is in, before it gets its name: editors, which rename
 * as well, use other names. */
static bool is_rsyncs(const struct ckpt_stage_node *node)
{
	while (node->dir && node->name[0] != '.')
		node = node->dir;
	return node->dir;
}

int ckpt_overlay_rename(struct ckpt_overlay *o, struct ckpt_stage_node *node, const char *path,
			pid_t pid, struct ckpt_err *err)
{
	int kind = ckpt_node_kind_of(path, NULL), ret = 0;
	struct ckpt_stage_node *dir;
	const char *name;

	if (kind == CKPT_NODE_DIR)
		return ckpt_fail(err, EISDIR, "%s: a directory", path);
	if (kind >= 0 && !o->rollback && !node->late) {
		if (ckpt_edits_may(o->frozen, path))
			return rename_to_edit(o, node, path, pid, err);
		if (!is_rsyncs(node) && ckpt_tree_find(o->frozen->tree, path) >= 0)
			return ckpt_fail(err, EPERM,
					 "%s: only cpu, signals, limits and pages can be changed "
					 "one by one",
					 path);
		ret = begin_rollback(o, path, err);
	}
	if (!ret)
		ret = enter_dir(o, path, &dir, &name);
	if (!ret) {
		pthread_mutex_lock(&o->stage->lock);
		ret = ckpt_stage_move(o->stage, node, dir, name, pid, err);
		pthread_mutex_unlock(&o->stage->lock);
	}
	if (ckpt_stage_is_over(o->stage))
		o->rollback = false;
	return ret && !err->code ? no_room(o, ret, err) : ret;
}

int ckpt_overlay_copy(struct ckpt_overlay *o, const char *from, const char *to,
		      struct ckpt_err *err)
{
	int64_t index = ckpt_tree_find(o->frozen->tree, from);
	struct ckpt_stage_node *node = ckpt_overlay_find(o, to);
	int ret = 0;

	if (!ckpt_edits_may(o->frozen, from) || ckpt_node_kind_of(from, NULL) != CKPT_NODE_TEXT ||
	    ckpt_node_kind_of(to, NULL) >= 0)
		return ckpt_fail(err, EPERM, "%s: the state of a frozen process stays whole", from);
	if (node && !S_ISREG(node->mode))
		return -EISDIR;
	if (node)
		ret = ckpt_stage_unlink(o->stage, node);
	if (!ret)
		ret = make_node(o, to, S_IFREG | 0600, &node, err);
	if (!ret) {
		ret = load(o, node, (uint32_t)index, err);
		node->settled = true;
		if (ret)
			ckpt_stage_unlink(o->stage, node);
	}
	return ret;
}

/* ---- the end ---- */

int ckpt_overlay_finish(struct ckpt_overlay *o, const char *path, pid_t pid, struct ckpt_err *err)
{
	struct ckpt_stage_node *dir = ckpt_overlay_find(o, path);
	int ret = 0;

	/* rsync sets them at first, too: that tells which of its threads this is. */
	if (!dir && make_node(o, path, S_IFDIR | 0700, &dir, NULL))
		return 0;
	pthread_mutex_lock(&o->stage->lock);
	if (dir->dir)
		ckpt_stage_touched(o->stage, dir, pid);
	if (o->rollback)
		ret = ckpt_stage_finish(o->stage, dir, pid, err);
	pthread_mutex_unlock(&o->stage->lock);
	if (ckpt_stage_is_over(o->stage))
		o->rollback = false;
	return ret;
}

int ckpt_overlay_commit(struct ckpt_overlay *o, struct ckpt_err *err)
{
	struct ckpt_err why = {0};
	int ret;

	/* Edits that were accepted before may have become files of it. And rsync -c, which leaves
	 * out what is the same, ends with 0. */
	if (o->rollback) {
		ckpt_stage_missing(o->stage, &why);
		ckpt_stage_clear(o->stage);
		o->rollback = false;
		return ckpt_fail(err, EINVAL, "the rollback is dropped: %s", why.text);
	}
	for (size_t i = 0; i < o->edits.v.n; i++)
		outdate_edited(o, o->edits.v.v[i]->index);
	ret = ckpt_edits_commit(&o->edits, err);
	if (!ret)
		CKPT_VEC_FINI(&o->outdated); /* its entries are gone */
	return ret;
}
