/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of a run queue. Real-time threads (SCHED_FIFO, SCHED_RR, and whoever inherits from one) stand first, by
 * rank; the others share what is left by weighted CPU time. So that a real-time thread that never sleeps leaves a way
 * to stop it, others who wait get a twentieth of each second.
 */
#include <linux/sched.h>
#include "guestkernel/lib.h"
#include "guestkernel/proc/runqueue.h"

/* A woken thread preempts when it is this far behind the running one, and that has had its turn for a while: those who
 * answer each other then go on in batches, where each answer would switch there and back. */
#define WAKE_LEAD_NS  1000000ull
#define WAKE_RUN_NS   100000ull
#define WEIGHT_NICE_0 1024
#define WEIGHT_IDLE   3
#define RT_PERIOD_NS  1000000000ull /* as Linux's sched_rt_period_us and sched_rt_runtime_us */
#define RT_LIMIT_NS   950000000ull

unsigned rt_waiting;

int sched_rank(const struct thread *t)
{
	return MAX(t->rt_priority, t->boost);
}

static int policy_of(const struct thread *t)
{
	return t->policy & ~SCHED_RESET_ON_FORK;
}

/* Each nice level is worth a quarter more or less CPU time than the next. */
static u64 weight(const struct thread *t)
{
	u64 w = WEIGHT_NICE_0;
	int nice = t->nice;

	if (policy_of(t) == SCHED_IDLE)
		return WEIGHT_IDLE;
	for (; nice > 0; nice--)
		w = w * 4 / 5;
	for (; nice < 0; nice++)
		w = w * 5 / 4;
	return MAX(w, WEIGHT_IDLE);
}

void runqueue_init(struct runqueue *c, struct thread *idle)
{
	*c = (struct runqueue){.running = idle, .idle = idle};
	list_init(&c->queue);
}

struct thread *runqueue_first_normal(const struct runqueue *c)
{
	struct thread *t;

	if (c->queued == c->queued_rt)
		return NULL;
	list_for_each (t, &c->queue, run_link)
		if (!sched_rank(t))
			break;
	return t;
}

void runqueue_charge(struct runqueue *c, struct thread *t, u64 now)
{
	u64 ran = now > t->run_start_ns ? now - t->run_start_ns : 0;
	struct thread *first;

	t->run_start_ns = now;
	if (t == c->idle)
		return;
	if (sched_rank(t)) {
		if (now - c->rt_period_ns >= RT_PERIOD_NS) {
			c->rt_period_ns = now;
			c->rt_ran_ns = 0;
		} else {
			c->rt_ran_ns += ran;
		}
		return;
	}
	t->vruntime += t->nice || t->policy ? ran * WEIGHT_NICE_0 / weight(t) : ran;
	first = runqueue_first_normal(c);
	c->min_vruntime = MAX(c->min_vruntime, first ? MIN(t->vruntime, first->vruntime) : t->vruntime);
}

static bool goes_before(const struct thread *a, const struct thread *b, bool ahead)
{
	int rank = sched_rank(a), other = sched_rank(b);

	if (rank != other)
		return rank > other;
	return rank ? ahead : a->vruntime < b->vruntime;
}

void runqueue_add(struct runqueue *c, int cpu, struct thread *t, bool ahead)
{
	struct thread *pos;

	t->queue = cpu;
	t->on_queue = true;
	c->queued++;
	if (sched_rank(t)) {
		c->queued_rt++;
		rt_waiting++;
	}
	/* From the end: who has just run goes far back. */
	for (pos = list_last(&c->queue, struct thread, run_link); &pos->run_link != &c->queue;
	     pos = list_last(&pos->run_link, struct thread, run_link))
		if (!goes_before(t, pos, ahead))
			break;
	list_insert_between(&t->run_link, &pos->run_link, pos->run_link.next);
}

void runqueue_remove(struct runqueue *c, struct thread *t)
{
	list_remove(&t->run_link);
	t->on_queue = false;
	c->queued--;
	if (sched_rank(t)) {
		c->queued_rt--;
		rt_waiting--;
	}
}

bool runqueue_throttled(const struct runqueue *c, u64 now)
{
	return c->rt_ran_ns >= RT_LIMIT_NS && now - c->rt_period_ns < RT_PERIOD_NS;
}

struct thread *runqueue_first(const struct runqueue *c, u64 now)
{
	struct thread *t = c->queued_rt && runqueue_throttled(c, now) ? runqueue_first_normal(c) : NULL;

	return t || !c->queued ? t : list_first(&c->queue, struct thread, run_link);
}

bool runqueue_preempts(const struct runqueue *c, const struct thread *t, u64 now)
{
	const struct thread *r = c->running;

	if (r == c->idle)
		return true;
	if (sched_rank(t) != sched_rank(r))
		return sched_rank(t) > sched_rank(r) && !runqueue_throttled(c, now);
	if (sched_rank(t))
		return false;
	if (policy_of(t) == SCHED_IDLE || policy_of(r) == SCHED_IDLE)
		return policy_of(t) != policy_of(r) && policy_of(r) == SCHED_IDLE;
	return policy_of(t) != SCHED_BATCH && t->vruntime + WAKE_LEAD_NS < r->vruntime &&
	       now >= r->slice_start_ns + WAKE_RUN_NS;
}

static bool takes_turns(const struct runqueue *c)
{
	const struct thread *r = c->running;

	return c->queued && policy_of(r) == SCHED_RR &&
	       sched_rank(list_first(&c->queue, struct thread, run_link)) == sched_rank(r);
}

u64 runqueue_slice_end(const struct runqueue *c)
{
	const struct thread *r = c->running;
	u64 end = 0, limit;
	bool normal_waits = c->queued > c->queued_rt;

	if (!sched_rank(r)) {
		if (normal_waits)
			end = r->slice_start_ns + SLICE_NS;
		if (c->queued_rt) /* held back */
			end = end ? MIN(end, c->rt_period_ns + RT_PERIOD_NS) : c->rt_period_ns + RT_PERIOD_NS;
		return end;
	}
	if (takes_turns(c))
		end = r->slice_start_ns + RR_SLICE_NS;
	if (normal_waits) {
		limit = r->run_start_ns + (RT_LIMIT_NS - MIN(c->rt_ran_ns, RT_LIMIT_NS));
		end = end ? MIN(end, limit) : limit;
	}
	return end;
}

bool runqueue_expired(const struct runqueue *c, u64 now)
{
	return takes_turns(c) && now >= c->running->slice_start_ns + RR_SLICE_NS;
}
