/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which inode number an entry of a frozen task's tree has. At first that is its index. When a
 * rollback exchanges the tree, an entry keeps the number that its path had, because tools hold
 * directories open while they copy; new paths get new numbers, and none is used for another path.
 *
 * Not locked.
 */
#ifndef CKPT_INODES_H
#define CKPT_INODES_H

#include <stdint.h>
#include "tree.h"

#define CKPT_NO_INDEX UINT32_MAX

struct ckpt_inodes {
	uint32_t *of;	 /* by index; NULL: the index itself */
	uint32_t *index; /* by number, or CKPT_NO_INDEX */
	uint32_t n;	 /* numbers that were given; with of == NULL: 0 */
	char **paths;	 /* by number, between begin and end */
	uint32_t npaths, room;
};

/* The index of the entry with that number, CKPT_NO_INDEX if there is none (any more). */
uint32_t ckpt_inodes_index(const struct ckpt_inodes *in, const struct ckpt_tree *tree,
			   uint32_t number);
/* The number of an entry; CKPT_NO_INDEX: it has none, for want of memory. */
uint32_t ckpt_inodes_number(const struct ckpt_inodes *in, uint32_t index);

/* Around the exchange of a tree, for one with about so many more entries. begin: -ENOMEM. end: with
 * the tree that is there now, the same one if nothing came of it. */
int ckpt_inodes_begin(struct ckpt_inodes *in, const struct ckpt_tree *tree, uint32_t more);
void ckpt_inodes_end(struct ckpt_inodes *in, const struct ckpt_tree *tree);

void ckpt_inodes_fini(struct ckpt_inodes *in);

#endif
