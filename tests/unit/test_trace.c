/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/trace.c runner/syscalls.c runner/error.c
 * flags: -pthread
 *
 * The runner's side of the system call trace: the filter, the ring of a guest that may lie, the list at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/trace.h"

#define AREA 0x3000

static struct guest_memory memory = {.size = 1 << 20};
static struct trace trace;
static char path[] = "/tmp/test_trace.XXXXXX";
static char file[8 << 20];
static atomic_int ended;

static struct trace_area *area(void)
{
	struct trace_area *area = memory_range(&memory, gpa(AREA), sizeof(struct trace_area));
	if (!area)
		abort();
	return area;
}

static int setup(void **state)
{
	struct error error;
	memory.base = calloc(1, memory.size);
	memset(&trace, 0, sizeof(trace));
	ended = 0;
	strcpy(path, "/tmp/test_trace.XXXXXX");
	close(mkstemp(path));
	if (trace_open(&trace, path, &error))
		return -1;
	trace_attach(&trace, &memory, gpa(AREA), &ended);
	return 0;
}

static int teardown(void **state)
{
	close(trace.fd);
	unlink(path);
	free(memory.base);
	return 0;
}

/* As the guest does it. */
static void guest_writes(const char *text)
{
	for (; *text; text++)
		area()->ring[area()->head++ % TRACE_RING_BYTES] = *text;
}

static const char *written(void)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, file, sizeof(file) - 1);
	close(fd);
	file[n < 0 ? 0 : n] = 0;
	return file;
}

static void whole_lines_first_and_the_rest_when_the_guest_waits(void **state)
{
	guest_writes("2 one\n2 two\n2 read(0, ");
	trace_take(&trace, false);
	assert_string_equal(written(), "2 one\n2 two\n");
	trace_take(&trace, true);
	assert_string_equal(written(), "2 one\n2 two\n2 read(0, ");
	assert_int_equal(area()->tail, area()->head);
	guest_writes("\"\") = 0\n");
	trace_take(&trace, false);
	assert_string_equal(written(), "2 one\n2 two\n2 read(0, \"\") = 0\n");
}

static void the_ring_wraps(void **state)
{
	static char line[1001];
	memset(line, 'x', 1000);
	line[999] = '\n';
	for (int i = 0; i < 500; i++) {
		guest_writes(line);
		if (i % 60 == 59)
			trace_take(&trace, false);
	}
	assert_int_equal(trace_finish(&trace), 0);
	assert_int_equal(strlen(written()), 500 * 1000);
	for (int i = 0; i < 500; i++)
		assert_memory_equal(file + i * 1000, line, 1000);
}

static void control_characters_do_not_pass(void **state)
{
	guest_writes("a\033[2Jb\x80\xff\x7f\tc\r\n");
	trace_take(&trace, false);
	assert_string_equal(written(), "a?[2Jb???\tc?\n");
}

static void a_head_that_lies_costs_one_ring(void **state)
{
	static const uint64_t heads[] = {~0ull, 1ull << 63, TRACE_RING_BYTES + 1, 5, 0};
	uint64_t most = 0;
	memset(area()->ring, 'y', TRACE_RING_BYTES);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		area()->head = heads[i];
		area()->tail = heads[i] / 2;
		trace_take(&trace, true);
		most += TRACE_RING_BYTES;
	}
	assert_true(strlen(written()) <= most);
	assert_int_equal(trace_finish(&trace), 0);
	assert_non_null(strstr(written(), "bytes of the trace were lost"));
}

static void a_long_line_without_an_end_is_taken(void **state)
{
	memset(area()->ring, 'z', TRACE_RING_BYTES);
	area()->head = TRACE_RING_BYTES / 2 + 1;
	trace_take(&trace, false);
	assert_int_equal(strlen(written()), TRACE_RING_BYTES / 2 + 1);
}

static void what_is_not_there_is_listed(void **state)
{
	area()->refused[134] = 2;
	area()->refused[TRACE_CALLS - 1] = 7;
	area()->limit[0] = (struct trace_limit){.number = 16, .error = 25, .selector = 0x1234, .count = 3};
	area()->limit[1] = (struct trace_limit){.number = 0xffffffff, .error = 1, .count = 1};
	area()->limit[2] = (struct trace_limit){.number = 56, .error = 0xffffffff, .selector = 1, .count = ~0ull};
	assert_int_equal(trace_finish(&trace), 0);
	written();
	assert_non_null(strstr(file, "not there: uselib, called 2 times: removed from Linux"));
	assert_non_null(strstr(file, "not there: a system call without a name, called 7 times\n"));
	assert_non_null(strstr(file, "asked for more: ioctl with 0x1234, 3 times, answered by ENOTTY\n"));
	assert_non_null(
	    strstr(file, "asked for more: clone with 0x1, 18446744073709551615 times, answered by an error: "));
}

static void a_failed_write_is_told(void **state)
{
	struct trace full = {0};
	struct error error;
	assert_int_equal(trace_open(&full, "/dev/full", &error), 0);
	trace_attach(&full, &memory, gpa(AREA), &ended);
	guest_writes("line\n");
	assert_int_equal(trace_finish(&full), -1);
	assert_int_equal(errno, ENOSPC);
	close(full.fd);
	assert_int_equal(trace_open(&full, "/nowhere/trace", &error), -1);
	assert_non_null(strstr(error.text, "--trace=/nowhere/trace"));
}

static void a_reader_that_has_stopped_is_given_up_after_the_end(void **state)
{
	struct trace stuck = {0};
	int ends[2];
	static char much[65537];
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	while (write(ends[1], much, sizeof(much)) > 0)
		;
	stuck.fd = ends[1];
	pthread_mutex_init(&stuck.lock, NULL);
	trace_attach(&stuck, &memory, gpa(AREA), &ended);
	guest_writes("line\n");
	ended = 1;
	assert_int_equal(trace_finish(&stuck), -1);
	assert_int_equal(errno, ETIMEDOUT);
	close(ends[0]);
	close(ends[1]);
}

static void lines_on_a_terminal_that_may_be_raw_return_the_carriage(void **state)
{
	trace.terminal = true;
	guest_writes("one\ntwo\n");
	trace_take(&trace, false);
	assert_string_equal(written(), "one\r\ntwo\r\n");
}

static void an_area_outside_of_memory_is_nothing(void **state)
{
	trace_attach(&trace, &memory, gpa(memory.size - 8), &ended);
	trace_take(&trace, true);
	assert_int_equal(trace_finish(&trace), 0);
	assert_string_equal(written(), "");
}

static void the_filter(void **state)
{
	struct syscall_set set;
	const uint64_t *bits = set.bits;
	struct error error;
	assert_int_equal(trace_parse_only(NULL, &set, &error), 0);
	assert_true(bits[0] == ~0ull && bits[TRACE_CALLS / 64 - 1] == ~0ull);
	assert_int_equal(trace_parse_only("read,openat", &set, &error), 0);
	assert_int_equal(bits[0], 1);
	assert_int_equal(bits[257 / 64], 1ull << 257 % 64);
	assert_int_equal(trace_parse_only("read,rea", &set, &error), -1);
	assert_int_equal(error.status, STATUS_RUNNER);
	assert_non_null(strstr(error.text, "'rea'"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(whole_lines_first_and_the_rest_when_the_guest_waits),
	    TEST(the_ring_wraps),
	    TEST(control_characters_do_not_pass),
	    TEST(a_head_that_lies_costs_one_ring),
	    TEST(a_long_line_without_an_end_is_taken),
	    TEST(what_is_not_there_is_listed),
	    TEST(a_failed_write_is_told),
	    TEST(a_reader_that_has_stopped_is_given_up_after_the_end),
	    TEST(lines_on_a_terminal_that_may_be_raw_return_the_carriage),
	    TEST(an_area_outside_of_memory_is_nothing),
	    TEST(the_filter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
