// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers of a change in place. General registers and flags come from the second stub, the FPU
 * state from XRSTOR at the end of the program; what only system calls set is a step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "apply_int.h"
#include "x86_regs.h"

#define TASK_SIZE_MAX ((1ull << 47) - CKPT_PAGE_SIZE) /* arch/x86/include/asm/page_64_types.h */
#define AMX_TILES     (3ull << 17)
#define SET_GS	      0x1001 /* arch_prctl(2) */
#define SET_FS	      0x1002
/* Intel SDM, volume 1, 13.4: the legacy region and the header of an xsave area */
#define AT_MXCSR      24
#define AT_MXCSR_MASK 28
#define AT_HEADER     512

uint64_t ckpt_apply_xmask(const struct ckpt_apply *a)
{
	uint64_t mask = ckpt_xsave_mask();

	/* who has not asked for the tiles may not load them */
	return a->want->cpu.xcomp_perm & AMX_TILES ? mask : mask & ~AMX_TILES;
}

/* XRSTOR faults where PTRACE_SETREGSET would say EINVAL. */
static int check_xsave(struct ckpt_apply *a)
{
	const struct ckpt_cpu *cpu = &a->want->cpu;
	uint8_t area[CKPT_XSAVE_MAX] = {0}, zero[56] = {0};
	uint32_t mxcsr, mask;
	uint64_t bv;
	int ret;

	if (!ckpt_codec_differs(&ckpt_cpu_codec, &a->old->cpu, cpu, "xsave"))
		return 0;
	if (cpu->xsave_size < AT_HEADER + 64)
		return ckpt_fail(a->err, ENOTSUP, "cpu: xsave_size: a CPU without XSAVE");
	ret = ckpt_xsave_unpack(cpu, area, cpu->xsave_size, a->err);
	if (ret)
		return ret;
	memcpy(&mxcsr, area + AT_MXCSR, 4);
	memcpy(&mask, area + AT_MXCSR_MASK, 4);
	memcpy(&bv, area + AT_HEADER, 8);
	if (mxcsr & ~(mask ? mask : 0xffbfu))
		return ckpt_fail(a->err, EINVAL, "cpu: xsave: mxcsr 0x%x has bits that must be 0",
				 mxcsr);
	if (bv & ~ckpt_apply_xmask(a) || memcmp(area + AT_HEADER + 8, zero, sizeof(zero)) != 0)
		return ckpt_fail(a->err, EINVAL,
				 "cpu: xsave: its header is not one that this machine takes");
	return 0;
}

static int check_regs(struct ckpt_apply *a)
{
	const struct ckpt_cpu *old = &a->old->cpu, *want = &a->want->cpu;

	if (want->fs_base >= TASK_SIZE_MAX || want->gs_base >= TASK_SIZE_MAX)
		return ckpt_fail(a->err, EINVAL, "cpu: fs_base or gs_base is no address of a task");
	if (want->xcomp_perm & ~old->xcomp_perm)
		return ckpt_fail(a->err, ENOTSUP,
				 "cpu: xcomp_perm: a feature is asked for once, in no other state");
	return 0;
}

int ckpt_apply_cpu_check(struct ckpt_apply *a)
{
	const struct ckpt_cpu *old = &a->old->cpu, *want = &a->want->cpu;
	int ret = check_regs(a);

	if (!ret)
		ret = check_xsave(a);
	a->same_cpu = !ckpt_codec_differs(&ckpt_cpu_codec, old, want, NULL);
	/* the call that the kernel remembers: where it is from, what it asked for, the time left */
	a->same_wait = want->restart == old->restart && want->restart_left == old->restart_left &&
		       want->orig_rax == old->orig_rax && want->rip == old->rip &&
		       want->rsp == old->rsp && want->rdi == old->rdi && want->rsi == old->rsi &&
		       want->rdx == old->rdx && want->r10 == old->r10 && want->rax == old->rax;
	return ret;
}

int ckpt_apply_cpu(struct ckpt_apply *a)
{
	const struct ckpt_cpu *old = &a->old->cpu, *want = &a->want->cpu;

	if (want->fs_base != old->fs_base)
		ckpt_step(a, "cpu: fs_base", 0, SYS_arch_prctl, SET_FS, want->fs_base);
	if (want->gs_base != old->gs_base)
		ckpt_step(a, "cpu: gs_base", 0, SYS_arch_prctl, SET_GS, want->gs_base);
	return 0;
}
