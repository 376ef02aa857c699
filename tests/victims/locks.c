// SPDX-License-Identifier: GPL-2.0-or-later
/* POSIX, OFD and flock locks are held on. argv[2]: a directory */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "victim.h"

static char path[3][4096];

static void lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	MUST(fcntl(fd, cmd, &fl) == 0);
}

/* In a child: what stands against a lock of that type? Exits 0 if exactly want does. */
static void check(int file, int cmd, short type, off_t start, off_t len, short want, off_t wstart,
		  off_t wlen)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	pid_t parent = getpid(), pid = fork();
	int status, fd;

	if (pid == 0) {
		fd = open(path[file], O_RDWR);
		if (fd < 0 || fcntl(fd, cmd, &fl) != 0)
			_exit(2);
		if (fl.l_type != want)
			_exit(3);
		if (want == F_UNLCK)
			_exit(0);
		_exit(fl.l_start == wstart && fl.l_len == wlen &&
				      (fl.l_pid == parent || fl.l_pid == -1)
			      ? 0
			      : 4);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "file %d [%ld, +%ld): status %#x",
	      file, (long)start, (long)len, status);
}

static bool flock_fails(int op)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = open(path[2], O_RDWR);

		_exit(flock(fd, op | LOCK_NB) == -1 && errno == EWOULDBLOCK);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WEXITSTATUS(status) == 1;
}

int main(int argc, char **argv)
{
	int fd[3];

	MUST(argc > 2);
	for (int i = 0; i < 3; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/lock%d", argv[2], i);
		fd[i] = open(path[i], O_RDWR | O_CREAT, 0644);
		MUST(fd[i] >= 0 && ftruncate(fd[i], 1000) == 0);
	}
	lock(fd[0], F_SETLK, F_WRLCK, 10, 10);
	lock(fd[0], F_SETLK, F_RDLCK, 30, 5);
	lock(fd[0], F_SETLK, F_WRLCK, 500, 0);
	lock(fd[1], F_OFD_SETLK, F_WRLCK, 100, 50);
	MUST(flock(fd[2], LOCK_SH) == 0);

	victim_ready();
	victim_wait(argv[1]);

	check(0, F_GETLK, F_WRLCK, 0, 25, F_WRLCK, 10, 10);
	check(0, F_GETLK, F_WRLCK, 25, 25, F_RDLCK, 30, 5);
	check(0, F_GETLK, F_RDLCK, 25, 25, F_UNLCK, 0, 0);
	check(0, F_GETLK, F_RDLCK, 900, 1, F_WRLCK, 500, 0);
	check(0, F_GETLK, F_WRLCK, 40, 400, F_UNLCK, 0, 0);
	check(1, F_GETLK, F_RDLCK, 0, 0, F_WRLCK, 100, 50);
	CHECK(flock_fails(LOCK_EX), "flock: an exclusive lock can be had");
	CHECK(!flock_fails(LOCK_SH), "flock: it is exclusive now");
	CHECK(flock(fd[2], LOCK_UN) == 0 && !flock_fails(LOCK_EX), "flock: can't be undone");
	return victim_end();
}
