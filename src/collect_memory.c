// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pages of each VMA are dumped, shared memory objects, and what mapped files look like.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "collect.h"
#include "pages.h"
#include "proc.h"
#include "vma_nodes.h"

static int open_map_file(const struct ckpt_collect *c, const struct ckpt_vma *vma)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", c->cap->pid,
		 (unsigned long long)vma->start, (unsigned long long)vma->end);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Size and time of the mapped file, and whether its name still leads to it. Without the privilege
 * to look behind map_files the name is all there is. */
static void collect_file(struct ckpt_collect *c, struct ckpt_vma *vma)
{
	const char *lost = NULL;
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", c->cap->pid,
		 (unsigned long long)vma->start, (unsigned long long)vma->end);
	if (!stat(path, &st))
		lost = ckpt_path_lost(vma->fname, &st);
	else if (stat(vma->fname, &st))
		lost = strerror(errno);
	if (lost) {
		ckpt_obstacle_add(&c->obstacles, "vma %llx-%llx: %s: %s",
				  (unsigned long long)vma->start, (unsigned long long)vma->end,
				  vma->fname, lost);
		return;
	}
	if (!S_ISREG(st.st_mode))
		return;
	vma->fsize = (uint64_t)st.st_size;
	vma->fmtime = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
}

/* The page our stub was in has its old bytes again, but is now a private copy: leave it out if
 * the file has the same bytes. */
static void forget_slack(struct ckpt_collect *c, struct ckpt_vma *vma)
{
	uint8_t mine[CKPT_PAGE_SIZE], theirs[CKPT_PAGE_SIZE];
	uint64_t page = c->slack & ~(CKPT_PAGE_SIZE - 1);
	int fd;

	if (!c->slack || page < vma->start || page >= vma->end || vma->how != CKPT_VMA_FILE)
		return;
	fd = open_map_file(c, vma);
	if (fd < 0)
		fd = open(vma->fname, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return;
	memset(theirs, 0, sizeof(theirs)); /* past the end of the file a page is zero */
	if (pread(fd, theirs, sizeof(theirs), (off_t)(vma->pgoff + page - vma->start)) > 0 &&
	    pread(c->mem_fd, mine, sizeof(mine), (off_t)page) == (ssize_t)sizeof(mine) &&
	    !memcmp(mine, theirs, sizeof(mine)))
		ckpt_pages_remove(&vma->pages, page);
	close(fd);
}

/* ---- shared anonymous memory ---- */

struct shm_seen {
	dev_t dev;
	ino_t ino;
	uint64_t id;
};

/* Another process that maps the same memory could still write it, and would lose it at restore. */
static pid_t shared_with(const struct ckpt_collect *c, dev_t dev, ino_t ino)
{
	char needle[64], path[64], *line = NULL;
	struct dirent *d;
	pid_t found = 0;
	size_t cap = 0;
	DIR *proc = opendir("/proc");

	/* maps shows "MAJOR:MINOR INODE" of the tmpfs that backs it */
	snprintf(needle, sizeof(needle), " %02x:%02x %lu ", (unsigned int)(dev >> 8 & 0xfff),
		 (unsigned int)((dev & 0xff) | (dev >> 12 & 0xfff00)), (unsigned long)ino);
	while (proc && !found && (d = readdir(proc))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
		FILE *f;

		if (pid <= 0 || pid == c->cap->pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/maps", pid);
		f = fopen(path, "re");
		while (f && !found && getline(&line, &cap, f) > 0)
			if (strstr(line, needle))
				found = pid;
		if (f)
			fclose(f);
	}
	free(line);
	if (proc)
		closedir(proc);
	return found;
}

static int add_object(struct ckpt_collect *c, int fd, const struct stat *st, struct ckpt_err *err)
{
	struct ckpt_object *object = CKPT_VEC_ADD(&c->task->objects);

	if (!object)
		return ckpt_fail(err, ENOMEM, "no memory for objects");
	object->id = c->task->objects.n;
	object->kind = CKPT_OBJECT_SHM;
	object->size = ((uint64_t)st->st_size + CKPT_PAGE_SIZE - 1) & ~(CKPT_PAGE_SIZE - 1);
	return ckpt_pages_select_fd(fd, object->size, &object->pages, err);
}

static int collect_shm(struct ckpt_collect *c, struct ckpt_vma *vma, void *seen_vec,
		       struct ckpt_err *err)
{
	CKPT_VEC(struct shm_seen) *seen = seen_vec;
	struct shm_seen *mark;
	struct stat st;
	int fd = open_map_file(c, vma), *keep;
	pid_t other;

	vma->has_object = true;
	if (fd < 0 || fstat(fd, &st)) {
		ckpt_obstacle_add(&c->obstacles, "vma %llx-%llx: shared memory can't be opened: %s",
				  (unsigned long long)vma->start, (unsigned long long)vma->end,
				  strerror(errno));
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (size_t i = 0; i < seen->n; i++) {
		if (seen->v[i].dev == st.st_dev && seen->v[i].ino == st.st_ino) {
			vma->object = seen->v[i].id;
			close(fd);
			return 0;
		}
	}
	other = shared_with(c, st.st_dev, st.st_ino);
	if (other)
		ckpt_obstacle_add(
			&c->obstacles, "vma %llx-%llx: shared memory that process %d maps too",
			(unsigned long long)vma->start, (unsigned long long)vma->end, other);
	mark = CKPT_VEC_ADD(seen);
	keep = CKPT_VEC_ADD(&c->object_fds);
	if (!mark || !keep) {
		close(fd);
		return ckpt_fail(err, ENOMEM, "no memory for objects");
	}
	vma->object = c->task->objects.n + 1;
	*mark = (struct shm_seen){st.st_dev, st.st_ino, vma->object};
	*keep = fd;
	if (vma->pgoff + (vma->end - vma->start) > (uint64_t)st.st_size)
		ckpt_obstacle_add(&c->obstacles,
				  "vma %llx-%llx: shared memory that was mapped beyond its end",
				  (unsigned long long)vma->start, (unsigned long long)vma->end);
	return add_object(c, fd, &st, err);
}

int ckpt_collect_memory(struct ckpt_collect *c, struct ckpt_err *err)
{
	CKPT_VEC(struct shm_seen) seen = {0};
	struct ckpt_pagemap pm;
	int ret = ckpt_pagemap_open(c->cap->pid, &pm, err);

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < c->task->objects.n; i++) {
		int *none = CKPT_VEC_ADD(&c->object_fds); /* pipes, of fds.c */

		if (none)
			*none = -1;
		else
			ret = ckpt_fail(err, ENOMEM, "no memory for objects");
	}
	for (size_t i = 0; !ret && i < c->task->vmas.n; i++) {
		struct ckpt_vma *vma = &c->task->vmas.v[i];

		if (vma->how == CKPT_VMA_FILE)
			collect_file(c, vma);
		if (vma->how == CKPT_VMA_SHM)
			ret = collect_shm(c, vma, &seen, err);
		else if (!vma->shared && vma->how <= CKPT_VMA_FILE)
			ret = ckpt_pages_select(&pm, vma->start, vma->end, &vma->pages, err);
		if (!ret)
			forget_slack(c, vma);
	}
	ckpt_pagemap_close(&pm);
	CKPT_VEC_FINI(&seen);
	c->task->mm.map_count = (uint32_t)c->task->vmas.n;
	return ret;
}
