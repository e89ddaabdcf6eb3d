/* SPDX-License-Identifier: Apache-2.0
 *
 * One CPU's run queue: who comes next. Between sched.c, which decides on which queue a thread stands, and runqueue.c.
 */
#ifndef GUESTKERNEL_PROC_RUNQUEUE_H
#define GUESTKERNEL_PROC_RUNQUEUE_H

#include "guestkernel/proc/sched.h"

#define SLICE_NS 4000000ull /* how long a thread runs while others wait */

struct runqueue {
	struct thread *running, *idle;
	struct list queue; /* run_link: by rank, real-time threads first; of rank 0 by vruntime */
	unsigned queued, queued_rt;
	u64 min_vruntime;  /* never decreases: where new and woken threads join */
	u64 moved_ns;	   /* when a thread was last moved from or to another CPU for fairness */
	u64 timers_ran_ns; /* when the timers were last looked at */
	u64 rt_period_ns;  /* real-time threads have run for rt_ran_ns since then */
	u64 rt_ran_ns;
};

extern unsigned rt_waiting; /* real-time threads on all queues */

void runqueue_init(struct runqueue *c, struct thread *idle);
/* Charges the running thread for its time up to now. */
void runqueue_charge(struct runqueue *c, struct thread *t, u64 now);
/* ahead: a real-time thread goes before those of its rank, as one that was preempted does. */
void runqueue_add(struct runqueue *c, int cpu, struct thread *t, bool ahead);
void runqueue_remove(struct runqueue *c, struct thread *t);
/* The first of rank 0, or NULL. */
struct thread *runqueue_first_normal(const struct runqueue *c);
/* Have real-time threads used up what they may have while others wait? */
bool runqueue_throttled(const struct runqueue *c, u64 now);
/* The next to run of this queue, which stays on it, or NULL. */
struct thread *runqueue_first(const struct runqueue *c, u64 now);
/* Should t, who has just come to this queue, run at once? */
bool runqueue_preempts(const struct runqueue *c, const struct thread *t, u64 now);
/* When the running thread is to give way to one who waits; 0: never. */
u64 runqueue_slice_end(const struct runqueue *c);
/* Has the running thread used up its slice, so that others of its rank come first? */
bool runqueue_expired(const struct runqueue *c, u64 now);

#endif
