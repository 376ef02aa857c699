/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CLOCK_MONOTONIC and CLOCK_BOOTTIME are to a task, and how they go on in a restored one:
 * time namespaces (time_namespaces(7)). All values are nanoseconds.
 */
#ifndef CKPT_CLOCKS_H
#define CKPT_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "cred.h"
#include "err.h"
#include "task.h"

int64_t ckpt_clock_ns(clockid_t id);
/* CLOCK_MONOTONIC of the daemon. */
int64_t ckpt_now(void);

/* CLOCK_MONOTONIC as the task sees it now. -ENOTSUP: its time namespace can't be read. */
int ckpt_clocks_monotonic(pid_t pid, int64_t *now, struct ckpt_err *err);

/* Fills boot_id and clock_* of the header as the task sees them now. -ENOTSUP: its time namespace
 * can't be read; text in err. */
int ckpt_clocks_read(pid_t pid, struct ckpt_header *h, struct ckpt_err *err);

/* For /proc/self/timens_offsets of the new process; empty: it needs no time namespace. */
struct ckpt_timens {
	char text[128];
};

/* Decides how the clocks of the tree go on here. -EPERM, -ENOTSUP: they would run back. */
int ckpt_clocks_plan(const struct ckpt_header *h, const struct ckpt_cred *who,
		     struct ckpt_timens *out, struct ckpt_err *err);

#endif
