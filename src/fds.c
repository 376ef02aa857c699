// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the descriptors of a frozen process: /proc/PID/fd and fdinfo, kcmp(2) for what dup and
 * fork share, pidfd_getfd(2) for the signal owner.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "fd_nodes.h"
#include "log.h"
#include "pipes.h"
#include "proc.h"

/* What two descriptors of one open file description have in common. */
struct known_file {
	dev_t dev;
	ino_t ino;
	int64_t offset;
	uint64_t flags;
	int fd; /* one that has it, for kcmp */
};

struct fd_reader {
	pid_t pid;
	int pidfd;
	struct ckpt_task *task;
	CKPT_VEC(struct known_file) known; /* task->files[i] by identity */
	void (*obstacle)(void *arg, const char *text);
	void *arg;
};

#define EVENTFD_LINK "anon_inode:[eventfd]"

struct fd_scan {
	int fd;
	char link[4096];
	struct stat st;
	int64_t offset;
	uint64_t flags;
	bool lock_unknown;
	CKPT_VEC(struct ckpt_lock) lock;
};

static void obstacle_fd(struct fd_reader *r, const struct fd_scan *s, const char *why)
{
	char text[4400];

	snprintf(text, sizeof(text), "fd %d: %s%s%s", s->fd, s->link, why ? ": " : "",
		 why ? why : "");
	r->obstacle(r->arg, text);
}

static const struct ckpt_word lock_types[] = {{"POSIX", CKPT_LOCK_POSIX},
					      {"FLOCK", CKPT_LOCK_FLOCK},
					      {"OFDLCK", CKPT_LOCK_OFD},
					      {NULL, 0}};

/* "lock:\t1: POSIX  ADVISORY  WRITE 1234 fe:00:4711 0 EOF" (fs/locks.c, lock_get_status) */
static int scan_lock(struct fd_scan *s, const char *line)
{
	char type[16], mode[16], end[24];
	unsigned long long start;
	struct ckpt_lock *lock;

	if (sscanf(line, "lock: %*d: %15s %*s %15s %*d %*s %llu %23s", type, mode, &start, end) !=
	    4) {
		s->lock_unknown = true;
		return 0;
	}
	for (const struct ckpt_word *w = lock_types; w->name; w++) {
		if (strcmp(w->name, type))
			continue;
		lock = CKPT_VEC_ADD(&s->lock);
		if (!lock)
			return -ENOMEM;
		lock->kind = w->value;
		lock->mode = strcmp(mode, "WRITE") ? F_RDLCK : F_WRLCK;
		lock->start = start;
		lock->end = strcmp(end, "EOF") ? strtoull(end, NULL, 10) : UINT64_MAX;
		return 0;
	}
	s->lock_unknown = true; /* a lease */
	return 0;
}

static int scan_fdinfo(struct fd_reader *r, struct fd_scan *s)
{
	char path[64], *line = NULL;
	size_t cap = 0;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", r->pid, s->fd);
	f = ckpt_proc_fopen(path);
	if (!f)
		return -errno;
	while (!ret && ckpt_proc_getline(&line, &cap, f) > 0) {
		if (!strncmp(line, "pos:", 4))
			s->offset = strtoll(line + 4, NULL, 10);
		else if (!strncmp(line, "flags:", 6))
			s->flags = strtoull(line + 6, NULL, 8);
		else if (!strncmp(line, "lock:", 5))
			ret = scan_lock(s, line);
	}
	free(line);
	fclose(f);
	return ret;
}

/* Character devices that hold no state of their own (Documentation/admin-guide/devices.txt). */
static const struct chr_kind {
	unsigned int major, minor_first, minor_last;
	enum ckpt_file_kind kind;
} chr_kinds[] = {
	{1, 3, 3, CKPT_FILE_CHR},      /* null */
	{1, 5, 5, CKPT_FILE_CHR},      /* zero */
	{1, 7, 9, CKPT_FILE_CHR},      /* full, random, urandom */
	{4, 0, 255, CKPT_FILE_TTY},    /* virtual consoles, serial lines */
	{5, 0, 1, CKPT_FILE_TTY},      /* tty, console */
	{136, 0, ~0u, CKPT_FILE_TTY},  /* pts */
	{204, 64, 191, CKPT_FILE_TTY}, /* serial lines */
	{229, 0, 7, CKPT_FILE_TTY},    /* hypervisor consoles */
};

static bool kind_of(const struct fd_scan *s, uint32_t *kind)
{
	if (s->flags & O_PATH) {
		*kind = CKPT_FILE_PATH;
		return S_ISREG(s->st.st_mode) || S_ISDIR(s->st.st_mode) || S_ISCHR(s->st.st_mode) ||
		       S_ISLNK(s->st.st_mode);
	}
	*kind = CKPT_FILE_PIPE;
	if (S_ISFIFO(s->st.st_mode) && !strncmp(s->link, "pipe:[", 6))
		return true;
	*kind = CKPT_FILE_EVENTFD;
	if (!strcmp(s->link, EVENTFD_LINK))
		return true;
	*kind = S_ISREG(s->st.st_mode) ? CKPT_FILE_REG : CKPT_FILE_DIR;
	if (S_ISREG(s->st.st_mode) || S_ISDIR(s->st.st_mode))
		return true;
	if (!S_ISCHR(s->st.st_mode))
		return false;
	for (size_t i = 0; i < sizeof(chr_kinds) / sizeof(chr_kinds[0]); i++) {
		const struct chr_kind *k = &chr_kinds[i];
		unsigned int minor_nr = minor(s->st.st_rdev);

		if (major(s->st.st_rdev) == k->major && minor_nr >= k->minor_first &&
		    minor_nr <= k->minor_last) {
			*kind = k->kind;
			return true;
		}
	}
	return false;
}

/* Why the file can't be opened again, NULL if it can. */
static const char *lost(const struct fd_scan *s)
{
	if ((S_ISFIFO(s->st.st_mode) || !strcmp(s->link, EVENTFD_LINK)) && !(s->flags & O_PATH))
		return NULL; /* made anew */
	return ckpt_path_lost(s->link, &s->st);
}

static bool same_description(struct fd_reader *r, const struct known_file *k,
			     const struct fd_scan *s)
{
	long order;

	if (k->dev != s->st.st_dev || k->ino != s->st.st_ino || k->offset != s->offset ||
	    k->flags != s->flags)
		return false;
	order = syscall(SYS_kcmp, r->pid, r->pid, KCMP_FILE, (long)k->fd, (long)s->fd);
	if (order < 0)
		obstacle_fd(r, s, "this kernel does not tell whether it shares an open file");
	return order == 0;
}

static void read_owner(struct fd_reader *r, struct ckpt_file *file, int fd)
{
	struct f_owner_ex owner = {0};
	int ours = syscall(SYS_pidfd_getfd, r->pidfd, fd, 0);

	if (ours < 0)
		return;
	if (!fcntl(ours, F_GETOWN_EX, &owner) && owner.pid) {
		file->has_owner = true;
		file->owner_type = owner.type;
		file->owner_pid = owner.pid;
		file->owner_sig = fcntl(ours, F_GETSIG);
	}
	close(ours);
}

/* POSIX locks belong to the process and the inode; fdinfo repeats them at every descriptor. They
 * go to the first description that may hold each. */
static bool lock_is_elsewhere(struct fd_reader *r, const struct fd_scan *s,
			      const struct ckpt_lock *lock)
{
	uint64_t access = s->flags & O_ACCMODE;

	if (lock->kind == CKPT_LOCK_FLOCK || lock->kind == CKPT_LOCK_OFD)
		return false;
	if (access != O_RDWR && access != (lock->mode == F_WRLCK ? O_WRONLY : O_RDONLY))
		return true;
	for (size_t i = 0; i + 1 < r->known.n; i++) { /* the last one is the asker */
		const struct ckpt_file *file = &r->task->files.v[i];

		if (r->known.v[i].dev != s->st.st_dev || r->known.v[i].ino != s->st.st_ino)
			continue;
		for (size_t j = 0; j < file->lock.n; j++)
			if (!memcmp(&file->lock.v[j], lock, sizeof(*lock)))
				return true;
	}
	return false;
}

static void check_holder(struct fd_reader *r, struct fd_scan *s, const char *key, int64_t id)
{
	pid_t other = ckpt_fd_other_holder(r->pid, s->link, key, id);
	char why[64];

	if (!other)
		return;
	snprintf(why, sizeof(why), "process %d holds it too", other);
	obstacle_fd(r, s, why);
}

static int add_eventfd(struct fd_reader *r, struct fd_scan *s, struct ckpt_file *file)
{
	int64_t semaphore = ckpt_fdinfo_number(r->pid, s->fd, "eventfd-semaphore", 10);
	int64_t id = ckpt_fdinfo_number(r->pid, s->fd, "eventfd-id", 10);

	file->has_event = true;
	file->event_count = (uint64_t)ckpt_fdinfo_number(r->pid, s->fd, "eventfd-count", 16);
	if (semaphore < 0) { /* Linux 6.5 is the first to tell */
		obstacle_fd(r, s, "this kernel does not tell whether it is a semaphore");
		semaphore = 0;
	}
	file->event_semaphore = (uint32_t)semaphore;
	check_holder(r, s, "eventfd-id", id);
	return 0;
}

/* One object for both ends. Its contents are copied without being taken out; a pipe that another
 * process holds an end of would lose its connection. */
static int add_pipe(struct fd_reader *r, struct fd_scan *s, struct ckpt_file *file)
{
	struct ckpt_object *object;

	for (size_t i = 0; i + 1 < r->known.n; i++)
		if (r->known.v[i].dev == s->st.st_dev && r->known.v[i].ino == s->st.st_ino)
			file->object = r->task->files.v[i].object;
	if (!file->object) {
		check_holder(r, s, NULL, 0);
		object = CKPT_VEC_ADD(&r->task->objects);
		if (!object)
			return -ENOMEM;
		file->object = object->id = r->task->objects.n;
		object->kind = CKPT_OBJECT_PIPE;
	}
	object = &r->task->objects.v[file->object - 1];
	return ckpt_pipe_read(r->pidfd, s->fd, s->flags, object);
}

/* Files that the kernel makes up have no size and a new time whenever they are looked up. */
static bool is_made_up(struct fd_reader *r, const struct fd_scan *s)
{
	struct statfs fs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", r->pid, s->fd);
	return !statfs(path, &fs) &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
		fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC ||
		fs.f_type == DEBUGFS_MAGIC || fs.f_type == TRACEFS_MAGIC);
}

/* An open file that the parent holds too is the parent's own file afterwards: said, not refused,
 * because that is how every shell starts a program with its output in a file. */
static void note_sharing(struct fd_reader *r, const struct fd_scan *s)
{
	pid_t parent = (pid_t)ckpt_proc_stat(r->pid, 4);
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", parent);
	dir = parent > 1 ? ckpt_proc_opendir(path) : NULL;
	while (dir && (d = readdir(dir))) {
		struct stat st;

		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) ||
		    st.st_dev != s->st.st_dev || st.st_ino != s->st.st_ino ||
		    syscall(SYS_kcmp, r->pid, parent, KCMP_FILE, (long)s->fd,
			    strtol(d->d_name, NULL, 10)))
			continue;
		ckpt_log("process %d: fd %d (%s) shares its offset with its parent %d; a restored "
			 "process has one of its own",
			 r->pid, s->fd, s->link, parent);
		break;
	}
	if (dir)
		closedir(dir);
}

static int add_file(struct fd_reader *r, struct fd_scan *s, uint32_t kind)
{
	struct ckpt_file *file = CKPT_VEC_ADD(&r->task->files);
	struct known_file *known = CKPT_VEC_ADD(&r->known);

	if (!file || !known)
		return -ENOMEM;
	*known = (struct known_file){s->st.st_dev, s->st.st_ino, s->offset, s->flags, s->fd};
	file->id = r->task->files.n;
	file->kind = kind;
	file->flags = s->flags;
	file->offset = s->offset;
	if (kind == CKPT_FILE_PIPE)
		return add_pipe(r, s, file);
	if (kind == CKPT_FILE_EVENTFD)
		return add_eventfd(r, s, file);
	file->path = strdup(s->link);
	if (!file->path)
		return -ENOMEM;
	if (kind == CKPT_FILE_REG && !is_made_up(r, s)) {
		file->has_size = true;
		file->size = s->st.st_size;
		note_sharing(r, s);
		file->mtime = s->st.st_mtim.tv_sec * 1000000000ll + s->st.st_mtim.tv_nsec;
	}
	for (size_t i = 0; i < s->lock.n; i++) {
		struct ckpt_lock *lock;

		if (lock_is_elsewhere(r, s, &s->lock.v[i]))
			continue;
		lock = CKPT_VEC_ADD(&file->lock);
		if (!lock)
			return -ENOMEM;
		*lock = s->lock.v[i];
	}
	if (kind != CKPT_FILE_PATH)
		read_owner(r, file, s->fd);
	/* Nothing else gives a directory an owner (fs/notify/dnotify/dnotify.c, attach_dn). */
	if (kind == CKPT_FILE_DIR && file->has_owner)
		obstacle_fd(r, s, "directory notification (F_NOTIFY)");
	return 0;
}

static int add_fd(struct fd_reader *r, struct fd_scan *s, bool cloexec)
{
	struct ckpt_fd *fd = CKPT_VEC_ADD(&r->task->fds);
	uint32_t kind;
	int ret;

	if (!fd)
		return -ENOMEM;
	fd->fd = s->fd;
	fd->cloexec = cloexec;
	for (size_t i = 0; i < r->known.n; i++) {
		if (same_description(r, &r->known.v[i], s)) {
			fd->file = r->task->files.v[i].id;
			return 0;
		}
	}
	if (!kind_of(s, &kind)) {
		obstacle_fd(r, s, S_ISFIFO(s->st.st_mode) && s->link[0] == '/' ? "FIFO" : NULL);
	} else {
		const char *why = lost(s);

		if (why)
			obstacle_fd(r, s, why);
		if (s->lock_unknown)
			obstacle_fd(r, s, "lease");
	}
	if (!kind_of(s, &kind))
		return 0; /* only -o inspect shows it: file 0 */
	ret = add_file(r, s, kind);
	fd->file = r->task->files.n;
	return ret;
}

static int read_one(struct fd_reader *r, int nr)
{
	struct fd_scan s = {.fd = nr};
	char path[64];
	ssize_t len;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", r->pid, nr);
	len = readlink(path, s.link, sizeof(s.link) - 1);
	if (len < 0)
		return -errno;
	if ((size_t)len == sizeof(s.link) - 1)
		return -ENAMETOOLONG;
	if (stat(path, &s.st) < 0)
		return -errno;
	ret = scan_fdinfo(r, &s);
	if (!ret) {
		bool cloexec = s.flags & O_CLOEXEC;

		s.flags &= ~(uint64_t)(O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
		ret = add_fd(r, &s, cloexec);
	}
	CKPT_VEC_FINI(&s.lock);
	return ret;
}

static int fd_order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int ckpt_fds_read(pid_t pid, struct ckpt_task *task, void (*obstacle)(void *arg, const char *text),
		  void *arg, struct ckpt_err *err)
{
	struct fd_reader r = {.pid = pid, .task = task, .obstacle = obstacle, .arg = arg};
	CKPT_VEC(int) nrs = {0};
	char path[40];
	struct dirent *d;
	DIR *dir;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = ckpt_proc_opendir(path);
	if (!dir)
		return ckpt_fail_sys(err, "%s", path);
	r.pidfd = syscall(SYS_pidfd_open, pid, 0);
	while (!ret && (d = readdir(dir))) {
		int *nr = d->d_name[0] == '.' ? NULL : CKPT_VEC_ADD(&nrs);

		if (d->d_name[0] == '.')
			continue;
		if (nr)
			*nr = (int)strtol(d->d_name, NULL, 10);
		else
			ret = -ENOMEM;
	}
	closedir(dir);
	if (nrs.n)
		qsort(nrs.v, nrs.n, sizeof(*nrs.v), fd_order);
	for (size_t i = 0; !ret && i < nrs.n; i++) {
		ret = read_one(&r, nrs.v[i]);
		if (ret)
			ckpt_fail(err, -ret, "fd %d: %s", nrs.v[i], strerror(-ret));
	}
	if (r.pidfd >= 0)
		close(r.pidfd);
	CKPT_VEC_FINI(&r.known);
	CKPT_VEC_FINI(&nrs);
	return ret;
}
