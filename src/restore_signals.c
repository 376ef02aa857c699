// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals and timers of a tree, set inside a skeleton whose signals are all blocked.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "i386.h"
#include "skeleton.h"

#define MAX_TIMER_STEPS	     100000
#define TIMER_RESTORE_IDS    77 /* PR_TIMER_CREATE_RESTORE_IDS, Linux 6.15 */
#define TIMER_RESTORE_IDS_ON 1

/* All signals, because a new process inherits what the daemon ignores. */
static int restore_actions(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} sa[CKPT_NSIG + 1];
	int ret;

	if (ckpt_task_is_i386(s->task))
		return ckpt_i386_restore_actions(s, err);
	memset(sa, 0, sizeof(sa));
	for (size_t i = 0; i < s->task->signals.action.n; i++) {
		const struct ckpt_sigaction *a = &s->task->signals.action.v[i];

		sa[a->sig].handler = a->handler;
		sa[a->sig].flags = a->flags;
		sa[a->sig].restorer = a->restorer;
		sa[a->sig].mask = a->mask;
	}
	ret = ckpt_remote_put(&s->r, 0, sa, sizeof(sa), err);
	for (uint32_t sig = 1; !ret && sig <= CKPT_NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			ret = ckpt_skeleton_do(s, NULL, err, "rt_sigaction", SYS_rt_sigaction, sig,
					       s->r.scratch + sig * sizeof(*sa), 0, 8);
	return ret;
}

static int restore_altstack(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_signals *sig = &s->task->signals;
	stack_t ss = {
		.ss_sp = (void *)(uintptr_t)sig->altstack_sp,
		/* SS_ONSTACK is what the stack pointer says, and can't be set */
		.ss_flags = (int)(sig->altstack_flags & ~(uint32_t)SS_ONSTACK),
		.ss_size = sig->altstack_size,
	};
	int ret;

	if (sig->altstack_flags & SS_DISABLE)
		return 0;
	ret = ckpt_remote_put(&s->r, 0, &ss, sizeof(ss), err);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "sigaltstack", SYS_sigaltstack, s->r.scratch,
				      0);
}

/* A process may queue any siginfo to itself (kernel/signal.c, do_rt_sigqueueinfo). */
static int restore_pending(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_signals *sig = &s->task->signals;
	uint64_t pid = (uint64_t)s->pid;
	siginfo_t info;
	int ret = 0;

	for (size_t i = 0; !ret && i < sig->pending.n; i++) {
		memcpy(&info, sig->pending.v[i].info, sizeof(sig->pending.v[i].info));
		ret = ckpt_remote_put(&s->r, 0, &info, sizeof(info), err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "rt_tgsigqueueinfo",
					       SYS_rt_tgsigqueueinfo, pid, pid,
					       (uint64_t)info.si_signo, s->r.scratch);
	}
	for (size_t i = 0; !ret && i < sig->shared.n; i++) {
		memcpy(&info, sig->shared.v[i].info, sizeof(sig->shared.v[i].info));
		ret = ckpt_remote_put(&s->r, 0, &info, sizeof(info), err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "rt_sigqueueinfo", SYS_rt_sigqueueinfo,
					       pid, (uint64_t)info.si_signo, s->r.scratch);
	}
	return ret;
}

static int restore_itimers(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->timers.itimer.n; i++) {
		const struct ckpt_itimer *t = &s->task->timers.itimer.v[i];
		/* The real timer rests from its expiry until its signal is delivered, and shows no
		 * time left (kernel/time/itimer.c). Set so, it would be off. */
		bool rests = !t->which && !t->value && t->interval;
		struct itimerval it = {
			.it_value = {t->value / 1000000000, t->value / 1000 % 1000000},
			.it_interval = {t->interval / 1000000000, t->interval / 1000 % 1000000},
		};

		if (rests)
			it.it_value = it.it_interval;
		if ((t->value || rests) && !timerisset(&it.it_value))
			it.it_value.tv_usec = 1;
		ret = ckpt_remote_put(&s->r, 0, &it, sizeof(it), err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "setitimer", SYS_setitimer, t->which,
					       s->r.scratch, 0);
	}
	return ret;
}

/* Creates the timer with its id: asked for (Linux 6.15), or by creating and deleting until the
 * kernel's counter, which starts at 0 in a new process, is there. */
static int create_timer(struct ckpt_skeleton *s, const struct ckpt_ptimer *t, struct ckpt_err *err)
{
	struct sigevent sev;
	uint32_t id = t->id;
	int ret;

	memset(&sev, 0, sizeof(sev));
	sev.sigev_value.sival_ptr = (void *)(uintptr_t)t->sival;
	sev.sigev_signo = (int)t->sig;
	sev.sigev_notify = (int)t->notify;
	sev._sigev_un._tid = s->pid;
	for (uint32_t step = 0; step < MAX_TIMER_STEPS; step++) {
		ret = ckpt_remote_put(&s->r, 0, &sev, sizeof(sev), err);
		if (!ret)
			ret = ckpt_remote_put(&s->r, sizeof(sev), &id, sizeof(id), err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "timer_create", SYS_timer_create,
					       (uint64_t)t->clock, s->r.scratch,
					       s->r.scratch + sizeof(sev));
		if (!ret)
			ret = ckpt_remote_get(&s->r, sizeof(sev), &id, sizeof(id), err);
		if (ret || id == t->id)
			return ret;
		ret = ckpt_skeleton_do(s, NULL, err, "timer_delete", SYS_timer_delete, id);
		if (ret)
			return ret;
		if (id > t->id)
			break;
	}
	return ckpt_fail(err, ENOTSUP, "this kernel can't create timers with chosen ids");
}

static int restore_timer(struct ckpt_skeleton *s, const struct ckpt_ptimer *t, struct ckpt_err *err)
{
	struct itimerspec its = {
		.it_value = {t->value / 1000000000, t->value % 1000000000},
		.it_interval = {t->interval / 1000000000, t->interval % 1000000000},
	};
	int ret = create_timer(s, t, err);

	if (ret || !t->value)
		return ret;
	ret = ckpt_remote_put(&s->r, 0, &its, sizeof(its), err);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "timer_settime", SYS_timer_settime, t->id, 0,
				      s->r.scratch, 0);
}

static int restore_timers(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	long result;
	int ret = 0;

	if (s->task->timers.timer.n) /* older kernels: EINVAL, and the counter will do */
		ret = ckpt_remote_call(&s->r, &result, err, SYS_prctl,
				       CKPT_ARGS(TIMER_RESTORE_IDS, TIMER_RESTORE_IDS_ON));
	for (size_t i = 0; !ret && i < s->task->timers.timer.n; i++) {
		ret = restore_timer(s, &s->task->timers.timer.v[i], err);
		if (ret)
			ckpt_err_about(err, "timers: timer %u", s->task->timers.timer.v[i].id);
	}
	if (!ret && s->task->timers.timer.n)
		ret = ckpt_remote_call(&s->r, &result, err, SYS_prctl,
				       CKPT_ARGS(TIMER_RESTORE_IDS, 0));
	return ret;
}

int ckpt_restore_signals(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int (*const parts[])(struct ckpt_skeleton *, struct ckpt_err *) = {
		restore_actions, restore_altstack, restore_pending, restore_itimers, restore_timers,
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = parts[i](s, err);
	return ret;
}
