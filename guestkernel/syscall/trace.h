/* SPDX-License-Identifier: Apache-2.0
 *
 * The system call trace: text like that of `strace -f -o FILE`, one line a call with the thread's id, into the ring of
 * abi/trace.h. Shown are all processes but pid 1, from the first execve on. What the calls mean stands in table.h
 * (argument formats) and trace_args.c.
 */
#ifndef GUESTKERNEL_SYSCALL_TRACE_H
#define GUESTKERNEL_SYSCALL_TRACE_H

#include "guestkernel/proc/trace.h"

/* A call begins: its name and the arguments that the program gives. */
void trace_enter(u64 number, const char *name, const char *format, const u64 args[6]);
/* It returns: the arguments that the kernel filled in, and the result. */
void trace_leave(u64 number, const char *name, const char *format, const u64 args[6], long result);
/* A call that is not there, or that asked for more than is there: for the list at the end. */
void trace_count_refused(u64 number);
void trace_count_limit(u64 number, const u64 args[6], long result);

#endif
