/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text files of the tree: one table per file defines printing AND parsing.
 *
 * A text file is lines `key value...`, one space between words, ended by a line `end`.
 * A struct ckpt_codec is a table of rows, one row per key. A row says where its values live
 * in the object (offsets) and how each is spelled (struct ckpt_type). Every value has exactly
 * one spelling, so that two trees compare with diff: parsing prints the word again and
 * refuses it when it reads differently.
 *
 * Parsing knows every key or fails: an unknown key, a duplicate, a missing one, junk, an
 * overflow is EINVAL with "file:line: what".
 */
#ifndef CKPT_CODEC_H
#define CKPT_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "err.h"

struct ckpt_col;

/* How one value is spelled. parse() gets a NUL-terminated word; returns false if it is no such
 * value. Values are at field, col->size bytes. */
struct ckpt_type {
	const char *name; /* for messages: "a hexadecimal number" */
	void (*print)(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col);
	bool (*parse)(const char *word, void *field, const struct ckpt_col *col);
	void (*fini)(void *field); /* frees what parse() allocated; may be NULL */
};

extern const struct ckpt_type ckpt_type_dec; /* unsigned, decimal; size 1, 2, 4 or 8 */
extern const struct ckpt_type ckpt_type_int; /* signed, decimal */
extern const struct ckpt_type ckpt_type_hex; /* unsigned, 0x1f */
extern const struct ckpt_type ckpt_type_oct; /* unsigned, 0644 */
extern const struct ckpt_type
	ckpt_type_str; /* char *, malloc'd; \ooo for space, \, controls; NULL is - */
extern const struct ckpt_type
	ckpt_type_name; /* char[size], NUL-terminated, spelled as str; "" is - */
extern const struct ckpt_type ckpt_type_blob; /* uint8_t[size] as hex digits */
extern const struct ckpt_type
	ckpt_type_bytes; /* struct ckpt_bytes, any length, hex digits; empty is - */
extern const struct ckpt_type
	ckpt_type_enum; /* arg: struct ckpt_word[], NULL-ended: value by word */
extern const struct ckpt_type ckpt_type_flags; /* arg: struct ckpt_word[]: words joined by ','; none
					      is -; bits without a word are a last member 0x... */

struct ckpt_word {
	const char *name;
	uint64_t value;
};

struct ckpt_bytes {
	uint8_t *v;
	size_t n, cap;
};

/* One value of a row. */
struct ckpt_col {
	const struct ckpt_type *type;
	size_t off;  /* in the object, or in the element for a row of many */
	size_t size; /* of the field, in bytes */
	const void *arg;
};

enum ckpt_row_kind {
	CKPT_ONE,  /* exactly once */
	CKPT_OPT,  /* once or not at all: a bool at row->off says whether it is there */
	CKPT_MANY, /* any number: a struct ckpt_vec at row->off, elements of row->esize */
};

#define CKPT_COLS 12

struct ckpt_row {
	const char *key;
	enum ckpt_row_kind kind;
	size_t off;			/* CKPT_OPT: of the bool; CKPT_MANY: of the vec */
	size_t esize;			/* CKPT_MANY */
	struct ckpt_col col[CKPT_COLS]; /* ends at type == NULL */
};

struct ckpt_codec {
	const char *name; /* for the manual's test: "vmas/N/meta" */
	const struct ckpt_row *rows;
	size_t nrows;
	/* Relations between values that hold in every good file; may be NULL. */
	int (*check)(const void *obj, struct ckpt_err *err);
};

/* Row makers: CKPT_F(hex, struct ckpt_mm, brk) is the column for that field. */
#define CKPT_F(t, T, f)                                                                            \
	{                                                                                          \
		&ckpt_type_##t, offsetof(T, f), sizeof(((T *)0)->f), NULL                          \
	}
#define CKPT_FA(t, T, f, a)                                                                        \
	{                                                                                          \
		&ckpt_type_##t, offsetof(T, f), sizeof(((T *)0)->f), a                             \
	}
#define CKPT_ROW(t, T, f)                                                                          \
	{                                                                                          \
#f, CKPT_ONE, 0, 0,                                                                \
		{                                                                                  \
			CKPT_F(t, T, f)                                                            \
		}                                                                                  \
	}
#define CKPT_ROWA(t, T, f, a)                                                                      \
	{                                                                                          \
#f, CKPT_ONE, 0, 0,                                                                \
		{                                                                                  \
			CKPT_FA(t, T, f, a)                                                        \
		}                                                                                  \
	}
#define CKPT_NROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Prints obj as a whole file, `end` line included. */
void ckpt_codec_print(const struct ckpt_codec *codec, const void *obj, struct ckpt_buf *buf);

/* Parses a whole file into obj, which is zeroed. path names the file in errors. On failure
 * obj holds nothing that must be freed. 0 or -EINVAL, -ENOMEM. */
int ckpt_codec_parse(const struct ckpt_codec *codec, const char *path, const char *text, size_t len,
		     void *obj, struct ckpt_err *err);

/* Frees what the fields of obj own. */
void ckpt_codec_fini(const struct ckpt_codec *codec, void *obj);

/* Appends text as one word: spelled as ckpt_type_str. */
void ckpt_word_print(struct ckpt_buf *buf, const char *text);

#endif
