// SPDX-License-Identifier: GPL-2.0-or-later
/* A deep stack comes back whole and grows on; so does another grows-down mapping. */
#include <sys/mman.h>
#include "victim.h"

#define FRAME 16384

static const char *go;

static __attribute__((noinline)) int recurse(int depth, int stop)
{
	volatile uint64_t frame[FRAME / 8];
	int below = 0;

	for (size_t i = 0; i < FRAME / 8; i++)
		frame[i] = victim_mix(depth * FRAME + i);
	if (depth < stop) {
		below = recurse(depth + 1, stop);
	} else if (stop < 300) {
		victim_ready();
		victim_wait(go);
		below = recurse(depth + 1, 440); /* 7 MiB of the usual 8 */
	}
	for (size_t i = 0; i < FRAME / 8; i++)
		if (frame[i] != victim_mix(depth * FRAME + i))
			return below + 1;
	return below;
}

int main(int argc, char **argv)
{
	char *area, *down;
	int bad;

	MUST(argc > 1);
	go = argv[1];
	area = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(area != MAP_FAILED && munmap(area, 4 << 20) == 0);
	down = mmap(area + (3 << 20), 65536, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	MUST(down != MAP_FAILED);
	victim_fill(down, 65536, 9);
	victim_fill(down - 8192, 8192, 10); /* it grows */
	bad = recurse(1, 250);		    /* 4 MiB */
	CHECK(bad == 0, "%d stack frames differ", bad);
	CHECK(victim_differs(down, 65536, 9) < 0, "grows-down mapping differs");
	CHECK(victim_differs(down - 8192, 8192, 10) < 0, "grown part differs");
	victim_fill(down - 16384, 8192, 11); /* dies here if it does not grow any more */
	CHECK(victim_differs(down - 16384, 8192, 11) < 0, "newly grown part differs");
	return victim_end();
}
