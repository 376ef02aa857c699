// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that change something below /PID: overlay.h has what that means. Here is who may, which
 * lock is held, and what the kernel is told to forget.
 *
 * Everything here holds the task's lock alone: ckpt_apply() may exchange the tree, and readers see
 * an edit whole or not at all.
 */
#include "fs_task.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs_ahead.h"
#include "log.h"

/* ---- entering and leaving ---- */

/* What readers see otherwise now; to be told to the kernel when no lock is held: it may wait for
 * reads of mapped files. */
struct news {
	uint64_t *v; /* inodes */
	size_t n;
	uint64_t all; /* and so many from this one on */
	uint32_t nall;
};

/* Alone, with an overlay. */
static int enter(const struct ckpt_req *req, uint64_t ino, struct ckpt_listed **out)
{
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	int ret = ckpt_task_enter_alone(req, ino, &t);

	if (ret)
		return ret;
	if (!t->overlay) {
		ret = ckpt_overlay_new(t->frozen, &t->overlay, &err);
		if (ret) {
			ckpt_log("write %d: %s", t->pid, err.text);
			ckpt_task_leave(t);
			return ret;
		}
	}
	*out = t;
	return 0;
}

static struct news take_news(struct ckpt_listed *t)
{
	struct ckpt_overlay *o = t->overlay;
	struct news news = {.v = o->outdated.v, .n = o->outdated.n};

	if (o->outdated.n || o->replaced)
		t->edition++;
	if (o->replaced) {
		news.all = CKPT_INO(t->number, 0);
		news.nall = o->inodes.n;
	}
	for (size_t i = 0; i < news.n; i++)
		news.v[i] = ckpt_task_ino(t, (uint32_t)news.v[i]);
	o->outdated.v = NULL;
	o->outdated.n = o->outdated.cap = 0;
	o->replaced = false;
	return news;
}

static void tell(struct news *news)
{
	for (size_t i = 0; i < news->n; i++)
		ckpt_fs.forget(news->v[i], 1);
	if (news->nall)
		ckpt_fs.forget(news->all, news->nall);
	free(news->v);
}

static int leave(struct ckpt_listed *t, const char *op, int ret, const struct ckpt_err *err)
{
	struct news news = take_news(t);

	if (ret < 0 && err && err->code)
		ckpt_log("%s %d: %s", op, t->pid, err->text);
	ckpt_task_leave(t);
	tell(&news);
	/* To FUSE it would mean "never ask me again", for every file of the mount. */
	return ret == -ENOSYS ? -ENOTSUP : ret;
}

/* The path of an entry of a directory ("" for the directory itself). */
static int path_in(const struct ckpt_listed *t, uint64_t dir, const char *name, char path[PATH_MAX])
{
	int ret = ckpt_task_path(t, dir, path);
	size_t len = strlen(path);

	if (ret || !*name)
		return ret;
	if (len + strlen(name) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(path + len, PATH_MAX - len, "%s%s", len ? "/" : "", name);
	return 0;
}

/* Enters a directory to change the entry of that name. */
static int enter_dir(const struct ckpt_req *req, const char *op, uint64_t dir, const char *name,
		     struct ckpt_listed **out, char path[PATH_MAX])
{
	struct ckpt_listed *t;
	int ret = enter(req, dir, &t);

	if (ret)
		return ret;
	ret = path_in(t, dir, name, path);
	if (!ret)
		ret = ckpt_task_may_open(req, t, op, path);
	if (ret) {
		leave(t, op, ret, NULL);
		return ret;
	}
	*out = t;
	return 0;
}

static struct ckpt_stage_node *node_of(const struct ckpt_listed *t, uint32_t index)
{
	return ckpt_stage_node(t->overlay->stage, index & ~CKPT_INDEX_STAGED);
}

static bool in_tree(const struct ckpt_listed *t, const char *path)
{
	return ckpt_tree_find(t->frozen->tree, path) >= 0;
}

void ckpt_task_node_stat(const struct ckpt_listed *t, const struct ckpt_stage_node *node,
			 struct stat *st)
{
	ckpt_stage_stat(node, st);
	st->st_ino = CKPT_INO(t->number, CKPT_INDEX_STAGED | node->index);
}

/* ---- names ---- */

static int make(const struct ckpt_req *req, const char *op, uint64_t dir, const char *name,
		mode_t mode, struct ckpt_handle *h, struct stat *st)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	char path[PATH_MAX];
	int ret = enter_dir(req, op, dir, name, &t, path);

	if (ret)
		return ret;
	ret = in_tree(t, path) ? -EEXIST
			       : ckpt_overlay_make(t->overlay, path, mode, req->pid, &node, &err);
	if (!ret) {
		if (h) {
			ckpt_stage_opened(node, h->writes);
			ckpt_task_opened(t);
			h->obj = t;
			h->index = CKPT_INDEX_STAGED | node->index;
		}
		ckpt_task_node_stat(t, node, st);
	}
	return leave(t, op, ret, &err);
}

int ckpt_edit_mkdir(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		    struct stat *st)
{
	return make(req, "mkdir", dir, name, S_IFDIR | (mode & 07777), NULL, st);
}

int ckpt_edit_create(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		     struct ckpt_handle *h, struct stat *st)
{
	return make(req, "open", dir, name, S_IFREG | (mode & 07777), h, st);
}

/* What the frozen task has stays. rm -r and mv try it with every file; once says it. */
static int refuse_remove(struct ckpt_listed *t, const char *path, struct ckpt_err *err)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec - t->refused_s > 1)
		ckpt_fail(err, EPERM,
			  "%s: the state of a frozen process stays whole (tar x needs "
			  "--overwrite)",
			  path);
	t->refused_s = now.tv_sec;
	return -EPERM;
}

static int remove_node(const struct ckpt_req *req, const char *op, uint64_t dir, const char *name,
		       mode_t type)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	char path[PATH_MAX];
	int ret = enter_dir(req, op, dir, name, &t, path);

	if (ret)
		return ret;
	node = ckpt_overlay_find(t->overlay, path);
	if (in_tree(t, path))
		ret = refuse_remove(t, path, &err);
	else if (!node)
		ret = -ENOENT;
	else if ((node->mode & S_IFMT) != type)
		ret = type == S_IFDIR ? -ENOTDIR : -EISDIR;
	else
		ret = type == S_IFDIR ? ckpt_stage_rmdir(t->overlay->stage, node)
				      : ckpt_stage_unlink(t->overlay->stage, node);
	return leave(t, op, ret, &err);
}

int ckpt_edit_unlink(const struct ckpt_req *req, uint64_t dir, const char *name)
{
	return remove_node(req, "rm", dir, name, S_IFREG);
}

int ckpt_edit_rmdir(const struct ckpt_req *req, uint64_t dir, const char *name)
{
	return remove_node(req, "rmdir", dir, name, S_IFDIR);
}

static int rename_node(struct ckpt_listed *t, const char *from, const char *to, unsigned int flags,
		       pid_t pid, struct ckpt_err *err)
{
	struct ckpt_stage_node *node = ckpt_overlay_find(t->overlay, from);

	if (flags & ~(unsigned int)RENAME_NOREPLACE)
		return -EINVAL;
	if (in_tree(t, from))
		return flags ? -EINVAL : ckpt_overlay_copy(t->overlay, from, to, err);
	if (!node)
		return -ENOENT;
	if (!S_ISREG(node->mode))
		return -EPERM; /* directories would change the names of files that were checked */
	if ((flags & RENAME_NOREPLACE) && (in_tree(t, to) || ckpt_overlay_find(t->overlay, to)))
		return -EEXIST;
	return ckpt_overlay_rename(t->overlay, node, to, pid, err);
}

int ckpt_edit_rename(const struct ckpt_req *req, uint64_t dir, const char *name, uint64_t newdir,
		     const char *newname, unsigned int flags)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	int ret;

	ret = enter_dir(req, "mv", dir, name, &t, from);
	if (ret)
		return ret;
	if (CKPT_INO_TREE(newdir) != t->number)
		ret = -EXDEV;
	else
		ret = path_in(t, newdir, newname, to);
	if (!ret)
		ret = rename_node(t, from, to, flags, req->pid, &err);
	return leave(t, "mv", ret, &err);
}

/* The kernel has moved its inode to the new name; where it was copied, that is another one. */
void ckpt_edit_renamed(uint64_t newdir, const char *newname)
{
	ckpt_fs.forget_name(newdir, newname);
}

/* ---- contents ---- */

int ckpt_edit_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_stage_node *node = NULL;
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	char path[PATH_MAX];
	int ret = enter_dir(req, "open", ino, "", &t, path);

	if (ret)
		return ret;
	if (CKPT_INO_INDEX(ino) & CKPT_INDEX_STAGED)
		node = node_of(t, CKPT_INO_INDEX(ino));
	else
		ret = ckpt_overlay_open(t->overlay, path, req->pid, &node, &err);
	if (!ret) {
		ckpt_stage_opened(node, h->writes);
		ckpt_task_opened(t);
		h->obj = t;
		h->index = CKPT_INDEX_STAGED | node->index;
	}
	return leave(t, "open", ret, &err);
}

/* With the file behind a handle that may write. */
static int enter_handle(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			struct ckpt_listed **out, struct ckpt_stage_node **node)
{
	int ret = enter(req, ino, out);

	if (ret)
		return ret;
	*node = h->index & CKPT_INDEX_STAGED ? node_of(*out, h->index) : NULL;
	if (!*node) {
		leave(*out, "write", -ESTALE, NULL);
		return -ESTALE;
	}
	return 0;
}

ssize_t ckpt_edit_write(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			const void *buf, size_t len, uint64_t off)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	ssize_t n;
	int ret = enter_handle(req, ino, h, &t, &node);

	if (ret)
		return ret;
	n = ckpt_overlay_write(t->overlay, node, buf, len, off, req->pid, &err);
	h->wrote = h->wrote || n > 0;
	ret = leave(t, "write", n < 0 ? (int)n : 0, &err);
	return ret ? ret : n;
}

/* Of an empty file. `cat >` closes it once before its first write: the shell does, which has
 * duplicated the descriptor. In a rollback the manifest tells whether it may be empty. */
static bool says_something(const struct ckpt_listed *t, const struct ckpt_stage_node *node,
			   struct ckpt_handle *h)
{
	bool again = h->flushed;

	h->flushed = true;
	return again || node->late || t->overlay->rollback ||
	       ckpt_stage_is_temporary(t->overlay->stage, node);
}

int ckpt_edit_flush(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	int ret;

	if (!h->writes)
		return 0;
	ret = enter_handle(req, ino, h, &t, &node);
	if (ret)
		return ret == -ESTALE && !h->wrote ? 0 : ret;
	if (h->wrote || (!node->blob.size && says_something(t, node, h)))
		ret = ckpt_overlay_arrived(t->overlay, node, req->pid, &err);
	ret = leave(t, "close", ret, &err);
	/* The kernel may have the size of what was written and is not to be seen. */
	ckpt_fs.forget(ino, 1);
	return ret;
}

void ckpt_edit_release(uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_listed *t = h->obj;
	struct ckpt_stage_node *node = NULL;

	pthread_rwlock_wrlock(&t->lock);
	if (t->overlay)
		node = node_of(t, h->index);
	if (node)
		ckpt_overlay_closed(t->overlay, node, h->writes);
	pthread_rwlock_unlock(&t->lock);
	if (node)
		ckpt_fs.forget(ino, 1);
}

/* ---- attributes ---- */

static int truncate_node(const struct ckpt_req *req, struct ckpt_listed *t, uint64_t ino,
			 struct ckpt_handle *h, uint64_t size, struct ckpt_err *err)
{
	struct ckpt_stage_node *node = NULL;
	char path[PATH_MAX];
	int ret = path_in(t, ino, "", path);

	if (ret)
		return ret;
	if (h && h->index & CKPT_INDEX_STAGED)
		node = node_of(t, h->index);
	else
		node = ckpt_overlay_find(t->overlay, path);
	/* truncate(2) opens nothing, so that no close would say that it is finished. */
	if (!node || (!node->writers && !ckpt_stage_is_temporary(t->overlay->stage, node)))
		return ckpt_fail(err, EPERM, "%s: truncated without being open for writing", path);
	ret = ckpt_overlay_truncate(t->overlay, node, size, req->pid, err);
	if (!ret && h)
		h->wrote = true;
	return ret;
}

static bool is_dir(const struct ckpt_listed *t, const char *path)
{
	const struct ckpt_stage_node *node = ckpt_overlay_find(t->overlay, path);
	int64_t index = ckpt_tree_find(t->frozen->tree, path);

	return index < 0 ? node && S_ISDIR(node->mode)
			 : t->frozen->tree->v[index].kind == CKPT_NODE_DIR;
}

/* Owner, mode and times of the task's files stay as they are: who copies with cp -a sets them, and
 * must not fail. */
int ckpt_edit_setattr(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
		      unsigned int which, const struct stat *set, struct stat *st)
{
	uint32_t index = CKPT_INO_INDEX(ino);
	struct ckpt_err err = {0};
	struct ckpt_listed *t;
	char path[PATH_MAX];
	int ret = h ? enter(req, ino, &t) : enter_dir(req, "setattr", ino, "", &t, path);

	if (ret)
		return ret;
	if (which & CKPT_SET_SIZE)
		ret = truncate_node(req, t, ino, h, (uint64_t)set->st_size, &err);
	/* The times of directories are what tools set last. */
	if (!ret && !h && (which & CKPT_SET_MTIME) && is_dir(t, path))
		ret = ckpt_overlay_finish(t->overlay, path, req->pid, &err);
	if (!ret && index & CKPT_INDEX_STAGED) {
		ckpt_fs_set_attrs(node_of(t, index), which, set);
		ckpt_task_node_stat(t, node_of(t, index), st);
	} else if (!ret) {
		ckpt_task_entry_stat(t, ckpt_task_index(t, ino), st);
	}
	return leave(t, "setattr", ret, &err);
}

/* ---- for fs_tasks.c ---- */

int ckpt_task_edits_commit(struct ckpt_listed *t)
{
	struct ckpt_err err = {0};
	struct news news = {0};
	int ret = 0;

	pthread_rwlock_wrlock(&t->lock);
	if (t->overlay && ckpt_frozen_alive(t->frozen))
		ret = ckpt_overlay_commit(t->overlay, &err);
	if (ret) {
		ckpt_log("rmdir %d: what was written can't be done and is dropped, the process is "
			 "frozen as it was (rmdir again thaws it): %s",
			 t->pid, err.text);
		news = take_news(t);
	} else {
		t->sealed = true;
	}
	pthread_rwlock_unlock(&t->lock);
	tell(&news);
	return ret == -ENOSYS ? -ENOTSUP : ret;
}

void ckpt_task_edits_end(struct ckpt_listed *t)
{
	struct ckpt_err err = {0};

	if (t->overlay && !t->sealed && ckpt_frozen_alive(t->frozen) &&
	    ckpt_overlay_commit(t->overlay, &err))
		ckpt_log("%d: what was written can't be done and is lost: %s", t->pid, err.text);
	ckpt_overlay_free(t->overlay);
	t->overlay = NULL;
}
