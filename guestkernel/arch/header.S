/* SPDX-License-Identifier: Apache-2.0
 *
 * struct kernel_header of abi/boot.h: the first bytes of the image, read by the runner.
 */
#include "abi/boot.h"
#include "guestkernel/arch/cpu.h"

	.section .header, "a"
	.quad 0x314c454e52454b53 /* KERNEL_MAGIC */
	.quad kernel_entry
	.quad kernel_text_end, kernel_rodata_end
	.quad kernel_file_end, kernel_image_end
	.quad boot_stacks, 16384
	.quad lstar_split, lstar_flat, LSTAR_STRIDE
	.quad trap_split, trap_flat
	.quad TRAP_STRIDE, TRAP_STRIDE * TRAP_VECTORS
	.quad ring0_stacks, RING0_STACK_BYTES

	.section .stacks, "aw", @nobits
	.balign 16384
	.globl boot_stacks
boot_stacks:
	.skip 16384 * BOOT_MAX_CPUS
	.bss
	.balign 1024
	.globl ring0_stacks
ring0_stacks:
	.skip RING0_STACK_BYTES * BOOT_MAX_CPUS
	.section .note.GNU-stack, "", @progbits
