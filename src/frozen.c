// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a PID to a frozen task with its tree: who may be frozen, the tracer thread, collecting,
 * reading pages, thawing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cgroup.h"
#include "clocks.h"
#include "collect.h"
#include "cred.h"
#include "freezer.h"
#include "frozen.h"
#include "log.h"
#include "pages.h"
#include "proc.h"
#include "settle.h"
#include "tracer.h"

/* What struct ckpt_frozen does not show. */
struct frozen_private {
	struct ckpt_frozen pub; /* first: the public pointer is ours */
	struct ckpt_captured cap;
	struct ckpt_collect collect;
	unsigned int timeout_ms;
	bool seized;
	int64_t frozen_at; /* CLOCK_MONOTONIC ns */
	atomic_bool dead;
	struct ckpt_err *err; /* of the job that runs */
};

/* pin: others froze it, as they may. */
static int check_target(pid_t pid, const struct ckpt_cred *caller, bool pin, struct ckpt_err *err)
{
	int64_t tgid = ckpt_proc_status(pid, "Tgid", 10);
	char group[256];

	if (pid <= 0 || tgid < 0)
		return ckpt_fail(err, ESRCH, "no process %d", pid);
	if (tgid != pid)
		return ckpt_fail(err, ESRCH, "%d is a thread of process %d", pid, (int)tgid);
	if (ckpt_proc_is_ancestor(pid, getpid()))
		return ckpt_fail(err, EINVAL, "process %d is ckptfs itself or an ancestor of it",
				 pid);
	if (caller->pid > 0 && ckpt_proc_is_ancestor(pid, caller->pid))
		return ckpt_fail(err, EINVAL, "process %d is the caller or an ancestor of his",
				 pid);
	if (!pin && ckpt_cgroup_frozen(pid, group, sizeof(group)))
		return ckpt_fail(err, EBUSY, "process %d is frozen by its control group %s", pid,
				 group);
	if (ckpt_proc_state(pid) == 'Z')
		return ckpt_fail(err, ESRCH, "process %d is a zombie", pid);
	return ckpt_cred_may_ptrace(caller, pid, err);
}

/* ---- on the tracer thread ---- */

/* Out of what a daemon that was killed has left it in. Not while somebody else stops it. */
static int let_out(struct frozen_private *f)
{
	struct ckpt_tracee *t = &f->cap.tracees.v[0];
	bool was = false;
	int ret = 0;

	if (!f->cap.held && !t->job_signal)
		ret = ckpt_remote_let_out(t->tid, f->collect.mem_fd, f->timeout_ms, &was, f->err);
	if (was)
		t->peek = (struct ckpt_wait_peek){.slept = -1};
	return ret;
}

static int job_freeze(void *arg)
{
	struct frozen_private *f = arg;
	char path[40], group[256];
	int ret;

	ckpt_proc_trouble(); /* of an earlier job */
	f->cap.held = ckpt_freezer_holds(f->cap.pid, group, sizeof(group));
	/* before anything that stops it may move it to another one */
	if (ckpt_cgroup_read(f->cap.pid, &f->collect.task->header))
		return ckpt_fail(f->err, ENOMEM, "no memory for control groups");
	ret = ckpt_backend()->freeze(&f->cap, f->timeout_ms, f->err);
	if (ret)
		return ret;
	f->seized = true;
	snprintf(path, sizeof(path), "/proc/%d/mem", f->cap.pid);
	f->collect.mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->collect.mem_fd < 0)
		return ckpt_fail_sys(f->err, "%s", path);
	ret = let_out(f);
	if (ret)
		return ret;
	f->frozen_at = f->collect.stopped_at = ckpt_now();
	f->collect.peek = &f->cap.tracees.v[0].peek;
	/* the freezer of a group has interrupted its calls, not we: they stay as they are */
	if (f->cap.held)
		f->cap.tracees.v[0].peek = (struct ckpt_wait_peek){.slept = -1};
	else
		ckpt_settle_all(&f->cap, f->collect.stopped_at);
	return ckpt_proc_heard(f->cap.pid, ckpt_collect(&f->collect, f->err), f->err);
}

static int job_thaw(void *arg)
{
	struct frozen_private *f = arg;

	if (!f->seized)
		return 0;
	if (!f->cap.held)
		ckpt_settle_thaw(&f->cap, ckpt_now() - f->frozen_at);
	ckpt_backend()->thaw(&f->cap);
	return 0;
}

static void on_death(void *arg)
{
	struct frozen_private *f = arg;

	/* Its parent waits for it, and its PID is taken until we have seen it die. */
	atomic_store(&f->dead, true);
	ckpt_backend()->reap(&f->cap);
	ckpt_log("process %d ended while it was frozen", f->cap.pid);
}

/* ---- reading pages ---- */

static ssize_t read_pages(void *ctx, const struct ckpt_entry *entry, void *buf, size_t len,
			  uint64_t off)
{
	struct frozen_private *f = ctx;
	const struct ckpt_task *task = f->pub.tree->task;

	if (atomic_load(&f->dead))
		return -ESTALE;
	for (size_t i = 0; i < task->objects.n; i++)
		if (&task->objects.v[i].pages == entry->pages)
			return i < f->collect.object_fds.n
				       ? ckpt_pages_read_fd(entry->pages,
							    f->collect.object_fds.v[i], buf, len,
							    off)
				       : -EIO;
	return ckpt_pages_read_task(entry->pages, f->cap.pid, f->collect.mem_fd, buf, len, off);
}

/* ---- life and death ---- */

/* All ids equal and dumpable: the task's own; else root, as proc_pid(5) has it. */
static void set_owner(struct frozen_private *f, const struct ckpt_task *task)
{
	const struct ckpt_creds *k = &task->creds;
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", f->cap.pid);
	if (stat(path, &st) || k->uid != k->euid || k->uid != k->suid || k->gid != k->egid ||
	    k->gid != k->sgid || st.st_uid != k->uid)
		return;
	f->pub.uid = k->uid;
	f->pub.gid = k->gid;
}

static void report(struct frozen_private *f, bool refused)
{
	const struct ckpt_obstacles *o = &f->collect.obstacles;

	for (size_t i = 0; i < o->text.n; i++)
		ckpt_log("%s %d: can't be captured: %s", refused ? "mkdir" : "looked at",
			 f->cap.pid, o->text.v[i] ? o->text.v[i] : "(no memory for the text)");
}

static int check_obstacles(struct frozen_private *f, const struct ckpt_freeze_opts *opts,
			   struct ckpt_err *err)
{
	const struct ckpt_obstacles *o = &f->collect.obstacles;

	if (!o->text.n)
		return 0;
	f->pub.incomplete = true;
	report(f, !opts->inspect && !opts->pin);
	if (opts->inspect || opts->pin)
		return 0;
	return ckpt_fail(err, ENOTSUP, "can't be captured: %s%s", o->text.v[0] ? o->text.v[0] : "?",
			 o->text.n > 1 ? " (and more, see the lines above)" : "");
}

static struct timespec moment(const struct ckpt_task *task)
{
	int64_t ns = task->header.clock_realtime;

	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static struct frozen_private *private_new(pid_t pid, const struct ckpt_freeze_opts *opts)
{
	struct frozen_private *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->collect.mem_fd = -1;
	f->pub.pid = f->cap.pid = pid;
	f->pub.captured = &f->cap;
	f->timeout_ms = f->collect.timeout_ms = opts->timeout_ms;
	f->collect.cap = &f->cap;
	f->collect.task = ckpt_task_new();
	if (!f->collect.task) {
		free(f);
		return NULL;
	}
	return f;
}

int ckpt_frozen_new(pid_t pid, const struct ckpt_cred *caller, const struct ckpt_freeze_opts *opts,
		    struct ckpt_frozen **out, struct ckpt_err *err)
{
	struct ckpt_page_reader reader = {read_pages, NULL};
	struct frozen_private *f;
	int ret;

	ckpt_proc_trouble();
	ret = ckpt_proc_heard(pid, check_target(pid, caller, opts->pin, err), err);
	if (ret)
		return ret;
	f = private_new(pid, opts);
	if (!f)
		return ckpt_fail(err, ENOMEM, "no memory to freeze process %d", pid);
	f->err = err;
	f->cap.caller = caller;
	ret = ckpt_tracer_new(&f->pub.tracer, err);
	if (!ret)
		ret = ckpt_tracer_run(f->pub.tracer, job_freeze, f);
	if (!ret) /* it may have changed its credentials until it stopped */
		ret = ckpt_proc_heard(pid, ckpt_cred_may_ptrace(caller, pid, err), err);
	if (!ret)
		ret = check_obstacles(f, opts, err);
	if (!ret) {
		struct ckpt_task *task = f->collect.task;

		set_owner(f, task);
		f->collect.task = NULL; /* the tree's now */
		reader.ctx = f;
		ret = ckpt_tree_new(task, &reader, &f->pub.tree, err);
	}
	if (ret) {
		ckpt_frozen_free(&f->pub);
		return ret;
	}
	f->pub.tree->mtime = moment(f->pub.tree->task);
	f->err = NULL;
	f->cap.caller = NULL;
	ckpt_tracer_watch(f->pub.tracer, pid, on_death, f);
	*out = &f->pub;
	return 0;
}

static void collect_fini(struct ckpt_collect *c)
{
	ckpt_task_free(c->task);
	c->task = NULL;
	ckpt_obstacles_fini(&c->obstacles);
	for (size_t i = 0; i < c->object_fds.n; i++)
		if (c->object_fds.v[i] >= 0)
			close(c->object_fds.v[i]);
	CKPT_VEC_FINI(&c->object_fds);
}

void ckpt_frozen_free(struct ckpt_frozen *frozen)
{
	struct frozen_private *f = (struct frozen_private *)frozen;

	if (!frozen)
		return;
	if (f->pub.tracer)
		ckpt_tracer_run(f->pub.tracer, job_thaw, f);
	/* What did not stop is let go by the kernel when its tracer thread ends. */
	ckpt_tracer_free(f->pub.tracer);
	ckpt_tree_free(f->pub.tree);
	collect_fini(&f->collect);
	CKPT_VEC_FINI(&f->cap.tracees);
	if (f->collect.mem_fd >= 0)
		close(f->collect.mem_fd);
	free(f);
}

/* ---- changed in place ---- */

struct run {
	struct frozen_private *f;
	int (*fn)(const struct ckpt_collect *c, void *arg);
	void *arg;
};

static int job_run(void *arg)
{
	const struct run *run = arg;

	return run->fn(&run->f->collect, run->arg);
}

int ckpt_frozen_run(struct ckpt_frozen *frozen, int (*fn)(const struct ckpt_collect *c, void *arg),
		    void *arg)
{
	struct run run = {(struct frozen_private *)frozen, fn, arg};

	return ckpt_tracer_run(frozen->tracer, job_run, &run);
}

int ckpt_frozen_refresh(struct ckpt_frozen *frozen, const struct ckpt_cpu *restart,
			struct ckpt_err *err)
{
	struct frozen_private *f = (struct frozen_private *)frozen;
	struct ckpt_page_reader reader = {read_pages, f};
	static const struct ckpt_wait_peek unknown = {.slept = -1, .nr = -1};
	struct ckpt_collect c = {.cap = &f->cap,
				 .peek = &unknown,
				 .stopped_at = ckpt_now(),
				 .timeout_ms = f->timeout_ms,
				 .mem_fd = f->collect.mem_fd,
				 .task = ckpt_task_new()};
	struct ckpt_tree *tree = NULL;
	struct ckpt_task *task = c.task;
	int ret = -ENOMEM;

	if (task)
		ret = ckpt_collect(&c, err);
	else
		ckpt_fail(err, ENOMEM, "no memory for a task");
	if (!ret && task) {
		task->cpu.restart = restart->restart;
		task->cpu.restart_left = restart->restart_left;
		c.task = NULL; /* the tree's now */
		ret = ckpt_tree_new(task, &reader, &tree, err);
	}
	if (ret) {
		collect_fini(&c);
		f->pub.incomplete = true;
		return ret;
	}
	tree->mtime = moment(task);
	ckpt_tree_free(f->pub.tree);
	f->pub.tree = tree;
	collect_fini(&f->collect);
	f->collect = c;
	f->pub.incomplete = c.obstacles.text.n > 0;
	return 0;
}

bool ckpt_frozen_alive(const struct ckpt_frozen *frozen)
{
	return !atomic_load(&((const struct frozen_private *)frozen)->dead);
}
