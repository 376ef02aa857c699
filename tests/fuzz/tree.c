// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole tree, as a restore judges it before it builds anything. An input is files one after the
 * other, each a form feed, its path and a line feed, then its text. Without a manifest among them
 * there is one that lists all as edited, so that the parsers get to see the damage. A tree that is
 * taken lays out to a tree that is taken, with the same text.
 */
#include "../memory_tree.h"
#include "fuzz.h"
#include "load.h"
#include "restore.h"

static void list(struct ckpt_buf *text, size_t *n, const char *path, size_t len, const char *name)
{
	ckpt_buf_printf(text, "file %.*s%s edited\n", (int)len, path, name);
	++*n;
}

static int make_list(struct memory_tree *t, struct ckpt_manifest *m, struct ckpt_err *err)
{
	const struct memory_file *given = memory_tree_find(&t->src, CKPT_MANIFEST_NAME);
	struct ckpt_buf text = {0};
	size_t n = 0;
	int ret;

	if (given)
		return ckpt_manifest_parse((const char *)given->data, given->len, m, err);
	for (size_t i = 0; i < t->files.n; i++) {
		const char *path = t->files.v[i].path, *meta = strstr(path, "/meta");

		if (ckpt_node_kind_of(path, NULL) != CKPT_NODE_TEXT)
			continue;
		list(&text, &n, path, strlen(path), "");
		if (meta) {
			list(&text, &n, path, (size_t)(meta + 1 - path), "pages");
			list(&text, &n, path, (size_t)(meta + 1 - path), "sums");
		}
	}
	ckpt_buf_printf(&text, "end %zu\n", n);
	ret = ckpt_manifest_parse(text.data, text.len, m, err);
	ckpt_buf_fini(&text);
	return ret;
}

/* Lays task out, which goes with it. */
static struct ckpt_tree *lay_out(struct ckpt_task *task, struct memory_tree *memory)
{
	struct ckpt_err err = {0};
	struct ckpt_tree *tree;

	HOLDS(!ckpt_tree_new(task, NULL, &tree, &err), "%s", err.text);
	for (uint32_t i = 0; i < tree->n; i++)
		if (tree->v[i].kind == CKPT_NODE_TEXT)
			memory_tree_add(memory, tree->v[i].path, tree->v[i].text,
					(size_t)tree->v[i].size);
	return tree;
}

static void taken(struct ckpt_task *task, struct memory_tree *from)
{
	struct ckpt_task *again = ckpt_task_new();
	struct memory_tree memory = {0};
	struct ckpt_manifest m = {0};
	struct ckpt_err err = {0};
	struct ckpt_tree *tree = lay_out(task, &memory);
	int ret;

	for (size_t i = 0; i < memory.files.n; i++) {
		const struct memory_file *now = &memory.files.v[i], *then;

		then = memory_tree_find(&from->src, now->path);
		HOLDS(then, "%s was not there", now->path);
		fuzz_same_lines((const char *)then->data, then->len, (const char *)now->data,
				now->len);
	}
	HOLDS(!make_list(&memory, &m, &err), "%s", err.text);
	ret = ckpt_task_load(&memory.src, &m, again, &err);
	HOLDS(!ret, "refused when it is printed: %s", err.text);
	ckpt_manifest_fini(&m);
	ckpt_task_free(again);
	memory_tree_fini(&memory);
	ckpt_tree_free(tree);
}

static void judge(struct memory_tree *t)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_manifest m = {0};
	struct ckpt_err err = {0};
	int ret = make_list(t, &m, &err);

	if (!ret && memory_tree_find(&t->src, CKPT_MANIFEST_NAME))
		ret = ckpt_source_check(&t->src, &m, &err);
	if (!ret)
		ret = ckpt_task_load(&t->src, &m, task, &err);
	if (ret) {
		fuzz_refused(ret, &err);
		ckpt_task_free(task);
	} else {
		taken(task, t);
	}
	ckpt_manifest_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_tree t = {0};
	char *text, *part;

	if (!size || data[0] != '\f' || memchr(data, 0, size))
		return -1;
	text = fuzz_text(data, size);
	part = text;
	while (*part) {
		size_t len = strcspn(part + 1, "\f"), path = strcspn(part + 1, "\n\f");
		char *end = part + 1 + len, saved = *end;

		if (path < len) {
			part[1 + path] = '\0';
			if (!t.files.v || !memory_tree_find(&t.src, part + 1))
				memory_tree_add(&t, part + 1, part + 2 + path, len - path - 1);
		}
		part = end;
		*part = saved;
	}
	if (t.files.n)
		judge(&t);
	memory_tree_fini(&t);
	free(text);
	return 0;
}
