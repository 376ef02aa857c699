// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the list of obstacles of one freeze.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "obstacles.h"

void ckpt_obstacle_add(struct ckpt_obstacles *o, const char *fmt, ...)
{
	char **slot = CKPT_VEC_ADD(&o->text);
	va_list ap;

	if (!slot)
		return;
	va_start(ap, fmt);
	if (vasprintf(slot, fmt, ap) < 0)
		*slot = NULL;
	va_end(ap);
}

void ckpt_obstacles_fini(struct ckpt_obstacles *o)
{
	for (size_t i = 0; i < o->text.n; i++)
		free(o->text.v[i]);
	CKPT_VEC_FINI(&o->text);
}
