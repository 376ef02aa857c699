// SPDX-License-Identifier: GPL-2.0-or-later
/* The brk heap keeps its contents and its end, and grows and shrinks as before. */
#include "victim.h"

#define CHUNK 65536ul
#define N     200

int main(int argc, char **argv)
{
	char *mine, *end, *chunk[N];

	MUST(argc > 1);
	mine = sbrk(8 * CHUNK);
	MUST(mine != (void *)-1);
	victim_fill(mine, 8 * CHUNK, 1);
	for (int i = 0; i < N; i++) {
		chunk[i] = malloc(CHUNK - 64);
		MUST(chunk[i]);
		victim_fill(chunk[i], CHUNK - 64, i);
	}
	for (int i = 0; i < N; i += 3) {
		free(chunk[i]);
		chunk[i] = NULL;
	}
	end = sbrk(0);
	victim_ready();
	victim_wait(argv[1]);

	CHECK(sbrk(0) == end, "the heap ends at %p, not %p", sbrk(0), end);
	CHECK(victim_differs(mine, 8 * CHUNK, 1) < 0, "my part of the heap differs");
	for (int i = 0; i < N; i++)
		CHECK(!chunk[i] || victim_differs(chunk[i], CHUNK - 64, i) < 0, "chunk %d", i);
	for (int i = 0; i < N; i++) {
		free(chunk[i]);
		chunk[i] = malloc(2 * CHUNK);
		CHECK(chunk[i], "malloc: %m");
		if (chunk[i])
			victim_fill(chunk[i], 2 * CHUNK, i);
	}
	end = sbrk(0);
	CHECK(sbrk(16 * CHUNK) == end, "the heap does not grow at its end");
	memset(end, 7, 16 * CHUNK);
	CHECK(sbrk(-(long)(16 * CHUNK)) == end + 16 * CHUNK, "the heap does not shrink");
	CHECK(sbrk(CHUNK) == end && victim_is_zero(end, CHUNK), "what grew again is not zero");
	return victim_end();
}
