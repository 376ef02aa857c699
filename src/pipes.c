// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns reading pipes of a frozen process: tee(2) copies what is in one without taking it out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "pipes.h"
#include "proc.h"

int64_t ckpt_fdinfo_number(pid_t pid, int fd, const char *key, int base)
{
	size_t len = strlen(key), cap = 0;
	char path[64], *line = NULL;
	int64_t value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = ckpt_proc_fopen(path);
	while (f && value < 0 && ckpt_proc_getline(&line, &cap, f) > 0)
		if (!strncmp(line, key, len) && line[len] == ':')
			value = (int64_t)strtoull(line + len + 1, NULL, base);
	free(line);
	if (f)
		fclose(f);
	return value;
}

static bool holds(pid_t pid, const char *link, const char *key, int64_t id)
{
	char path[64], target[64];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = ckpt_proc_opendir(path);
	while (dir && !found && (d = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		found = !strcmp(target, link) &&
			(!key ||
			 ckpt_fdinfo_number(pid, (int)strtol(d->d_name, NULL, 10), key, 10) == id);
	}
	if (dir)
		closedir(dir);
	return found;
}

pid_t ckpt_fd_other_holder(pid_t pid, const char *link, const char *key, int64_t id)
{
	DIR *proc = ckpt_proc_opendir("/proc");
	struct dirent *d;
	pid_t found = 0;

	while (proc && !found && (d = readdir(proc))) {
		pid_t other = (pid_t)strtol(d->d_name, NULL, 10);

		if (other > 0 && other != pid && holds(other, link, key, id))
			found = other;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* One element for each read: a pipe of packets (O_DIRECT) gives them one by one, any other all
 * that fits. */
static int drain(int from, size_t len, struct ckpt_object *object)
{
	char *buf = malloc(len);
	int ret = buf ? 0 : -ENOMEM;

	for (size_t off = 0; !ret && off < len;) {
		ssize_t got = read(from, buf, len);
		struct ckpt_packet *packet = got > 0 ? CKPT_VEC_ADD(&object->data) : NULL;

		ret = got <= 0 ? -EIO : -ENOMEM;
		if (!packet)
			break;
		packet->bytes.v = malloc((size_t)got);
		if (!packet->bytes.v)
			break;
		memcpy(packet->bytes.v, buf, (size_t)got);
		packet->bytes.n = packet->bytes.cap = (size_t)got;
		off += (size_t)got;
		ret = 0;
	}
	free(buf);
	return ret;
}

static int copy_out(int from, int size, size_t len, struct ckpt_object *object)
{
	int copy[2], ret = 0;

	if (pipe2(copy, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	/* Referenced, not copied (tee(2)): borders of packets stay what they are. */
	if (fcntl(copy[1], F_SETPIPE_SZ, size) < 0)
		ret = -errno;
	else if (tee(from, copy[1], len, SPLICE_F_NONBLOCK) != (ssize_t)len)
		ret = -EIO;
	if (!ret)
		ret = drain(copy[0], len, object);
	close(copy[0]);
	close(copy[1]);
	return ret;
}

int ckpt_pipe_read(int pidfd, int fd, uint64_t flags, struct ckpt_object *object)
{
	int ours = syscall(SYS_pidfd_getfd, pidfd, fd, 0), len = 0, size, ret = 0;

	if (ours < 0)
		return -errno;
	size = fcntl(ours, F_GETPIPE_SZ);
	if (size < 0)
		ret = -errno;
	else
		object->size = (uint64_t)size;
	/* Only an end that reads can tell what is inside; without one nobody ever will. */
	if (!ret && (flags & O_ACCMODE) != O_WRONLY && !object->data.n) {
		if (ioctl(ours, FIONREAD, &len))
			ret = -errno;
		else if (len)
			ret = copy_out(ours, size, (size_t)len, object);
	}
	close(ours);
	return ret;
}
