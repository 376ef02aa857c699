/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between fs_ops.c and fs_ops_mount.c only.
 */
#ifndef CKPT_FS_OPS_FUSE_H
#define CKPT_FS_OPS_FUSE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "fs.h"

extern const struct fuse_lowlevel_ops ckpt_fs_fuse_ops;

/* When no request comes any more: releases what is still open. */
void ckpt_fs_release_all(void);

#endif
