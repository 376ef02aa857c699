// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scheduling, and attributes that hardly a task has: those that can't be restored are named.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "backend.h"
#include "collect.h"
#include "proc.h"

#define POLICY_DEADLINE	     6
#define RESET_ON_FORK	     1ull   /* SCHED_FLAG_RESET_ON_FORK */
#define DEADLINE_FLAGS	     2ull   /* SCHED_FLAG_RECLAIM */
#define OVERRUN_SIGNAL	     4ull   /* SCHED_FLAG_DL_OVERRUN */
#define CORE_SCHED	     62	    /* PR_SCHED_CORE, Linux 5.14 */
#define CORE_SCHED_GET	     0	    /* PR_SCHED_CORE_GET */
#define ARCH_GET_UNTAG_MASK_ 0x4001 /* Linux 6.4 */
#define UCLAMP_FULL	     1024   /* SCHED_CAPACITY_SCALE: no clamp */

/* include/uapi/linux/sched/types.h, SCHED_ATTR_SIZE_VER1 */
struct sched_attr_v1 {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

static bool is_fair(const struct sched_attr_v1 *attr)
{
	return attr->policy == 0 || attr->policy == 3 || attr->policy == 5; /* other, batch, idle */
}

/* Of a fair task the runtime is its slice, since Linux 6.12. Whether that is the default's the
 * kernel does not say: ours is. */
static uint64_t own_slice(const struct sched_attr_v1 *attr)
{
	struct sched_attr_v1 own = {.size = sizeof(own)};

	if (!is_fair(attr) || syscall(SYS_sched_getattr, 0, &own, sizeof(own), 0))
		return 0;
	return is_fair(&own) && own.runtime == attr->runtime ? 0 : attr->runtime;
}

/* Of a real-time task the lower clamp is a setting of the system's, unless chosen; a kernel without
 * clamps says 0. */
static uint32_t default_clamp(const struct sched_attr_v1 *attr)
{
	FILE *f;
	uint32_t value = 0;

	if (!attr->util_max || (attr->policy != 1 && attr->policy != 2)) /* fifo, rr */
		return 0;
	f = fopen("/proc/sys/kernel/sched_util_clamp_min_rt_default", "re");
	if (!f || fscanf(f, "%u", &value) != 1)
		value = UCLAMP_FULL;
	if (f)
		fclose(f);
	return value;
}

int ckpt_collect_policy(struct ckpt_collect *c)
{
	struct ckpt_thread *t = &c->task->thread;
	struct sched_attr_v1 attr = {.size = sizeof(attr)};
	char text[80];
	const char *nice;

	if (syscall(SYS_sched_getattr, c->cap->pid, &attr, sizeof(attr), 0))
		return -errno;
	t->policy = attr.policy;
	t->reset_on_fork = attr.flags & RESET_ON_FORK;
	/* sched_getattr tells it of policies other and batch only */
	t->nice = (int32_t)ckpt_proc_stat(c->cap->pid, 19);
	t->priority = attr.priority;
	if (attr.policy == POLICY_DEADLINE) {
		t->dl_runtime = attr.runtime;
		t->dl_deadline = attr.deadline;
		t->dl_period = attr.period;
		t->dl_flags = attr.flags & DEADLINE_FLAGS;
		/* The time of our calls inside it counts as its own, and SIGXCPU may kill it. */
		if (attr.flags & OVERRUN_SIGNAL) {
			ckpt_obstacle_add(&c->obstacles,
					  "deadline scheduling with a signal at every overrun "
					  "(SCHED_FLAG_DL_OVERRUN)");
			c->obstacles.no_remote = true;
		}
	}
	t->slice = own_slice(&attr);
	if (attr.util_min != default_clamp(&attr) ||
	    (attr.util_max && attr.util_max != UCLAMP_FULL))
		ckpt_obstacle_add(&c->obstacles, "utilization clamps %u to %u (sched_setattr)",
				  attr.util_min, attr.util_max);
	/* "/autogroup-356 nice 5"; none, or in the root group: empty */
	ckpt_proc_line(c->cap->pid, "autogroup", text, sizeof(text));
	nice = strstr(text, " nice ");
	if (nice)
		sscanf(nice, " nice %d", &t->autogroup);
	return 0;
}

static int add_bare(struct ckpt_vec *queue, uint64_t pending)
{
	const struct ckpt_siginfo *known = queue->v;
	size_t n = queue->n;

	pending &= ~(1ull << (SIGKILL - 1));
	for (size_t i = 0; i < n; i++) {
		int32_t sig;

		memcpy(&sig, known[i].info, sizeof(sig));
		if (sig >= 1 && sig <= CKPT_NSIG)
			pending &= ~(1ull << (sig - 1));
	}
	for (int32_t sig = 1; sig <= CKPT_NSIG; sig++) {
		struct ckpt_siginfo *bare;

		if (!(pending >> (sig - 1) & 1))
			continue;
		bare = ckpt_vec_add(queue, sizeof(*bare));
		if (!bare)
			return -ENOMEM;
		memcpy(bare->info, &sig, sizeof(sig));
	}
	return 0;
}

/* A signal below SIGRTMIN that found the queue full (RLIMIT_SIGPENDING) is pending all the same.
 * The task gets it with SI_USER and no sender (kernel/signal.c, collect_signal), which is all
 * zeros. */
int ckpt_collect_bare_signals(struct ckpt_collect *c)
{
	struct ckpt_signals *s = &c->task->signals;
	pid_t pid = c->cap->pid;
	int ret = add_bare((struct ckpt_vec *)&s->pending,
			   (uint64_t)ckpt_proc_status(pid, "SigPnd", 16));

	return ret ? ret
		   : add_bare((struct ckpt_vec *)&s->shared,
			      (uint64_t)ckpt_proc_status(pid, "ShdPnd", 16));
}

/* A semaphore set, a line of /proc/sysvipc/sem. */
struct sem_set {
	int id;
	unsigned int perms, uid, gid, cuid, cgid;
	long long otime; /* of its last operation, seconds of CLOCK_REALTIME; 0: none */
};

static bool in_group(const struct ckpt_creds *k, unsigned int gid)
{
	bool found = k->egid == gid;

	for (size_t i = 0; i < k->groups.n && !found; i++)
		found = k->groups.v[i].gid == gid;
	return found;
}

/* ipcperms() in ipc/util.c: what it may alter now; it may have been somebody else. */
static bool may_alter(const struct ckpt_creds *k, const struct sem_set *set)
{
	if (k->cap_eff >> CAP_IPC_OWNER & 1)
		return true;
	if (k->euid == set->uid || k->euid == set->cuid)
		return set->perms & S_IWUSR;
	if (in_group(k, set->gid) || in_group(k, set->cgid))
		return set->perms & S_IWGRP;
	return set->perms & S_IWOTH;
}

static long long started(pid_t pid)
{
	struct timespec real, boot;
	long long ticks = ckpt_proc_stat(pid, 22); /* since boot */

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return real.tv_sec - boot.tv_sec + ticks / sysconf(_SC_CLK_TCK);
}

/* A task has a list of adjustments from its first operation with SEM_UNDO, or its first thread, on;
 * what is in it nothing shows. kcmp(2) tells whether there is a list: a task without one is equal
 * to us. Then any set that it may have used since it started is in doubt. */
static void check_sem_undo(struct ckpt_collect *c)
{
	pid_t pid = c->cap->pid, self = (pid_t)syscall(SYS_gettid);
	struct sem_set set;
	char line[256];
	FILE *f;

	/* our threads have made us one: away with it, for this thread */
	if (unshare(CLONE_SYSVSEM) || syscall(SYS_kcmp, self, pid, KCMP_SYSVSEM, 0, 0) <= 0)
		return;
	f = ckpt_proc_fopen("/proc/sysvipc/sem");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %d %o %*u %u %u %u %u %lld", &set.id, &set.perms, &set.uid,
			   &set.gid, &set.cuid, &set.cgid, &set.otime) != 7)
			continue;
		if (set.otime && set.otime + 2 >= started(pid) && may_alter(&c->task->creds, &set))
			ckpt_obstacle_add(&c->obstacles,
					  "System V semaphores %d: it may have adjustments for "
					  "them (SEM_UNDO)",
					  set.id);
	}
	if (f)
		fclose(f);
}

void ckpt_check_rare(struct ckpt_collect *c)
{
	uint64_t cookie = 0;
	char text[80];

	check_sem_undo(c);
	/* shared with the tasks that have the same one, which a new process could not join */
	if (!prctl(CORE_SCHED, CORE_SCHED_GET, c->cap->pid, 0, &cookie) && cookie)
		ckpt_obstacle_add(&c->obstacles, "core scheduling cookie (PR_SCHED_CORE)");
	ckpt_proc_status_text(c->cap->pid, "x86_Thread_features", text, sizeof(text));
	if (strstr(text, "shstk"))
		ckpt_obstacle_add(&c->obstacles, "shadow stack");
	if (ckpt_backend()->has_io_ports(c->cap->pid))
		ckpt_obstacle_add(&c->obstacles, "I/O port permissions (ioperm)");
}

int ckpt_check_rare_remote(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	uint64_t mask = ~0ull;
	long result;
	int ret = ckpt_remote_call(r, &result, err, SYS_arch_prctl,
				   CKPT_ARGS(ARCH_GET_UNTAG_MASK_, r->scratch));

	if (!ret && !result) /* EINVAL: a kernel without linear address masking */
		ret = ckpt_remote_get(r, 0, &mask, sizeof(mask), err);
	if (!ret && mask != ~0ull)
		ckpt_obstacle_add(&c->obstacles,
				  "addresses with tags (linear address masking, mask 0x%llx)",
				  (unsigned long long)mask);
	return ret;
}
