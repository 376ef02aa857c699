// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * advice GO KIND [merge]: a mapping of that kind (anon, shared, file, sharedfile, stack) has every
 * advice of madvise(2) and both ways of locking on pages of its own, and keeps them.
 */
#include <alloca.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "layout.h"

#define PAGE	     4096ul
#define PART	     (2 * PAGE) /* advised; as much behind it is not */
#define STRIDE	     (2 * PART)
#define MEMORY_MERGE 67 /* PR_SET_MEMORY_MERGE, Linux 6.4 */

enum special { NOTHING, LOCK, LOCK_ONFAULT };

static const struct advice {
	const char *letters;
	int advice;
	enum special special;
	bool anon_only;
} list[] = {
	{"sr", MADV_SEQUENTIAL, NOTHING, false},
	{"rr", MADV_RANDOM, NOTHING, false},
	{"dc", MADV_DONTFORK, NOTHING, false},
	{"dd", MADV_DONTDUMP, NOTHING, false},
	{"wf", MADV_WIPEONFORK, NOTHING, true},
	{"hg", MADV_HUGEPAGE, NOTHING, false},
	{"nh", MADV_NOHUGEPAGE, NOTHING, false},
	{"mg", MADV_MERGEABLE, NOTHING, false},
	{"lo", 0, LOCK, false},
	{"lf", 0, LOCK_ONFAULT, false},
};
#define N (sizeof(list) / sizeof(list[0]))

static struct layout was, is;

static char *map_kind(const char *kind)
{
	const size_t len = N * STRIDE;
	int prot = PROT_READ | PROT_WRITE, flags, fd = -1;
	char path[] = "advice-XXXXXX", *p;
	struct stat st;

	if (!strcmp(kind, "stack")) {
		/* far below what is in use, and grown before it is advised */
		p = alloca(len + 64 * PAGE);
		memset(p, 0, len);
		return (char *)(((uintptr_t)p + PAGE - 1) & ~(PAGE - 1));
	}
	flags = strncmp(kind, "shared", 6) ? MAP_PRIVATE : MAP_SHARED;
	if (!strstr(kind, "file")) {
		p = mmap(NULL, len, prot, flags | MAP_ANONYMOUS, -1, 0);
	} else {
		fd = mkstemp(path);
		MUST(fd >= 0 && ftruncate(fd, len) == 0 && fstat(fd, &st) == 0);
		p = mmap(NULL, len, prot, flags, fd, 0);
		close(fd);
	}
	MUST(p != MAP_FAILED);
	return p;
}

static void advise(char *base, bool anon)
{
	for (size_t i = 0; i < N; i++) {
		char *p = base + i * STRIDE;
		int ret;

		victim_fill(p, PART, i);
		if (list[i].anon_only && !anon)
			continue;
		ret = list[i].special == LOCK		? mlock(p, PART)
		      : list[i].special == LOCK_ONFAULT ? (int)mlock2(p, PART, MLOCK_ONFAULT)
							: madvise(p, PART, list[i].advice);
		if (ret)
			dprintf(1, "note: no %s: %s\n", list[i].letters, strerror(errno));
	}
}

/* What a child sees. */
static void check_child(char *base, bool anon, bool stack)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		victim_failures = 0;
		for (size_t i = 0; i < N; i++) {
			char *p = base + i * STRIDE;

			if (list[i].advice == MADV_DONTFORK && stack) {
				/* what lies above grows down into the hole */
				CHECK(victim_is_zero(p, PART), "DONTFORK: the child has it");
			} else if (list[i].advice == MADV_DONTFORK) {
				CHECK(layout_read(p) == SIGSEGV, "DONTFORK: the child has it");
				CHECK(!layout_read(p + PART), "what follows is not there");
			} else if (list[i].advice == MADV_WIPEONFORK && anon) {
				CHECK(victim_is_zero(p, PART), "WIPEONFORK: the child sees it");
			} else {
				CHECK(victim_differs(p, PART, i) < 0, "child: %s differs",
				      list[i].letters);
			}
		}
		_exit(victim_failures);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "the child: %#x", status);
}

int main(int argc, char **argv)
{
	bool anon;
	char *base;

	MUST(argc > 2);
	if (argc > 3 && prctl(MEMORY_MERGE, 1, 0, 0, 0) != 0)
		victim_skip("no PR_SET_MEMORY_MERGE here");
	anon = !strcmp(argv[2], "anon") || !strcmp(argv[2], "stack");
	base = map_kind(argv[2]);
	advise(base, anon);
	if (argc > 3) /* all are mergeable but this */
		MUST(madvise(base, PART, MADV_UNMERGEABLE) == 0);
	layout_catch();
	layout_see(&was);
	layout_see(&was); /* the first look has touched what it writes to */
	victim_ready();
	victim_wait(argv[1]);
	layout_see(&is);
	layout_compare(&was, &is);
	for (size_t i = 0; i < N; i++)
		CHECK(victim_differs(base + i * STRIDE, PART, i) < 0, "%s differs",
		      list[i].letters);
	check_child(base, anon, !strcmp(argv[2], "stack"));
	return victim_end();
}
