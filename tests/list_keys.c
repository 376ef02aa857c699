// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints every text file of the tree and its keys, "FILE KEY" per line, from the tables. */
#include <stdio.h>
#include "tree.h"

static void list(const char *name, const struct ckpt_codec *codec, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < codec->nrows; i++)
		printf("%s %s\n", name, codec->rows[i].key);
}

int main(void)
{
	ckpt_node_each_codec(list, NULL);
	return 0;
}
