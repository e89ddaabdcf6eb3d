/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/loop.c runner/error.c
 * flags: -pthread
 *
 * The event loop: callbacks by descriptor, waking and stopping it from another thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/loop.h"

static struct loop loop;
static int wakes, reads;
static struct error error;

static void on_wake(void *context, uint32_t events)
{
	assert_ptr_equal(context, &loop);
	wakes++;
}

static void on_read(void *context, uint32_t events)
{
	char byte;
	assert_true(events & EPOLLIN);
	assert_int_equal(read(*(int *)context, &byte, 1), 1);
	reads++;
}

static bool two_reads(void *context)
{
	return reads == 2;
}

static int setup(void **state)
{
	wakes = reads = 0;
	alarm(60);
	return loop_init(&loop, on_wake, &loop, &error);
}

static int teardown(void **state)
{
	loop_close(&loop);
	assert_int_equal(loop.epoll, -1);
	return 0;
}

static void callbacks_run_until_done(void **state)
{
	int p[2];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(loop_add(&loop, p[0], EPOLLIN, on_read, &p[0], &error), 0);
	assert_int_equal(write(p[1], "abc", 3), 3);
	assert_int_equal(loop_run(&loop, two_reads, NULL, &error), 0);
	assert_int_equal(reads, 2);
	close(p[0]);
	close(p[1]);
}

static void done_is_asked_before_the_first_wait(void **state)
{
	reads = 2;
	assert_int_equal(loop_run(&loop, two_reads, NULL, &error), 0);
}

static void *wake_then_stop(void *context)
{
	loop_wake(&loop);
	while (!__atomic_load_n(&wakes, __ATOMIC_RELAXED))
		;
	loop_stop(&loop);
	return NULL;
}

static void other_threads_wake_and_stop(void **state)
{
	pthread_t thread;
	pthread_create(&thread, NULL, wake_then_stop, NULL);
	assert_int_equal(loop_run(&loop, NULL, NULL, &error), 0);
	pthread_join(thread, NULL);
	assert_true(wakes >= 1);
}

static void stop_before_run_is_not_lost(void **state)
{
	loop_stop(&loop);
	assert_int_equal(loop_run(&loop, NULL, NULL, &error), 0);
}

static void files_that_never_block_are_told_apart(void **state)
{
	int file = memfd_create("x", MFD_CLOEXEC);
	assert_int_equal(loop_add(&loop, file, EPOLLIN, on_read, NULL, &error), 1);
	close(file);
	assert_int_equal(loop_add(&loop, 987, EPOLLIN, on_read, NULL, &error), -1);
	assert_non_null(strstr(error.text, "987"));
}

static void watches_are_bounded(void **state)
{
	int p[LOOP_WATCHES_MAX][2], added = 0;
	for (int i = 0; i < LOOP_WATCHES_MAX; i++) {
		assert_int_equal(pipe(p[i]), 0);
		added += loop_add(&loop, p[i][0], EPOLLIN, on_read, NULL, &error) == 0;
	}
	assert_int_equal(added, LOOP_WATCHES_MAX - 1);
	for (int i = 0; i < LOOP_WATCHES_MAX; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(callbacks_run_until_done),    T(done_is_asked_before_the_first_wait),
	    T(other_threads_wake_and_stop), T(stop_before_run_is_not_lost),
	    T(watches_are_bounded),	    T(files_that_never_block_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
