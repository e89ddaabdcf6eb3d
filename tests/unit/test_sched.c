/* SPDX-License-Identifier: Apache-2.0
 *
 * What the scheduler decides: who runs next, where a woken thread goes, when a timer event is asked for. The stub's
 * arch_switch() only changes who is current, so each schedule() returns at once and the decision can be looked at.
 * sources: guestkernel/proc/sched.c guestkernel/proc/runqueue.c guestkernel/proc/wait.c guestkernel/proc/timer.c guestkernel/lib.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <linux/sched.h>
#include "guestkernel/events.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/signal.h"
#include "tests/unit/arch_stub.h"

#define MS 1000000ull

struct process kernel_process;
const struct cred cred_kernel;
static bool signalled;

bool signal_pending(struct thread *t)
{
	return signalled;
}
void cpu_timer_check(struct thread *t) {}
u64 cpu_timer_deadline(const struct thread *t)
{
	return 0;
}
void account_enter_kernel(void) {}
void events_handle(u32 events) {}
static struct thread *idle[BOOT_MAX_CPUS];
void arch_thread_init_idle(struct thread *t, int cpu)
{
	idle[cpu] = t;
	stub_current = t;
}

static struct thread threads[8];

/* CPUs that all idle; the test stands on CPU 0. */
static void start(int cpus)
{
	stub_init(1 << 20);
	signalled = false;
	stub_cpus = cpus;
	memset(threads, 0, sizeof(threads));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		list_init(&threads[i].run_link);
		threads[i].affinity = ~0ull;
		threads[i].process = &kernel_process;
		threads[i].in_kernel = true;
	}
	stub_now_ns = 1000 * MS;
	sched_init();
	for (int i = 1; i < cpus; i++) {
		stub_cpu = i;
		sched_init_cpu(i);
	}
	stub_cpu = 0;
	stub_current = idle[0];
}

static void on_cpu(int cpu, struct thread *running)
{
	stub_cpu = cpu;
	stub_current = running;
}

/* The current thread computes for ms, with a tick each millisecond, and is switched when the scheduler wants it. */
static void run_for(u64 ms)
{
	for (u64 i = 0; i < ms; i++) {
		stub_now_ns += MS;
		sched_tick();
		if (stub_current->need_resched)
			schedule();
	}
}

static u64 share_of(struct thread *t, u64 ms)
{
	u64 mine = 0;

	for (u64 i = 0; i < ms; i++) {
		mine += stub_current == t;
		run_for(1);
	}
	return mine;
}

static void equal_threads_share_a_cpu_equally(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	sched_start(&threads[2], false);
	schedule();
	u64 share = share_of(&threads[0], 3000);
	assert_in_range(share, 950, 1050);
	assert_int_equal(sched_runnable(), 3);
}

static void nice_threads_get_less(void **state)
{
	start(1);
	threads[1].nice = 5; /* 1024 to 335 */
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	schedule();
	assert_in_range(share_of(&threads[0], 4000), 2850, 3150);
}

static void a_lone_thread_is_never_interrupted(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	schedule();
	assert_ptr_equal(stub_current, &threads[0]);
	sched_before_user();
	assert_int_equal(stub_deadline, 0);
	run_for(100);
	assert_int_equal(stub_switches, 1);
}

static void a_slice_ends_only_when_others_wait(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	schedule();
	sched_start(&threads[1], false);
	sched_before_user();
	assert_int_equal(stub_deadline, stub_now_ns + 4 * MS);
	stub_now_ns += 4 * MS;
	sched_tick();
	assert_true(stub_current->need_resched);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
}

static void a_sleeper_catches_up_at_most_half_a_slice(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	schedule();
	threads[1].state = THREAD_SLEEPING;
	run_for(10000);
	sched_wake(&threads[1]);
	assert_int_equal(threads[1].state, THREAD_RUNNING);
	assert_true(threads[0].need_resched); /* it waited long: it goes first */
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	assert_in_range(share_of(&threads[1], 100), 45, 58);
}

static void who_has_just_begun_to_run_is_not_preempted_by_a_wake_up(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	schedule();
	run_for(100);
	stub_current->slice_start_ns = stub_now_ns;
	threads[1].state = THREAD_SLEEPING;
	sched_wake(&threads[1]); /* far behind, but the other has its turn from this moment */
	assert_false(threads[0].need_resched);
	stub_now_ns += MS;
	threads[2].state = THREAD_SLEEPING;
	sched_wake(&threads[2]);
	assert_true(threads[0].need_resched);
}

static void a_woken_thread_returns_to_its_idle_cpu(void **state)
{
	start(4);
	threads[0].state = THREAD_SLEEPING;
	threads[0].cpu = 2;
	sched_wake(&threads[0]);
	assert_int_equal(threads[0].queue, 2);
	assert_int_equal(stub_kicks, 1u << 2);
}

static void a_woken_thread_avoids_busy_cpus(void **state)
{
	start(2);
	on_cpu(1, idle[1]);
	threads[1].affinity = 2;
	sched_start(&threads[1], false);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	on_cpu(0, idle[0]);
	threads[0].state = THREAD_SLEEPING;
	threads[0].cpu = 1;
	sched_wake(&threads[0]);
	assert_int_equal(threads[0].queue, 0);
}

static void an_idle_cpu_takes_waiting_threads_that_may_move(void **state)
{
	start(2);
	threads[0].affinity = threads[1].affinity = 1;
	sched_start(&threads[0], false);
	schedule();
	sched_start(&threads[1], false); /* bound to CPU 0 */
	threads[2].affinity = 1;
	sched_start(&threads[2], false);
	on_cpu(1, idle[1]);
	schedule();
	assert_ptr_equal(stub_current, idle[1]);
	threads[2].affinity = 3;
	schedule();
	assert_ptr_equal(stub_current, &threads[2]);
}

static void affinity_moves_a_running_thread(void **state)
{
	start(2);
	sched_start(&threads[0], false);
	schedule();
	assert_int_equal(sched_set_affinity(&threads[0], 4), -EINVAL);
	assert_int_equal(sched_set_affinity(&threads[0], 2), 0);
	assert_true(threads[0].need_resched);
	schedule();
	assert_ptr_equal(stub_current, idle[0]);
	assert_int_equal(threads[0].cpu, 0); /* it is still on its way off this CPU */
	assert_int_equal(threads[0].queue, 1);
	assert_true(stub_kicks & 2);
	on_cpu(1, idle[1]);
	schedule();
	assert_ptr_equal(stub_current, &threads[0]);
}

static void sleep_tells_signals_and_deadlines(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	schedule();
	signalled = true;
	assert_int_equal(sched_sleep(true, 0), -ERESTARTSYS);
	assert_int_equal(sched_sleep(false, stub_now_ns), -ETIMEDOUT);
	assert_ptr_equal(stub_current, &threads[0]);
	assert_int_equal(sched_sleep(false, stub_now_ns + 5), 0); /* in the stub: "woken" at once */
	assert_int_equal(timer_next(0), 0);
	assert_ptr_equal(stub_current, idle[0]);
	assert_int_equal(threads[0].state, THREAD_BLOCKED);
	assert_int_equal(threads[0].voluntary, 1);
}

static void waking_takes_one_exclusive_waiter_and_all_others(void **state)
{
	struct wait_queue q = WAIT_QUEUE_INIT(q);
	struct wait_entry e[4] = {{.exclusive = true}, {.exclusive = true}, {.exclusive = false}, {.exclusive = true}};

	start(1);
	for (int i = 0; i < 4; i++) {
		stub_current = &threads[i];
		wait_add(&q, &e[i]);
		threads[i].state = THREAD_SLEEPING;
	}
	stub_current = idle[0];
	wake_up_one(&q, 0);
	assert_int_equal(threads[0].state, THREAD_RUNNING);
	assert_int_equal(threads[1].state, THREAD_SLEEPING);
	assert_int_equal(threads[2].state, THREAD_RUNNING);
	wake_up(&q, 0);
	assert_int_equal(threads[1].state, THREAD_RUNNING);
	assert_int_equal(threads[3].state, THREAD_RUNNING);
	for (int i = 0; i < 4; i++)
		wait_remove(&e[i]);
	wait_remove(&e[0]);
	assert_true(list_empty(&q.waiters));
}

static void yield_alternates(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	schedule();
	struct thread *first = stub_current;
	sched_yield_cpu();
	assert_ptr_not_equal(stub_current, first);
	sched_yield_cpu();
	assert_ptr_equal(stub_current, first);
}

static void make_rt(struct thread *t, int policy, int priority)
{
	sched_set_policy(t, policy, priority);
}

/* Both CPUs compute for ms, each with its own tick. */
static void both_run_for(u64 ms, struct thread *on[2])
{
	for (u64 i = 0; i < ms; i++) {
		stub_now_ns += MS;
		for (int cpu = 0; cpu < 2; cpu++) {
			on_cpu(cpu, on[cpu]);
			sched_tick();
			if (stub_current->need_resched || stub_current == idle[cpu])
				schedule();
			on[cpu] = stub_current;
		}
	}
}

static void threads_that_never_wait_share_all_cpus(void **state)
{
	struct thread *on[2];
	u64 ran[3] = {0}, least = ~0ull, most = 0;
	start(2);
	on[0] = idle[0];
	on[1] = idle[1];
	for (int i = 0; i < 3; i++)
		sched_start(&threads[i], false);
	for (int ms = 0; ms < 3000; ms++) {
		both_run_for(1, on);
		for (int i = 0; i < 3; i++)
			ran[i] += on[0] == &threads[i] || on[1] == &threads[i];
	}
	for (int i = 0; i < 3; i++) {
		most = MAX(most, ran[i]);
		least = MIN(least, ran[i]);
	}
	assert_in_range(least, 1700, 2000); /* each has two thirds of a CPU */
	assert_in_range(most, 2000, 2300);
}

static void more_threads_than_cpus_spread_evenly(void **state)
{
	struct thread *on[2];
	u64 ran[8] = {0};
	start(2);
	on[0] = idle[0];
	on[1] = idle[1];
	for (int i = 0; i < 8; i++)
		sched_start(&threads[i], false); /* all of them are born on CPU 0 */
	for (int ms = 0; ms < 4000; ms++) {
		both_run_for(1, on);
		for (int i = 0; i < 8; i++)
			ran[i] += on[0] == &threads[i] || on[1] == &threads[i];
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(ran[i], 800, 1200);
}

static void real_time_goes_first_and_by_priority(void **state)
{
	start(1);
	sched_start(&threads[0], false);
	schedule();
	make_rt(&threads[1], SCHED_FIFO, 10);
	make_rt(&threads[2], SCHED_FIFO, 20);
	make_rt(&threads[3], SCHED_FIFO, 10);
	sched_start(&threads[1], false);
	assert_true(threads[0].need_resched);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	sched_start(&threads[3], false);
	assert_false(threads[1].need_resched); /* the same priority waits */
	sched_start(&threads[2], false);
	assert_true(threads[1].need_resched);
	schedule();
	assert_ptr_equal(stub_current, &threads[2]);
	threads[2].state = THREAD_SLEEPING;
	schedule();
	assert_ptr_equal(stub_current, &threads[1]); /* who was preempted stands first of its priority */
	sched_yield_cpu();
	assert_ptr_equal(stub_current, &threads[3]);
}

static void fifo_has_no_slice_and_rr_has(void **state)
{
	start(1);
	make_rt(&threads[0], SCHED_FIFO, 5);
	make_rt(&threads[1], SCHED_FIFO, 5);
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	schedule();
	sched_before_user();
	assert_int_equal(stub_deadline, 0);
	run_for(700);
	assert_ptr_equal(stub_current, &threads[0]);
	make_rt(&threads[0], SCHED_RR, 5);
	make_rt(&threads[1], SCHED_RR, 5);
	stub_current->need_resched = true;
	schedule();
	struct thread *first = stub_current;
	sched_before_user();
	assert_int_equal(stub_deadline, stub_now_ns + 100 * MS);
	run_for(99);
	assert_ptr_equal(stub_current, first);
	run_for(1);
	assert_ptr_not_equal(stub_current, first);
}

static void a_real_time_thread_that_never_sleeps_leaves_a_twentieth(void **state)
{
	start(1);
	make_rt(&threads[1], SCHED_FIFO, 50);
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	assert_in_range(share_of(&threads[0], 10000), 400, 600);
}

static void idle_policy_gives_way_and_batch_does_not_push(void **state)
{
	start(1);
	threads[0].policy = SCHED_IDLE;
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	schedule();
	assert_in_range(share_of(&threads[0], 4000), 0, 60);
	start(1);
	threads[1].policy = SCHED_BATCH;
	sched_start(&threads[0], false);
	schedule();
	threads[1].state = THREAD_SLEEPING;
	run_for(10000);
	sched_wake(&threads[1]);
	assert_false(threads[0].need_resched);
}

static void a_boost_acts_until_it_ends(void **state)
{
	start(1);
	make_rt(&threads[1], SCHED_FIFO, 10);
	sched_start(&threads[0], false);
	sched_start(&threads[1], false);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	sched_set_boost(&threads[0], 30);
	assert_true(threads[1].need_resched);
	schedule();
	assert_ptr_equal(stub_current, &threads[0]);
	sched_set_boost(&threads[0], 0);
	assert_true(threads[0].need_resched);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	assert_int_equal(sched_runnable(), 2);
}

static void a_preempted_real_time_thread_moves_to_a_lesser_cpu(void **state)
{
	start(2);
	on_cpu(1, idle[1]);
	threads[2].affinity = 2;
	sched_start(&threads[2], false); /* an ordinary thread on CPU 1 */
	schedule();
	on_cpu(0, idle[0]);
	make_rt(&threads[0], SCHED_FIFO, 10);
	make_rt(&threads[1], SCHED_FIFO, 20);
	threads[1].affinity = 1;
	sched_start(&threads[0], false);
	schedule();
	assert_ptr_equal(stub_current, &threads[0]);
	sched_start(&threads[1], false);
	schedule();
	assert_ptr_equal(stub_current, &threads[1]);
	assert_int_equal(threads[0].queue, 1);
	assert_true(threads[2].need_resched);
	on_cpu(1, &threads[2]);
	schedule();
	assert_ptr_equal(stub_current, &threads[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_threads_share_a_cpu_equally),
	    cmocka_unit_test(nice_threads_get_less),
	    cmocka_unit_test(a_lone_thread_is_never_interrupted),
	    cmocka_unit_test(a_slice_ends_only_when_others_wait),
	    cmocka_unit_test(a_sleeper_catches_up_at_most_half_a_slice),
	    cmocka_unit_test(who_has_just_begun_to_run_is_not_preempted_by_a_wake_up),
	    cmocka_unit_test(a_woken_thread_returns_to_its_idle_cpu),
	    cmocka_unit_test(a_woken_thread_avoids_busy_cpus),
	    cmocka_unit_test(an_idle_cpu_takes_waiting_threads_that_may_move),
	    cmocka_unit_test(affinity_moves_a_running_thread),
	    cmocka_unit_test(sleep_tells_signals_and_deadlines),
	    cmocka_unit_test(waking_takes_one_exclusive_waiter_and_all_others),
	    cmocka_unit_test(yield_alternates),
	    cmocka_unit_test(threads_that_never_wait_share_all_cpus),
	    cmocka_unit_test(more_threads_than_cpus_spread_evenly),
	    cmocka_unit_test(real_time_goes_first_and_by_priority),
	    cmocka_unit_test(fifo_has_no_slice_and_rr_has),
	    cmocka_unit_test(a_real_time_thread_that_never_sleeps_leaves_a_twentieth),
	    cmocka_unit_test(idle_policy_gives_way_and_batch_does_not_push),
	    cmocka_unit_test(a_boost_acts_until_it_ends),
	    cmocka_unit_test(a_preempted_real_time_thread_moves_to_a_lesser_cpu),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
