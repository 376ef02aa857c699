/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same for a 32-bit program: what the kernel decides by the kind of the executable (the size of
 * the address space, the vdso) is decided by this one. Its tracer jumps to the syscall instruction
 * as 64-bit code.
 */
	.code32
	.globl _start
_start:
	mov	$1, %eax	/* exit: reached only if nobody traces us */
	mov	$125, %ebx
	int	$0x80
	hlt
	.byte	0x0f, 0x05	/* syscall */
	.section .note.GNU-stack, "", @progbits
