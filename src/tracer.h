/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that traces: jobs are handed to it one at a time, because a tracee answers only the
 * thread that seized it. When the thread ends, the kernel lets its tracees go.
 */
#ifndef CKPT_TRACER_H
#define CKPT_TRACER_H

#include <sys/types.h>
#include "err.h"

struct ckpt_tracer;

int ckpt_tracer_new(struct ckpt_tracer **out, struct ckpt_err *err);
/* Runs fn(arg) on the thread and returns its result. Any thread may call. */
int ckpt_tracer_run(struct ckpt_tracer *tracer, int (*fn)(void *arg), void *arg);
/* From now on on_death(arg) runs on the thread once pid has ended. */
void ckpt_tracer_watch(struct ckpt_tracer *tracer, pid_t pid, void (*on_death)(void *arg),
		       void *arg);
/* Ends the thread and waits for it. NULL is fine. */
void ckpt_tracer_free(struct ckpt_tracer *tracer);

#endif
