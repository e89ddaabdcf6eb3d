/* SPDX-License-Identifier: Apache-2.0
 *
 * Every way into the kernel and out of it.
 *
 * The kernel stack of a thread, from its top (cpu.kstack_top) down, after any entry from user mode, is struct regs:
 *
 *   top -   8  ss
 *   top -  16  rsp
 *   top -  24  rflags
 *   top -  32  cs
 *   top -  40  rip
 *   top -  48  orig_rax   system call number, else -1 (split, on the way: the error code)
 *   top -  56  rdi rsi rdx rcx rax r8 r9 r10 r11 rbx rbp r12 r13 r14 r15
 *   top - 168  <- rsp when C is called with it as struct regs *
 *
 * Split: ring 0. The CPU pushes ss..rip (and an error code) on the thread's kernel stack by itself.
 *
 * Flat: this code runs in ring 3 beside the program. An exception enters a stub in ring 0 on a small per-CPU stack, whose
 * frame the stub leaves where it is: it loads a constant frame and IRETs to ring 3, where the entry code copies the
 * frame to the kernel stack. Ring 0 costs about a microsecond an instruction there. Interrupts stay enabled; one
 * that hits kernel code returns at once (the kernel looks at shared_cpu.events before it leaves), unless it
 * hits the window between that look and the return to the program: then the look is repeated.
 */
#include "abi/boot.h"
#include "guestkernel/arch/cpu.h"

#define CPU(n, field) cpus + (n) * CPU_STRIDE + (field)
#define RING0_TOP(n) ring0_stacks + ((n) + 1) * RING0_STACK_BYTES
#define EVENT_TOP(n) ring0_stacks + (n) * RING0_STACK_BYTES + RING0_STACK_BYTES / 2

/* rdi and all above are pushed already. */
.macro push_rest
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro pop_all
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	add $8, %rsp
.endm

	.section .text.entry, "ax"

/* ---- first instruction of each CPU: rdi = its number, rsp = its boot stack ---- */
	.globl kernel_entry
kernel_entry:
	xor %ebp, %ebp
	call kernel_main
	ud2

/* ---- system calls: rcx = rip, r11 = rflags; everything else is the program's ---- */
.macro lstar_entry n, layout
	.balign LSTAR_STRIDE
	mov %rsp, CPU(\n, CPU_USER_RSP)(%rip)
	mov CPU(\n, CPU_KSTACK)(%rip), %rsp
	pushq $BOOT_USER_DS
	pushq CPU(\n, CPU_USER_RSP)(%rip)
	push %r11
	pushq $BOOT_USER_CS
	push %rcx
	push %rax
	push %rdi
	.ifc \layout, flat
	mov %cs, CPU(\n, CPU_ENTRY_CS)(%rip)
	testb $3, CPU(\n, CPU_ENTRY_CS)(%rip)
	jz syscall_ring0_flat
	.endif
	jmp syscall_\layout
.endm

	.balign LSTAR_STRIDE
	.globl lstar_split, lstar_flat
lstar_split:
	.altmacro
	.set n, 0
	.rept BOOT_MAX_CPUS
	lstar_entry %n, split
	.set n, n + 1
	.endr
	.balign LSTAR_STRIDE
lstar_flat:
	.altmacro
	.set n, 0
	.rept BOOT_MAX_CPUS
	lstar_entry %n, flat
	.set n, n + 1
	.endr

/* Flat, but SYSCALL entered ring 0 as the manual says: go on in ring 3. rcx and r11 are saved and free. */
syscall_ring0_flat:
	mov %rsp, %rcx
	pushq $BOOT_USER_DS
	push %rcx
	pushq $FLAT_RFLAGS
	pushq $BOOT_USER_CS
	lea syscall_flat(%rip), %rcx
	push %rcx
	mov 56(%rsp), %rcx /* above the five words just pushed: rdi, orig_rax, rip */
	iretq

syscall_flat:
	push_rest
	cld
	mov %rsp, %rdi
	call arch_syscall
	jmp exit_flat

syscall_split:
	push_rest
	mov %rsp, %rdi
	call arch_syscall
	/* C says whether SYSRET does: rip canonical, rcx = rip, r11 = rflags. */
	test %al, %al
	jz exit_split
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	mov 32(%rsp), %rsp
	sysretq

	.globl exit_split
exit_split:
	pop_all
	iretq

/* rax = &shared_cpu.events of this CPU; rsp = struct regs. */
exit_flat:
	.globl flat_window_start, flat_window_end
flat_window_start:
	cmpl $0, (%rax)
	jne exit_flat_again
	pop_all
	iretq
flat_window_end:

exit_flat_again:
	mov %rsp, %rdi
	call arch_recheck
	jmp exit_flat

/* A new thread's first return; its stack pointer stands at struct regs. */
	.globl arch_return_from_fork
arch_return_from_fork:
	mov %rsp, %rdi
	call arch_recheck_locked
	cmpb $0, arch_flat(%rip)
	je exit_split
	jmp exit_flat

/* ---- split: exceptions and events ---- */
.macro trap_split_entry v
	.balign TRAP_STRIDE
	.if (\v == 8) || (\v >= 10 && \v <= 14) || (\v == 17) || (\v == 21)
	.else
	pushq $0
	.endif
	push %rdi
	mov $\v, %edi
	jmp trap_split_common
.endm
	.balign TRAP_STRIDE
	.globl trap_split
trap_split:
	.set v, 0
	.rept TRAP_VECTORS
	trap_split_entry %v
	.set v, v + 1
	.endr

trap_split_common:
	push_rest
	pushq $2 /* all flags clear; the program's AC would lift SMAP in here */
	popfq
	mov %edi, %esi
	mov REGS_ORIG_RAX(%rsp), %rdx
	movq $-1, REGS_ORIG_RAX(%rsp)
	mov %cr2, %rcx
	mov %rsp, %rdi
	call arch_trap
	jmp exit_split

/* ---- flat: stubs in ring 0 ---- */
.macro trap_flat_entry n, v
	.balign TRAP_STRIDE
	.if \v == 14
	mov %rax, CPU(\n, CPU_SAVED_RAX)(%rip)
	mov %cr2, %rax
	mov $flat_frames + (\n * 4 + 0) * 40, %rsp
	iretq
	.elseif \v == BOOT_EVENT_VECTOR
	testb $0x80, 7(%rsp)
	jnz flat_event_\n
	mov $flat_frames + (\n * 4 + 2) * 40, %rsp
	iretq
	.elseif \v == 3
	testb $0x80, 7(%rsp)
	jz flat_int3_\n
	jmp *%r11
	.else
	movl $\v, CPU(\n, CPU_VECTOR)(%rip)
	mov $flat_frames + (\n * 4 + 1) * 40, %rsp
	iretq
	.endif
.endm
.macro trap_flat_cpu n
	.set v, 0
	.rept TRAP_VECTORS
	trap_flat_entry \n, %v
	.set v, v + 1
	.endr
.endm
	.balign TRAP_STRIDE
	.globl trap_flat
trap_flat:
	.set n, 0
	.rept BOOT_MAX_CPUS
	trap_flat_cpu %n
	.set n, n + 1
	.endr

.macro flat_event n
flat_int3_\n:
	movl $3, CPU(\n, CPU_VECTOR)(%rip)
	mov $flat_frames + (\n * 4 + 1) * 40, %rsp
	iretq
flat_event_\n:
	cmpq $flat_window_start, (%rsp)
	jb 2f
	cmpq $flat_window_end, (%rsp)
	jae 2f
	mov $flat_frames + (\n * 4 + 3) * 40, %rsp
2:	iretq
.endm
	.set n, 0
	.rept BOOT_MAX_CPUS
	flat_event %n
	.set n, n + 1
	.endr

/* Services of ring 0 for kernel code in ring 3, reached with INT3: the one software interrupt that such hosts deliver
 * from ring 3 (others end as #GP). r11 says which; an INT3 of the program is an exception like others. */
ring0_cr3:
	mov %rax, %cr3
	iretq
ring0_invlpg:
	invlpg (%rax)
	iretq
ring0_halt:
	hlt
	iretq
ring0_out:
	out %eax, (%dx)
	iretq

/* The same from C. */
	.globl flat_service_cr3, flat_service_invlpg, flat_service_halt, flat_service_out
flat_service_cr3:
	mov %rdi, %rax
	lea ring0_cr3(%rip), %r11
	int3
	ret
flat_service_invlpg:
	mov %rdi, %rax
	lea ring0_invlpg(%rip), %r11
	int3
	ret
flat_service_halt:
	lea ring0_halt(%rip), %r11
	int3
	ret
flat_service_out:
	mov %edi, %edx
	mov %esi, %eax
	lea ring0_out(%rip), %r11
	int3
	ret

/* ---- flat: where the stubs continue in ring 3 ---- */
.macro flat_copy_frame n, top
	mov CPU(\n, CPU_KSTACK)(%rip), %rsp
	pushq \top - 8(%rip)
	pushq \top - 16(%rip)
	pushq \top - 24(%rip)
	pushq \top - 32(%rip)
	pushq \top - 40(%rip)
	pushq $-1
	push %rdi
.endm
.macro flat_entries n
flat_pf_\n:
	incl CPU(\n, CPU_DEPTH)(%rip)
	cmpl $4, CPU(\n, CPU_DEPTH)(%rip)
	ja flat_broken_\n
	flat_copy_frame \n, <RING0_TOP(\n)>
	push %rsi
	push %rdx
	push %rcx
	mov %rax, %rcx
	pushq CPU(\n, CPU_SAVED_RAX)(%rip)
	mov $14, %esi
	mov RING0_TOP(\n) - 48(%rip), %rdx
	jmp flat_trap_common
flat_trap_\n:
	incl CPU(\n, CPU_DEPTH)(%rip)
	cmpl $4, CPU(\n, CPU_DEPTH)(%rip)
	ja flat_broken_\n
	flat_copy_frame \n, <RING0_TOP(\n)>
	push %rsi
	push %rdx
	push %rcx
	push %rax
	mov CPU(\n, CPU_VECTOR)(%rip), %esi
	mov RING0_TOP(\n) - 48(%rip), %rdx
	xor %ecx, %ecx
	jmp flat_trap_common
flat_user_event_\n:
	flat_copy_frame \n, <EVENT_TOP(\n)>
	push %rsi
	push %rdx
	push %rcx
	push %rax
	mov $BOOT_EVENT_VECTOR, %esi
	xor %edx, %edx
	xor %ecx, %ecx
	jmp flat_trap_common
flat_broken_\n:
	mov RING0_TOP(\n) - 40(%rip), %rcx
	mov RING0_TOP(\n) - 16(%rip), %rdx
	jmp flat_broken
flat_window_event_\n:
	mov CPU(\n, CPU_KSTACK)(%rip), %rsp
	sub $REGS_BYTES, %rsp
	jmp exit_flat_again
.endm
	.set n, 0
	.rept BOOT_MAX_CPUS
	flat_entries %n
	.set n, n + 1
	.endr

flat_trap_common:
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	call arch_trap
	jmp exit_flat

/* Faults that come faster than they can be taken: nothing here can be trusted any more. */
flat_broken:
	movabs $BOOT_DIRECT_MAP + BOOT_SHARED_GPA + SHARED_CRASH, %rsi
	mov %rcx, CRASH_RIP(%rsi)
	mov %rdx, CRASH_RSP(%rsi)
	mov %rax, CRASH_CR2(%rsi)
	movl $0x6b636162, CRASH_REASON(%rsi) /* "back to back faults" */
	movl $0x206f7420, CRASH_REASON + 4(%rsi)
	movl $0x6b636162, CRASH_REASON + 8(%rsi)
	movl $0x75616620, CRASH_REASON + 12(%rsi)
	movl $0x73746c, CRASH_REASON + 16(%rsi)
1:
	mov $1, %eax /* POWEROFF_CRASH */
	mov $PORT_POWEROFF, %edx
	lea ring0_out(%rip), %r11
	int3
	jmp 1b

/* void arch_switch_stacks(u64 *save_sp, u64 load_sp) */
	.globl arch_switch_stacks
arch_switch_stacks:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* First code of a kernel thread: rbx = function, r12 = argument. */
	.globl arch_kernel_thread_start
arch_kernel_thread_start:
	mov %r12, %rdi
	call *%rbx
	ud2

/* Constant frames that the flat stubs IRET with: rip, cs, rflags, rsp, ss; four a CPU. */
	.section .rodata
.macro flat_frame target
	.quad \target, BOOT_USER_CS, FLAT_RFLAGS, 0, BOOT_USER_DS
.endm
.macro flat_frames_cpu n
	flat_frame flat_pf_\n
	flat_frame flat_trap_\n
	flat_frame flat_user_event_\n
	flat_frame flat_window_event_\n
.endm
	.balign 64
flat_frames:
	.set n, 0
	.rept BOOT_MAX_CPUS
	flat_frames_cpu %n
	.set n, n + 1
	.endr
	.section .note.GNU-stack, "", @progbits
