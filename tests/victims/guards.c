// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guards GO KIND: guard regions (anon, file, shared, sharedfile, locked), memory that the kernel
 * may drop (droppable), and mappings of /dev/zero (zero).
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include "layout.h"

#define PAGE	  4096ul
#define N	  64ul
#define LEN	  (N * PAGE)
#define INSTALL	  102 /* MADV_GUARD_INSTALL, Linux 6.13 */
#define REMOVE	  103
#define DROPPABLE 0x08 /* MAP_DROPPABLE, Linux 6.11 */

static struct layout was, is;
static const char *go;

static void wait_same(void)
{
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(go);
	layout_see(&is);
	layout_compare(&was, &is);
}

static bool guarded(size_t i)
{
	return i < 2 || (i >= 10 && i < 20) || i == 30 || i == N - 1;
}

static char *map_kind(const char *kind)
{
	int flags = strncmp(kind, "shared", 6) ? MAP_PRIVATE : MAP_SHARED, fd = -1;
	char path[] = "guards-XXXXXX", *p;

	if (strstr(kind, "file")) {
		fd = mkstemp(path);
		MUST(fd >= 0 && ftruncate(fd, LEN) == 0);
	} else {
		flags |= MAP_ANONYMOUS;
	}
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, flags, fd, 0);
	MUST(p != MAP_FAILED);
	if (fd >= 0)
		close(fd);
	return p;
}

static void check_guards(char *p, const char *who)
{
	for (size_t i = 0; i < N; i++) {
		int sig = layout_read(p + i * PAGE);

		CHECK(sig == (guarded(i) ? SIGSEGV : 0), "%s: page %zu: signal %d", who, i, sig);
		if (!sig && i % 2)
			CHECK(victim_differs(p + i * PAGE, PAGE, i) < 0, "%s: page %zu", who, i);
		else if (!sig)
			CHECK(victim_is_zero(p + i * PAGE, PAGE), "%s: page %zu is not zero", who,
			      i);
	}
}

static void guards(const char *kind)
{
	char *p = map_kind(kind), *old;
	int status;
	pid_t pid;

	for (size_t i = 1; i < N; i += 2)
		victim_fill(p + i * PAGE, PAGE, i);
	for (size_t i = 0; i < N; i++)
		if (guarded(i) && madvise(p + i * PAGE, PAGE, INSTALL) != 0)
			victim_skip("no guard regions on such memory here");
	old = map_kind(kind); /* had one and has none now */
	old[2 * PAGE] = 'x';
	MUST(madvise(old, PAGE, INSTALL) == 0 && madvise(old, PAGE, REMOVE) == 0);
	if (!strcmp(kind, "locked"))
		MUST(mlock2(p, LEN, MLOCK_ONFAULT) == 0 && (mlock(p, LEN) == 0 || errno == ENOMEM));

	wait_same();

	check_guards(p, "it");
	CHECK(!layout_read(old) && old[2 * PAGE] == 'x', "the one that has none any more");
	pid = fork();
	if (pid == 0) {
		victim_failures = 0;
		check_guards(p, "the child");
		_exit(victim_failures);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "the child: %#x", status);
	CHECK(madvise(p, LEN, REMOVE) == 0 && !layout_read(p), "a guard can't be removed");
}

static void droppable(const char *kind)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	(void)kind;
	if (p == MAP_FAILED)
		victim_skip("this kernel has no MAP_DROPPABLE");
	for (size_t i = 1; i < N; i += 2)
		victim_fill(p + i * PAGE, PAGE, i);
	wait_same();
	for (size_t i = 1; i < N; i += 2) /* or it was dropped */
		CHECK(victim_differs(p + i * PAGE, PAGE, i) < 0 ||
			      victim_is_zero(p + i * PAGE, PAGE),
		      "page %zu", i);
	pid = fork();
	if (pid == 0)
		_exit(!victim_is_zero(p, LEN));
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "the child: %#x", status);
}

static void zero(const char *kind)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	char *private, *shared, *twice;

	(void)kind;
	MUST(fd >= 0);
	private = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 3 * PAGE);
	shared = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(private != MAP_FAILED && shared != MAP_FAILED);
	twice = mremap(shared, 0, LEN, MREMAP_MAYMOVE);
	MUST(twice != MAP_FAILED && close(fd) == 0);
	victim_fill(private + PAGE, PAGE, 1);
	victim_fill(shared + PAGE, PAGE, 2);
	wait_same();
	CHECK(victim_is_zero(private, PAGE) && victim_differs(private + PAGE, PAGE, 1) < 0,
	      "private");
	CHECK(victim_is_zero(shared, PAGE) && victim_differs(twice + PAGE, PAGE, 2) < 0, "shared");
	twice[0] = 'x';
	CHECK(shared[0] == 'x', "not one memory");
	CHECK(!layout_write(private, 1), "private can't be written");
}

int main(int argc, char **argv)
{
	MUST(argc > 2);
	go = argv[1];
	layout_catch();
	if (!strcmp(argv[2], "droppable"))
		droppable(argv[2]);
	else if (!strcmp(argv[2], "zero"))
		zero(argv[2]);
	else
		guards(argv[2]);
	return victim_end();
}
