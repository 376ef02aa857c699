// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines of text by a table of rows. Owns the grammar of a text file; knows no key and no value.
 *
 * The text of a parse is copied once and cut into words in place; what is allocated beyond that
 * is in proportion to the words that are there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "codec.h"

/* ---- printing ---- */

static void print_line(const struct ckpt_row *row, const void *obj, struct ckpt_buf *buf)
{
	ckpt_buf_puts(buf, row->key);
	for (size_t i = 0; i < CKPT_COLS && row->col[i].type; i++) {
		const struct ckpt_col *col = &row->col[i];

		ckpt_buf_put(buf, " ", 1);
		col->type->print(buf, (const char *)obj + col->off, col);
	}
	ckpt_buf_put(buf, "\n", 1);
}

void ckpt_codec_print(const struct ckpt_codec *codec, const void *obj, struct ckpt_buf *buf)
{
	for (size_t i = 0; i < codec->nrows; i++) {
		const struct ckpt_row *row = &codec->rows[i];
		const void *at = (const char *)obj + row->off;

		if (row->kind == CKPT_MANY) {
			const struct ckpt_vec *vec = at;

			for (size_t k = 0; k < vec->n; k++)
				print_line(row, (const char *)vec->v + k * row->esize, buf);
		} else if (row->kind == CKPT_ONE || *(const bool *)at) {
			print_line(row, obj, buf);
		}
	}
	ckpt_buf_puts(buf, "end\n");
}

/* ---- freeing ---- */

static void fini_line(const struct ckpt_row *row, void *obj)
{
	for (size_t i = 0; i < CKPT_COLS && row->col[i].type; i++)
		if (row->col[i].type->fini)
			row->col[i].type->fini((char *)obj + row->col[i].off);
}

void ckpt_codec_fini(const struct ckpt_codec *codec, void *obj)
{
	for (size_t i = 0; i < codec->nrows; i++) {
		const struct ckpt_row *row = &codec->rows[i];

		if (row->kind == CKPT_MANY) {
			struct ckpt_vec *vec = (struct ckpt_vec *)((char *)obj + row->off);

			for (size_t k = 0; k < vec->n; k++)
				fini_line(row, (char *)vec->v + k * row->esize);
			CKPT_VEC_FINI(vec);
		} else {
			fini_line(row, obj);
		}
	}
}

/* ---- parsing ---- */

/* Where a key stands. */
struct seen {
	size_t n, line; /* how often, and the last time */
};

struct parser {
	const struct ckpt_codec *codec;
	const char *path;
	void *obj;
	struct ckpt_err *err;
	size_t line;
	struct seen *seen; /* by row */
	size_t last;	   /* row of the line before: the next one is likely it, or the one after */
	struct ckpt_buf again; /* a word as we spell it */
};

static int parse_word(struct parser *p, const struct ckpt_row *row, const struct ckpt_col *col,
		      const char *word, void *obj)
{
	void *field = (char *)obj + col->off;

	bool good;

	errno = 0;
	good = col->type->parse(word, field, col);
	if (!good && errno == ENOMEM)
		return ckpt_fail(p->err, ENOMEM, "%s:%zu: out of memory", p->path, p->line);
	if (!good)
		return ckpt_fail(p->err, EINVAL, "%s:%zu: %s: '%.80s' is not %s", p->path, p->line,
				 row->key, word, col->type->name);
	p->again.len = 0;
	col->type->print(&p->again, field, col);
	if (p->again.failed)
		return ckpt_fail(p->err, ENOMEM, "%s:%zu: out of memory", p->path, p->line);
	if (strcmp(p->again.data, word))
		return ckpt_fail(p->err, EINVAL, "%s:%zu: %s: '%.80s' must be written '%.80s'",
				 p->path, p->line, row->key, word, p->again.data);
	return 0;
}

/* Parses the values of a line; rest is what follows the key, NULL: nothing. */
static int parse_values(struct parser *p, const struct ckpt_row *row, char *rest, void *obj)
{
	for (size_t i = 0; i < CKPT_COLS && row->col[i].type; i++) {
		char *word = rest, *blank;
		int rc;

		if (!word)
			return ckpt_fail(p->err, EINVAL, "%s:%zu: %s: a value is missing", p->path,
					 p->line, row->key);
		blank = strchr(word, ' ');
		if (blank)
			*blank = '\0';
		rest = blank ? blank + 1 : NULL;
		rc = parse_word(p, row, &row->col[i], word, obj);
		if (rc)
			return rc;
	}
	if (rest)
		return ckpt_fail(p->err, EINVAL, "%s:%zu: %s: one value too many: '%.80s'", p->path,
				 p->line, row->key, rest);
	return 0;
}

static const struct ckpt_row *find_row(struct parser *p, const char *key)
{
	size_t n = p->codec->nrows;

	for (size_t i = 0; i < n; i++) {
		size_t at = (p->last + i) % n;

		if (!strcmp(p->codec->rows[at].key, key)) {
			p->last = at;
			return &p->codec->rows[at];
		}
	}
	return NULL;
}

static int parse_line(struct parser *p, char *line)
{
	char *blank = strchr(line, ' ');
	const struct ckpt_row *row;
	void *obj = p->obj;
	struct seen *seen;

	if (blank)
		*blank = '\0';
	row = find_row(p, line);
	if (!row)
		return ckpt_fail(p->err, EINVAL, "%s:%zu: no key '%.80s'", p->path, p->line, line);
	seen = &p->seen[row - p->codec->rows];
	if (seen->n && row->kind != CKPT_MANY)
		return ckpt_fail(p->err, EINVAL, "%s:%zu: duplicate '%s'", p->path, p->line,
				 row->key);
	seen->n++;
	seen->line = p->line;
	if (row->kind == CKPT_MANY) {
		obj = ckpt_vec_add((struct ckpt_vec *)((char *)obj + row->off), row->esize);
		if (!obj)
			return ckpt_fail(p->err, ENOMEM, "%s:%zu: out of memory", p->path, p->line);
	} else if (row->kind == CKPT_OPT) {
		*(bool *)((char *)obj + row->off) = true;
	}
	return parse_values(p, row, blank ? blank + 1 : NULL, obj);
}

static int parse_lines(struct parser *p, char *text, const char *stop)
{
	while (text < stop) {
		char *nl = memchr(text, '\n', (size_t)(stop - text));
		int rc;

		p->line++;
		if (!nl)
			return ckpt_fail(p->err, EINVAL, "%s:%zu: the file ends within a line",
					 p->path, p->line);
		*nl = '\0';
		if (!strcmp(text, "end")) {
			if (nl + 1 == stop)
				return 0;
			return ckpt_fail(p->err, EINVAL, "%s:%zu: text after the line 'end'",
					 p->path, p->line + 1);
		}
		rc = parse_line(p, text);
		if (rc)
			return rc;
		text = nl + 1;
	}
	return ckpt_fail(p->err, EINVAL, "%s:%zu: no line 'end'", p->path, p->line + 1);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The line of the key that a sentence mentions first; 0 if it mentions none, or one that is there
 * several times. check() sees values only, but says what each is called. */
static size_t line_of(const struct parser *p, const char *text)
{
	while (*text) {
		size_t len = 0;

		while (is_word(text[len]))
			len++;
		for (size_t i = 0; len && i < p->codec->nrows; i++) {
			const char *key = p->codec->rows[i].key;

			if (p->seen[i].n && strlen(key) == len && !memcmp(key, text, len))
				return p->seen[i].n == 1 ? p->seen[i].line : 0;
		}
		text += len ? len : 1;
	}
	return 0;
}

static int check_whole(struct parser *p)
{
	size_t line;
	int rc;

	for (size_t i = 0; i < p->codec->nrows; i++)
		if (p->codec->rows[i].kind == CKPT_ONE && !p->seen[i].n)
			return ckpt_fail(p->err, EINVAL, "%s:%zu: no line '%s' before 'end'",
					 p->path, p->line, p->codec->rows[i].key);
	if (!p->codec->check)
		return 0;
	rc = p->codec->check(p->obj, p->err);
	if (!rc || !p->err)
		return rc;
	line = line_of(p, p->err->text);
	if (line)
		ckpt_err_about(p->err, "%s:%zu", p->path, line);
	else
		ckpt_err_about(p->err, "%s", p->path);
	return rc;
}

int ckpt_codec_parse(const struct ckpt_codec *codec, const char *path, const char *text, size_t len,
		     void *obj, struct ckpt_err *err)
{
	struct parser p = {.codec = codec, .path = path, .obj = obj, .err = err};
	char *copy;
	int rc;

	copy = malloc(len + 1);
	p.seen = calloc(codec->nrows + 1, sizeof(*p.seen));
	if (!copy || !p.seen) {
		rc = ckpt_fail(err, ENOMEM, "%s: out of memory", path);
		goto out;
	}
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	p.line = ckpt_text_nul_line(copy, len);
	if (p.line) {
		rc = ckpt_fail(err, EINVAL, "%s:%zu: a NUL byte in the text", path, p.line);
		goto out;
	}
	rc = parse_lines(&p, copy, copy + len);
	if (!rc)
		rc = check_whole(&p);
	if (rc)
		ckpt_codec_fini(codec, obj);
out:
	ckpt_buf_fini(&p.again);
	free(p.seen);
	free(copy);
	return rc;
}
