/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals: generation, queues, delivery.
 */
#ifndef GUESTKERNEL_PROC_SIGNAL_H
#define GUESTKERNEL_PROC_SIGNAL_H

#include "guestkernel/linux_abi.h"
#include "guestkernel/list.h"
#include "guestkernel/proc/process.h"

#define SIGBIT(n) (1ull << ((n)-1))

struct sigqueue {
	struct list link;
	struct k_siginfo info;
};
struct sigpending {
	u64 set;            /* SIGBIT */
	struct list queue;  /* struct sigqueue; one each for standard signals, all of the real-time ones */
	unsigned count;
};
struct sighand {
	u32 refs;
	struct k_sigaction action[64];
};

/* Empties a queue. */
void signal_flush(struct sigpending *pending);
/* Sends to one thread or to a process; info may be NULL (SI_KERNEL). 0 or -EAGAIN (queue full). Permission is the caller's job. */
int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info);
int signal_send_process(struct process *p, int sig, const struct k_siginfo *info);
int signal_send_group(int pgid, int sig, const struct k_siginfo *info); /* -ESRCH when empty */
/* A fault of the current thread: cannot be ignored or blocked. */
void signal_fault(int sig, int code, u64 addr);
/* Is there something to deliver to t (or must it stop or die)? */
bool signal_pending(struct thread *t);
/* On the way back to user mode: delivers, stops, kills. May not return. */
void signal_deliver(struct regs *regs);
long signal_return(struct regs *regs); /* rt_sigreturn(2) */
/* Takes a pending signal of `set` (signalfd, sigtimedwait): its number and info, or 0. */
int signal_dequeue(struct thread *t, u64 set, struct k_siginfo *info);
extern struct wait_queue signalfd_wait; /* woken when a signal is queued */

#endif
