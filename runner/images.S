/* SPDX-License-Identifier: Apache-2.0 */
	.section .rodata
	.balign 4096
	.globl image_kernel, image_kernel_end, image_initramfs, image_initramfs_end
image_kernel:
	.incbin KERNEL_FILE
image_kernel_end:
	.balign 4096
image_initramfs:
	.incbin INITRAMFS_FILE
image_initramfs_end:
	.balign 4096 /* what stands behind an image in its last page is zero, as in fresh memory */
	.section .note.GNU-stack, "", @progbits
