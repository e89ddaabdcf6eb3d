/* SPDX-License-Identifier: Apache-2.0
 *
 * Futexes: queues of sleepers keyed by the address of a word in user memory.
 */
#ifndef GUESTKERNEL_PROC_FUTEX_H
#define GUESTKERNEL_PROC_FUTEX_H

#include "guestkernel/proc/sched.h"

/* Names a word: (address space, address) for private memory; (NULL, physical address) for memory that processes share.
 */
struct futex_key {
	struct mm *mm;
	u64 addr;
};

struct futex_waiter {
	struct list link; /* of a hash bucket; empty: has been woken */
	struct futex_key key;
	struct thread *thread;
	u32 bitset;
	bool pi;      /* waits in LOCK_PI or for a requeue to a PI futex: futex_wake() must not meet it */
	bool requeue; /* the latter: to requeue_key */
	struct futex_key requeue_key;
	struct thread *owner; /* of the PI futex it waits for */
	struct list pi_link;  /* with owner: all that wait for PI futexes */
};

#define FUTEX_ANY 0xffffffffu

/* The key of the 4-aligned word at addr; -EINVAL, -EFAULT. */
int futex_key(u64 addr, bool between_processes, struct futex_key *key);
/* Wakes up to n waiters whose bitset meets `bitset`; returns how many. */
int futex_wake(const struct futex_key *key, int n, u32 bitset);
/* Sleeps while the word is `value`. deadline_ns since boot, 0: none. 0, -EAGAIN (other value), -ETIMEDOUT,
 * -ERESTARTSYS, -EFAULT */
int futex_wait(u64 addr, bool between_processes, u32 value, u32 bitset, u64 deadline_ns);
int futex_requeue(u64 from, u64 to, bool between_processes, int wake, int requeue, const u32 *expected);
int futex_wake_op(u64 addr1, u64 addr2, bool between_processes, int wake1, int wake2, u32 op);

/* Priority-inheriting ones: the word holds the owner's tid, and who waits lends the owner its rank. */
int futex_lock_pi(u64 addr, bool between_processes, bool try_only, u64 deadline_ns);
int futex_unlock_pi(u64 addr, bool between_processes);
/* A condition variable's wait, which ends as owner of the PI futex `to`, and the requeue that lets it: the first waiter
 * takes `to` or waits for it, up to `requeue` more wait for it. -EAGAIN: the word is not `value`, or a signal came
 * after the requeue. */
int futex_wait_requeue_pi(u64 addr, u64 to, bool between_processes, u32 value, u64 deadline_ns);
int futex_cmp_requeue_pi(u64 addr, u64 to, bool between_processes, int requeue, u32 value);

/* The rank of t has changed: who holds what it waits for is lent the new one. */
void futex_pi_rank_changed(struct thread *t);

/* For futex_pi.c and futex_waitv: queueing by hand. */
void futex_enqueue(struct futex_waiter *w);
/* Queues w, whose key is set, while the word at addr has this value. -EAGAIN, -EFAULT, -EINVAL */
int futex_enqueue_if(struct futex_waiter *w, u64 addr, u32 value);
void futex_dequeue(struct futex_waiter *w);
struct futex_waiter *futex_first(const struct futex_key *key);

#endif
