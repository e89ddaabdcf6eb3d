/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernel timers against a model: thousands armed, moved and cancelled in random order.
 * sources: guestkernel/proc/timer.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "guestkernel/lib.h"
#include "tests/unit/arch_stub.h"

#define COUNT 5000

static struct timer timers[COUNT];
static u64 expected[COUNT]; /* 0: not armed */
static u64 last_deadline;
static unsigned fired;

static void on_expiry(struct timer *t)
{
	size_t i = (size_t)(t - timers);

	assert_false(t->armed);
	assert_int_equal(t->deadline_ns, expected[i]);
	assert_true(t->deadline_ns >= last_deadline);
	last_deadline = t->deadline_ns;
	expected[i] = 0;
	fired++;
}

static u64 first_expected(void)
{
	u64 first = 0;

	for (size_t i = 0; i < COUNT; i++)
		if (expected[i] && (!first || expected[i] < first))
			first = expected[i];
	return first;
}

static void set(size_t i, u64 deadline)
{
	timers[i].fn = on_expiry;
	timer_arm(&timers[i], deadline);
	expected[i] = deadline;
}

static void timers_expire_in_order_whatever_was_cancelled(void **state)
{
	srandom(7);
	for (size_t round = 0; round < 40000; round++) {
		size_t i = (size_t)random() % COUNT;

		if (random() % 3) {
			set(i, 1 + (u64)random() % 1000000);
		} else {
			timer_cancel(&timers[i]);
			timer_cancel(&timers[i]);
			expected[i] = 0;
		}
		if (round % 1000 == 0)
			assert_int_equal(timer_next(0), first_expected());
	}
	for (u64 now = 0; now <= 1000000; now += 9973) {
		timer_run(now);
		assert_true(last_deadline <= now);
		assert_int_equal(timer_next(0), first_expected());
	}
	timer_run(1000000);
	assert_int_equal(timer_next(0), 0);
	assert_int_equal(first_expected(), 0);
	assert_true(fired > 1000);
}

static unsigned repeats;
static void rearm(struct timer *t)
{
	if (++repeats < 3)
		timer_arm(t, t->deadline_ns + 10);
}

static void a_timer_may_arm_itself_again(void **state)
{
	struct timer t = {.fn = rearm};

	timer_arm(&t, 10);
	timer_run(19);
	assert_int_equal(repeats, 1);
	timer_run(100);
	assert_int_equal(repeats, 3);
	assert_false(t.armed);
}

static void each_cpu_has_its_own(void **state)
{
	struct timer t = {.fn = rearm};

	stub_cpus = 2;
	stub_cpu = 1;
	timer_arm(&t, 50);
	stub_cpu = 0;
	assert_int_equal(timer_next(0), 0);
	assert_int_equal(timer_next(1), 50);
	timer_cancel(&t); /* from another CPU */
	assert_int_equal(timer_next(1), 0);
}

static void many_equal_deadlines_do_not_need_stack(void **state)
{
	last_deadline = 0;
	fired = 0;
	for (size_t i = 0; i < COUNT; i++)
		set(i, 5);
	timer_run(5);
	assert_int_equal(fired, COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(timers_expire_in_order_whatever_was_cancelled),
	    cmocka_unit_test(a_timer_may_arm_itself_again),
	    cmocka_unit_test(each_cpu_has_its_own),
	    cmocka_unit_test(many_equal_deadlines_do_not_need_stack),
	};

	stub_init(1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
