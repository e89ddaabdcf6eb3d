/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults of the program, and the way back to it.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/rseq.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

enum {
	VECTOR_DE,
	VECTOR_DB,
	VECTOR_NMI,
	VECTOR_BP,
	VECTOR_OF,
	VECTOR_BR,
	VECTOR_UD,
	VECTOR_NM,
	VECTOR_PF = 14,
	VECTOR_MF = 16,
	VECTOR_AC,
	VECTOR_MC,
	VECTOR_XM
};
#define PF_WRITE   2u
#define PF_FETCH   16u
#define OPCODE_INT 0xcd

/* Offsets in an XSAVE image. */
#define FX_FCW	 0
#define FX_FSW	 2
#define FX_MXCSR 24

static void page_fault(struct regs *regs, u64 error_code, u64 addr)
{
	struct thread *t = current;
	u32 access = error_code & PF_FETCH ? PT_EXEC : error_code & PF_WRITE ? PT_WRITE : PT_READ;
	int sig = SIGSEGV, code = SEGV_MAPERR, error = -EFAULT;

	shared->stats.faults++;
	if (addr < USER_END && t->mm)
		error = mm_fault(t->mm, addr, access, &sig, &code);
	if (!error) {
		t->minor_faults++;
		return;
	}
	if (error == -ENOMEM) {
		/* The access is tried again, once the victim has given its memory back. */
		if (oom_kill())
			sched_yield_cpu();
		else
			process_kill(t->process, SIGKILL);
		return;
	}
	signal_fault(sig, code, addr);
}

/* Which of the unmasked floating-point exceptions it was (SDM vol. 1, 8.5 and 11.5). */
static int fpe_code(u32 vector)
{
	const u8 *image = arch_fpu_save();
	u16 fcw, fsw;
	u32 mxcsr, flags;

	memcpy(&fcw, image + FX_FCW, sizeof(fcw));
	memcpy(&fsw, image + FX_FSW, sizeof(fsw));
	memcpy(&mxcsr, image + FX_MXCSR, sizeof(mxcsr));
	flags = vector == VECTOR_MF ? fsw & ~(u32)fcw : mxcsr & ~(mxcsr >> 7);
	if (flags & 1)
		return FPE_FLTINV;
	if (flags & 4)
		return FPE_FLTDIV;
	if (flags & 8)
		return FPE_FLTOVF;
	if (flags & 0x12)
		return FPE_FLTUND;
	return flags & 0x20 ? FPE_FLTRES : FPE_FLTINV;
}

void user_fault(struct regs *regs, u32 vector, u64 error_code, u64 cr2)
{
	struct thread *t = current;
	u8 first_byte;

	account_enter_kernel();
	t->fault_vector = vector;
	t->fault_error = error_code;
	t->fault_addr = vector == VECTOR_PF ? cr2 : t->fault_addr;
	switch (vector) {
	case VECTOR_PF:
		page_fault(regs, error_code, cr2);
		break;
	case VECTOR_DE:
		signal_fault(SIGFPE, FPE_INTDIV, regs->rip);
		break;
	case VECTOR_DB:
		signal_fault(SIGTRAP, TRAP_TRACE, regs->rip);
		break;
	case VECTOR_BP:
		signal_fault(SIGTRAP, SI_KERNEL, 0);
		break;
	case VECTOR_UD:
		/* Where ring 0 is emulated, a software interrupt that the program may not raise comes as #UD, not as
		 * #GP. */
		if (!get_user(first_byte, user(regs->rip)) && first_byte == OPCODE_INT) {
			signal_fault(SIGSEGV, SI_KERNEL, 0);
			break;
		}
		signal_fault(SIGILL, ILL_ILLOPN, regs->rip);
		break;
	case VECTOR_AC:
		signal_fault(SIGBUS, BUS_ADRALN, 0);
		break;
	case VECTOR_MF:
	case VECTOR_XM:
		signal_fault(SIGFPE, fpe_code(vector), regs->rip);
		break;
	default: /* #GP, #SS, #NP, #OF, #BR ... */
		signal_fault(SIGSEGV, SI_KERNEL, 0);
	}
}

/* A system call that a signal interrupted is settled even when no handler ran. */
static bool restart_wanted(const struct regs *regs)
{
	s64 result = (s64)regs->rax;

	return (s64)regs->orig_rax >= 0 && result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK;
}

void return_to_user(struct regs *regs)
{
	struct thread *t = current;

	if (!t->in_kernel)
		account_enter_kernel();
	while (t->need_resched || signal_pending(t) || t->restore_sigmask || restart_wanted(regs) || rseq_due(t)) {
		if (t->need_resched)
			schedule();
		else if (signal_pending(t) || t->restore_sigmask || restart_wanted(regs))
			signal_deliver(regs);
		else
			rseq_settle(regs);
	}
	sched_before_user();
	account_leave_kernel();
}
