// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns moving processes out of frozen control groups and back, and the guardian.
 */
#include <dirent.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cgroup.h"
#include "log.h"
#include "outing.h"
#include "task.h"

#define GROUP_MAX  8192 /* bytes of a group's directory */
#define RETURN_MAX 1000 /* tries, 1 ms apart */
#define GUARDIAN   "ckpt-guardian"

static int move(int fd, pid_t pid)
{
	char text[16];
	size_t len = 0;
	pid_t rest = pid;

	/* by hand: the guardian, forked from many threads, may not call snprintf */
	do
		text[sizeof(text) - ++len] = (char)('0' + rest % 10);
	while (rest /= 10);
	return write(fd, text + sizeof(text) - len, len) == (ssize_t)len ? 0 : -errno;
}

static void masks_restore(const struct ckpt_outing *o)
{
	for (size_t i = 0; i < o->masks.n; i++) {
		const struct ckpt_outing_mask *m = &o->masks.v[i];
		uint64_t now[16] = {0};

		/* Asking for what it has already would pin it to that (Linux 6.2, user_cpus_ptr).
		 */
		if (syscall(SYS_sched_getaffinity, m->tid, sizeof(now), now) > 0 &&
		    memcmp(now, m->cpus, sizeof(now)) != 0)
			syscall(SYS_sched_setaffinity, m->tid, sizeof(m->cpus), m->cpus);
	}
}

/* Async-signal-safe, as all that the guardian does. */
static int bring_home(const struct ckpt_outing *o)
{
	const uint32_t zero = 0;
	int ret = 0;

	for (unsigned int i = 0; i < o->nhomes; i++)
		for (unsigned int n = 0; n < RETURN_MAX; n++) {
			/* the PID may be another's by now */
			if (syscall(SYS_pidfd_send_signal, o->pidfd, 0, NULL, 0) && errno == ESRCH)
				return -ESRCH;
			ret = move(o->homes[i].fd, o->pid);
			if (!ret || ret == -ESRCH || ret == -ENODEV)
				break;
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		}
	masks_restore(o);
	if (o->wait &&
	    pwrite(o->mem_fd, &zero, sizeof(zero), (off_t)o->wait) != (ssize_t)sizeof(zero))
		ret = ret ? ret : -EIO;
	return ret;
}

/* ---- the guardian ---- */

static void close_all_but(const int *keep, unsigned int n)
{
	int next = 0;

	for (;;) { /* the next one that stays; keep is not sorted */
		int least = -1;

		for (unsigned int i = 0; i < n; i++)
			if (keep[i] >= next && (least < 0 || keep[i] < least))
				least = keep[i];
		if (least < 0)
			break;
		if (least > next)
			syscall(SYS_close_range, next, least - 1, 0);
		next = least + 1;
	}
	syscall(SYS_close_range, next, ~0u, 0);
}

/* Neither in our session nor of our name: what kills the daemons kills no guardian. It holds
 * nothing of the mount. */
static void guard(const struct ckpt_outing *o, int alive)
{
	int keep[CKPT_OUTING_HOMES + 3] = {alive, o->pidfd, o->mem_fd};
	char verdict = 0;
	ssize_t got;

	for (unsigned int i = 0; i < o->nhomes; i++)
		keep[3 + i] = o->homes[i].fd;
	close_all_but(keep, 3 + o->nhomes);
	setsid();
	prctl(PR_SET_NAME, GUARDIAN);
	do
		got = read(alive, &verdict, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		bring_home(o);
	_exit(0);
}

static int guardian_start(struct ckpt_outing *o, struct ckpt_err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return ckpt_fail_sys(err, "pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		guard(o, ends[0]);
	}
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return ckpt_fail_sys(err, "fork of a guardian");
	}
	o->alive = ends[1];
	o->guardian = pid;
	return 0;
}

static void guardian_stop(struct ckpt_outing *o)
{
	int status;

	if (o->guardian <= 0)
		return;
	if (write(o->alive, "", 1) != 1) /* it was killed */
		kill(o->guardian, SIGKILL);
	close(o->alive);
	while (waitpid(o->guardian, &status, 0) < 0 && errno == EINTR)
		;
	o->guardian = 0;
	o->alive = -1;
}

/* ---- out and back ---- */

static int refuse(const struct ckpt_outing_home *home, struct ckpt_err *err, const char *why)
{
	return ckpt_fail(err, ENOTSUP,
			 "frozen by control group %s (%s), which it can't leave for a moment: %s",
			 home->path, home->controllers[0] ? home->controllers : "version 2", why);
}

/* Into the nearest group above that is not frozen and takes it; a group of version 2 that has
 * controllers for those below takes none, the root takes all. */
static int leave_one(struct ckpt_outing *o, struct ckpt_outing_home *home, struct ckpt_err *err)
{
	char *path, procs[GROUP_MAX], why[200] = "every group above is frozen";
	int ret = -ENOTSUP;

	assert(home->path);
	path = strdup(home->path);
	if (!path)
		return ckpt_fail(err, ENOMEM, "no memory for control groups");
	while (ret && strcmp(path, "/") != 0) {
		char *slash = strrchr(path, '/');
		int fd;

		if (!slash)
			break;
		slash[slash == path] = '\0';
		if (ckpt_cgroup_is_frozen(home->controllers, path) ||
		    !ckpt_cgroup_file(home->controllers, path, "cgroup.procs", procs,
				      sizeof(procs)))
			continue;
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		ret = fd < 0 ? -errno : move(fd, o->pid);
		if (ret)
			snprintf(why, sizeof(why), "%.150s: %s", procs, strerror(-ret));
		if (fd >= 0)
			close(fd);
	}
	if (!ret) {
		home->away = path;
		return 0;
	}
	free(path);
	return refuse(home, err, why);
}

static int masks_save(struct ckpt_outing *o)
{
	char name[40];
	struct dirent *d;
	DIR *dir;
	int ret = 0;

	o->masks.n = 0;
	snprintf(name, sizeof(name), "/proc/%d/task", o->pid);
	dir = opendir(name);
	if (!dir)
		return -errno;
	while (!ret && (d = readdir(dir))) {
		struct ckpt_outing_mask *m = d->d_name[0] == '.' ? NULL : CKPT_VEC_ADD(&o->masks);

		if (d->d_name[0] == '.')
			continue;
		if (!m) {
			ret = -ENOMEM;
			break;
		}
		m->tid = (pid_t)strtol(d->d_name, NULL, 10);
		memset(m->cpus, 0, sizeof(m->cpus));
		if (syscall(SYS_sched_getaffinity, m->tid, sizeof(m->cpus), m->cpus) <= 0)
			o->masks.n--;
	}
	closedir(dir);
	return ret;
}

int ckpt_outing_leave(struct ckpt_outing *o, int mem_fd, uint64_t wait, struct ckpt_err *err)
{
	const uint32_t one = 1;
	int ret;

	o->mem_fd = mem_fd;
	o->wait = wait;
	if (masks_save(o))
		return ckpt_fail(err, ENOMEM, "no memory for control groups");
	ret = guardian_start(o, err);
	o->out = !ret;
	/* from here on there is somebody to clear it */
	if (!ret && wait && pwrite(mem_fd, &one, sizeof(one), (off_t)wait) != (ssize_t)sizeof(one))
		ret = ckpt_fail(err, ENOTSUP, "process %d: its code can't be written", o->pid);
	for (unsigned int i = 0; !ret && i < o->nhomes; i++)
		ret = leave_one(o, &o->homes[i], err);
	if (ret)
		ckpt_outing_return(o, NULL);
	return ret;
}

/* Whoever moved it meanwhile had his reasons. */
static bool is_away(const struct ckpt_outing *o, const struct ckpt_outing_home *home)
{
	char now[GROUP_MAX];

	return home->away && (!ckpt_cgroup_path(o->pid, home->controllers, now, sizeof(now)) ||
			      !strcmp(now, home->away));
}

int ckpt_outing_return(struct ckpt_outing *o, struct ckpt_err *err)
{
	struct ckpt_outing back = *o;
	int ret;

	if (!o->out)
		return 0;
	back.nhomes = 0;
	for (unsigned int i = 0; i < o->nhomes; i++)
		if (is_away(o, &o->homes[i]))
			back.homes[back.nhomes++] = o->homes[i];
	ret = bring_home(&back);
	for (unsigned int i = 0; i < o->nhomes; i++) {
		if (ret && ret != -ESRCH && o->homes[i].away)
			ckpt_log("process %d could not be moved back into control group %s: %s",
				 o->pid, o->homes[i].path, strerror(-ret));
		free(o->homes[i].away);
		o->homes[i].away = NULL;
	}
	guardian_stop(o);
	o->out = false;
	return ret ? ckpt_fail(err, -ret, "process %d: back into its control group: %s", o->pid,
			       strerror(-ret))
		   : 0;
}

/* ---- what holds it ---- */

/* A move takes the whole process: its threads must be in one group. */
static bool is_together(pid_t pid, const struct ckpt_outing_home *home)
{
	char name[40], path[GROUP_MAX];
	bool together = true;
	struct dirent *d;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%d/task", pid);
	dir = opendir(name);
	while (dir && together && (d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		together = tid <= 0 ||
			   !ckpt_cgroup_path(tid, home->controllers, path, sizeof(path)) ||
			   !strcmp(path, home->path);
	}
	if (dir)
		closedir(dir);
	return together;
}

static bool is_threaded(const struct ckpt_outing_home *home)
{
	char path[GROUP_MAX], text[32] = "";
	FILE *f;

	if (home->controllers[0] ||
	    !ckpt_cgroup_file("", home->path, "cgroup.type", path, sizeof(path)))
		return false;
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return !strncmp(text, "threaded", 8);
}

static int open_home(struct ckpt_outing *o, struct ckpt_outing_home *home, struct ckpt_err *err)
{
	char path[GROUP_MAX];

	if (strchr(home->controllers, ','))
		return refuse(home, err, "the freezer is mounted together with other controllers");
	if (is_threaded(home) || !is_together(o->pid, home))
		return refuse(home, err, "its threads may be in different groups");
	if (!ckpt_cgroup_file(home->controllers, home->path, "cgroup.procs", path, sizeof(path)))
		return refuse(home, err, "the hierarchy is not mounted");
	home->fd = open(path, O_WRONLY | O_CLOEXEC);
	return home->fd < 0 ? refuse(home, err, strerror(errno)) : 0;
}

static int add_home(struct ckpt_outing *o, const struct ckpt_cgroup *group, struct ckpt_err *err)
{
	struct ckpt_outing_home *home = &o->homes[o->nhomes];

	if (o->nhomes == CKPT_OUTING_HOMES)
		return ckpt_fail(err, ENOTSUP, "process %d: too many groups hold it", o->pid);
	*home = (struct ckpt_outing_home){.fd = -1};
	home->controllers = strdup(group->controllers ? group->controllers : "");
	home->path = strdup(group->path);
	o->nhomes++;
	if (!home->controllers || !home->path)
		return ckpt_fail(err, ENOMEM, "no memory for control groups");
	return open_home(o, home, err);
}

int ckpt_outing_open(struct ckpt_outing *o, pid_t pid, bool version1, struct ckpt_err *err)
{
	struct ckpt_header now = {0};
	int ret;

	memset(o, 0, sizeof(*o));
	o->pid = pid;
	o->alive = o->mem_fd = -1;
	o->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	ret = o->pidfd < 0 ? ckpt_fail(err, errno, "process %d: %s", pid, strerror(errno)) : 0;
	if (!ret && ckpt_cgroup_read(pid, &now))
		ret = ckpt_fail(err, ENOMEM, "no memory for control groups");
	for (size_t i = 0; !ret && i < now.cgroups.n; i++) {
		const struct ckpt_cgroup *g = &now.cgroups.v[i];

		if ((g->controllers || !version1) &&
		    ckpt_cgroup_is_frozen(g->controllers ? g->controllers : "", g->path))
			ret = add_home(o, g, err);
	}
	ckpt_cgroup_fini(&now);
	if (ret)
		ckpt_outing_close(o);
	return ret;
}

void ckpt_outing_close(struct ckpt_outing *o)
{
	ckpt_outing_return(o, NULL);
	for (unsigned int i = 0; i < o->nhomes; i++) {
		free(o->homes[i].controllers);
		free(o->homes[i].path);
		if (o->homes[i].fd >= 0)
			close(o->homes[i].fd);
	}
	CKPT_VEC_FINI(&o->masks);
	if (o->pidfd >= 0)
		close(o->pidfd);
	o->nhomes = 0;
	o->pidfd = -1;
}
