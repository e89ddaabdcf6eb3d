/* SPDX-License-Identifier: Apache-2.0
 *
 * PI futexes and what becomes of futexes when their owner ends. The word holds the owner's tid and FUTEX_WAITERS; the
 * kernel hands the lock to the first waiter. Threads have no priorities here, so nothing is inherited.
 */
#include <linux/futex.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/futex.h"
#include "guestkernel/proc/process.h"

#define ROBUST_LIST_ENTRIES 2048 /* ROBUST_LIST_LIMIT: a longer list is taken for a loop */

/* Tries to take the lock for the current thread: 0 taken, -EAGAIN held by another living thread, -EDEADLK, -ESRCH. */
static int try_lock(u64 addr)
{
	u32 *word, value, me = (u32)current->tid;
	int error = user_word(addr, true, &word);

	if (error)
		return error;
	value = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	for (;;) {
		if ((value & FUTEX_TID_MASK) == me)
			return -EDEADLK;
		if (value & FUTEX_TID_MASK)
			break;
		/* Free, or its owner died: FUTEX_OWNER_DIED stays for the new owner to see. */
		if (__atomic_compare_exchange_n(word, &value, (value & ~FUTEX_TID_MASK) | me, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return 0;
	}
	if (!thread_find((int)(value & FUTEX_TID_MASK)))
		return -ESRCH;
	/* From now on the owner has to come to the kernel to unlock. */
	while (!(value & FUTEX_WAITERS) && !__atomic_compare_exchange_n(word, &value, value | FUTEX_WAITERS, false,
									__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		if (!(value & FUTEX_TID_MASK))
			return try_lock(addr);
	return -EAGAIN;
}

int futex_lock_pi(u64 addr, bool between_processes, bool try_only, u64 deadline_ns)
{
	struct futex_waiter w = {.thread = current, .bitset = FUTEX_ANY, .pi = true};
	int error = futex_key(addr, between_processes, &w.key);

	if (error)
		return error;
	error = try_lock(addr);
	if (error != -EAGAIN || try_only)
		return error;
	futex_enqueue(&w);
	error = 0;
	while (!list_empty(&w.link) && !error)
		error = sched_sleep(true, deadline_ns);
	if (list_empty(&w.link))
		return 0; /* handed over: the word already names this thread */
	futex_dequeue(&w);
	return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
}

/* Gives the lock to the first waiter, or frees it. */
static int hand_over(const struct futex_key *key, u32 *word, u32 keep)
{
	struct futex_waiter *next = futex_first(key);
	u32 value = keep;

	if (next) {
		futex_dequeue(next);
		value |= (u32)next->thread->tid | (futex_first(key) ? FUTEX_WAITERS : 0);
	}
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	if (next)
		sched_wake(next->thread);
	return 0;
}

int futex_unlock_pi(u64 addr, bool between_processes)
{
	struct futex_key key;
	u32 *word;
	int error = futex_key(addr, between_processes, &key);

	if (!error)
		error = user_word(addr, true, &word);
	if (error)
		return error;
	if ((__atomic_load_n(word, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK) != (u32)current->tid)
		return -EPERM;
	return hand_over(&key, word, 0);
}

/* One futex of a thread that ends: mark it and wake who waits. */
static void owner_died(struct thread *t, u64 addr, bool pi, bool pending)
{
	struct futex_key key;
	u32 *word, value;

	if (futex_key(addr, true, &key) || user_word(addr, true, &word))
		return;
	value = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	/* Between unlocking and leaving the list: nobody would wake the next one. */
	if (pending && !pi && !value) {
		futex_wake(&key, 1, FUTEX_ANY);
		return;
	}
	if ((value & FUTEX_TID_MASK) != (u32)t->tid)
		return;
	if (pi) {
		hand_over(&key, word, FUTEX_OWNER_DIED);
		return;
	}
	while (!__atomic_compare_exchange_n(word, &value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	if (value & FUTEX_WAITERS)
		futex_wake(&key, 1, FUTEX_ANY);
}

static void walk_robust_list(struct thread *t)
{
	struct {
		u64 next;
		s64 offset;
		u64 pending;
	} head;
	u64 entry, next;
	int n;

	if (copy_from_user(&head, user(t->robust_list), sizeof(head)))
		return;
	entry = head.next;
	for (n = 0; n < ROBUST_LIST_ENTRIES && (entry & ~1ull) != t->robust_list; n++, entry = next) {
		/* Read the link first: the word's page may hold it. Bit 0 says PI. */
		if (copy_from_user(&next, user(entry & ~1ull), sizeof(next)))
			return;
		if (entry != head.pending)
			owner_died(t, (entry & ~1ull) + (u64)head.offset, entry & 1, false);
	}
	if (head.pending & ~1ull)
		owner_died(t, (head.pending & ~1ull) + (u64)head.offset, head.pending & 1, true);
}

void futex_exit(struct thread *t)
{
	struct futex_key key;
	u32 zero = 0;

	if (t->robust_list)
		walk_robust_list(t);
	t->robust_list = 0;
	/* The threads library waits on this word for the thread's end; with nobody left to see it, it stays. */
	if (t->clear_child_tid && t->mm->refs > 1) {
		if (!put_user(user(t->clear_child_tid), zero) && !futex_key(t->clear_child_tid, true, &key))
			futex_wake(&key, 1, FUTEX_ANY);
	}
	t->clear_child_tid = 0;
}
