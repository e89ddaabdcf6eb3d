/* SPDX-License-Identifier: Apache-2.0
 *
 * One-shot timers: a pairing heap for each CPU, intrusive, so that arming a timer cannot fail. Insert O(1), cancel and
 * expiry O(log n) amortised.
 */
#include "guestkernel/lib.h"
#include "guestkernel/proc/sched.h"

static struct timer *heap[BOOT_MAX_CPUS];

/* Joins two heaps whose roots have no siblings; either may be NULL. prev of a first child is its parent. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->deadline_ns < a->deadline_ns) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* Joins a list of siblings into one heap: pairs from the left, then the pairs from the right. Iterative, because a list
 * may be thousands long and the stack is 16 KiB. */
static struct timer *meld_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *a, *b, *root = NULL;

	while (first) {
		a = first;
		b = a->next;
		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		a = pairs;
		pairs = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

void timer_arm(struct timer *timer, u64 deadline_ns)
{
	int cpu = arch_cpu();

	timer_cancel(timer);
	*timer = (struct timer){.deadline_ns = deadline_ns, .fn = timer->fn, .armed = true, .cpu = (u8)cpu};
	heap[cpu] = meld(heap[cpu], timer);
}

void timer_cancel(struct timer *timer)
{
	struct timer *rest;

	if (!timer->armed)
		return;
	timer->armed = false;
	rest = meld_siblings(timer->child);
	if (heap[timer->cpu] == timer) {
		heap[timer->cpu] = rest;
		return;
	}
	if (timer->prev->child == timer)
		timer->prev->child = timer->next;
	else
		timer->prev->next = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	heap[timer->cpu] = meld(heap[timer->cpu], rest);
}

u64 timer_next(int cpu)
{
	return heap[cpu] ? MAX(heap[cpu]->deadline_ns, 1) : 0;
}

void timer_run(u64 now_ns)
{
	int cpu = arch_cpu();
	struct timer *t;

	while ((t = heap[cpu]) && t->deadline_ns <= now_ns) {
		timer_cancel(t);
		t->fn(t);
	}
}

u64 time_boot_ns(void)
{
	return arch_tsc_to_ns(arch_tsc());
}

u64 time_wall_ns(void)
{
	return boot->wall_ns + (time_boot_ns() - arch_tsc_to_ns(boot->wall_tsc));
}
