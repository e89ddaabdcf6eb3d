/* SPDX-License-Identifier: Apache-2.0
 *
 * Wait queues: who waits for a condition. Everything here runs under the kernel lock.
 */
#include "guestkernel/proc/sched.h"

void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiters);
}

void wait_add(struct wait_queue *q, struct wait_entry *e)
{
	if (!e->notify)
		e->thread = current;
	e->woken = 0;
	/* Exclusive waiters stand behind the others, so that waking stops at the first that took the event. */
	if (e->exclusive)
		list_append(&q->waiters, &e->link);
	else
		list_push(&q->waiters, &e->link);
}

void wait_remove(struct wait_entry *e)
{
	if (e->link.next)
		list_remove(&e->link);
}

static void wake_entry(struct wait_entry *e, u32 events)
{
	e->woken++;
	if (e->notify)
		e->notify(e, events);
	else
		sched_wake(e->thread);
}

static void wake(struct wait_queue *q, u32 events, int exclusive)
{
	struct wait_entry *e, *tmp;

	list_for_each_safe (e, tmp, &q->waiters, link) {
		bool taken = e->exclusive; /* e may be gone after it was notified */

		wake_entry(e, events);
		if (taken && exclusive && !--exclusive)
			return;
	}
}

void wake_up(struct wait_queue *q, u32 events)
{
	wake(q, events, 0);
}

void wake_up_one(struct wait_queue *q, u32 events)
{
	wake(q, events, 1);
}
