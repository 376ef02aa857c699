// SPDX-License-Identifier: GPL-2.0-or-later
/* Protection keys: which are allocated, what they allow, memory that can only be executed. */
#include <sys/mman.h>
#include "layout.h"

#define PAGE	  4096ul
#define PKUERR	  4 /* SEGV_PKUERR */
#define NO_ACCESS 1
#define NO_WRITE  2

static struct layout was, is;

static void check_fault(int sig, int key, const char *what)
{
	CHECK(sig == SIGSEGV && layout_info.si_code == PKUERR && (int)layout_info.si_pkey == key,
	      "%s: signal %d code %d key %d, not %d", what, sig, layout_info.si_code,
	      (int)layout_info.si_pkey, key);
}

int main(int argc, char **argv)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	int hidden_key, constant_key, free_key, again;
	char *hidden, *constant, *exec;

	MUST(argc > 1);
	hidden_key = pkey_alloc(0, 0);
	if (hidden_key < 0)
		victim_skip("this machine has no protection keys");
	free_key = pkey_alloc(0, 0);
	constant_key = pkey_alloc(0, 0);
	MUST(free_key > 0 && constant_key > 0);
	hidden = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	exec = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(hidden != MAP_FAILED && constant != MAP_FAILED && exec != MAP_FAILED);
	victim_fill(hidden, 2 * PAGE, 1);
	victim_fill(constant, PAGE, 2);
	memcpy(exec, code, sizeof(code));
	MUST(pkey_mprotect(hidden, 2 * PAGE, PROT_READ | PROT_WRITE, hidden_key) == 0);
	MUST(pkey_mprotect(constant, PAGE, PROT_READ | PROT_WRITE, constant_key) == 0);
	MUST(mprotect(exec, PAGE, PROT_EXEC) == 0);
	MUST(pkey_set(hidden_key, NO_ACCESS) == 0 && pkey_set(constant_key, NO_WRITE) == 0);
	MUST(pkey_free(free_key) == 0);

	layout_catch();
	layout_see(&was);
	layout_see(&was);
	victim_ready();
	victim_wait(argv[1]);
	layout_see(&is);
	layout_compare(&was, &is);

	check_fault(layout_read(hidden), hidden_key, "hidden");
	CHECK(victim_differs(constant, PAGE, 2) < 0, "constant differs");
	check_fault(layout_write(constant, 1), constant_key, "constant");
	CHECK(((int (*)(void))exec)() == 42, "code does not run");
	CHECK(layout_read(exec) == SIGSEGV, "code can be read");
	CHECK(pkey_get(hidden_key) == NO_ACCESS, "rights of hidden: %d", pkey_get(hidden_key));
	MUST(pkey_set(hidden_key, 0) == 0);
	CHECK(victim_differs(hidden, 2 * PAGE, 1) < 0, "hidden differs");
	again = pkey_alloc(0, 0);
	CHECK(again == free_key, "the next key is %d, was to be %d", again, free_key);
	CHECK(pkey_free(hidden_key) == 0 && pkey_free(constant_key) == 0, "pkey_free: %m");
	return victim_end();
}
