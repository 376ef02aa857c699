/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ckptfs --check: what this kernel and these privileges allow.
 */
#ifndef CKPT_CHECK_H
#define CKPT_CHECK_H

#include <stdio.h>

/* Prints one line per feature, what it means for the user, and one verdict line to out.
 * Returns the exit status: 0 when the main job works here, else 1. */
int ckpt_check(FILE *out);

#endif
