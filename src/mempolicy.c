// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns memory policies: their words, asking for them, setting them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "log.h"
#include "mempolicy.h"
#include "proc.h"

/* include/uapi/linux/mempolicy.h of Linux 6.9 */
#define MPOL_DEFAULT 0
#define MODE_FLAGS   (7u << 13)
#define MPOL_F_ADDR  2

#define NODE_BYTES 1024 /* bits for more nodes than the kernel can have (MAX_NUMNODES) */
#define NODES_AT   8	/* in the scratch memory, behind the mode */
/* For numa_maps the kernel looks at every page: so many take as long as one call inside the task.
 */
#define PAGES_A_CALL 500

/* clang-format off */
const struct ckpt_word ckpt_mempolicy_modes[] = {
	{"default", MPOL_DEFAULT}, {"preferred", 1}, {"bind", 2}, {"interleave", 3}, {"local", 4},
	{"preferred_many", 5}, {"weighted_interleave", 6}, {NULL, 0},
};
const struct ckpt_word ckpt_mempolicy_flags[] = {
	{"static", 1u << 15}, {"relative", 1u << 14}, {"balancing", 1u << 13}, {NULL, 0},
};
/* clang-format on */

/* ---- asking ---- */

/* -ENOSYS: a kernel without NUMA has no policies. */
static int ask(struct ckpt_remote *r, uint64_t addr, uint64_t flags, struct ckpt_mempolicy *out,
	       struct ckpt_err *err)
{
	uint8_t nodes[NODE_BYTES];
	uint32_t mode = 0;
	size_t n = NODE_BYTES;
	long result;
	int ret = ckpt_remote_call(
		r, &result, err, SYS_get_mempolicy,
		CKPT_ARGS(r->scratch, r->scratch + NODES_AT, NODE_BYTES * 8, addr, flags));

	if (ret || result == -ENOSYS)
		return ret;
	if (result < 0)
		return ckpt_fail(err, (int)-result, "get_mempolicy: %s", strerror((int)-result));
	ret = ckpt_remote_get(r, 0, &mode, sizeof(mode), err);
	if (!ret)
		ret = ckpt_remote_get(r, NODES_AT, nodes, sizeof(nodes), err);
	if (ret)
		return ret;
	out->mode = mode & ~MODE_FLAGS;
	out->flags = mode & MODE_FLAGS;
	while (n && !nodes[n - 1])
		n--;
	if (!n || out->mode == MPOL_DEFAULT)
		return 0;
	out->nodes.v = malloc(n);
	if (!out->nodes.v)
		return ckpt_fail(err, ENOMEM, "no memory for a memory policy");
	memcpy(out->nodes.v, nodes, n);
	out->nodes.n = out->nodes.cap = n;
	return 0;
}

static int ask_vma(struct ckpt_remote *r, struct ckpt_vma *vma, struct ckpt_err *err)
{
	int ret = ask(r, vma->start, MPOL_F_ADDR, &vma->policy, err);

	vma->has_policy = vma->policy.mode != MPOL_DEFAULT;
	return ret;
}

/* Asks for those mappings only that numa_maps shows with a policy: their own, or the task's. */
static int ask_by_numa_maps(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_err *err)
{
	char path[40], *line = NULL;
	size_t cap = 0, i = 0;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", r->tid);
	f = ckpt_proc_fopen(path);
	if (!f) /* without NUMA it is not there */
		return errno == ENOENT ? 0 : ckpt_fail_sys(err, "%s", path);
	while (!ret && ckpt_proc_getline(&line, &cap, f) > 0) {
		char mode[24];
		unsigned long long start;

		if (sscanf(line, "%llx %23s", &start, mode) != 2 || !strcmp(mode, "default"))
			continue;
		while (i < task->vmas.n && task->vmas.v[i].start < start)
			i++;
		if (i < task->vmas.n && task->vmas.v[i].start == start &&
		    task->vmas.v[i].how < CKPT_VMA_VDSO)
			ret = ask_vma(r, &task->vmas.v[i], err);
	}
	free(line);
	fclose(f);
	return ret;
}

static bool numa_maps_is_quicker(const struct ckpt_remote *r, const struct ckpt_task *task)
{
	unsigned long long size, resident = 0;
	char line[128];

	ckpt_proc_line(r->tid, "statm", line, sizeof(line));
	return sscanf(line, "%llu %llu", &size, &resident) == 2 &&
	       resident / PAGES_A_CALL < task->vmas.n;
}

int ckpt_mempolicy_get(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_err *err)
{
	int ret = ask(r, 0, 0, &task->thread.mempolicy, err);

	if (!ret && numa_maps_is_quicker(r, task))
		return ask_by_numa_maps(r, task, err);
	for (size_t i = 0; !ret && i < task->vmas.n; i++)
		if (task->vmas.v[i].how < CKPT_VMA_VDSO)
			ret = ask_vma(r, &task->vmas.v[i], err);
	return ret;
}

/* ---- setting ---- */

/* The nodes go to the scratch memory; the number for maxnode. The kernel takes one bit less than
 * it is told (mm/mempolicy.c, get_nodes). */
static int put_nodes(struct ckpt_skeleton *s, const struct ckpt_mempolicy *p, uint64_t *maxnode,
		     struct ckpt_err *err)
{
	uint8_t nodes[NODE_BYTES] = {0};

	if (p->nodes.n > sizeof(nodes))
		return ckpt_fail(err, EINVAL, "memory policy: no kernel has so many nodes");
	if (p->nodes.n)
		memcpy(nodes, p->nodes.v, p->nodes.n);
	*maxnode = p->nodes.n ? sizeof(nodes) * 8 : 0;
	return ckpt_remote_put(&s->r, 0, nodes, sizeof(nodes), err);
}

/* Like the CPUs of its affinity: where they are others, it runs with those that there are. */
static int judge(const struct ckpt_skeleton *s, long result, const char *what, struct ckpt_err *err)
{
	if (result == -EINVAL || result == -ENOSYS) {
		ckpt_log("restore %d: %s: memory policy: this machine, or your cpuset, does not "
			 "have "
			 "these nodes: default",
			 s->pid, what);
		return 0;
	}
	return result < 0 ? ckpt_fail(err, (int)-result, "%s: memory policy: %s", what,
				      strerror((int)-result))
			  : 0;
}

int ckpt_mempolicy_bind(struct ckpt_skeleton *s, const struct ckpt_vma *vma, struct ckpt_err *err)
{
	const struct ckpt_mempolicy *p = &vma->policy;
	uint64_t maxnode = 0;
	char what[40];
	long result = 0;
	int ret;

	if (!vma->has_policy)
		return 0;
	ret = put_nodes(s, p, &maxnode, err);
	if (!ret)
		ret = ckpt_remote_call(&s->r, &result, err, SYS_mbind,
				       CKPT_ARGS(vma->start, vma->end - vma->start,
						 p->mode | p->flags, maxnode ? s->r.scratch : 0,
						 maxnode, 0));
	snprintf(what, sizeof(what), "vmas/%016llx", (unsigned long long)vma->start);
	return ret ? ret : judge(s, result, what, err);
}

int ckpt_mempolicy_restore(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_mempolicy *p = &s->task->thread.mempolicy;
	uint64_t maxnode = 0;
	long result = 0;
	int ret;

	if (p->mode == MPOL_DEFAULT)
		return 0;
	ret = put_nodes(s, p, &maxnode, err);
	if (!ret)
		ret = ckpt_remote_call(
			&s->r, &result, err, SYS_set_mempolicy,
			CKPT_ARGS(p->mode | p->flags, maxnode ? s->r.scratch : 0, maxnode));
	return ret ? ret : judge(s, result, "thread", err);
}
