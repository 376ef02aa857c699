// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modes GO KIND [quiet]: most of its time it runs code of another mode, with other segments, as
 * wine and dosemu do: 16- and 32-bit code through the LDT or the 32-bit segment of the kernel, on
 * stacks of the LDT, without a memory access; every register and flag must be what it was when it
 * comes back. step-*: under its own trap flag, and the number of traps is always the same.
 */
#include <asm/ldt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "victim.h"

#define SPIN	   20000000
#define STEPS	   2000
#define TOP	   4096 /* where the state lies behind the code */
#define LDT(entry) ((entry) << 3 | 7)

/* At TOP bytes behind the code; the assembler below knows the offsets. */
struct state {
	uint64_t gp[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8..r15 */
	uint64_t flags, ss, home;
	uint32_t offset;
	uint16_t selector;
};

extern char modes_code[], modes_enter[], modes_spin16[], modes_spin32[], modes_spin64[],
	modes_back16[], modes_back32[], modes_back64[], modes_end[];

/* clang-format off */
asm(".text\n"
    "modes_code:\n"
    ".set S, modes_code + 4096\n"
    "modes_enter:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov %rsp, S+144(%rip)\n"
    "	pushq S+128(%rip); popfq\n"
    "	mov S+0(%rip), %rax; mov S+8(%rip), %rbx; mov S+16(%rip), %rcx; mov S+24(%rip), %rdx\n"
    "	mov S+32(%rip), %rsi; mov S+40(%rip), %rdi; mov S+48(%rip), %rbp\n"
    "	mov S+64(%rip), %r8; mov S+72(%rip), %r9; mov S+80(%rip), %r10; mov S+88(%rip), %r11\n"
    "	mov S+96(%rip), %r12; mov S+104(%rip), %r13; mov S+112(%rip), %r14; mov S+120(%rip), %r15\n"
    "	mov S+56(%rip), %rsp\n"
    "	mov S+136(%rip), %ss\n"
    "	ljmpl *S+152(%rip)\n"
    "modes_spin64:\n"
    "1:	loop 1b\n"
    "modes_back64:\n"
    "	mov %rax, S+0(%rip); mov %rbx, S+8(%rip); mov %rcx, S+16(%rip); mov %rdx, S+24(%rip)\n"
    "	mov %rsi, S+32(%rip); mov %rdi, S+40(%rip); mov %rbp, S+48(%rip); mov %rsp, S+56(%rip)\n"
    "	mov %r8, S+64(%rip); mov %r9, S+72(%rip); mov %r10, S+80(%rip); mov %r11, S+88(%rip)\n"
    "	mov %r12, S+96(%rip); mov %r13, S+104(%rip); mov %r14, S+112(%rip); mov %r15, S+120(%rip)\n"
    "	mov %ss, S+136(%rip)\n"
    "	mov $0x2b, %eax; mov %eax, %ss\n"
    "	mov S+144(%rip), %rsp\n"
    "	pushfq; popq S+128(%rip)\n"
    "	pushq $0x202; popfq\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n"
    ".code32\n"
    "modes_spin32:\n"
    "1:	loop 1b\n"
    "	.byte 0xea\n"
    "modes_back32: .long 0; .word 0x33\n"
    ".code16\n"
    "modes_spin16:\n"
    "1:	addr32 loop 1b\n"
    "	.byte 0x66, 0xea\n"
    "modes_back16: .long 0; .word 0x33\n"
    ".code64\n"
    "modes_end:\n");
/* clang-format on */

static volatile sig_atomic_t alarms;
static volatile unsigned long traps;

static void on_trap(int sig)
{
	(void)sig;
	traps++;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void set_ldt(unsigned int entry, const void *base, bool wide, bool code)
{
	struct user_desc desc = {.entry_number = entry,
				 .base_addr = (unsigned int)(uintptr_t)base,
				 .limit = wide ? 0xfffff : 0xffff,
				 .seg_32bit = wide,
				 .limit_in_pages = wide,
				 .contents = code ? 2 : 0,
				 .useable = 1};

	MUST(syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)) == 0);
}

/* Where KIND spins, with which segments; far is relative to the LDT's base or to 0. */
static const struct kind {
	const char *name, *spin;
	uint16_t cs, ss;
	bool step;
} kinds[] = {
	/* clang-format off */
	{"code16", modes_spin16, LDT(0), 0x2b, false},
	{"code32", modes_spin32, LDT(1), 0x2b, false},
	{"stack16", modes_spin16, LDT(0), LDT(2), false},
	{"stack32", modes_spin32, LDT(1), LDT(3), false},
	{"compat", modes_spin32, 0x23, 0x2b, false},
	{"compat-stack16", modes_spin32, 0x23, LDT(2), false},
	{"stack-of-64", modes_spin64, 0x33, LDT(3), false},
	{"step-code32", modes_spin32, LDT(1), 0x2b, true},
	{"step-stack32", modes_spin32, LDT(1), LDT(3), true},
	{NULL, NULL, 0, 0, false},
	/* clang-format on */
};

static void load(struct state *s, const struct kind *k, char *low)
{
	for (uint64_t i = 0; i < 16; i++)
		s->gp[i] = 0x2222000011110000 + i;
	s->gp[2] = k->step ? STEPS : SPIN;
	s->gp[7] = 0xa5a50000 + (k->ss & 4 ? 0x5a8 : 0x5a0); /* nothing is there */
	/* id, overflow, direction, sign, zero, carry; trap */
	s->flags = k->step ? 0x200dc3 : 0x200cc3;
	s->ss = k->ss;
	s->selector = k->cs;
	s->offset = (uint32_t)(k->spin - modes_code);
	if (!(k->cs & 4))
		s->offset += (uint32_t)(uintptr_t)low;
}

/* The upper half of rsp is nobody's where the stack segment has 16 bits. */
static void compare(const struct state *s, const struct state *want)
{
	for (int i = 0; i < 16; i++)
		if (i == 7)
			CHECK((uint32_t)s->gp[i] == (uint32_t)want->gp[i], "esp is %#lx", s->gp[i]);
		else
			CHECK(s->gp[i] == want->gp[i], "register %d is %#lx", i, s->gp[i]);
	CHECK((s->flags & 0x200cd5) == (want->flags & 0x200cd5), "the flags are %#lx", s->flags);
	CHECK((uint16_t)s->ss == (uint16_t)want->ss, "ss is %#lx", s->ss);
}

static char *setup(void)
{
	uint32_t back;
	char *low = mmap(NULL, TOP + 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	MUST(low != MAP_FAILED);
	memcpy(low, modes_code, (size_t)(modes_end - modes_code));
	back = (uint32_t)(uintptr_t)low + (uint32_t)(modes_back64 - modes_code);
	memcpy(low + (modes_back32 - modes_code), &back, 4);
	memcpy(low + (modes_back16 - modes_code), &back, 4);
	MUST(mprotect(low, TOP, PROT_READ | PROT_EXEC) == 0);
	set_ldt(0, low, false, true);
	set_ldt(1, low, true, true);
	set_ldt(2, low, false, false);
	set_ldt(3, low, true, false);
	return low;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK};
	struct itimerval tick = {{0, 37000}, {0, 37000}};
	stack_t alt = {.ss_size = 65536};
	const struct kind *k = kinds;
	struct state *s, want;
	unsigned long all;
	void (*enter)(void);
	char *low;

	MUST(argc >= 3);
	while (k->name && strcmp(k->name, argv[2]) != 0)
		k++;
	MUST(k->name);
	alt.ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(alt.ss_sp != MAP_FAILED && sigaltstack(&alt, NULL) == 0);
	low = setup();
	s = (struct state *)(low + TOP);
	memcpy(&enter, &low, sizeof(enter));
	act.sa_handler = on_trap;
	sigaction(SIGTRAP, &act, NULL);
	act.sa_handler = on_alarm;
	load(s, k, low);
	want = *s;
	want.gp[2] = 0;
	enter();
	compare(s, &want);
	all = traps;
	MUST(!k->step || all > STEPS);
	if (victim_failures)
		victim_skip("this machine does not keep the registers of such code by itself");
	sigaction(SIGALRM, &act, NULL);
	MUST(argc > 3 || setitimer(ITIMER_REAL, &tick, NULL) == 0);
	victim_ready();
	do {
		load(s, k, low);
		traps = 0;
		enter();
		compare(s, &want);
		CHECK(traps == all, "%lu traps, not %lu", traps, all);
	} while (access(argv[1], F_OK) != 0 && victim_failures < 20);
	CHECK(argc > 3 || alarms > 0, "no alarm came");
	return victim_end();
}
