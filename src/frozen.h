/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frozen task: held by a tracer thread of its own, its tree ready to be read.
 *
 * Any thread may call these; the work that ptrace binds to one thread is done by the tracer
 * thread that each frozen task owns. Whatever happens to this process, the kernel lets the
 * tracees go on when it ends.
 */
#ifndef CKPT_FROZEN_H
#define CKPT_FROZEN_H

#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "tree.h"

struct ckpt_cred;

struct ckpt_freeze_opts {
	unsigned int timeout_ms; /* a freeze that takes longer is undone: -ETIMEDOUT */
	bool inspect; /* freeze also what can't be captured; its manifest can't be opened then */
	bool pin;     /* job control or a control group holds the task: it does so afterwards */
};

struct ckpt_frozen {
	pid_t pid;
	uid_t uid; /* owner of the nodes, as /proc/PID has it */
	gid_t gid;
	struct ckpt_tree *tree;
	bool incomplete; /* inspect: something could not be captured; manifest: EACCES */
	struct ckpt_tracer *tracer;
	struct ckpt_captured *captured; /* backend's own */
};

/* Freezes pid and its descendants, collects everything, puts every task back into the state it
 * had but for running, and lays out the tree. On failure every task runs on as before, and every
 * obstacle is in the log; err has the sentence. caller is the one who asked, for the ptrace rule
 * and so that he and his ancestors are refused.
 * -ESRCH -EBUSY -EPERM -ETIMEDOUT -EINVAL -ENOTSUP, as ckptfs(1) lists them. */
int ckpt_frozen_new(pid_t pid, const struct ckpt_cred *caller, const struct ckpt_freeze_opts *opts,
		    struct ckpt_frozen **out, struct ckpt_err *err);

/* Thaws: every task runs on. After it returns no read of the tree may be in progress or start:
 * the caller (fs_ops.c) keeps readers out. */
void ckpt_frozen_free(struct ckpt_frozen *frozen);

/* Whether the task is still there (a SIGKILL reaches frozen tasks too). */
bool ckpt_frozen_alive(const struct ckpt_frozen *frozen);

/* Runs fn on the thread that traces the task; what it may use is in collect.h. */
struct ckpt_collect;
int ckpt_frozen_run(struct ckpt_frozen *frozen, int (*fn)(const struct ckpt_collect *c, void *arg),
		    void *arg);

/* On that thread, after the task was changed: collects it anew; frozen->tree is another one
 * afterwards. restart: how the wait it is in goes on, since the kernel does not tell. If it fails
 * the old tree stays, marked incomplete. */
struct ckpt_cpu;
int ckpt_frozen_refresh(struct ckpt_frozen *frozen, const struct ckpt_cpu *restart,
			struct ckpt_err *err);

/* ---- tasks stopped by job control ---- */

/* Calls fn for every process in state T (not traced) that is not ours. */
int ckpt_stopped_each(void (*fn)(pid_t pid, void *arg), void *arg);
bool ckpt_stopped(pid_t pid);

#endif
