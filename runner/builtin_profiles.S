/* SPDX-License-Identifier: Apache-2.0
 *
 * The shipped profiles, so that the one executable has them: NAME NUL TEXT NUL.
 */
	.section .rodata
	.globl builtin_profiles, builtin_profiles_end
builtin_profiles:
	.asciz "ci"
	.incbin "policy/profiles/ci.yaml"
	.byte 0
	.asciz "function"
	.incbin "policy/profiles/function.yaml"
	.byte 0
	.asciz "strict"
	.incbin "policy/profiles/strict.yaml"
	.byte 0
builtin_profiles_end:
	.section .note.GNU-stack, "", @progbits
