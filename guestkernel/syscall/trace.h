/* SPDX-License-Identifier: Apache-2.0
 *
 * System call trace (BOOT_F_TRACE): one line a call in the kernel log, like strace's.
 */
#ifndef GUESTKERNEL_SYSCALL_TRACE_H
#define GUESTKERNEL_SYSCALL_TRACE_H

#include "guestkernel/types.h"

/* One line: who called what with which arguments (format as in table.h) and what came of it. */
void trace_syscall(const char *name, const char *format, const u64 args[6], long result);
/* The arguments alone, `name(args)`, cut to size. Public for tests. Returns the length. */
int trace_format(char *buf, size_t size, const char *name, const char *format, const u64 args[6]);

#endif
