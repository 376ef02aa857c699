// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inode numbers of a tree that is exchanged. All memory is taken before the exchange, which can't
 * be undone.
 */
#include "inodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t ckpt_inodes_index(const struct ckpt_inodes *in, const struct ckpt_tree *tree,
			   uint32_t number)
{
	if (!in->of)
		return number < tree->n ? number : CKPT_NO_INDEX;
	return number < in->n ? in->index[number] : CKPT_NO_INDEX;
}

uint32_t ckpt_inodes_number(const struct ckpt_inodes *in, uint32_t index)
{
	if (!in->of)
		return index;
	return index < in->room ? in->of[index] : CKPT_NO_INDEX;
}

static void forget_paths(struct ckpt_inodes *in)
{
	for (uint32_t i = 0; i < in->npaths; i++)
		free(in->paths[i]);
	free(in->paths);
	in->paths = NULL;
	in->npaths = 0;
}

static int remember_paths(struct ckpt_inodes *in, const struct ckpt_tree *tree, uint32_t n)
{
	in->paths = calloc(n + 1u, sizeof(*in->paths));
	if (!in->paths)
		return -ENOMEM;
	in->npaths = n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = ckpt_inodes_index(in, tree, i);

		if (index == CKPT_NO_INDEX)
			continue;
		in->paths[i] = strdup(tree->v[index].path);
		if (!in->paths[i])
			return -ENOMEM;
	}
	return 0;
}

int ckpt_inodes_begin(struct ckpt_inodes *in, const struct ckpt_tree *tree, uint32_t more)
{
	uint32_t n = in->of ? in->n : tree->n, room = n + more;
	uint32_t *of = malloc(room * sizeof(*of)), *index = malloc(room * sizeof(*index));
	int ret = of && index ? remember_paths(in, tree, n) : -ENOMEM;

	if (ret) {
		forget_paths(in);
		free(of);
		free(index);
		return ret;
	}
	free(in->of);
	free(in->index);
	in->of = of;
	in->index = index;
	in->n = n;
	in->room = room;
	return 0;
}

void ckpt_inodes_end(struct ckpt_inodes *in, const struct ckpt_tree *tree)
{
	for (uint32_t i = 0; i < in->room; i++)
		in->of[i] = in->index[i] = CKPT_NO_INDEX;
	for (uint32_t i = 0; i < in->npaths; i++) {
		int64_t index = in->paths[i] ? ckpt_tree_find(tree, in->paths[i]) : -1;

		if (index < 0 || index >= in->room)
			continue;
		in->index[i] = (uint32_t)index;
		in->of[index] = i;
	}
	for (uint32_t i = 0; i < tree->n && i < in->room; i++) {
		if (in->of[i] != CKPT_NO_INDEX || in->n == in->room)
			continue;
		in->index[in->n] = i;
		in->of[i] = in->n++;
	}
	forget_paths(in);
}

void ckpt_inodes_fini(struct ckpt_inodes *in)
{
	forget_paths(in);
	free(in->of);
	free(in->index);
	*in = (struct ckpt_inodes){0};
}
