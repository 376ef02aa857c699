/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collects the state of a frozen task into a struct ckpt_task.
 */
#ifndef CKPT_COLLECT_H
#define CKPT_COLLECT_H

#include "backend.h"
#include "err.h"
#include "obstacles.h"
#include "task.h"
#include "waits.h"

struct ckpt_collect {
	const struct ckpt_captured *cap;
	const struct ckpt_wait_peek *peek; /* how it waited before it was stopped */
	int64_t stopped_at;		   /* CLOCK_MONOTONIC ns */
	unsigned int timeout_ms;	   /* for one system call inside the task */
	int mem_fd;			   /* /proc/PID/mem, read and write */
	struct ckpt_task *task;
	struct ckpt_obstacles obstacles;
	CKPT_VEC(int) object_fds; /* the memory of task->objects, by index; owned */
	bool exe_unlinked;	  /* the executable has no name: its mappings have its contents */
	uint64_t slack; /* where our stub was: the page holds its old bytes again, 0: nowhere */
	uint64_t again; /* where the code is that makes its system call again, 0: nowhere */
};

/* On the tracer thread, while the task is frozen. Afterwards the task is as it was. */
int ckpt_collect(struct ckpt_collect *c, struct ckpt_err *err);

/* Parts of it, one file each. */
int ckpt_collect_proc(struct ckpt_collect *c, struct ckpt_err *err);   /* from /proc */
int ckpt_collect_remote(struct ckpt_collect *c, struct ckpt_err *err); /* from inside */
int ckpt_collect_memory(struct ckpt_collect *c, struct ckpt_err *err); /* pages, objects */

int ckpt_collect_policy(struct ckpt_collect *c);       /* scheduling; negative errno */
int ckpt_collect_bare_signals(struct ckpt_collect *c); /* pending without siginfo */
void ckpt_check_rare(struct ckpt_collect *c);	       /* what hardly a task has: obstacles */
int ckpt_check_rare_remote(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err);

#endif
