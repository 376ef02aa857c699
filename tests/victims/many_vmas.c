// SPDX-License-Identifier: GPL-2.0-or-later
/* Many mappings. */
#include <sys/mman.h>
#include "victim.h"

#define PAGE 4096ul
#define N    1200ul

int main(int argc, char **argv)
{
	char *p;

	MUST(argc > 1);
	p = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED);
	for (size_t i = 0; i < N; i++) {
		victim_fill(p + i * PAGE, PAGE, i);
		if (i % 2)
			MUST(mprotect(p + i * PAGE, PAGE, PROT_READ) == 0);
		if (i % 50 == 49)
			MUST(munmap(p + i * PAGE, PAGE) == 0);
	}
	victim_ready();
	victim_wait(argv[1]);
	for (size_t i = 0; i < N; i++)
		if (i % 50 != 49)
			CHECK(victim_differs(p + i * PAGE, PAGE, i) < 0, "mapping %zu differs", i);
	CHECK(mmap(p + 49 * PAGE, PAGE, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == p + 49 * PAGE,
	      "a gap is not free any more: %m");
	return victim_end();
}
