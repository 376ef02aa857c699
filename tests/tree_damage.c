// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree_damage TREE [all]: damages a real tree in memory, every byte of every text file in turn, and
 * judges it as a restore does before it builds anything. With the manifest as it is everything must
 * be refused; with the damaged file listed as edited its parser decides. Every refusal names a file
 * of the tree. all: all eight bits of each byte, not one of them.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"
#include "memory_tree.h"
#include "restore.h"

static struct memory_tree tree;
static struct ckpt_manifest intact;
static size_t root_len;
static unsigned long trials, accepted;

static void bad(const char *what, const struct memory_file *f, size_t at, const char *text)
{
	printf("FAIL: %s: %s at %zu: '%s'\n", f->path, what, at, text);
	exit(EXIT_FAILURE);
}

static int read_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *data;
	FILE *f;

	(void)ftw;
	if (type != FTW_F)
		return 0;
	f = fopen(path, "re");
	data = malloc((size_t)st->st_size + 1);
	if (!f || !data || fread(data, 1, (size_t)st->st_size, f) != (size_t)st->st_size)
		return -1;
	fclose(f);
	memory_tree_add(&tree, path + root_len + 1, data, (size_t)st->st_size);
	return 0;
}

/* ---- what a restore would say ---- */

static int judge(const struct ckpt_manifest *m, struct ckpt_err *err)
{
	struct ckpt_task *task = ckpt_task_new();
	int ret = ckpt_source_check(&tree.src, m, err);

	if (!ret)
		ret = ckpt_task_load(&tree.src, m, task, err);
	ckpt_task_free(task);
	return ret;
}

/* Some file of the tree, or the manifest, begins the sentence. */
static bool names_a_file(const char *text)
{
	for (size_t i = 0; i < tree.files.n; i++) {
		size_t len = strlen(tree.files.v[i].path);

		if (!strncmp(text, tree.files.v[i].path, len) && text[len] == ':')
			return true;
	}
	return false;
}

static void must_be_refused(const struct memory_file *f, const char *what, size_t at,
			    const struct ckpt_manifest *m)
{
	struct ckpt_err err = {0};
	int ret = judge(m, &err);

	trials++;
	if (!ret)
		bad("was accepted", f, at, what);
	if (err.code != -ret || !names_a_file(err.text))
		bad(what, f, at, err.text);
}

/* Listed as edited: taken or refused, but never without a word. */
static void may_be_taken(const struct memory_file *f, const char *what, size_t at)
{
	struct ckpt_manifest_line *line =
		(struct ckpt_manifest_line *)ckpt_manifest_find(&intact, f->path);
	struct ckpt_err err = {0};
	int ret;

	line->edited = true;
	ret = judge(&intact, &err);
	line->edited = false;
	trials++;
	accepted += !ret;
	if (ret && (err.code != -ret || !names_a_file(err.text)))
		bad(what, f, at, err.text);
}

/* ---- damages ---- */

/* The manifest is its own: what it says after the damage, if it says anything. */
static void damaged_manifest(const struct memory_file *f, const char *what, size_t at)
{
	struct ckpt_manifest m = {0};
	struct ckpt_err err = {0};
	int ret = ckpt_manifest_parse((const char *)f->data, f->len, &m, &err);

	if (!ret) {
		must_be_refused(f, what, at, &m);
		ckpt_manifest_fini(&m);
		return;
	}
	trials++;
	if (err.code != -ret || strncmp(err.text, "manifest:", 9) || err.text[9] < '1' ||
	    err.text[9] > '9')
		bad(what, f, at, err.text);
}

static void damaged(struct memory_file *f, const char *what, size_t at)
{
	if (!strcmp(f->path, CKPT_MANIFEST_NAME)) {
		damaged_manifest(f, what, at);
		return;
	}
	must_be_refused(f, what, at, &intact);
	may_be_taken(f, what, at);
}

static void every_bit(struct memory_file *f, bool all)
{
	uint8_t *data = (uint8_t *)f->data;

	for (size_t i = 0; i < f->len; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			if (!all && bit != i * 5 % 8)
				continue;
			data[i] ^= (uint8_t)(1u << bit);
			damaged(f, "a bit", i);
			data[i] ^= (uint8_t)(1u << bit);
		}
}

/* The file without a line, with it twice, and up to it; and cut off within it. */
static void every_line(struct memory_file *f)
{
	struct memory_file whole = *f;
	uint8_t *copy = malloc(2 * whole.len + 1);

	for (size_t from = 0, to; from < whole.len; from = to) {
		const uint8_t *nl = memchr(whole.data + from, '\n', whole.len - from);

		to = nl ? (size_t)(nl + 1 - whole.data) : whole.len;
		f->data = copy;
		memcpy(copy, whole.data, from);
		memcpy(copy + from, whole.data + to, whole.len - to);
		f->len = whole.len - (to - from);
		damaged(f, "a line less", from);
		memcpy(copy, whole.data, to);
		memcpy(copy + to, whole.data + from, whole.len - from);
		f->len = whole.len + (to - from);
		damaged(f, "a line twice", from);
		f->data = whole.data;
		f->len = from;
		damaged(f, "cut off", from);
		f->len = from + (to - from) / 2;
		damaged(f, "cut off within a line", from);
	}
	*f = whole;
	free(copy);
}

static void whole_file(struct memory_file *f)
{
	struct memory_file whole = *f;

	for (size_t i = 0; i < tree.files.n; i++) {
		const struct memory_file *other = &tree.files.v[i];

		if (other == f ||
		    (other->len == whole.len && !memcmp(other->data, whole.data, whole.len)))
			continue;
		f->data = other->data;
		f->len = other->len;
		damaged(f, "the text of another file", i);
	}
	*f = whole;
	if (!strcmp(f->path, CKPT_MANIFEST_NAME))
		return;
	f->missing = true;
	must_be_refused(f, "missing", 0, &intact);
	f->missing = false;
}

int main(int argc, char **argv)
{
	bool all = argc > 2 && !strcmp(argv[2], "all");
	const struct memory_file *m;
	struct ckpt_err err = {0};

	if (argc < 2)
		return 2;
	root_len = strlen(argv[1]);
	if (nftw(argv[1], read_file, 16, FTW_PHYS) || !tree.files.n) {
		perror(argv[1]);
		return 2;
	}
	m = memory_tree_find(&tree.src, CKPT_MANIFEST_NAME);
	if (!m || ckpt_manifest_parse((const char *)m->data, m->len, &intact, &err) ||
	    judge(&intact, &err)) {
		printf("FAIL: %s as it is: %s\n", argv[1], err.text);
		return EXIT_FAILURE;
	}
	/* They are not damaged: hashing them again each time would find nothing. */
	for (size_t i = 0; i < intact.n; i++)
		if (ckpt_node_kind_of(intact.v[i].path, NULL) == CKPT_NODE_PAGES)
			intact.v[i].edited = true;
	for (size_t i = 0; i < tree.files.n; i++) {
		struct memory_file *f = &tree.files.v[i];
		int kind = ckpt_node_kind_of(f->path, NULL);

		if (kind == CKPT_NODE_PAGES || kind == CKPT_NODE_SUMS)
			continue;
		every_bit(f, all);
		every_line(f);
		whole_file(f);
	}
	printf("%lu damaged trees; %lu of those listed as edited make sense\n", trials, accepted);
	return EXIT_SUCCESS;
}
