// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A terminal on stdin: it reads one line and compares it with argv[3]; results go to the file
 * argv[2]. argv[4]: ctty if it is the controlling terminal, else none.
 */
#include <termios.h>
#include "victim.h"

int main(int argc, char **argv)
{
	bool ctty, is;
	char line[100] = "";
	char name[100];
	int out;

	MUST(argc > 4);
	ctty = strcmp(argv[4], "ctty") == 0;
	out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	MUST(out >= 0 && ttyname_r(0, name, sizeof(name)) == 0);
	MUST(dup2(out, 1) == 1);
	victim_ready();
	if (!fgets(line, sizeof(line), stdin))
		victim_fail("read: %m");
	line[strcspn(line, "\n")] = '\0';
	CHECK(strcmp(line, argv[3]) == 0, "read '%s', not '%s'", line, argv[3]);
	CHECK(isatty(0) && strcmp(ttyname(0), name) == 0, "stdin is %s", ttyname(0));
	CHECK(write(2, "an answer\n", 10) == 10, "stderr: %m");
	is = open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0;
	CHECK(is == ctty, "controlling terminal: %d, not %d", is, ctty);
	if (ctty) {
		CHECK(tcgetpgrp(0) == getpgrp(), "foreground group is %d", tcgetpgrp(0));
		CHECK(tcgetsid(0) == getsid(0), "session is %d", tcgetsid(0));
	}
	CHECK(getsid(0) == getpid() && getpgrp() == getpid(), "not the session's leader");
	return victim_end();
}
