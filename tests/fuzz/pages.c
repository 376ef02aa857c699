// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page files, plain and compressed, and the check of a source against its manifest. The first two
 * bytes of an input say whether it is compressed and in what pieces it is read. In whatever pieces
 * that is, what is read and whether it is refused is the same.
 */
#include "../memory_tree.h"
#include "fuzz.h"
#include "load.h"
#include "restore.h"

#define PATH  "vmas/00007f0000001000/pages"
#define LIMIT (256u << 10) /* bytes asked for at most */

struct result {
	int ret;
	size_t got;
	struct ckpt_digest digest;
};

static struct result read_all(struct ckpt_source *src, size_t want, size_t piece)
{
	struct ckpt_hasher *hasher = ckpt_hasher_new(true);
	struct ckpt_page_stream *stream;
	struct ckpt_err err = {0};
	struct result r = {0};
	uint64_t size;
	char *buf = malloc(piece);

	HOLDS(hasher && buf, "out of memory");
	r.ret = ckpt_page_stream_open(src, PATH, &stream, &err);
	HOLDS(!r.ret, "%s", err.text);
	while (!r.ret && r.got < want) {
		size_t n = want - r.got < piece ? want - r.got : piece;

		r.ret = ckpt_page_stream_read(stream, buf, n, &err);
		if (!r.ret) {
			ckpt_hasher_add(hasher, buf, n);
			r.got += n;
		}
	}
	if (!r.ret)
		r.ret = ckpt_page_stream_end(stream, &err);
	if (r.ret)
		fuzz_refused(r.ret, &err);
	ckpt_page_stream_close(stream);
	ckpt_hasher_end(hasher, &size, &r.digest);
	ckpt_hasher_free(hasher);
	free(buf);
	return r;
}

/* How much there is, if it is good. */
static size_t measure(struct ckpt_source *src)
{
	struct ckpt_page_stream *stream;
	struct ckpt_err err = {0};
	size_t n = 0;
	char byte[64];

	HOLDS(!ckpt_page_stream_open(src, PATH, &stream, &err), "%s", err.text);
	while (n < LIMIT && !ckpt_page_stream_read(stream, byte, sizeof(byte), &err))
		n += sizeof(byte);
	ckpt_page_stream_close(stream);
	return n;
}

/* A source is good for the manifest that tells what was read, and for no other. */
static void against_manifest(struct memory_tree *tree, const struct result *r)
{
	struct ckpt_manifest_line line = {
		.path = (char *)PATH, .size = r->got, .digest = r->digest};
	struct ckpt_manifest m = {&line, 1, 1};
	struct ckpt_err err = {0};
	int ret = ckpt_source_check(&tree->src, &m, &err);

	HOLDS(!ret == !r->ret, "%d, but read with %d: %s", ret, r->ret, err.text);
	line.digest.v[0] ^= 1;
	ret = ckpt_source_check(&tree->src, &m, &err);
	fuzz_refused(ret, &err);
	HOLDS(strstr(err.text, PATH), "'%s'", err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_tree tree = {0};
	struct result whole, pieces;
	size_t want;

	if (size < 2)
		return -1;
	memory_tree_add(&tree, data[0] & 1 ? PATH ".gz" : PATH, data + 2, size - 2);
	want = measure(&tree.src);
	if (data[0] & 2)
		want += 64; /* more than there is */
	whole = read_all(&tree.src, want, LIMIT);
	pieces = read_all(&tree.src, want, data[1] + 1u);
	HOLDS(whole.ret == pieces.ret, "%d and %d", whole.ret, pieces.ret);
	HOLDS(whole.ret || ckpt_digest_equal(&whole.digest, &pieces.digest), "contents differ");
	if (!whole.ret)
		against_manifest(&tree, &whole);
	memory_tree_fini(&tree);
	return 0;
}
