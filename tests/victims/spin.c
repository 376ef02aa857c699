// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spin GO FILE: counts in FILE, which it maps, with every turn of a loop without system calls:
 * whoever compares two readings knows whether it ran at all.
 */
#include <signal.h>
#include <sys/mman.h>
#include "victim.h"

static volatile sig_atomic_t asked;

static void on_alarm(int sig)
{
	(void)sig;
	asked = 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_alarm};
	volatile uint64_t *count;
	uint64_t seen = 0;
	int fd;

	MUST(argc > 2);
	fd = open(argv[2], O_RDWR | O_CREAT, 0644);
	MUST(fd >= 0 && ftruncate(fd, 4096) == 0);
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(count != MAP_FAILED);
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	victim_ready();
	while (!asked) {
		seen++;
		++*count;
	}
	CHECK(*count == seen, "%llu turns, %llu counted", (unsigned long long)seen,
	      (unsigned long long)*count);

	return victim_end();
}
