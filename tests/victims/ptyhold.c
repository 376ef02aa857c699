// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ptyhold NAME OUT IN: holds a pseudo-terminal open, as a terminal emulator does. The slave's
 * path goes to the file NAME, what programs write to it to OUT; what is appended to IN is typed.
 */
#include "victim.h"

int main(int argc, char **argv)
{
	int master, in, out, fd;
	char buf[4096], tmp[4096];
	ssize_t n;

	MUST(argc > 3);
	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	MUST(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	in = open(argv[3], O_RDONLY | O_CREAT, 0644);
	snprintf(tmp, sizeof(tmp), "%s.tmp", argv[1]);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	MUST(in >= 0 && out >= 0 && fd >= 0 && dprintf(fd, "%s\n", ptsname(master)) > 0);
	MUST(rename(tmp, argv[1]) == 0);
	for (;;) { /* until it is killed */
		while ((n = read(master, buf, sizeof(buf))) > 0)
			MUST(write(out, buf, n) == n);
		while ((n = read(in, buf, sizeof(buf))) > 0)
			MUST(write(master, buf, n) == n);
		victim_doze();
	}
}
