// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals and timers of a change in place. All signals are blocked while the program runs.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "apply_int.h"

#define TIMER_RESTORE_IDS     77 /* PR_TIMER_CREATE_RESTORE_IDS, Linux 6.15 */
#define TIMER_RESTORE_IDS_GET 2

struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

static struct kernel_sigaction action_of(const struct ckpt_signals *s, uint32_t sig)
{
	struct kernel_sigaction sa = {0};

	for (size_t i = 0; i < s->action.n; i++)
		if (s->action.v[i].sig == sig)
			sa = (struct kernel_sigaction){s->action.v[i].handler, s->action.v[i].flags,
						       s->action.v[i].restorer,
						       s->action.v[i].mask};
	return sa;
}

static void plan_actions(struct ckpt_apply *a)
{
	for (uint32_t sig = 1; sig <= CKPT_NSIG; sig++) {
		struct kernel_sigaction old = action_of(&a->old->signals, sig);
		struct kernel_sigaction want = action_of(&a->want->signals, sig);

		if (memcmp(&old, &want, sizeof(old)) != 0)
			ckpt_step(a, "signals: action", 0, SYS_rt_sigaction, sig,
				  ckpt_apply_data(a, &want, sizeof(want)), 0, 8);
	}
}

static void plan_altstack(struct ckpt_apply *a)
{
	const struct ckpt_signals *want = &a->want->signals;
	stack_t ss = {
		.ss_sp = (void *)(uintptr_t)want->altstack_sp,
		/* SS_ONSTACK is what the stack pointer says, and can't be set */
		.ss_flags = (int)(want->altstack_flags & ~(uint32_t)SS_ONSTACK),
		.ss_size = want->altstack_size,
	};

	if (ckpt_codec_differs(&ckpt_signals_codec, &a->old->signals, want, "altstack"))
		ckpt_step(a, "signals: altstack", 0, SYS_sigaltstack,
			  ckpt_apply_data(a, &ss, sizeof(ss)), 0);
}

/* Takes out what was pending at the freeze, one by one and by number, so that what has come since
 * stays; rt_sigtimedwait(2) takes the thread's first. */
static void drain(struct ckpt_apply *a, const struct ckpt_siginfo *v, size_t n)
{
	const struct timespec now = {0};
	uint64_t time = ckpt_apply_data(a, &now, sizeof(now));

	for (size_t i = 0; i < n; i++) {
		siginfo_t info;
		uint64_t set;

		memcpy(&info, v[i].info, sizeof(v[i].info));
		set = 1ull << (info.si_signo - 1);
		ckpt_step(a, "signals: pending", CKPT_STEP_MAYFAIL, SYS_rt_sigtimedwait,
			  ckpt_apply_data(a, &set, sizeof(set)), 0, time, 8);
	}
}

static void plan_pending(struct ckpt_apply *a)
{
	const struct ckpt_signals *old = &a->old->signals, *want = &a->want->signals;
	uint64_t pid = (uint64_t)a->s.pid;

	if (!ckpt_codec_differs(&ckpt_signals_codec, old, want, "pending") &&
	    !ckpt_codec_differs(&ckpt_signals_codec, old, want, "shared"))
		return;
	drain(a, old->pending.v, old->pending.n);
	drain(a, old->shared.v, old->shared.n);
	for (size_t i = 0; i < want->pending.n + want->shared.n; i++) {
		bool own = i < want->pending.n;
		const struct ckpt_siginfo *si =
			own ? &want->pending.v[i] : &want->shared.v[i - want->pending.n];
		siginfo_t info = {0};
		uint64_t at;

		memcpy(&info, si->info, sizeof(si->info));
		at = ckpt_apply_data(a, &info, sizeof(info));
		if (own)
			ckpt_step(a, "signals: pending", 0, SYS_rt_tgsigqueueinfo, pid, pid,
				  (uint64_t)info.si_signo, at);
		else
			ckpt_step(a, "signals: shared", 0, SYS_rt_sigqueueinfo, pid,
				  (uint64_t)info.si_signo, at);
	}
}

/* ---- timers ---- */

static void plan_itimers(struct ckpt_apply *a)
{
	struct itimerval its[3] = {0};
	uint32_t touch = 0;

	for (size_t i = 0; i < a->old->timers.itimer.n; i++)
		touch |= 1u << a->old->timers.itimer.v[i].which;
	for (size_t i = 0; i < a->want->timers.itimer.n; i++) {
		const struct ckpt_itimer *t = &a->want->timers.itimer.v[i];
		struct itimerval *it = &its[t->which];

		touch |= 1u << t->which;
		it->it_value = (struct timeval){t->value / 1000000000, t->value / 1000 % 1000000};
		it->it_interval =
			(struct timeval){t->interval / 1000000000, t->interval / 1000 % 1000000};
		if (t->value && !timerisset(&it->it_value))
			it->it_value.tv_usec = 1;
	}
	for (uint32_t which = 0; which < 3; which++)
		if (touch >> which & 1)
			ckpt_step(a, "timers: itimer", 0, SYS_setitimer, which,
				  ckpt_apply_data(a, &its[which], sizeof(its[which])), 0);
}

static const struct ckpt_ptimer *find_timer(const struct ckpt_timers *t, uint32_t id)
{
	for (size_t i = 0; i < t->timer.n; i++)
		if (t->timer.v[i].id == id)
			return &t->timer.v[i];
	return NULL;
}

static bool same_timer(const struct ckpt_ptimer *x, const struct ckpt_ptimer *y)
{
	return x && y && x->clock == y->clock && x->notify == y->notify && x->sig == y->sig &&
	       x->sival == y->sival;
}

static void create_timer(struct ckpt_apply *a, const struct ckpt_ptimer *t)
{
	struct sigevent sev;

	memset(&sev, 0, sizeof(sev));
	sev.sigev_value.sival_ptr = (void *)(uintptr_t)t->sival;
	sev.sigev_signo = (int)t->sig;
	sev.sigev_notify = (int)t->notify;
	sev._sigev_un._tid = a->s.pid;
	ckpt_step(a, "timers: timer_create", 0, SYS_timer_create, (uint64_t)t->clock,
		  ckpt_apply_data(a, &sev, sizeof(sev)), ckpt_apply_data(a, &t->id, sizeof(t->id)));
}

static void plan_timers(struct ckpt_apply *a)
{
	const struct ckpt_timers *old = &a->old->timers, *want = &a->want->timers;
	bool create = false;

	for (size_t i = 0; i < old->timer.n; i++)
		if (!same_timer(&old->timer.v[i], find_timer(want, old->timer.v[i].id)))
			ckpt_step(a, "timers: timer_delete", 0, SYS_timer_delete,
				  old->timer.v[i].id);
	for (size_t i = 0; i < want->timer.n; i++)
		if (!same_timer(find_timer(old, want->timer.v[i].id), &want->timer.v[i])) {
			if (!create)
				ckpt_step(a, "timers: ids", 0, SYS_prctl, TIMER_RESTORE_IDS, 1);
			create = true;
			create_timer(a, &want->timer.v[i]);
		}
	if (create)
		ckpt_step(a, "timers: ids", 0, SYS_prctl, TIMER_RESTORE_IDS, 0);
	for (size_t i = 0; i < want->timer.n; i++) {
		const struct ckpt_ptimer *t = &want->timer.v[i];
		struct itimerspec its = {
			.it_value = {t->value / 1000000000, t->value % 1000000000},
			.it_interval = {t->interval / 1000000000, t->interval % 1000000000},
		};

		ckpt_step(a, "timers: timer_settime", 0, SYS_timer_settime, t->id, 0,
			  ckpt_apply_data(a, &its, sizeof(its)), 0);
	}
}

/* A timer that is not there any more needs its old id: only Linux 6.15 gives that. */
static int need_timer_ids(struct ckpt_apply *a)
{
	long result = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < a->want->timers.timer.n; i++) {
		const struct ckpt_ptimer *t = &a->want->timers.timer.v[i];

		if (same_timer(find_timer(&a->old->timers, t->id), t))
			continue;
		ret = ckpt_remote_call(&a->s.r, &result, a->err, SYS_prctl,
				       CKPT_ARGS(TIMER_RESTORE_IDS, TIMER_RESTORE_IDS_GET));
		if (!ret && result < 0)
			ret = ckpt_fail(a->err, ENOTSUP,
					"timers: timer %u is not there any more, and this kernel "
					"can't create timers with chosen ids",
					t->id);
	}
	return ret;
}

int ckpt_apply_signals(struct ckpt_apply *a)
{
	bool timers =
		ckpt_codec_differs(&ckpt_timers_codec, &a->old->timers, &a->want->timers, NULL);
	int ret = timers ? need_timer_ids(a) : 0;

	if (ret)
		return ret;
	plan_actions(a);
	plan_altstack(a);
	plan_pending(a);
	if (timers) {
		plan_itimers(a);
		plan_timers(a);
	}
	return 0;
}
