// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects behind mappings, found by their inodes; and whether they are the task's alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "collect_objects.h"
#include "pages.h"
#include "proc.h"
#include "vma_nodes.h"

#define DELETED " (deleted)" /* fs/d_path.c, d_path() */
#define MEMFD	"/memfd:"    /* mm/memfd.c */

void ckpt_map_file_path(const struct ckpt_collect *c, const struct ckpt_vma *vma, char *path,
			size_t size)
{
	snprintf(path, size, "/proc/%d/map_files/%llx-%llx", c->cap->pid,
		 (unsigned long long)vma->start, (unsigned long long)vma->end);
}

int ckpt_map_file_open(const struct ckpt_collect *c, const struct ckpt_vma *vma)
{
	char path[96];

	ckpt_map_file_path(c, vma, path, sizeof(path));
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

void ckpt_object_obstacle(struct ckpt_collect *c, const struct ckpt_vma *vma, const char *name,
			  const char *why)
{
	ckpt_obstacle_add(&c->obstacles, "vma %llx-%llx: %s: %s", (unsigned long long)vma->start,
			  (unsigned long long)vma->end, name, why);
}

void ckpt_object_finder_fini(struct ckpt_object_finder *f)
{
	CKPT_VEC_FINI(&f->seen);
}

/* ---- who else has it ---- */

/* Calls fn for every process but the task and ourselves, until it says yes: that process. */
static pid_t find_process(const struct ckpt_collect *c, bool (*fn)(pid_t pid, const void *arg),
			  const void *arg)
{
	DIR *proc = ckpt_proc_opendir("/proc");
	struct dirent *d;
	pid_t found = 0;

	while (proc && !found && (d = readdir(proc))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (pid > 0 && pid != c->cap->pid && pid != getpid() && fn(pid, arg))
			found = pid;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* "MAJOR:MINOR INODE" as maps of the task has it: not always what stat(2) says (btrfs). */
static bool inode_words(const struct ckpt_collect *c, const struct ckpt_vma *vma, char *out,
			size_t size)
{
	char path[40], head[24], dev[24], ino[24], *line = NULL;
	bool found = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", c->cap->pid);
	snprintf(head, sizeof(head), "%08llx-", (unsigned long long)vma->start);
	f = ckpt_proc_fopen(path);
	while (f && !found && ckpt_proc_getline(&line, &cap, f) > 0)
		found = !strncmp(line, head, strlen(head)) &&
			sscanf(line, "%*s %*s %*s %23s %23s", dev, ino) == 2;
	if (found)
		snprintf(out, size, " %s %s ", dev, ino);
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool maps_it(pid_t pid, const void *words)
{
	char path[40], *line = NULL;
	bool found = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = ckpt_proc_fopen(path);
	while (f && !found && ckpt_proc_getline(&line, &cap, f) > 0)
		found = strstr(line, words);
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool holds_it(pid_t pid, const void *stat_)
{
	const struct stat *want = stat_;
	char path[40];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = ckpt_proc_opendir(path);
	while (dir && !found && (d = readdir(dir))) {
		struct stat st;

		found = d->d_name[0] != '.' && !fstatat(dirfd(dir), d->d_name, &st, 0) &&
			st.st_dev == want->st_dev && st.st_ino == want->st_ino;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Another process could still write the memory, and would lose it at restore. */
static void check_alone(struct ckpt_collect *c, const struct ckpt_vma *vma, const struct stat *st,
			const char *name)
{
	char words[64], why[64];
	pid_t other = 0;

	if (inode_words(c, vma, words, sizeof(words)))
		other = find_process(c, maps_it, words);
	snprintf(why, sizeof(why), "process %d maps it too", other);
	if (!other && vma->how == CKPT_VMA_FILE) {
		other = find_process(c, holds_it, st);
		snprintf(why, sizeof(why), "process %d has it open", other);
	}
	if (other)
		ckpt_object_obstacle(c, vma, name, why);
	else if (st->st_nlink && vma->how == CKPT_VMA_FILE)
		ckpt_object_obstacle(c, vma, name, "shared with a file of another name");
}

/* ---- objects ---- */

static int add_object(struct ckpt_collect *c, uint32_t kind, int fd, const struct stat *st,
		      struct ckpt_err *err)
{
	struct ckpt_object *object = CKPT_VEC_ADD(&c->task->objects);
	int *keep = CKPT_VEC_ADD(&c->object_fds), seals;

	if (!object || !keep) {
		close(fd);
		return ckpt_fail(err, ENOMEM, "no memory for objects");
	}
	*keep = fd;
	object->id = c->task->objects.n;
	object->kind = kind;
	object->size = (uint64_t)st->st_size;
	if (kind == CKPT_OBJECT_SHM)
		object->size = (object->size + CKPT_PAGE_SIZE - 1) & ~(CKPT_PAGE_SIZE - 1);
	seals = kind == CKPT_OBJECT_MEMFD ? fcntl(fd, F_GET_SEALS) : 0;
	object->seals = seals > 0 ? (uint32_t)seals : 0;
	return ckpt_pages_select_fd(fd, object->size, &object->pages, err);
}

static struct ckpt_object_seen *seen_before(struct ckpt_object_finder *f, const struct stat *st)
{
	for (size_t i = 0; i < f->seen.n; i++)
		if (f->seen.v[i].dev == st->st_dev && f->seen.v[i].ino == st->st_ino)
			return &f->seen.v[i];
	return NULL;
}

/* The object behind a mapping, known or new. */
static int find(struct ckpt_object_finder *f, struct ckpt_vma *vma, uint32_t kind, int fd,
		const struct stat *st, struct ckpt_err *err)
{
	struct ckpt_object_seen *seen = seen_before(f, st);
	int ret = 0;

	if (seen) {
		close(fd);
	} else {
		seen = CKPT_VEC_ADD(&f->seen);
		if (!seen) {
			close(fd);
			return ckpt_fail(err, ENOMEM, "no memory for objects");
		}
		*seen = (struct ckpt_object_seen){st->st_dev, st->st_ino, f->c->task->objects.n + 1,
						  false};
		ret = add_object(f->c, kind, fd, st, err);
	}
	vma->has_object = true;
	vma->object = seen->id;
	if (!ret && !seen->checked && vma->shared) {
		check_alone(f->c, vma, st, vma->fname ? vma->fname : "shared memory");
		seen->checked = true;
	}
	return ret;
}

int ckpt_object_find_shm(struct ckpt_object_finder *f, struct ckpt_vma *vma, struct ckpt_err *err)
{
	int fd = ckpt_map_file_open(f->c, vma);
	struct stat st;

	vma->has_object = true;
	if (fd < 0 || fstat(fd, &st)) {
		ckpt_object_obstacle(f->c, vma, "shared memory can't be opened", strerror(errno));
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (!st.st_size) /* nothing makes such memory but who looks behind map_files */
		ckpt_object_obstacle(f->c, vma, "shared memory", "it has no size");
	return find(f, vma, CKPT_OBJECT_SHM, fd, &st, err);
}

/* ---- files without a name ---- */

bool ckpt_object_is_unlinked(const struct ckpt_vma *vma)
{
	size_t len = strlen(vma->fname);

	return len > strlen(DELETED) && !strcmp(vma->fname + len - strlen(DELETED), DELETED);
}

/* The kernel's own tmpfs, which memfd, System V memory and graphics memory are files of. */
static dev_t kernel_tmpfs;
static pthread_once_t kernel_tmpfs_once = PTHREAD_ONCE_INIT;

static void find_kernel_tmpfs(void)
{
	int fd = memfd_create("ckptfs", MFD_CLOEXEC);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		kernel_tmpfs = st.st_dev;
	if (fd >= 0)
		close(fd);
}

/* Files of filesystems that nobody can mount: there is no making them by their name. */
static const struct {
	long magic; /* include/uapi/linux/magic.h */
	const char *what;
} made_by_kernel[] = {
	{0x09041934, "anonymous inode"}, {0x47494d4e, "AIO ring"}, {0x5345434d, "secret memory"},
	{0x454d444d, "device memory"},	 {0x444d4142, "dma-buf"},  {0x474d454d, "guest memory"},
	{0x958458f6, "hugetlb file"},
};

static const char *unlinked_kind(int fd, const struct stat *st, const char *name, uint32_t *kind)
{
	struct statfs fs;

	pthread_once(&kernel_tmpfs_once, find_kernel_tmpfs);
	if (st->st_dev == kernel_tmpfs) {
		*kind = CKPT_OBJECT_MEMFD;
		return strncmp(name, MEMFD, strlen(MEMFD))
			       ? "System V or other shared memory (shm) of the kernel"
			       : NULL;
	}
	*kind = CKPT_OBJECT_FILE;
	if (fstatfs(fd, &fs))
		return strerror(errno);
	for (size_t i = 0; i < sizeof(made_by_kernel) / sizeof(made_by_kernel[0]); i++)
		if (fs.f_type == made_by_kernel[i].magic)
			return made_by_kernel[i].what;
	return S_ISREG(st->st_mode) ? NULL : "its name now leads elsewhere";
}

int ckpt_object_find_file(struct ckpt_object_finder *f, struct ckpt_vma *vma, struct ckpt_err *err)
{
	int fd = ckpt_map_file_open(f->c, vma);
	uint32_t kind = CKPT_OBJECT_FILE;
	const char *why = NULL;
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st))
		why = strerror(errno);
	else
		why = unlinked_kind(fd, &st, vma->fname, &kind);
	if (why) {
		ckpt_object_obstacle(f->c, vma, vma->fname, why);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	vma->fname[strlen(vma->fname) - strlen(DELETED)] = '\0';
	return find(f, vma, kind, fd, &st, err);
}

void ckpt_object_find_exe(struct ckpt_object_finder *f)
{
	struct ckpt_header *h = &f->c->task->header;
	size_t len = strlen(h->exe);
	struct ckpt_object_seen *seen = NULL;
	struct stat st;
	char path[32];

	if (!f->c->exe_unlinked)
		return;
	snprintf(path, sizeof(path), "/proc/%d/exe", f->c->cap->pid);
	if (!stat(path, &st))
		seen = seen_before(f, &st);
	if (!seen || len <= strlen(DELETED)) {
		ckpt_obstacle_add(&f->c->obstacles, "exe: %s: unlinked, and not mapped", h->exe);
		return;
	}
	h->exe[len - strlen(DELETED)] = '\0';
	h->has_exe_object = true;
	h->exe_object = seen->id;
}
