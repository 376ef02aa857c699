// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared anonymous memory: contents, holes, and two mappings that are one object. */
#include <sys/mman.h>
#include <sys/wait.h>
#include "victim.h"

#define PAGE  4096ul
#define PAGES 1024ul

int main(int argc, char **argv)
{
	char *a, *b, *c, *part;
	int status;
	pid_t pid;

	MUST(argc > 1);
	a = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(a != MAP_FAILED);
	for (size_t i = 0; i < PAGES; i += 5)
		victim_fill(a + i * PAGE, PAGE, i);
	b = mremap(a, 0, PAGES * PAGE, MREMAP_MAYMOVE); /* the same object once more */
	MUST(b != MAP_FAILED && victim_differs(b + 5 * PAGE, PAGE, 5) < 0);
	part = mremap(a + 100 * PAGE, 0, 10 * PAGE, MREMAP_MAYMOVE);
	MUST(part != MAP_FAILED && mprotect(part, 10 * PAGE, PROT_READ) == 0);
	c = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(c != MAP_FAILED);
	victim_fill(c, 8 * PAGE, 7);

	victim_ready();
	victim_wait(argv[1]);

	for (size_t i = 0; i < PAGES; i++) {
		if (i % 5)
			CHECK(victim_is_zero(a + i * PAGE, PAGE), "hole %zu is not zero", i);
		else
			CHECK(victim_differs(a + i * PAGE, PAGE, i) < 0, "page %zu differs", i);
	}
	CHECK(victim_differs(c, 8 * PAGE, 7) < 0, "the other object differs");
	victim_fill(a + 3 * PAGE, PAGE, 33);
	CHECK(victim_differs(b + 3 * PAGE, PAGE, 33) < 0, "the two mappings are not one object");
	victim_fill(b + 101 * PAGE, PAGE, 44);
	CHECK(victim_differs(part + PAGE, PAGE, 44) < 0, "the partial mapping is elsewhere");
	CHECK(victim_differs(c, 8 * PAGE, 7) < 0, "two objects became one");
	pid = fork();
	if (pid == 0) {
		victim_fill(a, PAGE, 55);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "fork: %m");
	CHECK(victim_differs(a, PAGE, 55) < 0, "it is not shared with a child");
	return victim_end();
}
