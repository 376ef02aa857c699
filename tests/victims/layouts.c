// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layouts GO KIND: address spaces that are hard to build again.
 *
 * apart   neighbours that look the same and are two mappings all the same
 * sparse  terabytes of shared memory with a few pages
 * over    as many mappings as a process may have
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include "layout.h"

#define PAGE 4096ul
#define TIB  (1ul << 40)

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

/* Two mappings whose pages come from different anon_vmas are not merged (mm/vma.c,
 * is_mergeable_anon_vma); what keeps them apart is taken away when both have pages. */
static char *make_apart(int fd, size_t npages)
{
	const int flags = MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE);
	char *p = mmap(NULL, 4 * npages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* with room around, so that it is not merged with other memory */
	MUST(p != MAP_FAILED);
	p = mmap(p + npages * PAGE, 2 * npages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	MUST(p != MAP_FAILED);
	MUST(madvise(p + npages * PAGE, npages * PAGE, MADV_DONTFORK) == 0);
	p[0] = 1;
	p[npages * PAGE] = 2;
	MUST(madvise(p + npages * PAGE, npages * PAGE, MADV_DOFORK) == 0);
	return p;
}

static bool is_boundary(const struct layout *l, const char *p)
{
	char head[20];

	snprintf(head, sizeof(head), "\n%lx-", (unsigned long)p);
	return strstr(l->text, head);
}

static void apart(void)
{
	char path[] = "layouts-XXXXXX", *anon, *file, *empty;
	int fd = mkstemp(path);

	MUST(fd >= 0 && ftruncate(fd, 8 * PAGE) == 0);
	anon = make_apart(-1, 4);
	file = make_apart(fd, 4);
	empty = make_apart(-1, 4);
	close(fd);
	MUST(madvise(empty, 8 * PAGE, MADV_DONTNEED) == 0);
	layout_see(&was);
	MUST(is_boundary(&was, anon + 4 * PAGE) && is_boundary(&was, file + 4 * PAGE));
	wait_same();
	CHECK(anon[0] == 1 && anon[4 * PAGE] == 2 && anon[PAGE] == 0, "anonymous");
	CHECK(file[0] == 1 && file[4 * PAGE] == 2 && file[PAGE] == 0, "file");
	CHECK(victim_is_zero(empty, 8 * PAGE), "empty");
}

static void sparse(void)
{
	char *p = mmap(NULL, TIB, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	static const size_t at[] = {0, TIB / 2 + 7 * PAGE, TIB - PAGE};

	MUST(p != MAP_FAILED);
	for (int i = 0; i < 3; i++)
		victim_fill(p + at[i], PAGE, i);
	wait_same();
	for (int i = 0; i < 3; i++)
		CHECK(victim_differs(p + at[i], PAGE, i) < 0, "page %d", i);
	CHECK(victim_is_zero(p + PAGE, PAGE), "a hole");
}

static void over(void)
{
	size_t n = 0, total = 80000;
	char *p = mmap(NULL, total * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat st;

	MUST(p != MAP_FAILED);
	while (n < total && mprotect(p + n * PAGE, PAGE, PROT_READ) == 0)
		n += 2;
	if (n >= total)
		victim_skip("mappings have no limit here");
	/* mmap allows one more than mprotect does */
	MUST(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	victim_ready();
	while (stat(go, &st) != 0) /* without memory of its own */
		victim_doze();
	CHECK(layout_read(p + n * PAGE - 2 * PAGE) == 0 && layout_read(p + PAGE) == SIGSEGV,
	      "its mappings");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {{"apart", apart}, {"sparse", sparse}, {"over", over}};

	MUST(argc > 2);
	go = argv[1];
	layout_catch();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[2], kinds[i].name) != 0)
			continue;
		kinds[i].run();
		return victim_end();
	}
	victim_fail("no kind %s", argv[2]);
	return 1;
}
