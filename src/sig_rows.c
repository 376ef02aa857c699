// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the rows of `signals` and `timers`.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "task.h"

#define S struct ckpt_signals
/* clang-format off */
static const struct ckpt_row signals_rows[] = {
	CKPT_ROW(hex, S, blocked),
	{"altstack", CKPT_ONE, 0, 0,
	 {CKPT_F(hex, S, altstack_sp), CKPT_F(dec, S, altstack_size), CKPT_F(hex, S, altstack_flags)}},
	{"action", CKPT_MANY, offsetof(S, action), sizeof(struct ckpt_sigaction),
	 {CKPT_F(dec, struct ckpt_sigaction, sig), CKPT_F(hex, struct ckpt_sigaction, handler),
	  CKPT_F(hex, struct ckpt_sigaction, flags), CKPT_F(hex, struct ckpt_sigaction, restorer),
	  CKPT_F(hex, struct ckpt_sigaction, mask)}},
	{"pending", CKPT_MANY, offsetof(S, pending), sizeof(struct ckpt_siginfo),
	 {CKPT_F(blob, struct ckpt_siginfo, info)}},
	{"shared", CKPT_MANY, offsetof(S, shared), sizeof(struct ckpt_siginfo),
	 {CKPT_F(blob, struct ckpt_siginfo, info)}},
};
/* clang-format on */

static int siginfo_check(const struct ckpt_siginfo *v, size_t n, const char *key,
			 struct ckpt_err *err)
{
	for (size_t i = 0; i < n; i++) {
		siginfo_t info;

		memcpy(&info, v[i].info, sizeof(v[i].info));
		if (info.si_signo < 1 || info.si_signo > CKPT_NSIG)
			return ckpt_fail(err, EINVAL, "%s: %d is no signal", key, info.si_signo);
	}
	return 0;
}

static int signals_check(const void *obj, struct ckpt_err *err)
{
	const S *s = obj;
	uint64_t seen = 0;
	int ret;

	for (size_t i = 0; i < s->action.n; i++) {
		uint32_t sig = s->action.v[i].sig;

		if (sig < 1 || sig > CKPT_NSIG || sig == SIGKILL || sig == SIGSTOP)
			return ckpt_fail(err, EINVAL, "action: signal %u has no action", sig);
		if (seen >> (sig - 1) & 1)
			return ckpt_fail(err, EINVAL, "action: signal %u stands twice", sig);
		seen |= 1ull << (sig - 1);
	}
	ret = siginfo_check(s->pending.v, s->pending.n, "pending", err);
	return ret ? ret : siginfo_check(s->shared.v, s->shared.n, "shared", err);
}

const struct ckpt_codec ckpt_signals_codec = {"signals", signals_rows, CKPT_NROWS(signals_rows),
					      signals_check};

/* clang-format off */
static const struct ckpt_word itimer_words[] = {
	{"real", 0}, {"virtual", 1}, {"prof", 2}, {NULL, 0}};
static const struct ckpt_word notify_words[] = {
	{"signal", SIGEV_SIGNAL}, {"none", SIGEV_NONE}, {"thread", SIGEV_THREAD},
	{"tid", SIGEV_THREAD_ID}, {NULL, 0}};

#define T struct ckpt_timers
static const struct ckpt_row timers_rows[] = {
	{"itimer", CKPT_MANY, offsetof(T, itimer), sizeof(struct ckpt_itimer),
	 {CKPT_FA(enum, struct ckpt_itimer, which, itimer_words),
	  CKPT_F(int, struct ckpt_itimer, value), CKPT_F(int, struct ckpt_itimer, interval)}},
	{"timer", CKPT_MANY, offsetof(T, timer), sizeof(struct ckpt_ptimer),
	 {CKPT_F(dec, struct ckpt_ptimer, id), CKPT_F(int, struct ckpt_ptimer, clock),
	  CKPT_FA(enum, struct ckpt_ptimer, notify, notify_words),
	  CKPT_F(dec, struct ckpt_ptimer, sig), CKPT_F(hex, struct ckpt_ptimer, sival),
	  CKPT_F(int, struct ckpt_ptimer, value), CKPT_F(int, struct ckpt_ptimer, interval)}},
};
/* clang-format on */

static int timers_check(const void *obj, struct ckpt_err *err)
{
	const T *t = obj;

	for (size_t i = 0; i < t->itimer.n; i++)
		if (t->itimer.v[i].value < 0 || t->itimer.v[i].interval < 0)
			return ckpt_fail(err, EINVAL, "itimer: a time is negative");
	for (size_t i = 0; i < t->timer.n; i++) {
		if (t->timer.v[i].value < 0 || t->timer.v[i].interval < 0)
			return ckpt_fail(err, EINVAL, "timer %u: a time is negative",
					 t->timer.v[i].id);
		if (i && t->timer.v[i].id <= t->timer.v[i - 1].id)
			return ckpt_fail(err, EINVAL, "timer %u is not in ascending order",
					 t->timer.v[i].id);
	}
	return 0;
}

const struct ckpt_codec ckpt_timers_codec = {"timers", timers_rows, CKPT_NROWS(timers_rows),
					     timers_check};
