/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a tree to a process.
 */
#ifndef CKPT_RESTORE_H
#define CKPT_RESTORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "manifest.h"
#include "source.h"

struct ckpt_cred;

/* What .status shows while a restore runs; fields are written by the restoring thread. */
struct ckpt_progress {
	atomic_uint pid;
	atomic_ullong pages_done, pages_total;
};

/* Checks every file of the source against the manifest: all there, none unlisted, sizes and
 * digests right (pages.gz counts as pages). Used for trees restored by reference; staged files
 * were checked one by one as they arrived. */
int ckpt_source_check(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_err *err);

/* -o pid=any: where the PID can't be had, the process gets another one. Set before the first
 * restore. */
extern bool ckpt_restore_any_pid;

/* Rebuilds the process with its own PID and lets it run. Nothing is left behind on failure.
 * who: whose authority (taken when he made the directory); nothing beyond it is given.
 * -EINVAL bad tree, -EEXIST PID taken, -EBUSY a file changed, -EPERM, -ENOTSUP, -ENOENT,
 * -ENOMEM. Notes about what a user should know go to the log. */
int ckpt_restore(struct ckpt_source *src, const struct ckpt_manifest *m,
		 const struct ckpt_cred *who, struct ckpt_progress *progress, struct ckpt_err *err);

#endif
