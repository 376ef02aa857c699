// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared file mappings: writes reach the file, before and after. argv[2]: file */
#include <sys/mman.h>
#include "victim.h"

#define PAGE  4096ul
#define PAGES 16ul

int main(int argc, char **argv)
{
	char page[PAGE], *rw, *ro, *off;
	int fd;

	MUST(argc > 2);
	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	MUST(fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0);
	rw = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ro = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	off = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8 * PAGE);
	MUST(rw != MAP_FAILED && ro != MAP_FAILED && off != MAP_FAILED);
	close(fd);
	for (size_t i = 0; i < PAGES; i += 2)
		victim_fill(rw + i * PAGE, PAGE, i);

	victim_ready();
	victim_wait(argv[1]);

	for (size_t i = 0; i < PAGES; i++) {
		if (i % 2)
			CHECK(victim_is_zero(ro + i * PAGE, PAGE), "page %zu is not zero", i);
		else
			CHECK(victim_differs(ro + i * PAGE, PAGE, i) < 0, "page %zu differs", i);
	}
	victim_fill(rw + 3 * PAGE, PAGE, 300);
	victim_fill(off, PAGE, 800);
	CHECK(victim_differs(ro + 3 * PAGE, PAGE, 300) < 0, "a write is not seen by the other map");
	CHECK(victim_differs(ro + 8 * PAGE, PAGE, 800) < 0, "the map at an offset is elsewhere");
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0, "%s: %m", argv[2]);
	CHECK(pread(fd, page, PAGE, 3 * PAGE) == (ssize_t)PAGE, "pread: %m");
	CHECK(victim_differs(page, PAGE, 300) < 0, "a write did not reach the file");
	return victim_end();
}
