/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls run inside a stopped task.
 *
 * Two kinds of task: a live one, which must go on by itself whatever becomes of us (the stub of
 * stub.S in slack of its code, docs/remote.md), and a skeleton, which dies with us.
 * Only the thread that traces the task may call.
 */
#ifndef CKPT_REMOTE_H
#define CKPT_REMOTE_H

#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include "err.h"
#include "task.h"

#define CKPT_SCRATCH_SIZE (96 * 1024) /* bytes; a whole LDT is 64 KiB */

/* Of every live task that we trace: what is born of it is ours too. */
#define CKPT_SEIZE_OPTIONS                                                                         \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK)

/* Of a skeleton until it is itself: it dies with us. */
#define CKPT_SKELETON_OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC)

/* linux/ptrace.h; the C library of Debian 12 has only some of it. */
#define CKPT_PTRACE_EVENT_STOP 128
#define CKPT_PTRACE_GET_RSEQ   0x420f /* PTRACE_GET_RSEQ_CONFIGURATION, Linux 5.13 */

struct ckpt_outing;

struct ckpt_remote {
	pid_t tid;
	int mem_fd;	  /* /proc/TID/mem, read and write */
	uint64_t entry;	  /* address of a syscall instruction */
	uint64_t scratch; /* CKPT_SCRATCH_SIZE bytes the task may read and write; 0: none yet */
	unsigned int timeout_ms;       /* for one call */
	bool int80;		       /* calls have numbers and registers of i386 */
	bool aborted;		       /* live: saved.rip is that of an abort handler (rseq) */
	bool at_entry;		       /* live: it stood at the entry of a call when opened */
	bool in_stub;		       /* live: its registers are set to the stub */
	uint64_t rip, rsp;	       /* live: where it was when opened */
	struct user_regs_struct saved; /* live: registers at the freeze */
	uint64_t saved_mask;	       /* live: blocked signals at the freeze */
	uint64_t slack;		       /* live: where the stub lies */
	size_t stub_size;
	bool way_home;		     /* live: it may have a descriptor to move itself back */
	uint8_t slack_bytes[640];    /* live: what was there before */
	struct ckpt_outing *outing;  /* live: calls are made outside of its frozen group; NULL */
	struct ckpt_seccomp filters; /* live: suspended while we live, so each call is judged */
	uint64_t avoid;		     /* live: where another stub lies */
	/* live: called with each descriptor that a call of ours has opened */
	void (*opened)(void *arg, int fd);
	void *opened_arg;
};

/* The next report of that tracee, or (-1) of any of this thread's: whose, its wait status; 0: none
 * yet; -1: no such tracee. A signal on its way to the tracee is only looked at and stays with the
 * kernel until it is handed on (PTRACE_CONT): what a wait has taken is lost with us, because it
 * clears exit_code (kernel/exit.c, wait_task_stopped; kernel/signal.c, ptrace_signal). */
pid_t ckpt_tracee_report(pid_t which, int *status);

/* Waits up to timeout_ms until the tracee reports; its wait status. -ETIMEDOUT, -ESRCH (gone). */
int ckpt_tracee_wait(pid_t tid, unsigned int timeout_ms, int *status);

/* Live task, in a ptrace-stop of PTRACE_SEIZE. vmas: its mappings. Blocks all signals, places
 * the stub and maps the scratch memory. -ENOTSUP: no room for the stub, or a seccomp filter that
 * would harm the task if we died during a call. */
int ckpt_remote_open(struct ckpt_remote *r, pid_t tid, int mem_fd, const struct ckpt_task *task,
		     unsigned int timeout_ms, struct ckpt_err *err);

/* The same for one that a frozen control group holds (opened, not left yet; to be closed after
 * ckpt_remote_close()): it is outside of the group from the first call to the last. */
int ckpt_remote_open_held(struct ckpt_remote *r, pid_t tid, int mem_fd,
			  const struct ckpt_task *task, unsigned int timeout_ms,
			  struct ckpt_outing *outing, struct ckpt_err *err);

/* Undoes ckpt_remote_open(): afterwards the task is in a ptrace-stop with its own registers and
 * mask (or at the entry of its own system call), and an interrupted system call is restarted by the
 * kernel when it runs on. */
int ckpt_remote_close(struct ckpt_remote *r, struct ckpt_err *err);

/* Runs one system call; 0 and its result (negative errno as the kernel returns it) in *result.
 * Failure to run it at all is -ESRCH, -ETIMEDOUT or -EIO; -ENOTSUP: a seccomp filter forbids it in
 * a way that would harm the task. */
int ckpt_remote_call(struct ckpt_remote *r, long *result, struct ckpt_err *err, long nr,
		     const uint64_t args[6]);

/* In a ptrace-stop: if the task is in a stub that a killed daemon left, it gets the registers and
 * the mask that the stub would have set, as *regs. */
bool ckpt_stub_finish(pid_t tid, int mem_fd, struct user_regs_struct *regs);

#define CKPT_ARGS(...) ((const uint64_t[6]){__VA_ARGS__})

/* As above, and a negative result is an error too: its text starts with what. */
int ckpt_remote_do(struct ckpt_remote *r, long *result, struct ckpt_err *err, const char *what,
		   long nr, const uint64_t args[6]);

/* Live task: whether it has an LDT, without a system call that tells. */
int ckpt_remote_has_ldt(struct ckpt_remote *r, bool *has, struct ckpt_err *err);

/* Copies between us and the task's scratch memory (offset in bytes). -EIO, -ESRCH. */
int ckpt_remote_put(struct ckpt_remote *r, size_t off, const void *data, size_t len,
		    struct ckpt_err *err);
int ckpt_remote_get(struct ckpt_remote *r, size_t off, void *data, size_t len,
		    struct ckpt_err *err);

/* Gets the task from a system-call stop to a PTRACE_EVENT_STOP before it runs user code: the
 * only place where the kernel restarts system calls from registers that were set. */
int ckpt_remote_settle(pid_t tid, struct ckpt_err *err);

/* All its signals are blocked and its registers stand at a system call: to the entry of that call,
 * where no signal is delivered when they are unblocked. */
int ckpt_remote_enter(struct ckpt_remote *r, struct ckpt_err *err);

/* Stopped while it is on its own in a stub or a program of a daemon that was killed: lets it go on
 * until it is out, since what it has there are not its own registers. *was: whether it was in one.
 * -ETIMEDOUT */
int ckpt_remote_let_out(pid_t tid, int mem_fd, unsigned int timeout_ms, bool *was,
			struct ckpt_err *err);

/* ---- from one state of a live task to another ---- */

/* A second stub beside that of r, for another state of the task. It is not in use yet: *out is
 * what r becomes when a program has run. -ENOTSUP: no room for it. */
int ckpt_remote_second(const struct ckpt_remote *r, const struct ckpt_task *task,
		       const struct user_regs_struct *saved, uint64_t mask, struct ckpt_remote *out,
		       struct ckpt_err *err);

/* Where a stub begins when it is jumped to: its first call is what the registers say. */
uint64_t ckpt_remote_stub(const struct ckpt_remote *r);

/* Takes the stub of r away: the padding has its old bytes again. Not for one that is in use. */
int ckpt_remote_forget(struct ckpt_remote *r, struct ckpt_err *err);

/* Whether the task may make that call where a program does, with nobody to suspend its seccomp
 * filters. -ENOTSUP */
int ckpt_remote_judge(struct ckpt_remote *r, long nr, const uint64_t args[6], struct ckpt_err *err);

struct ckpt_run_program {
	uint64_t entry, table;	 /* program.S and its table, in the task */
	unsigned int timeout_ms; /* from one of its calls to the next */
	/* Called with each result of a system call, and the address of its step. */
	void (*told)(void *arg, uint64_t step, long result);
	void *arg;
};

/* Runs it. 0: it has come to its end, and stands in the second stub, whose first call was not
 * made: r is *second now, and the first stub is gone. -ECANCELED: it went back to the first one.
 * Another error: it is lost, or runs on by itself. */
int ckpt_remote_run(struct ckpt_remote *r, const struct ckpt_remote *second,
		    const struct ckpt_run_program *run, struct ckpt_err *err);

/* ---- a skeleton, traced with PTRACE_O_EXITKILL ---- */

/* A new process stopped before its first instruction: all its signals are blocked, and calls use
 * the syscall instruction at that offset from its entry point, where CKPT_REMOTE_PLANT puts one
 * over whatever program begins there. It has no scratch memory yet. */
#define CKPT_REMOTE_PLANT UINT64_MAX
int ckpt_remote_adopt(struct ckpt_remote *r, pid_t tid, int mem_fd, uint64_t syscall_offset,
		      struct ckpt_err *err);

/* Runs the call up to its entry, interrupts it there, lets it return: the kernel arms what it
 * needs to restart it, and no time passes. *result as it returned (-516, or done). */
int ckpt_remote_call_interrupted(struct ckpt_remote *r, long *result, struct ckpt_err *err, long nr,
				 const uint64_t args[6]);

#endif
