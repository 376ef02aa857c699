// SPDX-License-Identifier: GPL-2.0-or-later
/* Private file mappings: written pages are the process's, the others the file's. argv[2]: file */
#include <sys/mman.h>
#include <sys/stat.h>
#include "victim.h"

#define PAGE  4096ul
#define PAGES 64ul

int main(int argc, char **argv)
{
	char page[PAGE], *rw, *ro, *late, *tail, *sealed;
	int fd;

	MUST(argc > 2);
	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	MUST(fd >= 0);
	for (size_t i = 0; i < PAGES; i++) {
		victim_fill(page, PAGE, i);
		MUST(write(fd, page, PAGE) == (ssize_t)PAGE);
	}
	MUST(write(fd, "the end", 7) == 7); /* the last page is not whole */
	rw = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ro = mmap(NULL, 8 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 16 * PAGE);
	late = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 32 * PAGE);
	tail = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGES * PAGE);
	sealed = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 40 * PAGE);
	MUST(rw != MAP_FAILED && ro != MAP_FAILED && late != MAP_FAILED && tail != MAP_FAILED);
	MUST(sealed != MAP_FAILED);
	close(fd);
	for (size_t i = 0; i < PAGES; i += 3)
		victim_fill(rw + i * PAGE, PAGE, 1000 + i);
	MUST(victim_differs(rw + PAGE, PAGE, 1) < 0); /* read, not written */
	strcpy(tail + 7, "less");
	victim_fill(sealed + PAGE, PAGE, 77);
	MUST(mprotect(sealed, 4 * PAGE, PROT_READ) == 0);

	victim_ready();
	victim_wait(argv[1]);

	for (size_t i = 0; i < PAGES; i++)
		CHECK(victim_differs(rw + i * PAGE, PAGE, i % 3 ? i : 1000 + i) < 0, "rw %zu", i);
	for (size_t i = 0; i < 8; i++)
		CHECK(victim_differs(ro + i * PAGE, PAGE, 16 + i) < 0, "ro page %zu", i);
	CHECK(victim_differs(sealed + PAGE, PAGE, 77) < 0, "page written before mprotect");
	CHECK(victim_differs(sealed, PAGE, 40) < 0, "page not written before mprotect");
	CHECK(strcmp(tail, "the endless") == 0, "tail is '%.20s'", tail);
	/* A page not touched so far still shows the file as it is now. */
	fd = open(argv[2], O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0, "%s: %m", argv[2]);
	victim_fill(page, PAGE, 5000);
	CHECK(pwrite(fd, page, PAGE, 33 * PAGE) == (ssize_t)PAGE, "pwrite: %m");
	CHECK(victim_differs(late + PAGE, PAGE, 5000) < 0, "an untouched page is not the file's");
	victim_fill(late, PAGE, 6000);
	CHECK(pread(fd, page, PAGE, 32 * PAGE) == (ssize_t)PAGE, "pread: %m");
	CHECK(victim_differs(page, PAGE, 32) < 0, "a private write reached the file");
	return victim_end();
}
