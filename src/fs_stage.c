// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * restore/NAME and everything below: who may do what there, and what the tools need to be told.
 *
 * Everything that changes a tree belongs to the user who made restore/NAME, and so does a FLUSH:
 * a setuid program that inherited the descriptor must not complete a tree with its own uid.
 * The superuser may look and clear up.
 */
#include "fs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "opts.h"
#include "quota.h"
#include "stage.h"
#include "tree.h"

#define STATUS_NAME ".status"

enum need {
	LOOK,	/* the maker and the superuser; never waits long */
	CHANGE, /* the maker; EBUSY while the tree is restored */
	REMOVE, /* the maker and the superuser; EBUSY as well */
};

/* A reference and the lock. */
static int enter(const struct ckpt_req *req, uint64_t ino, enum need need, struct ckpt_stage **out,
		 struct ckpt_stage_node **node)
{
	struct ckpt_stage *s = ckpt_stages_get(CKPT_INO_TREE(ino));
	int ret = 0;

	if (!s)
		return -ESTALE;
	if (req->uid != s->uid && (req->uid || need == CHANGE)) {
		ckpt_stages_put(s);
		return -EPERM;
	}
	pthread_mutex_lock(&s->lock);
	if (need != LOOK)
		ret = ckpt_stage_wait_turn(s);
	*node = ckpt_stage_node(s, CKPT_INO_INDEX(ino));
	if (!ret && !*node)
		ret = -ESTALE;
	if (ret) {
		pthread_mutex_unlock(&s->lock);
		ckpt_stages_put(s);
		return ret;
	}
	*out = s;
	return 0;
}

static int leave(struct ckpt_stage *s, int ret)
{
	pthread_mutex_unlock(&s->lock);
	ckpt_stages_put(s);
	return ret;
}

static void node_stat(const struct ckpt_stage_node *node, uint32_t tree, struct stat *st)
{
	ckpt_stage_stat(node, st);
	st->st_ino = CKPT_INO(tree, node->index);
}

int ckpt_stage_root_stat(struct ckpt_stage *s, uint32_t tree, struct stat *st)
{
	pthread_mutex_lock(&s->lock);
	node_stat(ckpt_stage_root(s), tree, st);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* ---- .status: not a node of the tree, so that it needs no lock of it ---- */

static int status_render(uint64_t ino, const struct ckpt_req *req, struct ckpt_buf *buf,
			 struct stat *st)
{
	struct ckpt_stage *s = ckpt_stages_get(CKPT_INO_TREE(ino));
	struct timespec now;
	int ret = 0;

	if (!s)
		return -ESTALE;
	if (req->uid && req->uid != s->uid)
		ret = -EPERM;
	else
		ckpt_status_render(&s->status, buf);
	if (!ret && st) {
		clock_gettime(CLOCK_REALTIME, &now);
		*st = (struct stat){
			.st_ino = CKPT_INO(CKPT_INO_TREE(ino), CKPT_STAGE_STATUS),
			.st_mode = S_IFREG | 0400,
			.st_nlink = 1,
			.st_uid = s->uid,
			.st_size = (off_t)buf->len,
			.st_blocks = 1,
			.st_blksize = 4096,
			.st_atim = now,
			.st_mtim = now,
			.st_ctim = now,
		};
	}
	ckpt_stages_put(s);
	return ret ? ret : buf->failed ? -ENOMEM : 0;
}

static int status_stat(uint64_t ino, const struct ckpt_req *req, struct stat *st)
{
	struct ckpt_buf buf = {0};
	int ret = status_render(ino, req, &buf, st);

	ckpt_buf_fini(&buf);
	return ret;
}

/* ---- looking ---- */

static int stage_lookup(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st)
{
	struct ckpt_stage_node *node, *child;
	struct ckpt_stage *s;
	int ret;

	if (!CKPT_INO_INDEX(dir) && !strcmp(name, STATUS_NAME))
		return status_stat(dir, req, st);
	ret = enter(req, dir, LOOK, &s, &node);
	if (ret)
		return ret;
	child = ckpt_stage_child(s, node, name);
	if (!child)
		child = ckpt_stage_ghost(s, node, name, req->pid);
	if (child)
		node_stat(child, CKPT_INO_TREE(dir), st);
	return leave(s, child ? 0 : -ENOENT);
}

static int stage_getattr(const struct ckpt_req *req, uint64_t ino, struct stat *st)
{
	struct ckpt_stage_node *node;
	struct ckpt_stage *s;
	int ret;

	if (CKPT_INO_INDEX(ino) == CKPT_STAGE_STATUS)
		return status_stat(ino, req, st);
	/* Attributes only: the kernel checks the modes of the way there. */
	ret = enter(req, ino, LOOK, &s, &node);
	if (ret)
		return ret;
	node_stat(node, CKPT_INO_TREE(ino), st);
	return leave(s, 0);
}

static int stage_opendir(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	uint32_t tree = CKPT_INO_TREE(ino);
	struct ckpt_stage_node *node, *n;
	struct ckpt_stage *s;
	int ret = enter(req, ino, LOOK, &s, &node);

	if (ret)
		return ret;
	ckpt_handle_list(h, ".", ino, S_IFDIR);
	ckpt_handle_list(h, "..", node->dir ? CKPT_INO(tree, node->dir->index) : CKPT_INO_RESTORE,
			 S_IFDIR);
	for (n = node->first; n; n = n->next)
		ckpt_handle_list(h, n->name, CKPT_INO(tree, n->index), n->mode);
	return leave(s, 0);
}

/* ---- results ---- */

/* Says why a tree is not (yet) a process. */
static int told(struct ckpt_stage *s, int ret, const struct ckpt_err *err)
{
	if (ret)
		ckpt_log("restore/%s: %s", s->name, err->text);
	return ret;
}

/* ---- attributes ---- */

void ckpt_fs_set_attrs(struct ckpt_stage_node *node, unsigned int which, const struct stat *set)
{
	if (which & CKPT_SET_MODE)
		node->mode = (node->mode & S_IFMT) | (set->st_mode & 07777);
	if (which & CKPT_SET_UID)
		node->uid = set->st_uid;
	if (which & CKPT_SET_GID)
		node->gid = set->st_gid;
	if (which & CKPT_SET_ATIME)
		node->atime = set->st_atim;
	if (which & CKPT_SET_MTIME)
		node->mtime = set->st_mtim;
	clock_gettime(CLOCK_REALTIME, &node->ctime);
}

static int stage_setattr(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			 unsigned int which, const struct stat *set, struct stat *st)
{
	struct ckpt_stage_node *node;
	struct ckpt_err err = {0};
	struct ckpt_stage *s;
	int ret = enter(req, ino, CHANGE, &s, &node);

	if (ret)
		return ret;
	if (which & CKPT_SET_SIZE) {
		ckpt_stage_changing(s, node, req->pid);
		ret = S_ISREG(node->mode) ? ckpt_stage_truncate(s, node, (uint64_t)set->st_size)
					  : -EISDIR;
		if (!ret && h)
			h->wrote = true;
	}
	if (!ret)
		ckpt_fs_set_attrs(node, which, set);
	/* The times of directories are what tools set last. */
	if (!ret && S_ISDIR(node->mode) && (which & CKPT_SET_MTIME)) {
		if (node->dir)
			ckpt_stage_touched(s, node, req->pid);
		ret = told(s, ckpt_stage_finish(s, node, req->pid, &err), &err);
	}
	if (!ret)
		node_stat(node, CKPT_INO_TREE(ino), st);
	return leave(s, ret);
}

/* ---- names ---- */

/* A name that no tree has can only be a mistake, and one that would go unnoticed: `cp -a TREE
 * restore/NAME` over a NAME that is there copies to restore/NAME/TREE. Temporaries may be. */
static int check_name(struct ckpt_stage *s, const struct ckpt_stage_node *dir, const char *name,
		      mode_t mode, pid_t pid)
{
	char *above = ckpt_stage_path(dir), path[PATH_MAX];
	struct ckpt_err err = {0};
	int kind;

	if (!above)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s%s%s", above, above[0] ? "/" : "", name);
	free(above);
	if (name[0] == '.' || ckpt_stage_is_temporary(s, dir))
		return 0;
	kind = ckpt_node_kind_of(path, NULL);
	if (kind >= 0 && S_ISDIR(mode) == (kind == CKPT_NODE_DIR))
		return 0;
	ckpt_fail(&err, EINVAL,
		  "%s: no tree has a %s of that name (a copy of a whole tree goes to "
		  "restore/, or to a name that is not there yet)",
		  path, S_ISDIR(mode) ? "directory" : "file");
	if (!ckpt_stage_is_late(s, pid) && !s->stranger)
		s->stranger = strdup(err.text); /* what comes with it is not restored either */
	ckpt_log("restore/%s: %s", s->name, err.text);
	return -EINVAL;
}

static int make(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		struct ckpt_handle *h, struct stat *st)
{
	struct ckpt_stage_node *node, *child;
	struct ckpt_stage *s;
	int ret;

	if (!CKPT_INO_INDEX(dir) && !strcmp(name, STATUS_NAME))
		return -EEXIST;
	ret = enter(req, dir, CHANGE, &s, &node);
	if (ret)
		return ret;
	ret = check_name(s, node, name, mode, req->pid);
	if (!ret)
		ret = ckpt_stage_make(s, node, name, mode, &child);
	if (!ret) {
		if (h) {
			ckpt_stage_created(s, child, req->pid);
			ckpt_stage_opened(child, h->writes);
			h->obj = ckpt_stages_ref(s);
			h->index = child->index;
		}
		node_stat(child, CKPT_INO_TREE(dir), st);
	} else if (ret == -ENOSPC) {
		ckpt_log("restore/%s: the stage of uid %u is full (-o stage_limit=)", s->name,
			 s->uid);
	}
	return leave(s, ret);
}

static int stage_mkdir(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		       struct stat *st)
{
	return make(req, dir, name, S_IFDIR | (mode & 07777), NULL, st);
}

static int stage_create(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
			struct ckpt_handle *h, struct stat *st)
{
	return make(req, dir, name, S_IFREG | (mode & 07777), h, st);
}

static int stage_mknod(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode)
{
	(void)req, (void)dir, (void)mode;
	ckpt_log("restore/: %s: a tree has only directories and regular files", name);
	return -EINVAL;
}

static int stage_symlink(const struct ckpt_req *req, const char *target, uint64_t dir,
			 const char *name, struct stat *st)
{
	(void)req, (void)dir, (void)st;
	ckpt_log("restore/: %s -> %s: a tree has no links; to restore by reference, give a name "
		 "that is not there yet: ln -s TREE MOUNTPOINT/restore/NAME",
		 name, target);
	return -EPERM;
}

static int remove_file(struct ckpt_stage *s, struct ckpt_stage_node *node, pid_t pid)
{
	ckpt_stage_changing(s, node, pid); /* tar removes a file before it writes it anew */
	return ckpt_stage_unlink(s, node);
}

static int stage_remove(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t type)
{
	struct ckpt_stage_node *node, *child;
	struct ckpt_stage *s;
	int ret;

	if (!CKPT_INO_INDEX(dir) && !strcmp(name, STATUS_NAME))
		return -EPERM;
	ret = enter(req, dir, REMOVE, &s, &node);
	if (ret)
		return ret;
	child = ckpt_stage_child(s, node, name);
	if (!child)
		ret = -ENOENT;
	else if ((child->mode & S_IFMT) != type)
		ret = type == S_IFDIR ? -ENOTDIR : -EISDIR;
	else if (type == S_IFDIR)
		ret = ckpt_stage_rmdir(s, child);
	else
		ret = remove_file(s, child, req->pid);
	return leave(s, ret);
}

static int stage_unlink(const struct ckpt_req *req, uint64_t dir, const char *name)
{
	return stage_remove(req, dir, name, S_IFREG);
}

static int stage_rmdir(const struct ckpt_req *req, uint64_t dir, const char *name)
{
	return stage_remove(req, dir, name, S_IFDIR);
}

static int stage_rename(const struct ckpt_req *req, uint64_t dir, const char *name, uint64_t newdir,
			const char *newname, unsigned int flags)
{
	struct ckpt_stage_node *from, *to, *node;
	struct ckpt_err err = {0};
	struct ckpt_stage *s;
	int ret;

	if (CKPT_INO_TREE(dir) != CKPT_INO_TREE(newdir))
		return -EXDEV;
	if (flags & ~(unsigned int)RENAME_NOREPLACE)
		return -EINVAL;
	if (!CKPT_INO_INDEX(newdir) && !strcmp(newname, STATUS_NAME))
		return -EPERM;
	ret = enter(req, dir, CHANGE, &s, &from);
	if (ret)
		return ret;
	to = ckpt_stage_node(s, CKPT_INO_INDEX(newdir));
	node = ckpt_stage_child(s, from, name);
	if (!to)
		ret = -ESTALE;
	else if (!node)
		ret = -ENOENT;
	else if (!S_ISREG(node->mode))
		ret = -EPERM; /* directories would change the names of files that were checked */
	else if ((flags & RENAME_NOREPLACE) && ckpt_stage_child(s, to, newname))
		ret = -EEXIST;
	else
		ret = ckpt_stage_move(s, node, to, newname, req->pid, &err);
	if (err.code)
		told(s, ret, &err);
	return leave(s, ret);
}

/* ---- contents ---- */

static int stage_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_stage_node *node;
	struct ckpt_stage *s;
	int ret;

	if (CKPT_INO_INDEX(ino) == CKPT_STAGE_STATUS) {
		h->has_text = true;
		return h->writes ? -EPERM : status_render(ino, req, &h->text, NULL);
	}
	ret = enter(req, ino, CHANGE, &s, &node);
	if (ret)
		return ret;
	if (!node->dir) {
		/* The kernel looks the name up again, and then it is not there. */
		ckpt_stage_ghost_drop(s);
		return leave(s, -ESTALE);
	}
	ckpt_stage_opened(node, h->writes);
	h->obj = ckpt_stages_ref(s);
	h->index = node->index;
	return leave(s, 0);
}

static ssize_t stage_read(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			  void **buf, size_t len, uint64_t off)
{
	struct ckpt_stage_node *node;
	struct ckpt_stage *s;
	ssize_t n;
	int ret = enter(req, ino, CHANGE, &s, &node);

	(void)h;
	if (ret)
		return ret;
	n = ckpt_blob_read(&node->blob, *buf, len, off);
	leave(s, 0);
	return n;
}

static ssize_t stage_write(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h,
			   const void *buf, size_t len, uint64_t off)
{
	struct ckpt_stage_node *node;
	struct ckpt_stage *s;
	ssize_t n;
	int ret = enter(req, ino, CHANGE, &s, &node);

	if (ret)
		return ret;
	ckpt_stage_changing(s, node, req->pid);
	n = ckpt_stage_write(s, node, buf, len, off);
	h->wrote = h->wrote || n > 0;
	if (n == -ENOSPC)
		ckpt_log("restore/%s: the stage of uid %u is full: %llu of %llu bytes "
			 "(-o stage_limit=)",
			 s->name, s->uid, (unsigned long long)ckpt_quota_used(s->uid),
			 (unsigned long long)ckpt_quota_limit());
	leave(s, 0);
	return n;
}

static int stage_flush(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_stage_node *node, *dir;
	struct ckpt_err err = {0};
	struct ckpt_stage *s;
	int ret;

	if (!h->writes)
		return 0;
	ret = enter(req, ino, CHANGE, &s, &node);
	if (ret == -ESTALE && !h->wrote)
		return 0;
	if (ret)
		return ret;
	/* Not a node of the tree any more: restored meanwhile, or deleted. */
	dir = node->dir;
	if (dir && (h->wrote || !node->blob.size)) {
		ret = told(s, ckpt_stage_arrived(s, node, req->pid, &err), &err);
		if (!ret && !node->dir) /* it completed the tree, or came after that */
			ckpt_stage_ghost_set(s, node, dir);
	}
	return leave(s, ret);
}

static void stage_release(uint64_t ino, struct ckpt_handle *h)
{
	struct ckpt_stage *s = h->obj;
	struct ckpt_stage_node *node;

	(void)ino;
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	node = ckpt_stage_node(s, h->index);
	if (node)
		ckpt_stage_closed(s, node, h->writes);
	pthread_mutex_unlock(&s->lock);
	ckpt_stages_put(s);
}

const struct ckpt_fs_ops ckpt_stage_ops = {
	.lookup = stage_lookup,
	.getattr = stage_getattr,
	.setattr = stage_setattr,
	.mkdir = stage_mkdir,
	.mknod = stage_mknod,
	.create = stage_create,
	.symlink = stage_symlink,
	.unlink = stage_unlink,
	.rmdir = stage_rmdir,
	.rename = stage_rename,
	.open = stage_open,
	.opendir = stage_opendir,
	.read = stage_read,
	.write = stage_write,
	.flush = stage_flush,
	.release = stage_release,
};
