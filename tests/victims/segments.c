// SPDX-License-Identifier: GPL-2.0-or-later
/* Thread-local storage, the gs base, TLS descriptors, the LDT and segment registers. */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "victim.h"

static __thread uint64_t local_area[64];
static uint64_t *volatile local; /* what the compiler sees is not a thread-local address */
static uint64_t gs_area[8];

/* set_thread_area(2) and get_thread_area(2) are there for 32-bit callers only. */
static long int80(long nr, struct user_desc *desc)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(desc)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static uint64_t read_gs(void)
{
	uint64_t v;

	asm volatile("movq %%gs:8, %0" : "=r"(v));
	return v;
}

static void set_ldt(unsigned int entry, unsigned int base)
{
	struct user_desc desc = {.entry_number = entry,
				 .base_addr = base,
				 .limit = 0xfffff,
				 .seg_32bit = 1,
				 .limit_in_pages = 1,
				 .useable = 1};

	MUST(syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)) == 0);
}

int main(int argc, char **argv)
{
	unsigned char before[8 * 128], after[8 * 128];
	struct user_desc *tls, *again;
	unsigned long gs = 0;
	long len, len2, have_tls;
	unsigned short es, selector;
	uint64_t *low = NULL;

	MUST(argc > 1);
	local = local_area;
	victim_fill(local, sizeof(local_area), 1);
	MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, gs_area) == 0);
	gs_area[1] = 0x123456789abcdef0;
	MUST(read_gs() == gs_area[1]);
	tls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		   0);
	MUST(tls != MAP_FAILED);
	again = tls + 1;
	*tls = (struct user_desc){.entry_number = 13,
				  .base_addr = 0x1234000,
				  .limit = 0xfff,
				  .seg_32bit = 1,
				  .limit_in_pages = 1,
				  .useable = 1};
	have_tls = int80(243, tls) == 0;
	if (!have_tls)
		dprintf(1, "note: no 32-bit system calls, TLS descriptors not tested\n");
	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	set_ldt(0, 0x10000);
	set_ldt(5, 0);
	set_ldt(100, 0x5000000);
	len = syscall(SYS_modify_ldt, 0, before, sizeof(before));
	MUST(len > 0);
	asm volatile("mov %w0, %%es" : : "r"(5 << 3 | 7));
	if (argc > 2) { /* gs by a selector of the LDT, which has the base */
		low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		MUST(low != MAP_FAILED);
		low[1] = 0x77665544;
		set_ldt(6, (unsigned int)(uintptr_t)low);
		asm volatile("mov %w0, %%gs" : : "r"(6 << 3 | 7));
		MUST(syscall(SYS_modify_ldt, 0, before, sizeof(before)) == len);
	}

	victim_ready();
	victim_wait(argv[1]);

	asm volatile("mov %%es, %w0" : "=r"(es));
	CHECK(es == (5 << 3 | 7), "es is %#x", es);
	len2 = syscall(SYS_modify_ldt, 0, after, sizeof(after));
	CHECK(len2 == len, "the LDT has %ld bytes, not %ld", len2, len);
	for (int i = 0; i < 128; i++) {
		before[8 * i + 5] &= 0xfe; /* the accessed bit is the processor's */
		after[8 * i + 5] &= 0xfe;
		CHECK(memcmp(before + 8 * i, after + 8 * i, 8) == 0, "LDT entry %d differs", i);
	}
	CHECK(victim_differs(local, sizeof(local_area), 1) < 0, "thread-local storage differs");
	CHECK(local == local_area, "thread-local storage is elsewhere");
	if (low) {
		asm volatile("mov %%gs, %w0" : "=r"(selector));
		CHECK(selector == (6 << 3 | 7), "gs is %#x", selector);
		CHECK(read_gs() == 0x77665544, "gs reads something else");
		return victim_end();
	}
	syscall(SYS_arch_prctl, ARCH_GET_GS, &gs);
	CHECK(gs == (unsigned long)gs_area, "gs base is %#lx", gs);
	CHECK(read_gs() == gs_area[1], "gs reads something else");
	if (have_tls) {
		again->entry_number = 13;
		CHECK(int80(244, again) == 0, "get_thread_area");
		CHECK(again->base_addr == 0x1234000 && again->limit == 0xfff,
		      "TLS entry 13 differs");
	}
	return victim_end();
}
