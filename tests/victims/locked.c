// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * locked GO future|onfault|limit|full: mlockall(2) for what is mapped later, with and without
 * touching it; memory locked up to a limit that was lowered afterwards; nothing left of the limit.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include "layout.h"

#define PAGE 4096ul
#define LEN  (64 * PAGE)

static struct layout was, is;

/* What a new mapping is like now. */
static void check_fresh(bool onfault)
{
	static struct layout all;
	unsigned char resident[LEN / PAGE];
	char head[20], *flags, *p;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED);
	CHECK(mincore(p, LEN, resident) == 0, "mincore: %m");
	for (size_t i = 0; i < LEN / PAGE; i++)
		CHECK((resident[i] & 1) == !onfault, "page %zu: resident %d", i, resident[i]);
	layout_see(&all);
	snprintf(head, sizeof(head), "%lx-", (unsigned long)p);
	flags = strstr(all.text, head);
	flags = flags ? strstr(flags, "VmFlags:") : NULL;
	MUST(flags);
	flags[strcspn(flags, "\n")] = '\0';
	CHECK(strstr(flags, " lo ") && !strstr(flags, " lf ") == !onfault, "new memory: %s", flags);
	munmap(p, LEN);
}

/* Everything its limit allows is locked: no room even for a small mapping. */
static void fill_limit(const char *go)
{
	struct rlimit limit;
	size_t n = 0;

	MUST(mlockall(MCL_FUTURE) == 0);
	MUST(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	while (n * PAGE <= limit.rlim_cur && mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
						  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		n++;
	if (n * PAGE > limit.rlim_cur)
		victim_skip("no limit holds for it");
	victim_ready();
	victim_wait(go);
}

static void lock_future(const char *go, bool onfault)
{
	MUST(mlockall(MCL_FUTURE | (onfault ? MCL_ONFAULT : 0)) == 0);
	check_fresh(onfault);
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(go);
	layout_see(&is);
	layout_compare(&was, &is);
	check_fresh(onfault);
	CHECK(munlockall() == 0, "munlockall: %m");
}

static void lower_limit(const char *go)
{
	struct rlimit limit = {LEN, 2 * LEN};
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(p != MAP_FAILED && setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	victim_fill(p, LEN, 1);
	MUST(mlock(p, LEN) == 0);
	limit.rlim_cur = PAGE;
	MUST(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(go);
	layout_see(&is);
	layout_compare(&was, &is);
	CHECK(victim_differs(p, LEN, 1) < 0, "its memory");
	CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == PAGE &&
		      limit.rlim_max == 2 * LEN,
	      "limits %lu %lu", (long)limit.rlim_cur, (long)limit.rlim_max);
}

int main(int argc, char **argv)
{
	MUST(argc > 2);
	if (!strcmp(argv[2], "limit"))
		lower_limit(argv[1]);
	else if (!strcmp(argv[2], "full"))
		fill_limit(argv[1]);
	else
		lock_future(argv[1], !strcmp(argv[2], "onfault"));
	return victim_end();
}
