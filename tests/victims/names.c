// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of anonymous memory, private and shared. */
#include <sys/mman.h>
#include <sys/prctl.h>
#include "layout.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#define LEN 16384

static struct layout was, is;

int main(int argc, char **argv)
{
	static const char *const names[] = {"arena 1", "a%s \"b\" 'c' (d) #;:/,~"};
	char *p[4];

	MUST(argc > 1);
	for (int i = 0; i < 4; i++) {
		p[i] = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			    (i < 2 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
		MUST(p[i] != MAP_FAILED);
		if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p[i], LEN, names[i % 2]) != 0)
			victim_skip("this kernel gives no names to memory (CONFIG_ANON_VMA_NAME)");
		victim_fill(p[i], LEN, i);
	}
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(argv[1]);
	layout_see(&is);
	layout_compare(&was, &is);
	CHECK(strstr(is.text, names[0]) && strstr(is.text, names[1]), "the names are gone");
	for (int i = 0; i < 4; i++)
		CHECK(victim_differs(p[i], LEN, i) < 0, "memory %d", i);
	return victim_end();
}
