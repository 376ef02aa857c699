/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount. fs_ops.c is the only file that knows libfuse.
 */
#ifndef CKPT_FS_OPS_H
#define CKPT_FS_OPS_H

struct ckpt_opts;

/* Mounts, goes into the background unless opts say otherwise, and serves until it is unmounted
 * or told to end by a signal; then everything frozen runs on. Returns the exit status. */
int ckpt_fs_serve(const struct ckpt_opts *opts);

/* For -V. */
const char *ckpt_fs_library(void);

#endif
