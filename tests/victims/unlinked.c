// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unlinked GO KIND: mappings of files that have lost their names or their ends.
 *
 * files      unlinked, mapped privately, shared, twice, executable; a memfd without a descriptor
 * replaced   as a library that an upgrade replaces: another file has the name
 * ends       mappings that reach behind the end of their file or memory
 * exe        nothing of its own: the test takes its executable away
 * alone      one shared mapping; the test has others look at the file
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "layout.h"

#define PAGE 4096ul
#define LEN  (64 * PAGE)

static struct layout was, is;
static const char *go;

/* A file of LEN bytes and a few, filled in some places. */
static int make_file(const char *name, uint64_t seed)
{
	static char buf[PAGE];
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	MUST(fd >= 0 && ftruncate(fd, LEN + 100) == 0);
	for (size_t i = 0; i < LEN / PAGE; i += 3) {
		victim_fill(buf, PAGE, seed + i);
		MUST(pwrite(fd, buf, PAGE, i * PAGE) == PAGE);
	}
	MUST(pwrite(fd, "tail", 4, LEN) == 4);
	return fd;
}

static char *map(int fd, int prot, int flags, size_t len, off_t at)
{
	char *p = mmap(NULL, len, prot, flags, fd, at);

	MUST(p != MAP_FAILED);
	return p;
}

static void check_file(const char *p, const char *what, uint64_t seed, size_t skip)
{
	for (size_t i = 0; i < LEN / PAGE; i++) {
		if (i == skip)
			continue;
		if (i % 3)
			CHECK(victim_is_zero(p + i * PAGE, PAGE), "%s: page %zu", what, i);
		else
			CHECK(victim_differs(p + i * PAGE, PAGE, seed + i) < 0, "%s: page %zu",
			      what, i);
	}
	CHECK(!memcmp(p + LEN, "tail", 5), "%s: its end", what);
}

static void wait_same(void)
{
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(go);
	layout_see(&is);
	layout_compare(&was, &is);
}

static void files(void)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	const int rw = PROT_READ | PROT_WRITE;
	char *one, *shared, *twice, *part, *exec, *memory;
	int fd;

	fd = make_file("private", 1000);
	one = map(fd, rw, MAP_PRIVATE, LEN + 100, 0);
	MUST(unlink("private") == 0 && close(fd) == 0);
	victim_fill(one + 5 * PAGE, PAGE, 7); /* its own copy of a page */

	fd = make_file("shared", 2000);
	shared = map(fd, rw, MAP_SHARED, LEN + 100, 0);
	twice = map(fd, PROT_READ, MAP_SHARED, LEN + 100, 0);
	part = map(fd, rw, MAP_PRIVATE, 4 * PAGE, 6 * PAGE);
	MUST(unlink("shared") == 0 && close(fd) == 0);
	victim_fill(shared + 4 * PAGE, PAGE, 9);

	fd = make_file("code", 3000);
	MUST(pwrite(fd, code, sizeof(code), 2 * PAGE) == sizeof(code));
	exec = map(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE, LEN + 100, 0);
	MUST(unlink("code") == 0 && close(fd) == 0);

	fd = memfd_create("a memory file", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, LEN) == 0);
	memory = map(fd, rw, MAP_SHARED, LEN, 0);
	MUST(close(fd) == 0);
	victim_fill(memory + PAGE, PAGE, 11);

	wait_same();

	CHECK(victim_differs(one + 5 * PAGE, PAGE, 7) < 0, "the private page");
	check_file(one, "private", 1000, 5);
	CHECK(victim_differs(shared + 4 * PAGE, PAGE, 9) < 0, "the shared page");
	check_file(shared, "shared", 2000, 4);
	check_file(twice, "twice", 2000, 4);
	victim_fill(shared, PAGE, 13);
	CHECK(victim_differs(twice, PAGE, 13) < 0, "two mappings are not one file");
	victim_fill(shared + 6 * PAGE, PAGE, 15);
	CHECK(victim_differs(part, PAGE, 15) < 0, "the private view is of another file");
	CHECK(layout_write(twice, 1) == SIGSEGV, "the view can be written");
	CHECK(((int (*)(void))(exec + 2 * PAGE))() == 42, "code does not run");
	CHECK(victim_differs(memory + PAGE, PAGE, 11) < 0 && victim_is_zero(memory, PAGE),
	      "the memory file");
	CHECK(mprotect(twice, PAGE, rw) == 0, "the view can't be made writable: %m");
}

static void replaced(void)
{
	int fd = make_file("library", 1000), other;
	char *p = map(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE, LEN + 100, 0), c;
	struct stat st;

	close(fd);
	MUST(unlink("library") == 0);
	other = open("library", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	MUST(other >= 0 && write(other, "new", 3) == 3);
	close(other);
	victim_ready();
	victim_wait(go);
	check_file(p, "library", 1000, ~0ul);
	other = open("library", O_RDONLY | O_CLOEXEC);
	CHECK(other >= 0 && fstat(other, &st) == 0 && st.st_size == 3 && read(other, &c, 1) == 1 &&
		      c == 'n',
	      "who has its name now was touched");
}

static void ends(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	char *named, *own, *gone, *grown;
	int fd;

	fd = make_file("short", 1000);
	named = map(fd, rw, MAP_SHARED, LEN, 0);
	own = map(fd, rw, MAP_PRIVATE, LEN, 0);
	victim_fill(own + 3 * PAGE, PAGE, 5);
	victim_fill(own + 30 * PAGE, PAGE, 5);
	MUST(ftruncate(fd, 10 * PAGE + 50) == 0 && close(fd) == 0);
	fd = make_file("lost", 2000);
	gone = map(fd, rw, MAP_SHARED, LEN, 0);
	MUST(ftruncate(fd, 7 * PAGE) == 0 && close(fd) == 0 && unlink("lost") == 0);
	grown = map(-1, rw, MAP_SHARED | MAP_ANONYMOUS, 4 * PAGE, 0);
	victim_fill(grown, 4 * PAGE, 6);
	grown = mremap(grown, 4 * PAGE, LEN, MREMAP_MAYMOVE);
	MUST(grown != MAP_FAILED);

	wait_same();

	CHECK(victim_differs(named + 3 * PAGE, PAGE, 1003) < 0, "the shared mapping");
	CHECK(layout_read(named + 11 * PAGE) == SIGBUS, "behind the end of the shared one");
	CHECK(victim_differs(own + 3 * PAGE, PAGE, 5) < 0, "the private mapping");
	CHECK(layout_read(own + 30 * PAGE) == SIGBUS, "behind the end of the private one");
	CHECK(victim_differs(gone + 3 * PAGE, PAGE, 2003) < 0, "the unlinked file");
	CHECK(layout_read(gone + 7 * PAGE) == SIGBUS, "behind the end of the unlinked one");
	CHECK(victim_differs(grown, 4 * PAGE, 6) < 0, "the grown memory");
	CHECK(layout_read(grown + 4 * PAGE) == SIGBUS, "behind the end of the memory");
}

static void exe(void)
{
	char path[256];
	ssize_t n;
	FILE *f;

	victim_ready();
	victim_wait(go);
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	CHECK(n > 10 && !memcmp(path + n - 10, " (deleted)", 10), "its executable is %.*s", (int)n,
	      path);
	f = fopen("/proc/self/exe", "re"); /* all of it is there */
	CHECK(f && fread(path, 1, 4, f) == 4 && !memcmp(path, "\177ELF", 4), "it is no program");
	CHECK(f && fseek(f, 0, SEEK_END) == 0 && ftell(f) > 10000, "it is short");
}

static void alone(void)
{
	int fd = make_file("watched", 1000);
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED, LEN, 0);

	close(fd);
	victim_ready();
	victim_wait(go);
	CHECK(victim_differs(p, PAGE, 1000) < 0, "its memory");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{"files", files}, {"replaced", replaced}, {"ends", ends},
		{"exe", exe},	  {"alone", alone},
	};

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
