/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Edits of a frozen task that it does not have yet: other contents for some files of its tree.
 * Each was found good when it was added. Readers see them at once, with sums and a manifest to
 * match; the task gets them all together, by ckpt_edits_commit().
 *
 * Not locked: overlay.h says who may call. Reading the view is ckpt_tree_read()'s business.
 */
#ifndef CKPT_EDITS_H
#define CKPT_EDITS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "blob.h"
#include "buf.h"
#include "err.h"
#include "frozen.h"
#include "source.h"

struct ckpt_edit {
	uint32_t index; /* of the entry in frozen->tree */
	struct ckpt_blob blob;
	char *text;   /* of a text file: all of it, for the view */
	pid_t writer; /* the thread that closed it */
	struct timespec at;
};

struct ckpt_edits {
	struct ckpt_frozen *frozen;
	CKPT_VEC(struct ckpt_edit *) v; /* at most one for each entry */
	struct ckpt_tree *view;		/* what readers see; NULL: no edits, frozen->tree */
	struct ckpt_source source;	/* the files of frozen->tree with the edits */
	struct ckpt_blob *probe;	/* one more edit, that is being judged ... */
	uint32_t probe_index;		/* ... of this entry */
};

void ckpt_edits_init(struct ckpt_edits *e, struct ckpt_frozen *frozen);
void ckpt_edits_fini(struct ckpt_edits *e); /* forgets all */

/* Whether the file of that path can be edited by itself. */
bool ckpt_edits_may(const struct ckpt_frozen *frozen, const char *path);

/* Makes an empty blob a copy on write of what readers see of an entry of pages. */
void ckpt_edits_copy(struct ckpt_edits *e, uint32_t index, struct ckpt_blob *blob);

/* Judges the contents as those of an entry, the other edits given: the file by itself, then the
 * task with it. If they are good, takes them over: blob is empty afterwards.
 * -EINVAL and what ckpt_apply() returns; nothing has changed then. */
int ckpt_edits_add(struct ckpt_edits *e, uint32_t index, struct ckpt_blob *blob, pid_t writer,
		   struct ckpt_err *err);

/* Does all of them to the task; they are forgotten, whatever the result. */
int ckpt_edits_commit(struct ckpt_edits *e, struct ckpt_err *err);

#endif
