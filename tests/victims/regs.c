// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every register a program has: it fills all general registers and an xsave image of every
 * enabled component, spins in user mode until SIGUSR1 sets a flag, and compares.
 * argv[2] == "amx": with the tile registers, which must be asked for.
 */
#include <cpuid.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "victim.h"

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XTILE_CFG	    17
#define XTILE_DATA	    18

unsigned char regs_image[16384] __attribute__((aligned(64)));
unsigned char regs_result[16384] __attribute__((aligned(64)));
uint64_t regs_mask;
volatile uint32_t regs_go;
uint64_t regs_gp[16]; /* rax rbx rcx rdx rsi rdi rbp r8..r15 flags */
void regs_spin(void);

asm(".text\n"
    "regs_spin:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov regs_mask(%rip), %rax\n"
    "	mov %rax, %rdx\n"
    "	shr $32, %rdx\n"
    "	xrstor64 regs_image(%rip)\n"
    "	mov $0x1111111111111101, %rax\n"
    "	mov $0x1111111111111102, %rbx\n"
    "	mov $0x1111111111111103, %rcx\n"
    "	mov $0x1111111111111104, %rdx\n"
    "	mov $0x1111111111111105, %rsi\n"
    "	mov $0x1111111111111106, %rdi\n"
    "	mov $0x1111111111111107, %rbp\n"
    "	mov $0x1111111111111108, %r8\n"
    "	mov $0x1111111111111109, %r9\n"
    "	mov $0x111111111111110a, %r10\n"
    "	mov $0x111111111111110b, %r11\n"
    "	mov $0x111111111111110c, %r12\n"
    "	mov $0x111111111111110d, %r13\n"
    "	mov $0x111111111111110e, %r14\n"
    "	mov $0x111111111111110f, %r15\n"
    "	std\n"
    "1:	pause\n"
    "	cmpl $0, regs_go(%rip)\n"
    "	je 1b\n"
    "	mov %rax, regs_gp+0(%rip)\n"
    "	mov %rbx, regs_gp+8(%rip)\n"
    "	mov %rcx, regs_gp+16(%rip)\n"
    "	mov %rdx, regs_gp+24(%rip)\n"
    "	mov %rsi, regs_gp+32(%rip)\n"
    "	mov %rdi, regs_gp+40(%rip)\n"
    "	mov %rbp, regs_gp+48(%rip)\n"
    "	mov %r8, regs_gp+56(%rip)\n"
    "	mov %r9, regs_gp+64(%rip)\n"
    "	mov %r10, regs_gp+72(%rip)\n"
    "	mov %r11, regs_gp+80(%rip)\n"
    "	mov %r12, regs_gp+88(%rip)\n"
    "	mov %r13, regs_gp+96(%rip)\n"
    "	mov %r14, regs_gp+104(%rip)\n"
    "	mov %r15, regs_gp+112(%rip)\n"
    "	pushfq\n"
    "	popq regs_gp+120(%rip)\n"
    "	cld\n"
    "	mov regs_mask(%rip), %rax\n"
    "	mov %rax, %rdx\n"
    "	shr $32, %rdx\n"
    "	xsave64 regs_result(%rip)\n"
    "	fninit\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n");

static const char *go;

static void on_usr1(int sig)
{
	(void)sig;
	regs_go = access(go, F_OK) == 0;
}

static void component(int i, unsigned int *off, unsigned int *size)
{
	unsigned int ecx, edx;

	__cpuid_count(0xd, i, *size, *off, ecx, edx);
}

static void fill_image(void)
{
	unsigned int off, size;

	victim_fill(regs_image + 32, 16 * 8 + 16 * 16, 1); /* x87 stack, xmm */
	regs_image[0] = 0x7f;				   /* fcw: 53 bits, round down */
	regs_image[1] = 0x06;
	regs_image[4] = 0xff;			 /* abridged ftw: all in use */
	*(uint32_t *)(regs_image + 24) = 0x3fc0; /* mxcsr: round down, daz, all masked */
	for (int i = 2; i < 63; i++) {
		if (!(regs_mask >> i & 1) || i == 9)
			continue;
		component(i, &off, &size);
		if (off + size > sizeof(regs_image))
			continue;
		victim_fill(regs_image + off, size, i);
	}
	if (regs_mask >> 9 & 1) { /* protection keys: close key 15, which nobody uses */
		component(9, &off, &size);
		memset(regs_image + off, 0, size);
		*(uint32_t *)(regs_image + off) = 0xc0000000;
	}
	if (regs_mask >> XTILE_CFG & 1) {
		component(XTILE_CFG, &off, &size);
		memset(regs_image + off, 0, size);
		regs_image[off] = 1; /* palette 1 */
		for (int t = 0; t < 8; t++) {
			*(uint16_t *)(regs_image + off + 16 + 2 * t) = 64;
			regs_image[off + 48 + t] = 16;
		}
	}
	memset(regs_image + 512, 0, 64);
	*(uint64_t *)(regs_image + 512) = regs_mask;
}

static void compare(void)
{
	unsigned int off, size;

	for (uint64_t i = 0; i < 15; i++)
		CHECK(regs_gp[i] == 0x1111111111111101 + i, "general register %d is %#lx", (int)i,
		      regs_gp[i]);
	CHECK(regs_gp[15] & 0x400, "the direction flag is clear");
	CHECK(memcmp(regs_image, regs_result, 2) == 0, "x87 control word differs");
	CHECK(regs_result[4] == 0xff, "x87 tag word differs");
	CHECK(memcmp(regs_image + 24, regs_result + 24, 4) == 0, "mxcsr differs");
	for (int i = 0; i < 8; i++)
		CHECK(memcmp(regs_image + 32 + 16 * i, regs_result + 32 + 16 * i, 10) == 0,
		      "st(%d) differs", i);
	CHECK(memcmp(regs_image + 160, regs_result + 160, 256) == 0, "xmm differ");
	for (int i = 2; i < 63; i++) {
		if (!(regs_mask >> i & 1))
			continue;
		component(i, &off, &size);
		if (off + size <= sizeof(regs_image))
			CHECK(memcmp(regs_image + off, regs_result + off, size) == 0,
			      "xsave component %d differs", i);
	}
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_usr1};
	bool amx = argc > 2 && strcmp(argv[2], "amx") == 0;
	unsigned int lo, hi;
	stack_t alt = {.ss_size = 65536};

	MUST(argc > 1);
	go = argv[1];
	alt.ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(alt.ss_sp != MAP_FAILED && sigaltstack(&alt, NULL) == 0);
	act.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &act, NULL);
	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	regs_mask = lo | (uint64_t)hi << 32;
	if (amx) {
		if (!(regs_mask >> XTILE_DATA & 1) ||
		    syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILE_DATA) != 0)
			victim_skip("this machine has no AMX");
	} else {
		regs_mask &= ~(1ull << XTILE_CFG | 1ull << XTILE_DATA);
	}
	fill_image();
	victim_ready();
	regs_spin();
	compare();
	return victim_end();
}
