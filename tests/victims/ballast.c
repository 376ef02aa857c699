// SPDX-License-Identifier: GPL-2.0-or-later
/* ballast GO MIB: that much random private memory, all of it touched, for the benchmark. */
#include <sys/mman.h>
#include "victim.h"

int main(int argc, char **argv)
{
	size_t len;
	char *p;

	MUST(argc > 2);
	len = strtoul(argv[2], NULL, 10) << 20;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED);
	victim_fill(p, len, 1);
	victim_ready();
	victim_wait(argv[1]);
	CHECK(victim_differs(p, len, 1) < 0, "memory differs");
	return victim_end();
}
