/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 registers: the kernel's register sets to `cpu` and back.
 *
 * The general registers of struct ckpt_cpu lie as in struct user_regs_struct (sys/user.h), so
 * one copy moves them. The xsave area is the one PTRACE_GETREGSET NT_X86_XSTATE gives
 * (Linux arch/x86/kernel/fpu/regset.c): the uncompacted format of the Intel SDM, volume 1,
 * chapter 13, with the mask of enabled features at byte 464.
 */
#ifndef CKPT_X86_REGS_H
#define CKPT_X86_REGS_H

#include <stdint.h>
#include <sys/user.h>
#include "err.h"
#include "task.h"

#define CKPT_XSAVE_MAX (16 * 1024) /* bytes; AMX needs 11 KiB */

void ckpt_regs_from_user(const struct user_regs_struct *regs, struct ckpt_cpu *cpu);
void ckpt_regs_to_user(const struct ckpt_cpu *cpu, struct user_regs_struct *regs);

/* Keeps the pieces of the area that are not all zero. -ENOMEM. */
int ckpt_xsave_pack(const void *area, size_t size, struct ckpt_cpu *cpu);

/* Lays the pieces out again; area has room for size bytes. -EINVAL when a piece lies outside. */
int ckpt_xsave_unpack(const struct ckpt_cpu *cpu, void *area, size_t size, struct ckpt_err *err);

/* The features of this machine and kernel: XCR0, and a digest of the cpuid leaves that tell a
 * program what it may use (64 hex digits of text at most, NUL-terminated). */
uint64_t ckpt_xsave_mask(void);
void ckpt_cpuid_digest(char out[65]);

/* The state from which the interrupted system call starts again, as the kernel would make it on
 * the way to user mode without a handler (arch/x86/kernel/signal.c, arch_do_signal_or_restart). */
void ckpt_regs_restarted(struct user_regs_struct *regs);

/* arch_prctl(2) codes, arch/x86/include/uapi/asm/prctl.h, Linux 5.16 */
#define CKPT_GET_XCOMP_PERM 0x1022
#define CKPT_REQ_XCOMP_PERM 0x1023

/* Kernel-internal results a stopped task may show in rax (include/linux/errno.h). */
#define CKPT_ERESTARTSYS	   512
#define CKPT_ERESTARTNOINTR	   513
#define CKPT_ERESTARTNOHAND	   514
#define CKPT_ERESTART_RESTARTBLOCK 516

#endif
