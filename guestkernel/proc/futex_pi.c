/* SPDX-License-Identifier: Apache-2.0
 *
 * PI futexes and what becomes of futexes when their owner ends. The word holds the owner's tid and FUTEX_WAITERS; the
 * kernel hands the lock to the waiter of the highest rank, and the owner runs with that rank until then.
 */
#include <linux/futex.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/futex.h"
#include "guestkernel/proc/process.h"

#define CHAIN_LIMIT	    1024 /* owners that wait for owners; Linux's max_lock_depth */
#define ROBUST_LIST_ENTRIES 2048 /* ROBUST_LIST_LIMIT: a longer list is taken for a loop */

/* All that wait for a PI futex, whatever the futex: there are few, and a list answers every question about them. */
static struct list pi_waiters = LIST_INIT(pi_waiters);

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->mm == b->mm && a->addr == b->addr;
}

/* ---- inheritance ---- */

/* t runs with the highest rank of those that wait for it, and so does whom t itself waits for. */
static void adjust(struct thread *t)
{
	int depth = 0;

	while (t && depth++ < CHAIN_LIMIT) {
		struct futex_waiter *w;
		int rank = 0;

		list_for_each (w, &pi_waiters, pi_link)
			if (w->owner == t)
				rank = MAX(rank, sched_rank(w->thread));
		if (rank == t->boost)
			return;
		sched_set_boost(t, rank);
		t = t->pi_wait ? t->pi_wait->owner : NULL;
	}
}

void futex_pi_rank_changed(struct thread *t)
{
	if (t->pi_wait)
		adjust(t->pi_wait->owner);
}

/* Would `waiter` wait for itself, if it waited for owner? */
static bool deadlock(const struct thread *waiter, const struct thread *owner)
{
	int depth;

	for (depth = 0; owner && depth < CHAIN_LIMIT; depth++) {
		if (owner == waiter)
			return true;
		owner = owner->pi_wait ? owner->pi_wait->owner : NULL;
	}
	return owner;
}

static void pi_enqueue(struct futex_waiter *w, struct thread *owner)
{
	futex_enqueue(w);
	w->owner = owner;
	w->thread->pi_wait = w;
	list_append(&pi_waiters, &w->pi_link);
	adjust(owner);
}

static void pi_dequeue(struct futex_waiter *w)
{
	struct thread *owner = w->owner;

	futex_dequeue(w);
	list_remove(&w->pi_link);
	w->owner = NULL;
	w->thread->pi_wait = NULL;
	adjust(owner);
}

/* Of the highest rank; who came first among equals. */
static struct futex_waiter *pi_first(const struct futex_key *key)
{
	struct futex_waiter *w, *best = NULL;

	list_for_each (w, &pi_waiters, pi_link)
		if (same_key(&w->key, key) && (!best || sched_rank(w->thread) > sched_rank(best->thread)))
			best = w;
	return best;
}

/* ---- the word ---- */

/* Tries to take the lock for t: 0 taken, -EAGAIN held by *owner, -EDEADLK, -ESRCH. */
static int try_lock(u64 addr, struct thread *t, struct thread **owner)
{
	u32 *word, value, tid = (u32)t->tid;
	int error = user_word(addr, true, &word);

	if (error)
		return error;
	value = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	for (;;) {
		if ((value & FUTEX_TID_MASK) == tid)
			return -EDEADLK;
		if (!(value & FUTEX_TID_MASK)) {
			/* Free, or its owner died: FUTEX_OWNER_DIED stays for the new owner to see. */
			if (__atomic_compare_exchange_n(word, &value, (value & ~FUTEX_TID_MASK) | tid, false,
							__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				return 0;
			continue;
		}
		*owner = thread_find((int)(value & FUTEX_TID_MASK));
		if (!*owner || (*owner)->state == THREAD_DEAD)
			return -ESRCH;
		if ((*owner)->process == &kernel_process)
			return -EPERM;
		/* From now on the owner has to come to the kernel to unlock. */
		if (value & FUTEX_WAITERS || __atomic_compare_exchange_n(word, &value, value | FUTEX_WAITERS, false,
									 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return deadlock(t, *owner) ? -EDEADLK : -EAGAIN;
	}
}

/* Does somebody use the futex in another way? */
static bool misused(const struct futex_key *key)
{
	struct futex_waiter *first = futex_first(key);

	return first && (!first->pi || first->requeue);
}

/* Sleeps until the lock was handed over: then the word names this thread already. */
static int await_lock(struct futex_waiter *w, u64 deadline_ns)
{
	int error = 0;

	while (!list_empty(&w->link) && !error)
		error = sched_sleep(true, deadline_ns);
	if (list_empty(&w->link))
		return 0;
	if (w->owner)
		pi_dequeue(w);
	else
		futex_dequeue(w);
	return error;
}

int futex_lock_pi(u64 addr, bool between_processes, bool try_only, u64 deadline_ns)
{
	struct futex_waiter w = {.thread = current, .bitset = FUTEX_ANY, .pi = true};
	struct thread *owner = NULL;
	int error = futex_key(addr, between_processes, &w.key);

	if (error)
		return error;
	if (misused(&w.key))
		return -EINVAL;
	error = try_lock(addr, current, &owner);
	if (error != -EAGAIN || try_only)
		return error;
	pi_enqueue(&w, owner);
	error = await_lock(&w, deadline_ns);
	return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
}

/* Gives the lock to the first waiter, or frees it. */
static void hand_over(const struct futex_key *key, u32 *word, u32 keep)
{
	struct futex_waiter *next = pi_first(key), *w;
	struct thread *t;

	if (!next) {
		__atomic_store_n(word, keep, __ATOMIC_SEQ_CST);
		return;
	}
	t = next->thread;
	pi_dequeue(next);
	list_for_each (w, &pi_waiters, pi_link) {
		if (same_key(&w->key, key)) {
			w->owner = t;
			keep |= FUTEX_WAITERS;
		}
	}
	__atomic_store_n(word, keep | (u32)t->tid, __ATOMIC_SEQ_CST);
	adjust(t);
	sched_wake(t);
}

int futex_unlock_pi(u64 addr, bool between_processes)
{
	struct futex_key key;
	u32 *word, value;
	int error;

	/* Whose it is comes first, whatever else is wrong with the word. */
	if (get_user(value, user(addr)))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != (u32)current->tid)
		return -EPERM;
	error = futex_key(addr, between_processes, &key);
	if (!error)
		error = user_word(addr, true, &word);
	if (error)
		return error;
	if (misused(&key))
		return -EINVAL;
	hand_over(&key, word, 0);
	adjust(current);
	return 0;
}

/* ---- condition variables ---- */

int futex_wait_requeue_pi(u64 addr, u64 to, bool between_processes, u32 value, u64 deadline_ns)
{
	struct futex_waiter w = {.thread = current, .bitset = FUTEX_ANY, .pi = true, .requeue = true};
	int error = futex_key(addr, between_processes, &w.key);

	if (!error)
		error = futex_key(to, between_processes, &w.requeue_key);
	if (!error && same_key(&w.key, &w.requeue_key))
		return -EINVAL;
	if (!error)
		error = futex_enqueue_if(&w, addr, value);
	if (error)
		return error;
	error = await_lock(&w, deadline_ns);
	if (error != -ERESTARTSYS)
		return error;
	/* Once it was moved the call cannot be made again: the condition has been signalled. */
	return w.requeue ? -ERESTARTNOINTR : -EAGAIN;
}

/* Lets w have the futex `to`, or wait for it; 1, or a negative errno. */
static int move(struct futex_waiter *w, u64 to, const struct futex_key *key)
{
	struct thread *owner = NULL;
	int error = try_lock(to, w->thread, &owner);

	if (error && error != -EAGAIN)
		return error;
	w->requeue = false;
	futex_dequeue(w);
	if (error) {
		w->key = *key;
		pi_enqueue(w, owner);
	} else {
		sched_wake(w->thread);
	}
	return 1;
}

int futex_cmp_requeue_pi(u64 addr, u64 to, bool between_processes, int requeue, u32 value)
{
	struct futex_key from, key;
	struct futex_waiter *w;
	u32 *word;
	s64 moved = 0;
	int error = futex_key(addr, between_processes, &from);

	if (!error)
		error = futex_key(to, between_processes, &key);
	if (!error && same_key(&from, &key))
		return -EINVAL;
	if (!error)
		error = user_word(addr, false, &word);
	if (error)
		return error;
	if (*word != value)
		return -EAGAIN;
	if (misused(&key))
		return -EINVAL;
	while (moved <= requeue && (w = futex_first(&from))) {
		if (!w->requeue || !same_key(&w->requeue_key, &key))
			return -EINVAL;
		error = move(w, to, &key);
		if (error < 0)
			return moved ? (int)moved : error;
		moved++;
	}
	return (int)moved;
}

/* ---- the end of an owner ---- */

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

static struct futex_waiter *waits_for(const struct thread *owner)
{
	struct futex_waiter *w;

	list_for_each (w, &pi_waiters, pi_link)
		if (w->owner == owner)
			return w;
	return NULL;
}

/* What it still owns goes to who waits, robust or not. */
static void release_owned(struct thread *t)
{
	struct futex_waiter *w;
	struct futex_key key;
	u32 *word, unseen;

	while ((w = waits_for(t))) {
		key = w->key;
		if (!key.mm)
			word = phys_to_virt(key.addr);
		else if (key.mm != t->mm || user_word(key.addr, true, &word))
			word = &unseen; /* unmapped */
		hand_over(&key, word, FUTEX_OWNER_DIED);
	}
	sched_set_boost(t, 0);
}

void futex_exit(struct thread *t)
{
	struct futex_key key;
	u32 zero = 0;

	if (t->robust_list)
		walk_robust_list(t);
	t->robust_list = 0;
	release_owned(t);
	/* The threads library waits on this word for the thread's end; with nobody left to see it, it stays. */
	if (t->clear_child_tid && t->mm->refs > 1) {
		if (!put_user(user(t->clear_child_tid), zero) && !futex_key(t->clear_child_tid, true, &key))
			futex_wake(&key, 1, FUTEX_ANY);
	}
	t->clear_child_tid = 0;
}
