// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes one number per line, each one more than the last, until it may go. */
#include "victim.h"

int main(int argc, char **argv)
{
	unsigned long n = 0;

	MUST(argc > 1);
	victim_ready();
	while (access(argv[1], F_OK) != 0) {
		MUST(dprintf(1, "%lu\n", n) > 0);
		n++;
		victim_doze();
	}
	return victim_end();
}
