/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The self-restoring stub: runs one system call inside a frozen task and, if nobody stops it
 * afterwards because the tracer is gone, puts every register and the signal mask back and
 * continues the task where it was, whatever code segment that is. No int3, no sigreturn, and no
 * stack of the task where there is another way: see docs/remote.md.
 *
 * Copied into the task, which may not write it; position-independent; runs as 64-bit code. The
 * slots lie as struct stub_slots in remote.c, which fills them.
 */
	.section .rodata
	.balign 16
	.globl ckpt_stub_start, ckpt_stub_sldt, ckpt_stub_entry, ckpt_stub_masked, ckpt_stub_near
	.globl ckpt_stub_far, ckpt_stub_step, ckpt_stub_frame, ckpt_stub_slots, ckpt_stub_end
ckpt_stub_start:
	.ascii	"ckptstub"
ckpt_stub_sldt:
	sldt	%rbx
ckpt_stub_entry:
	syscall
	/* All signals are blocked: nothing is written to where rsp points. */
	lea	ckpt_stub_slots(%rip), %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r9
	pop	%r8
	popfq				/* no instruction below changes a flag */
	pop	%rsp
	mov	$14, %eax		/* rt_sigprocmask */
	mov	$2, %edi		/* SIG_SETMASK */
	lea	mask(%rip), %rsi
	mov	$0, %edx
	mov	$8, %r10d
	syscall
ckpt_stub_masked:
	/* A signal that waited gets its handler here, on the task's own stack, and returns here. */
	lea	rest(%rip), %rdi
	mov	(%rdi), %r11
	mov	8(%rdi), %r10
	mov	16(%rdi), %rax
	mov	24(%rdi), %rcx
	mov	32(%rdi), %rdx
	mov	40(%rdi), %rsi
	mov	48(%rdi), %rdi
	jmp	*exit(%rip)

/* To 64-bit code. */
ckpt_stub_near:
	mov	ss(%rip), %ss
	jmp	*rip(%rip)
/* To other code: below 4 GiB always. Nothing comes between the load of ss and the jump, so rsp
 * is never cut to 16 bits on the way. */
ckpt_stub_far:
	mov	ss(%rip), %ss
	ljmpl	*far(%rip)
/* The trap flag, which would trap here: only iretq traps behind the first instruction there.
 * Below the red zone of a stack that the kernel itself uses for SIGTRAP. */
ckpt_stub_step:
	lea	-128(%rsp), %rsp
	push	ss(%rip)
	push	rsp(%rip)
	push	eflags(%rip)
	push	cs(%rip)
	push	rip(%rip)
	iretq
/* The same where rsp is no address: such a task needs an alternate stack for signals. */
ckpt_stub_frame:
	lea	rip(%rip), %rsp
	iretq

	.balign 8
ckpt_stub_slots:
	.fill	10, 8, 0		/* r15 r14 r13 r12 rbp rbx r9 r8 flags rsp */
rest:	.fill	7, 8, 0			/* r11 r10 rax rcx rdx rsi rdi */
mask:	.quad	0
exit:	.quad	0
far:	.quad	0			/* offset, selector */
rip:	.quad	0
cs:	.quad	0
eflags:	.quad	0
rsp:	.quad	0
ss:	.quad	0
ckpt_stub_end:
	.section .note.GNU-stack, "", @progbits
