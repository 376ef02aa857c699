// SPDX-License-Identifier: GPL-2.0-or-later
/* tracer PID: traces a process, as a debugger does, without stopping it, until it is killed. */
#include <sys/ptrace.h>
#include <sys/wait.h>
#include "victim.h"

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	MUST(argc > 1);
	pid = atoi(argv[1]);
	MUST(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	victim_ready();
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
	return 0;
}
