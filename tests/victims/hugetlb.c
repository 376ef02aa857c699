// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hugetlb GO [DIRECTORY]: huge pages, private, shared and partly read-only; with DIRECTORY, where a
 * hugetlbfs is, files of it.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include "layout.h"

#define HUGE (2ul << 20)
#define SIZE (MAP_HUGETLB | 21 << MAP_HUGE_SHIFT)

static struct layout was, is;

static char *map(size_t n, int flags, int fd)
{
	char *p = mmap(NULL, n * HUGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED && errno == ENOMEM)
		victim_skip("not enough huge pages");
	MUST(p != MAP_FAILED);
	return p;
}

static void anonymous(const char *go)
{
	char *private = map(2, MAP_PRIVATE | MAP_ANONYMOUS | SIZE, -1);
	char *shared = map(3, MAP_SHARED | MAP_ANONYMOUS | SIZE, -1);
	char *reserved = map(64, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | SIZE, -1);
	char *constant = map(1, MAP_PRIVATE | MAP_ANONYMOUS | SIZE, -1);
	int status;
	pid_t pid;

	victim_fill(private + HUGE, HUGE, 1);
	victim_fill(shared, HUGE, 2);
	MUST(mprotect(shared + 2 * HUGE, HUGE, PROT_READ) == 0); /* two mappings of one memory */
	victim_fill(constant, HUGE, 3);
	MUST(mprotect(constant, HUGE, PROT_READ) == 0);
	MUST(madvise(private, 2 * HUGE, MADV_DONTDUMP) == 0);
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(go);
	layout_see(&is);
	layout_compare(&was, &is);
	CHECK(victim_differs(private + HUGE, HUGE, 1) < 0, "private");
	CHECK(victim_differs(shared, HUGE, 2) < 0, "shared");
	CHECK(victim_differs(constant, HUGE, 3) < 0, "constant");
	CHECK(layout_write(constant, 1) == SIGSEGV, "constant can be written");
	CHECK(victim_is_zero(shared + HUGE, 2 * HUGE), "shared is not zero");
	CHECK(layout_read(reserved + 63 * HUGE) == 0 || layout_info.si_signo == SIGBUS,
	      "the reservation");
	pid = fork();
	if (pid == 0) {
		victim_fill(shared, HUGE, 4);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "fork: %m");
	CHECK(victim_differs(shared, HUGE, 4) < 0, "it is not shared with a child");
}

static void files(const char *go, const char *dir)
{
	char path[300], *shared, *private;
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0 && ftruncate(fd, 2 * HUGE) == 0);
	shared = map(2, MAP_SHARED, fd);
	private = map(2, MAP_PRIVATE, fd);
	close(fd);
	victim_fill(shared, HUGE, 1);
	victim_fill(private + HUGE, HUGE, 2);
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(go);
	layout_see(&is);
	layout_compare(&was, &is);
	CHECK(victim_differs(shared, HUGE, 1) < 0 && victim_is_zero(shared + HUGE, HUGE), "shared");
	CHECK(victim_differs(private, HUGE, 1) < 0, "what is the file's of the private one");
	CHECK(victim_differs(private + HUGE, HUGE, 2) < 0, "what is private");
}

int main(int argc, char **argv)
{
	MUST(argc > 1);
	layout_catch();
	if (argc > 2)
		files(argv[1], argv[2]);
	else
		anonymous(argv[1]);
	return victim_end();
}
