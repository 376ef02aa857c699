// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD: the allocation after next, or whichever a test asks for, fails with ENOMEM.
 *
 * The file named by FAILALLOC holds two 64-bit numbers: how many allocations are still to succeed
 * before those that fail (negative: all succeed), and how many in a row are to fail. A test changes
 * it while the program runs. Only glibc: its allocator has names of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
	_Atomic int64_t before, failing;
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static struct control *control;

static __attribute__((constructor)) void begin(void)
{
	const char *path = getenv("FAILALLOC");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	unsetenv("LD_PRELOAD"); /* not for the programs it starts */
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		control = p;
	close(fd);
}

static int fails(void)
{
	if (!control || atomic_load(&control->before) < 0)
		return 0;
	if (atomic_fetch_sub(&control->before, 1) > 0)
		return 0;
	if (atomic_fetch_sub(&control->failing, 1) > 1)
		atomic_store(&control->before, 0);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
