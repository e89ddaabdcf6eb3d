/* SPDX-License-Identifier: Apache-2.0
 *
 * What processes tell the system call trace, if there is one. syscall/trace.c listens; weak, because unit tests of
 * signals and processes do without.
 */
#ifndef GUESTKERNEL_PROC_TRACE_H
#define GUESTKERNEL_PROC_TRACE_H

#include "guestkernel/arch/arch.h"

struct k_siginfo;
struct thread;

/* Is there a trace at all? Ask before anything else of it is called. */
static inline bool trace_on(void)
{
	return unlikely(boot->trace != 0);
}

/* A signal is delivered to the thread, ends its process, or is ignored. info: NULL when the kernel sent it. */
void trace_signal(struct thread *t, int sig, const struct k_siginfo *info) __attribute__((weak));
/* The current thread ends, with the wait status of its process. */
void trace_exit(int status) __attribute__((weak));

#endif
