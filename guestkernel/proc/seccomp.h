/* SPDX-License-Identifier: Apache-2.0
 *
 * seccomp(2): the filters that a program puts upon itself. A thread has a mode and a chain of filters, newest first; a
 * new thread or process begins with its maker's, execve changes nothing, and no call takes a filter away. Protects
 * programs in the guest from their own parts; what confines the program as a whole is the VM.
 */
#ifndef GUESTKERNEL_PROC_SECCOMP_H
#define GUESTKERNEL_PROC_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include "guestkernel/types.h"

struct regs;
struct thread;
struct seccomp_filter;

/* The current thread's from now on: read, write, exit and rt_sigreturn alone. -EINVAL: it has filters. */
int seccomp_set_strict(void);
/* A copy of the program becomes the current thread's newest filter. flags: SECCOMP_FILTER_FLAG_TSYNC gives the whole
 * chain to all threads of the process, and then > 0 is the id of a thread whose chain does not lead to it
 * (SECCOMP_FILTER_FLAG_TSYNC_ESRCH: -ESRCH); others change nothing. -EINVAL: no valid program, or strict mode;
 * -ENOMEM: also when all filters of the chain have too many instructions. */
long seccomp_attach(const struct sock_filter *program, u32 length, u64 flags);
/* Is there such an action (SECCOMP_RET_*)? */
bool seccomp_action_available(u32 action);
/* The current thread, which has a mode, makes the call in *regs. True: it may. False: it is not made, and *result is
 * what RAX is to be (a signal may be pending). Does not return when the thread or its process is to end. */
bool seccomp_call(struct regs *regs, long *result);
/* A new thread has what `from` has. */
void seccomp_inherit(struct thread *t, const struct thread *from);
/* The thread is going: its references are dropped. */
void seccomp_release(struct thread *t);
/* How many filters stand in a thread's chain. */
unsigned seccomp_count(const struct thread *t);

#endif
