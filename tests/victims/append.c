// SPDX-License-Identifier: GPL-2.0-or-later
/* Appends one number per line to a file, each one more than the last: append GO FILE. */
#include <sys/mman.h>
#include "victim.h"

int main(int argc, char **argv)
{
	unsigned long n = 0;
	char *room;
	int fd;

	MUST(argc > 2);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	room = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(fd >= 0 && room != MAP_FAILED);
	victim_fill(room, 4 << 20, 1);
	victim_ready();
	while (access(argv[1], F_OK) != 0) {
		MUST(dprintf(fd, "%lu\n", n) > 0);
		n++;
		victim_fill(room, 4 << 20, n);
		victim_doze();
		CHECK(victim_differs(room, 4 << 20, n) < 0, "the memory is not that of %lu", n);
	}
	return victim_end();
}
