// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reaper DIR COMMAND...: runs COMMAND as the subreaper of all that it starts, so that no
 * zombie holds a PID and nothing outlives a test. Every other descendant that ends leaves its
 * exit status (128 + signal) in DIR/PID. When COMMAND ends, what is left over is killed and
 * named; exit status: that of COMMAND, or 99 if it was 0 and something was left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A child that has ended, still there: who sees its PID gone finds its status noted. */
static pid_t next_end(int *wstatus)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT))
		return -1;
	*wstatus =
		info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
	return info.si_pid;
}

static int status_of(int wstatus)
{
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
}

static void note(const char *dir, pid_t pid, int wstatus)
{
	char tmp[4096], path[4096];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s/.%d", dir, pid);
	snprintf(path, sizeof(path), "%s/%d", dir, pid);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return; /* the test has removed its directory */
	dprintf(fd, "%d\n", status_of(wstatus));
	close(fd);
	rename(tmp, path);
}

/* Kills our children; returns how many there are. */
static int kill_children(int say)
{
	char path[64], comm[32];
	int n = 0, pid;
	FILE *f, *c;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		strcpy(comm, "?");
		c = fopen(path, "re");
		if (c) {
			if (fscanf(c, "%31[^\n]", comm) != 1)
				strcpy(comm, "?");
			fclose(c);
		}
		if (say)
			fprintf(stderr, "left over: process %d (%s)\n", pid, comm);
		kill(pid, SIGKILL);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	struct timespec pause = {0, 20 * 1000 * 1000};
	int wstatus, code = 1, left = 0;
	pid_t cmd, pid;

	if (argc < 3)
		return 2;
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cmd = fork();
	if (cmd == 0) {
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	while ((pid = next_end(&wstatus)) > 0 || (pid < 0 && errno == EINTR)) {
		if (pid != cmd)
			note(argv[1], pid, wstatus);
		waitpid(pid, &wstatus, 0);
		if (pid == cmd)
			break;
	}
	code = status_of(wstatus);
	while (waitpid(-1, &wstatus, WNOHANG) > 0)
		;
	for (int i = 0; i < 250; i++) {
		int n = kill_children(i == 0);

		left += i == 0 ? n : 0;
		if (!n)
			break;
		nanosleep(&pause, NULL);
		while (waitpid(-1, &wstatus, WNOHANG) > 0)
			;
	}
	return code == 0 && left ? 99 : code;
}
