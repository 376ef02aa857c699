// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From one state of a live task to another: a second stub, and the program that ends in it. Knows
 * nothing of what the program does.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "remote.h"
#include "remote_int.h"
#include "x86_regs.h"

int ckpt_remote_judge(struct ckpt_remote *r, long nr, const uint64_t args[6], struct ckpt_err *err)
{
	return ckpt_remote_judge_call(r, nr, args, err);
}

int ckpt_remote_second(const struct ckpt_remote *r, const struct ckpt_task *task,
		       const struct user_regs_struct *saved, uint64_t mask, struct ckpt_remote *out,
		       struct ckpt_err *err)
{
	int ret;

	*out = *r;
	out->saved = *saved;
	out->saved_mask = mask;
	out->avoid = r->slack;
	out->slack = 0;
	ret = ckpt_remote_find_slack(out, task, err);
	return ret ? ret : ckpt_remote_write_stub(out, err);
}

uint64_t ckpt_remote_stub(const struct ckpt_remote *r)
{
	return r->slack + STUB_AT(entry);
}

int ckpt_remote_forget(struct ckpt_remote *r, struct ckpt_err *err)
{
	if (r->slack && pwrite(r->mem_fd, r->slack_bytes, r->stub_size, (off_t)r->slack) !=
				(ssize_t)r->stub_size)
		return ckpt_remote_gone(r->tid, err);
	r->slack = 0;
	return 0;
}

/* It is about to make the first call of a stub, which would unmap the program: not while we are
 * here. */
static int arrive(struct ckpt_remote *r, struct user_regs_struct *regs, struct ckpt_err *err)
{
	regs->orig_rax = (uint64_t)-1;
	if (ptrace(PTRACE_SETREGS, r->tid, 0, regs))
		return ckpt_remote_lost(r->tid, errno, "PTRACE_SETREGS", err);
	return ckpt_remote_next_syscall_stop(r->tid, CALL_TIMEOUT_MS, err);
}

static void become(struct ckpt_remote *r, const struct ckpt_remote *second)
{
	uint64_t scratch = r->scratch;

	*r = *second;
	r->scratch = scratch;
}

static int start_program(struct ckpt_remote *r, const struct ckpt_run_program *run,
			 struct ckpt_err *err)
{
	struct user_regs_struct regs = r->saved;

	regs.rip = run->entry;
	regs.cs = CKPT_CS_64;
	regs.ss = CKPT_SS_FLAT;
	regs.eflags = CKPT_EFLAGS_PLAIN;
	regs.orig_rax = (uint64_t)-1;
	regs.rbx = run->table;
	regs.r13 = 0;
	regs.rsp = run->table; /* none of the task's: it may have to give its signal stack away */
	if (ptrace(PTRACE_SETREGS, r->tid, 0, &regs))
		return ckpt_remote_lost(r->tid, errno, "PTRACE_SETREGS", err);
	return 0;
}

/* From one stop to the next; its registers there. */
static int step_program(struct ckpt_remote *r, const struct ckpt_run_program *run,
			struct user_regs_struct *regs, struct ckpt_err *err)
{
	int ret = ckpt_remote_next_syscall_stop(r->tid, run->timeout_ms, err);

	if (!ret && ptrace(PTRACE_GETREGS, r->tid, 0, regs))
		ret = ckpt_remote_lost(r->tid, errno, "PTRACE_GETREGS", err);
	return ret;
}

int ckpt_remote_run(struct ckpt_remote *r, const struct ckpt_remote *second,
		    const struct ckpt_run_program *run, struct ckpt_err *err)
{
	struct user_regs_struct regs;
	int ret = start_program(r, run, err);

	while (!ret) {
		ret = step_program(r, run, &regs, err); /* at the entry of a call */
		if (ret)
			break;
		if (regs.rip == ckpt_remote_stub(second) + SYSCALL_LEN) {
			ret = arrive(r, &regs, err);
			if (!ret)
				ret = ckpt_remote_forget(r, err);
			become(r, second);
			break;
		}
		if (regs.rip == ckpt_remote_stub(r) + SYSCALL_LEN) {
			ret = arrive(r, &regs, err);
			return ret ? ret : -ECANCELED;
		}
		ret = step_program(r, run, &regs, err);
		if (!ret && !regs.r13)
			run->told(run->arg, regs.rbx, (long)regs.rax);
	}
	return ret;
}

/* ---- left behind by a daemon that was killed ---- */

extern const char ckpt_program_start[], ckpt_program_slots[];
#define LET_OUT_STEP_MS 1

/* A stub is known by its first bytes, wherever it lies; a program begins a page. */
static bool is_inside(pid_t tid, int mem_fd)
{
	const size_t code = (size_t)(ckpt_program_slots - ckpt_program_start);
	struct user_regs_struct regs;
	char page[CKPT_PAGE_SIZE];
	uint64_t at;

	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return false;
	at = regs.rip & ~(CKPT_PAGE_SIZE - 1);
	if (pread(mem_fd, page, sizeof(page), (off_t)at) != (ssize_t)sizeof(page))
		return false;
	if (regs.rip - at <= code && !memcmp(page, ckpt_program_start, code))
		return true;
	for (size_t off = 0; off + STUB_SIZE <= sizeof(page); off++)
		if (regs.rip - at > off && regs.rip - at <= off + STUB_SIZE &&
		    !memcmp(page + off, ckpt_stub_start, 8))
			return true;
	return false;
}

/* A moment of its own, and stopped again. */
static int let_run(pid_t tid, struct ckpt_err *err)
{
	int status, sig = 0, ret;

	if (ptrace(PTRACE_CONT, tid, 0, 0))
		return ckpt_remote_lost(tid, errno, "PTRACE_CONT", err);
	nanosleep(&(struct timespec){.tv_nsec = LET_OUT_STEP_MS * 1000000}, NULL);
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return ckpt_remote_lost(tid, errno, "PTRACE_INTERRUPT", err);
	for (;;) {
		ret = ckpt_tracee_wait(tid, CALL_TIMEOUT_MS, &status);
		if (ret)
			return ckpt_remote_lost(tid, -ret, "stop", err);
		if (status >> 16 == CKPT_PTRACE_EVENT_STOP)
			return 0;
		sig = status >> 16 ? 0 : WSTOPSIG(status);
		if (ptrace(PTRACE_CONT, tid, 0, sig))
			return ckpt_remote_lost(tid, errno, "PTRACE_CONT", err);
	}
}

int ckpt_remote_let_out(pid_t tid, int mem_fd, unsigned int timeout_ms, bool *was,
			struct ckpt_err *err)
{
	int ret = 0;

	*was = false;
	for (unsigned int ms = 0; !ret && is_inside(tid, mem_fd); ms += LET_OUT_STEP_MS) {
		*was = true;
		if (ms > timeout_ms)
			return ckpt_fail(err, ETIMEDOUT,
					 "task %d: it is still in what a ckptfs that was killed "
					 "has begun",
					 tid);
		ret = let_run(tid, err);
	}
	return ret;
}
