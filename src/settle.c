// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the order in which the calls of stopped tasks are put right. Each task is live: until its
 * registers are set, and from then on, it goes on by itself should we die.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "again.h"
#include "calls.h"
#include "log.h"
#include "proc.h"
#include "remote.h"
#include "settle.h"
#include "x86_regs.h"

#define SECOND	   1000000000ll
#define WITH_FEWER "returns fewer bytes than it was asked for"
#define WITH_ALL   "starts afresh with its whole time"

struct settle {
	const struct ckpt_captured *cap;
	int64_t now;
	CKPT_VEC(uint64_t) rips; /* of all tracees */
};

static int open_mem(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* A filter, or the task's own dispatcher, would judge the calls of our code. */
static bool may_run_ours(pid_t tid)
{
	return ckpt_proc_status(tid, "Seccomp", 10) <= 0 && !ckpt_backend()->dispatched(tid);
}

/* Whether cpu leads into our code now. */
static bool make_again(struct settle *s, const struct ckpt_tracee *t, int mem_fd,
		       const struct ckpt_again *how, struct ckpt_cpu *cpu)
{
	struct ckpt_again_busy busy = {s->rips.v, s->rips.n};
	struct ckpt_err err = {0};
	const char *what = cpu->restart == CKPT_RESTART_MORE ? WITH_FEWER : WITH_ALL;

	if (cpu->restart == CKPT_RESTART_UNKNOWN)
		ckpt_fail(&err, 0, "the time it has left is not known");
	else if (!may_run_ours(t->tid))
		ckpt_fail(&err, 0, "seccomp or syscall user dispatch");
	else if (!ckpt_again_place(t->tgid, mem_fd, how, &busy, cpu, &err))
		return true;
	ckpt_log("task %d: its system call %ld, interrupted by the freeze, %s: %s", t->tid, how->nr,
		 what, err.text);
	return false;
}

static void note_written(struct ckpt_tracee *t, int mem_fd, const struct ckpt_cpu *cpu)
{
	uint64_t at = ckpt_call_written(cpu, &t->left_unit);

	if (!at || pread(mem_fd, t->left, sizeof(t->left), (off_t)at) != (ssize_t)sizeof(t->left) ||
	    ckpt_call_ns(t->left, t->left_unit) < 0)
		return;
	t->left_at = at;
	t->left_rip = cpu->rip;
}

static void settle_one(struct settle *s, struct ckpt_tracee *t, int mem_fd,
		       const struct user_regs_struct *was)
{
	static const struct ckpt_again whole = {.format = CKPT_AGAIN_WHOLE, .unit = 1};
	const struct ckpt_backend *b = ckpt_backend();
	struct user_regs_struct regs = *was;
	const struct ckpt_again *how;
	struct ckpt_again more = whole;
	struct ckpt_cpu cpu = {0};
	bool set = false;
	uint64_t at, done;

	if (ckpt_regs_call_compat(was, mem_fd))
		return;
	ckpt_regs_from_user(was, &cpu);
	at = ckpt_again_at(mem_fd, cpu.rip);
	how = at ? NULL : ckpt_call_find(&cpu, t->mended);
	done = at || t->job_signal ? 0 : ckpt_call_done(t->tgid, &t->peek, &cpu);
	if (!at && !how && !t->job_signal)
		note_written(t, mem_fd, &cpu);
	if (at) {
		set = ckpt_again_resume(at, &cpu);
	} else if (how) {
		ckpt_call_time(t->tgid, mem_fd, how, &t->peek, s->now, &cpu);
		set = cpu.restart != CKPT_RESTART_NONE && make_again(s, t, mem_fd, how, &cpu);
	} else if (done) {
		more.nr = (long)cpu.orig_rax;
		cpu.restart = CKPT_RESTART_MORE;
		cpu.restart_left = (int64_t)done;
		set = make_again(s, t, mem_fd, &more, &cpu);
	}
	if (!set)
		return;
	ckpt_regs_to_user(&cpu, &regs);
	b->regs_set(t->tid, &regs, NULL); /* fails when it is dead */
}

/* Out of the stub that a killed daemon has left it in: then it was in no call of its own. */
static void finish_stub(struct ckpt_tracee *t, struct user_regs_struct *regs)
{
	int mem_fd = open_mem(t->tgid);

	if (mem_fd < 0)
		return;
	if (ckpt_stub_finish(t->tid, mem_fd, regs)) {
		t->peek = (struct ckpt_wait_peek){.slept = -1, .nr = -1, .wchan = "-"};
		t->mended = false;
	}
	close(mem_fd);
}

void ckpt_settle_all(struct ckpt_captured *cap, int64_t now)
{
	struct user_regs_struct *regs = calloc(cap->tracees.n, sizeof(*regs));
	struct settle s = {.cap = cap, .now = now};
	pid_t opened = 0;
	int mem_fd = -1;

	for (size_t i = 0; regs && i < cap->tracees.n; i++) {
		uint64_t *rip;

		if (ckpt_backend()->regs_get(cap->tracees.v[i].tid, &regs[i], NULL))
			continue;
		finish_stub(&cap->tracees.v[i], &regs[i]);
		rip = CKPT_VEC_ADD(&s.rips);
		if (!rip)
			goto out; /* what is in use is not known: nothing is touched */
		*rip = regs[i].rip;
	}
	for (size_t i = 0; regs && i < cap->tracees.n; i++) {
		struct ckpt_tracee *t = &cap->tracees.v[i];

		if (t->tgid != opened) {
			if (mem_fd >= 0)
				close(mem_fd);
			opened = t->tgid;
			mem_fd = open_mem(opened);
			if (mem_fd >= 0)
				ckpt_again_sweep(opened, mem_fd,
						 &(struct ckpt_again_busy){s.rips.v, s.rips.n});
		}
		if (mem_fd >= 0 && regs[i].rip)
			settle_one(&s, t, mem_fd, &regs[i]);
	}
out:
	if (mem_fd >= 0)
		close(mem_fd);
	CKPT_VEC_FINI(&s.rips);
	free(regs);
}

/* The task may have been changed in place: then it is no longer in that call, or has another time.
 */
static bool still_waits(const struct ckpt_tracee *t, int mem_fd)
{
	struct user_regs_struct regs;
	int64_t now[2];

	return !ckpt_backend()->regs_get(t->tid, &regs, NULL) && regs.rip == t->left_rip &&
	       (int64_t)regs.orig_rax >= 0 &&
	       pread(mem_fd, now, sizeof(now), (off_t)t->left_at) == (ssize_t)sizeof(now) &&
	       !memcmp(now, t->left, sizeof(now));
}

static void take_off(const struct ckpt_tracee *t, int mem_fd, int64_t stood)
{
	int64_t time[2], ns = ckpt_call_ns(t->left, t->left_unit) - stood;

	if (ns < 0)
		ns = 0;
	time[0] = ns / SECOND;
	time[1] = ns % SECOND / t->left_unit;
	/* a page that it can write: the kernel has just done so */
	if (pwrite(mem_fd, time, sizeof(time), (off_t)t->left_at) < 0)
		ckpt_log("task %d: the time its wait has left can't be written", t->tid);
}

/* With the daemon dead, or job control: without it, as after SIGSTOP and SIGCONT. */
void ckpt_settle_thaw(const struct ckpt_captured *cap, int64_t stood)
{
	for (size_t i = 0; i < cap->tracees.n; i++) {
		const struct ckpt_tracee *t = &cap->tracees.v[i];
		int mem_fd = t->left_at ? open_mem(t->tgid) : -1;

		if (mem_fd < 0)
			continue;
		if (still_waits(t, mem_fd))
			take_off(t, mem_fd, stood);
		close(mem_fd);
	}
}

int ckpt_settle_view(pid_t pid, int mem_fd, struct ckpt_cpu *cpu, uint64_t *at,
		     struct ckpt_err *err)
{
	*at = ckpt_again_at(mem_fd, cpu->rip);
	return *at ? ckpt_again_view(pid, mem_fd, *at, cpu, err) : 0;
}

void ckpt_settle_new(pid_t pid, int mem_fd, struct ckpt_cpu *cpu)
{
	static const struct ckpt_again_busy nobody = {NULL, 0};
	struct ckpt_again more = {.nr = (long)cpu->orig_rax, .unit = 1};
	const struct ckpt_again *how = NULL;
	struct ckpt_err err = {0};
	bool is_more = cpu->restart == CKPT_RESTART_MORE;

	if (is_more)
		how = (int64_t)cpu->rax == cpu->restart_left ? &more : NULL;
	else if (cpu->restart == CKPT_RESTART_AGAIN)
		how = ckpt_call_find(cpu, true);
	else
		return;
	if (!how)
		ckpt_fail(&err, EINVAL, "cpu: restart does not belong to rax and orig_rax");
	else if (!may_run_ours(pid))
		ckpt_fail(&err, ENOTSUP, "seccomp");
	else if (!ckpt_again_place(pid, mem_fd, how, &nobody, cpu, &err))
		return;
	ckpt_log("task %d: its system call %lld %s: %s", pid, (long long)cpu->orig_rax,
		 is_more ? WITH_FEWER : WITH_ALL, err.text);
}
