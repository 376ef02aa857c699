// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors of a change in place. An open file that both states have stays the one it is, with
 * whatever the task shares of it; the others are opened beforehand, under numbers that neither
 * state uses, and put in place by the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "apply_int.h"
#include "fd_nodes.h"

#define SETFL_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_ASYNC) /* fcntl(2) */

static int refuse(struct ckpt_apply *a, uint64_t id, const char *why)
{
	return ckpt_fail(a->err, ENOTSUP, "files/%llu: %s", (unsigned long long)id, why);
}

/* ---- which stays ---- */

static const struct ckpt_fd *fd_of(const struct ckpt_task *task, uint64_t nr)
{
	for (size_t i = 0; i < task->fds.n; i++)
		if (task->fds.v[i].fd == nr)
			return &task->fds.v[i];
	return NULL;
}

static const struct ckpt_file *file_of(const struct ckpt_task *task, uint64_t id)
{
	for (size_t i = 0; i < task->files.n; i++)
		if (task->files.v[i].id == id)
			return &task->files.v[i];
	return NULL;
}

static const struct ckpt_object *object_of(const struct ckpt_task *task, uint64_t id)
{
	for (size_t i = 0; i < task->objects.n; i++)
		if (task->objects.v[i].id == id)
			return &task->objects.v[i];
	return NULL;
}

/* What may differ of one open file: its state is changed, or it is compared otherwise. */
static int other_key(const char *key, void *arg)
{
	static const char *const known[] = {"offset", "flags", "size", "object", "owner", "lock"};

	(void)arg;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(key, known[i]))
			return 0;
	return 1;
}

static bool same_file(const struct ckpt_apply *a, const struct ckpt_file *old,
		      const struct ckpt_file *want)
{
	if (ckpt_codec_diff(&ckpt_file_codec, old, want, other_key, NULL) ||
	    (old->flags ^ want->flags) & ~(uint64_t)SETFL_FLAGS)
		return false;
	if (!old->object != !want->object)
		return false;
	return !old->object ||
	       !ckpt_codec_differs(&ckpt_object_codec, object_of(a->old, old->object),
				   object_of(a->want, want->object), NULL);
}

static bool taken(const struct ckpt_apply *a, const struct ckpt_file *old)
{
	for (size_t i = 0; i < a->fds.n; i++)
		if (a->fds.v[i].old == old)
			return true;
	return false;
}

/* By a number at which both states have it; a file that only moved is opened again. */
static void find_old(const struct ckpt_apply *a, struct ckpt_source_fd *fd)
{
	for (size_t i = 0; i < a->want->fds.n; i++) {
		const struct ckpt_fd *there;
		const struct ckpt_file *old;

		if (a->want->fds.v[i].file != fd->want->id)
			continue;
		there = fd_of(a->old, a->want->fds.v[i].fd);
		old = there ? file_of(a->old, there->file) : NULL;
		if (!old || taken(a, old) || !same_file(a, old, fd->want))
			continue;
		fd->old = old;
		fd->at = there->fd;
		return;
	}
}

/* A pipe stays with all its ends, or not at all. */
static void split_pipes(struct ckpt_apply *a)
{
	for (size_t i = 0; i < a->fds.n; i++)
		for (size_t k = 0; k < a->fds.n; k++) {
			struct ckpt_source_fd *x = &a->fds.v[i], *y = &a->fds.v[k];
			bool same = x->want->object == y->want->object;

			if (x->want->kind != CKPT_FILE_PIPE || y->want->kind != CKPT_FILE_PIPE)
				continue;
			if (x->old && (same ? !y->old || y->old->object != x->old->object
					    : y->old && y->old->object == x->old->object)) {
				x->old = NULL;
				i = (size_t)-1; /* from the start: it may part others */
				break;
			}
		}
}

/* ---- what can't be done ---- */

static bool lock_differs(const struct ckpt_file *old, const struct ckpt_file *want)
{
	return old ? ckpt_codec_differs(&ckpt_file_codec, old, want, "lock") : want->lock.n > 0;
}

/* Closing any descriptor of a file drops the process's record locks on it (fcntl(2)); whoever
 * waits for one would have it before it is taken again. */
static int check_locks(struct ckpt_apply *a, const struct ckpt_fd *fd)
{
	const struct ckpt_file *closed = file_of(a->old, fd->file);

	for (size_t i = 0; i < a->old->files.n; i++) {
		const struct ckpt_file *file = &a->old->files.v[i];

		if (file->path && closed->path && !strcmp(file->path, closed->path) &&
		    file->lock.n && file->lock.v[0].kind == CKPT_LOCK_POSIX)
			return ckpt_fail(a->err, ENOTSUP,
					 "fds/%llu: closing it would drop the task's locks on %s",
					 (unsigned long long)fd->fd, closed->path);
	}
	return 0;
}

static const struct ckpt_source_fd *source_of(const struct ckpt_apply *a, uint64_t file)
{
	for (size_t i = 0; i < a->fds.n; i++)
		if (a->fds.v[i].want->id == file)
			return &a->fds.v[i];
	return NULL;
}

static bool stays(const struct ckpt_apply *a, const struct ckpt_fd *old)
{
	const struct ckpt_fd *want = fd_of(a->want, old->fd);
	const struct ckpt_source_fd *src = want ? source_of(a, want->file) : NULL;

	return src && src->old && src->old->id == old->file;
}

/* As a restore would judge the file behind a description that stays. */
static int check_stat(struct ckpt_apply *a, const struct ckpt_source_fd *fd)
{
	const struct ckpt_file *want = fd->want;
	char path[64];
	struct stat st;

	if (want->kind != CKPT_FILE_REG || !want->has_size ||
	    !ckpt_codec_differs(&ckpt_file_codec, fd->old, want, NULL))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/fd/%llu", a->s.pid, (unsigned long long)fd->at);
	if (stat(path, &st))
		return ckpt_fail_sys(a->err, "files/%llu: %s", (unsigned long long)want->id, path);
	if ((uint64_t)st.st_size < want->size)
		return ckpt_fail(
			a->err, EBUSY,
			"files/%llu: %s: file changed: %lld bytes now, %llu at the freeze: "
			"data the task had written is gone",
			(unsigned long long)want->id, want->path, (long long)st.st_size,
			(unsigned long long)want->size);
	if (!ckpt_task_writes(a->want, want->path) && !ckpt_task_writes(a->old, want->path) &&
	    ((uint64_t)st.st_size != want->size ||
	     st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec != want->mtime))
		return ckpt_fail(a->err, EBUSY,
				 "files/%llu: %s: file changed: it was written since the freeze",
				 (unsigned long long)want->id, want->path);
	return 0;
}

static int check_file(struct ckpt_apply *a, const struct ckpt_source_fd *fd)
{
	const struct ckpt_file *want = fd->want;

	if (want->object && want->kind != CKPT_FILE_PIPE)
		return refuse(a, want->id, "a file without a name can't be changed in place");
	if (lock_differs(fd->old, want))
		return refuse(a, want->id, "lock: can't be taken or left in place");
	if (fd->old)
		return check_stat(a, fd);
	if (want->kind > CKPT_FILE_EVENTFD)
		return refuse(a, want->id, "can't be opened again in place");
	if (want->kind == CKPT_FILE_PIPE && (want->flags & O_ACCMODE) == O_RDWR)
		return refuse(a, want->id, "a pipe opened for both can't be made in place");
	for (size_t i = 0; want->kind == CKPT_FILE_PIPE && i < a->fds.n; i++)
		if (&a->fds.v[i] != fd && a->fds.v[i].want->object == want->object &&
		    !((a->fds.v[i].want->flags ^ want->flags) & O_ACCMODE))
			return refuse(a, want->id,
				      "an end of a pipe opened twice can't be made in "
				      "place");
	return 0;
}

int ckpt_apply_files_check(struct ckpt_apply *a)
{
	uint64_t limit = 0;
	int ret = 0;

	for (size_t i = 0; i < a->want->files.n; i++) {
		struct ckpt_source_fd *fd = CKPT_VEC_ADD(&a->fds);

		if (!fd)
			return ckpt_fail(a->err, ENOMEM, "no memory for descriptors");
		fd->want = &a->want->files.v[i];
		find_old(a, fd);
	}
	split_pipes(a);
	for (size_t i = 0; !ret && i < a->fds.n; i++)
		ret = check_file(a, &a->fds.v[i]);
	for (size_t i = 0; !ret && i < a->old->fds.n; i++)
		if (!stays(a, &a->old->fds.v[i]))
			ret = check_locks(a, &a->old->fds.v[i]);
	for (size_t i = 0; i < a->want->limits.limit.n; i++)
		if (a->want->limits.limit.v[i].resource == RLIMIT_NOFILE)
			limit = a->want->limits.limit.v[i].soft;
	for (size_t i = 0; i < a->old->limits.limit.n; i++)
		if (a->old->limits.limit.v[i].resource == RLIMIT_NOFILE &&
		    a->old->limits.limit.v[i].soft > limit)
			limit = a->old->limits.limit.v[i].soft;
	for (size_t i = 0; !ret && i < a->want->fds.n; i++)
		if (a->want->fds.v[i].fd >= limit && !fd_of(a->old, a->want->fds.v[i].fd))
			ret = ckpt_fail(a->err, ENOTSUP,
					"fds/%llu: is above the limit of descriptors (%llu)",
					(unsigned long long)a->want->fds.v[i].fd,
					(unsigned long long)limit);
	return ret;
}

/* ---- numbers of ours ---- */

static bool is_ours(const struct ckpt_apply *a, uint64_t nr)
{
	for (size_t i = 0; i < a->undo.n; i++)
		if (a->undo.v[i].nr == SYS_close && a->undo.v[i].arg[0] == nr)
			return true;
	return false;
}

int ckpt_apply_park(struct ckpt_apply *a, long *fd)
{
	long from = *fd;
	uint64_t to = 0;
	int ret;

	if (!fd_of(a->want, (uint64_t)from))
		return 0;
	while (fd_of(a->want, to) || fd_of(a->old, to) || is_ours(a, to))
		to++;
	ret = ckpt_apply_undo(a, SYS_close, to, 0);
	if (!ret)
		ret = ckpt_skeleton_do(&a->s, NULL, a->err, "dup3", SYS_dup3, (uint64_t)from, to,
				       O_CLOEXEC);
	*fd = (long)to;
	return ret ? ret
		   : ckpt_skeleton_do(&a->s, NULL, a->err, "close", SYS_close, (uint64_t)from);
}

void ckpt_apply_unpark(struct ckpt_apply *a, long fd)
{
	ckpt_step(a, "close", 0, SYS_close, (uint64_t)fd);
}

/* ---- bringing in ---- */

static int open_new(struct ckpt_apply *a, struct ckpt_source_fd *fd)
{
	long nr;
	int ret = ckpt_restore_open(&a->s, fd->want, &nr, a->err);

	if (!ret)
		ret = ckpt_apply_park(a, &nr);
	fd->at = (uint64_t)nr;
	fd->parked = true;
	return ret;
}

static int open_pipe(struct ckpt_apply *a, const struct ckpt_object *object)
{
	struct ckpt_source_fd *need[2] = {NULL, NULL};
	int ends[2], ret;

	for (size_t i = 0; i < a->fds.n; i++)
		if (!a->fds.v[i].old && a->fds.v[i].want->object == object->id)
			need[(a->fds.v[i].want->flags & O_ACCMODE) != O_RDONLY] = &a->fds.v[i];
	if (!need[0] && !need[1])
		return 0;
	ret = ckpt_restore_new_pipe(&a->s, object, ends, a->err);
	for (int end = 0; !ret && end < 2; end++) {
		long nr = ends[end];

		if (need[end])
			ret = ckpt_restore_dress(&a->s, need[end]->want, nr, a->err);
		if (!ret)
			ret = ckpt_apply_park(a, &nr);
		if (need[end]) {
			need[end]->at = (uint64_t)nr;
			need[end]->parked = true;
		} else if (!ret) {
			ckpt_apply_unpark(a, nr); /* an end that nobody has any more */
		}
	}
	return ret;
}

/* One that stays and is wanted at more numbers: from a number that the program does not change. */
static int dup_old(struct ckpt_apply *a, struct ckpt_source_fd *fd)
{
	bool moves = false;
	long nr;
	int ret;

	for (size_t i = 0; i < a->want->fds.n; i++) {
		const struct ckpt_fd *old = fd_of(a->old, a->want->fds.v[i].fd);

		if (a->want->fds.v[i].file == fd->want->id && (!old || old->file != fd->old->id))
			moves = true;
	}
	if (!moves)
		return 0;
	ret = ckpt_skeleton_do(&a->s, &nr, a->err, "dup", SYS_fcntl, fd->at, F_DUPFD_CLOEXEC, 0);
	if (!ret)
		ret = ckpt_apply_park(a, &nr);
	fd->at = (uint64_t)nr;
	fd->parked = true;
	return ret;
}

/* ---- steps ---- */

static void plan_state(struct ckpt_apply *a, const struct ckpt_source_fd *fd)
{
	const struct ckpt_file *old = fd->old, *want = fd->want;

	if (!old)
		return;
	if (old->offset != want->offset)
		ckpt_step(a, "files: offset", 0, SYS_lseek, fd->at, (uint64_t)want->offset,
			  SEEK_SET);
	if (ckpt_codec_differs(&ckpt_file_codec, old, want, "owner")) {
		struct f_owner_ex owner = {(int)want->owner_type, want->owner_pid};

		ckpt_step(a, "files: owner", 0, SYS_fcntl, fd->at, F_SETOWN_EX,
			  ckpt_apply_data(a, &owner, sizeof(owner)));
		ckpt_step(a, "files: owner", 0, SYS_fcntl, fd->at, F_SETSIG, want->owner_sig);
	}
	if (old->flags != want->flags)
		ckpt_step(a, "files: flags", 0, SYS_fcntl, fd->at, F_SETFL,
			  want->flags & SETFL_FLAGS);
}

static void plan_number(struct ckpt_apply *a, const struct ckpt_fd *want)
{
	const struct ckpt_fd *old = fd_of(a->old, want->fd);
	const struct ckpt_source_fd *src = source_of(a, want->file);

	if (old && stays(a, old)) {
		if (old->cloexec != want->cloexec)
			ckpt_step(a, "fds: cloexec", 0, SYS_fcntl, want->fd, F_SETFD,
				  want->cloexec ? FD_CLOEXEC : 0);
		return;
	}
	ckpt_step(a, "fds: dup3", 0, SYS_dup3, src->at, want->fd, want->cloexec ? O_CLOEXEC : 0);
}

int ckpt_apply_files(struct ckpt_apply *a)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < a->want->objects.n; i++)
		if (a->want->objects.v[i].kind == CKPT_OBJECT_PIPE)
			ret = open_pipe(a, &a->want->objects.v[i]);
	for (size_t i = 0; !ret && i < a->fds.n; i++) {
		struct ckpt_source_fd *fd = &a->fds.v[i];

		if (fd->old)
			ret = dup_old(a, fd);
		else if (fd->want->kind != CKPT_FILE_PIPE)
			ret = open_new(a, fd);
		if (ret)
			return ckpt_err_about(a->err, "files/%llu",
					      (unsigned long long)fd->want->id);
	}
	if (ret)
		return ret;
	for (size_t i = 0; i < a->fds.n; i++)
		plan_state(a, &a->fds.v[i]);
	for (size_t i = 0; i < a->want->fds.n; i++)
		plan_number(a, &a->want->fds.v[i]);
	for (size_t i = 0; i < a->old->fds.n; i++)
		if (!fd_of(a->want, a->old->fds.v[i].fd))
			ckpt_step(a, "fds: close", 0, SYS_close, a->old->fds.v[i].fd);
	for (size_t i = 0; i < a->fds.n; i++)
		if (a->fds.v[i].parked)
			ckpt_apply_unpark(a, (long)a->fds.v[i].at);
	return 0;
}
