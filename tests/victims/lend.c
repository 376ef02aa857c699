// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lend FROM TO HELPER: writes the file FROM to TO without closing it, and leaves descriptor 9
 * to HELPER, which may run under another uid.
 * As HELPER (no arguments but "close"): closes descriptor 9 and prints what close returned.
 */
#include "victim.h"

int main(int argc, char **argv)
{
	char buf[65536];
	int from, to;
	ssize_t n;

	if (argc == 2 && strcmp(argv[1], "close") == 0) {
		MUST(setuid(0) == 0);
		n = close(9);
		printf("%s\n", n == 0 ? "closed" : strerror(errno));
		return 0;
	}
	MUST(argc == 4);
	from = open(argv[1], O_RDONLY | O_CLOEXEC);
	to = open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	MUST(from >= 0 && to >= 0);
	MUST(fcntl(to, F_DUPFD, 9) == 9); /* no close() of it in this process */
	while ((n = read(from, buf, sizeof(buf))) > 0)
		MUST(write(9, buf, n) == n);
	fcntl(to, F_SETFD, 0); /* exec would flush it under our uid */
	execl(argv[3], argv[3], "close", NULL);
	perror(argv[3]);
	return 1;
}
