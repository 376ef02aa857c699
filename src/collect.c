// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts the parts of a collection together. What a tree could not hold goes to the obstacles.
 */
#include <errno.h>
#include "collect.h"
#include "fd_nodes.h"
#include "i386.h"
#include "machine.h"
#include "proc.h"
#include "seccomp.h"
#include "settle.h"
#include "vma_nodes.h"

static void add_text(void *arg, const char *text)
{
	ckpt_obstacle_add(arg, "%s", text);
}

static int find_unwaited(pid_t child, void *arg)
{
	struct ckpt_collect *c = arg;

	for (size_t i = 0; i < c->cap->tracees.n; i++)
		if (c->cap->tracees.v[i].tid == child)
			return 0;
	ckpt_obstacle_add(&c->obstacles, "child process %d: it has ended and was not waited for",
			  child);
	return 0;
}

static void find_others(struct ckpt_collect *c)
{
	for (size_t i = 0; i < c->cap->tracees.n; i++) {
		const struct ckpt_tracee *t = &c->cap->tracees.v[i];

		if (t->tgid == c->cap->pid && t->tid != c->cap->pid)
			ckpt_obstacle_add(&c->obstacles, "thread %d", t->tid);
		else if (t->tgid != c->cap->pid && t->tid == t->tgid)
			ckpt_obstacle_add(&c->obstacles, "child process %d", t->tid);
		ckpt_proc_children(t->tid, find_unwaited, c);
	}
}

static int check_seccomp(struct ckpt_collect *c, struct ckpt_err *err)
{
	int ret = ckpt_seccomp_get(c->cap->pid, &c->task->seccomp, err);

	if (ret == -ENOTSUP) { /* our calls inside it would be judged, we don't know how */
		ckpt_obstacle_add(&c->obstacles, "%s", err->text);
		c->obstacles.no_remote = true;
		return 0;
	}
	if (!ret && ckpt_seccomp_has_supervisor(&c->task->seccomp))
		ckpt_obstacle_add(&c->obstacles, "seccomp: a filter asks a supervisor "
						 "(user notification)");
	return ret ? ret : ckpt_seccomp_spare(c->cap->pid, &c->task->seccomp, err);
}

int ckpt_collect(struct ckpt_collect *c, struct ckpt_err *err)
{
	const struct ckpt_backend *b = ckpt_backend();
	struct ckpt_task *task = c->task;
	pid_t pid = c->cap->pid;
	int ret;

	ret = check_seccomp(c, err); /* first: until then our death might be the task's */
	find_others(c);
	if (!ret)
		ret = ckpt_collect_proc(c, err);
	if (!ret)
		ret = ckpt_vmas_read(pid, task, add_text, &c->obstacles, err);
	if (!ret)
		ret = ckpt_fds_read(pid, task, add_text, &c->obstacles, err);
	if (!ret)
		ret = b->cpu_get(pid, &task->cpu, err);
	if (!ret)
		ret = ckpt_settle_view(pid, c->mem_fd, &task->cpu, &c->again, err);
	if (!ret && ckpt_task_is_i386(task)) {
		ckpt_vdso_digest_of(task, c->mem_fd, task->header.vdso);
		if (ckpt_program_is_x32(pid))
			ckpt_obstacle_add(&c->obstacles, "a program of the x32 ABI");
	}
	if (!ret)
		ret = b->rseq_get(pid, &task->thread, err);
	if (ret)
		return ret;
	/* What we run inside it rests on all that was read: nothing may be missing. */
	ret = ckpt_proc_heard(pid, 0, err);
	if (ret)
		return ret;
	if (!c->again) {
		ckpt_wait_find(pid, c->mem_fd, c->peek, c->stopped_at, &task->cpu);
		ckpt_wait_remember(pid, c->stopped_at, &task->cpu);
	}
	if (!c->obstacles.no_remote)
		ret = ckpt_collect_remote(c, err);
	if (!ret) /* after the timers: what one of them sent when it expired is not lost */
		ret = b->signals_get(pid, &task->signals, err);
	if (!ret)
		ret = ckpt_collect_bare_signals(c);
	return ret ? ret : ckpt_collect_memory(c, err);
}
