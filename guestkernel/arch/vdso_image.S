/* SPDX-License-Identifier: Apache-2.0
 *
 * The vDSO's file, page-aligned in the kernel image, after a page for its data.
 */
	.data
	.balign 4096
	.globl vdso_pages, vdso_code_pages, vdso_pages_end
vdso_pages:
	.skip 4096
vdso_code_pages:
	.incbin VDSO_FILE
	.balign 4096
vdso_pages_end:
	.section .note.GNU-stack, "", @progbits
