/* SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler: a run queue for each CPU, whose order is runqueue.c's. A woken thread goes to the CPU it ran on when
 * that is idle, else to any idle one; an idle CPU takes waiting threads from the others, and who has used up a slice
 * goes where fewer wait. There is no tick: a CPU asks for a timer event only when a timer is armed or other threads
 * wait for it. All of this is under the one kernel lock.
 */
#include "guestkernel/events.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/runqueue.h"
#include "guestkernel/proc/signal.h"

#define TIMER_GAP_NS                                                                                                   \
	200000ull /* between two timer events in user mode: one costs some 100 us where ring 0 is emulated */

#define TURN_NS 30000000ull /* CPUs that differ by one thread exchange one this often */

static struct runqueue queues[BOOT_MAX_CPUS];
static struct thread idle_threads[BOOT_MAX_CPUS];
static u64 online; /* bit mask of CPUs that have begun to schedule */

static struct runqueue *this_queue(void)
{
	return &queues[arch_cpu()];
}

static bool queue_idle(const struct runqueue *c)
{
	return c->running == c->idle && !c->queued;
}

static u64 online_mask(void)
{
	return online;
}

static void resched_cpu(struct runqueue *c)
{
	c->running->need_resched = true;
	if (c != this_queue())
		arch_kick_cpu((int)(c - queues));
}

/* A CPU of `allowed` that runs what is of less rank than t, the least of all; NULL: none. */
static struct runqueue *least_rank(const struct thread *t, u64 allowed)
{
	struct runqueue *best = NULL;
	int i;

	for (i = 0; i < arch_cpus(); i++)
		if ((allowed & 1ull << i) && sched_rank(queues[i].running) < sched_rank(best ? best->running : t))
			best = &queues[i];
	return best;
}

/* How many share a CPU. */
static unsigned load(const struct runqueue *c)
{
	return c->queued + (c->running != c->idle);
}

/* The CPU of `allowed` that the fewest share, apart from those that a real-time thread holds; NULL: none. */
static struct runqueue *least_loaded(u64 allowed)
{
	struct runqueue *best = NULL;
	int i;

	for (i = 0; i < arch_cpus(); i++)
		if ((allowed & 1ull << i) && !sched_rank(queues[i].running) && (!best || load(&queues[i]) < load(best)))
			best = &queues[i];
	return best;
}

/* Where a thread waits least, when none is idle. */
static struct runqueue *choose_busy(const struct thread *t, u64 allowed)
{
	struct runqueue *best = NULL;
	int i;

	if ((allowed & 1ull << t->cpu) && !sched_rank(queues[t->cpu].running)) {
		best = sched_rank(t) ? NULL : least_loaded(allowed);
		return best && load(best) + 1 < load(&queues[t->cpu]) ? best : &queues[t->cpu];
	}
	best = sched_rank(t) ? least_rank(t, allowed) : NULL;
	for (i = 0; i < arch_cpus() && !best; i++)
		if ((allowed & 1ull << i) && !sched_rank(queues[i].running))
			best = &queues[i];
	if (best || (allowed & 1ull << t->cpu))
		return best ? best : &queues[t->cpu];
	for (i = 0; i < arch_cpus(); i++)
		if ((allowed & 1ull << i) && (!best || queues[i].queued < best->queued))
			best = &queues[i];
	return best ? best : this_queue();
}

static struct runqueue *choose_cpu(const struct thread *t)
{
	u64 allowed = t->affinity & online_mask();
	int i;

	if ((allowed & 1ull << t->cpu) && queue_idle(&queues[t->cpu]))
		return &queues[t->cpu];
	for (i = 0; i < arch_cpus(); i++)
		if ((allowed & 1ull << i) && queue_idle(&queues[i]))
			return &queues[i];
	return choose_busy(t, allowed);
}

static void place_on(struct runqueue *c, struct thread *t, bool ahead)
{
	u64 floor = c->min_vruntime > SLICE_NS / 2 ? c->min_vruntime - SLICE_NS / 2 : 0, now = time_boot_ns();
	bool was_empty = !c->queued;

	/* vruntimes of different CPUs have nothing to do with each other, and one who slept long must not monopolise.
	 */
	if (t->cpu != c - queues || t->vruntime < floor)
		t->vruntime = floor;
	runqueue_charge(c, c->running, now);
	runqueue_add(c, (int)(c - queues), t, ahead);
	if (runqueue_preempts(c, t, now))
		resched_cpu(c);
	else if (was_empty && c != this_queue())
		arch_kick_cpu((int)(c - queues)); /* it has to end slices from now on */
}

/* Queues a runnable thread where it fits best and makes that CPU look at it in time. */
static void place(struct thread *t)
{
	place_on(choose_cpu(t), t, false);
}

void sched_start(struct thread *t, bool here)
{
	struct runqueue *c = this_queue();

	t->vruntime = 0;
	t->cpu = arch_cpu();
	t->state = THREAD_RUNNING;
	if (here && (t->affinity & 1ull << arch_cpu())) {
		t->vruntime = c->min_vruntime;
		runqueue_add(c, arch_cpu(), t, false);
	} else {
		place(t);
	}
}

void sched_wake(struct thread *t)
{
	if (t->state != THREAD_SLEEPING && t->state != THREAD_BLOCKED)
		return;
	t->state = THREAD_RUNNING;
	t->rt_since_ns = t->user_ns + t->system_ns;
	place(t);
}

void sched_resume(struct thread *t)
{
	if (t->state != THREAD_STOPPED)
		return;
	t->state = THREAD_RUNNING;
	place(t);
}

void sched_poke(struct thread *t)
{
	if (t != current && queues[t->cpu].running == t)
		resched_cpu(&queues[t->cpu]);
}

static bool may_run(const struct thread *t, const struct runqueue *c)
{
	return t->affinity & 1ull << (c - queues);
}

/* The best that waits elsewhere and may run on c: of more than `rank`, unless c would idle otherwise. */
static struct thread *waits_elsewhere(const struct runqueue *c, int rank)
{
	struct thread *t, *best = NULL;
	int i;

	for (i = 0; i < arch_cpus(); i++) {
		list_for_each (t, &queues[i].queue, run_link) {
			if (best ? sched_rank(t) <= sched_rank(best) : sched_rank(t) <= rank)
				break;
			if (may_run(t, c)) {
				best = t;
				break;
			}
		}
	}
	return best;
}

static struct thread *pick(struct runqueue *c, u64 now)
{
	struct thread *t = runqueue_first(c, now), *other = NULL;

	if (!t)
		other = waits_elsewhere(c, -1);
	else if (rt_waiting > c->queued_rt && !runqueue_throttled(c, now))
		other = waits_elsewhere(c, sched_rank(t));
	if (!t && !other)
		return c->idle;
	if (other)
		t = other;
	runqueue_remove(&queues[t->queue], t);
	if (other)
		t->vruntime = c->min_vruntime;
	return t;
}

/* A real-time thread that had to give way goes on elsewhere, if something lesser runs there. */
static void push_away(struct runqueue *c, struct thread *t)
{
	struct runqueue *to = least_rank(t, t->affinity & online_mask());

	if (!to || to == c)
		return;
	runqueue_remove(c, t);
	place_on(to, t, true);
}

/* Where a thread of c that has to wait has fewer before it, or NULL. Where the numbers cannot be equal, the CPU with
 * one more changes, so that in the long run all threads get the same. */
static struct runqueue *fewer_wait(struct runqueue *c, const struct thread *t, u64 now)
{
	struct runqueue *to = c->queued && !sched_rank(t) ? least_loaded(t->affinity & online_mask()) : NULL;

	if (!to || load(to) >= load(c))
		return NULL;
	if (load(to) + 1 == load(c) && (now < c->moved_ns + TURN_NS || now < to->moved_ns + TURN_NS))
		return NULL;
	c->moved_ns = to->moved_ns = now;
	return to;
}

static void put_back(struct runqueue *c, struct thread *t, bool ahead, u64 now)
{
	struct runqueue *to = arch_cpus() > 1 ? fewer_wait(c, t, now) : NULL;

	t->involuntary++;
	if (to)
		place_on(to, t, false);
	else if (may_run(t, c))
		runqueue_add(c, (int)(c - queues), t, ahead);
	else
		place(t);
}

/* ahead: the current thread has not given way by itself. */
static void switch_away(bool ahead)
{
	struct runqueue *c = this_queue();
	struct thread *prev = current, *next;
	u64 now = time_boot_ns();

	runqueue_charge(c, prev, now);
	prev->need_resched = false;
	if (prev != c->idle && prev->state == THREAD_RUNNING)
		put_back(c, prev, ahead && !runqueue_expired(c, now), now);
	else if (prev != c->idle)
		prev->voluntary++;
	next = pick(c, now);
	next->cpu = (int)(c - queues);
	next->run_start_ns = next->slice_start_ns = now;
	c->running = next;
	if (next == prev)
		return;
	if (prev->on_queue && prev->queue == c - queues && sched_rank(prev) && arch_cpus() > 1)
		push_away(c, prev);
	shared->stats.context_switches++;
	if (prev->in_kernel)
		prev->system_ns += now - prev->mark_ns;
	next->mark_ns = now;
	next->in_kernel = true;
	next->rseq_event = true;
	arch_switch(prev, next);
}

void schedule(void)
{
	switch_away(true);
}

void sched_yield_cpu(void)
{
	struct runqueue *c = this_queue();
	struct thread *first;

	runqueue_charge(c, current, time_boot_ns());
	if (!c->queued)
		return;
	/* Behind the first who waits: two threads that yield to each other alternate. */
	first = runqueue_first_normal(c);
	if (!sched_rank(current) && first)
		current->vruntime = MAX(current->vruntime, first->vruntime + 1);
	switch_away(false);
}

struct sleeper {
	struct timer timer;
	struct thread *thread;
};

static void sleep_over(struct timer *timer)
{
	sched_wake(container_of(timer, struct sleeper, timer)->thread);
}

int sched_sleep(bool interruptible, u64 deadline_ns)
{
	struct sleeper sleeper = {.timer.fn = sleep_over, .thread = current};

	if (interruptible && signal_pending(current))
		return -ERESTARTSYS;
	if (deadline_ns) {
		if (time_boot_ns() >= deadline_ns)
			return -ETIMEDOUT;
		timer_arm(&sleeper.timer, deadline_ns);
	}
	current->state = interruptible ? THREAD_SLEEPING : THREAD_BLOCKED;
	schedule();
	timer_cancel(&sleeper.timer);
	/* Whatever it was: the caller looks at its condition first; a signal or the deadline is told by the next call.
	 */
	return 0;
}

int sched_sleep_killable(void)
{
	if (current->killed)
		return -EINTR;
	current->killable = true;
	current->state = THREAD_BLOCKED;
	schedule();
	current->killable = false;
	return 0;
}

static void run_timers(struct runqueue *c, u64 now)
{
	timer_run(now);
	c->timers_ran_ns = time_boot_ns();
}

void sched_tick(void)
{
	struct runqueue *c = this_queue();
	u64 now = time_boot_ns(), end;

	if (!c->running->in_kernel)
		account_enter_kernel(); /* the event came out of user mode */
	run_timers(c, now);
	if (c->running == c->idle)
		return;
	runqueue_charge(c, c->running, now);
	cpu_timer_check(c->running);
	end = runqueue_slice_end(c);
	if (end && now >= end)
		c->running->need_resched = true;
}

static u64 earlier(u64 a, u64 b)
{
	return !a || (b && b < a) ? b : a;
}

void sched_before_user(void)
{
	struct runqueue *c = this_queue();
	u64 deadline = timer_next(arch_cpu());

	if (c->queued)
		deadline = earlier(deadline, runqueue_slice_end(c));
	deadline = earlier(deadline, cpu_timer_deadline(c->running));
	/* An event costs much: timers that are always due again must leave the program time between two of them. */
	if (deadline)
		deadline = MAX(deadline, c->timers_ran_ns + TIMER_GAP_NS);
	arch_set_deadline(deadline ? arch_ns_to_tsc(deadline) : 0);
}

void sched_idle(void)
{
	u64 deadline;

	for (;;) {
		events_handle(arch_take_events());
		run_timers(this_queue(), time_boot_ns());
		schedule();
		deadline = timer_next(arch_cpu());
		arch_idle(deadline ? arch_ns_to_tsc(deadline) : 0);
	}
}

void sched_set_nice(struct thread *t, int nice)
{
	if (queues[t->cpu].running == t)
		runqueue_charge(&queues[t->cpu], t, time_boot_ns());
	t->nice = nice;
}

/* Takes t out of the order while its rank changes. */
static bool begin_change(struct thread *t)
{
	bool queued = t->on_queue;

	if (queued)
		runqueue_remove(&queues[t->queue], t);
	else if (queues[t->cpu].running == t)
		runqueue_charge(&queues[t->cpu], t, time_boot_ns());
	return queued;
}

static void end_change(struct thread *t, bool queued)
{
	struct runqueue *c = &queues[t->cpu];

	if (!sched_rank(t)) /* the others went on meanwhile */
		t->vruntime = MAX(t->vruntime, c->min_vruntime);
	if (queued)
		place(t);
	else if (c->running == t)
		resched_cpu(c);
}

void sched_set_policy(struct thread *t, int policy, int rt_priority)
{
	bool queued = begin_change(t);

	if (!t->rt_priority)
		t->rt_since_ns = t->user_ns + t->system_ns;
	t->policy = policy;
	t->rt_priority = rt_priority;
	end_change(t, queued);
}

void sched_set_boost(struct thread *t, int rank)
{
	bool queued;

	if (t->boost == rank)
		return;
	queued = begin_change(t);
	t->boost = rank;
	end_change(t, queued);
}

int sched_set_affinity(struct thread *t, u64 mask)
{
	struct runqueue *c = &queues[t->cpu];

	if (!(mask & online_mask()))
		return -EINVAL;
	t->affinity = mask;
	if (mask & 1ull << (t->on_queue ? t->queue : t->cpu))
		return 0;
	if (t->on_queue) {
		runqueue_remove(&queues[t->queue], t);
		place(t);
	} else if (c->running == t) {
		resched_cpu(c);
	}
	return 0;
}

u64 sched_runnable(void)
{
	u64 n = 0;
	int i;

	for (i = 0; i < arch_cpus(); i++)
		n += queues[i].queued + (queues[i].running != queues[i].idle);
	return n;
}

void sched_init_cpu(int cpu)
{
	struct thread *t = &idle_threads[cpu];
	struct runqueue *c = &queues[cpu];

	__atomic_or_fetch(&online, 1ull << cpu, __ATOMIC_SEQ_CST); /* before this CPU can take the lock */
	list_init(&t->run_link);
	list_init(&t->process_link);
	t->process = &kernel_process;
	t->cred = cred_kernel;
	t->affinity = 1ull << cpu;
	ksnprintf(t->comm, sizeof(t->comm), "idle/%d", cpu);
	t->cpu = cpu;
	c->idle = c->running = t;
	arch_thread_init_idle(t, cpu);
}

void sched_init(void)
{
	int i;

	online = 0;
	rt_waiting = 0;
	for (i = 0; i < arch_cpus(); i++) {
		runqueue_init(&queues[i], &idle_threads[i]);
		idle_threads[i].in_kernel = true;
	}
	sched_init_cpu(0);
}
