/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a backend does: stop tasks, read what /proc does not tell, run calls in them, let go.
 *
 * backend_ptrace.c needs no module; the kernel module's backend will stand beside it. All calls
 * for one capture come from one thread (tracer.h): ptrace belongs to the thread that seized.
 */
#ifndef CKPT_BACKEND_H
#define CKPT_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "outing.h"
#include "remote.h"
#include "task.h"
#include "waits.h"

struct ckpt_tracee {
	pid_t tid, tgid;
	bool stopped;		    /* in a ptrace-stop now */
	uint32_t job_signal;	    /* stopped by job control with this signal; 0: it ran */
	bool mended;		    /* our stop had ended its system call with EINTR */
	struct ckpt_wait_peek peek; /* how it waited before we came */
	uint64_t left_at;	    /* where the kernel wrote the time its wait has left, 0 */
	uint32_t left_unit;	    /* of the fraction, ns */
	int64_t left[2];	    /* what it wrote */
	uint64_t left_rip;	    /* of the call */
};

struct ckpt_cred;

struct ckpt_captured {
	const struct ckpt_cred *caller; /* must be allowed to trace each process; during freeze */
	pid_t pid;			/* the root of the frozen tree */
	CKPT_VEC(struct ckpt_tracee) tracees; /* the leader of pid first */
	uint32_t nprocesses;
	bool held;			      /* by a frozen control group */
	CKPT_VEC(struct ckpt_outing) outings; /* of those that can't stop in it; during freeze */
};

struct ckpt_backend {
	const char *name;
	/* Stops every thread of cap->pid and of its descendants, those that appear meanwhile
	 * too. On failure all run on. -ESRCH, -EBUSY (traced), -EPERM, -ETIMEDOUT. */
	int (*freeze)(struct ckpt_captured *cap, unsigned int timeout_ms, struct ckpt_err *err);
	void (*thaw)(struct ckpt_captured *cap);
	/* Takes note of tasks that died, so that their parents see it. */
	void (*reap)(struct ckpt_captured *cap);
	/* The general registers of a stopped task. */
	int (*regs_get)(pid_t tid, struct user_regs_struct *regs, struct ckpt_err *err);
	int (*regs_set)(pid_t tid, const struct user_regs_struct *regs, struct ckpt_err *err);
	/* Whether its system calls are dispatched to itself (syscall user dispatch). */
	bool (*dispatched)(pid_t tid);
	/* Registers, FPU and TLS entries; not the restart fields. */
	int (*cpu_get)(pid_t tid, struct ckpt_cpu *cpu, struct ckpt_err *err);
	/* Blocked and pending signals. */
	int (*signals_get)(pid_t tid, struct ckpt_signals *signals, struct ckpt_err *err);
	bool (*has_io_ports)(pid_t tid); /* a bitmap of ioperm(2) */
	int (*rseq_get)(pid_t tid, struct ckpt_thread *thread, struct ckpt_err *err);

	/* For a skeleton: seize the new child (it dies with us), wait for its exec, set the last
	 * of its state, let it go. */
	int (*seize_skeleton)(pid_t tid, struct ckpt_err *err);
	int (*wait_exec)(pid_t tid, struct ckpt_err *err);
	int (*cpu_set)(pid_t tid, const struct ckpt_cpu *cpu, struct ckpt_err *err);
	int (*mask_set)(pid_t tid, uint64_t mask, struct ckpt_err *err);
	/* Stops it as job control does: it stays stopped when it is let go, until SIGCONT. */
	int (*stop)(pid_t tid, struct ckpt_err *err);
	int (*release)(pid_t tid, struct ckpt_err *err);
};

extern const struct ckpt_backend ckpt_backend_ptrace;

/* The backend in use. */
const struct ckpt_backend *ckpt_backend(void);

#endif
