/* SPDX-License-Identifier: Apache-2.0
 *
 * The allow-list of system calls (`--allow-syscall`), and the list of those made (`--record`). Both are about the
 * program: every process since its execve, and all that come of it. The list stands in the boot block; no call changes
 * it.
 */
#ifndef GUESTKERNEL_SYSCALL_FILTER_H
#define GUESTKERNEL_SYSCALL_FILTER_H

#include "guestkernel/arch/arch.h"

static inline bool filter_on(void)
{
	return unlikely(boot->flags & (BOOT_F_LIMIT_CALLS | BOOT_F_NOTE_CALLS));
}

/* The current thread makes this call. Does not return when it may not: its process dies as by SIGSYS. */
void filter_call(u64 number);

#endif
