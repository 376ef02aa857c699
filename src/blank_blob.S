/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program blank.S as bytes inside ckptfs. */
	.section .rodata
	.globl ckpt_blank_start, ckpt_blank_end
ckpt_blank_start:
	.incbin "blank"
ckpt_blank_end:
	.section .note.GNU-stack, "", @progbits
