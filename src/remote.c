// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs system calls inside stopped tasks. Owns the stub, its place in the task and the scratch
 * memory; knows nothing of what the calls are for.
 *
 * The rule that shapes everything here: at every instant our SIGKILL must leave a live task that
 * goes on by itself. The kernel then resumes it from wherever it is stopped, so wherever that
 * can be, either its own registers and mask are set or the stub is, which sets them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "calls.h"
#include "outing.h"
#include "remote.h"
#include "remote_int.h"
#include "seccomp.h"
#include "vma_nodes.h"
#include "way_home.h"
#include "x86_regs.h"

#define SYSCALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

pid_t ckpt_tracee_report(pid_t which, int *status)
{
	const int options = __WALL | WNOHANG | (which > 0 ? 0 : __WNOTHREAD);
	siginfo_t info = {0};

	*status = 0;
	if (waitid(which > 0 ? P_PID : P_ALL, (id_t)which, &info,
		   options | WEXITED | WSTOPPED | WNOWAIT))
		return -1;
	if (!info.si_pid)
		return 0;
	if (info.si_code == CLD_TRAPPED && info.si_status != SYSCALL_STOP &&
	    !(info.si_status >> 8)) {
		*status = info.si_status << 8 | 0x7f;
		return info.si_pid;
	}
	return waitpid(info.si_pid, status, options);
}

int ckpt_tracee_wait(pid_t tid, unsigned int timeout_ms, int *status)
{
	uint64_t end = 0;

	for (unsigned int round = 0;; round++) {
		pid_t got = ckpt_tracee_report(tid, status);

		if (got == tid)
			return WIFSTOPPED(*status) ? 0 : -ESRCH;
		if (got < 0 && errno != EINTR)
			return -ESRCH;
		if (round < 100) {
			/* a stop takes microseconds: do not sleep yet */
			sched_yield();
			continue;
		}
		if (!end)
			end = now_ms() + timeout_ms;
		else if (now_ms() > end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = round < 300 ? 20000 : 500000}, NULL);
	}
}

int ckpt_remote_gone(pid_t tid, struct ckpt_err *err)
{
	return ckpt_fail(err, ESRCH, "task %d is gone", tid);
}

int ckpt_remote_lost(pid_t tid, int code, const char *what, struct ckpt_err *err)
{
	if (code == ESRCH)
		return ckpt_remote_gone(tid, err);
	return ckpt_fail(err, code, "task %d: %s: %s", tid, what, strerror(code));
}

/* Resumes the task and waits for its next system-call stop. Signals it may not block (SIGSTOP)
 * are handed on: the stop takes effect when the task is let go. */
int ckpt_remote_next_syscall_stop(pid_t tid, unsigned int timeout_ms, struct ckpt_err *err)
{
	int sig = 0, status, ret;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, tid, 0, sig))
			return ckpt_remote_lost(tid, errno, "PTRACE_SYSCALL", err);
		ret = ckpt_tracee_wait(tid, timeout_ms, &status);
		if (ret)
			return ckpt_remote_lost(tid, -ret, "system call inside it", err);
		if (WSTOPSIG(status) == SYSCALL_STOP)
			return 0;
		sig = 0;
		if (status >> 16)
			continue; /* PTRACE_EVENT_STOP: a job-control stop reported again */
		sig = WSTOPSIG(status);
		if (sig != SIGSTOP && sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU)
			return ckpt_fail(err, EIO,
					 "task %d: signal %d inside a system call of ours", tid,
					 sig);
	}
}

static int judge(struct ckpt_remote *r, long nr, const uint64_t args[6], uint64_t next, bool runs,
		 struct ckpt_err *err)
{
	struct seccomp_data call = {(int)nr, AUDIT_ARCH_X86_64, next, {0}};
	uint32_t verdict;
	char text[80];

	memcpy(call.args, args, sizeof(call.args));
	verdict = ckpt_seccomp_verdict(&r->filters, &call);
	if (ckpt_seccomp_harmless(verdict, runs))
		return 0;
	ckpt_seccomp_describe(verdict, nr, args[0], text, sizeof(text));
	return ckpt_fail(err, ENOTSUP, "seccomp: its filter %s", text);
}

/* Filters are suspended only as long as we live: if we die now, both the call and the one of the
 * stub after it meet them. Without its own mask the task must not go on. */
int ckpt_remote_judge_call(struct ckpt_remote *r, long nr, const uint64_t args[6],
			   struct ckpt_err *err)
{
	const uint64_t mask_args[6] = {
		SIG_SETMASK, r->slack + STUB_AT(slots) + offsetof(struct stub_slots, mask),
		0,	     8,
		r->saved.r8, r->saved.r9};
	int ret;

	if (!r->filters.filter.n)
		return 0;
	ret = judge(r, SYS_rt_sigprocmask, mask_args, r->slack + STUB_AT(masked), true, err);
	return ret ? ret : judge(r, nr, args, r->entry + SYSCALL_LEN, false, err);
}

/* Whether a call opens 0, 1 or 2 descriptors. */
static int opens(long nr, const uint64_t args[6])
{
	static const long one[] = {SYS_open, SYS_openat, SYS_openat2, SYS_eventfd2, SYS_dup};

	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		if (nr == one[i])
			return 1;
	if (nr == SYS_fcntl)
		return args[1] == F_DUPFD_CLOEXEC || args[1] == F_DUPFD;
	return nr == SYS_pipe2 ? 2 : 0;
}

/* start: the address of its syscall instruction, or of what comes before that. */
static int set_call_at(struct ckpt_remote *r, uint64_t start, long nr, const uint64_t args[6],
		       struct ckpt_err *err)
{
	struct user_regs_struct regs = r->saved;
	int ret = ckpt_remote_judge_call(r, nr, args, err);

	if (ret)
		return ret;
	regs.rip = start;
	regs.cs = CKPT_CS_64;
	regs.ss = CKPT_SS_FLAT;
	regs.eflags = CKPT_EFLAGS_PLAIN; /* the trap flag would have its say in the stub */
	regs.rax = nr;
	regs.orig_rax = -1; /* not in a system call: the kernel must restart nothing */
	*(r->int80 ? &regs.rbx : &regs.rdi) = args[0];
	*(r->int80 ? &regs.rcx : &regs.rsi) = args[1];
	regs.rdx = args[2];
	*(r->int80 ? &regs.rsi : &regs.r10) = args[3];
	*(r->int80 ? &regs.rdi : &regs.r8) = args[4];
	*(r->int80 ? &regs.rbp : &regs.r9) = args[5];
	regs.r12 = (uint64_t)opens(nr, args); /* for program.S */
	if (ptrace(PTRACE_SETREGS, r->tid, 0, &regs))
		return ckpt_remote_lost(r->tid, errno, "PTRACE_SETREGS", err);
	return 0;
}

static int set_call(struct ckpt_remote *r, long nr, const uint64_t args[6], struct ckpt_err *err)
{
	return set_call_at(r, r->entry, nr, args, err);
}

static int get_result(struct ckpt_remote *r, long *result, struct ckpt_err *err)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, r->tid, 0, &regs))
		return ckpt_remote_lost(r->tid, errno, "PTRACE_GETREGS", err);
	*result = (long)regs.rax;
	return 0;
}

static void tell_opened(struct ckpt_remote *r, long nr, const uint64_t args[6], long result)
{
	int n = opens(nr, args), pair[2] = {-1, -1};

	if (!r->opened || !n || result < 0)
		return;
	if (n == 1) {
		r->opened(r->opened_arg, (int)result);
		return;
	}
	if (pread(r->mem_fd, pair, sizeof(pair), (off_t)args[0]) != (ssize_t)sizeof(pair))
		return;
	r->opened(r->opened_arg, pair[0]);
	r->opened(r->opened_arg, pair[1]);
}

int ckpt_remote_call(struct ckpt_remote *r, long *result, struct ckpt_err *err, long nr,
		     const uint64_t args[6])
{
	int ret = set_call(r, nr, args, err);
	long value = 0;

	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err); /* entry */
	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err); /* exit */
	if (!ret)
		ret = get_result(r, &value, err);
	if (ret)
		return ret;
	*result = value;
	tell_opened(r, nr, args, value);
	return 0;
}

int ckpt_remote_call_interrupted(struct ckpt_remote *r, long *result, struct ckpt_err *err, long nr,
				 const uint64_t args[6])
{
	int ret = set_call(r, nr, args, err);

	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
	if (!ret && ptrace(PTRACE_INTERRUPT, r->tid, 0, 0))
		ret = ckpt_remote_lost(r->tid, errno, "PTRACE_INTERRUPT", err);
	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
	return ret ? ret : get_result(r, result, err);
}

int ckpt_remote_do(struct ckpt_remote *r, long *result, struct ckpt_err *err, const char *what,
		   long nr, const uint64_t args[6])
{
	long value = 0;
	int ret = ckpt_remote_call(r, &value, err, nr, args);

	if (ret)
		return ret;
	if (value < 0 && value >= -4095)
		return ckpt_fail(err, (int)-value, "%s: %s", what, strerror((int)-value));
	if (result)
		*result = value;
	return 0;
}

int ckpt_remote_has_ldt(struct ckpt_remote *r, bool *has, struct ckpt_err *err)
{
	struct user_regs_struct regs;
	/* a call that does nothing: the mask stays as it is */
	int ret = set_call_at(r, r->slack + (r->outing ? STUB_AT(away_sldt) : STUB_AT(sldt)),
			      SYS_rt_sigprocmask, CKPT_ARGS(SIG_BLOCK, 0, 0, 8), err);

	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
	if (ret)
		return ret;
	if (ptrace(PTRACE_GETREGS, r->tid, 0, &regs))
		return ckpt_remote_lost(r->tid, errno, "PTRACE_GETREGS", err);
	*has = regs.rbx & 0xffff;
	return 0;
}

int ckpt_remote_put(struct ckpt_remote *r, size_t off, const void *data, size_t len,
		    struct ckpt_err *err)
{
	if (off + len > CKPT_SCRATCH_SIZE)
		return ckpt_fail(err, E2BIG, "%zu bytes are too many for one call", len);
	if (pwrite(r->mem_fd, data, len, (off_t)(r->scratch + off)) != (ssize_t)len)
		return ckpt_fail(err, EIO, "task %d: its memory can't be written", r->tid);
	return 0;
}

int ckpt_remote_get(struct ckpt_remote *r, size_t off, void *data, size_t len, struct ckpt_err *err)
{
	if (off + len > CKPT_SCRATCH_SIZE)
		return ckpt_fail(err, E2BIG, "%zu bytes are too many for one call", len);
	if (pread(r->mem_fd, data, len, (off_t)(r->scratch + off)) != (ssize_t)len)
		return ckpt_fail(err, EIO, "task %d: its memory can't be read", r->tid);
	return 0;
}

int ckpt_remote_settle(pid_t tid, struct ckpt_err *err)
{
	int status, sig = 0, ret;

	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return ckpt_remote_lost(tid, errno, "PTRACE_INTERRUPT", err);
	for (;;) {
		if (ptrace(PTRACE_CONT, tid, 0, sig))
			return ckpt_remote_lost(tid, errno, "PTRACE_CONT", err);
		ret = ckpt_tracee_wait(tid, CALL_TIMEOUT_MS, &status);
		if (ret)
			return ckpt_remote_lost(tid, -ret, "stop", err);
		if (status >> 16 == CKPT_PTRACE_EVENT_STOP)
			return 0;
		sig = status >> 16 || WSTOPSIG(status) == SYSCALL_STOP ? 0 : WSTOPSIG(status);
	}
}

int ckpt_remote_enter(struct ckpt_remote *r, struct ckpt_err *err)
{
	return ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
}

/* ---- the stub in a live task ---- */

/* The bytes at that address, the end of a mapping, are padding (zero), or a stub that an earlier
 * daemon left, of either length, and that nobody needs. What was padding becomes zero again. */
static bool is_slack(const struct ckpt_remote *r, uint64_t addr, uint8_t *bytes, size_t len)
{
	uint8_t *old = bytes + AWAY_SIZE - STUB_SIZE, *end = bytes + AWAY_SIZE;

	if (ckpt_stub_is_one(bytes)) {
		if (ckpt_stub_is_needed(r, addr))
			return false;
		memset(bytes, 0, AWAY_SIZE);
	} else if (ckpt_stub_is_one(old)) {
		if (ckpt_stub_is_needed(r, addr + AWAY_SIZE - STUB_SIZE))
			return false;
		memset(old, 0, STUB_SIZE);
	}
	for (uint8_t *p = end - len; p < end; p++)
		if (*p)
			return false;
	return true;
}

/* A change in place that was cut off has left a second stub below the first. */
static void clean_below(const struct ckpt_remote *r, uint64_t addr)
{
	uint8_t bytes[sizeof(r->slack_bytes)];

	if (pread(r->mem_fd, bytes, STUB_SIZE, (off_t)(addr - STUB_SIZE)) != (ssize_t)STUB_SIZE ||
	    !ckpt_stub_is_one(bytes) || ckpt_stub_is_needed(r, addr - STUB_SIZE))
		return;
	memset(bytes, 0, STUB_SIZE);
	if (pwrite(r->mem_fd, bytes, STUB_SIZE, (off_t)(addr - STUB_SIZE)) < 0)
		return; /* it stays: a page that differs from its file */
}

static bool try_slack(struct ckpt_remote *r, const struct ckpt_vma *vma)
{
	const size_t size = r->stub_size;
	uint64_t addr = vma->end - size;
	uint8_t bytes[AWAY_SIZE];

	if (addr == r->avoid)
		addr -= size;
	if (!(vma->prot & CKPT_PROT_EXEC) || !(vma->prot & CKPT_PROT_READ) || vma->shared)
		return false;
	if (!r->avoid)
		clean_below(r, vma->end - STUB_SIZE);
	if (pread(r->mem_fd, bytes, AWAY_SIZE, (off_t)(addr + size - AWAY_SIZE)) !=
		    (ssize_t)AWAY_SIZE ||
	    !is_slack(r, addr + size - AWAY_SIZE, bytes, size))
		return false;
	memset(r->slack_bytes, 0, size);
	r->slack = addr;
	r->entry = addr + (r->outing ? STUB_AT(away) : STUB_AT(entry));
	return true;
}

/* Slack of file mappings first: the vdso's page is the kernel's, and some kernels refuse it. */
int ckpt_remote_find_slack(struct ckpt_remote *r, const struct ckpt_task *task,
			   struct ckpt_err *err)
{
	static const enum ckpt_vma_how order[] = {CKPT_VMA_FILE, CKPT_VMA_ANON, CKPT_VMA_VDSO};

	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++)
		for (size_t i = 0; i < task->vmas.n; i++)
			if (task->vmas.v[i].how == order[o] && try_slack(r, &task->vmas.v[i]))
				return 0;
	return ckpt_fail(err, ENOTSUP, "task %d: no executable mapping has %zu bytes of slack",
			 r->tid, r->stub_size);
}

#define STEP_STACK (128 + 5 * 8) /* bytes that the label step in stub.S needs */

/* How the stub gets to where the task was: see the labels in stub.S. rsp may be no address: of a
 * segment that is not flat, or of nothing at all. */
static size_t way_out(const struct ckpt_remote *r, const struct user_regs_struct *regs)
{
	uint8_t below[STEP_STACK];
	bool is_stack = regs->ss == CKPT_SS_FLAT &&
			pread(r->mem_fd, below, sizeof(below),
			      (off_t)(regs->rsp - sizeof(below))) == (ssize_t)sizeof(below);

	if (regs->eflags & CKPT_EFLAGS_TF)
		return is_stack ? STUB_AT(step) : STUB_AT(frame);
	return regs->cs == CKPT_CS_64 ? STUB_AT(near) : STUB_AT(far);
}

int ckpt_remote_write_stub(struct ckpt_remote *r, struct ckpt_err *err)
{
	uint8_t stub[sizeof(r->slack_bytes)];
	struct user_regs_struct regs = r->saved;
	struct stub_slots slots;

	ckpt_regs_restarted(&regs, ckpt_regs_call_compat(&regs, r->mem_fd));
	/* clang-format off */
	slots = (struct stub_slots){
		regs.r15, regs.r14, regs.r13, regs.r12, regs.rbp, regs.rbx, regs.r9, regs.r8,
		regs.eflags & ~CKPT_EFLAGS_TF, regs.rsp,
		regs.r11, regs.r10, regs.rax, regs.rcx, regs.rdx, regs.rsi, regs.rdi,
		r->saved_mask, r->slack + way_out(r, &regs), (uint32_t)regs.rip, (uint16_t)regs.cs, {0},
		regs.rip, regs.cs, regs.eflags, regs.rsp, regs.ss};
	/* clang-format on */
	memcpy(stub, ckpt_stub_start, r->stub_size);
	memcpy(stub + STUB_AT(slots), &slots, sizeof(slots));
	if (pwrite(r->mem_fd, stub, r->stub_size, (off_t)r->slack) != (ssize_t)r->stub_size)
		return ckpt_fail(err, ENOTSUP, "task %d: its code can't be written", r->tid);
	return 0;
}

static int set_mask(pid_t tid, uint64_t mask, struct ckpt_err *err)
{
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask))
		return ckpt_remote_lost(tid, errno, "PTRACE_SETSIGMASK", err);
	return 0;
}

/* A task inside a restartable sequence would be sent to its abort handler by the kernel had it
 * been preempted (kernel/rseq.c, rseq_ip_fixup). Our call is a preemption it does not see: the
 * kernel forgets the sequence when it looks at the stub's rip. */
static void leave_rseq(struct ckpt_remote *r)
{
	struct {
		uint64_t area;
		uint32_t size, signature, flags, pad;
	} conf = {0};
	struct {
		uint32_t version, flags;
		uint64_t start_ip, post_commit_offset, abort_ip;
	} cs;
	uint64_t cs_addr = 0;

	/* PTRACE_GET_RSEQ_CONFIGURATION, Linux 5.13; struct rseq: rseq_cs at offset 8 */
	if (ptrace(CKPT_PTRACE_GET_RSEQ, r->tid, sizeof(conf), &conf) <= 0 || !conf.area)
		return;
	if (pread(r->mem_fd, &cs_addr, 8, (off_t)(conf.area + 8)) != 8 || !cs_addr)
		return;
	if (pread(r->mem_fd, &cs, sizeof(cs), (off_t)cs_addr) != (ssize_t)sizeof(cs))
		return;
	r->aborted = r->saved.rip - cs.start_ip < cs.post_commit_offset;
	if (r->aborted)
		r->saved.rip = cs.abort_ip;
}

/* ---- outside of its frozen control group ---- */

/* If we die meanwhile the stub makes calls that the filters must let pass, too. */
static int judge_stub(struct ckpt_remote *r, struct ckpt_err *err)
{
	static const long calls[] = {SYS_write, SYS_close, SYS_pselect6};
	int ret = 0;

	for (size_t i = 0; !ret && r->filters.filter.n && i < sizeof(calls) / sizeof(calls[0]); i++)
		ret = judge(r, calls[i], CKPT_ARGS(0), r->entry + SYSCALL_LEN, false, err);
	return ret;
}

/* The stub is in charge by now. */
static int leave_home(struct ckpt_remote *r, struct ckpt_err *err)
{
	int ret = judge_stub(r, err);

	return ret ? ret : ckpt_outing_leave(r->outing, r->mem_fd, r->slack + STUB_AT(wait), err);
}

/* low: a 32-bit program, which gets no memory above 4 GiB, can't be asked for some "anywhere" by a
 * 64-bit call (mm/mmap.c, get_unmapped_area: TASK_SIZE is less than the place it finds). */
static int open_stub(struct ckpt_remote *r, bool low, struct ckpt_err *err)
{
	const uint64_t mask = r->slack + STUB_AT(slots) + offsetof(struct stub_slots, mask);
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (low ? MAP_32BIT : 0);
	long addr;
	int ret = ckpt_remote_write_stub(r, err);

	/* Registers first, so that our death after the mask is set finds the stub in charge; the
	 * call that stands in them is never made, unless by a task on its own: the stub's. */
	if (!ret)
		ret = set_call(r, SYS_rt_sigprocmask, CKPT_ARGS(SIG_SETMASK, mask, 0, 8), err);
	r->in_stub = !ret;
	if (!ret)
		ret = set_mask(r->tid, ~0ull, err);
	if (!ret && r->at_entry) /* out of the entry where it stood: call -1 is none */
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
	if (!ret && r->outing)
		ret = leave_home(r, err);
	if (!ret) /* where it will lie is not known yet: asked again for the place itself */
		ret = ckpt_remote_judge_call(r, SYS_munmap, CKPT_ARGS(0, CKPT_SCRATCH_SIZE), err);
	if (!ret)
		ret = ckpt_remote_do(r, &addr, err, "mmap of scratch memory", SYS_mmap,
				     CKPT_ARGS(0, CKPT_SCRATCH_SIZE, PROT_READ | PROT_WRITE,
					       (uint64_t)flags, (uint64_t)-1, 0));
	if (!ret)
		r->scratch = (uint64_t)addr;
	if (!ret && r->outing)
		ckpt_way_home_open(r, r->slack + STUB_AT(home));
	/* mm/mmap.c, mlock_future_ok(): that it is locked would be beyond the limit */
	if (ret == -EAGAIN)
		ret = ckpt_fail(err, ENOTSUP,
				"task %d: it locks what it maps (mlockall), and RLIMIT_MEMLOCK "
				"leaves it no %d bytes: raise its limit with prlimit(1)",
				r->tid, CKPT_SCRATCH_SIZE);
	if (ret == -ENOMEM)
		ret = ckpt_fail(err, ENOTSUP,
				"task %d: no room for %d bytes: it has as many mappings as "
				"vm.max_map_count allows, or as much memory as RLIMIT_AS: raise it",
				r->tid, CKPT_SCRATCH_SIZE);
	return ret;
}

/* A task whose system calls are dispatched to itself (prctl(2), PR_SET_SYSCALL_USER_DISPATCH) would
 * get SIGSYS for ours: forced, with all signals blocked, it would undo the task's handler. */
static int refuse_dispatch(pid_t tid, struct ckpt_err *err)
{
	struct {
		uint64_t mode, selector, offset, len;
	} conf = {0};

	/* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, Linux 6.4; EIO: a kernel that does not tell */
	if (ptrace(0x4211, tid, sizeof(conf), &conf) || !conf.mode)
		return 0;
	return ckpt_fail(err, ENOTSUP,
			 "task %d: system calls go to user space (syscall user dispatch)", tid);
}

/* PTRACE_SETREGS goes register by register and stops at the first that it does not take: a base of
 * the kernel's half, a null selector with a privilege level (arch/x86/kernel/ptrace.c, putreg). A
 * program may have those; with ours in rip by then, it would be lost. So what it has is set first.
 */
static int refuse_unsettable(struct ckpt_remote *r, struct ckpt_err *err)
{
	const struct user_regs_struct *s = &r->saved;

	if (!ptrace(PTRACE_SETREGS, r->tid, 0, s))
		return 0;
	if (errno == ESRCH)
		return ckpt_remote_gone(r->tid, err);
	return ckpt_fail(
		err, ENOTSUP,
		"task %d: ptrace does not set one of its registers: fs_base 0x%llx, gs_base "
		"0x%llx, ds 0x%llx, es 0x%llx, fs 0x%llx, gs 0x%llx",
		r->tid, s->fs_base, s->gs_base, s->ds, s->es, s->fs, s->gs);
}

/* An earlier ckpt_remote_close() may have left it at the entry of its own call, which has done
 * nothing: from anywhere else that is a call to be made again. */
static void find_entry(struct ckpt_remote *r)
{
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, r->tid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	r->saved.rax = (uint64_t)-CKPT_ERESTARTNOHAND;
	r->at_entry = true;
}

static int suspend_filters(struct ckpt_remote *r, struct ckpt_err *err)
{
	int ret = ckpt_seccomp_get(r->tid, &r->filters, err);

	if (ret || !r->filters.filter.n)
		return ret;
	ret = ckpt_seccomp_suspend(r->tid, CKPT_SEIZE_OPTIONS, err);
	if (ret)
		ckpt_seccomp_fini(&r->filters);
	return ret;
}

static void resume_filters(struct ckpt_remote *r)
{
	if (r->filters.filter.n)
		ptrace(PTRACE_SETOPTIONS, r->tid, 0, CKPT_SEIZE_OPTIONS);
	ckpt_seccomp_fini(&r->filters);
}

int ckpt_remote_open_held(struct ckpt_remote *r, pid_t tid, int mem_fd,
			  const struct ckpt_task *task, unsigned int timeout_ms,
			  struct ckpt_outing *outing, struct ckpt_err *err)
{
	int ret;

	memset(r, 0, sizeof(*r));
	r->outing = outing;
	r->stub_size = outing ? AWAY_SIZE : STUB_SIZE;
	r->tid = tid;
	r->mem_fd = mem_fd;
	r->timeout_ms = timeout_ms;
	_Static_assert(sizeof(r->slack_bytes) >= 384, "the stub needs its place");
	if (AWAY_SIZE > sizeof(r->slack_bytes) ||
	    STUB_SIZE - STUB_AT(slots) != sizeof(struct stub_slots))
		return ckpt_fail(err, EIO, "the stub is not what remote.c thinks it is");
	if (ptrace(PTRACE_GETREGS, tid, 0, &r->saved))
		return ckpt_remote_lost(tid, errno, "PTRACE_GETREGS", err);
	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(r->saved_mask), &r->saved_mask))
		return ckpt_remote_lost(tid, errno, "PTRACE_GETSIGMASK", err);
	r->rip = r->saved.rip;
	r->rsp = r->saved.rsp;
	find_entry(r);
	leave_rseq(r);
	ret = refuse_dispatch(tid, err);
	if (!ret)
		ret = refuse_unsettable(r, err);
	if (!ret)
		ret = ckpt_remote_find_slack(r, task, err);
	if (!ret)
		ret = suspend_filters(r, err);
	if (ret)
		return ret;
	ret = open_stub(r, ckpt_task_is_i386(task), err);
	if (ret)
		ckpt_remote_close(r, NULL);
	return ret;
}

int ckpt_remote_open(struct ckpt_remote *r, pid_t tid, int mem_fd, const struct ckpt_task *task,
		     unsigned int timeout_ms, struct ckpt_err *err)
{
	return ckpt_remote_open_held(r, tid, mem_fd, task, timeout_ms, NULL, err);
}

/* Into the program's own call: a signal that only the mask of that call (sigsuspend, ppoll ...)
 * blocks must not get its handler on the way there, and none gets it at the entry of a call. Until
 * the last step our death finds the stub's call, and the stub. */
static int leave_into_call(struct ckpt_remote *r, struct ckpt_err *err)
{
	const uint64_t mask = r->slack + STUB_AT(slots) + offsetof(struct stub_slots, mask);
	struct user_regs_struct regs = r->saved;
	int ret = set_call(r, SYS_rt_sigprocmask, CKPT_ARGS(SIG_SETMASK, mask, 0, 8), err);

	if (!ret)
		ret = ckpt_remote_next_syscall_stop(r->tid, r->timeout_ms, err);
	if (!ret)
		ret = set_mask(r->tid, r->saved_mask, err);
	regs.rax = (uint64_t)-ENOSYS;
	if (!ret && ptrace(PTRACE_SETREGS, r->tid, 0, &regs))
		ret = ckpt_remote_lost(r->tid, errno, "PTRACE_SETREGS", err);
	return ret;
}

/* Not where code of ours makes the call, nor behind int $0x80. */
static bool stands_at_syscall(const struct ckpt_remote *r)
{
	static const uint8_t insn[SYSCALL_LEN] = {0x0f, 0x05};
	uint8_t code[SYSCALL_LEN];

	return pread(r->mem_fd, code, SYSCALL_LEN, (off_t)(r->saved.rip - SYSCALL_LEN)) ==
		       SYSCALL_LEN &&
	       !memcmp(code, insn, SYSCALL_LEN);
}

/* Puts mask and registers back. First to the stop inside get_signal() (kernel/signal.c): only on
 * the way out of it is an interrupted system call restarted from registers that we set. Then the
 * mask, then the registers: until the last step our death still finds the stub. */
static int leave_stub(struct ckpt_remote *r, struct ckpt_err *err)
{
	int ret = 0, home = 0;

	if (!r->outing && ckpt_call_runs_masked(&r->saved) && stands_at_syscall(r))
		return leave_into_call(r, err);
	/* at home, it has not run since it came to such a stop */
	if (!r->outing || r->outing->out)
		ret = ckpt_remote_settle(r->tid, err);
	if (r->outing)
		home = ckpt_outing_return(r->outing, ret ? NULL : err);
	if (!ret)
		ret = set_mask(r->tid, r->saved_mask, err);
	if (!ret && ptrace(PTRACE_SETREGS, r->tid, 0, &r->saved))
		ret = ckpt_remote_lost(r->tid, errno, "PTRACE_SETREGS", err);
	return ret ? ret : home;
}

int ckpt_remote_close(struct ckpt_remote *r, struct ckpt_err *err)
{
	int ret = 0, left = 0;

	ckpt_way_home_close(r, r->slack + STUB_AT(home));
	if (r->scratch)
		ret = ckpt_remote_do(r, NULL, err, "munmap of scratch memory", SYS_munmap,
				     CKPT_ARGS(r->scratch, CKPT_SCRATCH_SIZE));
	r->scratch = 0;
	if (r->in_stub)
		left = leave_stub(r, ret ? NULL : err);
	/* A task that did not come to a stop is still in the stub, or will be: it finds its way
	 * out by itself once we let it go, and needs the stub for that. */
	if (!left && pwrite(r->mem_fd, r->slack_bytes, r->stub_size, (off_t)r->slack) !=
			     (ssize_t)r->stub_size)
		left = ret ? -ESRCH : ckpt_remote_gone(r->tid, err);
	resume_filters(r);
	return ret ? ret : left;
}

int ckpt_remote_adopt(struct ckpt_remote *r, pid_t tid, int mem_fd, uint64_t syscall_offset,
		      struct ckpt_err *err)
{
	static const uint8_t code[] = {0x0f, 0x05, 0xf4}; /* syscall; hlt */

	memset(r, 0, sizeof(*r));
	r->tid = tid;
	r->mem_fd = mem_fd;
	r->timeout_ms = CALL_TIMEOUT_MS;
	if (ptrace(PTRACE_GETREGS, tid, 0, &r->saved))
		return ckpt_remote_lost(tid, errno, "PTRACE_GETREGS", err);
	if (syscall_offset == CKPT_REMOTE_PLANT) {
		syscall_offset = 0;
		if (pwrite(mem_fd, code, sizeof(code), (off_t)r->saved.rip) !=
		    (ssize_t)sizeof(code))
			return ckpt_fail_sys(err, "skeleton %d: its memory", tid);
	}
	r->entry = r->saved.rip + syscall_offset;
	return set_mask(tid, ~0ull, err);
}
