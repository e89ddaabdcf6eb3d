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
	u64 set;	   /* SIGBIT */
	struct list queue; /* struct sigqueue; one each for standard signals, all of the real-time ones */
	unsigned count;
};
struct sighand {
	u32 refs;
	struct k_sigaction action[64];
};

/* Linux's layout of the tables that programs see. */
#define SIG_DEFAULT	0u
#define SIG_IGNORE	1u
#define SIG_STOPS	(SIGBIT(19) | SIGBIT(20) | SIGBIT(21) | SIGBIT(22)) /* STOP TSTP TTIN TTOU */
#define SIG_UNBLOCKABLE (SIGBIT(9) | SIGBIT(19))

/* New and shared tables of actions. */
struct sighand *sighand_create(void);
struct sighand *sighand_clone(const struct sighand *from);
void sighand_put(struct sighand *s);
/* execve: handlers become SIG_DFL, ignored signals stay ignored. The table must be the process's own. */
void sighand_reset(struct sighand *s);
struct sigpending *sigpending_create(void);

/* Ends all threads of a process with this wait status, the sooner of several; also what SIGKILL does. */
void process_kill(struct process *p, int status);
/* One thread must end (dethreading execve). */
void thread_kill(struct thread *t);
/* Replaces the mask of the current thread. SIGKILL and SIGSTOP are taken out. */
void signal_set_mask(u64 mask);
/* Makes `mask` the mask until the system call is over: sigsuspend, ppoll, pselect, epoll_pwait. The old one comes back
 * on the way to user mode, after a handler if one runs. */
void signal_set_temporary_mask(u64 mask);
/* May the current thread send sig to t, or to the process of which t is the leader? 0 or -EPERM. */
int signal_permission(const struct thread *t, int sig);
/* SIGCHLD and a wake-up for the parent. code: CLD_*; status as in siginfo. Returns true when the parent does not want
 * to wait for a child that has ended: it is to be reaped at once. */
bool signal_notify_parent(struct process *p, int code, int status);
/* SIGPIPE for the writer, as if it had sent it to itself. */
void signal_broken_pipe(void);
void siginfo_user(struct k_siginfo *info, int sig, int code); /* sent by the current process */

/* Builds a frame for a handler on the user's stack and points *regs at it: -EFAULT when it cannot be written. */
int sigframe_push(struct regs *regs, int sig, const struct k_sigaction *action, const struct k_siginfo *info, u64 mask);

/* Empties a queue. */
void signal_flush(struct sigpending *pending);
/* Sends to one thread or to a process; info may be NULL (SI_KERNEL). 0 or -EAGAIN (queue full). Permission is the
 * caller's job. */
int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info);
int signal_send_process(struct process *p, int sig, const struct k_siginfo *info);
int signal_send_group(int pgid, int sig, const struct k_siginfo *info); /* -ESRCH when empty */
/* A fault of the current thread: cannot be ignored or blocked. */
void signal_fault(int sig, int code, u64 addr);
/* The same with details of another kind. */
void signal_force(const struct k_siginfo *info);
/* Is there something to deliver to t (or must it stop or die)? */
bool signal_pending(struct thread *t);
/* On the way back to user mode: delivers, stops, kills. May not return. */
void signal_deliver(struct regs *regs);
long signal_return(struct regs *regs); /* rt_sigreturn(2) */
/* Takes a pending signal of `set` (signalfd, sigtimedwait): its number and info, or 0. */
int signal_dequeue(struct thread *t, u64 set, struct k_siginfo *info);
extern struct wait_queue signalfd_wait; /* woken when a signal is queued */

#endif
