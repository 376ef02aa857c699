// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations of /PID and everything below. fs_tasks.c has which tasks there are.
 */
#include "fs_task.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cred.h"
#include "fs_ahead.h"
#include "log.h"

int ckpt_task_path(const struct ckpt_listed *t, uint64_t ino, char *path)
{
	uint32_t index = CKPT_INO_INDEX(ino);
	const struct ckpt_stage_node *node;
	char *staged;
	int len;

	if (!(index & CKPT_INDEX_STAGED)) {
		snprintf(path, PATH_MAX, "%s", t->frozen->tree->v[ckpt_task_index(t, ino)].path);
		return 0;
	}
	node = ckpt_stage_node(t->overlay->stage, index & ~CKPT_INDEX_STAGED);
	staged = ckpt_stage_path(node);
	len = staged ? snprintf(path, PATH_MAX, "%s", staged) : 0;
	free(staged);
	return !staged ? -ENOMEM : len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int task_lookup(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st)
{
	const struct ckpt_stage_node *node;
	struct ckpt_listed *t;
	char path[PATH_MAX];
	int64_t index;
	size_t len;
	int ret = ckpt_task_enter(req, dir, true, &t);

	if (ret)
		return ret;
	ret = ckpt_task_path(t, dir, path);
	len = ret ? 0 : strlen(path);
	if (!ret && len + strlen(name) + 2 > sizeof(path))
		ret = -ENOENT;
	if (ret)
		goto leave;
	snprintf(path + len, sizeof(path) - len, "%s%s", len ? "/" : "", name);
	index = ckpt_tree_find(t->frozen->tree, path);
	node = index < 0 && t->overlay ? ckpt_overlay_find(t->overlay, path) : NULL;
	if (index >= 0)
		ckpt_task_entry_stat(t, (uint32_t)index, st);
	else if (node)
		ckpt_task_node_stat(t, node, st);
	else
		ret = -ENOENT;
leave:
	ckpt_task_leave(t);
	return ret;
}

static struct ckpt_stage_node *staged_node(const struct ckpt_listed *t, uint32_t index)
{
	return ckpt_stage_node(t->overlay->stage, index & ~CKPT_INDEX_STAGED);
}

static int task_getattr(const struct ckpt_req *req, uint64_t ino, struct stat *st)
{
	struct ckpt_listed *t;
	int ret;

	if (!CKPT_INO_INDEX(ino)) {
		t = ckpt_task_get(ino);
		if (!t)
			return -ESTALE;
		ret = ckpt_task_root_stat(t, st);
		ckpt_task_put(t);
		return ret;
	}
	ret = ckpt_task_enter(req, ino, false, &t);
	if (ret)
		return ret;
	if (CKPT_INO_INDEX(ino) & CKPT_INDEX_STAGED)
		ckpt_task_node_stat(t, staged_node(t, CKPT_INO_INDEX(ino)), st);
	else
		ckpt_task_entry_stat(t, ckpt_task_index(t, ino), st);
	ckpt_task_leave(t);
	return 0;
}

/* At every open: an inherited directory or a path opened earlier by somebody else must not
 * help. */
int ckpt_task_may_open(const struct ckpt_req *req, const struct ckpt_listed *t, const char *op,
		       const char *path)
{
	struct ckpt_cred *caller = NULL;
	struct ckpt_err err = {0};
	int ret = ckpt_cred_take_access(req->pid, &caller, &err);

	if (!ret)
		ret = ckpt_cred_may_ptrace(caller, t->pid, &err);
	if (ret)
		ckpt_log("%s %d/%s: %s", op, t->pid, path, err.text);
	ckpt_cred_free(caller);
	if (ret == -ESRCH)
		return -ESTALE;
	return ret == -EPERM ? -EACCES : ret;
}

static ssize_t read_entry(struct ckpt_listed *t, uint32_t index, void *buf, size_t len,
			  uint64_t off)
{
	struct ckpt_tree *tree = ckpt_task_tree(t);
	struct ckpt_err err = {0};
	ssize_t n = ckpt_tree_read(tree, index, buf, len, off, &err);

	if (n < 0 && err.code)
		ckpt_log("read %d/%s: %s", t->pid, tree->v[index].path, err.text);
	return n;
}

/* By a thread of its own, while the handle is open. */
static ssize_t read_ahead(void *ctx, void *buf, size_t len, uint64_t off)
{
	const struct ckpt_handle *h = ctx;
	struct ckpt_listed *t = h->obj;
	ssize_t n = -ESTALE;

	pthread_rwlock_rdlock(&t->lock);
	if (t->frozen && h->edition == t->edition && ckpt_frozen_alive(t->frozen))
		n = read_entry(t, h->index, buf, len, off);
	pthread_rwlock_unlock(&t->lock);
	return n;
}

/* What its writer has written, or the contents that are there. */
static ssize_t read_written(struct ckpt_listed *t, uint64_t ino, const struct ckpt_handle *h,
			    void *buf, size_t len, uint64_t off)
{
	const struct ckpt_stage_node *node = staged_node(t, h->index);

	if (!node)
		return -ESTALE;
	return node->clean ? read_entry(t, ckpt_task_index(t, ino), buf, len, off)
			   : ckpt_blob_read(&node->blob, buf, len, off);
}

static ssize_t task_read(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			 void **buf, size_t len, uint64_t off)
{
	struct ckpt_listed *t;
	ssize_t n;
	int ret;

	/* Before the lock is held: it may wait for read_ahead(), which takes it. */
	n = ckpt_ahead_take(h->ahead, buf, len, off);
	ret = ckpt_task_enter(req, ino, false, &t);
	if (ret)
		return ret;
	if (!ckpt_frozen_alive(t->frozen)) {
		n = -ESTALE;
	} else if (h->index & CKPT_INDEX_STAGED) {
		n = read_written(t, ino, h, *buf, len, off);
	} else if (h->edition != t->edition) {
		/* not what was read ahead */
		n = read_entry(t, ckpt_task_index(t, ino), *buf, len, off);
	} else {
		ckpt_ahead_start(h->ahead, len, off);
		if (n == -EAGAIN)
			n = read_entry(t, ckpt_task_index(t, ino), *buf, len, off);
	}
	ckpt_task_leave(t);
	return n;
}

static int task_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	const struct ckpt_entry *e;
	struct ckpt_listed *t;
	int ret;

	if (h->writes || CKPT_INO_INDEX(ino) & CKPT_INDEX_STAGED)
		return ckpt_edit_open(req, ino, h);
	ret = ckpt_task_enter(req, ino, true, &t);
	if (ret)
		return ret;
	e = &ckpt_task_tree(t)->v[ckpt_task_index(t, ino)];
	ret = ckpt_task_may_open(req, t, "open", e->path);
	if (!ret && e->kind == CKPT_NODE_MANIFEST && t->frozen->incomplete) {
		ckpt_log("open %d/%s: this tree is for looking at only (-o inspect): some of the "
			 "task's state could not be captured, so a copy would be no checkpoint; "
			 "earlier lines name what",
			 t->pid, e->path);
		ret = -EACCES;
	}
	if (!ret) {
		ckpt_task_opened(t);
		h->obj = t;
		h->index = ckpt_task_index(t, ino);
		h->edition = t->edition;
		if (e->kind == CKPT_NODE_PAGES && e->size > CKPT_READ_MAX)
			h->ahead = ckpt_ahead_new(read_ahead, h, e->size);
	}
	ckpt_task_leave(t);
	return ret;
}

/* What is written is not shown: a copy that is made meanwhile must be a good checkpoint. */
static void list_entries(const struct ckpt_listed *t, uint32_t index, struct ckpt_handle *h)
{
	const struct ckpt_tree *tree = t->frozen->tree;
	const struct ckpt_entry *dir = &tree->v[index];

	ckpt_handle_list(h, "..", index ? ckpt_task_ino(t, dir->parent) : CKPT_INO_ROOT, S_IFDIR);
	for (uint32_t i = dir->first; i; i = tree->v[i].next)
		ckpt_handle_list(h, tree->v[i].name, ckpt_task_ino(t, i),
				 tree->v[i].kind == CKPT_NODE_DIR ? S_IFDIR : S_IFREG);
}

/* A directory that only a rollback has: it is to be removed, if anything. */
static void list_staged(const struct ckpt_listed *t, const struct ckpt_stage_node *dir,
			struct ckpt_handle *h)
{
	ckpt_handle_list(h, "..", CKPT_INO(t->number, 0), S_IFDIR);
	for (const struct ckpt_stage_node *n = dir->first; n; n = n->next)
		ckpt_handle_list(h, n->name, CKPT_INO(t->number, CKPT_INDEX_STAGED | n->index),
				 n->mode);
}

static int task_opendir(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_listed *t;
	char path[PATH_MAX];
	int ret = ckpt_task_enter(req, ino, true, &t);

	if (ret)
		return ret;
	ret = ckpt_task_path(t, ino, path);
	if (!ret)
		ret = ckpt_task_may_open(req, t, "open", path);
	if (ret)
		goto leave;
	ckpt_handle_list(h, ".", ino, S_IFDIR);
	if (CKPT_INO_INDEX(ino) & CKPT_INDEX_STAGED)
		list_staged(t, staged_node(t, CKPT_INO_INDEX(ino)), h);
	else
		list_entries(t, ckpt_task_index(t, ino), h);
	ckpt_task_opened(t);
	h->obj = t;
leave:
	ckpt_task_leave(t);
	return ret;
}

static void task_release(uint64_t ino, struct ckpt_handle *h)
{
	ckpt_ahead_free(h->ahead);
	if (h->index & CKPT_INDEX_STAGED)
		ckpt_edit_release(ino, h);
	ckpt_task_closed(h->obj);
}

/* What is not here is EPERM, as is the greater part of what fs_edit.c has: mv and rm fail. */
const struct ckpt_fs_ops ckpt_task_ops = {
	.lookup = task_lookup,
	.getattr = task_getattr,
	.open = task_open,
	.opendir = task_opendir,
	.read = task_read,
	.release = task_release,
	.setattr = ckpt_edit_setattr,
	.mkdir = ckpt_edit_mkdir,
	.create = ckpt_edit_create,
	.unlink = ckpt_edit_unlink,
	.rmdir = ckpt_edit_rmdir,
	.rename = ckpt_edit_rename,
	.renamed = ckpt_edit_renamed,
	.write = ckpt_edit_write,
	.flush = ckpt_edit_flush,
};
