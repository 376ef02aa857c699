// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns reading /proc for single values, and the list of stopped processes (libproc2).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libproc2/pids.h>
#include "err.h"
#include "frozen.h"
#include "mounts.h"
#include "proc.h"
#include "tracer.h"

/* ---- no answer is no answer ---- */

static _Thread_local int trouble;

static void note(int code)
{
	/* the task is gone, or this kernel or this task has no such file */
	if (code != ENOENT && code != ESRCH && code != EACCES && code != EPERM && code != ENOTDIR)
		trouble = code;
}

int ckpt_proc_trouble(void)
{
	int code = trouble;

	trouble = 0;
	return code;
}

int ckpt_proc_heard(pid_t pid, int ret, struct ckpt_err *err)
{
	int code = ckpt_proc_trouble();

	return code ? ckpt_fail(err, code, "process %d: /proc can't be read: %s", pid,
				strerror(code))
		    : ret;
}

FILE *ckpt_proc_fopen(const char *path)
{
	FILE *f = fopen(path, "re");
	int c;

	if (!f) {
		note(errno);
		return NULL;
	}
	/* stdio gets its buffer, and the kernel answers, at the first read */
	errno = 0;
	c = getc(f);
	if (c != EOF) {
		ungetc(c, f);
	} else if (ferror(f)) {
		note(errno);
		fclose(f);
		return NULL;
	}
	return f;
}

ssize_t ckpt_proc_getline(char **line, size_t *cap, FILE *f)
{
	ssize_t len;

	errno = 0;
	len = getline(line, cap, f);
	if (len < 0 && errno)
		note(errno);
	return len;
}

DIR *ckpt_proc_opendir(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		note(errno);
	return dir;
}

/* ---- small questions ---- */

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return ckpt_proc_fopen(path);
}

bool ckpt_proc_status_text(pid_t pid, const char *key, char *out, size_t size)
{
	FILE *f = open_proc(pid, "status");
	size_t cap = 0, len = strlen(key);
	char *line = NULL;
	bool found = false;

	out[0] = '\0';
	while (f && !found && ckpt_proc_getline(&line, &cap, f) > 0) {
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, size, "%s", line + len + 1 + strspn(line + len + 1, "\t "));
		found = true;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

int64_t ckpt_proc_status(pid_t pid, const char *key, int base)
{
	char text[256];

	if (!ckpt_proc_status_text(pid, key, text, sizeof(text)))
		return -1;
	return (int64_t)strtoull(text, NULL, base);
}

/* What follows "PID (COMM) " in stat; comm may hold anything, so the last ')' counts. */
static char *stat_fields(pid_t pid, char *buf, size_t size)
{
	FILE *f = open_proc(pid, "stat");
	size_t len = f ? fread(buf, 1, size - 1, f) : 0;
	char *close_paren;

	if (f)
		fclose(f);
	buf[len] = '\0';
	close_paren = strrchr(buf, ')');
	return close_paren && close_paren[1] ? close_paren + 2 : NULL;
}

char ckpt_proc_state(pid_t pid)
{
	char buf[2048], *fields = stat_fields(pid, buf, sizeof(buf));

	return fields ? fields[0] : '\0';
}

int64_t ckpt_proc_stat(pid_t pid, int field)
{
	char buf[2048], *p = stat_fields(pid, buf, sizeof(buf));

	for (int i = 3; p && i < field; i++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p ? (int64_t)strtoull(p, NULL, 10) : -1;
}

void ckpt_proc_line(pid_t pid, const char *name, char *out, size_t size)
{
	FILE *f = open_proc(pid, name);

	if (!f || !fgets(out, (int)size, f))
		snprintf(out, size, "-");
	out[strcspn(out, "\n")] = '\0';
	if (f)
		fclose(f);
}

void ckpt_proc_comm(pid_t pid, char *out, size_t size)
{
	FILE *f = open_proc(pid, "comm");
	size_t len = f ? fread(out, 1, size - 1, f) : 0;

	if (f)
		fclose(f);
	if (len && out[len - 1] == '\n') /* ours is the last one; it may have its own */
		len--;
	out[len] = '\0';
}

char *ckpt_proc_link(pid_t pid, const char *name)
{
	char path[64], target[4096], *copy;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	len = readlink(path, target, sizeof(target));
	if (len < 0)
		return NULL;
	if ((size_t)len == sizeof(target)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	target[len] = '\0';
	copy = strdup(target);
	if (!copy)
		note(errno);
	return copy;
}

int64_t ckpt_proc_sched_ns(const char *pid, const char *key)
{
	size_t len = strlen(key), cap = 0;
	char path[64], *line = NULL;
	int64_t ns = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/sched", pid);
	f = ckpt_proc_fopen(path);
	while (f && ns < 0 && ckpt_proc_getline(&line, &cap, f) > 0) {
		long long ms, frac;
		const char *colon = strchr(line, ':');

		if (!strncmp(line, key, len) && colon &&
		    sscanf(colon, ": %lld.%6lld", &ms, &frac) == 2)
			ns = ms * 1000000 + frac;
	}
	free(line);
	if (f)
		fclose(f);
	return ns;
}

const char *ckpt_path_lost(const char *path, const struct stat *st)
{
	struct stat named;

	if (path[0] != '/')
		return "has no path";
	if (ckpt_is_ckptfs(st->st_dev))
		return "is a file of ckptfs";
	if (!lstat(path, &named) && named.st_dev == st->st_dev && named.st_ino == st->st_ino)
		return NULL;
	/* A terminal is named by the devpts instance it lives in, which may be mounted twice. */
	if (S_ISCHR(st->st_mode) && !stat(path, &named) && S_ISCHR(named.st_mode) &&
	    named.st_rdev == st->st_rdev)
		return NULL;
	return st->st_nlink ? "its name now leads elsewhere" : "unlinked file";
}

int ckpt_proc_children(pid_t tid, int (*fn)(pid_t pid, void *arg), void *arg)
{
	char path[64];
	int ret = 0, pid;
	FILE *f;

	/* /proc/TID is that of the thread's own entry in its process, whatever it leads. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", tid, tid);
	f = ckpt_proc_fopen(path);
	while (f && !ret && fscanf(f, "%d", &pid) == 1)
		ret = fn(pid, arg);
	if (f)
		fclose(f);
	return ret;
}

bool ckpt_proc_is_ancestor(pid_t ancestor, pid_t pid)
{
	for (int depth = 0; pid > 0 && depth < 4096; depth++) {
		if (pid == ancestor)
			return true;
		pid = (pid_t)ckpt_proc_stat(pid, 4);
	}
	return false;
}

bool ckpt_stopped(pid_t pid)
{
	return ckpt_proc_state(pid) == 'T' && ckpt_proc_status(pid, "Tgid", 10) == pid;
}

/* libproc2 keeps buffers for each thread that ever asks, and frees them never (4.0.2,
 * library/readproc.c): one thread asks for all. */
static struct ckpt_tracer *asker;
static pthread_once_t asker_once = PTHREAD_ONCE_INIT;

struct stopped_job {
	void (*fn)(pid_t pid, void *arg);
	void *arg;
};

static void asker_start(void)
{
	ckpt_tracer_new(&asker, NULL);
}

static int each_stopped(void *arg)
{
	const struct stopped_job *job = arg;
	enum pids_item items[] = {PIDS_ID_TGID, PIDS_STATE};
	struct pids_info *info = NULL;
	struct pids_stack *stack;
	int ret = procps_pids_new(&info, items, 2);

	if (ret < 0)
		return ret;
	while ((stack = procps_pids_get(info, PIDS_FETCH_TASKS_ONLY))) {
		pid_t pid = PIDS_VAL(0, s_int, stack, info);

		if (PIDS_VAL(1, s_ch, stack, info) == 'T')
			job->fn(pid, job->arg);
	}
	procps_pids_unref(&info);
	return 0;
}

int ckpt_stopped_each(void (*fn)(pid_t pid, void *arg), void *arg)
{
	struct stopped_job job = {fn, arg};

	pthread_once(&asker_once, asker_start);
	return asker ? ckpt_tracer_run(asker, each_stopped, &job) : -ENOMEM;
}
