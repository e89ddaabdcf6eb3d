/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens when a process has used an amount of CPU time: ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU, POSIX timers on
 * CPU clocks; RLIMIT_RTTIME of a thread.
 */
#ifndef GUESTKERNEL_PROC_CPU_TIMER_H
#define GUESTKERNEL_PROC_CPU_TIMER_H

#include "guestkernel/proc/process.h"

enum cpu_clock { CPU_USER, CPU_TOTAL }; /* user time alone; user and system time */

struct cpu_timer {
	struct list link; /* process.cpu_timers */
	enum cpu_clock clock;
	int tid;	/* the one thread whose time counts; 0: all of the process */
	u64 expires_ns; /* of that CPU time */
	void (*fn)(struct cpu_timer *timer, struct process *p); /* must not sleep; may arm the timer again */
	bool armed;
};

u64 cpu_clock_ns(const struct process *p, enum cpu_clock clock);
void cpu_timer_arm(struct cpu_timer *timer, struct process *p, u64 expires_ns);
void cpu_timer_cancel(struct cpu_timer *timer); /* harmless when not armed */
/* The process is gone: disarms what others have armed on its time. */
void cpu_timers_end(struct process *p);
/* Called by the tick for the running thread. */
void cpu_timer_check(struct thread *t);
/* When (ns since boot) t, running on, reaches the first of its process's timers at the earliest; 0: never. */
u64 cpu_timer_deadline(const struct thread *t);
/* RLIMIT_CPU was changed (or inherited). */
void cpu_limit_update(struct process *p);

#endif
