// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn [-i IN] [-o OUT] [-e ERR] [-t TTY] [-s new|group|same] COMMAND...
 *
 * Starts COMMAND as an orphan and prints its PID: no inherited descriptors but 0, 1 and 2, in a
 * session of its own (-s new), a process group of its own (-s group), or in that of the caller
 * (-s same). TTY becomes its controlling terminal and all three descriptors.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static void put(int fd, const char *path, int flags)
{
	int from = open(path, flags | O_NOCTTY, 0644);

	if (from < 0 || dup2(from, fd) != fd) {
		perror(path);
		_exit(126);
	}
	if (from != fd)
		close(from);
}

int main(int argc, char **argv)
{
	const char *in = "/dev/null", *out = "/dev/null", *err = "/dev/null", *tty = NULL;
	const char *session = "new";
	pid_t parent = getpid();
	sigset_t none;
	pid_t pid;
	int c;

	while ((c = getopt(argc, argv, "+i:o:e:t:s:")) != -1) {
		switch (c) {
		case 'i':
			in = optarg;
			break;
		case 'o':
			out = optarg;
			break;
		case 'e':
			err = optarg;
			break;
		case 't':
			tty = optarg;
			break;
		case 's':
			session = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!argv[optind])
		return 2;
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid) {
		printf("%d\n", pid);
		return 0;
	}
	if (!strcmp(session, "new"))
		setsid();
	else if (!strcmp(session, "group"))
		setpgid(0, 0);
	if (tty) {
		put(0, tty, O_RDWR);
		ioctl(0, TIOCSCTTY, 0);
		dup2(0, 1);
		dup2(0, 2);
	} else {
		put(0, in, O_RDONLY);
		put(1, out, O_WRONLY | O_CREAT | O_TRUNC);
		put(2, err, O_WRONLY | O_CREAT | O_TRUNC);
	}
	close_range(3, ~0u, 0);
	for (int sig = 1; sig < 65; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* who asks for a signal at its parent's death shall not get one for ours */
	while (getppid() == parent)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	execvp(argv[optind], argv + optind);
	perror(argv[optind]);
	_exit(127);
}
