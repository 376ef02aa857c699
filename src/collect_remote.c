// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What only the task itself can ask the kernel: signal actions, timers, brk, the LDT, prctl.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "collect.h"
#include "keyrings.h"
#include "memlocks.h"
#include "mempolicy.h"
#include "outing.h"
#include "pkeys.h"
#include "prctls.h"
#include "proc.h"
#include "x86_regs.h"

#define LDT_BYTES (8192 * 8)

struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

static int collect_actions(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	struct kernel_sigaction sa[CKPT_NSIG + 1];
	int ret = 0;

	for (uint32_t sig = 1; !ret && sig <= CKPT_NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			ret = ckpt_remote_do(r, NULL, err, "rt_sigaction", SYS_rt_sigaction,
					     CKPT_ARGS(sig, 0, r->scratch + sig * sizeof(*sa), 8));
	if (!ret)
		ret = ckpt_remote_get(r, 0, sa, sizeof(sa), err);
	for (uint32_t sig = 1; !ret && sig <= CKPT_NSIG; sig++) {
		struct ckpt_sigaction *action;

		if (sig == SIGKILL || sig == SIGSTOP ||
		    (!sa[sig].handler && !sa[sig].flags && !sa[sig].mask))
			continue;
		action = CKPT_VEC_ADD(&c->task->signals.action);
		if (!action)
			return ckpt_fail(err, ENOMEM, "no memory for signal actions");
		*action = (struct ckpt_sigaction){sig, sa[sig].handler, sa[sig].flags,
						  sa[sig].restorer, sa[sig].mask};
	}
	return ret;
}

static int collect_altstack(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	stack_t ss;
	int ret = ckpt_remote_do(r, NULL, err, "sigaltstack", SYS_sigaltstack,
				 CKPT_ARGS(0, r->scratch));

	if (!ret)
		ret = ckpt_remote_get(r, 0, &ss, sizeof(ss), err);
	if (ret)
		return ret;
	c->task->signals.altstack_sp = (uint64_t)ss.ss_sp;
	c->task->signals.altstack_size = ss.ss_size;
	c->task->signals.altstack_flags = (uint32_t)ss.ss_flags;
	return 0;
}

static int collect_itimers(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	for (uint32_t which = 0; which < 3; which++) {
		struct ckpt_itimer *timer;
		struct itimerval it;
		int ret = ckpt_remote_do(r, NULL, err, "getitimer", SYS_getitimer,
					 CKPT_ARGS(which, r->scratch));

		if (!ret)
			ret = ckpt_remote_get(r, 0, &it, sizeof(it), err);
		if (ret)
			return ret;
		/* the real one, expired and its signal pending, has an interval only */
		if (!timerisset(&it.it_value) && (which || !timerisset(&it.it_interval)))
			continue;
		timer = CKPT_VEC_ADD(&c->task->timers.itimer);
		if (!timer)
			return ckpt_fail(err, ENOMEM, "no memory for timers");
		timer->which = which;
		timer->value = it.it_value.tv_sec * 1000000000ll + it.it_value.tv_usec * 1000ll;
		timer->interval =
			it.it_interval.tv_sec * 1000000000ll + it.it_interval.tv_usec * 1000ll;
	}
	return 0;
}

/* "notify: signal/tid.12": Documentation/filesystems/proc.rst, /proc/PID/timers */
static const struct notify_name {
	const char *text;
	uint32_t notify;
} notify_names[] = {
	{"signal/pid", SIGEV_SIGNAL},
	{"signal/tid", SIGEV_THREAD_ID},
	{"none/pid", SIGEV_NONE},
	{"thread/pid", SIGEV_THREAD},
	{NULL, 0},
};

static int parse_timer_line(struct ckpt_collect *c, const char *line)
{
	struct ckpt_timers *timers = &c->task->timers;
	struct ckpt_ptimer *t = timers->timer.n ? &timers->timer.v[timers->timer.n - 1] : NULL;
	unsigned long long sival;
	unsigned int id, sig;
	int clock;

	if (sscanf(line, "ID: %u", &id) == 1) {
		t = CKPT_VEC_ADD(&timers->timer);
		if (!t)
			return -ENOMEM;
		t->id = id;
	} else if (t && sscanf(line, "signal: %u/%llx", &sig, &sival) == 2) {
		t->sig = sig;
		t->sival = sival;
	} else if (t && sscanf(line, "ClockID: %d", &clock) == 1) {
		t->clock = clock;
	} else if (t && !strncmp(line, "notify: ", 8)) {
		for (const struct notify_name *n = notify_names; n->text; n++)
			if (!strncmp(line + 8, n->text, strlen(n->text)))
				t->notify = n->notify;
	}
	return 0;
}

static int timer_order(const void *a, const void *b)
{
	const struct ckpt_ptimer *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int collect_timers(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	struct ckpt_timers *timers = &c->task->timers;
	char path[40], line[200];
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/timers", c->cap->pid);
	f = ckpt_proc_fopen(path);
	if (!f) {
		ckpt_obstacle_add(&c->obstacles,
				  "POSIX timers: this kernel has no /proc/PID/timers");
		return 0;
	}
	while (!ret && fgets(line, sizeof(line), f))
		ret = parse_timer_line(c, line);
	fclose(f);
	if (ret)
		return ckpt_fail(err, -ret, "no memory for timers");
	if (timers->timer.n)
		qsort(timers->timer.v, timers->timer.n, sizeof(*timers->timer.v), timer_order);
	for (size_t i = 0; i < timers->timer.n; i++) {
		struct itimerspec its;

		ret = ckpt_remote_do(r, NULL, err, "timer_gettime", SYS_timer_gettime,
				     CKPT_ARGS(timers->timer.v[i].id, r->scratch));
		if (!ret)
			ret = ckpt_remote_get(r, 0, &its, sizeof(its), err);
		if (ret)
			return ret;
		timers->timer.v[i].value =
			its.it_value.tv_sec * 1000000000ll + its.it_value.tv_nsec;
		timers->timer.v[i].interval =
			its.it_interval.tv_sec * 1000000000ll + its.it_interval.tv_nsec;
	}
	return 0;
}

static int collect_ldt(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	struct ckpt_ldt *ldt = &c->task->ldt;
	uint64_t *entries;
	bool has = true;
	long bytes;
	int ret;

	ldt->entry_size = 8;
	ret = ckpt_remote_call(r, &bytes, err, SYS_modify_ldt, CKPT_ARGS(0, r->scratch, LDT_BYTES));
	/* A call that many filters kill for, while hardly a program has an LDT. */
	if (ret == -ENOTSUP && !ckpt_remote_has_ldt(r, &has, NULL) && !has)
		return 0;
	if (ret || bytes <= 0) /* ENOSYS: a kernel without LDTs */
		return ret;
	entries = calloc(1, LDT_BYTES);
	if (!entries)
		return ckpt_fail(err, ENOMEM, "no memory for the LDT");
	ret = ckpt_remote_get(r, 0, entries, (size_t)bytes, err);
	for (uint32_t i = 0; !ret && i < (size_t)bytes / 8; i++) {
		struct ckpt_ldt_entry *e;

		if (!entries[i])
			continue;
		e = CKPT_VEC_ADD(&ldt->entries);
		if (!e) {
			ret = ckpt_fail(err, ENOMEM, "no memory for the LDT");
			break;
		}
		e->index = i;
		memcpy(e->desc, &entries[i], 8);
		ldt->number = i + 1;
	}
	free(entries);
	return ret;
}

static int collect_xcomp(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	long result;
	int ret = ckpt_remote_call(r, &result, err, SYS_arch_prctl,
				   CKPT_ARGS(CKPT_GET_XCOMP_PERM, r->scratch));

	if (ret || result < 0) /* before Linux 5.16 there was nothing to ask for */
		return ret;
	return ckpt_remote_get(r, 0, &c->task->cpu.xcomp_perm, 8, err);
}

/* MEMBARRIER_CMD_GET_REGISTRATIONS, Linux 6.3; before, who has registered is told EPERM later. */
static int collect_membarrier(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	long result;
	int ret = ckpt_remote_call(r, &result, err, SYS_membarrier, CKPT_ARGS(1 << 9));

	c->task->mm.membarrier = ret || result < 0 ? 0 : (uint64_t)result;
	return ret;
}

static int collect_mempolicy(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	return ckpt_mempolicy_get(r, c->task, err);
}

static int collect_pkeys(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	return ckpt_pkeys_get(r, c->task, &c->obstacles, err);
}

static int collect_brk(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	long brk;
	int ret = ckpt_remote_call(r, &brk, err, SYS_brk, CKPT_ARGS(0));

	c->task->mm.brk = (uint64_t)brk;
	return ret;
}

int ckpt_collect_remote(struct ckpt_collect *c, struct ckpt_err *err)
{
	static int (*const parts[])(struct ckpt_collect *, struct ckpt_remote *,
				    struct ckpt_err *) = {
		collect_actions, collect_altstack, collect_itimers,	   collect_timers,
		collect_ldt,	 collect_xcomp,	   collect_membarrier,	   collect_mempolicy,
		collect_pkeys,	 collect_brk,	   ckpt_check_rare_remote, ckpt_keyrings_check,
	};
	const int64_t locked = ckpt_memlocks_locked(c->cap->pid);
	struct ckpt_outing outing = {.pidfd = -1};
	struct ckpt_remote r;
	int ret = 0, closed;

	if (c->cap->held)
		ret = ckpt_outing_open(&outing, c->cap->pid, false, err);
	if (!ret)
		ret = ckpt_remote_open_held(&r, c->cap->pid, c->mem_fd, c->task, c->timeout_ms,
					    outing.nhomes ? &outing : NULL, err);
	if (ret)
		ckpt_outing_close(&outing);
	if (ret == -ENOTSUP) {
		ckpt_obstacle_add(&c->obstacles, "%s", err->text);
		return 0;
	}
	if (ret)
		return ret;
	/* Out of a restartable sequence, as the task itself goes on: by now the kernel has cleared
	 * the pointer to it in memory, and would not abort it in a restored process either. */
	if (r.aborted)
		c->task->cpu.rip = r.saved.rip;
	ret = ckpt_memlocks_get(&r, locked, c->task, err);
	for (size_t i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = parts[i](c, &r, err);
	if (!ret)
		ret = ckpt_prctls_get(&r, c->task, err);
	if (ret == -ENOTSUP) { /* a seccomp filter */
		ckpt_obstacle_add(&c->obstacles, "%s", err->text);
		ret = 0;
	}
	closed = ckpt_remote_close(&r, ret ? NULL : err);
	ckpt_outing_close(&outing);
	c->slack = r.slack;
	return ret ? ret : closed;
}
