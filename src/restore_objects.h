/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that has no name any more, made anew in a skeleton: shared anonymous memory, unlinked
 * files, memory files (memfd).
 */
#ifndef CKPT_RESTORE_OBJECTS_H
#define CKPT_RESTORE_OBJECTS_H

#include "err.h"
#include "skeleton.h"
#include "task.h"

/* Makes each object with its contents, and all mappings of it. */
int ckpt_objects_restore(struct ckpt_skeleton *s, struct ckpt_err *err);

/* Makes an unlinked file or memfd: a descriptor in the skeleton that reads it; no other writes it.
 * fname: the name it had. */
int ckpt_unlinked_make(struct ckpt_skeleton *s, const struct ckpt_object *object, const char *fname,
		       long *fd, struct ckpt_err *err);

/* The one that is the executable. */
int ckpt_unlinked_exe(struct ckpt_skeleton *s, long *fd, struct ckpt_err *err);

/* One more descriptor of an open file in the skeleton. */
int ckpt_skeleton_reopen(struct ckpt_skeleton *s, long fd, int flags, long *out,
			 struct ckpt_err *err);

#endif
