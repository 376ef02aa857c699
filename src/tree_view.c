// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A view of a tree: what readers see of a frozen task after edits that it does not have yet.
 * The entries are a copy of the base's with some contents exchanged; `sums` and `manifest` are
 * made anew, by the code that makes them for any tree. Nothing of the base is touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "tree.h"

struct ckpt_tree *ckpt_tree_view_new(const struct ckpt_tree *base,
				     const struct ckpt_page_reader *reader)
{
	struct ckpt_tree *view = malloc(sizeof(*view));

	if (!view)
		return NULL;
	*view = (struct ckpt_tree){
		.task = base->task,
		.v = malloc(base->n * sizeof(*base->v)),
		.n = base->n,
		.by_path = base->by_path,
		.mtime = base->mtime,
		.reader = *reader,
	};
	if (!view->v) {
		free(view);
		return NULL;
	}
	memcpy(view->v, base->v, base->n * sizeof(*base->v));
	/* These texts are made when somebody reads them first; the digests in them are shared. */
	for (uint32_t i = 0; i < view->n; i++)
		if (view->v[i].kind == CKPT_NODE_SUMS)
			view->v[i].text = NULL;
	pthread_mutex_init(&view->lock, NULL);
	return view;
}

void ckpt_tree_view_free(struct ckpt_tree *view)
{
	if (!view)
		return;
	for (uint32_t i = 0; i < view->n; i++) {
		const struct ckpt_entry *e = &view->v[i];

		if (e->kind == CKPT_NODE_SUMS)
			free(e->text);
		if (e->kind == CKPT_NODE_PAGES && e->changed)
			ckpt_sums_free(e->sums);
	}
	free(view->v);
	free(view->manifest);
	pthread_mutex_destroy(&view->lock);
	free(view);
}

void ckpt_tree_view_set_text(struct ckpt_tree *view, uint32_t index, char *text, uint64_t size,
			     const struct timespec *when)
{
	struct ckpt_entry *e = &view->v[index];

	e->text = text;
	e->size = size;
	e->changed = view->v[view->n - 1].changed = when;
}

int ckpt_tree_view_set_pages(struct ckpt_tree *view, uint32_t index, const struct timespec *when)
{
	struct ckpt_entry *e = &view->v[index];
	struct ckpt_sums *sums = ckpt_sums_new(e->size), *old = e->sums;

	if (!sums)
		return -ENOMEM;
	for (uint32_t i = view->v[e->parent].first; i; i = view->v[i].next)
		if (view->v[i].sums == old) {
			view->v[i].sums = sums;
			view->v[i].changed = when;
		}
	view->v[view->n - 1].changed = when;
	return 0;
}
