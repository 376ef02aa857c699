/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs inside a frozen task and changes it from one state to another: a table of system calls and
 * copies, one after the other, then the FPU state, then the stub that has the new registers. It
 * needs nobody: once it runs it comes to its end without us. See docs/apply.md.
 *
 * Copied to the start of the arena; position-independent; uses no stack. rbx is the table, of
 * struct ckpt_step (apply_int.h), r13 is 0; all signals are blocked. The slots are struct program_slots in
 * apply_program.c, which fills them.
 */
	.section .rodata
	.balign 16
	.globl ckpt_program_start, ckpt_program_call, ckpt_program_slots, ckpt_program_end
ckpt_program_start:
	cld
next:
	mov	(%rbx), %eax		/* op */
	mov	16(%rbx), %rdi
	mov	24(%rbx), %rsi
	mov	32(%rbx), %rdx
	cmp	$1, %eax
	jb	end
	ja	copy
	mov	40(%rbx), %r10
	mov	48(%rbx), %r8
	mov	56(%rbx), %r9
	mov	8(%rbx), %rax		/* number */
	syscall
	cmp	$-4095, %rax
	jae	failed
done:
	add	$64, %rbx
	jmp	next
copy:
	mov	%rdx, %rcx
	rep	movsb
	jmp	done
failed:
	mov	4(%rbx), %eax
	test	$1, %al			/* CKPT_STEP_ABORT: nothing has changed so far */
	jnz	takeout
	shr	$8, %eax		/* CKPT_STEP_SKIP: the steps that need this one */
	shl	$6, %rax
	add	%rax, %rbx
	jmp	done

/* A call by which something is brought in (remote.c). Left alone the task takes all of it out
 * again: what the call itself has opened (r12: 1, a descriptor; 2, a pipe at rdi), then what is in
 * the undo table. */
ckpt_program_call:
	syscall
	test	%rax, %rax
	js	takeout
	cmp	$1, %r12
	jb	takeout
	ja	1f
	mov	%rax, %rdi
	jmp	2f
1:	mov	(%rdi), %ebp
	mov	4(%rdi), %edi
	mov	$3, %eax		/* close */
	syscall
	mov	%ebp, %edi
2:	mov	$3, %eax
	syscall
takeout:
	mov	$1, %r13d
	mov	undo(%rip), %rbx
	jmp	ckpt_program_start

end:
	/* The stub that follows unmaps the page that this is in, and sets the rest. */
	mov	arena(%rip), %rdi
	mov	arena+8(%rip), %rsi
	test	%r13, %r13
	jnz	back
	mov	xsave(%rip), %rcx
	jrcxz	1f
	mov	xmask(%rip), %eax
	mov	xmask+4(%rip), %edx
	xrstor64 (%rcx)
1:
	mov	$11, %eax		/* munmap */
	mov	stack(%rip), %rsp
	jmp	*after(%rip)
back:
	mov	$11, %eax
	mov	before_stack(%rip), %rsp
	jmp	*before(%rip)

	.balign 8
ckpt_program_slots:
before:	.quad	0
before_stack: .quad 0
undo:	.quad	0
arena:	.quad	0, 0
after:	.quad	0
stack:	.quad	0
xsave:	.quad	0
xmask:	.quad	0
ckpt_program_end:
	.section .note.GNU-stack, "", @progbits
