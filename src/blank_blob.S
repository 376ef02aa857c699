/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs blank.S and blank32.S as bytes inside ckptfs. */
	.section .rodata
	.globl ckpt_blank_start, ckpt_blank_end, ckpt_blank32_start, ckpt_blank32_end
ckpt_blank_start:
	.incbin "blank"
ckpt_blank_end:
ckpt_blank32_start:
	.incbin "blank32"
ckpt_blank32_end:
	.section .note.GNU-stack, "", @progbits
