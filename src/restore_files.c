// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens the files of a tree inside a skeleton, under the identity it has there, and puts them at
 * their descriptor numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fd_nodes.h"
#include "log.h"
#include "skeleton.h"

/* Flags that open takes; the others (O_ASYNC) only fcntl sets. Creating is not among them. */
#define OPEN_FLAGS                                                                                 \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_DIRECTORY |           \
	 O_NOFOLLOW | O_NOATIME | O_PATH | CKPT_O_LARGEFILE)
#define SETFL_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_ASYNC)

static bool kind_matches(uint32_t kind, mode_t mode)
{
	static const mode_t want[] = {
		[CKPT_FILE_REG] = S_IFREG, [CKPT_FILE_DIR] = S_IFDIR, [CKPT_FILE_PATH] = 0,
		[CKPT_FILE_CHR] = S_IFCHR, [CKPT_FILE_TTY] = S_IFCHR,
	};

	return !want[kind] || (mode & S_IFMT) == want[kind];
}

/* Whether the task itself could have written this file through one of its descriptors. */
static bool task_writes(const struct ckpt_task *task, const char *path)
{
	for (size_t i = 0; i < task->files.n; i++)
		if ((task->files.v[i].flags & O_ACCMODE) != O_RDONLY &&
		    !(task->files.v[i].flags & O_PATH) && !strcmp(task->files.v[i].path, path))
			return true;
	for (size_t i = 0; i < task->vmas.n; i++)
		if (task->vmas.v[i].shared && task->vmas.v[i].prot & CKPT_PROT_WRITE &&
		    task->vmas.v[i].fname && !strcmp(task->vmas.v[i].fname, path))
			return true;
	return false;
}

/* A file that the task reads must be as it was. One that it writes may have grown since, by the
 * same task before it was rolled back to here: it writes over that again. Shorter is loss. */
static int check_written(struct ckpt_skeleton *s, const struct ckpt_file *file, const struct stat *st,
			 struct ckpt_err *err)
{
	if ((uint64_t)st->st_size < file->size)
		return ckpt_fail(err, EBUSY,
				 "%s: file changed: %lld bytes now, %llu at the freeze: data the task "
				 "had written is gone", file->path, (long long)st->st_size,
				 (unsigned long long)file->size);
	if ((uint64_t)st->st_size > file->size)
		ckpt_log("restore %d: %s has grown from %llu to %lld bytes since the freeze%s", s->pid,
			 file->path, (unsigned long long)file->size, (long long)st->st_size,
			 file->flags & O_APPEND ? ": it appends after that" : "");
	return 0;
}

static int check_opened(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
			struct ckpt_err *err)
{
	struct stat st;
	int ret = ckpt_skeleton_do(s, NULL, err, file->path, SYS_fstat, (uint64_t)fd, s->r.scratch);

	if (!ret)
		ret = ckpt_remote_get(&s->r, 0, &st, sizeof(st), err);
	if (ret)
		return ret;
	if (!kind_matches(file->kind, st.st_mode))
		return ckpt_fail(err, EBUSY, "%s: is a file of another kind now", file->path);
	if (file->kind != CKPT_FILE_REG || !file->has_size)
		return 0;
	if (task_writes(s->task, file->path))
		return check_written(s, file, &st, err);
	return ckpt_skeleton_check_file(s, file->path, fd, file->size, file->mtime, err);
}

static int set_lock(struct ckpt_skeleton *s, const struct ckpt_file *file,
		    const struct ckpt_lock *lock, long fd, struct ckpt_err *err)
{
	struct flock fl = {
		.l_type = (short)lock->mode, .l_whence = SEEK_SET, .l_start = (off_t)lock->start,
		.l_len = lock->end == UINT64_MAX ? 0 : (off_t)(lock->end - lock->start + 1),
	};
	long result;
	int ret;

	if (lock->kind == CKPT_LOCK_FLOCK) {
		ret = ckpt_remote_call(&s->r, &result, err, SYS_flock,
				       CKPT_ARGS((uint64_t)fd, LOCK_NB | (lock->mode == F_WRLCK
										 ? LOCK_EX
										 : LOCK_SH)));
	} else {
		ret = ckpt_remote_put(&s->r, 0, &fl, sizeof(fl), err);
		if (!ret)
			ret = ckpt_remote_call(&s->r, &result, err, SYS_fcntl,
					       CKPT_ARGS((uint64_t)fd,
							 lock->kind == CKPT_LOCK_OFD ? F_OFD_SETLK
										     : F_SETLK,
							 s->r.scratch));
	}
	if (ret || result >= 0)
		return ret;
	return ckpt_fail(err, result == -EAGAIN || result == -EACCES ? EBUSY : (int)-result,
			 "%s: the task's lock can't be taken again: %s", file->path,
			 strerror((int)-result));
}

static int set_owner(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
		     struct ckpt_err *err)
{
	struct f_owner_ex owner = {(int)file->owner_type, file->owner_pid};
	int ret = ckpt_remote_put(&s->r, 0, &owner, sizeof(owner), err);

	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "F_SETOWN_EX", SYS_fcntl, (uint64_t)fd,
				       F_SETOWN_EX, s->r.scratch);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "F_SETSIG", SYS_fcntl, (uint64_t)fd, F_SETSIG,
				       file->owner_sig);
	return ret;
}

/* Offset, locks, owner, and the flags that the first open could not have. */
static int dress(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
		 struct ckpt_err *err)
{
	int ret = 0;

	if (file->offset)
		ret = ckpt_skeleton_do(s, NULL, err, "lseek", SYS_lseek, (uint64_t)fd,
				       (uint64_t)file->offset, SEEK_SET);
	for (size_t i = 0; !ret && i < file->lock.n; i++)
		ret = set_lock(s, file, &file->lock.v[i], fd, err);
	if (!ret && file->has_owner)
		ret = set_owner(s, file, fd, err);
	if (!ret && file->kind != CKPT_FILE_PATH)
		ret = ckpt_skeleton_do(s, NULL, err, "F_SETFL", SYS_fcntl, (uint64_t)fd, F_SETFL,
				       file->flags & SETFL_FLAGS);
	return ret;
}

static int open_file(struct ckpt_skeleton *s, const struct ckpt_file *file, long *fd,
		     struct ckpt_err *err)
{
	/* Never wait in open, and never take a terminal by it; O_NONBLOCK is put right later. */
	int flags = (int)(file->flags & OPEN_FLAGS) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	int ret;

	if (file->flags & O_PATH)
		flags = (int)(file->flags & (O_PATH | O_NOFOLLOW | O_DIRECTORY)) | O_CLOEXEC;
	ret = ckpt_skeleton_open(s, file->path, flags, fd, err);
	if (!ret)
		ret = check_opened(s, file, *fd, err);
	return ret ? ret : dress(s, file, *fd, err);
}

/* The new descriptor goes to every number that refers to the file. It may itself be one. */
static int place(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
		 struct ckpt_err *err)
{
	bool stays = false;
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->fds.n; i++) {
		const struct ckpt_fd *to = &s->task->fds.v[i];

		if (to->file != file->id)
			continue;
		if (to->fd == (uint64_t)fd) {
			stays = true;
			ret = ckpt_skeleton_do(s, NULL, err, "F_SETFD", SYS_fcntl, (uint64_t)fd, F_SETFD,
					       to->cloexec ? FD_CLOEXEC : 0);
		} else {
			ret = ckpt_skeleton_do(s, NULL, err, "dup3", SYS_dup3, (uint64_t)fd, to->fd,
					       to->cloexec ? O_CLOEXEC : 0);
		}
		if (ret)
			ckpt_err_about(err, "fds/%llu", (unsigned long long)to->fd);
	}
	if (!ret && !stays)
		ret = ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)fd);
	return ret;
}

static int check_refs(const struct ckpt_task *task, struct ckpt_err *err)
{
	for (size_t i = 0; i < task->fds.n; i++) {
		size_t j = 0;

		while (j < task->files.n && task->files.v[j].id != task->fds.v[i].file)
			j++;
		if (j == task->files.n)
			return ckpt_fail(err, EINVAL, "fds/%llu: there is no files/%llu",
					 (unsigned long long)task->fds.v[i].fd,
					 (unsigned long long)task->fds.v[i].file);
		if (task->fds.v[i].fd > INT32_MAX)
			return ckpt_fail(err, EINVAL, "fds/%llu: is no descriptor",
					 (unsigned long long)task->fds.v[i].fd);
	}
	return 0;
}

/* Descriptors may be above the soft limit that holds later: as many as the hard one allows. */
static int raise_nofile(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct rlimit limit;
	int ret = ckpt_skeleton_do(s, NULL, err, "prlimit", SYS_prlimit64, 0, RLIMIT_NOFILE, 0,
				   s->r.scratch);

	if (!ret)
		ret = ckpt_remote_get(&s->r, 0, &limit, sizeof(limit), err);
	limit.rlim_cur = limit.rlim_max;
	if (!ret)
		ret = ckpt_remote_put(&s->r, 0, &limit, sizeof(limit), err);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "prlimit", SYS_prlimit64, 0, RLIMIT_NOFILE,
				      s->r.scratch, 0);
}

int ckpt_restore_files(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = check_refs(s->task, err);

	if (!ret)
		ret = raise_nofile(s, err);
	for (size_t i = 0; !ret && i < s->task->files.n; i++) {
		const struct ckpt_file *file = &s->task->files.v[i];
		long fd;

		ret = open_file(s, file, &fd, err);
		if (!ret)
			ret = place(s, file, fd, err);
		if (ret)
			ckpt_err_about(err, "files/%llu", (unsigned long long)file->id);
	}
	return ret;
}
