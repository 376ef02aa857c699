// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns how an unlinked file is made again: with its contents, in the directory it was in, under
 * its name if nobody has that now, and without a name when it is done.
 *
 * It is filled while it has no name (O_TMPFILE), then linked, opened under that name, and
 * unlinked: who dies in between leaves a whole file or none, never half a library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "log.h"
#include "restore_objects.h"
#include "vma_map.h"

#define MEMFD_PREFIX "/memfd:"
#define MODE	     0700 /* it may be an executable */
#define SECOND_ARG   8192 /* offset in the scratch memory, behind a path */

/* ---- contents ---- */

struct pour {
	struct ckpt_skeleton *s;
	uint64_t size;
	long fd;
};

static int put_file(void *arg, uint64_t where, void *data, size_t len, struct ckpt_err *err)
{
	const struct pour *p = arg;
	int ret = 0;

	/* Its last page may be the file's only in part. */
	if (len > p->size - where)
		len = p->size - where;
	for (size_t off = 0; !ret && off < len;) {
		size_t piece = len - off < CKPT_SCRATCH_SIZE ? len - off : CKPT_SCRATCH_SIZE;
		long wrote = 0;

		ret = ckpt_remote_put(&p->s->r, 0, (char *)data + off, piece, err);
		if (!ret)
			ret = ckpt_skeleton_do(p->s, &wrote, err, "pwrite", SYS_pwrite64,
					       (uint64_t)p->fd, p->s->r.scratch, piece,
					       where + off);
		if (!ret && !wrote)
			ret = ckpt_fail(err, ENOSPC, "nothing more can be written to it");
		off += (size_t)wrote;
	}
	return ret;
}

static int fill_file(struct ckpt_skeleton *s, const struct ckpt_object *object, long fd,
		     struct ckpt_err *err)
{
	struct pour pour = {s, object->size, fd};
	char path[64];
	int ret = ckpt_skeleton_do(s, NULL, err, "ftruncate", SYS_ftruncate, (uint64_t)fd,
				   object->size);

	snprintf(path, sizeof(path), "objects/%llu/pages", (unsigned long long)object->id);
	return ret ? ret : ckpt_pages_pour(s, path, &object->pages, put_file, &pour, err);
}

/* ---- names ---- */

static int close_fd(struct ckpt_skeleton *s, long fd, struct ckpt_err *err)
{
	return ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)fd);
}

int ckpt_skeleton_reopen(struct ckpt_skeleton *s, long fd, int flags, long *out,
			 struct ckpt_err *err)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%ld", fd);
	return ckpt_skeleton_open(s, path, flags | O_CLOEXEC, out, err);
}

static int inode_of(struct ckpt_skeleton *s, long fd, struct stat *st, struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(s, NULL, err, "fstat", SYS_fstat, (uint64_t)fd, s->r.scratch);

	return ret ? ret : ckpt_remote_get(&s->r, 0, st, sizeof(*st), err);
}

/* Gives the file that has no name this one for a moment, and opens it by it, so that it is known
 * by that name from then on. *fd stays as it is if somebody has the name. */
static int name_once(struct ckpt_skeleton *s, const char *name, long *fd, struct ckpt_err *err)
{
	char self[40];
	struct stat mine, named;
	long result = 0, opened;
	int ret;

	snprintf(self, sizeof(self), "/proc/self/fd/%ld", *fd);
	ret = ckpt_remote_put(&s->r, 0, self, strlen(self) + 1, err);
	if (!ret)
		ret = ckpt_remote_put(&s->r, SECOND_ARG, name, strlen(name) + 1, err);
	if (!ret)
		ret = ckpt_remote_call(&s->r, &result, err, SYS_linkat,
				       CKPT_ARGS((uint64_t)AT_FDCWD, s->r.scratch,
						 (uint64_t)AT_FDCWD, s->r.scratch + SECOND_ARG,
						 AT_SYMLINK_FOLLOW));
	if (ret || result < 0)
		return ret ? ret : (int)result;
	ret = ckpt_skeleton_open(s, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, &opened,
				 err);
	if (ret)
		return ret;
	ret = inode_of(s, *fd, &mine, err);
	if (!ret)
		ret = inode_of(s, opened, &named, err);
	if (ret)
		return ret;
	if (mine.st_dev != named.st_dev || mine.st_ino != named.st_ino) { /* replaced meanwhile */
		ret = close_fd(s, opened, err);
		return ret ? ret : -EEXIST;
	}
	ret = ckpt_remote_put(&s->r, 0, name, strlen(name) + 1, err);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, name, SYS_unlink, s->r.scratch);
	if (!ret)
		ret = close_fd(s, *fd, err);
	*fd = opened;
	return ret;
}

static void second_name(const struct ckpt_skeleton *s, const char *fname, char *out, size_t size)
{
	snprintf(out, size, "%s.ckptfs-%d", fname, s->pid);
}

static int try_open(struct ckpt_skeleton *s, const char *path, int flags, long *fd,
		    struct ckpt_err *err)
{
	int ret = ckpt_remote_put(&s->r, 0, path, strlen(path) + 1, err);

	return ret ? ret
		   : ckpt_remote_call(
			     &s->r, fd, err, SYS_open,
			     CKPT_ARGS(s->r.scratch, (uint64_t)(flags | O_CLOEXEC | O_RDWR), MODE));
}

static int make_memfd(struct ckpt_skeleton *s, const char *name, long *fd, struct ckpt_err *err)
{
	int ret = ckpt_remote_put(&s->r, 0, name, strlen(name) + 1, err);

	return ret ? ret
		   : ckpt_skeleton_do(s, fd, err, "memfd_create", SYS_memfd_create, s->r.scratch,
				      MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* Somewhere in its directory; in memory where that can't be had. *nameless: it may be linked. */
static int make_empty(struct ckpt_skeleton *s, const char *fname, long *fd, bool *nameless,
		      struct ckpt_err *err)
{
	const char *base = strrchr(fname, '/') + 1;
	char path[4200];
	int ret;

	snprintf(path, sizeof(path), "%.*s", (int)(base - fname), fname);
	*nameless = true;
	ret = try_open(s, path, O_TMPFILE, fd, err);
	if (ret || *fd >= 0)
		return ret;
	*nameless = false;
	second_name(s, fname, path, sizeof(path));
	ret = try_open(s, path, O_CREAT | O_EXCL | O_NOFOLLOW, fd, err);
	if (!ret && *fd >= 0) /* the path is still in the scratch memory */
		return ckpt_skeleton_do(s, NULL, err, path, SYS_unlink, s->r.scratch);
	if (!ret)
		ckpt_log("restore %d: %s: no file can be made there (%s): a memory file instead",
			 s->pid, fname, strerror((int)-*fd));
	return ret ? ret : make_memfd(s, base, fd, err);
}

static int give_name(struct ckpt_skeleton *s, const char *fname, long *fd, struct ckpt_err *err)
{
	char other[4200];
	int ret = name_once(s, fname, fd, err);

	if (ret != -EEXIST)
		return ret;
	second_name(s, fname, other, sizeof(other));
	ret = name_once(s, other, fd, err);
	if (!ret)
		ckpt_log("restore %d: %s is another file now: the unlinked one is known as %s",
			 s->pid, fname, other);
	return ret == -EEXIST ? 0 : ret;
}

int ckpt_unlinked_make(struct ckpt_skeleton *s, const struct ckpt_object *object, const char *fname,
		       long *fd, struct ckpt_err *err)
{
	bool nameless = false;
	long made = -1, reader = -1;
	int ret;

	if (fname[0] != '/' || strlen(fname) > 4096)
		return ckpt_fail(err, EINVAL, "%s: is no path", fname);
	if (object->kind == CKPT_OBJECT_MEMFD)
		ret = strncmp(fname, MEMFD_PREFIX, strlen(MEMFD_PREFIX))
			      ? ckpt_fail(err, EINVAL, "%s: is no memory file", fname)
			      : make_memfd(s, fname + strlen(MEMFD_PREFIX), &made, err);
	else
		ret = make_empty(s, fname, &made, &nameless, err);
	if (!ret)
		ret = fill_file(s, object, made, err);
	if (!ret && object->seals)
		ret = ckpt_skeleton_do(s, NULL, err, "F_ADD_SEALS", SYS_fcntl, (uint64_t)made,
				       F_ADD_SEALS, object->seals);
	/* a descriptor that writes would keep it from being an executable (ETXTBSY) */
	if (!ret)
		ret = ckpt_skeleton_reopen(s, made, O_RDONLY, &reader, err);
	if (!ret)
		ret = close_fd(s, made, err);
	if (!ret && nameless)
		ret = give_name(s, fname, &reader, err);
	if (!ret)
		*fd = reader;
	return ret;
}

int ckpt_unlinked_exe(struct ckpt_skeleton *s, long *fd, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;
	size_t i = 0;
	int ret;

	while (s->task->objects.v[i].id != h->exe_object) /* load.c has looked */
		i++;
	ret = ckpt_unlinked_make(s, &s->task->objects.v[i], h->exe, fd, err);
	return ret ? ckpt_err_about(err, "objects/%llu", (unsigned long long)h->exe_object) : 0;
}
