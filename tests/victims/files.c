// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors: kinds, flags, offsets, what is shared and what is not. argv[2]: a directory */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "victim.h"

#define ENTRIES 300

static char names[ENTRIES + 2][64];
static int nnames;
static const char *dir;

static const char *in_dir(const char *name)
{
	static char path[4][4096];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static int must_open(const char *path, int flags)
{
	int fd = open(path, flags, 0640);

	if (fd < 0) {
		dprintf(1, "FAIL: setup: %s: %m\n", path);
		_exit(1);
	}
	return fd;
}

/* Reads directory entries from fd into names until the end or, if some, after one call. */
static void read_names(int fd, bool some)
{
	char buf[2048] __attribute__((aligned(8)));
	long n;

	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (long off = 0; off < n;) {
			struct dirent64 *d = (struct dirent64 *)(buf + off);

			if (nnames < ENTRIES + 2)
				snprintf(names[nnames++], sizeof(names[0]), "%.63s", d->d_name);
			off += d->d_reclen;
		}
		if (some)
			return;
	}
	CHECK(n == 0, "getdents: %m");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void check_names(void)
{
	qsort(names, nnames, sizeof(names[0]), by_name);
	CHECK(nnames == ENTRIES + 2, "%d directory entries, not %d", nnames, ENTRIES + 2);
	for (int i = 1; i < nnames; i++)
		CHECK(strcmp(names[i - 1], names[i]) != 0, "'%s' came twice", names[i]);
}

static void check_path(int fd, const char *want)
{
	char link[64], to[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, to, sizeof(to) - 1);
	CHECK(n == (ssize_t)strlen(want) && memcmp(to, want, n) == 0, "fd %d is '%.*s', not '%s'",
	      fd, (int)(n < 0 ? 0 : n), to, want);
}

static void check_dev(int fd, const char *path)
{
	struct stat a, b;

	CHECK(fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_rdev == b.st_rdev &&
		      a.st_ino == b.st_ino,
	      "fd %d is not %s", fd, path);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* . .. and d itself */

	MUST(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	static const char strange[] = "a name\twith \\ and \"\n\303\244 in it";
	int rw, ro, ap, far, dup1, high, other, dirfd, opath, opathdir, null, zero, full, rnd, sync;
	int flags[16], fds[16], n = 0, count, odd, late;
	struct f_owner_ex owner = {F_OWNER_PID, getpid()}, owner2 = {0, 0};
	char buf[64], name[64];

	MUST(argc > 2);
	dir = argv[2];
	MUST(mkdir(dir, 0755) == 0 && mkdir(in_dir("many"), 0755) == 0);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "many/entry-%d", i);
		close(must_open(in_dir(name), O_WRONLY | O_CREAT));
	}
	fds[n++] = rw = must_open(in_dir("rw"), O_RDWR | O_CREAT | O_TRUNC);
	MUST(write(rw, "0123456789abcdef", 16) == 16 && lseek(rw, 4, SEEK_SET) == 4);
	fds[n++] = dup1 = dup(rw);
	fds[n++] = high = fcntl(rw, F_DUPFD_CLOEXEC, 1000);
	MUST(dup1 >= 0 && high == 1000);
	fds[n++] = other = must_open(in_dir("rw"), O_RDWR | O_CLOEXEC);
	MUST(lseek(other, 9, SEEK_SET) == 9);
	fds[n++] = ap = must_open(in_dir("ap"), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK);
	MUST(write(ap, "first\n", 6) == 6);
	fds[n++] = far = must_open(in_dir("far"), O_RDWR | O_CREAT | O_EXCL | O_NOATIME);
	MUST(lseek(far, 1ll << 40, SEEK_SET) == 1ll << 40);
	fds[n++] = odd = must_open(in_dir(strange), O_RDWR | O_CREAT);
	MUST(write(odd, "odd", 3) == 3);
	fds[n++] = sync = must_open(in_dir("sync"), O_WRONLY | O_CREAT | O_SYNC);
	fds[n++] = ro = must_open(in_dir("rw"), O_RDONLY | O_NOFOLLOW);
	MUST(chmod(in_dir("rw"), 0400) == 0); /* what is open stays open */
	fds[n++] = dirfd = must_open(in_dir("many"), O_RDONLY | O_DIRECTORY);
	read_names(dirfd, true);
	fds[n++] = opath = must_open(in_dir("ap"), O_PATH | O_CLOEXEC);
	fds[n++] = opathdir = must_open(dir, O_PATH | O_DIRECTORY);
	fds[n++] = null = must_open("/dev/null", O_RDWR);
	fds[n++] = zero = must_open("/dev/zero", O_RDONLY);
	fds[n++] = full = must_open("/dev/full", O_WRONLY);
	fds[n++] = rnd = must_open("/dev/urandom", O_RDONLY);
	for (int i = 0; i < n; i++) {
		int fl = fcntl(fds[i], F_GETFL), fd = fcntl(fds[i], F_GETFD);

		MUST(fl >= 0 && fd >= 0);
		flags[i] = fl << 1 | fd;
	}
	MUST(fcntl(other, F_SETOWN_EX, &owner) == 0 && fcntl(other, F_SETSIG, SIGUSR1) == 0);
	count = count_fds();

	victim_ready();
	victim_wait(argv[1]);

	CHECK(count_fds() == count, "%d descriptors, not %d", count_fds(), count);
	for (int i = 0; i < n; i++) {
		int fl = fcntl(fds[i], F_GETFL), fd = fcntl(fds[i], F_GETFD);

		CHECK((fl << 1 | fd) == flags[i], "fd %d: flags %#o cloexec %d, not %#o %d", fds[i],
		      fl, fd, flags[i] >> 1, flags[i] & 1);
	}
	CHECK(read(rw, buf, 2) == 2 && memcmp(buf, "45", 2) == 0, "rw reads '%.2s'", buf);
	CHECK(read(dup1, buf, 2) == 2 && memcmp(buf, "67", 2) == 0, "dup reads '%.2s'", buf);
	CHECK(read(high, buf, 1) == 1 && buf[0] == '8', "fd 1000 reads '%.1s'", buf);
	CHECK(lseek(rw, 0, SEEK_CUR) == 9, "the offset is not shared");
	CHECK(read(other, buf, 3) == 3 && memcmp(buf, "9ab", 3) == 0, "other reads '%.3s'", buf);
	CHECK(lseek(rw, 0, SEEK_CUR) == 9, "two files became one");
	CHECK(pwrite(rw, "X", 1, 0) == 1 && pread(ro, buf, 1, 0) == 1 && buf[0] == 'X',
	      "rw and ro: %m");
	CHECK(lseek(ro, 0, SEEK_CUR) == 0, "offset of ro");
	CHECK(write(ap, "second\n", 7) == 7, "ap: %m");
	CHECK(lseek(far, 0, SEEK_CUR) == 1ll << 40, "offset far beyond the end");
	CHECK(pread(odd, buf, 3, 0) == 3 && memcmp(buf, "odd", 3) == 0, "odd name: %m");
	check_path(odd, in_dir(strange));
	CHECK(lseek(odd, 0, SEEK_CUR) == 3, "offset of odd");
	CHECK(write(sync, "s", 1) == 1, "sync: %m");
	read_names(dirfd, false);
	check_names();
	check_path(opath, in_dir("ap"));
	CHECK(read(opath, buf, 1) == -1 && errno == EBADF, "O_PATH can be read");
	late = openat(opathdir, "ap", O_RDONLY);
	CHECK(late >= 0 && read(late, buf, 14) == 13 && memcmp(buf, "first\nsecond\n", 13) == 0,
	      "openat: %m");
	check_dev(null, "/dev/null");
	check_dev(zero, "/dev/zero");
	check_dev(full, "/dev/full");
	check_dev(rnd, "/dev/urandom");
	CHECK(write(full, "x", 1) == -1 && errno == ENOSPC, "full: %m");
	CHECK(read(zero, buf, 8) == 8 && victim_is_zero(buf, 8), "zero");
	CHECK(fcntl(other, F_GETOWN_EX, &owner2) == 0 && owner2.type == F_OWNER_PID &&
		      owner2.pid == getpid(),
	      "owner %d %d", owner2.type, owner2.pid);
	CHECK(fcntl(other, F_GETSIG) == SIGUSR1, "signal %d", fcntl(other, F_GETSIG));
	return victim_end();
}
