/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tree could not hold: named one by one, never left out in silence.
 */
#ifndef CKPT_OBSTACLES_H
#define CKPT_OBSTACLES_H

#include "buf.h"
#include "err.h"

/* What can't be captured, as sentences: "fd 7: socket:[4711]". */
struct ckpt_obstacles {
	CKPT_VEC(char *) text;
	bool no_remote; /* running code of ours inside the task is one of them */
};
void ckpt_obstacle_add(struct ckpt_obstacles *o, const char *fmt, ...) CKPT_PRINTF(2, 3);
void ckpt_obstacles_fini(struct ckpt_obstacles *o);

#endif
