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

#define CKPT_XSAVE_FIXED 576	     /* bytes: x87, SSE and the header lie there on every CPU */
#define CKPT_XSAVE_MAX	 (16 * 1024) /* bytes; AMX needs 11 KiB */

void ckpt_regs_from_user(const struct user_regs_struct *regs, struct ckpt_cpu *cpu);
void ckpt_regs_to_user(const struct ckpt_cpu *cpu, struct user_regs_struct *regs);

/* Keeps the pieces of the area that are not all zero. -ENOMEM. */
int ckpt_xsave_pack(const void *area, size_t size, struct ckpt_cpu *cpu);

/* Lays the pieces out as this CPU has them; area has room for size bytes. -ENOTSUP: a component
 * that is in use is another one here. The codec has checked that all lie within the area. */
int ckpt_xsave_unpack(const struct ckpt_cpu *cpu, void *area, size_t size, struct ckpt_err *err);

/* Whether a program can have these registers, and with this task's LDT and TLS entries these
 * segments: -EINVAL names the one. */
int ckpt_regs_check(const struct ckpt_task *task, struct ckpt_err *err);
/* Whether this CPU takes mxcsr and the state components in use. */
int ckpt_xsave_check(const struct ckpt_cpu *cpu, struct ckpt_err *err);

bool ckpt_cpu_has_la57(void);

/* The features of this machine and kernel: XCR0, and a digest of the cpuid leaves that tell a
 * program what it may use (64 hex digits of text at most, NUL-terminated). */
uint64_t ckpt_xsave_mask(void);
void ckpt_cpuid_digest(char out[65]);

/* Whether the system call that the task is in came by int $0x80, or by the 32-bit fast entries,
 * behind which the kernel puts rip after such an instruction in the vdso
 * (arch/x86/entry/syscall_32.c, do_fast_syscall_32). It has the numbers of i386 then. mem_fd: the
 * task's memory. */
bool ckpt_regs_call_compat(const struct user_regs_struct *regs, int mem_fd);
bool ckpt_cpu_call_compat(const struct ckpt_cpu *cpu, int mem_fd);

/* Whether that call is restart_syscall(2). */
bool ckpt_cpu_is_restart(const struct ckpt_cpu *cpu, int mem_fd);

/* The state from which the interrupted system call starts again, as the kernel would make it on
 * the way to user mode without a handler (arch/x86/kernel/signal.c, arch_do_signal_or_restart). */
void ckpt_regs_restarted(struct user_regs_struct *regs, bool compat);

/* Selectors of 64-bit user code, of 32-bit user code and of their stack,
 * arch/x86/include/asm/segment.h */
#define CKPT_CS_64	  0x33
#define CKPT_CS_32	  0x23
#define CKPT_SS_FLAT	  0x2b
#define CKPT_EFLAGS_TF	  0x100ull
#define CKPT_EFLAGS_NT	  0x4000ull
#define CKPT_EFLAGS_ID	  0x200000ull
#define CKPT_EFLAGS_PLAIN 0x202 /* interrupts are on, and a bit that is always set */

/* arch_prctl(2) codes, arch/x86/include/uapi/asm/prctl.h, Linux 5.16 */
#define CKPT_GET_XCOMP_PERM 0x1022
#define CKPT_REQ_XCOMP_PERM 0x1023

/* Kernel-internal results a stopped task may show in rax (include/linux/errno.h). */
#define CKPT_ERESTARTSYS	   512
#define CKPT_ERESTARTNOINTR	   513
#define CKPT_ERESTARTNOHAND	   514
#define CKPT_ERESTART_RESTARTBLOCK 516

#endif
