// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that is swapped out: private, shared, and private pages of a file. */
#include <sys/mman.h>
#include "layout.h"

#define PAGE 4096ul
#define LEN  (8ul << 20)
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static char *mem[3];

/* Bytes of our mappings that are swapped out, which pagemap tells. */
static size_t swapped(const char *p)
{
	static uint64_t entries[LEN / PAGE];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	MUST(fd >= 0 && pread(fd, entries, sizeof(entries), (uintptr_t)p / PAGE * 8) ==
				(ssize_t)sizeof(entries));
	for (size_t i = 0; i < LEN / PAGE; i++)
		n += entries[i] >> 62 & 1 ? PAGE : 0;
	close(fd);
	return n;
}

int main(int argc, char **argv)
{
	char path[] = "swapped-XXXXXX";
	int fd = mkstemp(path);
	size_t out = 0;

	MUST(argc > 1 && fd >= 0 && ftruncate(fd, LEN) == 0);
	mem[0] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mem[1] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mem[2] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	for (int i = 0; i < 3; i++) {
		MUST(mem[i] != MAP_FAILED);
		victim_fill(mem[i], LEN, i);
	}
	for (int tries = 0; tries < 200 && out < LEN; tries++) {
		out = 0;
		for (int i = 0; i < 3; i++) {
			madvise(mem[i], LEN, MADV_PAGEOUT);
			out += swapped(mem[i]);
		}
		victim_doze();
	}
	if (out < LEN)
		victim_skip("the kernel does not swap");
	dprintf(1, "swapped %zu\n", out);
	victim_ready();
	victim_wait(argv[1]);
	for (int i = 0; i < 3; i++)
		CHECK(victim_differs(mem[i], LEN, i) < 0, "memory %d differs", i);
	return victim_end();
}
