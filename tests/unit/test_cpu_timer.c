/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of CPU time: RLIMIT_CPU of a process, RLIMIT_RTTIME of a real-time thread; when the next look is due.
 * sources: guestkernel/proc/cpu_timer.c guestkernel/proc/account.c guestkernel/proc/timer.c guestkernel/lib.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/signal.h"
#include "tests/unit/arch_stub.h"

#define SECOND 1000000000ull
#define RTTIME 15

static int sent, kills;
int signal_send_process(struct process *p, int sig, const struct k_siginfo *info)
{
	if (sig == SIGKILL)
		kills++;
	else
		sent = sig;
	return 0;
}

void sched_poke(struct thread *t) {}

static struct cpu_timer limit;

static int setup(void **state)
{
	stub_init(1 << 20);
	list_init(&stub_process.threads);
	list_init(&stub_process.cpu_timers);
	list_append(&stub_process.threads, &stub_thread.process_link);
	stub_process.thread_count = 1;
	stub_process.cpu_limit = &limit;
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < 16; i++)
		stub_process.rlimit[i] = (struct k_rlimit){K_RLIM_INFINITY, K_RLIM_INFINITY};
	stub_thread.user_ns = stub_thread.system_ns = stub_thread.rt_since_ns = 0;
	stub_thread.rt_priority = 0;
	stub_thread.in_kernel = false;
	sent = kills = 0;
	return 0;
}

static int teardown(void **state)
{
	stub_exit();
	return 0;
}

static void without_limits_nothing_is_due(void **state)
{
	current->rt_priority = 5;
	assert_int_equal(cpu_timer_deadline(current), 0);
	current->user_ns = 1000 * SECOND;
	cpu_timer_check(current);
	assert_int_equal(sent + kills, 0);
}

static void cpu_limit_tells_each_second(void **state)
{
	stub_process.rlimit[0] = (struct k_rlimit){2, 4};
	cpu_limit_update(&stub_process);
	assert_int_equal(cpu_timer_deadline(current), time_boot_ns() + 2 * SECOND);
	current->user_ns = 2 * SECOND;
	cpu_timer_check(current);
	assert_int_equal(sent, SIGXCPU);
	assert_int_equal(cpu_timer_deadline(current), time_boot_ns() + SECOND);
	current->user_ns = 4 * SECOND;
	cpu_timer_check(current);
	assert_int_equal(kills, 1);
}

static void rt_limit_is_of_real_time_threads(void **state)
{
	stub_process.rlimit[RTTIME] = (struct k_rlimit){500000, 3000000};
	current->user_ns = 10 * SECOND;
	assert_int_equal(cpu_timer_deadline(current), 0);
	cpu_timer_check(current);
	assert_int_equal(sent + kills, 0);
}

static void rt_limit_counts_from_the_last_sleep(void **state)
{
	stub_process.rlimit[RTTIME] = (struct k_rlimit){500000, 3000000};
	current->rt_priority = 1;
	current->user_ns = 10 * SECOND;
	current->rt_since_ns = 10 * SECOND - 400000000;
	cpu_timer_check(current);
	assert_int_equal(sent, 0);
	assert_int_equal(cpu_timer_deadline(current), time_boot_ns() + 100000000);
	current->user_ns += 100000000;
	cpu_timer_check(current);
	assert_int_equal(sent, SIGXCPU);
	assert_int_equal(stub_process.rlimit[RTTIME].cur, 1500000);
	sent = 0;
	current->user_ns += SECOND - 1000;
	cpu_timer_check(current);
	assert_int_equal(sent, 0);
	current->user_ns += SECOND + 500000000 + 1000;
	cpu_timer_check(current);
	assert_int_equal(kills, 1);
	/* an event is never asked for at once */
	assert_true(cpu_timer_deadline(current) > time_boot_ns());
}

static void the_nearer_of_both_is_due(void **state)
{
	stub_process.rlimit[0] = (struct k_rlimit){1, 4};
	stub_process.rlimit[RTTIME] = (struct k_rlimit){500000, K_RLIM_INFINITY};
	cpu_limit_update(&stub_process);
	current->rt_priority = 1;
	assert_int_equal(cpu_timer_deadline(current), time_boot_ns() + 500000000);
	stub_process.rlimit[RTTIME].cur = K_RLIM_INFINITY - 1;
	assert_int_equal(cpu_timer_deadline(current), time_boot_ns() + SECOND);
}

static int expired;

static void count_expired(struct cpu_timer *timer, struct process *p)
{
	expired++;
}

static void the_timer_of_a_thread_counts_that_thread_alone(void **state)
{
	struct cpu_timer timer = {.clock = CPU_TOTAL, .fn = count_expired, .tid = current->tid + 1};

	expired = 0;
	cpu_timer_arm(&timer, &stub_process, SECOND);
	current->user_ns = 5 * SECOND;
	cpu_timer_check(current);
	assert_int_equal(expired, 0);
	assert_int_equal(cpu_timer_deadline(current), 0);
	timer.tid = current->tid;
	current->user_ns = SECOND / 2;
	stub_process.thread_count = 4; /* the others make it no faster */
	assert_int_equal(cpu_timer_deadline(current), time_boot_ns() + SECOND / 2);
	current->user_ns = SECOND;
	cpu_timer_check(current);
	assert_int_equal(expired, 1);
	assert_false(timer.armed);
}

static void the_end_of_a_process_disarms_what_counts_it(void **state)
{
	struct cpu_timer timer = {.clock = CPU_TOTAL, .fn = count_expired};

	cpu_timer_arm(&timer, &stub_process, SECOND);
	cpu_timers_end(&stub_process);
	assert_false(timer.armed);
	assert_true(list_empty(&stub_process.cpu_timers));
	cpu_timer_cancel(&timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(without_limits_nothing_is_due, setup, teardown),
	    cmocka_unit_test_setup_teardown(cpu_limit_tells_each_second, setup, teardown),
	    cmocka_unit_test_setup_teardown(rt_limit_is_of_real_time_threads, setup, teardown),
	    cmocka_unit_test_setup_teardown(rt_limit_counts_from_the_last_sleep, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_nearer_of_both_is_due, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_timer_of_a_thread_counts_that_thread_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_end_of_a_process_disarms_what_counts_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
