// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What belongs to the process or its thread and is neither memory, file, signal nor credential:
 * session, directories, names, scheduling, prctl settings, limits, LDT.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "i386.h"
#include "log.h"
#include "prctls.h"
#include "proc.h"
#include "skeleton.h"
#include "x86_regs.h"

#define POLICY_DEADLINE	  6
#define AUTOGROUP_TRIES	  20
#define XFEATURE_TILEDATA 18 /* arch/x86/include/asm/fpu/types.h */

/* A process can't join a session, nor a group of another one (setpgid(2), EPERM): what was not
 * its own becomes its own. */
static int restore_session(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;

	if (h->sid != h->pid)
		ckpt_log("restore %d: it leads a session of its own now: session %d, process group "
			 "%d "
			 "can't be joined",
			 h->pid, h->sid, h->pgid);
	return ckpt_skeleton_do(s, NULL, err, "setsid", SYS_setsid, 0);
}

/* Only a session leader has had the terminal itself; only a free one is taken (tty_ioctl(2),
 * TIOCSCTTY with argument 0 never steals). */
static int restore_tty(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;
	long fd, result;
	int ret;

	if (!h->tty)
		return 0;
	if (h->sid != h->pid) {
		ckpt_log("restore %d: %s is no longer its controlling terminal", h->pid, h->tty);
		return 0;
	}
	ret = ckpt_skeleton_open(s, h->tty, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, &fd, err);
	if (ret)
		return ret;
	ret = ckpt_remote_call(&s->r, &result, err, SYS_ioctl,
			       CKPT_ARGS((uint64_t)fd, TIOCSCTTY, 0));
	if (!ret && result < 0)
		ckpt_log("restore %d: %s is not its controlling terminal: another session has it",
			 h->pid, h->tty);
	return ret ? ret : ckpt_skeleton_do(s, NULL, err, "close", SYS_close, (uint64_t)fd);
}

static int call_path(struct ckpt_skeleton *s, long nr, const char *path, struct ckpt_err *err)
{
	int ret = ckpt_remote_put(&s->r, 0, path, strlen(path) + 1, err);

	return ret ? ret : ckpt_skeleton_do(s, NULL, err, path, nr, s->r.scratch);
}

static int restore_fs(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_header *h = &s->task->header;
	int ret = call_path(s, SYS_chdir, h->cwd, err);

	if (ret)
		return ckpt_err_about(err, "cwd");
	if (strcmp(h->root, "/"))
		ret = call_path(s, SYS_chroot, h->root, err);
	if (ret)
		return ckpt_err_about(err, "root");
	return ckpt_skeleton_do(s, NULL, err, "umask", SYS_umask, h->umask);
}

static int restore_self_files(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_thread *t = &s->task->thread;
	char text[32], now[32];
	int ret = 0;

	ckpt_proc_line(s->pid, "oom_score_adj", now, sizeof(now));
	snprintf(text, sizeof(text), "%d", t->oom_score_adj);
	if (strcmp(now, text))
		ret = ckpt_skeleton_put(s, "oom_score_adj", text, err);
	ckpt_proc_line(s->pid, "coredump_filter", now, sizeof(now));
	snprintf(text, sizeof(text), "%08x", t->coredump_filter);
	if (!ret && strcmp(now, text)) {
		snprintf(text, sizeof(text), "0x%x", t->coredump_filter);
		ret = ckpt_skeleton_put(s, "coredump_filter", text, err);
	}
	return ret;
}

/* A new session has an autogroup of its own (sched(7)). Who has no CAP_SYS_ADMIN may set one every
 * 100 ms only, all together (kernel/sched/autogroup.c). */
static int restore_autogroup(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	char text[16];
	int ret = 0;

	if (!s->task->thread.autogroup)
		return 0;
	snprintf(text, sizeof(text), "%d", s->task->thread.autogroup);
	for (int i = 0; i < AUTOGROUP_TRIES; i++) {
		ret = ckpt_skeleton_put(s, "autogroup", text, err);
		if (ret != -EAGAIN)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
	}
	return ret;
}

int ckpt_restore_sched(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_thread *t = &s->task->thread;
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {48,
		  t->policy,
		  t->reset_on_fork | t->dl_flags,
		  t->nice,
		  t->priority,
		  t->policy == POLICY_DEADLINE ? t->dl_runtime : t->slice,
		  t->dl_deadline,
		  t->dl_period};
	long result = 0;
	int ret;

	/* sched_setattr sets the nice value of policies other and batch only */
	ret = ckpt_skeleton_do(s, NULL, err, "thread: nice", SYS_setpriority, PRIO_PROCESS, 0,
			       (uint64_t)(int64_t)t->nice);
	if (!ret)
		ret = ckpt_remote_put(&s->r, 0, &attr, sizeof(attr), err);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "thread: scheduling", SYS_sched_setattr, 0,
				       s->r.scratch, 0);
	if (!ret && t->affinity.n) {
		uint8_t mask[1024] = {0};

		memcpy(mask, t->affinity.v, t->affinity.n);
		ret = ckpt_remote_put(&s->r, 0, mask, sizeof(mask), err);
		if (!ret)
			ret = ckpt_remote_call(&s->r, &result, err, SYS_sched_setaffinity,
					       CKPT_ARGS(0, sizeof(mask), s->r.scratch));
		if (!ret && result < 0)
			ckpt_log("restore %d: none of the CPUs it was bound to is here", s->pid);
	}
	if (!ret) /* 0, none, too: the daemon may have one */
		ret = ckpt_skeleton_do(s, NULL, err, "thread: ioprio", SYS_ioprio_set, 1, 0,
				       t->ioprio);
	return ret;
}

/* A descriptor as the CPU has it, back to the struct modify_ldt(2) takes. */
static struct user_desc ldt_desc(const struct ckpt_ldt_entry *e)
{
	uint32_t low, high;
	struct user_desc d;

	memcpy(&low, e->desc, 4);
	memcpy(&high, e->desc + 4, 4);
	memset(&d, 0, sizeof(d));
	d.entry_number = e->index;
	d.base_addr = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000);
	d.limit = (low & 0xffff) | (high & 0xf0000);
	d.contents = high >> 10 & 3;
	d.read_exec_only = !(high >> 9 & 1);
	d.useable = high >> 20 & 1;
	d.seg_32bit = high >> 22 & 1;
	d.limit_in_pages = high >> 23 & 1;
	d.seg_not_present = !(high >> 15 & 1);
	return d;
}

static int restore_ldt(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->ldt.entries.n; i++) {
		struct user_desc d = ldt_desc(&s->task->ldt.entries.v[i]);

		ret = ckpt_remote_put(&s->r, 0, &d, sizeof(d), err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "ldt: modify_ldt", SYS_modify_ldt,
					       0x11, s->r.scratch, sizeof(d));
	}
	return ret;
}

/* The kernel gives a task room for the tiles when it first uses them (XFD, #NM), and takes them
 * from a tracer only then (arch/x86/kernel/fpu/xstate.c, validate_user_xstate_header). */
static int use_tiles(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	uint8_t config[64] = {
		[0] = 1 /* palette */, [16] = 64 /* bytes a row */, [48] = 16 /* rows */};
	int ret = ckpt_remote_put(&s->r, 0, config, sizeof(config), err);

	return ret ? ret : ckpt_skeleton_boot(s, CKPT_BOOT_AMX, "AMX", err);
}

/* AMX has to be asked for (Documentation/arch/x86/xstate.rst), before an alternate stack is set
 * that might be too small for it. */
static int restore_xcomp(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	uint64_t have = 0, want = s->task->cpu.xcomp_perm;
	int ret;

	if (!want)
		return 0;
	ret = ckpt_skeleton_do(s, NULL, err, "cpu: xcomp_perm", SYS_arch_prctl, CKPT_GET_XCOMP_PERM,
			       s->r.scratch);
	if (!ret)
		ret = ckpt_remote_get(&s->r, 0, &have, sizeof(have), err);
	for (uint64_t bit = 0; !ret && bit < 64; bit++)
		if ((want & ~have) >> bit & 1)
			ret = ckpt_skeleton_do(s, NULL, err, "cpu: xcomp_perm", SYS_arch_prctl,
					       CKPT_REQ_XCOMP_PERM, bit);
	return ret || !(want >> XFEATURE_TILEDATA & 1) ? ret : use_tiles(s, err);
}

static int restore_membarrier(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (uint64_t bit = 0; !ret && bit < 31; bit++)
		if (s->task->mm.membarrier >> bit & 1)
			ret = ckpt_skeleton_do(s, NULL, err, "mm: membarrier", SYS_membarrier,
					       1ull << bit, 0);
	return ret;
}

static int restore_thread(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_thread *t = &s->task->thread;
	const struct ckpt_header *h = &s->task->header;
	int ret = ckpt_remote_put(&s->r, 0, h->comm, sizeof(h->comm), err);

	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "comm", SYS_prctl, PR_SET_NAME, s->r.scratch);
	if (!ret && t->robust_list && ckpt_task_is_i386(s->task))
		ret = ckpt_i386_restore_robust_list(s, err);
	else if (!ret && t->robust_list)
		ret = ckpt_skeleton_do(s, NULL, err, "robust_list", SYS_set_robust_list,
				       t->robust_list, t->robust_list_len);
	if (!ret && t->rseq)
		ret = ckpt_skeleton_do(s, NULL, err, "rseq", SYS_rseq, t->rseq, t->rseq_len, 0,
				       t->rseq_sig);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "clear_child_tid", SYS_set_tid_address,
				       t->clear_child_tid);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "personality", SYS_personality,
				       h->personality);
	return ret ? ret : ckpt_prctls_set(&s->r, s->task, err);
}

/* The limits of who restores are the ceiling, whatever the daemon itself may have. */
int ckpt_restore_limits(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->limits.limit.n; i++) {
		const struct ckpt_limit *l = &s->task->limits.limit.v[i];
		struct rlimit limit = {l->soft, l->hard};

		if (l->hard > s->who->limit[l->resource].hard &&
		    !ckpt_cred_has_cap(s->who, CAP_SYS_RESOURCE))
			return ckpt_fail(err, EPERM,
					 "limits: %s: the hard limit %llu is above yours (%llu)",
					 ckpt_limit_name(l->resource), (unsigned long long)l->hard,
					 (unsigned long long)s->who->limit[l->resource].hard);
		ret = ckpt_remote_put(&s->r, 0, &limit, sizeof(limit), err);
		if (!ret)
			ret = ckpt_skeleton_do(s, NULL, err, "prlimit", SYS_prlimit64, 0,
					       l->resource, s->r.scratch, 0);
		if (ret)
			ckpt_err_about(err, "limits: %s", ckpt_limit_name(l->resource));
	}
	return ret;
}

int ckpt_restore_process(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int (*const parts[])(struct ckpt_skeleton *, struct ckpt_err *) = {
		restore_session,    restore_tty, restore_self_files,
		restore_autogroup,  restore_ldt, restore_xcomp,
		restore_membarrier, restore_fs,	 restore_thread,
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = parts[i](s, err);
	return ret;
}
