/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyrings of a task that is frozen, and of one that is built.
 */
#ifndef CKPT_KEYRINGS_H
#define CKPT_KEYRINGS_H

#include "collect.h"
#include "skeleton.h"

/* Keys of its own are obstacles; those of its session are said in the log. Changes nothing. */
int ckpt_keyrings_check(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err);

/* Gives the skeleton an empty session keyring. */
int ckpt_keyrings_leave(struct ckpt_skeleton *s, struct ckpt_err *err);
/* Links the keyring of its user into that, as a login does, if that is possible. */
int ckpt_keyrings_link(struct ckpt_skeleton *s, struct ckpt_err *err);

#endif
