// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FUSE requests, turned into calls of the operations of a node's family (fs.h). The only
 * file that knows libfuse, together with fs_ops_mount.c, which has the mount itself.
 */
#include "fs_ops_fuse.h"

#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs_ahead.h"
#include "quota.h"

/* Below the top, names and attributes never change while a tree is there, or fs_edit.c tells the
 * kernel to forget them, so it may remember them: what it must ask again is what goes by
 * itself, a whole tree or the files of a restored one. */
#define CACHE_S 3600.0
#define BRIEF_S 1.0

static const struct ckpt_fs_ops *ops_of(fuse_ino_t ino)
{
	uint32_t tree = CKPT_INO_TREE(ino);

	if (tree)
		return tree & CKPT_TREE_STAGED ? &ckpt_stage_ops : &ckpt_task_ops;
	return ino == CKPT_INO_RESTORE ? &ckpt_restore_ops : &ckpt_root_ops;
}

static struct ckpt_req req_of(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct ckpt_req){.pid = ctx->pid, .uid = ctx->uid, .gid = ctx->gid};
}

static struct ckpt_handle *handle_of(const struct fuse_file_info *fi)
{
	return fi ? (struct ckpt_handle *)(uintptr_t)fi->fh : NULL;
}

/* How long the kernel may keep what we said of an inode. Everything below a frozen task stays as
 * it is, but for what is being written there; its own directory goes by rmdir, which the kernel
 * sees. A task that job control stopped may run on unseen, and what is staged changes with every
 * write. */
static double attr_timeout(const struct stat *st)
{
	uint32_t tree = CKPT_INO_TREE(st->st_ino), index = CKPT_INO_INDEX(st->st_ino);

	if (!tree)
		return st->st_ino == CKPT_INO_LOG ? 0 : BRIEF_S;
	if (!(tree & CKPT_TREE_STAGED))
		return index & CKPT_INDEX_STAGED  ? 0
		       : index			  ? CACHE_S
		       : tree & CKPT_TREE_STOPPED ? 0
						  : BRIEF_S;
	if (index == CKPT_STAGE_STATUS || index == CKPT_STAGE_LINK)
		return 0;
	return index && S_ISDIR(st->st_mode) ? CACHE_S : BRIEF_S;
}

static double entry_timeout(const struct stat *st)
{
	bool staged_file = CKPT_INO_TREE(st->st_ino) & CKPT_TREE_STAGED && !S_ISDIR(st->st_mode);

	return staged_file ? 0 : attr_timeout(st);
}

static void fill_entry(const struct stat *st, struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){
		.ino = st->st_ino,
		.attr = *st,
		.attr_timeout = attr_timeout(st),
		.entry_timeout = entry_timeout(st),
	};
}

static void reply_entry(fuse_req_t req, int ret, const struct stat *st)
{
	struct fuse_entry_param e;

	if (ret) {
		fuse_reply_err(req, -ret);
		return;
	}
	fill_entry(st, &e);
	fuse_reply_entry(req, &e);
}

static void op_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);
	struct stat st;

	/* The kernel lets 1024 bytes pass (FUSE_NAME_MAX), and looks up before it makes a name. */
	reply_entry(req,
		    strlen(name) > NAME_MAX ? -ENAMETOOLONG : ops->lookup(&who, dir, name, &st),
		    &st);
}

/* Nodes are found by number, and numbers are never used again: nothing to count. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	(void)ino, (void)n;
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	(void)count, (void)forgets;
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct ckpt_req who = req_of(req);
	struct stat st;
	int ret = ops_of(ino)->getattr(&who, ino, &st);

	(void)fi;
	if (ret)
		fuse_reply_err(req, -ret);
	else
		fuse_reply_attr(req, &st, attr_timeout(&st));
}

static unsigned int which_of(int to_set, struct stat *attr)
{
	static const struct {
		int fuse;
		unsigned int ours;
	} rows[] = {
		{FUSE_SET_ATTR_MODE, CKPT_SET_MODE},   {FUSE_SET_ATTR_UID, CKPT_SET_UID},
		{FUSE_SET_ATTR_GID, CKPT_SET_GID},     {FUSE_SET_ATTR_SIZE, CKPT_SET_SIZE},
		{FUSE_SET_ATTR_ATIME, CKPT_SET_ATIME}, {FUSE_SET_ATTR_MTIME, CKPT_SET_MTIME},
	};
	struct timespec now;
	unsigned int which = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (to_set & rows[i].fuse)
			which |= rows[i].ours;
	clock_gettime(CLOCK_REALTIME, &now);
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		attr->st_atim = now;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		attr->st_mtim = now;
	return which;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);
	struct ckpt_req who = req_of(req);
	unsigned int which = which_of(to_set, attr);
	struct stat st;
	int ret = ops->setattr ? ops->setattr(&who, ino, handle_of(fi), which, attr, &st) : -EPERM;

	if (ret)
		fuse_reply_err(req, -ret);
	else
		fuse_reply_attr(req, &st, attr_timeout(&st));
}

static void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);
	struct stat st;

	reply_entry(req, ops->mkdir ? ops->mkdir(&who, dir, name, mode, &st) : -EPERM, &st);
}

static void op_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t rdev)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);

	(void)rdev;
	fuse_reply_err(req, ops->mknod ? -ops->mknod(&who, dir, name, mode) : EPERM);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);
	struct stat st;

	reply_entry(req, ops->symlink ? ops->symlink(&who, target, dir, name, &st) : -EPERM, &st);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name)
{
	(void)ino, (void)dir, (void)name;
	fuse_reply_err(req, EPERM);
}

static void op_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);

	fuse_reply_err(req, ops->unlink ? -ops->unlink(&who, dir, name) : EPERM);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);

	fuse_reply_err(req, ops->rmdir ? -ops->rmdir(&who, dir, name) : EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t newdir,
		      const char *newname, unsigned int flags)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_req who = req_of(req);
	int ret = ops->rename ? ops->rename(&who, dir, name, newdir, newname, flags) : -EPERM;

	fuse_reply_err(req, -ret);
	if (!ret && ops->renamed)
		ops->renamed(newdir, newname);
}

/* ---- handles ---- */

static LIST_HEAD(, ckpt_handle) handles = LIST_HEAD_INITIALIZER(handles);
static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;

static struct ckpt_handle *handle_new(const struct fuse_file_info *fi)
{
	struct ckpt_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->writes = (fi->flags & O_ACCMODE) != O_RDONLY;
	pthread_mutex_lock(&handles_lock);
	LIST_INSERT_HEAD(&handles, h, others);
	pthread_mutex_unlock(&handles_lock);
	return h;
}

static void handle_free(struct ckpt_handle *h)
{
	pthread_mutex_lock(&handles_lock);
	LIST_REMOVE(h, others);
	pthread_mutex_unlock(&handles_lock);
	ckpt_handle_fini(h);
	free(h);
}

static void handle_release(fuse_ino_t ino, struct ckpt_handle *h)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);

	if (ops->release && h->obj)
		ops->release(ino, h);
	handle_free(h);
}

/* After umount -l the last close ends the connection, and its RELEASE may not reach us any more. */
void ckpt_fs_release_all(void)
{
	struct ckpt_handle *h;

	while ((h = LIST_FIRST(&handles)))
		handle_release(h->ino, h);
}

static void fill_open(struct fuse_file_info *fi, struct ckpt_handle *h, uint64_t ino)
{
	h->ino = ino;
	fi->fh = (uint64_t)(uintptr_t)h;
	/* Contents are in our memory or the task's already: a copy in the page cache is waste. */
	fi->direct_io = 1;
	fi->noflush = !h->writes;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);
	struct ckpt_handle *h = handle_new(fi);
	struct ckpt_req who = req_of(req);
	int ret = h ? ops->open ? ops->open(&who, ino, h) : -EPERM : -ENOMEM;

	if (ret) {
		if (h)
			handle_free(h);
		fuse_reply_err(req, -ret);
		return;
	}
	fill_open(fi, h, ino);
	/* Interrupted: the kernel will not send a RELEASE. */
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_release(ino, h);
}

static void op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(dir);
	struct ckpt_handle *h = handle_new(fi);
	struct ckpt_req who = req_of(req);
	struct fuse_entry_param e;
	struct stat st;
	int ret = h ? ops->create ? ops->create(&who, dir, name, mode, h, &st) : -EPERM : -ENOMEM;

	if (ret) {
		if (h)
			handle_free(h);
		fuse_reply_err(req, -ret);
		return;
	}
	fill_entry(&st, &e);
	fill_open(fi, h, st.st_ino);
	if (fuse_reply_create(req, &e, fi) == -ENOENT)
		handle_release(st.st_ino, h);
}

/* One buffer per thread for as long as it serves: large reads must not fault it in again. */
static pthread_key_t read_key;
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

static void make_read_key(void)
{
	pthread_key_create(&read_key, free);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);
	struct ckpt_handle *h = handle_of(fi);
	struct ckpt_req who = req_of(req);
	void *buf;
	ssize_t n;

	pthread_once(&read_once, make_read_key);
	buf = pthread_getspecific(read_key);
	if (!buf)
		buf = ckpt_read_buffer_new();
	if (size > CKPT_READ_MAX)
		size = CKPT_READ_MAX;
	if (!buf)
		n = -ENOMEM;
	else if (h->has_text)
		n = ckpt_handle_read_text(h, buf, size, (uint64_t)off);
	else
		n = ops->read ? ops->read(&who, ino, h, &buf, size, (uint64_t)off) : -EIO;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	pthread_setspecific(read_key, buf);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);
	struct ckpt_req who = req_of(req);
	ssize_t n = -EPERM;

	if (ops->write)
		n = ops->write(&who, ino, handle_of(fi), buf, size, (uint64_t)off);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);
	struct ckpt_req who = req_of(req);

	fuse_reply_err(req, ops->flush ? -ops->flush(&who, ino, handle_of(fi)) : 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino, (void)datasync, (void)fi;
	fuse_reply_err(req, 0); /* nothing here is on a disk */
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	handle_release(ino, handle_of(fi));
	fuse_reply_err(req, 0);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct ckpt_fs_ops *ops = ops_of(ino);
	struct ckpt_handle *h = handle_new(fi);
	struct ckpt_req who = req_of(req);
	int ret = h ? ops->opendir(&who, ino, h) : -ENOMEM;

	if (!ret && h->nomem) {
		handle_release(ino, h);
		h = NULL;
		ret = -ENOMEM;
	}
	if (ret) {
		if (h)
			handle_free(h);
		fuse_reply_err(req, -ret);
		return;
	}
	h->ino = ino;
	fi->fh = (uint64_t)(uintptr_t)h;
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_release(ino, h);
}

/* Entries of the listing made at opendir, from the off-th on; plus: with their attributes. */
static void reply_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      const struct ckpt_handle *h, bool plus)
{
	struct ckpt_req who = req_of(req);
	char *buf = malloc(size);
	size_t used = 0;

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (size_t i = (size_t)off; i < h->list.n; i++) {
		const struct ckpt_dirent *d = &h->list.v[i];
		struct stat st = {.st_ino = d->ino, .st_mode = d->type};
		struct fuse_entry_param e = {.attr = st};
		size_t need;

		/* Node 0 in an entry: the kernel looks it up when somebody asks for it. */
		if (plus && d->name[0] != '.' && !ops_of(d->ino)->getattr(&who, d->ino, &st))
			fill_entry(&st, &e);
		need = plus ? fuse_add_direntry_plus(req, buf + used, size - used, d->name, &e,
						     (off_t)i + 1)
			    : fuse_add_direntry(req, buf + used, size - used, d->name, &st,
						(off_t)i + 1);
		if (need > size - used)
			break;
		used += need;
	}
	(void)ino;
	fuse_reply_buf(req, buf, used);
	free(buf);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	reply_dir(req, ino, size, off, handle_of(fi), false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	reply_dir(req, ino, size, off, handle_of(fi), true);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	uint64_t total = ckpt_quota_limit() / 4096;
	uint64_t used = ckpt_quota_used(req_of(req).uid) / 4096;
	struct statvfs st = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = total,
		.f_bfree = total - used,
		.f_bavail = total - used,
		.f_namemax = 255,
	};

	(void)ino;
	fuse_reply_statfs(req, &st);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* Requests are copied once, into memory of ours; a pipe in between costs more. */
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE);
	/* O_TRUNC comes as a SETATTR of its own, with everything that follows from one. */
	conn->want &= ~(unsigned int)FUSE_CAP_ATOMIC_O_TRUNC;
	conn->time_gran = 1;
}

/* No xattrs, locks or ioctls: what is missing is ENOSYS, which the kernel remembers and tells
 * the tools as "not supported". */
const struct fuse_lowlevel_ops ckpt_fs_fuse_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mkdir = op_mkdir,
	.mknod = op_mknod,
	.symlink = op_symlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.fsyncdir = op_fsync,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_release,
	.statfs = op_statfs,
};
