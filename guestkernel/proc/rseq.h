/* SPDX-License-Identifier: Apache-2.0
 *
 * Restartable sequences.
 */
#ifndef GUESTKERNEL_PROC_RSEQ_H
#define GUESTKERNEL_PROC_RSEQ_H

#include "guestkernel/proc/sched.h"

#define RSEQ_BYTES 32 /* the least length of an area, and its alignment */

/* rseq(2) for the current thread; -EINVAL, -EFAULT, -EPERM, -EBUSY. */
int rseq_register(u64 area, u32 length, u32 signature);
int rseq_unregister(u64 area, u32 length, u32 signature);
/* Brings the area up to date and takes the registers out of a critical section. A bad area or section: SIGSEGV. */
void rseq_settle(struct regs *regs);
/* Was the current thread switched since? */
static inline bool rseq_due(const struct thread *t)
{
	return t->rseq_event && t->rseq;
}

#endif
