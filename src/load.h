/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that a tree describes.
 */
#ifndef CKPT_LOAD_H
#define CKPT_LOAD_H

#include "err.h"
#include "manifest.h"
#include "source.h"
#include "task.h"

/* Parses every text file that the list names into task (empty before), and checks that they agree
 * with each other. -EINVAL names file and line; -ENOTSUP: made by a newer ckptfs. */
int ckpt_task_load(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_task *task,
		   struct ckpt_err *err);

/* Whether the sizes that a manifest tells can be true of a process for this machine. Before
 * anything is read: a sparse file, or pages.gz, costs nothing to whoever made it. */
int ckpt_manifest_check_sizes(const struct ckpt_manifest *m, struct ckpt_err *err);

/* The list of a source without manifest: what is there. */
int ckpt_source_list(struct ckpt_source *src, struct ckpt_manifest *out, struct ckpt_err *err);

#endif
