/* SPDX-License-Identifier: Apache-2.0
 *
 * The C side of entry.S: system calls, faults and events come in here and go back to the program from here.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/events.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/sched.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"
#include <asm/signal.h>

#define RFLAGS_USER	  0x240dd5u /* CF PF AF ZF SF TF DF OF AC ID: what a program may set */
#define RFLAGS_SYSRET_BAD 0x10100u  /* TF, RF: SYSRET would trap at once */

u64 arch_syscall(struct regs *regs);
u64 arch_recheck(struct regs *regs);
u64 arch_recheck_locked(struct regs *regs);
u64 arch_trap(struct regs *regs, u64 vector, u64 error_code, u64 cr2);

static bool from_user(const struct regs *regs)
{
	return regs->rip < BOOT_DIRECT_MAP;
}

/* Makes the frame one that IRET or SYSRET takes to user mode, whatever sigreturn or ptrace-like writes put there. */
static void sanitise(struct regs *regs)
{
	regs->cs = BOOT_USER_CS;
	regs->ss = BOOT_USER_DS;
	regs->rflags = (regs->rflags & RFLAGS_USER) | (arch_flat ? FLAT_RFLAGS : 0x202);
	if (unlikely(regs->rip >= USER_END)) {
		/* The program would fault right there; an IRET to a non-canonical address would fault in the kernel. */
		u64 rip = regs->rip;
		regs->rip = 0;
		signal_fault(SIGSEGV, 1, rip);
		return_to_user(regs);
	}
}

/* Everything that must be settled before the program runs; the lock is released. Returns what entry.S wants:
 * flat: the address of this CPU's event word; split: 1 when SYSRET can be used. */
static u64 leave(struct regs *regs)
{
	for (;;) {
		if (cpu_events_pending())
			events_handle(arch_take_events());
		return_to_user(regs);
		sanitise(regs);
		cpu_flush_if_asked();
		/* From here on events must come as interrupts; those that came before are seen now, in flat by entry.S.
		 */
		__atomic_store_n(&this_cpu()->attentive, false, __ATOMIC_SEQ_CST);
		if (arch_flat || !cpu_events_pending())
			break;
		this_cpu()->attentive = true;
	}
	cpu_arm_deadline();
	struct cpu *cpu = this_cpu();
	cpu_recent(cpu, RECENT_USER, 0, regs->rip);
	kernel_unlock();
	if (arch_flat)
		return (u64)&shared->cpu[cpu->number].events;
	return regs->orig_rax != (u64)-1 && regs->rcx == regs->rip && regs->r11 == regs->rflags &&
	       !(regs->rflags & RFLAGS_SYSRET_BAD);
}

u64 arch_syscall(struct regs *regs)
{
	struct cpu *cpu = this_cpu();
	cpu->attentive = true;
	cpu_recent(cpu, RECENT_CALL, (u32)regs->orig_rax, regs->rip);
	kernel_lock();
	regs->rcx = regs->rip;
	regs->r11 = regs->rflags;
	syscall_dispatch(regs);
	return leave(regs);
}

u64 arch_recheck(struct regs *regs)
{
	this_cpu()->attentive = true;
	kernel_lock();
	return leave(regs);
}

u64 arch_recheck_locked(struct regs *regs)
{
	return leave(regs);
}

u64 arch_trap(struct regs *regs, u64 vector, u64 error_code, u64 cr2)
{
	if (unlikely(!from_user(regs)))
		crash(regs, (u32)vector, error_code, cr2, "fault in the kernel");
	struct cpu *cpu = this_cpu();
	cpu->depth = 0;
	cpu->attentive = true;
	cpu_recent(cpu, RECENT_TRAP, vector | (u32)error_code << 8, regs->rip);
	if (vector == 14)
		cpu_recent(cpu, RECENT_ADDRESS, 0, cr2);
	kernel_lock();
	if (vector != BOOT_EVENT_VECTOR)
		user_fault(regs, (u32)vector, error_code, cr2);
	return leave(regs);
}
