// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From one state of a live task to another: a second stub, and the program that ends in it. Knows
 * nothing of what the program does.
 */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
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
