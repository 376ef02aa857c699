// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The manifest: what is taken prints to the same lines, is sorted, and lists no file that is not
 * below the tree; a refusal names the line.
 */
#include <inttypes.h>
#include "fuzz.h"
#include "load.h"
#include "tree.h"

static void taken(const struct ckpt_manifest *m, const char *text, size_t len)
{
	struct ckpt_buf out = {0};
	struct ckpt_err err = {0};
	int ret;

	for (size_t i = 0; i < m->n; i++) {
		const struct ckpt_manifest_line *line = &m->v[i];

		HOLDS(line->path[0] != '/' && !strstr(line->path, ".."), "%s", line->path);
		HOLDS(ckpt_node_kind_of(line->path, NULL) > 0, "%s", line->path);
		HOLDS(!i || strcmp(m->v[i - 1].path, line->path) < 0, "%s", line->path);
		HOLDS(ckpt_manifest_find(m, line->path) == line, "%s", line->path);
		if (line->edited)
			ckpt_buf_printf(&out, "file %s edited\n", line->path);
		else
			ckpt_manifest_print_line(&out, line->path, line->size, &line->digest);
	}
	ckpt_buf_printf(&out, "end %zu\n", m->n);
	fuzz_same_lines(text, len, out.data, out.len);
	ckpt_buf_fini(&out);
	ret = ckpt_node_check_list(m, &err);
	if (ret)
		fuzz_refused(ret, &err);
	ret = ckpt_manifest_check_sizes(m, &err);
	if (ret)
		fuzz_refused(ret, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ckpt_manifest m = {0};
	struct ckpt_err err = {0};
	int ret = ckpt_manifest_parse((const char *)data, size, &m, &err);

	if (ret) {
		fuzz_refused(ret, &err);
		HOLDS(!strncmp(err.text, "manifest:", 9) && err.text[9] >= '1' &&
			      err.text[9] <= '9',
		      "'%s'", err.text);
		HOLDS(!m.v, "something is left");
	} else {
		taken(&m, (const char *)data, size);
		ckpt_manifest_fini(&m);
	}
	return 0;
}
