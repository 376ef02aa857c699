// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The root directory: one row per fixed name, and a directory per frozen task; and the log.
 */
#include "fs.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "opts.h"

struct ckpt_fs ckpt_fs;

uint32_t ckpt_tree_number(uint32_t bits)
{
	static atomic_uint last;

	return (atomic_fetch_add(&last, 1) + 1) | bits;
}

void ckpt_handle_list(struct ckpt_handle *h, const char *name, uint64_t ino, mode_t type)
{
	struct ckpt_dirent *e = CKPT_VEC_ADD(&h->list);

	if (e)
		*e = (struct ckpt_dirent){.name = strdup(name), .ino = ino, .type = type & S_IFMT};
	if (!e || !e->name)
		h->nomem = true;
}

ssize_t ckpt_handle_read_text(const struct ckpt_handle *h, void *buf, size_t len, uint64_t off)
{
	if (off >= h->text.len)
		return 0;
	if (len > h->text.len - off)
		len = h->text.len - (size_t)off;
	memcpy(buf, h->text.data + off, len);
	return (ssize_t)len;
}

void ckpt_handle_fini(struct ckpt_handle *h)
{
	ckpt_buf_fini(&h->text);
	for (size_t i = 0; i < h->list.n; i++)
		free(h->list.v[i].name);
	CKPT_VEC_FINI(&h->list);
}

void ckpt_fs_dir_stat(uint64_t ino, mode_t mode, struct stat *st)
{
	*st = (struct stat){
		.st_ino = ino,
		.st_mode = S_IFDIR | mode,
		.st_nlink = 2,
		.st_uid = ckpt_fs.uid,
		.st_gid = ckpt_fs.gid,
		.st_blksize = 4096,
		.st_atim = ckpt_fs.since,
		.st_mtim = ckpt_fs.since,
		.st_ctim = ckpt_fs.since,
	};
}

/* Users freeze with mkdir here and restore with mkdir in restore/: as in /tmp, everybody may
 * make directories and nobody remove somebody else's. */
static mode_t shared_mode(void)
{
	return ckpt_fs.opts->allow_other ? 01777 : 0755;
}

static void stat_root(struct stat *st)
{
	ckpt_fs_dir_stat(CKPT_INO_ROOT, shared_mode(), st);
}

static void stat_restore(struct stat *st)
{
	ckpt_fs_dir_stat(CKPT_INO_RESTORE, shared_mode(), st);
}

static void stat_log(struct stat *st)
{
	ckpt_fs_dir_stat(CKPT_INO_LOG, 0, st);
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_size = (off_t)ckpt_log_size();
	st->st_blocks = (st->st_size + 511) / 512;
}

static const struct root_row {
	uint64_t ino;
	const char *name;
	mode_t type;
	void (*stat)(struct stat *st);
} rows[] = {
	{CKPT_INO_ROOT, ".", S_IFDIR, stat_root},
	{CKPT_INO_ROOT, "..", S_IFDIR, stat_root},
	{CKPT_INO_RESTORE, "restore", S_IFDIR, stat_restore},
	{CKPT_INO_LOG, "log", S_IFREG, stat_log},
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

/* The decimal spelling of a PID and nothing else; 0 if it is none. */
static pid_t parse_pid(const char *name)
{
	char *end;
	long pid;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	errno = 0;
	pid = strtol(name, &end, 10);
	return errno || *end || pid > 0x3fffffff ? 0 : (pid_t)pid;
}

static int root_lookup(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st)
{
	pid_t pid = parse_pid(name);

	(void)req, (void)dir;
	if (pid)
		return ckpt_tasks_lookup(pid, st);
	for (size_t i = 0; i < NROWS; i++)
		if (!strcmp(rows[i].name, name)) {
			rows[i].stat(st);
			return 0;
		}
	return -ENOENT;
}

static int root_getattr(const struct ckpt_req *req, uint64_t ino, struct stat *st)
{
	(void)req;
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].ino == ino) {
			rows[i].stat(st);
			return 0;
		}
	return -ESTALE;
}

static int root_mkdir(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
		      struct stat *st)
{
	pid_t pid = parse_pid(name);

	(void)dir, (void)mode;
	if (!pid) {
		ckpt_log("mkdir %s: a directory here is a frozen process: its name must be a PID",
			 name);
		return -EINVAL;
	}
	return ckpt_tasks_freeze(req, pid, st);
}

static int root_rmdir(const struct ckpt_req *req, uint64_t dir, const char *name)
{
	pid_t pid = parse_pid(name);

	(void)dir;
	return pid ? ckpt_tasks_thaw(req, pid) : -EPERM;
}

static int root_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	(void)req, (void)ino;
	if (h->writes)
		return -EACCES;
	h->text.data = ckpt_log_copy(&h->text.len);
	h->has_text = true;
	return h->text.data ? 0 : -ENOMEM;
}

static int root_opendir(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	(void)req, (void)ino;
	for (size_t i = 0; i < NROWS; i++)
		ckpt_handle_list(h, rows[i].name, rows[i].ino, rows[i].type);
	ckpt_tasks_list(h);
	return 0;
}

const struct ckpt_fs_ops ckpt_root_ops = {
	.lookup = root_lookup,
	.getattr = root_getattr,
	.mkdir = root_mkdir,
	.rmdir = root_rmdir,
	.open = root_open,
	.opendir = root_opendir,
};
