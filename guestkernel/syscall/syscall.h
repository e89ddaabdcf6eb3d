/* SPDX-License-Identifier: Apache-2.0
 *
 * System call dispatch. table.h is the one X-macro list: number, name, handler, state, what is missing, argument
 * formats for the trace. Handlers decode and check all arguments, then call the subsystem. They take six u64 and return a
 * value or -errno (ERESTART* included).
 */
#ifndef GUESTKERNEL_SYSCALL_H
#define GUESTKERNEL_SYSCALL_H

#include "guestkernel/arch/arch.h"

typedef long (*syscall_fn)(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);

/* Declares a handler with exactly the table's signature. */
#define SYSCALL(name)                                                                                                  \
	long sys_##name(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);                                                     \
	long sys_##name(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)

#define SYSCALL_FULL(number, name, format) SYSCALL(name);
#define SYSCALL_PART(number, name, format, missing) SYSCALL(name);
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"

/* Called by the entry code with the kernel lock held and interrupts off: runs the call, sets regs->rax. */
void syscall_dispatch(struct regs *regs);
/* The last thing before user mode: signals, reschedule; called with the lock held after each system call, fault, event. */
void return_to_user(struct regs *regs);
/* A fault of the program. */
void user_fault(struct regs *regs, u32 vector, u64 error_code, u64 cr2);

#endif
