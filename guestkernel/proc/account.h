/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time: every entry to and exit from the kernel, and every switch, charges the time since the last one to user or
 * system time of the current thread.
 */
#ifndef GUESTKERNEL_PROC_ACCOUNT_H
#define GUESTKERNEL_PROC_ACCOUNT_H

#include "guestkernel/proc/process.h"

void account_enter_kernel(void); /* first thing after an entry from user mode */
void account_leave_kernel(void); /* last thing before user mode */
/* CPU time so far, the running thread's included. */
u64 thread_cpu_ns(const struct thread *t);
u64 process_user_ns(const struct process *p); /* living and dead threads */
u64 process_system_ns(const struct process *p);

#endif
