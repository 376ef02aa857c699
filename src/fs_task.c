// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations of /PID and everything below. fs_tasks.c has which tasks there are.
 */
#include "fs_task.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "cred.h"
#include "fs_ahead.h"
#include "log.h"

/* Index of an entry of a directory, or -ENOENT: by its path, which the tree has sorted. */
static int64_t find_child(const struct ckpt_tree *tree, uint32_t dir, const char *name)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s%s", tree->v[dir].path, dir ? "/" : "", name);

	return len < (int)sizeof(path) ? ckpt_tree_find(tree, path) : -ENOENT;
}

static int task_lookup(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st)
{
	struct ckpt_listed *t;
	int64_t index;
	int ret = ckpt_task_enter(req, dir, true, &t);

	if (ret)
		return ret;
	index = find_child(t->frozen->tree, CKPT_INO_INDEX(dir), name);
	if (index >= 0)
		ckpt_task_entry_stat(t, (uint32_t)index, st);
	ckpt_task_leave(t);
	return index < 0 ? (int)index : 0;
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
	ckpt_task_entry_stat(t, CKPT_INO_INDEX(ino), st);
	ckpt_task_leave(t);
	return 0;
}

/* The kernel's ptrace rule, at every open: an inherited directory or a path opened earlier by
 * somebody else must not help. */
static int may_open(const struct ckpt_req *req, const struct ckpt_listed *t, const char *path)
{
	struct ckpt_cred *caller = NULL;
	struct ckpt_err err = {0};
	int ret = ckpt_cred_take_access(req->pid, &caller, &err);

	if (!ret)
		ret = ckpt_cred_may_ptrace(caller, t->pid, &err);
	if (ret)
		ckpt_log("open %d/%s: %s", t->pid, path, err.text);
	ckpt_cred_free(caller);
	if (ret == -ESRCH)
		return -ESTALE;
	return ret == -EPERM ? -EACCES : ret;
}

static ssize_t read_entry(struct ckpt_listed *t, uint32_t index, void *buf, size_t len,
			  uint64_t off)
{
	struct ckpt_tree *tree = t->frozen->tree;
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
	if (t->frozen && ckpt_frozen_alive(t->frozen))
		n = read_entry(t, h->index, buf, len, off);
	pthread_rwlock_unlock(&t->lock);
	return n;
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
	} else {
		ckpt_ahead_start(h->ahead, len, off);
		if (n == -EAGAIN)
			n = read_entry(t, CKPT_INO_INDEX(ino), *buf, len, off);
	}
	ckpt_task_leave(t);
	return n;
}

static int task_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	const struct ckpt_entry *e;
	struct ckpt_listed *t;
	int ret;

	if (h->writes)
		return -EACCES;
	ret = ckpt_task_enter(req, ino, true, &t);
	if (ret)
		return ret;
	e = &t->frozen->tree->v[CKPT_INO_INDEX(ino)];
	ret = may_open(req, t, e->path);
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
		h->index = CKPT_INO_INDEX(ino);
		if (e->kind == CKPT_NODE_PAGES && e->size > CKPT_READ_MAX)
			h->ahead = ckpt_ahead_new(read_ahead, h, e->size);
	}
	ckpt_task_leave(t);
	return ret;
}

static int task_opendir(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	const struct ckpt_tree *tree;
	const struct ckpt_entry *dir;
	struct ckpt_listed *t;
	int ret = ckpt_task_enter(req, ino, true, &t);

	if (ret)
		return ret;
	tree = t->frozen->tree;
	dir = &tree->v[CKPT_INO_INDEX(ino)];
	ret = may_open(req, t, dir->path);
	if (ret)
		goto leave;
	ckpt_handle_list(h, ".", ino, S_IFDIR);
	ckpt_handle_list(h, "..",
			 CKPT_INO_INDEX(ino) ? CKPT_INO(t->number, dir->parent) : CKPT_INO_ROOT,
			 S_IFDIR);
	for (uint32_t i = dir->first; i; i = tree->v[i].next)
		ckpt_handle_list(h, tree->v[i].name, CKPT_INO(t->number, i),
				 tree->v[i].kind == CKPT_NODE_DIR ? S_IFDIR : S_IFREG);
	ckpt_task_opened(t);
	h->obj = t;
leave:
	ckpt_task_leave(t);
	return ret;
}

static void task_release(uint64_t ino, struct ckpt_handle *h)
{
	(void)ino;
	ckpt_ahead_free(h->ahead);
	ckpt_task_closed(h->obj);
}

/* What is not here changes something: EPERM, so that mv and rm are refused. */
const struct ckpt_fs_ops ckpt_task_ops = {
	.lookup = task_lookup,
	.getattr = task_getattr,
	.open = task_open,
	.opendir = task_opendir,
	.read = task_read,
	.release = task_release,
};
