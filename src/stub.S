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
	.globl ckpt_stub_away_sldt, ckpt_stub_away, ckpt_stub_home, ckpt_stub_wait
	.globl ckpt_stub_away_end
ckpt_stub_start:
	.ascii	"ckptstub"
ckpt_stub_sldt:
	sldt	%rbx
ckpt_stub_entry:
	syscall
restore:
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

/*
 * Only for a task that was moved out of its frozen control group (outing.h), which must not run
 * there: it moves itself home and is frozen at the end of that write(2). Without a descriptor for
 * it, it waits until somebody has done it and clears the word. No sleep but pselect6, which leaves
 * alone what the kernel remembers for restart_syscall.
 */
ckpt_stub_away_sldt:
	sldt	%rbx
ckpt_stub_away:
	syscall
	mov	ckpt_stub_home(%rip), %rbp
	xor	%r12d, %r12d
	test	%rbp, %rbp
	jz	1f
	mov	$1, %eax		/* write */
	mov	(%rbp), %edi
	lea	self(%rip), %rsi
	mov	$1, %edx
	syscall
	mov	%eax, %r12d
	mov	$3, %eax		/* close */
	mov	(%rbp), %edi
	syscall
	mov	$3, %eax
	mov	8(%rbp), %edi
	syscall
	mov	$3, %eax
	mov	12(%rbp), %edi
	syscall
1:
	mov	$100, %ebx
2:	dec	%r12d			/* 1: it is home */
	jz	restore
	cmpl	$0, ckpt_stub_wait(%rip)
	je	restore
	xor	%r12d, %r12d
	mov	$270, %eax		/* pselect6: 100 ms */
	xor	%edi, %edi
	xor	%esi, %esi
	xor	%edx, %edx
	xor	%r10d, %r10d
	lea	pause(%rip), %r8
	xor	%r9d, %r9d
	syscall
	dec	%ebx
	jnz	2b
	jmp	restore
	.balign 8
pause:	.quad	0, 100000000
/* Where it finds the descriptor, and behind it two more to close (struct way_home in way_home.c) */
ckpt_stub_home:
	.quad	0
self:	.long	'0'
ckpt_stub_wait:
	.long	0
ckpt_stub_away_end:
	.section .note.GNU-stack, "", @progbits
