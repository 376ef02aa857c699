/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that only prctl(2) reads and writes: one row each, used by collecting and restoring.
 */
#ifndef CKPT_PRCTLS_H
#define CKPT_PRCTLS_H

#include <stddef.h>
#include <stdint.h>
#include "remote.h"
#include "task.h"

enum ckpt_prctl_get {
	CKPT_PRCTL_RETURNS, /* the value is the result */
	CKPT_PRCTL_STORES4, /* written to the address in the second argument, 4 bytes */
	CKPT_PRCTL_STORES8,
	CKPT_PRCTL_SPECULATION, /* returns PR_SPEC_*; 0 unless the task itself may choose */
};

struct ckpt_prctl {
	const char *name;
	int get; /* PR_GET_* */
	enum ckpt_prctl_get how;
	bool optional;	/* older kernels or missing privilege: then its value is absent */
	int set;	/* PR_SET_*, 0: restored by its own means */
	int set_prefix; /* an argument before the value, -1: none */
	size_t off;	/* in struct ckpt_task */
	size_t size;	/* 4 or 8 */
	int get_prefix; /* an argument of get before the address, 0: none */
	bool arch;	/* a setting of arch_prctl(2) */
	uint64_t absent;
};

extern const struct ckpt_prctl ckpt_prctls[];
extern const size_t ckpt_nprctls;

/* Reads all rows from the task into task. */
int ckpt_prctls_get(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_err *err);
/* Sets those that have a set and a value other than what a fresh process has (0 or now). */
int ckpt_prctls_set(struct ckpt_remote *r, const struct ckpt_task *task, struct ckpt_err *err);

#endif
