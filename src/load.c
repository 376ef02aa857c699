// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the text files of a tree to the state they describe. Knows nothing of processes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"
#include "tree.h"

#define MAX_TEXT_FILE (64ull << 20) /* bytes; a VMA with a million runs has 40 MiB */

static char *read_text(struct ckpt_source *src, const char *path, size_t *len, struct ckpt_err *err)
{
	uint64_t size;
	ssize_t got;
	char *text;
	int ret = src->ops->size(src, path, &size);

	if (ret) {
		ckpt_fail(err, ret == -ENOENT ? EINVAL : -ret, "%s: %s", path,
			  ret == -ENOENT ? "missing" : strerror(-ret));
		return NULL;
	}
	if (size > MAX_TEXT_FILE) {
		ckpt_fail(err, EINVAL, "%s: %llu bytes are too long for a text file", path,
			  (unsigned long long)size);
		return NULL;
	}
	text = malloc(size + 1);
	got = text ? src->ops->read(src, path, text, size, 0) : -ENOMEM;
	if (got < 0 || (uint64_t)got != size) {
		ckpt_fail(err, got < 0 ? (int)-got : EINVAL, "%s: can't be read", path);
		free(text);
		return NULL;
	}
	text[size] = '\0';
	*len = size;
	return text;
}

/* Before anything is parsed: a newer tree is refused by the name of what is new in it, not by the
 * first key that is not known. */
static int check_format(struct ckpt_source *src, struct ckpt_err *err)
{
	char *save, *line, *text;
	size_t len;
	int ret = 0;

	text = read_text(src, "task", &len, err);
	if (!text)
		return -err->code;
	for (line = strtok_r(text, "\n", &save); line && !ret; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "feature ", 8))
			ret = ckpt_fail(err, ENOTSUP,
					"task: the tree uses the feature '%s', which this "
					"ckptfs does not know",
					line + 8);
		else if (!strncmp(line, "version ", 8) &&
			 strtoul(line + 8, NULL, 10) > CKPT_FORMAT_VERSION)
			ret = ckpt_fail(err, ENOTSUP,
					"task: format version %s: this ckptfs reads version %d",
					line + 8, CKPT_FORMAT_VERSION);
	}
	free(text);
	return ret;
}

static int load(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_task *task,
		struct ckpt_err *err)
{
	int ret = ckpt_node_check_list(m, err);

	if (!ret)
		ret = check_format(src, err);
	for (size_t i = 0; !ret && i < m->n; i++) {
		size_t len;
		char *text;

		if (ckpt_node_kind_of(m->v[i].path, NULL) != CKPT_NODE_TEXT)
			continue;
		text = read_text(src, m->v[i].path, &len, err);
		if (!text)
			return -err->code;
		ret = ckpt_node_parse(task, m->v[i].path, text, len, err);
		free(text);
	}
	return ret ? ret : ckpt_task_sort(task, err);
}

/* What the files say of each other. */
static int check_memory(const struct ckpt_task *task, struct ckpt_err *err)
{
	if (task->mm.map_count != task->vmas.n)
		return ckpt_fail(err, EINVAL, "mm: map_count is %u, but the tree has %zu vmas",
				 task->mm.map_count, task->vmas.n);
	for (size_t i = 0; i < task->vmas.n; i++) {
		const struct ckpt_vma *vma = &task->vmas.v[i];
		bool found = vma->how != CKPT_VMA_SHM;

		if (i && vma->start < task->vmas.v[i - 1].end)
			return ckpt_fail(err, EINVAL,
					 "vmas/%016llx/meta: it overlaps the one before",
					 (unsigned long long)vma->start);
		for (size_t j = 0; !found && j < task->objects.n; j++)
			found = task->objects.v[j].id == vma->object &&
				task->objects.v[j].kind == CKPT_OBJECT_SHM;
		if (!found)
			return ckpt_fail(err, EINVAL, "vmas/%016llx/meta: there is no objects/%llu",
					 (unsigned long long)vma->start,
					 (unsigned long long)vma->object);
	}
	return 0;
}

int ckpt_task_load(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_task *task,
		   struct ckpt_err *err)
{
	int ret = load(src, m, task, err);

	return ret ? ret : check_memory(task, err);
}

/* ---- a list made from the source ---- */

struct lister {
	struct ckpt_manifest *m;
	struct ckpt_err *err;
};

static int list_add(struct lister *l, const char *path, size_t len, const char *suffix)
{
	struct ckpt_manifest_line *line = ckpt_vec_add((struct ckpt_vec *)l->m, sizeof(*line));

	if (!line || asprintf(&line->path, "%.*s%s", (int)len, path, suffix) < 0) {
		if (line)
			line->path = NULL;
		return ckpt_fail(l->err, ENOMEM, "no memory for a list of files");
	}
	return 0;
}

static int list_file(const char *path, void *arg)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash + 1 - path) : 0;
	struct lister *l = arg;
	bool gz = false;
	int kind = ckpt_node_kind_of(path, &gz), ret;

	if (kind < 0)
		return ckpt_fail(l->err, EINVAL, "%s: no file of this format", path);
	if (kind == CKPT_NODE_SUMS || kind == CKPT_NODE_MANIFEST)
		return 0;
	ret = list_add(l, path, gz ? strlen(path) - 3 : strlen(path), "");
	return ret || kind != CKPT_NODE_PAGES ? ret : list_add(l, path, dir, "sums");
}

static int line_order(const void *a, const void *b)
{
	const struct ckpt_manifest_line *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int ckpt_source_list(struct ckpt_source *src, struct ckpt_manifest *out, struct ckpt_err *err)
{
	struct lister l = {out, err};
	int ret = src->ops->each(src, list_file, &l);

	if (ret && !err->code)
		ckpt_fail(err, -ret, "the files of the tree can't be listed: %s", strerror(-ret));
	if (!ret && out->n)
		qsort(out->v, out->n, sizeof(*out->v), line_order);
	if (ret)
		ckpt_manifest_fini(out);
	return ret;
}
