// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a tree to a process: reads the tree, checks that this machine and this user can have it,
 * and runs the steps on a skeleton.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "backend.h"
#include "calls.h"
#include "cgroup.h"
#include "clocks.h"
#include "collect.h"
#include "load.h"
#include "i386.h"
#include "log.h"
#include "machine.h"
#include "manifest.h"
#include "proc.h"
#include "settle.h"
#include "skeleton.h"
#include "tree.h"
#include "waits.h"
#include "x86_regs.h"

#define PR_SET_MDWE_NR 65
#define SYSCALL_LEN    2 /* bytes of the instruction */

bool ckpt_restore_any_pid;

/* ---- this machine, this user ---- */

static int check_user(const struct ckpt_task *task, const struct ckpt_cred *who,
		      struct ckpt_err *err)
{
	char label[256];

	if (who->foreign_ns)
		return ckpt_fail(err, EPERM,
				 "your %s namespace is not that of ckptfs: the process would "
				 "leave it",
				 who->foreign_ns_name);
	if (who->seccomp)
		return ckpt_fail(err, EPERM,
				 "you run under a seccomp filter: the process would leave it");
	ckpt_proc_line(getpid(), "attr/current", label, sizeof(label));
	if (who->label && strcmp(who->label, label))
		return ckpt_fail(err, EPERM,
				 "your security label %s is not that of ckptfs (%s): the "
				 "process would leave it",
				 who->label, label);
	if (!ckpt_restore_any_pid && !ckpt_skeleton_may_choose(who))
		return ckpt_fail(err, EPERM,
				 "PID %d: choosing a PID needs CAP_CHECKPOINT_RESTORE; the mount "
				 "option pid=any does without",
				 task->header.pid);
	return 0;
}

/* ---- the last steps ---- */

static int arm(struct ckpt_skeleton *s, const struct ckpt_cpu *cpu, long nr, const uint64_t args[6],
	       long *result, struct ckpt_err *err)
{
	int64_t left = cpu->restart_left;
	struct timespec ts = {left / 1000000000, left % 1000000000};
	int ret = ckpt_remote_put(&s->r, 0, &ts, sizeof(ts), err);

	return ret ? ret : ckpt_remote_call_interrupted(&s->r, result, err, nr, args);
}

/* A wait whose time-out the kernel had remembered: run it again with the time that was left and
 * interrupt it, so that the kernel remembers it here (arms current->restart_block). Then cpu's
 * own registers with rax -516 let it go on as after any signal without a handler. */
static int rearm_wait(struct ckpt_skeleton *s, struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	const uint64_t time = s->r.scratch;
	long result = -CKPT_ERESTART_RESTARTBLOCK;
	int64_t ms = (cpu->restart_left + 999999) / 1000000;
	bool unlimited =
		cpu->restart == CKPT_RESTART_POLL || cpu->restart == CKPT_RESTART_I386_POLL;
	bool again = ckpt_cpu_is_restart(cpu, s->r.mem_fd); /* of what, nobody knows */
	int ret = 0;

	if ((int64_t)cpu->rax != -CKPT_ERESTART_RESTARTBLOCK)
		return 0;
	switch (cpu->restart_left < 0 && !unlimited ? CKPT_RESTART_UNKNOWN : cpu->restart) {
	case CKPT_RESTART_NANOSLEEP:
		ret = arm(s, cpu, SYS_nanosleep, CKPT_ARGS(time, cpu->rsi), &result, err);
		break;
	case CKPT_RESTART_CLOCK_NANOSLEEP:
		ret = arm(s, cpu, SYS_clock_nanosleep, CKPT_ARGS(cpu->rdi, 0, time, cpu->r10),
			  &result, err);
		break;
	case CKPT_RESTART_FUTEX:
		ret = arm(s, cpu, SYS_futex, CKPT_ARGS(cpu->rdi, cpu->rsi, cpu->rdx, time), &result,
			  err);
		break;
	case CKPT_RESTART_POLL:
		ret = arm(s, cpu, SYS_poll,
			  CKPT_ARGS(cpu->rdi, cpu->rsi,
				    cpu->restart_left < 0 ? (uint64_t)-1 : (uint64_t)ms),
			  &result, err);
		break;
	case CKPT_RESTART_I386_NANOSLEEP:
	case CKPT_RESTART_I386_CLOCK_NANOSLEEP:
	case CKPT_RESTART_I386_CLOCK_NANOSLEEP_TIME64:
	case CKPT_RESTART_I386_POLL:
	case CKPT_RESTART_I386_FUTEX:
	case CKPT_RESTART_I386_FUTEX_TIME64:
		ret = ckpt_i386_restore_wait(s, cpu, &result, err);
		break;
	default:
		if (cpu->restart == CKPT_RESTART_UNKNOWN)
			ckpt_log("restore %d: the time its wait had left is not known: it %s",
				 s->pid, again ? "ends with EINTR" : "starts afresh");
		/* the same call from its start; what is not known any more is EINTR */
		result = again ? -EINTR : -CKPT_ERESTARTSYS;
	}
	if (!ret) /* ready meanwhile: its result is as good as the wait's */
		cpu->rax = (uint64_t)result;
	return ret;
}

/* Where an interrupted sleep tells its program the time left: it was told at the freeze, and being
 * interrupted here would tell it once more, some microseconds later. */
static uint64_t told_at(const struct ckpt_cpu *cpu)
{
	switch (cpu->restart) {
	case CKPT_RESTART_NANOSLEEP:
		return cpu->rsi;
	case CKPT_RESTART_CLOCK_NANOSLEEP:
		return cpu->r10;
	case CKPT_RESTART_I386_NANOSLEEP:
		return (uint32_t)cpu->rcx;
	case CKPT_RESTART_I386_CLOCK_NANOSLEEP:
	case CKPT_RESTART_I386_CLOCK_NANOSLEEP_TIME64:
		return (uint32_t)cpu->rsi;
	default:
		return 0;
	}
}

int ckpt_restore_wait(struct ckpt_skeleton *s, struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	uint64_t at = told_at(cpu);
	uint8_t told[16]; /* struct timespec, or the smaller one of i386 */
	ssize_t len = at ? pread(s->r.mem_fd, told, sizeof(told), (off_t)at) : 0;
	int ret = rearm_wait(s, cpu, err);

	if (!ret && len > 0 && pwrite(s->r.mem_fd, told, (size_t)len, (off_t)at) != len)
		ret = ckpt_fail_sys(err, "cpu: restart: the time left can't be put back");
	return ret;
}

/* Flags that ptrace does not set (arch/x86/kernel/ptrace.c, FLAG_MASK): the program itself may have
 * them, and system calls keep them. */
static int restore_flags(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	uint64_t flags = s->task->cpu.eflags & (CKPT_EFLAGS_NT | CKPT_EFLAGS_ID);
	int ret;

	if (!flags)
		return 0;
	flags |= CKPT_EFLAGS_PLAIN;
	ret = ckpt_remote_put(&s->r, 0, &flags, sizeof(flags), err);
	return ret ? ret : ckpt_skeleton_boot(s, CKPT_BOOT_FLAGS, "cpu: eflags", err);
}

/* Under another PID: what the C library keeps as its thread's ID is the word that the kernel shall
 * clear at its end (set_tid_address(2)). */
static void tell_pid(struct ckpt_skeleton *s)
{
	uint64_t at = s->task->thread.clear_child_tid;
	uint32_t word, pid = (uint32_t)s->pid;

	if (s->pid == s->task->header.pid || !at ||
	    pread(s->r.mem_fd, &word, sizeof(word), (off_t)at) != (ssize_t)sizeof(word) ||
	    word != (uint32_t)s->task->header.pid)
		return;
	if (pwrite(s->r.mem_fd, &pid, sizeof(pid), (off_t)at) != (ssize_t)sizeof(pid))
		ckpt_log("restore %d: its C library still takes %d for its thread ID", s->pid,
			 s->task->header.pid);
}

/* From here on there is no memory of ours in it: the call that unmaps is the last one. */
static int leave(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	return ckpt_skeleton_do(s, NULL, err, "munmap of the boot mapping", SYS_munmap, s->boot,
				CKPT_PAGE_SIZE + CKPT_SCRATCH_SIZE);
}

/* Sets its registers. A call with a signal mask of its own is entered first: a pending signal that
 * only this mask blocks would get its handler too early. */
static int enter(struct ckpt_skeleton *s, struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	static const uint8_t syscall_insn[SYSCALL_LEN] = {0x0f, 0x05};
	const struct ckpt_backend *b = ckpt_backend();
	struct user_regs_struct regs;
	uint8_t code[SYSCALL_LEN];
	int ret;

	ckpt_regs_to_user(cpu, &regs);
	if (!ckpt_call_runs_masked(&regs) ||
	    pread(s->r.mem_fd, code, SYSCALL_LEN, (off_t)(cpu->rip - SYSCALL_LEN)) != SYSCALL_LEN ||
	    memcmp(code, syscall_insn, SYSCALL_LEN) != 0)
		return b->cpu_set(s->pid, cpu, err);
	cpu->rip -= SYSCALL_LEN;
	cpu->rax = cpu->orig_rax;
	cpu->orig_rax = UINT64_MAX;
	ret = b->cpu_set(s->pid, cpu, err);
	return ret ? ret : ckpt_remote_enter(&s->r, err);
}

int ckpt_restore_finish(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_backend *b = ckpt_backend();
	struct ckpt_cpu cpu = s->task->cpu; /* the vecs stay the task's */
	int64_t now;
	int ret = 0;

	if (s->task->mm.mdwe)
		ret = ckpt_skeleton_do(s, NULL, err, "mdwe", SYS_prctl, PR_SET_MDWE_NR,
				       s->task->mm.mdwe);
	if (!ret)
		ret = restore_flags(s, err);
	tell_pid(s);
	now = ckpt_now();
	if (!ret)
		ret = ckpt_restore_wait(s, &cpu, err);
	if (!ret)
		ret = leave(s, err);
	if (!ret)
		ret = ckpt_remote_settle(s->pid, err);
	if (!ret && s->task->header.state == CKPT_STOPPED)
		ret = b->stop(s->pid, err);
	if (!ret)
		ckpt_settle_new(s->pid, s->r.mem_fd, &cpu);
	if (!ret)
		ret = enter(s, &cpu, err);
	if (!ret)
		ret = b->mask_set(s->pid, s->task->signals.blocked, err);
	if (!ret && (int64_t)cpu.rax == -CKPT_ERESTART_RESTARTBLOCK)
		ckpt_wait_remember(s->pid, now, &cpu);
	if (!ret)
		ckpt_cgroup_return(s->pid, &s->task->header, s->who, true);
	return ret ? ret : b->release(s->pid, err);
}

static int build(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int (*const steps[])(struct ckpt_skeleton *, struct ckpt_err *) = {
		ckpt_skeleton_new,    ckpt_restore_identity, ckpt_skeleton_exec,
		ckpt_restore_memory,  ckpt_restore_files,    ckpt_restore_process,
		ckpt_restore_signals, ckpt_restore_sched,    ckpt_restore_limits,
		ckpt_restore_seccomp, ckpt_restore_creds,    ckpt_restore_finish,
	};
	int ret = 0;

	ckpt_proc_trouble(); /* of an earlier job */
	for (size_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++) {
		ret = steps[i](s, err);
		if (ret || steps[i] != ckpt_restore_finish) /* then it runs already */
			ret = ckpt_proc_heard(s->task->header.pid, ret, err);
	}
	if (!ret && s->no_pid.code)
		ckpt_log("restore %d: %s: it is process %d now", s->task->header.pid,
			 s->no_pid.text, s->pid);
	if (!ret)
		s->pid = 0; /* no longer ours to kill */
	ckpt_skeleton_free(s);
	return ret;
}

static void count_pages(const struct ckpt_task *task, struct ckpt_progress *progress)
{
	uint64_t total = 0;

	for (size_t i = 0; i < task->vmas.n; i++)
		total += task->vmas.v[i].pages.npages;
	for (size_t i = 0; i < task->objects.n; i++)
		total += task->objects.v[i].pages.npages;
	atomic_store(&progress->pages_total, total);
	atomic_store(&progress->pages_done, 0);
	atomic_store(&progress->pid, (unsigned int)task->header.pid);
}

int ckpt_restore(struct ckpt_source *src, const struct ckpt_manifest *m,
		 const struct ckpt_cred *who, struct ckpt_progress *progress, struct ckpt_err *err)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_skeleton s = {.task = task, .src = src, .who = who, .progress = progress};
	int ret;

	if (!task)
		return ckpt_fail(err, ENOMEM, "no memory for a task");
	ret = ckpt_task_load(src, m, task, err);
	if (!ret)
		ret = ckpt_machine_check(task, err);
	if (!ret)
		ret = ckpt_clocks_plan(&task->header, who, &s.timens, err);
	if (!ret)
		ret = check_user(task, who, err);
	if (!ret) {
		count_pages(task, progress);
		ret = build(&s, err);
	}
	ckpt_task_free(task);
	/* To FUSE it would mean "never ask me again", for every file of the mount. */
	return ret == -ENOSYS ? -ENOTSUP : ret;
}
