// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits, mm header, directories, names, scheduling and prctl settings of a change in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "apply_int.h"
#include "prctls.h"

#define RSEQ_UNREGISTER 1	      /* RSEQ_FLAG_UNREGISTER, include/uapi/linux/rseq.h */
#define CAN_NICE(nice)	(20 - (nice)) /* the RLIMIT_NICE that allows it, getrlimit(2) */

static bool has_cap(const struct ckpt_apply *a, int cap)
{
	return a->old->creds.cap_eff >> cap & 1;
}

static bool thread_differs(const struct ckpt_apply *a, const char *key)
{
	return ckpt_codec_differs(&ckpt_thread_codec, &a->old->thread, &a->want->thread, key);
}

static const struct ckpt_limit *limit_of(const struct ckpt_task *task, uint32_t resource)
{
	static const struct ckpt_limit none;

	for (size_t i = 0; i < task->limits.limit.n; i++)
		if (task->limits.limit.v[i].resource == resource)
			return &task->limits.limit.v[i];
	return &none;
}

/* ---- what the kernel would refuse ---- */

static int check_limits(struct ckpt_apply *a)
{
	for (uint32_t r = 0; r < RLIM_NLIMITS; r++) {
		const struct ckpt_limit *old = limit_of(a->old, r), *want = limit_of(a->want, r);

		if (want->hard > old->hard && !has_cap(a, CAP_SYS_RESOURCE))
			return ckpt_fail(a->err, EPERM,
					 "limits: %s: the hard limit %llu is above %llu, and the "
					 "task has no CAP_SYS_RESOURCE",
					 ckpt_limit_name(r), (unsigned long long)want->hard,
					 (unsigned long long)old->hard);
	}
	return 0;
}

static int check_thread(struct ckpt_apply *a)
{
	const struct ckpt_thread *old = &a->old->thread, *want = &a->want->thread;

	if (want->nice < old->nice && !has_cap(a, CAP_SYS_NICE) &&
	    limit_of(a->old, RLIMIT_NICE)->soft < (uint64_t)CAN_NICE(want->nice))
		return ckpt_fail(a->err, EPERM,
				 "thread: nice: the task may not go back from %d to %d", old->nice,
				 want->nice);
	if (want->oom_score_adj < old->oom_score_adj && !has_cap(a, CAP_SYS_RESOURCE))
		return ckpt_fail(a->err, EPERM,
				 "thread: oom_score_adj: lowering it needs CAP_SYS_RESOURCE");
	if (want->io_flusher != old->io_flusher && !has_cap(a, CAP_SYS_RESOURCE))
		return ckpt_fail(a->err, EPERM, "thread: io_flusher: needs CAP_SYS_RESOURCE");
	if (a->want->mm.dumpable != a->old->mm.dumpable && a->want->mm.dumpable > 1)
		return ckpt_fail(a->err, ENOTSUP, "mm: dumpable: 2 can't be asked for");
	return 0;
}

int ckpt_apply_process_check(struct ckpt_apply *a)
{
	int ret = check_limits(a);

	return ret ? ret : check_thread(a);
}

/* ---- limits: raised before all else, lowered after it ---- */

static void set_limit(struct ckpt_apply *a, uint32_t resource, uint64_t soft, uint64_t hard)
{
	struct rlimit limit = {soft, hard};

	ckpt_step(a, "limits", 0, SYS_prlimit64, 0, resource,
		  ckpt_apply_data(a, &limit, sizeof(limit)), 0);
}

void ckpt_apply_limits(struct ckpt_apply *a, bool raise)
{
	for (uint32_t r = 0; r < RLIM_NLIMITS; r++) {
		const struct ckpt_limit *old = limit_of(a->old, r), *want = limit_of(a->want, r);
		uint64_t soft = want->soft > old->soft ? want->soft : old->soft;
		uint64_t hard = want->hard > old->hard ? want->hard : old->hard;

		if (raise && (soft != old->soft || hard != old->hard))
			set_limit(a, r, soft, hard);
		if (!raise && (soft != want->soft || hard != want->hard))
			set_limit(a, r, want->soft, want->hard);
	}
}

/* ---- mm header ---- */

/* struct prctl_mm_map, include/uapi/linux/prctl.h */
static void plan_mm_map(struct ckpt_apply *a)
{
	static const char *const keys[] = {"start_code", "end_code",  "start_data",  "end_data",
					   "start_brk",	 "brk",	      "start_stack", "arg_start",
					   "arg_end",	 "env_start", "env_end",     "auxv"};
	const struct ckpt_mm *mm = &a->want->mm;
	uint64_t auxv[130] = {0};
	struct prctl_mm_map map = {
		.start_code = mm->start_code,
		.end_code = mm->end_code,
		.start_data = mm->start_data,
		.end_data = mm->end_data,
		.start_brk = mm->start_brk,
		.brk = mm->brk,
		.start_stack = mm->start_stack,
		.arg_start = mm->arg_start,
		.arg_end = mm->arg_end,
		.env_start = mm->env_start,
		.env_end = mm->env_end,
		.auxv_size = (uint32_t)((mm->auxv.n + 1) * 16),
		.exe_fd = (uint32_t)-1,
	};
	bool differs = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		differs |= ckpt_codec_differs(&ckpt_mm_codec, &a->old->mm, mm, keys[i]);
	if (!differs)
		return;
	for (size_t i = 0; i < mm->auxv.n; i++) {
		auxv[2 * i] = mm->auxv.v[i].type;
		auxv[2 * i + 1] = mm->auxv.v[i].value;
	}
	map.auxv = (void *)(uintptr_t)ckpt_apply_data(a, auxv, map.auxv_size);
	ckpt_step(a, "mm", 0, SYS_prctl, PR_SET_MM, PR_SET_MM_MAP,
		  ckpt_apply_data(a, &map, sizeof(map)), sizeof(map), 0);
}

/* ---- directories, files of /proc/self ---- */

/* Opens in the task under a number that neither state uses; *fd is ours to close. */
static int park_path(struct ckpt_apply *a, const char *path, int flags, long *fd)
{
	int ret = ckpt_skeleton_open(&a->s, path, flags | O_CLOEXEC, fd, a->err);

	return ret ? ret : ckpt_apply_park(a, fd);
}

static int plan_cwd(struct ckpt_apply *a)
{
	long fd;
	int ret;

	if (!strcmp(a->old->header.cwd, a->want->header.cwd))
		return 0;
	ret = park_path(a, a->want->header.cwd, O_PATH | O_DIRECTORY, &fd);
	if (ret)
		return ckpt_err_about(a->err, "task: cwd");
	ckpt_step(a, "task: cwd", 0, SYS_fchdir, (uint64_t)fd);
	ckpt_apply_unpark(a, fd);
	return 0;
}

static int plan_self(struct ckpt_apply *a, const char *name, const char *text)
{
	char path[64];
	long fd;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	ret = park_path(a, path, O_WRONLY, &fd);
	if (ret)
		return ckpt_err_about(a->err, "thread");
	ckpt_step(a, name, 0, SYS_write, (uint64_t)fd, ckpt_apply_data(a, text, strlen(text)),
		  strlen(text));
	ckpt_apply_unpark(a, fd);
	return 0;
}

/* ---- the thread ---- */

static void plan_prctls(struct ckpt_apply *a)
{
	for (size_t i = 0; i < ckpt_nprctls; i++) {
		const struct ckpt_prctl *p = &ckpt_prctls[i];
		uint64_t old = 0, want = 0;

		memcpy(&old, (const char *)a->old + p->off, p->size);
		memcpy(&want, (const char *)a->want + p->off, p->size);
		if (!p->set || old == want)
			continue;
		if (p->set == PR_SET_THP_DISABLE) /* 1 and flags, Linux 6.18, are read as one */
			ckpt_step(a, p->name, 0, SYS_prctl, (uint64_t)p->set, want & 1,
				  want & ~1ull);
		else if (p->set_prefix < 0)
			ckpt_step(a, p->name, 0, SYS_prctl, (uint64_t)p->set, want);
		else
			ckpt_step(a, p->name, 0, SYS_prctl, (uint64_t)p->set,
				  (uint64_t)p->set_prefix, want);
	}
	if (a->old->thread.pdeathsig != a->want->thread.pdeathsig)
		ckpt_step(a, "pdeathsig", 0, SYS_prctl, PR_SET_PDEATHSIG,
			  a->want->thread.pdeathsig);
	if (a->old->mm.dumpable != a->want->mm.dumpable)
		ckpt_step(a, "dumpable", 0, SYS_prctl, PR_SET_DUMPABLE, a->want->mm.dumpable);
	for (uint64_t bit = 0; bit < 31; bit++)
		if ((a->want->mm.membarrier & ~a->old->mm.membarrier) >> bit & 1)
			ckpt_step(a, "membarrier", 0, SYS_membarrier, 1ull << bit, 0);
}

static void plan_thread(struct ckpt_apply *a)
{
	const struct ckpt_thread *want = &a->want->thread;
	const struct ckpt_header *old_h = &a->old->header, *want_h = &a->want->header;

	if (strcmp(old_h->comm, want_h->comm) != 0)
		ckpt_step(a, "task: comm", 0, SYS_prctl, PR_SET_NAME,
			  ckpt_apply_data(a, want_h->comm, sizeof(want_h->comm)));
	if (old_h->umask != want_h->umask)
		ckpt_step(a, "task: umask", 0, SYS_umask, want_h->umask);
	if (old_h->personality != want_h->personality)
		ckpt_step(a, "task: personality", 0, SYS_personality, want_h->personality);
	if (thread_differs(a, "clear_child_tid"))
		ckpt_step(a, "thread: clear_child_tid", 0, SYS_set_tid_address,
			  want->clear_child_tid);
	if (thread_differs(a, "robust_list"))
		ckpt_step(a, "thread: robust_list", 0, SYS_set_robust_list, want->robust_list,
			  want->robust_list_len ? want->robust_list_len : 24);
	if (thread_differs(a, "nice"))
		ckpt_step(a, "thread: nice", 0, SYS_setpriority, PRIO_PROCESS, 0,
			  (uint64_t)(int64_t)want->nice);
	if (thread_differs(a, "affinity") && want->affinity.n) {
		uint8_t mask[1024] = {0};

		memcpy(mask, want->affinity.v, want->affinity.n);
		ckpt_step(a, "thread: affinity", CKPT_STEP_MAYFAIL, SYS_sched_setaffinity, 0,
			  sizeof(mask), ckpt_apply_data(a, mask, sizeof(mask)));
	}
}

int ckpt_apply_process(struct ckpt_apply *a)
{
	const struct ckpt_thread *want = &a->want->thread;
	char text[32];
	int ret = plan_cwd(a);

	plan_mm_map(a);
	plan_thread(a);
	plan_prctls(a);
	if (!ret && thread_differs(a, "oom_score_adj")) {
		snprintf(text, sizeof(text), "%d", want->oom_score_adj);
		ret = plan_self(a, "oom_score_adj", text);
	}
	if (!ret && thread_differs(a, "coredump_filter")) {
		snprintf(text, sizeof(text), "0x%x", want->coredump_filter);
		ret = plan_self(a, "coredump_filter", text);
	}
	return ret;
}

/* ---- restartable sequences ---- */

/* The kernel writes to the area, and may compare with what it wrote last: memory that was put
 * back would keep an old CPU number there. So it is registered anew around all changes. */
void ckpt_apply_rseq(struct ckpt_apply *a, bool leave)
{
	const struct ckpt_thread *t = leave ? &a->old->thread : &a->want->thread;

	if (t->rseq)
		ckpt_step(a, "thread: rseq", 0, SYS_rseq, t->rseq, t->rseq_len,
			  leave ? RSEQ_UNREGISTER : 0, t->rseq_sig);
}
