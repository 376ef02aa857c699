// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the rows of `files/ID` (open file descriptions) and `fds/N` (descriptors).
 */
#include <errno.h>
#include <fcntl.h>
#include "fd_nodes.h"

/* clang-format off */
static const struct ckpt_word kind_words[] = {
	{"reg", CKPT_FILE_REG}, {"dir", CKPT_FILE_DIR}, {"path", CKPT_FILE_PATH},
	{"chr", CKPT_FILE_CHR}, {"tty", CKPT_FILE_TTY}, {"pipe", CKPT_FILE_PIPE},
	{"eventfd", CKPT_FILE_EVENTFD}, {NULL, 0},
};

/* Open flags as fcntl(F_GETFL) and fdinfo show them. rdonly is the absence of both; O_SYNC
 * contains O_DSYNC and comes first, O_TMPFILE contains O_DIRECTORY. */
static const struct ckpt_word flag_words[] = {
	{"wronly", O_WRONLY},	{"rdwr", O_RDWR},	    {"append", O_APPEND},
	{"nonblock", O_NONBLOCK}, {"sync", O_SYNC},	    {"dsync", O_DSYNC},
	{"async", O_ASYNC},	{"direct", O_DIRECT},	    {"largefile", CKPT_O_LARGEFILE},
	{"directory", O_DIRECTORY}, {"nofollow", O_NOFOLLOW}, {"noatime", O_NOATIME},
	{"path", O_PATH},	{NULL, 0},
};
static const struct ckpt_word lock_words[] = {
	{"posix", CKPT_LOCK_POSIX}, {"flock", CKPT_LOCK_FLOCK}, {"ofd", CKPT_LOCK_OFD}, {NULL, 0}};
static const struct ckpt_word lock_mode_words[] = {{"read", F_RDLCK}, {"write", F_WRLCK}, {NULL, 0}};
static const struct ckpt_word owner_words[] = {
	{"tid", F_OWNER_TID}, {"pid", F_OWNER_PID}, {"pgrp", F_OWNER_PGRP}, {NULL, 0}};

#define F struct ckpt_file
static const struct ckpt_row file_rows[] = {
	CKPT_ROWA(enum, F, kind, kind_words),
	CKPT_ROW(str, F, path),
	CKPT_ROW(dec, F, object),
	CKPT_ROWA(flags, F, flags, flag_words),
	CKPT_ROW(int, F, offset),
	{"size", CKPT_OPT, offsetof(F, has_size), 0, {CKPT_F(dec, F, size), CKPT_F(int, F, mtime)}},
	{"eventfd", CKPT_OPT, offsetof(F, has_event), 0,
	 {CKPT_F(dec, F, event_count), CKPT_F(dec, F, event_semaphore)}},
	{"owner", CKPT_OPT, offsetof(F, has_owner), 0,
	 {CKPT_FA(enum, F, owner_type, owner_words), CKPT_F(int, F, owner_pid),
	  CKPT_F(dec, F, owner_sig)}},
	{"lock", CKPT_MANY, offsetof(F, lock), sizeof(struct ckpt_lock),
	 {CKPT_FA(enum, struct ckpt_lock, kind, lock_words),
	  CKPT_FA(enum, struct ckpt_lock, mode, lock_mode_words),
	  CKPT_F(dec, struct ckpt_lock, start), CKPT_F(dec, struct ckpt_lock, end)}},
};
/* clang-format on */

static int file_check(const void *obj, struct ckpt_err *err)
{
	const F *file = obj;

	if ((file->kind == CKPT_FILE_PIPE) != (file->object != 0))
		return ckpt_fail(err, EINVAL, "object goes with kind pipe, and only with it");
	if ((file->kind == CKPT_FILE_EVENTFD) != file->has_event || file->event_semaphore > 1)
		return ckpt_fail(err, EINVAL,
				 "a line eventfd goes with kind eventfd, and only with it");
	if (file->kind < CKPT_FILE_PIPE && (!file->path || file->path[0] != '/'))
		return ckpt_fail(err, EINVAL, "path is not absolute");
	if (file->offset < 0)
		return ckpt_fail(err, EINVAL, "offset is negative");
	for (size_t i = 0; i < file->lock.n; i++)
		if (file->lock.v[i].start > file->lock.v[i].end)
			return ckpt_fail(err, EINVAL, "lock: it starts after its end");
	return 0;
}

const struct ckpt_codec ckpt_file_codec = {"files/ID", file_rows, CKPT_NROWS(file_rows),
					   file_check};

/* clang-format off */
static const struct ckpt_row fd_rows[] = {
	CKPT_ROW(dec, struct ckpt_fd, file),
	CKPT_ROW(dec, struct ckpt_fd, cloexec),
};
/* clang-format on */

static int fd_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_fd *fd = obj;

	if (fd->cloexec > 1)
		return ckpt_fail(err, EINVAL, "cloexec is 0 or 1");
	return 0;
}

const struct ckpt_codec ckpt_fd_codec = {"fds/N", fd_rows, CKPT_NROWS(fd_rows), fd_check};
