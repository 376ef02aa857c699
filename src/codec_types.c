// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How values are spelled. parse() may accept more than the one spelling (0x01, 007, words in
 * another order): the codec prints the value again and compares, so only ranges and what
 * could not be stored must be refused here.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "codec.h"

static const char hex_digits[] = "0123456789abcdef";

/* ---- unsigned and signed numbers ---- */

static uint64_t load(const void *field, size_t size)
{
	uint64_t value = 0;

	/* Little endian: the low bytes come first. */
	memcpy(&value, field, size < sizeof(value) ? size : sizeof(value));
	return value;
}

static bool store(void *field, size_t size, uint64_t value)
{
	if (size < sizeof(value) && value >> (8 * size))
		return false;
	memcpy(field, &value, size < sizeof(value) ? size : sizeof(value));
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* strtoull() would take blanks, signs, upper case and a prefix. */
static bool parse_number(const char *word, unsigned int base, uint64_t *out)
{
	uint64_t value = 0;

	if (!*word)
		return false;
	for (; *word; word++) {
		int digit = digit_of(*word);

		if (digit < 0 || (unsigned int)digit >= base)
			return false;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*out = value;
	return true;
}

static void dec_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	ckpt_buf_printf(buf, "%" PRIu64, load(field, col->size));
}

static bool dec_parse(const char *word, void *field, const struct ckpt_col *col)
{
	uint64_t value;

	return parse_number(word, 10, &value) && store(field, col->size, value);
}

const struct ckpt_type ckpt_type_dec = {"a decimal number", dec_print, dec_parse, NULL};

static void hex_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	ckpt_buf_printf(buf, "0x%" PRIx64, load(field, col->size));
}

static bool hex_parse(const char *word, void *field, const struct ckpt_col *col)
{
	uint64_t value;

	return word[0] == '0' && word[1] == 'x' && parse_number(word + 2, 16, &value) &&
	       store(field, col->size, value);
}

const struct ckpt_type ckpt_type_hex = {"a hexadecimal number", hex_print, hex_parse, NULL};

static void oct_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	ckpt_buf_printf(buf, "%#" PRIo64, load(field, col->size));
}

static bool oct_parse(const char *word, void *field, const struct ckpt_col *col)
{
	uint64_t value;

	return parse_number(word, 8, &value) && store(field, col->size, value);
}

const struct ckpt_type ckpt_type_oct = {"an octal number", oct_print, oct_parse, NULL};

/* Moves the sign bit of a field of that size to where int64_t has it. */
static int64_t sign_extend(uint64_t value, size_t size)
{
	unsigned int shift = size < 8 ? 64 - 8 * (unsigned int)size : 0;

	return (int64_t)(value << shift) >> shift;
}

static void int_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	ckpt_buf_printf(buf, "%" PRId64, sign_extend(load(field, col->size), col->size));
}

static bool int_parse(const char *word, void *field, const struct ckpt_col *col)
{
	bool minus = word[0] == '-';
	uint64_t value, mask;

	if (!parse_number(word + minus, 10, &value) || value > (uint64_t)INT64_MAX + minus)
		return false;
	if (minus)
		value = -value;
	if (sign_extend(value, col->size) != (int64_t)value)
		return false;
	mask = col->size < 8 ? (1ull << (8 * col->size)) - 1 : UINT64_MAX;
	return store(field, col->size, value & mask);
}

const struct ckpt_type ckpt_type_int = {"a decimal number", int_print, int_parse, NULL};

/* ---- strings ---- */

static bool plain(unsigned char c)
{
	return c > ' ' && c != 0x7f && c != '\\';
}

static void print_word(struct ckpt_buf *buf, const char *text, size_t len)
{
	size_t from = 0;

	if (!len || (len == 1 && text[0] == '-')) {
		ckpt_buf_puts(buf, len ? "\\055" : "-");
		return;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (plain(c))
			continue;
		ckpt_buf_put(buf, text + from, i - from);
		ckpt_buf_printf(buf, "\\%03o", c);
		from = i + 1;
	}
	ckpt_buf_put(buf, text + from, len - from);
}

void ckpt_word_print(struct ckpt_buf *buf, const char *text)
{
	print_word(buf, text, text ? strlen(text) : 0);
}

/* Undoes print_word() into out, which has room for strlen(word) bytes and the NUL. Returns the
 * length, or -1: no such escape. The word "-" is the empty string. */
static ssize_t unescape(const char *word, char *out)
{
	char *to = out;

	if (!strcmp(word, "-"))
		word = "";
	while (*word) {
		unsigned int c = 0;

		if (*word != '\\') {
			*to++ = *word++;
			continue;
		}
		word++;
		for (int i = 0; i < 3; i++, word++) {
			if (*word < '0' || *word > '7')
				return -1;
			c = c * 8 + (unsigned int)(*word - '0');
		}
		if (c == 0 || c > 0xff)
			return -1;
		*to++ = (char)c;
	}
	*to = '\0';
	return to - out;
}

static void str_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	(void)col;
	ckpt_word_print(buf, *(char *const *)field);
}

static bool str_parse(const char *word, void *field, const struct ckpt_col *col)
{
	char *text;

	(void)col;
	if (!strcmp(word, "-"))
		return true; /* NULL, as the object is zeroed */
	text = malloc(strlen(word) + 1);
	if (!text || unescape(word, text) < 0) {
		free(text);
		return false;
	}
	*(char **)field = text;
	return true;
}

static void str_fini(void *field)
{
	char **text = field;

	free(*text);
	*text = NULL;
}

const struct ckpt_type ckpt_type_str = {"a word", str_print, str_parse, str_fini};

static void name_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	print_word(buf, field, strnlen(field, col->size));
}

static bool name_parse(const char *word, void *field, const struct ckpt_col *col)
{
	char *text = malloc(strlen(word) + 1);
	ssize_t len = text ? unescape(word, text) : -1;
	bool ok = len >= 0 && (size_t)len < col->size;

	if (ok)
		memcpy(field, text, (size_t)len + 1);
	free(text);
	return ok;
}

const struct ckpt_type ckpt_type_name = {"a word that fits", name_print, name_parse, NULL};

/* ---- bytes ---- */

static void print_bytes(struct ckpt_buf *buf, const uint8_t *v, size_t n)
{
	char piece[128];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		piece[len++] = hex_digits[v[i] >> 4];
		piece[len++] = hex_digits[v[i] & 15];
		if (len == sizeof(piece) || i + 1 == n) {
			ckpt_buf_put(buf, piece, len);
			len = 0;
		}
	}
}

static bool parse_bytes(const char *word, uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(word[2 * i]), low = digit_of(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		v[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void blob_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	print_bytes(buf, field, col->size);
}

static bool blob_parse(const char *word, void *field, const struct ckpt_col *col)
{
	return strlen(word) == 2 * col->size && parse_bytes(word, field, col->size);
}

const struct ckpt_type ckpt_type_blob = {"bytes in hexadecimal of the right number", blob_print,
					 blob_parse, NULL};

static void bytes_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	const struct ckpt_bytes *bytes = field;

	(void)col;
	if (bytes->n)
		print_bytes(buf, bytes->v, bytes->n);
	else
		ckpt_buf_puts(buf, "-");
}

static bool bytes_parse(const char *word, void *field, const struct ckpt_col *col)
{
	struct ckpt_bytes bytes = {0};
	size_t len = strlen(word);

	(void)col;
	if (!strcmp(word, "-"))
		return true;
	if (!len || len % 2)
		return false;
	bytes.n = bytes.cap = len / 2;
	bytes.v = malloc(bytes.n);
	if (!bytes.v || !parse_bytes(word, bytes.v, bytes.n)) {
		free(bytes.v);
		return false;
	}
	memcpy(field, &bytes, sizeof(bytes));
	return true;
}

static void bytes_fini(void *field)
{
	struct ckpt_bytes *bytes = field;

	free(bytes->v);
	memset(bytes, 0, sizeof(*bytes));
}

const struct ckpt_type ckpt_type_bytes = {"bytes in hexadecimal", bytes_print, bytes_parse,
					  bytes_fini};

/* ---- words ---- */

/* A value without a word is a bug of the collector. It is shown, but never read back. */
static void enum_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	uint64_t value = load(field, col->size);

	for (const struct ckpt_word *w = col->arg; w->name; w++) {
		if (w->value == value) {
			ckpt_buf_puts(buf, w->name);
			return;
		}
	}
	ckpt_buf_printf(buf, "?%" PRIu64, value);
}

static bool enum_parse(const char *word, void *field, const struct ckpt_col *col)
{
	for (const struct ckpt_word *w = col->arg; w->name; w++)
		if (!strcmp(w->name, word))
			return store(field, col->size, w->value);
	return false;
}

const struct ckpt_type ckpt_type_enum = {"one of the known words", enum_print, enum_parse, NULL};

static void flags_print(struct ckpt_buf *buf, const void *field, const struct ckpt_col *col)
{
	uint64_t rest = load(field, col->size);
	const char *comma = "";

	if (!rest) {
		ckpt_buf_puts(buf, "-");
		return;
	}
	for (const struct ckpt_word *w = col->arg; w->name; w++) {
		if (!w->value || (rest & w->value) != w->value)
			continue;
		ckpt_buf_puts(buf, comma);
		ckpt_buf_puts(buf, w->name);
		comma = ",";
		rest &= ~w->value;
	}
	if (rest)
		ckpt_buf_printf(buf, "%s0x%" PRIx64, comma, rest);
}

static bool flag_parse(const char *word, size_t len, const struct ckpt_word *w, uint64_t *value)
{
	char number[20];
	uint64_t bits;

	for (; w->name; w++) {
		if (strlen(w->name) == len && !memcmp(w->name, word, len)) {
			*value |= w->value;
			return true;
		}
	}
	if (len < 3 || len >= sizeof(number) || word[0] != '0' || word[1] != 'x')
		return false;
	memcpy(number, word, len);
	number[len] = '\0';
	if (!parse_number(number + 2, 16, &bits))
		return false;
	*value |= bits;
	return true;
}

static bool flags_parse(const char *word, void *field, const struct ckpt_col *col)
{
	uint64_t value = 0;

	if (!strcmp(word, "-"))
		return store(field, col->size, 0);
	for (;;) {
		size_t len = strcspn(word, ",");

		if (!flag_parse(word, len, col->arg, &value))
			return false;
		if (!word[len])
			return store(field, col->size, value);
		word += len + 1;
	}
}

const struct ckpt_type ckpt_type_flags = {"known words joined by commas", flags_print, flags_parse,
					  NULL};
