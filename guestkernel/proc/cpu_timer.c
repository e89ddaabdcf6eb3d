/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers on CPU time. They are looked at when the scheduler's timer event comes; the running thread asks for that event
 * at the earliest time at which its process can reach the first of them.
 */
#include <asm/signal.h>
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/signal.h"

#define CHECK_NS     1000000ull /* do not ask for events closer together than this */
#define LIMIT_CPU    0		/* RLIMIT_CPU */
#define LIMIT_RTTIME 15		/* RLIMIT_RTTIME */

u64 cpu_clock_ns(const struct process *p, enum cpu_clock clock)
{
	return process_user_ns(p) + (clock == CPU_TOTAL ? process_system_ns(p) : 0);
}

void cpu_timer_arm(struct cpu_timer *timer, struct process *p, u64 expires_ns)
{
	struct thread *t;

	cpu_timer_cancel(timer);
	timer->expires_ns = expires_ns;
	timer->armed = true;
	list_append(&p->cpu_timers, &timer->link);
	list_for_each (t, &p->threads, process_link) /* those that run did not ask for its event */
		sched_poke(t);
}

void cpu_timer_cancel(struct cpu_timer *timer)
{
	if (timer->armed)
		list_remove(&timer->link);
	timer->armed = false;
}

/* RLIMIT_RTTIME, microseconds: what a real-time thread may use without sleeping. */
static bool rt_limited(const struct thread *t)
{
	return t->rt_priority && t->process->rlimit[LIMIT_RTTIME].cur != K_RLIM_INFINITY;
}

static u64 rt_used_us(const struct thread *t)
{
	return (thread_cpu_ns(t) - t->rt_since_ns) / 1000;
}

/* SIGXCPU at the soft limit, which then is a second later, and SIGKILL at the hard one. */
static void rt_check(struct thread *t)
{
	struct k_rlimit *limit = &t->process->rlimit[LIMIT_RTTIME];
	u64 used = rt_used_us(t);

	if (limit->max != K_RLIM_INFINITY && used >= limit->max) {
		signal_send_process(t->process, SIGKILL, NULL);
	} else if (used >= limit->cur) {
		limit->cur += 1000000;
		signal_send_process(t->process, SIGXCPU, NULL);
	}
}

/* When it reaches a limit at the earliest, in ns since boot. */
static u64 rt_deadline(const struct thread *t)
{
	const struct k_rlimit *limit = &t->process->rlimit[LIMIT_RTTIME];
	u64 used = rt_used_us(t), end = MIN(limit->cur, limit->max), left = end > used ? end - used : 0;

	return time_boot_ns() + MAX(MIN(left, K_RLIM_INFINITY / 4000) * 1000, CHECK_NS);
}

void cpu_timers_end(struct process *p)
{
	struct cpu_timer *timer, *tmp;

	list_for_each_safe (timer, tmp, &p->cpu_timers, link)
		cpu_timer_cancel(timer);
}

/* What the timer counts has run while t did: how far it is. */
static u64 counted_ns(const struct cpu_timer *timer, const struct thread *t)
{
	if (!timer->tid)
		return cpu_clock_ns(t->process, timer->clock);
	return timer->clock == CPU_USER ? t->user_ns : thread_cpu_ns(t);
}

static bool counts(const struct cpu_timer *timer, const struct thread *t)
{
	return !timer->tid || timer->tid == t->tid;
}

void cpu_timer_check(struct thread *t)
{
	struct process *p = t->process;
	struct cpu_timer *timer, *tmp;

	if (rt_limited(t))
		rt_check(t);
	list_for_each_safe (timer, tmp, &p->cpu_timers, link) {
		if (!counts(timer, t) || counted_ns(timer, t) < timer->expires_ns)
			continue;
		cpu_timer_cancel(timer);
		timer->fn(timer, p);
	}
}

u64 cpu_timer_deadline(const struct thread *t)
{
	const struct process *p = t->process;
	struct cpu_timer *timer;
	u64 first = ~0ull, used, left, rt = rt_limited(t) ? rt_deadline(t) : 0;

	list_for_each (timer, &p->cpu_timers, link) {
		if (!counts(timer, t))
			continue;
		used = counted_ns(timer, t);
		left = timer->expires_ns > used ? timer->expires_ns - used : 0;
		first = MIN(first, timer->tid ? left : left / MAX(p->thread_count, 1u));
	}
	if (first == ~0ull)
		return rt;
	first = time_boot_ns() + MAX(first, CHECK_NS);
	return rt ? MIN(rt, first) : first;
}

/* RLIMIT_CPU: SIGXCPU each second from the soft limit on, SIGKILL at the hard one. */
static void limit_reached(struct cpu_timer *timer, struct process *p)
{
	u64 seconds = cpu_clock_ns(p, CPU_TOTAL) / 1000000000;

	if (seconds >= p->rlimit[LIMIT_CPU].max) {
		signal_send_process(p, SIGKILL, NULL);
		return;
	}
	signal_send_process(p, SIGXCPU, NULL);
	cpu_timer_arm(timer, p, MIN(seconds + 1, p->rlimit[LIMIT_CPU].max) * 1000000000);
}

void cpu_limit_update(struct process *p)
{
	u64 soft = p->rlimit[LIMIT_CPU].cur;

	p->cpu_limit->fn = limit_reached;
	p->cpu_limit->clock = CPU_TOTAL;
	if (soft >= K_RLIM_INFINITY / 1000000000)
		cpu_timer_cancel(p->cpu_limit);
	else
		cpu_timer_arm(p->cpu_limit, p, MAX(soft, 1) * 1000000000);
}
