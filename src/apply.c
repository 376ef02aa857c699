// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leads the change of a frozen task in place: reads what is wanted, has it judged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "apply_int.h"
#include "load.h"
#include "tree.h"

static int load_wanted(struct ckpt_source *src, struct ckpt_task *task, struct ckpt_err *err)
{
	struct ckpt_manifest list = {0};
	int ret = ckpt_source_list(src, &list, err);

	if (!ret)
		ret = ckpt_task_load(src, &list, task, err);
	ckpt_manifest_fini(&list);
	return ret;
}

/* Every file below vmas, files, fds and objects: there, and the same. */
static int same_element(const char *path, void *arg)
{
	struct ckpt_apply *a = arg;
	const struct ckpt_tree *tree = a->frozen->tree;
	int kind = ckpt_node_kind_of(path, NULL);
	int64_t at = ckpt_tree_find(tree, path);
	uint64_t size;

	if (!strchr(path, '/') || kind == CKPT_NODE_SUMS)
		return 0;
	if (at < 0 || a->w->src->ops->size(a->w->src, path, &size) || size != tree->v[at].size)
		return -EXDEV;
	if (kind == CKPT_NODE_PAGES)
		return !a->w->changed || a->w->changed(a->w->src, path) ? -EXDEV : 0;
	return 0;
}

static int judge_elements(struct ckpt_apply *a, struct ckpt_err *err)
{
	struct ckpt_source *src = a->w->src;
	const struct ckpt_tree *tree = a->frozen->tree;
	int ret = src->ops->each(src, same_element, a);

	for (uint32_t i = 0; !ret && i < tree->n; i++) {
		uint64_t size;
		char *text;

		if (tree->v[i].kind != CKPT_NODE_TEXT || !strchr(tree->v[i].path, '/'))
			continue;
		if (src->ops->size(src, tree->v[i].path, &size) || size != tree->v[i].size)
			return ckpt_fail(err, ENOTSUP, "%s: can't be changed in place",
					 tree->v[i].path);
		text = malloc(size + 1);
		if (!text)
			return ckpt_fail(err, ENOMEM, "no memory to compare states");
		if (src->ops->read(src, tree->v[i].path, text, size, 0) != (ssize_t)size ||
		    memcmp(text, tree->v[i].text, size) != 0)
			ret = ckpt_fail(err, ENOTSUP, "%s: can't be changed in place",
					tree->v[i].path);
		free(text);
	}
	return ret == -EXDEV ? ckpt_fail(err, ENOTSUP,
					 "memory and descriptors can't be changed in "
					 "place")
			     : ret;
}

int ckpt_apply(struct ckpt_frozen *frozen, const struct ckpt_want *want, enum ckpt_apply_mode mode,
	       struct ckpt_err *err)
{
	struct ckpt_apply a = {.frozen = frozen, .w = want, .old = frozen->tree->task};
	struct ckpt_task *task = ckpt_task_new();
	int ret;

	(void)mode;
	if (!task)
		return ckpt_fail(err, ENOMEM, "no memory for a task");
	a.want = task;
	if (!ckpt_frozen_alive(frozen))
		ret = ckpt_fail(err, ESRCH, "process %d has ended", frozen->pid);
	else
		ret = load_wanted(want->src, task, err);
	if (!ret)
		ret = ckpt_apply_judge(&a, err);
	if (!ret)
		ret = judge_elements(&a, err);
	ckpt_task_free(task);
	return ret;
}
