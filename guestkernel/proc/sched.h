/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, run queues, sleeping, timers.
 */
#ifndef GUESTKERNEL_PROC_SCHED_H
#define GUESTKERNEL_PROC_SCHED_H

#include "guestkernel/arch/arch.h"
#include "guestkernel/list.h"
#include "guestkernel/proc/cred.h"

struct process;
struct mm;

enum thread_state {
	THREAD_RUNNING,	 /* on a CPU or on a run queue */
	THREAD_SLEEPING, /* interruptible by signals */
	THREAD_BLOCKED,	 /* not interruptible (short waits, vfork) */
	THREAD_STOPPED,	 /* job control */
	THREAD_DEAD,
};

/* Architecture's part of a thread (entry.S knows the offsets of the first members). */
struct thread_arch {
	u64 kernel_sp;	    /* saved stack pointer while not running */
	u64 stack_base;	    /* KERNEL_STACK_BYTES, aligned to it */
	u64 fsbase, gsbase; /* while not running */
	void *fpu;	    /* XSAVE area, 64-aligned; NULL for kernel threads */
	bool fpu_live;	    /* registers hold the newest state */
};

struct thread {
	struct thread_arch arch;
	struct regs *regs; /* user registers: at the top of the kernel stack */
	enum thread_state state;
	int cpu; /* where it runs or ran last; arch_cpu() reads it, so it only changes when the thread is switched to */
	int queue;	   /* on_queue: whose */
	bool need_resched; /* seen by return_to_user() */
	bool on_queue;	   /* stands on its CPU's run queue */
	bool killed;	   /* must end before it returns to user mode; interrupts every sleep but an unkillable one */
	bool killable;	   /* while BLOCKED: `killed` wakes it */
	bool in_kernel;	   /* CPU time is being charged as system time */
	u8 seccomp_mode;   /* SECCOMP_MODE_*: looked at by each system call */
	int tid;
	struct process *process;
	struct list process_link;
	struct list run_link;
	struct mm *mm; /* NULL for kernel threads */
	struct cred cred;
	struct seccomp_filter *seccomp; /* the newest filter, with a reference, or NULL: proc/seccomp.c */
	/* accounting */
	u64 user_ns, system_ns;
	u64 mark_ns;  /* until when CPU time was charged */
	u64 vruntime; /* CPU time weighted by nice, in ns: the queue's order */
	u64 run_start_ns, slice_start_ns;
	u64 voluntary, involuntary, minor_faults, major_faults;
	u64 affinity;
	int nice, policy, rt_priority; /* policy: with SCHED_RESET_ON_FORK */
	struct mempolicy {	       /* of set_mempolicy(2): kept, and without effect where there is one node */
		u16 mode, flags;
		u64 nodes;
	} mempolicy;
	u64 rt_since_ns; /* CPU time of it when a real-time thread last began to run after a sleep: RLIMIT_RTTIME */
	int boost;	 /* rank inherited from who waits for a PI futex of this thread, or 0 */
	char comm[16];
	/* signals (proc/signal.c) */
	u64 sigmask, saved_sigmask;
	u64 sigwait_set; /* sigtimedwait: wakes although blocked */
	bool restore_sigmask;
	struct sigpending *pending; /* thread-directed */
	u64 altstack_sp, altstack_size;
	u32 altstack_flags;
	u64 fault_vector, fault_error, fault_addr; /* of the last fault, for signal frames */
	long (*restart)(struct thread *t);	   /* what restart_syscall(2) goes on with */
	u64 restart_args[6];
	/* futexes, exit */
	u64 clear_child_tid, robust_list, robust_list_len;
	struct futex_waiter *pi_wait; /* the PI futex that it waits for, or NULL */
	u64 rseq, rseq_len;
	u32 rseq_sig;
	bool rseq_event;	     /* was switched to, or runs a handler: see rseq.h */
	struct thread *vfork_waiter; /* the parent that sleeps until exec or exit */
	bool vfork_pending;	     /* the parent's side: the child has not let go yet */
	int pdeathsig;
	u64 timer_slack_ns; /* 0: the default */
	void *syscall_private;
	const char *traced_call; /* syscall/trace.c: the call whose line has begun, or NULL */
};

/* A queue of sleepers. Embed it in what is waited for; waiters stand on it with a wait_entry on their stack. */
struct wait_queue {
	struct list waiters;
};
struct wait_entry {
	struct list link;
	struct thread *thread;
	/* Called instead of waking the thread when set (epoll); runs with the kernel lock, must not sleep. */
	void (*notify)(struct wait_entry *entry, u32 events);
	void *arg;
	bool exclusive; /* wake at most one of these */
	u32 woken;
};
#define WAIT_QUEUE_INIT(name)                                                                                          \
	{                                                                                                              \
		LIST_INIT((name).waiters)                                                                              \
	}
void wait_queue_init(struct wait_queue *q);
void wait_add(struct wait_queue *q, struct wait_entry *e); /* e->thread = current unless notify is set */
void wait_remove(struct wait_entry *e);			   /* harmless when not queued */
/* Wakes all (exclusive ones: at most `exclusive`) waiters; events: EPOLL* bits for notify callbacks. */
void wake_up(struct wait_queue *q, u32 events);
void wake_up_one(struct wait_queue *q, u32 events);

/* Sleeps until woken, a deliverable signal (interruptible), or the absolute deadline in ns since boot (0: none).
 * The pattern: wait_add(); loop { if (condition) break; r = sched_sleep(...); if (r) break; } wait_remove().
 * There is no lost wake-up: the kernel lock is held from the check to the sleep. 0 woken, -ERESTARTSYS signal,
 * -ETIMEDOUT. */
int sched_sleep(bool interruptible, u64 deadline_ns);
/* The same, interrupted only by what ends the thread: -EINTR. */
int sched_sleep_killable(void);
#define wait_event_interruptible(q, cond, deadline_ns)                                                                 \
	({                                                                                                             \
		struct wait_entry wait_entry__ = {0};                                                                  \
		int wait_result__ = 0;                                                                                 \
		wait_add((q), &wait_entry__);                                                                          \
		while (!(cond) && !wait_result__)                                                                      \
			wait_result__ = sched_sleep(true, (deadline_ns));                                              \
		wait_remove(&wait_entry__);                                                                            \
		wait_result__;                                                                                         \
	})

void sched_init(void);
void sched_init_cpu(int cpu); /* makes the boot context of this CPU its idle thread */
/* Idle loop of a CPU; never returns. */
void sched_idle(void) __attribute__((noreturn));
void sched_wake(struct thread *t); /* makes a sleeping thread runnable; harmless otherwise */
void sched_start(struct thread *t,
		 bool here); /* puts a new thread on a run queue; here: this CPU's, as the caller is about to sleep */
void sched_resume(struct thread *t); /* makes a stopped thread runnable; harmless otherwise */
void sched_poke(struct thread *t);   /* makes a thread that runs in user mode on another CPU enter the kernel */
void sched_yield_cpu(void);
void schedule(void);	      /* picks the next thread; the current one's state tells whether it stays runnable */
void sched_tick(void);	      /* EVENT_TIMER: preemption and timers */
void sched_before_user(void); /* arms the timer for what the returning thread needs */
void sched_set_nice(struct thread *t, int nice);
/* policy and priority must fit each other: sys_sched.c. */
void sched_set_policy(struct thread *t, int policy, int rt_priority);
/* Priority inheritance: t runs with at least this rank. */
void sched_set_boost(struct thread *t, int rank);
int sched_rank(const struct thread *t);		    /* 1 to 99: real-time; 0: the others */
#define RR_SLICE_NS 100000000ull		    /* SCHED_RR */
int sched_set_affinity(struct thread *t, u64 mask); /* -EINVAL: no CPU left */
u64 sched_runnable(void);			    /* threads that run or want to */

/* A thread with a kernel stack and a tid (0: choose), not yet in a process; NULL with *error -ENOMEM, -EAGAIN, -EEXIST.
 */
struct thread *thread_alloc(int tid, int *error);
/* Gives the dead thread's stack and FPU area back once it has left them. */
void thread_bury(struct thread *t);
/* Frees the rest. The tid is free again. */
void thread_free(struct thread *t);
struct thread *kernel_thread(const char *name, void (*fn)(void *), void *arg);
/* The kernel's own process, that of idle and kernel threads: pid 0. */
extern struct process kernel_process;

/* One-shot timers, run in kernel context with the lock held; fn must not sleep. */
struct timer {
	struct timer *child, *next, *prev; /* pairing heap of the CPU that armed it; timer.c's own */
	u64 deadline_ns;		   /* since boot */
	void (*fn)(struct timer *timer);
	bool armed;
	u8 cpu;
};
void timer_arm(struct timer *timer, u64 deadline_ns);
void timer_cancel(struct timer *timer); /* harmless when not armed */
u64 timer_next(int cpu);		/* deadline of the CPU's first timer, 0: none */
void timer_run(u64 now_ns);		/* runs this CPU's timers that are due */
u64 time_boot_ns(void);			/* CLOCK_MONOTONIC = CLOCK_BOOTTIME */
u64 time_wall_ns(void);			/* CLOCK_REALTIME */

#endif
