/* SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler: a run queue for each CPU, ordered by weighted CPU time. A woken thread goes to the CPU it ran on when
 * that is idle, else to any idle one; an idle CPU takes waiting threads from the others. There is no tick: a CPU asks
 * for a timer event only when a timer is armed or other threads wait for it. All of this is under the one kernel lock.
 */
#include "guestkernel/events.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"

#define SLICE_NS 4000000ull /* how long a thread runs while others wait */
#define TIMER_GAP_NS                                                                                                   \
	200000ull /* between two timer events in user mode: one costs some 100 us where ring 0 is emulated */
#define WAKE_LEAD_NS  1000000ull /* a woken thread preempts when it is this far behind the running one */
#define WEIGHT_NICE_0 1024

struct runqueue {
	struct thread *running, *idle;
	struct list queue; /* run_link, by vruntime */
	unsigned queued;
	u64 min_vruntime;  /* never decreases: where new and woken threads join */
	u64 timers_ran_ns; /* when the timers were last looked at */
};

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

/* Each nice level is worth a quarter more or less CPU time than the next. */
static u64 nice_weight(int nice)
{
	u64 w = WEIGHT_NICE_0;

	for (; nice > 0; nice--)
		w = w * 4 / 5;
	for (; nice < 0; nice++)
		w = w * 5 / 4;
	return MAX(w, 3);
}

static void charge(struct runqueue *c, struct thread *t, u64 now)
{
	u64 ran = now > t->run_start_ns ? now - t->run_start_ns : 0;
	u64 first;

	t->run_start_ns = now;
	if (t == c->idle)
		return;
	t->vruntime += t->nice ? ran * WEIGHT_NICE_0 / nice_weight(t->nice) : ran;
	first = c->queued ? list_first(&c->queue, struct thread, run_link)->vruntime : t->vruntime;
	c->min_vruntime = MAX(c->min_vruntime, MIN(t->vruntime, first));
}

static void enqueue(struct runqueue *c, struct thread *t)
{
	struct thread *pos;

	t->queue = (int)(c - queues);
	t->on_queue = true;
	c->queued++;
	/* From the end: who has just run goes far back. */
	for (pos = list_last(&c->queue, struct thread, run_link); &pos->run_link != &c->queue;
	     pos = list_last(&pos->run_link, struct thread, run_link))
		if (pos->vruntime <= t->vruntime)
			break;
	list_insert_between(&t->run_link, &pos->run_link, pos->run_link.next);
}

static void dequeue(struct runqueue *c, struct thread *t)
{
	list_remove(&t->run_link);
	t->on_queue = false;
	c->queued--;
}

static void resched_cpu(struct runqueue *c)
{
	c->running->need_resched = true;
	if (c != this_queue())
		arch_kick_cpu((int)(c - queues));
}

static struct runqueue *choose_cpu(const struct thread *t)
{
	u64 allowed = t->affinity & online_mask();
	struct runqueue *best = NULL;
	int i;

	if ((allowed & 1ull << t->cpu) && queue_idle(&queues[t->cpu]))
		return &queues[t->cpu];
	for (i = 0; i < arch_cpus(); i++)
		if ((allowed & 1ull << i) && queue_idle(&queues[i]))
			return &queues[i];
	if (allowed & 1ull << t->cpu)
		return &queues[t->cpu];
	for (i = 0; i < arch_cpus(); i++)
		if ((allowed & 1ull << i) && (!best || queues[i].queued < best->queued))
			best = &queues[i];
	return best ? best : this_queue();
}

/* Queues a runnable thread where it fits best and makes that CPU look at it in time. */
static void place(struct thread *t)
{
	struct runqueue *c = choose_cpu(t);
	u64 floor = c->min_vruntime > SLICE_NS / 2 ? c->min_vruntime - SLICE_NS / 2 : 0;
	bool was_empty = !c->queued;

	/* vruntimes of different CPUs have nothing to do with each other, and one who slept long must not monopolise.
	 */
	if (t->cpu != c - queues || t->vruntime < floor)
		t->vruntime = floor;
	charge(c, c->running, time_boot_ns());
	enqueue(c, t);
	if (c->running == c->idle || t->vruntime + WAKE_LEAD_NS < c->running->vruntime)
		resched_cpu(c);
	else if (was_empty && c != this_queue())
		arch_kick_cpu((int)(c - queues)); /* it has to end slices from now on */
}

void sched_start(struct thread *t, bool here)
{
	struct runqueue *c = this_queue();

	t->vruntime = 0;
	t->cpu = arch_cpu();
	t->state = THREAD_RUNNING;
	if (here && (t->affinity & 1ull << arch_cpu())) {
		t->vruntime = c->min_vruntime;
		enqueue(c, t);
	} else {
		place(t);
	}
}

void sched_wake(struct thread *t)
{
	if (t->state != THREAD_SLEEPING && t->state != THREAD_BLOCKED)
		return;
	t->state = THREAD_RUNNING;
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

static struct thread *pick(struct runqueue *c)
{
	struct thread *t;
	int i;

	if (c->queued) {
		t = list_first(&c->queue, struct thread, run_link);
		dequeue(c, t);
		return t;
	}
	for (i = 0; i < arch_cpus(); i++) {
		list_for_each (t, &queues[i].queue, run_link) {
			if (!(t->affinity & 1ull << (c - queues)))
				continue;
			dequeue(&queues[i], t);
			t->vruntime = c->min_vruntime;
			return t;
		}
	}
	return c->idle;
}

void schedule(void)
{
	struct runqueue *c = this_queue();
	struct thread *prev = current, *next;
	u64 now = time_boot_ns();

	charge(c, prev, now);
	prev->need_resched = false;
	if (prev != c->idle && prev->state == THREAD_RUNNING) {
		prev->involuntary++;
		if (prev->affinity & 1ull << arch_cpu())
			enqueue(c, prev);
		else
			place(prev);
	} else if (prev != c->idle) {
		prev->voluntary++;
	}
	next = pick(c);
	next->cpu = (int)(c - queues);
	next->run_start_ns = next->slice_start_ns = now;
	c->running = next;
	if (next == prev)
		return;
	shared->stats.context_switches++;
	if (prev->in_kernel)
		prev->system_ns += now - prev->mark_ns;
	next->mark_ns = now;
	next->in_kernel = true;
	arch_switch(prev, next);
}

void sched_yield_cpu(void)
{
	struct runqueue *c = this_queue();

	charge(c, current, time_boot_ns());
	if (!c->queued)
		return;
	/* Behind the first who waits: two threads that yield to each other alternate. */
	current->vruntime = MAX(current->vruntime, list_first(&c->queue, struct thread, run_link)->vruntime + 1);
	schedule();
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
	u64 now = time_boot_ns();

	if (!c->running->in_kernel)
		account_enter_kernel(); /* the event came out of user mode */
	run_timers(c, now);
	if (c->running == c->idle)
		return;
	charge(c, c->running, now);
	cpu_timer_check(c->running);
	if (c->queued && now >= c->running->slice_start_ns + SLICE_NS)
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
		deadline = earlier(deadline, c->running->slice_start_ns + SLICE_NS);
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
		charge(&queues[t->cpu], t, time_boot_ns());
	t->nice = nice;
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
		dequeue(&queues[t->queue], t);
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
	memset(queues, 0, sizeof(queues));
	for (i = 0; i < arch_cpus(); i++) {
		list_init(&queues[i].queue);
		queues[i].idle = queues[i].running = &idle_threads[i];
		idle_threads[i].in_kernel = true;
	}
	sched_init_cpu(0);
}
