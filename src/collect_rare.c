// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scheduling, and attributes that hardly a task has: those that can't be restored are named.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "backend.h"
#include "collect.h"
#include "proc.h"

#define POLICY_DEADLINE	     6
#define RESET_ON_FORK	     1ull   /* SCHED_FLAG_RESET_ON_FORK */
#define DEADLINE_FLAGS	     6ull   /* SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN */
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
	t->nice = attr.nice;
	t->priority = attr.priority;
	if (attr.policy == POLICY_DEADLINE) {
		t->dl_runtime = attr.runtime;
		t->dl_deadline = attr.deadline;
		t->dl_period = attr.period;
		t->dl_flags = attr.flags & DEADLINE_FLAGS;
	}
	t->slice = own_slice(&attr);
	if (attr.util_min || (attr.util_max && attr.util_max != UCLAMP_FULL))
		ckpt_obstacle_add(&c->obstacles, "utilization clamps %u to %u (sched_setattr)",
				  attr.util_min, attr.util_max);
	/* "/autogroup-356 nice 5"; none, or in the root group: empty */
	ckpt_proc_line(c->cap->pid, "autogroup", text, sizeof(text));
	nice = strstr(text, " nice ");
	if (nice)
		sscanf(nice, " nice %d", &t->autogroup);
	return 0;
}

void ckpt_check_rare(struct ckpt_collect *c)
{
	uint64_t cookie = 0;
	char text[80];

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
