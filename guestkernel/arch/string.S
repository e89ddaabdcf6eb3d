/* SPDX-License-Identifier: Apache-2.0
 *
 * memcpy, memmove, memset. Small blocks by overlapping moves of general registers (the kernel uses no vector registers);
 * larger ones by the string instructions, which current CPUs execute a cache line at a time.
 */
	.text

/* void *memcpy(void *to (rdi), const void *from (rsi), size_t n (rdx)) */
	.globl memcpy
	.type memcpy, @function
memcpy:
	mov	%rdi, %rax
	cmp	$32, %rdx
	ja	2f
	cmp	$16, %rdx
	jae	1f
	cmp	$8, %rdx
	jae	3f
	cmp	$4, %rdx
	jae	4f
	test	%rdx, %rdx
	jz	9f
	movzbl	(%rsi), %ecx
	movzbl	-1(%rsi,%rdx), %r8d
	shr	$1, %rdx
	movzbl	(%rsi,%rdx), %r9d	/* the middle byte: n is 1..3 */
	mov	%r9b, (%rdi,%rdx)
	mov	%cl, (%rdi)
	adc	%rdx, %rdx		/* n again: CF still holds the bit shifted out */
	mov	%r8b, -1(%rdi,%rdx)
9:	ret
4:	mov	(%rsi), %ecx
	mov	-4(%rsi,%rdx), %r8d
	mov	%ecx, (%rdi)
	mov	%r8d, -4(%rdi,%rdx)
	ret
3:	mov	(%rsi), %rcx
	mov	-8(%rsi,%rdx), %r8
	mov	%rcx, (%rdi)
	mov	%r8, -8(%rdi,%rdx)
	ret
1:	mov	(%rsi), %rcx
	mov	8(%rsi), %r8
	mov	-16(%rsi,%rdx), %r9
	mov	-8(%rsi,%rdx), %r10
	mov	%rcx, (%rdi)
	mov	%r8, 8(%rdi)
	mov	%r9, -16(%rdi,%rdx)
	mov	%r10, -8(%rdi,%rdx)
	ret
2:	cmp	$256, %rdx
	jae	6f
	/* 33..255: the last 16 bytes first into registers, then 16 a round from the front */
	mov	-16(%rsi,%rdx), %r10
	mov	-8(%rsi,%rdx), %r11
	lea	-16(%rdi,%rdx), %r9
5:	mov	(%rsi), %rcx
	mov	8(%rsi), %r8
	mov	%rcx, (%rdi)
	mov	%r8, 8(%rdi)
	add	$16, %rsi
	add	$16, %rdi
	cmp	%r9, %rdi
	jb	5b
	mov	%r10, (%r9)
	mov	%r11, 8(%r9)
	ret
6:	mov	%rdx, %rcx
	test	$7, %dl
	jnz	7f
	shr	$3, %rcx
	rep movsq
	ret
7:	rep movsb
	ret
	.size memcpy, . - memcpy

/* void *memmove(void *to, const void *from, size_t n): memcpy reads all it needs before it writes only up to 32 bytes,
 * so overlapping blocks take their own loops. */
	.globl memmove
	.type memmove, @function
memmove:
	mov	%rdi, %rcx
	sub	%rsi, %rcx
	cmp	%rdx, %rcx
	jae	3f			/* unsigned: `to` is below `from` or behind its end */
	mov	%rdi, %rax
	test	%rcx, %rcx
	jz	2f
	/* backwards, eight bytes a round; the front remainder by bytes */
1:	cmp	$8, %rdx
	jb	4f
	sub	$8, %rdx
	mov	(%rsi,%rdx), %r8
	mov	%r8, (%rdi,%rdx)
	jmp	1b
4:	test	%rdx, %rdx
	jz	2f
	dec	%rdx
	mov	(%rsi,%rdx), %r8b
	mov	%r8b, (%rdi,%rdx)
	jmp	4b
2:	ret
3:	mov	%rsi, %rcx
	sub	%rdi, %rcx
	cmp	%rdx, %rcx
	jae	memcpy			/* no overlap */
	/* forwards with overlap */
	mov	%rdi, %rax
	mov	%rdx, %rcx
	rep movsb
	ret
	.size memmove, . - memmove

/* void *memset(void *to (rdi), int c (esi), size_t n (rdx)) */
	.globl memset
	.type memset, @function
memset:
	mov	%rdi, %r9
	movzbl	%sil, %eax
	movabs	$0x0101010101010101, %rcx
	imul	%rcx, %rax
	cmp	$256, %rdx
	jae	3f
	cmp	$8, %rdx
	jb	2f
	mov	%rax, -8(%rdi,%rdx)
	lea	-8(%rdi,%rdx), %rcx
1:	cmp	%rcx, %rdi
	jae	4f
	mov	%rax, (%rdi)
	add	$8, %rdi
	jmp	1b
2:	test	%rdx, %rdx
	jz	4f
	dec	%rdx
	mov	%al, (%rdi,%rdx)
	jmp	2b
3:	mov	%rdx, %rcx
	test	$7, %dl
	jnz	5f
	shr	$3, %rcx
	rep stosq
	jmp	4f
5:	rep stosb
4:	mov	%r9, %rax
	ret
	.size memset, . - memset
	.section .note.GNU-stack, "", @progbits
