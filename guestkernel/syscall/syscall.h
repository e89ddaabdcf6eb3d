/* SPDX-License-Identifier: Apache-2.0
 *
 * System call dispatch. table.h is the one X-macro list: number, name, handler, state, what is missing, argument
 * formats for the trace. Handlers decode and check all arguments, then call the subsystem. They take six u64 and return
 * a value or -errno (ERESTART* included).
 */
#ifndef GUESTKERNEL_SYSCALL_H
#define GUESTKERNEL_SYSCALL_H

#include "guestkernel/arch/arch.h"

typedef long (*syscall_fn)(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);

/* Begins the definition of a handler with exactly the table's signature. */
#define SYSCALL_PROTOTYPE(name) long sys_##name(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
#define SYSCALL(name)                                                                                                  \
	SYSCALL_PROTOTYPE(name);                                                                                       \
	SYSCALL_PROTOTYPE(name)

/* Reads a timespec and checks it; -EFAULT, -EINVAL. *ns: its value, saturated at some 292 years. */
int timespec_from_user(user_ptr p, u64 *ns);
/* An absolute deadline (ns since boot, never 0) `ns` from now, saturating. */
u64 deadline_after(u64 ns);
int timespec_to_user(user_ptr p, u64 ns);
/* A mask argument of sigsetsize 8. -EINVAL, -EFAULT */
int sigmask_from_user(user_ptr p, u64 size, u64 *mask);

#define SYSCALL_FULL(number, name, format)	    SYSCALL(name);
#define SYSCALL_PART(number, name, format, missing) SYSCALL(name);
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"

/* Called by the entry code with the kernel lock held and interrupts off: runs the call, sets regs->rax. */
void syscall_dispatch(struct regs *regs);
/* The last thing before user mode: signals, reschedule; called with the lock held after each system call, fault, event.
 */
void return_to_user(struct regs *regs);
/* A fault of the program. */
void user_fault(struct regs *regs, u32 vector, u64 error_code, u64 cr2);

#endif
