// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The backend that needs no module: PTRACE_SEIZE and friends (ptrace(2)).
 *
 * Owns stopping and letting go. What runs inside the stopped tasks is remote.c's business.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/elf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <asm/ldt.h>
#include "backend.h"
#include "calls.h"
#include "cred.h"
#include "log.h"
#include "outing.h"
#include "proc.h"
#include "x86_regs.h"

#define GET_THREAD_AREA 25 /* PTRACE_GET_THREAD_AREA, arch/x86 */
#define SET_THREAD_AREA 26
#define IO_BITMAP_BYTES 8192
#define TLS_FIRST	12 /* GDT_ENTRY_TLS_MIN, arch/x86/include/asm/segment.h */
#define TLS_ENTRIES	3
#define DEBUG_REG(n)	(offsetof(struct user, u_debugreg) + (n) * sizeof(long))
#define DR6_NOTHING	0xffff0ff0ul /* arch/x86/include/uapi/asm/debugreg.h, DR6_RESERVED */
#define SYSCALL_INSN	0x050f
#define GET_DISPATCH	0x4211 /* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, Linux 6.4 */

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static struct ckpt_tracee *tracee_find(struct ckpt_captured *cap, pid_t tid)
{
	for (size_t i = 0; i < cap->tracees.n; i++)
		if (cap->tracees.v[i].tid == tid)
			return &cap->tracees.v[i];
	return NULL;
}

static void tracee_drop(struct ckpt_captured *cap, struct ckpt_tracee *t)
{
	size_t at = t - cap->tracees.v;

	memmove(t, t + 1, (cap->tracees.n - at - 1) * sizeof(*t));
	cap->tracees.n--;
}

static struct ckpt_tracee *tracee_add(struct ckpt_captured *cap, pid_t tid, pid_t tgid)
{
	struct ckpt_tracee *t = CKPT_VEC_ADD(&cap->tracees);

	if (t)
		*t = (struct ckpt_tracee){.tid = tid, .tgid = tgid, .peek = {.slept = -1}};
	return t;
}

/* What the stop ended with EINTR is made again: at once, so that our death changes nothing. A task
 * that job control had stopped before we came gets its EINTR as it would without us. */
static void mend(struct ckpt_tracee *t)
{
	struct user_regs_struct regs;

	if (t->job_signal || ptrace(PTRACE_GETREGS, t->tid, 0, &regs) || regs.cs != CKPT_CS_64 ||
	    !ckpt_call_is_cut((long)regs.orig_rax, (int64_t)regs.rax))
		return;
	/* the numbers are those of 64-bit calls */
	if ((ptrace(PTRACE_PEEKTEXT, t->tid, regs.rip - 2, 0) & 0xffff) != SYSCALL_INSN)
		return;
	regs.rax = (uint64_t)-CKPT_ERESTARTNOHAND;
	t->mended = !ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
}

/* Why a task can't be seized, from what /proc says of it. */
static int seize_refused(pid_t tid, int code, struct ckpt_err *err)
{
	pid_t by = ckpt_proc_status(tid, "TracerPid", 10);
	char comm[32];

	if (by > 0) {
		ckpt_proc_comm(by, comm, sizeof(comm));
		return ckpt_fail(err, EBUSY, "task %d is traced by process %d (%s)", tid, by, comm);
	}
	if (code == ESRCH)
		return ckpt_fail(err, ESRCH, "no task %d", tid);
	return ckpt_fail(err, code, "task %d can't be seized: %s", tid, strerror(code));
}

/* A thread that is gone or a zombie when we come is none of ours: 1. */
static int seize(struct ckpt_captured *cap, pid_t tid, pid_t tgid, struct ckpt_err *err)
{
	struct ckpt_wait_peek peek;
	struct ckpt_tracee *t;

	ckpt_wait_peek(tid, &peek);
	if (ptrace(PTRACE_SEIZE, tid, 0, CKPT_SEIZE_OPTIONS)) {
		int code = errno;
		char state;

		/* born of a task we have, and seized with it: its stop will be reported */
		if (ckpt_proc_status(tid, "TracerPid", 10) == gettid())
			return tracee_add(cap, tid, tgid)
				       ? 0
				       : ckpt_fail(err, ENOMEM, "no memory for one more task");
		/* EPERM for who is dying (kernel/ptrace.c, ptrace_attach), or dead by now */
		state = ckpt_proc_state(tid);
		if (code == ESRCH || !state || state == 'Z' || state == 'X')
			return 1;
		return seize_refused(tid, code, err);
	}
	t = tracee_add(cap, tid, tgid);
	if (!t) {
		ptrace(PTRACE_DETACH, tid, 0, 0);
		return ckpt_fail(err, ENOMEM, "no memory for one more task");
	}
	t->peek = peek;
	ptrace(PTRACE_INTERRUPT, tid, 0, 0); /* ESRCH: it is dying, the wait will tell */
	return 0;
}

/* One report of a task: stopped for good, or resumed until it is. */
static void on_report(struct ckpt_captured *cap, pid_t tid, int status)
{
	struct ckpt_tracee *t = tracee_find(cap, tid);
	int sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

	if (!WIFSTOPPED(status)) {
		if (t)
			tracee_drop(cap, t);
		return;
	}
	if (!t) /* born while we were freezing: the kernel seized it for us */
		t = tracee_add(cap, tid, ckpt_proc_status(tid, "Tgid", 10));
	if (!t)
		return;
	if (status >> 16 == CKPT_PTRACE_EVENT_STOP) {
		t->stopped = true;
		t->job_signal = sig == SIGTRAP ? 0 : sig;
		mend(t);
		return;
	}
	/* A fork event or a signal on its way: let it pass, the interrupt we asked for is next.
	 * A signal is handed on, never kept here. */
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	ptrace(PTRACE_CONT, tid, 0, status >> 16 ? 0 : sig);
}

static const struct ckpt_tracee *first_running(const struct ckpt_captured *cap)
{
	for (size_t i = 0; i < cap->tracees.n; i++)
		if (!cap->tracees.v[i].stopped)
			return &cap->tracees.v[i];
	return NULL;
}

static int wait_all(struct ckpt_captured *cap, uint64_t deadline, struct ckpt_err *err)
{
	const struct ckpt_tracee *t;
	unsigned int idle = 0;

	while ((t = first_running(cap))) {
		int status;
		pid_t tid = ckpt_tracee_report(-1, &status);

		if (tid > 0) {
			on_report(cap, tid, status);
			idle = 0;
			continue;
		}
		if (tid < 0 && errno == ECHILD) {
			cap->tracees.n = 0;
			break;
		}
		if (now_us() > deadline) {
			char where[80], state = ckpt_proc_state(t->tid);

			ckpt_proc_line(t->tid, "wchan", where, sizeof(where));
			return ckpt_fail(err, ETIMEDOUT,
					 "task %d did not stop in time: state %c, it waits in %s",
					 t->tid, state, where);
		}
		if (idle++ < 200)
			sched_yield();
		else
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	return 0;
}

/* Frozen by version 1, a task does not even stop (kernel/freezer.c, __refrigerator): it does so on
 * its way back to user mode, outside of the group. */
static int leave_group(struct ckpt_captured *cap, pid_t tgid, struct ckpt_err *err)
{
	struct ckpt_outing *o;
	int ret;

	for (size_t i = 0; i < cap->outings.n; i++)
		if (cap->outings.v[i].pid == tgid)
			return 0;
	o = CKPT_VEC_ADD(&cap->outings);
	if (!o)
		return ckpt_fail(err, ENOMEM, "no memory for one more task");
	ret = ckpt_outing_open(o, tgid, true, err);
	return ret || !o->nhomes ? ret : ckpt_outing_leave(o, -1, 0, err);
}

static void return_to_groups(struct ckpt_captured *cap)
{
	for (size_t i = 0; i < cap->outings.n; i++)
		ckpt_outing_close(&cap->outings.v[i]);
	CKPT_VEC_FINI(&cap->outings);
}

/* Frozen by version 1 while job control had stopped it: PTRACE_SEIZE would wait until it is thawed
 * (kernel/ptrace.c, JOBCTL_TRAPPING). Outside of the group it stays stopped. */
static int leave_stopped(struct ckpt_captured *cap, pid_t tgid, struct ckpt_err *err)
{
	char where[80];

	if (!cap->held || ckpt_proc_state(tgid) != 'D')
		return 0;
	ckpt_proc_line(tgid, "wchan", where, sizeof(where));
	return strcmp(where, "do_signal_stop") != 0 ? 0 : leave_group(cap, tgid, err);
}

/* Seizes the threads of one process that are not ours yet; *fresh counts them. */
static int seize_threads(struct ckpt_captured *cap, pid_t tgid, uint32_t *fresh,
			 struct ckpt_err *err)
{
	char path[40];
	struct dirent *d;
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	/* A descendant may be another user's by now (setuid): the same rule holds for it. */
	if (!tracee_find(cap, tgid)) {
		ret = ckpt_cred_may_ptrace(cap->caller, tgid, err);
		if (ret == -ESRCH && tgid != cap->pid)
			return 0;
		if (!ret)
			ret = leave_stopped(cap, tgid, err);
		if (ret)
			return ret;
	}
	dir = ckpt_proc_opendir(path);
	if (!dir)
		return tgid == cap->pid ? ckpt_fail(err, ESRCH, "no process %d", tgid) : 0;
	while (ret >= 0 && (d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (tid <= 0 || tracee_find(cap, tid))
			continue;
		ret = seize(cap, tid, tgid, err);
		if (!ret)
			++*fresh;
	}
	closedir(dir);
	return ret < 0 ? ret : 0;
}

struct seize_child {
	struct ckpt_captured *cap;
	uint32_t *fresh;
	struct ckpt_err *err;
};

static int seize_child(pid_t pid, void *arg)
{
	struct seize_child *s = arg;

	return seize_threads(s->cap, pid, s->fresh, s->err);
}

/* One round over all processes known so far: their threads, then their children's. */
static int seize_round(struct ckpt_captured *cap, uint32_t *fresh, struct ckpt_err *err)
{
	struct seize_child s = {cap, fresh, err};
	int ret = seize_threads(cap, cap->pid, fresh, err);

	for (size_t i = 0; !ret && i < cap->tracees.n; i++)
		ret = ckpt_proc_children(cap->tracees.v[i].tid, seize_child, &s);
	return ret;
}

static void ptrace_thaw(struct ckpt_captured *cap)
{
	for (size_t i = 0; i < cap->tracees.n; i++) {
		struct ckpt_tracee *t = &cap->tracees.v[i];

		/* One that has not stopped is let go when this thread ends. */
		if (t->stopped && ptrace(PTRACE_DETACH, t->tid, 0, 0) && errno == ESRCH)
			waitpid(t->tid, NULL, __WALL | __WNOTHREAD | WNOHANG);
	}
	CKPT_VEC_FINI(&cap->tracees);
}

static int stop_all(struct ckpt_captured *cap, uint64_t deadline, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && cap->held && i < cap->tracees.n; i++)
		if (!cap->tracees.v[i].stopped)
			ret = leave_group(cap, cap->tracees.v[i].tgid, err);
	if (!ret)
		ret = wait_all(cap, deadline, err);
	return_to_groups(cap);
	return ret;
}

static int ptrace_freeze(struct ckpt_captured *cap, unsigned int timeout_ms, struct ckpt_err *err)
{
	uint64_t deadline = now_us() + timeout_ms * 1000ull;
	uint32_t fresh;
	int ret;

	do { /* until a whole round finds nothing new while everything stands still */
		fresh = 0;
		ret = ckpt_proc_heard(cap->pid, seize_round(cap, &fresh, err), err);
		if (!ret && !cap->tracees.n)
			ret = ckpt_fail(err, ESRCH, "process %d is ending", cap->pid);
		if (!ret)
			ret = stop_all(cap, deadline, err);
		if (!ret && !tracee_find(cap, cap->pid))
			ret = ckpt_fail(err, ESRCH, "process %d has ended", cap->pid);
	} while (!ret && fresh);
	return_to_groups(cap);
	if (ret)
		ptrace_thaw(cap);
	return ret;
}

static void ptrace_reap(struct ckpt_captured *cap)
{
	size_t i = 0;

	while (i < cap->tracees.n) {
		struct ckpt_tracee *t = &cap->tracees.v[i];
		int status;

		if (waitpid(t->tid, &status, __WALL | __WNOTHREAD | WNOHANG) == t->tid &&
		    !WIFSTOPPED(status))
			tracee_drop(cap, t);
		else
			i++;
	}
}

/* ---- registers ---- */

static int reg_failed(pid_t tid, const char *what, struct ckpt_err *err)
{
	if (errno == ESRCH)
		return ckpt_fail(err, ESRCH, "task %d is gone", tid);
	return ckpt_fail_sys(err, "task %d: %s", tid, what);
}

static int ptrace_regs_get(pid_t tid, struct user_regs_struct *regs, struct ckpt_err *err)
{
	return ptrace(PTRACE_GETREGS, tid, 0, regs) ? reg_failed(tid, "registers", err) : 0;
}

static int ptrace_regs_set(pid_t tid, const struct user_regs_struct *regs, struct ckpt_err *err)
{
	return ptrace(PTRACE_SETREGS, tid, 0, regs) ? reg_failed(tid, "registers", err) : 0;
}

static bool ptrace_dispatched(pid_t tid)
{
	struct {
		uint64_t mode, selector, offset, len;
	} conf = {0};

	return !ptrace(GET_DISPATCH, tid, sizeof(conf), &conf) && conf.mode;
}

static int tls_get(pid_t tid, struct ckpt_cpu *cpu)
{
	for (unsigned int i = 0; i < TLS_ENTRIES; i++) {
		struct user_desc desc;
		struct ckpt_tls *tls;

		memset(&desc, 0, sizeof(desc));
		if (ptrace(GET_THREAD_AREA, tid, TLS_FIRST + i, &desc) ||
		    (desc.seg_not_present && !desc.base_addr && !desc.limit))
			continue;
		tls = CKPT_VEC_ADD(&cpu->tls);
		if (!tls)
			return -ENOMEM;
		tls->entry = TLS_FIRST + i;
		_Static_assert(sizeof(desc) == sizeof(tls->desc), "struct user_desc");
		memcpy(tls->desc, &desc, sizeof(desc));
	}
	return 0;
}

/* Breakpoints stay in the thread when the debugger that set them has let it go. */
static int debug_get(pid_t tid, struct ckpt_cpu *cpu)
{
	for (uint32_t reg = 0; reg < 8; reg++) {
		struct ckpt_debug *debug;
		unsigned long value;

		if (reg == 4 || reg == 5)
			continue;
		errno = 0;
		value = (unsigned long)ptrace(PTRACE_PEEKUSER, tid, DEBUG_REG(reg), 0);
		if (errno || !value || (reg == 6 && value == DR6_NOTHING))
			continue;
		debug = CKPT_VEC_ADD(&cpu->debug);
		if (!debug)
			return -ENOMEM;
		*debug = (struct ckpt_debug){reg, value};
	}
	return 0;
}

static int ptrace_cpu_get(pid_t tid, struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	struct user_regs_struct regs;
	uint8_t area[CKPT_XSAVE_MAX];
	struct iovec iov = {area, sizeof(area)};

	/* GETREGSET would give 32-bit registers while 32-bit code runs; this goes by the tracer */
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return reg_failed(tid, "registers", err);
	ckpt_regs_from_user(&regs, cpu);
	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov))
		return reg_failed(tid, "xsave area", err);
	if (ckpt_xsave_pack(area, iov.iov_len, cpu) || tls_get(tid, cpu) || debug_get(tid, cpu))
		return ckpt_fail(err, ENOMEM, "no memory for registers");
	return 0;
}

static int ptrace_cpu_set(pid_t tid, const struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	struct user_regs_struct regs;
	uint8_t area[CKPT_XSAVE_MAX];
	struct iovec iov = {area, sizeof(area)};
	size_t size;
	int ret;

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov))
		return reg_failed(tid, "xsave area", err);
	size = iov.iov_len;
	ret = ckpt_xsave_unpack(cpu, area, size, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < cpu->tls.n; i++) {
		struct user_desc desc;

		memcpy(&desc, cpu->tls.v[i].desc, sizeof(desc));
		if (ptrace(SET_THREAD_AREA, tid, cpu->tls.v[i].entry, &desc))
			return reg_failed(tid, "TLS entry", err);
	}
	for (size_t i = 0; i < cpu->debug.n; i++) /* 7, which arms the others, last */
		if (ptrace(PTRACE_POKEUSER, tid, DEBUG_REG(cpu->debug.v[i].reg),
			   cpu->debug.v[i].value))
			return ckpt_fail(err, errno == ENOSPC ? ENOSPC : EINVAL,
					 "cpu: debug %u: the kernel does not take 0x%llx: %s",
					 cpu->debug.v[i].reg,
					 (unsigned long long)cpu->debug.v[i].value,
					 strerror(errno));
	iov = (struct iovec){area, size};
	if (ptrace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, &iov))
		return ckpt_fail(err, EINVAL, "cpu: this machine does not take the xsave area: %s",
				 strerror(errno));
	ckpt_regs_to_user(cpu, &regs);
	if (ptrace(PTRACE_SETREGS, tid, 0, &regs))
		return ckpt_fail(err, EINVAL, "cpu: the kernel does not take the registers: %s",
				 strerror(errno));
	return 0;
}

/* ---- signals, rseq ---- */

static int peek_queue(pid_t tid, uint32_t flags, struct ckpt_vec *queue, struct ckpt_err *err)
{
	for (uint64_t off = 0;; off++) {
		struct __ptrace_peeksiginfo_args args = {.off = off, .flags = flags, .nr = 1};
		struct ckpt_siginfo *info;
		siginfo_t si;
		long n;

		memset(&si, 0, sizeof(si));
		n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, &si);
		if (n < 0)
			return reg_failed(tid, "pending signals", err);
		if (n == 0)
			return 0;
		info = ckpt_vec_add(queue, sizeof(*info));
		if (!info)
			return ckpt_fail(err, ENOMEM, "no memory for pending signals");
		memcpy(info->info, &si, sizeof(info->info));
	}
}

static int ptrace_signals_get(pid_t tid, struct ckpt_signals *signals, struct ckpt_err *err)
{
	int ret;

	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(signals->blocked), &signals->blocked))
		return reg_failed(tid, "signal mask", err);
	ret = peek_queue(tid, 0, (struct ckpt_vec *)&signals->pending, err);
	return ret ? ret
		   : peek_queue(tid, PTRACE_PEEKSIGINFO_SHARED, (struct ckpt_vec *)&signals->shared,
				err);
}

static int ptrace_rseq_get(pid_t tid, struct ckpt_thread *thread, struct ckpt_err *err)
{
	struct {
		uint64_t area;
		uint32_t size, signature, flags, pad;
	} conf = {0};

	if (ptrace(CKPT_PTRACE_GET_RSEQ, tid, sizeof(conf), &conf) < 0)
		return reg_failed(tid, "rseq", err);
	thread->rseq = conf.area;
	thread->rseq_len = conf.area ? conf.size : 0;
	thread->rseq_sig = conf.area ? conf.signature : 0;
	return 0;
}

/* ENXIO: it has none; ENODEV: no task has (CONFIG_X86_IOPL_IOPERM). */
static bool ptrace_has_io_ports(pid_t tid)
{
	uint8_t map[IO_BITMAP_BYTES];
	struct iovec iov = {map, sizeof(map)};

	return !ptrace(PTRACE_GETREGSET, tid, NT_386_IOPERM, &iov) && iov.iov_len;
}

/* ---- skeletons ---- */

static int ptrace_seize_skeleton(pid_t tid, struct ckpt_err *err)
{
	if (ptrace(PTRACE_SEIZE, tid, 0, CKPT_SKELETON_OPTIONS))
		return reg_failed(tid, "PTRACE_SEIZE of the skeleton", err);
	return 0;
}

static int ptrace_wait_exec(pid_t tid, struct ckpt_err *err)
{
	int status, ret;

	for (;;) {
		ret = ckpt_tracee_wait(tid, 20000, &status);
		if (ret)
			return ckpt_fail(err, -ret, "skeleton %d did not start: %s", tid,
					 strerror(-ret));
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return 0;
		if (ptrace(PTRACE_CONT, tid, 0, status >> 16 ? 0 : WSTOPSIG(status)))
			return reg_failed(tid, "PTRACE_CONT", err);
	}
}

static int ptrace_mask_set(pid_t tid, uint64_t mask, struct ckpt_err *err)
{
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask))
		return reg_failed(tid, "PTRACE_SETSIGMASK", err);
	return 0;
}

/* By SIGSTOP, whatever stopped the task that it becomes: a handler, the mask, and the rule for
 * orphaned process groups (kernel/signal.c, get_signal) may make nothing of the others. */
static int ptrace_stop(pid_t tid, struct ckpt_err *err)
{
	int status, sig = 0, ret;

	if (kill(tid, SIGSTOP))
		return reg_failed(tid, "SIGSTOP", err);
	for (;;) {
		if (ptrace(PTRACE_CONT, tid, 0, sig))
			return reg_failed(tid, "PTRACE_CONT", err);
		ret = ckpt_tracee_wait(tid, 20000, &status);
		if (ret)
			return ckpt_fail(err, -ret, "skeleton %d did not stop: %s", tid,
					 strerror(-ret));
		if (status >> 16 == CKPT_PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGSTOP)
			return 0;
		sig = status >> 16 ? 0 : WSTOPSIG(status);
	}
}

static int ptrace_release(pid_t tid, struct ckpt_err *err)
{
	/* It must no longer die with us once it is itself. */
	if (ptrace(PTRACE_SETOPTIONS, tid, 0, 0))
		return reg_failed(tid, "PTRACE_SETOPTIONS", err);
	if (ptrace(PTRACE_DETACH, tid, 0, 0))
		return reg_failed(tid, "PTRACE_DETACH", err);
	return 0;
}

const struct ckpt_backend ckpt_backend_ptrace = {
	.name = "ptrace",
	.freeze = ptrace_freeze,
	.thaw = ptrace_thaw,
	.reap = ptrace_reap,
	.regs_get = ptrace_regs_get,
	.regs_set = ptrace_regs_set,
	.dispatched = ptrace_dispatched,
	.cpu_get = ptrace_cpu_get,
	.signals_get = ptrace_signals_get,
	.has_io_ports = ptrace_has_io_ports,
	.rseq_get = ptrace_rseq_get,
	.seize_skeleton = ptrace_seize_skeleton,
	.wait_exec = ptrace_wait_exec,
	.cpu_set = ptrace_cpu_set,
	.mask_set = ptrace_mask_set,
	.stop = ptrace_stop,
	.release = ptrace_release,
};

const struct ckpt_backend *ckpt_backend(void)
{
	return &ckpt_backend_ptrace;
}
