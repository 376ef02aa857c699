// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every text file of the tree by its codec. An input is the path of a file in a line, then its
 * text. What is taken prints to the same lines (every value has one spelling), what is printed
 * parses again, and a refusal names file and line.
 */
#include "fuzz.h"
#include "node.h"
#include "task.h"

/* Where the text of path lives once it is parsed. */
static const struct ckpt_codec *find(const struct ckpt_task *task, const char *path,
				     const void **obj)
{
	const struct ckpt_node_row *dir = &ckpt_node_root;
	size_t len = strcspn(path, "/");

	for (size_t i = 0; i < dir->nrows; i++) {
		const struct ckpt_node_row *row = &dir->rows[i];
		const struct ckpt_collection *c = row->entries;

		if (strlen(row->name) != len || memcmp(row->name, path, len))
			continue;
		if (!c) {
			*obj = (const char *)task + row->off;
			return row->codec;
		}
		*obj = ((const struct ckpt_vec *)((const char *)task + c->vec))->v;
		return c->row->codec ? c->row->codec : c->row->rows[0].codec;
	}
	return NULL;
}

static void names_the_line(const char *path, const struct ckpt_err *err)
{
	size_t len = strlen(path);

	HOLDS(!strncmp(err->text, path, len) && err->text[len] == ':', "of %s: '%s'", path,
	      err->text);
}

static void taken(const struct ckpt_task *task, const char *path, const char *text, size_t len)
{
	struct ckpt_task *again = ckpt_task_new();
	struct ckpt_buf first = {0}, second = {0};
	struct ckpt_err err = {0};
	const struct ckpt_codec *codec;
	const void *obj;

	codec = find(task, path, &obj);
	HOLDS(codec, "%s was parsed by nobody", path);
	ckpt_codec_print(codec, obj, &first);
	fuzz_same_lines(text, len, first.data, first.len);
	HOLDS(!ckpt_node_parse(again, path, first.data, first.len, &err), "%s", err.text);
	codec = find(again, path, &obj);
	ckpt_codec_print(codec, obj, &second);
	HOLDS(first.len == second.len && !memcmp(first.data, second.data, first.len),
	      "printed:\n%s\nand again:\n%s", first.data, second.data);
	ckpt_buf_fini(&first);
	ckpt_buf_fini(&second);
	ckpt_task_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = memchr(data, '\n', size);
	struct ckpt_err err = {0};
	struct ckpt_task *task;
	size_t len;
	char *path;
	int ret;

	if (!nl || nl - data > 40 || memchr(data, 0, (size_t)(nl - data)))
		return -1; /* not worth keeping */
	path = fuzz_text(data, (size_t)(nl - data));
	data = nl + 1;
	len = size - strlen(path) - 1;
	if (ckpt_node_kind_of(path, NULL) == CKPT_NODE_TEXT) {
		task = ckpt_task_new();
		ret = ckpt_node_parse(task, path, (const char *)data, len, &err);
		if (ret) {
			fuzz_refused(ret, &err);
			names_the_line(path, &err);
		} else {
			taken(task, path, (const char *)data, len);
		}
		ckpt_task_free(task);
	}
	free(path);
	return 0;
}
