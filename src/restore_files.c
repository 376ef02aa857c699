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
#include <sys/eventfd.h>
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
		[CKPT_FILE_CHR] = S_IFCHR, [CKPT_FILE_TTY] = S_IFCHR, [CKPT_FILE_PIPE] = S_IFIFO,
		[CKPT_FILE_EVENTFD] = 0,
	};

	return !want[kind] || (mode & S_IFMT) == want[kind];
}

/* Whether the task itself could have written this file through one of its descriptors. */
static bool task_writes(const struct ckpt_task *task, const char *path)
{
	for (size_t i = 0; i < task->files.n; i++)
		if (task->files.v[i].path && (task->files.v[i].flags & O_ACCMODE) != O_RDONLY &&
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
static int check_written(struct ckpt_skeleton *s, const struct ckpt_file *file,
			 const struct stat *st, struct ckpt_err *err)
{
	if ((uint64_t)st->st_size < file->size)
		return ckpt_fail(
			err, EBUSY,
			"%s: file changed: %lld bytes now, %llu at the freeze: data the task "
			"had written is gone",
			file->path, (long long)st->st_size, (unsigned long long)file->size);
	if ((uint64_t)st->st_size > file->size)
		ckpt_log("restore %d: %s has grown from %llu to %lld bytes since the freeze%s",
			 s->pid, file->path, (unsigned long long)file->size, (long long)st->st_size,
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
		.l_type = (short)lock->mode,
		.l_whence = SEEK_SET,
		.l_start = (off_t)lock->start,
		.l_len = lock->end == UINT64_MAX ? 0 : (off_t)(lock->end - lock->start + 1),
	};
	long result = 0;
	int ret;

	if (lock->kind == CKPT_LOCK_FLOCK) {
		ret = ckpt_remote_call(
			&s->r, &result, err, SYS_flock,
			CKPT_ARGS((uint64_t)fd,
				  LOCK_NB | (lock->mode == F_WRLCK ? LOCK_EX : LOCK_SH)));
	} else {
		ret = ckpt_remote_put(&s->r, 0, &fl, sizeof(fl), err);
		if (!ret)
			ret = ckpt_remote_call(
				&s->r, &result, err, SYS_fcntl,
				CKPT_ARGS((uint64_t)fd,
					  lock->kind == CKPT_LOCK_OFD ? F_OFD_SETLK : F_SETLK,
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
	/* itself, whatever its PID is now */
	struct f_owner_ex owner = {(int)file->owner_type, file->owner_pid == s->task->header.pid
								  ? s->pid
								  : file->owner_pid};
	int ret = ckpt_remote_put(&s->r, 0, &owner, sizeof(owner), err);

	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "F_SETOWN_EX", SYS_fcntl, (uint64_t)fd,
				       F_SETOWN_EX, s->r.scratch);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "F_SETSIG", SYS_fcntl, (uint64_t)fd, F_SETSIG,
				       file->owner_sig);
	return ret;
}

/* Offset, owner, and the flags that the first open could not have. */
static int dress(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
		 struct ckpt_err *err)
{
	int ret = 0;

	if (file->offset)
		ret = ckpt_skeleton_do(s, NULL, err, "lseek", SYS_lseek, (uint64_t)fd,
				       (uint64_t)file->offset, SEEK_SET);
	if (!ret && file->has_owner)
		ret = set_owner(s, file, fd, err);
	if (!ret && file->kind != CKPT_FILE_PATH)
		ret = ckpt_skeleton_do(s, NULL, err, "F_SETFL", SYS_fcntl, (uint64_t)fd, F_SETFL,
				       file->flags & SETFL_FLAGS);
	return ret;
}

static int open_eventfd(struct ckpt_skeleton *s, const struct ckpt_file *file, long *fd,
			struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(s, fd, err, "eventfd", SYS_eventfd2, 0,
				   EFD_CLOEXEC | EFD_NONBLOCK |
					   (file->event_semaphore ? EFD_SEMAPHORE : 0));

	if (!ret && file->event_count) { /* more than the 32 bits that eventfd2 takes */
		ret = ckpt_remote_put(&s->r, 0, &file->event_count, 8, err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "eventfd: write", SYS_write,
					       (uint64_t)*fd, s->r.scratch, 8);
	}
	return ret ? ret : dress(s, file, *fd, err);
}

static int open_file(struct ckpt_skeleton *s, const struct ckpt_file *file, long *fd,
		     struct ckpt_err *err)
{
	/* Never wait in open, and never take a terminal by it; O_NONBLOCK is put right later. */
	int flags = (int)(file->flags & OPEN_FLAGS) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	int ret;

	if (file->kind == CKPT_FILE_EVENTFD)
		return open_eventfd(s, file, fd, err);
	if (file->flags & O_PATH)
		flags = (int)(file->flags & (O_PATH | O_NOFOLLOW | O_DIRECTORY)) | O_CLOEXEC;
	ret = ckpt_skeleton_open(s, file->path, flags, fd, err);
	if (!ret)
		ret = check_opened(s, file, *fd, err);
	return ret ? ret : dress(s, file, *fd, err);
}

/* The lowest numbers that no descriptor of the tree has: new descriptors wait there, so that
 * placing one never closes another. */
static void find_parking(const struct ckpt_task *task, uint64_t park[2])
{
	size_t found = 0, i = 0;

	for (uint64_t nr = 0; found < 2; nr++) {
		while (i < task->fds.n && task->fds.v[i].fd < nr)
			i++;
		if (i == task->fds.n || task->fds.v[i].fd != nr)
			park[found++] = nr;
	}
}

static int move(struct ckpt_skeleton *s, long from, uint64_t to, struct ckpt_err *err)
{
	int ret;

	if (from == (long)to)
		return 0;
	ret = ckpt_skeleton_do(s, NULL, err, "dup3", SYS_dup3, (uint64_t)from, to, O_CLOEXEC);
	return ret ? ret : ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)from);
}

/* The descriptor goes to every number that refers to the file, and its own is closed. */
static int place(struct ckpt_skeleton *s, const struct ckpt_file *file, uint64_t fd,
		 struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->fds.n; i++) {
		const struct ckpt_fd *to = &s->task->fds.v[i];

		if (to->file != file->id)
			continue;
		ret = ckpt_skeleton_do(s, NULL, err, "dup3", SYS_dup3, fd, to->fd,
				       to->cloexec ? O_CLOEXEC : 0);
		if (ret)
			ckpt_err_about(err, "fds/%llu", (unsigned long long)to->fd);
	}
	return ret ? ret : ckpt_skeleton_do(s, NULL, err, "close", SYS_close, fd);
}

/* ---- pipes ---- */

static int fill_pipe(struct ckpt_skeleton *s, const struct ckpt_object *object, uint64_t fd,
		     struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(s, NULL, err, "F_SETPIPE_SZ", SYS_fcntl, fd, F_SETPIPE_SZ,
				   object->size);

	for (size_t i = 0; !ret && i < object->data.n; i++) {
		const struct ckpt_bytes *bytes = &object->data.v[i].bytes;

		for (size_t off = 0; !ret && off < bytes->n;) {
			size_t len = bytes->n - off;
			long wrote = 0;

			if (len > CKPT_SCRATCH_SIZE)
				len = CKPT_SCRATCH_SIZE;
			ret = ckpt_remote_put(&s->r, 0, bytes->v + off, len, err);
			if (!ret)
				ret = ckpt_skeleton_do(s, &wrote, err, "write", SYS_write, fd,
						       s->r.scratch, len);
			off += (size_t)wrote;
		}
	}
	return ret;
}

static bool has_packets(const struct ckpt_task *task, const struct ckpt_object *object)
{
	for (size_t i = 0; i < task->files.n; i++)
		if (task->files.v[i].object == object->id && task->files.v[i].flags & O_DIRECT)
			return true;
	return false;
}

/* Another description of an end that is there: opened through /proc, as the task did it. */
static int open_end(struct ckpt_skeleton *s, const struct ckpt_file *file, uint64_t end,
		    struct ckpt_err *err)
{
	char path[40];
	long fd;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%llu", (unsigned long long)end);
	ret = ckpt_skeleton_open(s, path, (int)(file->flags & OPEN_FLAGS) | O_NONBLOCK | O_CLOEXEC,
				 &fd, err);
	if (!ret)
		ret = dress(s, file, fd, err);
	return ret ? ret : place(s, file, (uint64_t)fd, err);
}

static int new_pipe(struct ckpt_skeleton *s, const struct ckpt_object *object, int ends[2],
		    struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(
		s, NULL, err, "pipe2", SYS_pipe2, s->r.scratch,
		(uint64_t)(O_CLOEXEC | O_NONBLOCK | (has_packets(s->task, object) ? O_DIRECT : 0)));

	return ret ? ret : ckpt_remote_get(&s->r, 0, ends, 2 * sizeof(*ends), err);
}

/* All descriptions of one pipe at once; park[0] reads, park[1] writes. */
static int restore_pipe(struct ckpt_skeleton *s, const struct ckpt_object *object,
			const uint64_t park[2], struct ckpt_err *err)
{
	const struct ckpt_file *first[2] = {NULL, NULL};
	int ends[2], ret = new_pipe(s, object, ends, err);

	/* The higher one first: the kernel gave the lowest free numbers in order, so ends[0] is
	 * never park[1], but ends[1] may well be park[0]. */
	for (int i = 1; !ret && i >= 0; i--)
		ret = move(s, ends[i], park[i], err);
	if (!ret)
		ret = fill_pipe(s, object, park[1], err);
	for (size_t i = 0; !ret && i < s->task->files.n; i++) {
		const struct ckpt_file *file = &s->task->files.v[i];
		int end = (file->flags & O_ACCMODE) != O_RDONLY;

		if (file->object != object->id)
			continue;
		if (first[end] || (file->flags & O_ACCMODE) == O_RDWR)
			ret = open_end(s, file, park[end], err);
		else
			first[end] = file;
	}
	for (int end = 0; !ret && end < 2; end++) {
		if (first[end])
			ret = dress(s, first[end], (long)park[end], err);
		if (!ret)
			ret = first[end] ? place(s, first[end], park[end], err)
					 : ckpt_skeleton_do(s, NULL, err, "close", SYS_close,
							    park[end]);
	}
	return ret;
}

/* Last of all: closing any descriptor of a file drops the process's POSIX locks on it
 * (fcntl(2), "Record locking"). */
static int restore_locks(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->fds.n; i++) {
		const struct ckpt_fd *fd = &s->task->fds.v[i];
		size_t f = 0;

		while (s->task->files.v[f].id != fd->file)
			f++;
		for (size_t j = 0; !ret && j < s->task->files.v[f].lock.n; j++)
			ret = set_lock(s, &s->task->files.v[f], &s->task->files.v[f].lock.v[j],
				       (long)fd->fd, err);
	}
	return ret;
}

/* Descriptors may be above the soft limit that holds later: as many as the hard one allows. */
static int raise_nofile(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct rlimit limit = {0};
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
	uint64_t park[2];
	int ret = raise_nofile(s, err);

	find_parking(s->task, park);
	for (size_t i = 0; !ret && i < s->task->objects.n; i++) {
		if (s->task->objects.v[i].kind != CKPT_OBJECT_PIPE)
			continue;
		ret = restore_pipe(s, &s->task->objects.v[i], park, err);
		if (ret)
			ckpt_err_about(err, "objects/%llu",
				       (unsigned long long)s->task->objects.v[i].id);
	}
	for (size_t i = 0; !ret && i < s->task->files.n; i++) {
		const struct ckpt_file *file = &s->task->files.v[i];
		long fd;

		if (file->kind == CKPT_FILE_PIPE)
			continue;
		ret = open_file(s, file, &fd, err);
		if (!ret)
			ret = move(s, fd, park[0], err);
		if (!ret)
			ret = place(s, file, park[0], err);
		if (ret)
			ckpt_err_about(err, "files/%llu", (unsigned long long)file->id);
	}
	return ret ? ret : restore_locks(s, err);
}

/* ---- a live task: beside what it has open ---- */

int ckpt_restore_open(struct ckpt_skeleton *s, const struct ckpt_file *file, long *fd,
		      struct ckpt_err *err)
{
	return open_file(s, file, fd, err);
}

int ckpt_restore_new_pipe(struct ckpt_skeleton *s, const struct ckpt_object *object, int ends[2],
			  struct ckpt_err *err)
{
	int ret = new_pipe(s, object, ends, err);

	return ret ? ret : fill_pipe(s, object, (uint64_t)ends[1], err);
}

int ckpt_restore_dress(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
		       struct ckpt_err *err)
{
	return dress(s, file, fd, err);
}

bool ckpt_task_writes(const struct ckpt_task *task, const char *path)
{
	return task_writes(task, path);
}
