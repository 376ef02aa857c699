// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Has memory that it can't write and never will again: closed GO sealed|mdwe|both. It is as it was
 * in the end.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "victim.h"

#define PLACE	  ((void *)0x10000000000)
#define LEN	  8192
#define RET	  0xc3
#define SYS_MSEAL 462 /* Linux 6.10 */
#define SET_MDWE  65  /* Linux 6.3 */

int main(int argc, char **argv)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	unsigned char *p;
	bool seal, mdwe;

	MUST(argc > 2);
	seal = strcmp(argv[2], "mdwe") != 0;
	mdwe = strcmp(argv[2], "sealed") != 0;
	p = mmap(PLACE, LEN, PROT_READ | PROT_WRITE, flags, -1, 0);
	MUST(p == PLACE);
	memset(p, RET, LEN);
	MUST(!mprotect(p, LEN, mdwe ? PROT_READ | PROT_EXEC : PROT_READ));
	if (seal && syscall(SYS_MSEAL, p, LEN, 0))
		victim_skip("no mseal(2)");
	if (mdwe && prctl(SET_MDWE, 1, 0, 0, 0))
		victim_skip("no PR_SET_MDWE");
	victim_ready();
	victim_wait(argv[1]);
	for (size_t i = 0; i < LEN; i++)
		if (p[i] != RET) {
			victim_fail("byte %zu is %#x", i, p[i]);
			break;
		}
	if (mdwe)
		((void (*)(void))(void *)p)();
	return victim_end();
}
