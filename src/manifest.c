// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Digests, the text of `sums`, and the manifest.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "manifest.h"
#include "task.h"
#include "tree.h"

static const char edited_word[] = "edited";

/* ---- digests ---- */

static void store_digest(XXH128_hash_t hash, struct ckpt_digest *out)
{
	XXH128_canonical_t canon;

	_Static_assert(sizeof(canon.digest) == sizeof(out->v), "a digest is 16 bytes");
	XXH128_canonicalFromHash(&canon, hash);
	memcpy(out->v, canon.digest, sizeof(out->v));
}

void ckpt_digest_of(const void *data, size_t len, struct ckpt_digest *out)
{
	store_digest(XXH3_128bits(data, len), out);
}

void ckpt_digest_hex(const struct ckpt_digest *d, char hex[CKPT_DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(d->v); i++) {
		hex[2 * i] = digits[d->v[i] >> 4];
		hex[2 * i + 1] = digits[d->v[i] & 15];
	}
	hex[CKPT_DIGEST_HEX] = '\0';
}

bool ckpt_digest_equal(const struct ckpt_digest *a, const struct ckpt_digest *b)
{
	return !memcmp(a->v, b->v, sizeof(a->v));
}

/* ---- sums ---- */

#define SUMS_LINE (sizeof("sum ") - 1 + 10 + 1 + CKPT_DIGEST_HEX + 1)
#define SUMS_END  (sizeof("end\n") - 1)

void ckpt_sums_print(struct ckpt_buf *buf, const struct ckpt_digest *sums, uint64_t nchunks)
{
	char hex[CKPT_DIGEST_HEX + 1];

	for (uint64_t i = 0; i < nchunks; i++) {
		ckpt_digest_hex(&sums[i], hex);
		ckpt_buf_printf(buf, "sum %010" PRIu64 " %s\n", i, hex);
	}
	ckpt_buf_puts(buf, "end\n");
}

uint64_t ckpt_sums_size(uint64_t nchunks)
{
	return nchunks * SUMS_LINE + SUMS_END;
}

/* ---- a file in pieces ---- */

struct ckpt_hasher {
	XXH3_state_t *state; /* of the file, or of the chunk that is not complete yet */
	bool pages;
	uint64_t size;
	CKPT_VEC(struct ckpt_digest) sums; /* of the complete chunks */
};

struct ckpt_hasher *ckpt_hasher_new(bool pages)
{
	struct ckpt_hasher *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->pages = pages;
	h->state = XXH3_createState();
	if (!h->state) {
		free(h);
		return NULL;
	}
	XXH3_128bits_reset(h->state);
	return h;
}

static int end_chunk(struct ckpt_hasher *h)
{
	struct ckpt_digest *sum = CKPT_VEC_ADD(&h->sums);

	if (!sum)
		return -ENOMEM;
	store_digest(XXH3_128bits_digest(h->state), sum);
	XXH3_128bits_reset(h->state);
	return 0;
}

int ckpt_hasher_add(struct ckpt_hasher *h, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		size_t n = len;

		if (h->pages) {
			uint64_t left = CKPT_CHUNK_SIZE - h->size % CKPT_CHUNK_SIZE;

			n = left < len ? (size_t)left : len;
		}
		XXH3_128bits_update(h->state, from, n);
		h->size += n;
		from += n;
		len -= n;
		if (h->pages && h->size % CKPT_CHUNK_SIZE == 0 && end_chunk(h))
			return -ENOMEM;
	}
	return 0;
}

int ckpt_hasher_end(struct ckpt_hasher *h, uint64_t *size, struct ckpt_digest *out)
{
	struct ckpt_buf text = {0};
	int rc = 0;

	if (!h->pages) {
		store_digest(XXH3_128bits_digest(h->state), out);
		*size = h->size;
		return 0;
	}
	if (h->size > h->sums.n * CKPT_CHUNK_SIZE && end_chunk(h))
		return -ENOMEM;
	ckpt_sums_print(&text, h->sums.v, h->sums.n);
	if (text.failed) {
		rc = -ENOMEM;
	} else {
		ckpt_digest_of(text.data, text.len, out);
		*size = h->size;
	}
	ckpt_buf_fini(&text);
	return rc;
}

void ckpt_hasher_free(struct ckpt_hasher *h)
{
	if (!h)
		return;
	XXH3_freeState(h->state);
	CKPT_VEC_FINI(&h->sums);
	free(h);
}

/* ---- the manifest ---- */

void ckpt_manifest_print_line(struct ckpt_buf *buf, const char *path, uint64_t size,
			      const struct ckpt_digest *digest)
{
	char hex[CKPT_DIGEST_HEX + 1];

	ckpt_digest_hex(digest, hex);
	ckpt_buf_puts(buf, "file ");
	ckpt_word_print(buf, path);
	ckpt_buf_printf(buf, " %016" PRIu64 " %s\n", size, hex);
}

static int bad_line(struct ckpt_err *err, size_t line, const char *what, const char *word)
{
	return ckpt_fail(err, EINVAL, "%s:%zu: '%.200s' %s", CKPT_MANIFEST_NAME, line, word, what);
}

/* Cuts the next word off *rest, which becomes NULL after the last one. */
static char *next_word(char **rest)
{
	char *word = *rest, *blank = word ? strchr(word, ' ') : NULL;

	if (blank)
		*blank = '\0';
	*rest = blank ? blank + 1 : NULL;
	return word;
}

static bool parse_decimal(const char *word, uint64_t *out)
{
	uint64_t value = 0;

	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*word - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

static bool has_bad_component(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return true;
		if (!path[len])
			return false;
		path += len + 1;
	}
}

/* The word is the path: no name that the format knows has a byte that must be escaped. */
static int check_path(const char *path, size_t line, struct ckpt_err *err)
{
	bool gz = false;
	int kind;

	if (has_bad_component(path))
		return bad_line(err, line, "does not stay inside the tree", path);
	kind = ckpt_node_kind_of(path, &gz);
	if (kind < 0)
		return bad_line(err, line, "is no file that this format knows", path);
	if (gz)
		return bad_line(err, line, "must be listed without .gz", path);
	if (kind == CKPT_NODE_DIR)
		return bad_line(err, line, "is a directory", path);
	if (kind == CKPT_NODE_MANIFEST)
		return bad_line(err, line, "lists itself", path);
	return 0;
}

/* Parses what follows `file `. */
static int parse_file(char *rest, size_t line, struct ckpt_manifest *m, struct ckpt_err *err)
{
	static const struct ckpt_col digest_col = {&ckpt_type_blob, 0, sizeof(struct ckpt_digest),
						   NULL};
	char *path = next_word(&rest), *size = next_word(&rest), *digest = next_word(&rest);
	struct ckpt_manifest_line parsed = {0}, *out;
	int rc;

	if (!path || !size || rest)
		return ckpt_fail(err, EINVAL, "%s:%zu: not 'file PATH SIZE DIGEST'",
				 CKPT_MANIFEST_NAME, line);
	rc = check_path(path, line, err);
	if (rc)
		return rc;
	if (!digest) {
		parsed.edited = !strcmp(size, edited_word);
		if (!parsed.edited)
			return bad_line(err, line, "has no digest", path);
	} else {
		if (strlen(size) != 16 || !parse_decimal(size, &parsed.size))
			return bad_line(err, line, "is not a size of 16 decimal digits", size);
		if (!digest_col.type->parse(digest, &parsed.digest, &digest_col))
			return bad_line(err, line, "is not a digest of 32 hex digits", digest);
	}
	if (m->n >= CKPT_MANIFEST_FILES)
		return ckpt_fail(err, EINVAL, "%s:%zu: more than %u files", CKPT_MANIFEST_NAME,
				 line, CKPT_MANIFEST_FILES);
	out = CKPT_VEC_ADD(m);
	if (!out)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", CKPT_MANIFEST_NAME);
	*out = parsed;
	out->path = strdup(path);
	if (!out->path)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", CKPT_MANIFEST_NAME);
	return 0;
}

static int parse_end(char *count, size_t line, const struct ckpt_manifest *m, struct ckpt_err *err)
{
	uint64_t n;

	if (!*count || (count[0] == '0' && count[1]) || !parse_decimal(count, &n))
		return bad_line(err, line, "is not a number of files", count);
	if (n != m->n)
		return ckpt_fail(err, EINVAL, "%s:%zu: end says %" PRIu64 " files, %zu are listed",
				 CKPT_MANIFEST_NAME, line, n, m->n);
	return 0;
}

static int parse_lines(char *text, const char *stop, struct ckpt_manifest *m, struct ckpt_err *err)
{
	static const char file_key[] = "file ", end_key[] = "end ";
	size_t line = 0;

	while (text < stop) {
		char *nl = memchr(text, '\n', (size_t)(stop - text));
		int rc;

		line++;
		if (!nl)
			return ckpt_fail(err, EINVAL, "%s:%zu: the file ends within a line",
					 CKPT_MANIFEST_NAME, line);
		*nl = '\0';
		if (!strncmp(text, end_key, sizeof(end_key) - 1)) {
			rc = parse_end(text + sizeof(end_key) - 1, line, m, err);
			if (!rc && nl + 1 != stop)
				rc = ckpt_fail(err, EINVAL, "%s:%zu: text after the line 'end'",
					       CKPT_MANIFEST_NAME, line + 1);
			return rc;
		}
		if (strncmp(text, file_key, sizeof(file_key) - 1))
			return bad_line(err, line, "is neither 'file ...' nor 'end COUNT'", text);
		rc = parse_file(text + sizeof(file_key) - 1, line, m, err);
		if (rc)
			return rc;
		text = nl + 1;
	}
	return ckpt_fail(err, EINVAL, "%s:%zu: no line 'end COUNT'", CKPT_MANIFEST_NAME, line + 1);
}

static int line_cmp(const void *a, const void *b)
{
	const struct ckpt_manifest_line *const *x = a, *const *y = b;
	int cmp = strcmp((*x)->path, (*y)->path);

	/* Of two with the same path, the later line comes later. */
	return cmp ? cmp : (*x > *y) - (*x < *y);
}

/* Sorts by path. Every line but the last is a `file` line, so that the index of an element
 * before the sort is its line number less one. */
static int sort(struct ckpt_manifest *m, struct ckpt_err *err)
{
	const struct ckpt_manifest_line **order = malloc((m->n + 1) * sizeof(*order));
	struct ckpt_manifest_line *v = malloc((m->n + 1) * sizeof(*v));
	int rc = -ENOMEM;

	if (!order || !v) {
		ckpt_fail(err, ENOMEM, "%s: out of memory", CKPT_MANIFEST_NAME);
		goto out;
	}
	for (size_t i = 0; i < m->n; i++)
		order[i] = &m->v[i];
	qsort(order, m->n, sizeof(*order), line_cmp);
	for (size_t i = 0; i < m->n; i++) {
		v[i] = *order[i];
		if (i && !strcmp(v[i].path, v[i - 1].path)) {
			rc = bad_line(err, (size_t)(order[i] - m->v) + 1, "is listed twice",
				      v[i].path);
			goto out;
		}
	}
	free(m->v);
	m->v = v;
	m->cap = m->n + 1;
	v = NULL;
	rc = 0;
out:
	free(v);
	free(order);
	return rc;
}

int ckpt_manifest_parse(const char *text, size_t len, struct ckpt_manifest *out,
			struct ckpt_err *err)
{
	struct ckpt_manifest m = {0};
	char *copy;
	size_t nul;
	int rc;

	if (len > CKPT_MANIFEST_MAX)
		return ckpt_fail(err, EINVAL, "%s: %zu bytes are too long for a manifest",
				 CKPT_MANIFEST_NAME, len);
	copy = malloc(len + 1);
	if (!copy)
		return ckpt_fail(err, ENOMEM, "%s: out of memory", CKPT_MANIFEST_NAME);
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	nul = ckpt_text_nul_line(copy, len);
	if (nul)
		rc = ckpt_fail(err, EINVAL, "%s:%zu: a NUL byte in the text", CKPT_MANIFEST_NAME,
			       nul);
	else
		rc = parse_lines(copy, copy + len, &m, err);
	if (!rc)
		rc = sort(&m, err);
	if (rc)
		ckpt_manifest_fini(&m);
	else
		*out = m;
	free(copy);
	return rc;
}

void ckpt_manifest_fini(struct ckpt_manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].path);
	CKPT_VEC_FINI(m);
}

static int path_cmp(const void *key, const void *line)
{
	return strcmp(key, ((const struct ckpt_manifest_line *)line)->path);
}

const struct ckpt_manifest_line *ckpt_manifest_find(const struct ckpt_manifest *m, const char *path)
{
	return m->n ? bsearch(path, m->v, m->n, sizeof(*m->v), path_cmp) : NULL;
}
