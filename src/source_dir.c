// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tree in a directory, opened with the authority of the user who named it and with no more.
 *
 * Every open is done under his identity and beneath the directory, without following any link:
 * he must not reach through us what he could not open himself. Devices, FIFOs and sockets are
 * never read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cred.h"
#include "log.h"
#include "source.h"

#define CACHE	  4   /* files kept open; readers go through a tree one file at a time */
#define MAX_DEPTH 128 /* directories below each other: 64 generations of children/ */

struct cached {
	char *path; /* NULL: free */
	int fd;
	uint64_t used; /* of the clock, for the least recently used one */
};

struct source_dir {
	struct ckpt_source src; /* first: a struct ckpt_source * points here */
	struct ckpt_cred who;	/* a copy, without its strings */
	int root;
	char *name;
	pthread_mutex_t lock; /* for cache and clock */
	struct cached cache[CACHE];
	uint64_t clock;
};

static struct source_dir *of(struct ckpt_source *src)
{
	return (struct source_dir *)src;
}

/* Opens as who; a descriptor or a negative errno. */
static int open_as(const struct ckpt_cred *who, int dir, const char *path, uint64_t flags,
		   uint64_t resolve, struct ckpt_err *err)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd = ckpt_cred_assume(who, err);

	if (fd < 0)
		return fd;
	fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	ckpt_cred_revert();
	return fd;
}

static int open_beneath(struct source_dir *d, const char *path, uint64_t flags)
{
	return open_as(&d->who, d->root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, NULL);
}

/* Opens a regular file. What is none is -ENOENT here; each() names it. */
static int open_file(struct source_dir *d, const char *path)
{
	struct stat st;
	int fd = open_beneath(d, path, O_RDONLY);

	/* A link, a path out of the tree, a socket, a device without driver. */
	if (fd == -ELOOP || fd == -EXDEV || fd == -ENXIO || fd == -ENODEV || fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -ENOENT;
}

/* The descriptor of path, from the cache or opened; it belongs to the cache. Under lock. */
static int get_file(struct source_dir *d, const char *path)
{
	struct cached *oldest = &d->cache[0];
	char *name;
	int fd;

	for (size_t i = 0; i < CACHE; i++) {
		struct cached *c = &d->cache[i];

		if (c->path && !strcmp(c->path, path)) {
			c->used = ++d->clock;
			return c->fd;
		}
		if (c->used < oldest->used)
			oldest = c;
	}
	fd = open_file(d, path);
	if (fd < 0)
		return fd;
	name = strdup(path);
	if (!name) {
		close(fd);
		return -ENOMEM;
	}
	if (oldest->path) {
		close(oldest->fd);
		free(oldest->path);
	}
	*oldest = (struct cached){name, fd, ++d->clock};
	return fd;
}

static int dir_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	struct source_dir *d = of(src);
	struct stat st;
	int fd, ret = 0;

	pthread_mutex_lock(&d->lock);
	fd = get_file(d, path);
	if (fd < 0)
		ret = fd;
	else if (fstat(fd, &st) < 0)
		ret = -errno;
	else
		*size = st.st_size;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static ssize_t read_fully(int fd, char *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, buf + done, len - done, off + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += got;
	}
	return done;
}

static ssize_t dir_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
			uint64_t off)
{
	struct source_dir *d = of(src);
	ssize_t ret;

	pthread_mutex_lock(&d->lock);
	ret = get_file(d, path);
	if (ret >= 0)
		ret = read_fully(ret, buf, len, off);
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static void dir_drop(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len)
{
	/* It is somebody's backup: nothing goes. */
	(void)src, (void)path, (void)off, (void)len;
}

/* ---- each ---- */

struct walk {
	struct source_dir *d;
	int (*fn)(const char *path, void *arg);
	void *arg;
	char path[PATH_MAX]; /* of the entry at hand, from the root; "" is the root itself */
};

static int walk_dir(struct walk *w, size_t len, int depth);

static int refuse(struct walk *w, const char *why)
{
	ckpt_log("%s/%s: %s", w->d->name, w->path, why);
	return -EINVAL;
}

/* Appends name to the path of length len; the new length, or a negative errno. */
static ssize_t descend(struct walk *w, size_t len, const char *name)
{
	int n = snprintf(w->path + len, sizeof(w->path) - len, "%s%s", len ? "/" : "", name);

	return len + n < sizeof(w->path) ? (ssize_t)(len + n) : -ENAMETOOLONG;
}

static int walk_entry(struct walk *w, int fd, const char *name, size_t len, int depth)
{
	ssize_t n = descend(w, len, name);
	struct stat st;

	if (n < 0)
		return n;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return w->fn(w->path, w->arg);
	if (S_ISDIR(st.st_mode))
		return walk_dir(w, n, depth + 1);
	return refuse(w, "neither a regular file nor a directory: no part of a checkpoint");
}

static int walk_dir(struct walk *w, size_t len, int depth)
{
	struct dirent *entry;
	DIR *dir;
	int fd, ret = 0;

	if (depth > MAX_DEPTH)
		return refuse(w, "too many directories below each other");
	fd = open_beneath(w->d, len ? w->path : ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0) {
		ckpt_log("%s/%s: can't open it: %s", w->d->name, w->path, strerror(-fd));
		return fd;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (ret == 0 && (errno = 0, entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		ret = walk_entry(w, fd, entry->d_name, len, depth);
		w->path[len] = '\0';
	}
	if (ret == 0 && !entry)
		ret = -errno;
	closedir(dir);
	return ret;
}

static int dir_each(struct ckpt_source *src, int (*fn)(const char *path, void *arg), void *arg)
{
	struct walk w = {.d = of(src), .fn = fn, .arg = arg};

	return walk_dir(&w, 0, 0);
}

static const struct ckpt_source_ops dir_ops = {
	.size = dir_size,
	.read = dir_read,
	.drop = dir_drop,
	.each = dir_each,
};

/* ---- open and close ---- */

/* The caller's identity, to last as long as the source. */
static int copy_cred(const struct ckpt_cred *who, struct ckpt_cred *out)
{
	*out = *who;
	out->cgroup = out->label = NULL;
	out->groups = malloc((who->ngroups + 1) * sizeof(*who->groups));
	if (!out->groups)
		return -ENOMEM;
	if (who->ngroups)
		memcpy(out->groups, who->groups, who->ngroups * sizeof(*who->groups));
	return 0;
}

int ckpt_source_dir_open(const char *path, const struct ckpt_cred *who, struct ckpt_source **out,
			 struct ckpt_err *err)
{
	struct source_dir *d;
	struct ckpt_err why = {0};
	int ret;

	if (path[0] != '/')
		return ckpt_fail(err, EINVAL,
				 "'%s' is not an absolute path; use "
				 "ln -s \"$PWD/...\"",
				 path);
	d = calloc(1, sizeof(*d));
	if (!d)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", path);
	d->src.ops = &dir_ops;
	d->root = -1;
	pthread_mutex_init(&d->lock, NULL);
	d->name = strdup(path);
	ret = d->name ? copy_cred(who, &d->who) : -ENOMEM;
	/* Links on the way are his business, but magic ones (/proc/self/fd/3) would be ours. */
	if (ret == 0)
		ret = d->root = open_as(&d->who, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &why);
	if (ret >= 0) {
		*out = &d->src;
		return 0;
	}
	ckpt_source_dir_close(&d->src);
	return ckpt_fail(err, -ret, "can't open %s as uid %u: %s", path, who->fsuid,
			 why.code ? why.text : strerror(-ret));
}

void ckpt_source_dir_close(struct ckpt_source *src)
{
	struct source_dir *d;

	if (!src)
		return;
	d = of(src);
	for (size_t i = 0; i < CACHE; i++) {
		if (d->cache[i].path)
			close(d->cache[i].fd);
		free(d->cache[i].path);
	}
	if (d->root >= 0)
		close(d->root);
	pthread_mutex_destroy(&d->lock);
	free(d->who.groups);
	free(d->name);
	free(d);
}
