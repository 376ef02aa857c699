// SPDX-License-Identifier: GPL-2.0-or-later
/* Anonymous memory of every kind keeps contents, protection and holes. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include "victim.h"

#define PAGE 4096ul
#define MIB  (1ul << 20)
#define TIB  (1ul << 40)

static sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

static char *map(size_t len, int prot, int flags)
{
	char *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	MUST(p != MAP_FAILED);
	return p;
}

static bool read_faults(volatile char *p)
{
	if (sigsetjmp(fault, 1))
		return true;
	(void)*p;
	return false;
}

static bool write_faults(volatile char *p)
{
	if (sigsetjmp(fault, 1))
		return true;
	*p = 1;
	return false;
}

int main(int argc, char **argv)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	struct sigaction act = {.sa_handler = on_fault};
	char *full, *holes, *zeros, *reserved, *constant, *exec, *hidden, *locked, *wiped, *island;
	const size_t nholes = 4096;
	long at;

	MUST(argc > 1);
	sigaction(SIGSEGV, &act, NULL);

	full = map(8 * MIB, PROT_READ | PROT_WRITE, 0);
	victim_fill(full, 8 * MIB, 1);
	holes = map(nholes * PAGE, PROT_READ | PROT_WRITE, 0);
	for (size_t i = 0; i < nholes; i += 7)
		victim_fill(holes + i * PAGE, PAGE, i);
	zeros = map(MIB, PROT_READ | PROT_WRITE, 0);
	memset(zeros, 0, MIB / 2); /* anonymous pages of zeros */
	for (size_t i = MIB / 2; i < MIB; i += PAGE)
		MUST(*(volatile char *)(zeros + i) == 0); /* the zero page */
	reserved = map(4 * TIB, PROT_NONE, MAP_NORESERVE);
	island = reserved + 3 * TIB;
	MUST(mprotect(island, 16 * PAGE, PROT_READ | PROT_WRITE) == 0);
	victim_fill(island, 16 * PAGE, 2);
	constant = map(MIB, PROT_READ | PROT_WRITE, 0);
	victim_fill(constant, MIB, 3);
	MUST(mprotect(constant, MIB, PROT_READ) == 0);
	exec = map(PAGE, PROT_READ | PROT_WRITE, 0);
	memcpy(exec, code, sizeof(code));
	MUST(mprotect(exec, PAGE, PROT_READ | PROT_EXEC) == 0);
	hidden = map(64 * PAGE, PROT_READ | PROT_WRITE, 0);
	victim_fill(hidden, 64 * PAGE, 4);
	MUST(mprotect(hidden, 64 * PAGE, PROT_NONE) == 0);
	locked = map(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	victim_fill(locked, 16 * PAGE, 5);
	if (mlock(locked, 16 * PAGE) != 0)
		dprintf(1, "note: no mlock\n");
	wiped = map(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	victim_fill(wiped, 16 * PAGE, 6);
	MUST(madvise(wiped, 4 * PAGE, MADV_DONTFORK) == 0);
	MUST(madvise(wiped + 4 * PAGE, 4 * PAGE, MADV_WIPEONFORK) == 0);
	MUST(madvise(wiped + 8 * PAGE, 4 * PAGE, MADV_DONTDUMP) == 0);
	madvise(wiped + 12 * PAGE, 2 * PAGE, MADV_NOHUGEPAGE);

	victim_ready();
	victim_wait(argv[1]);

	at = victim_differs(full, 8 * MIB, 1);
	CHECK(at < 0, "full differs at %#lx", at);
	for (size_t i = 0; i < nholes; i++) {
		if (i % 7 == 0)
			CHECK(victim_differs(holes + i * PAGE, PAGE, i) < 0, "page %zu differs", i);
		else
			CHECK(victim_is_zero(holes + i * PAGE, PAGE), "hole %zu is not zero", i);
	}
	CHECK(victim_is_zero(zeros, MIB), "zeros are not zero");
	CHECK(victim_differs(island, 16 * PAGE, 2) < 0, "island differs");
	CHECK(read_faults(reserved), "reservation is readable");
	CHECK(read_faults(island - 1), "below the island is readable");
	CHECK(read_faults(reserved + 4 * TIB - 1), "the reservation's end is readable");
	CHECK(victim_differs(constant, MIB, 3) < 0, "constant differs");
	CHECK(write_faults(constant + 5000), "constant is writable");
	CHECK(((int (*)(void))exec)() == 42, "code does not run");
	CHECK(read_faults(hidden), "hidden is readable");
	CHECK(mprotect(hidden, 64 * PAGE, PROT_READ) == 0, "hidden: mprotect: %m");
	CHECK(victim_differs(hidden, 64 * PAGE, 4) < 0, "hidden differs");
	CHECK(victim_differs(locked, 16 * PAGE, 5) < 0, "locked differs");
	CHECK(victim_differs(wiped, 16 * PAGE, 6) < 0, "wiped differs");
	CHECK(!write_faults(full) && !write_faults(holes + PAGE), "not writable any more");
	CHECK(mprotect(reserved, 16 * PAGE, PROT_READ | PROT_WRITE) == 0, "reservation: %m");
	CHECK(!write_faults(reserved), "reservation can't be used");
	return victim_end();
}
