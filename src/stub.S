/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The self-restoring stub: runs one system call inside a frozen task and, if nobody stops it
 * afterwards because the tracer is gone, puts every register and the signal mask back and
 * continues the task where it was. No int3 and no sigreturn: see docs/remote.md.
 *
 * Copied into the task; position-independent. The slots lie in the order of struct
 * user_regs_struct (first 15), then rip, eflags, rsp and the signal mask; remote.c fills them.
 */
	.section .rodata
	.balign 16
	.globl ckpt_stub_start, ckpt_stub_sldt, ckpt_stub_entry, ckpt_stub_masked, ckpt_stub_slots, ckpt_stub_end
ckpt_stub_start:
	.ascii	"ckptstub"
ckpt_stub_sldt:
	sldt	%rbx
ckpt_stub_entry:
	syscall
	/* the mask first: a signal that waited gets its handler, and the handler returns here */
	mov	$14, %eax		/* rt_sigprocmask */
	mov	$2, %edi		/* SIG_SETMASK */
	lea	mask(%rip), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	syscall
ckpt_stub_masked:
	mov	ckpt_stub_slots+0(%rip), %r15
	mov	ckpt_stub_slots+8(%rip), %r14
	mov	ckpt_stub_slots+16(%rip), %r13
	mov	ckpt_stub_slots+24(%rip), %r12
	mov	ckpt_stub_slots+32(%rip), %rbp
	mov	ckpt_stub_slots+40(%rip), %rbx
	mov	ckpt_stub_slots+48(%rip), %r11
	mov	ckpt_stub_slots+56(%rip), %r10
	mov	ckpt_stub_slots+64(%rip), %r9
	mov	ckpt_stub_slots+72(%rip), %r8
	mov	ckpt_stub_slots+80(%rip), %rax
	mov	ckpt_stub_slots+88(%rip), %rcx
	mov	ckpt_stub_slots+96(%rip), %rdx
	mov	ckpt_stub_slots+104(%rip), %rsi
	mov	ckpt_stub_slots+112(%rip), %rdi
	lea	-136(%rsp), %rsp	/* below the red zone */
	pushq	flags(%rip)
	popfq
	mov	stack(%rip), %rsp
	jmp	*target(%rip)
	.balign 8
ckpt_stub_slots:
	.fill	15, 8, 0
target:	.quad	0
flags:	.quad	0
stack:	.quad	0
mask:	.quad	0
ckpt_stub_end:
	.section .note.GNU-stack, "", @progbits
