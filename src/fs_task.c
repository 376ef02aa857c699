// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations of /PID and everything below. fs_tasks.c has which tasks there are.
 */
#include "fs_task.h"

#include <errno.h>
#include <string.h>

#include "cred.h"
#include "log.h"

static int task_lookup(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st)
{
	const struct ckpt_tree *tree;
	uint32_t index;
	struct ckpt_listed *t;
	int ret = ckpt_task_enter(req, dir, true, &t);

	if (ret)
		return ret;
	tree = t->frozen->tree;
	if (!strcmp(name, ".") || !strcmp(name, "..")) {
		/* only asked by those who export the mount (NFS) */
		index = name[1] ? tree->v[CKPT_INO_INDEX(dir)].parent : CKPT_INO_INDEX(dir);
	} else {
		index = tree->v[CKPT_INO_INDEX(dir)].first;
		while (index && strcmp(tree->v[index].name, name))
			index = tree->v[index].next;
		ret = index ? 0 : -ENOENT;
	}
	if (!ret)
		ckpt_task_entry_stat(t, index, st);
	ckpt_task_leave(t);
	return ret;
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
	int ret = ckpt_cred_take(req->pid, &caller, &err);

	if (!ret)
		ret = ckpt_cred_may_ptrace(caller, t->pid, &err);
	if (ret)
		ckpt_log("open %d/%s: %s", t->pid, path, err.text);
	ckpt_cred_free(caller);
	if (ret == -ESRCH)
		return -ESTALE;
	return ret == -EPERM ? -EACCES : ret;
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
			 "earlier lines name what", t->pid, e->path);
		ret = -EACCES;
	}
	if (!ret) {
		ckpt_task_opened(t);
		h->obj = t;
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

static ssize_t task_read(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h, void *buf,
			 size_t len, uint64_t off)
{
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	ssize_t n;
	int ret;

	(void)h;
	ret = ckpt_task_enter(req, ino, false, &t);
	if (ret)
		return ret;
	n = ckpt_frozen_alive(t->frozen)
		    ? ckpt_tree_read(t->frozen->tree, CKPT_INO_INDEX(ino), buf, len, off, &err)
		    : -ESTALE;
	if (n < 0 && err.code)
		ckpt_log("read %d/%s: %s", t->pid, t->frozen->tree->v[CKPT_INO_INDEX(ino)].path,
			 err.text);
	ckpt_task_leave(t);
	return n;
}

static void task_release(uint64_t ino, struct ckpt_handle *h)
{
	(void)ino;
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
