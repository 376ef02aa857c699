/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A system call that is made again with the time, or the bytes, that are left: runs it with other
 * arguments than the program's own, then puts the program's registers back but for the result,
 * and goes on behind the program's own system call. See docs/restart.md.
 *
 * Copied into the task, which may not write it; position-independent. The slots lie as struct
 * again_slots in again.c, which fills them and sets rsp to the frame (below the red zone) and r12
 * to the bytes that were already moved. Both stay so until the result is final.
 */
	.section .rodata
	.balign 16
	.globl ckpt_again_start, ckpt_again_entry, ckpt_again_after, ckpt_again_final
	.globl ckpt_again_polled, ckpt_again_called, ckpt_again_slots, ckpt_again_end

	.set	NOW, 16			/* in the frame: timespec at 0 */
	.set	TOKEN, 32
	.set	POLLFD, 40

ckpt_again_start:
	.ascii	"ckptagin"
/* The kernel sets rip back by two bytes and comes here when no handler interrupted the call. */
ckpt_again_entry:
	jmp	begin
ckpt_again_after:
	jmp	finish

begin:
	mov	%rsp, %r13
	mov	format(%rip), %r14d
	test	%r14d, %r14d
	jz	call
	mov	$228, %eax		/* clock_gettime */
	mov	$1, %edi		/* CLOCK_MONOTONIC */
	lea	NOW(%rsp), %rsi
	syscall
	imul	$1000000000, NOW(%rsp), %rax
	add	NOW+8(%rsp), %rax
	mov	deadline(%rip), %rbx
	xor	%ecx, %ecx
	sub	%rax, %rbx
	cmovl	%rcx, %rbx		/* ns left */
	mov	%rbx, %rax
	xor	%edx, %edx
	mov	$1000000000, %ecx
	div	%rcx
	mov	%rax, (%rsp)
	mov	%rdx, %rax
	xor	%edx, %edx
	mov	unit(%rip), %ecx	/* timespec: 1, timeval: 1000 */
	div	%rcx
	mov	%rax, 8(%rsp)
	lea	999999(%rbx), %rax
	xor	%edx, %edx
	mov	$1000000, %ecx
	div	%rcx			/* milliseconds, rounded up */
	cmp	$1, %r14d		/* AGAIN_MS */
	cmove	%rax, %r13
	cmp	$3, %r14d		/* AGAIN_SOCKET: its time-out is not an argument */
	jne	call
	mov	rdi(%rip), %ecx
	mov	%ecx, POLLFD(%rsp)
	mov	events(%rip), %ecx
	mov	%ecx, POLLFD+4(%rsp)
	mov	%eax, %edx
	lea	POLLFD(%rsp), %rdi
	mov	$1, %esi
	mov	$7, %eax		/* poll */
	syscall
ckpt_again_polled:
	test	%eax, %eax
	js	ckpt_again_after
	jnz	call
	mov	expired(%rip), %rax
	jmp	ckpt_again_after

call:
	mov	rdi(%rip), %rdi
	mov	rsi(%rip), %rsi
	mov	rdx(%rip), %rdx
	mov	r10(%rip), %r10
	mov	r8(%rip), %r8
	mov	r9(%rip), %r9
	add	%r12, %rsi
	sub	%r12, %rdx
	mov	arg(%rip), %ecx
	cmp	$3, %ecx
	cmove	%r13, %rdx
	cmp	$4, %ecx
	cmove	%r13, %r10
	cmp	$5, %ecx
	cmove	%r13, %r8
	mov	nr(%rip), %eax
	syscall
ckpt_again_called:
	jmp	ckpt_again_after

finish:
	lea	(%rax,%r12), %rdx	/* bytes in all; an error after some bytes is their number */
	test	%rax, %rax
	cmovs	%r12, %rdx
	test	%r12, %r12
	cmovnz	%rdx, %rax
ckpt_again_final:
	movq	$0, TOKEN(%rsp)
	mov	r15(%rip), %r15
	mov	r14(%rip), %r14
	mov	r13(%rip), %r13
	mov	r12(%rip), %r12
	mov	rbp(%rip), %rbp
	mov	rbx(%rip), %rbx
	mov	r11(%rip), %r11
	mov	r10(%rip), %r10
	mov	r9(%rip), %r9
	mov	r8(%rip), %r8
	mov	rcx(%rip), %rcx
	mov	rdx(%rip), %rdx
	mov	rsi(%rip), %rsi
	mov	rdi(%rip), %rdi
	push	eflags(%rip)
	popfq
	mov	rsp(%rip), %rsp
	jmp	*rip(%rip)

	.balign 8
ckpt_again_slots:
r15:	.quad	0
r14:	.quad	0
r13:	.quad	0
r12:	.quad	0
rbp:	.quad	0
rbx:	.quad	0
r11:	.quad	0
r10:	.quad	0
r9:	.quad	0
r8:	.quad	0
rcx:	.quad	0
rdx:	.quad	0
rsi:	.quad	0
rdi:	.quad	0
rip:	.quad	0
eflags:	.quad	0
rsp:	.quad	0
deadline: .quad	0
expired: .quad	0
token:	.quad	0
nr:	.long	0
arg:	.long	0
format:	.long	0
unit:	.long	0
events:	.long	0
	.long	0
ckpt_again_end:
	.section .note.GNU-stack, "", @progbits
