// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mempolicy GO [MUCH]: memory policies of the task and of mappings; with MUCH more memory.
 */
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "layout.h"

#define PAGE 4096ul
#define LEN  (4 * PAGE)
#define BITS 8192
#define MUCH (96ul << 20)
#define N    (sizeof(binds) / sizeof(binds[0]))

static struct layout was, is;

static const struct {
	int mode, flags;
	bool nodes, shared;
} binds[] = {
	{MPOL_BIND, 0, true, false},
	{MPOL_BIND, MPOL_F_STATIC_NODES, true, false},
	{MPOL_PREFERRED, MPOL_F_RELATIVE_NODES, true, false},
	{MPOL_INTERLEAVE, 0, true, true},
	{MPOL_LOCAL, 0, false, false},
	{MPOL_DEFAULT, 0, false, false},
};

struct policy {
	int mode;
	unsigned char nodes[BITS / 8];
};

static void ask(void *p, struct policy *out)
{
	memset(out, 0, sizeof(*out));
	CHECK(syscall(SYS_get_mempolicy, &out->mode, out->nodes, BITS, p, p ? MPOL_F_ADDR : 0) == 0,
	      "get_mempolicy: %m");
}

int main(int argc, char **argv)
{
	static struct policy before[N + 1], after;
	char *p[N];
	static unsigned long node[BITS / 64] = {1};

	MUST(argc > 1);
	if (syscall(SYS_set_mempolicy, MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, node, BITS) != 0)
		victim_skip("this kernel has no memory policies");
	for (size_t i = 0; i < N; i++) {
		p[i] = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			    (binds[i].shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
		MUST(p[i] != MAP_FAILED);
		MUST(syscall(SYS_mbind, p[i], LEN, binds[i].mode | binds[i].flags,
			     binds[i].nodes ? node : NULL, binds[i].nodes ? BITS : 0, 0) == 0);
		victim_fill(p[i], LEN, i);
		ask(p[i], &before[i]);
	}
	ask(NULL, &before[N]);
	MUST(before[0].mode == MPOL_BIND && before[N].mode != MPOL_DEFAULT);
	if (argc > 2) {
		char *much = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		MUST(much != MAP_FAILED);
	}
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(argv[1]);
	layout_see(&is);
	layout_compare(&was, &is);
	for (size_t i = 0; i <= N; i++) {
		ask(i < N ? p[i] : NULL, &after);
		CHECK(after.mode == before[i].mode, "policy %zu: mode %#x, was %#x", i, after.mode,
		      before[i].mode);
		CHECK(!memcmp(after.nodes, before[i].nodes, sizeof(after.nodes)),
		      "policy %zu: nodes %#x, was %#x", i, after.nodes[0], before[i].nodes[0]);
		CHECK(i == N || victim_differs(p[i], LEN, i) < 0, "memory %zu", i);
	}
	return victim_end();
}
