/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of system calls and its dispatch: complete, consistent, and an answer for every number.
 * sources: guestkernel/syscall/dispatch.c guestkernel/syscall/filter.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <asm/unistd.h>
#include "guestkernel/lib.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/seccomp.h"
#include "guestkernel/syscall/syscall.h"
#include "guestkernel/syscall/trace.h"
#include "tests/unit/arch_stub.h"

void account_enter_kernel(void) {}

static long denied = 1; /* what the thread's own filter says, if not 1: let it pass */
bool seccomp_call(struct regs *regs, long *result)
{
	*result = denied;
	return denied == 1;
}
void trace_enter(u64 number, const char *name, const char *format, const u64 args[6]) {}
void trace_leave(u64 number, const char *name, const char *format, const u64 args[6], long result) {}
void trace_count_refused(u64 number) {}
void trace_count_limit(u64 number, const u64 args[6], long result) {}

static jmp_buf ended;
void process_exit_group(int status)
{
	longjmp(ended, status);
}

static u64 seen[6];
SYSCALL(getpid)
{
	const u64 args[] = {a, b, c, d, e, f};

	memcpy(seen, args, sizeof(seen));
	return -7;
}

static long call(u64 number)
{
	struct regs regs = {.orig_rax = number, .rdi = 1, .rsi = 2, .rdx = 3, .r10 = 4, .r8 = 5, .r9 = 6};

	syscall_dispatch(&regs);
	return (long)regs.rax;
}

static void arguments_reach_the_handler_in_order(void **state)
{
	static const u64 order[] = {1, 2, 3, 4, 5, 6};

	assert_int_equal(call(__NR_getpid), -7);
	assert_memory_equal(seen, order, sizeof(order));
}

static void what_is_not_there_says_so(void **state)
{
	assert_int_equal(call(__NR_fork), -ENOSYS); /* in the table, but linked by no file of this test */
	assert_int_equal(call(__NR_bpf), -EPERM);
	assert_int_equal(call(334 + 50), -ENOSYS); /* a number that Linux never gave */
	assert_int_equal(call(100000), -ENOSYS);
	assert_int_equal(call(~0ull), -ENOSYS);
	assert_int_equal(call(__NR_getpid | 0x40000000), -ENOSYS); /* x32 */
}

static void calls_are_counted(void **state)
{
	u64 before = shared->stats.syscalls, unknown = shared->stats.unknown_syscalls;

	call(__NR_getpid);
	call(5000);
	assert_int_equal(shared->stats.syscalls, before + 2);
	assert_int_equal(shared->stats.unknown_syscalls, unknown + 1);
}

/* The signal that ends the process, or 0. */
static int ends(u64 number)
{
	int status = setjmp(ended);

	if (!status)
		call(number);
	return status;
}

static struct boot_block limited = {.flags = BOOT_F_LIMIT_CALLS | BOOT_F_NOTE_CALLS};
static const struct boot_block *usual;

static int limit_calls(void **state)
{
	usual = boot;
	memset(limited.calls, 0, sizeof(limited.calls));
	limited.calls[__NR_getpid / 64] = 1ull << __NR_getpid % 64;
	memset((void *)&shared->calls, 0, sizeof(shared->calls));
	boot = &limited;
	stub_process.filtered = true;
	return 0;
}

static int unlimit_calls(void **state)
{
	boot = usual;
	stub_process.filtered = false;
	return 0;
}

static void a_call_that_is_not_allowed_ends_the_process(void **state)
{
	assert_int_equal(ends(__NR_getpid), 0);
	assert_int_equal(ends(__NR_read), 31);
	assert_int_equal(ends(__NR_fork), 31); /* whether it is there or not */
	assert_int_equal(shared->calls.denied[0], 1ull << __NR_read | 1ull << __NR_fork);
	assert_int_equal(shared->calls.used[0], 1ull << __NR_read | 1ull << __NR_fork | 1ull << __NR_getpid);
}

/* No number leads past the list, or to the bit of another call. */
static void numbers_beyond_the_list_are_one(void **state)
{
	static const u64 numbers[] = {BOOT_CALLS - 1, BOOT_CALLS, 100000, ~0ull, __NR_getpid | 0x40000000};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		memset((void *)&shared->calls, 0, sizeof(shared->calls));
		assert_int_equal(ends(numbers[i]), 31);
		assert_int_equal(shared->calls.denied[BOOT_CALLS / 64 - 1], 1ull << 63);
	}
}

static void what_is_not_of_the_program_is_free(void **state)
{
	stub_process.filtered = false;
	assert_int_equal(ends(__NR_read), 0);
	assert_int_equal(shared->calls.used[0], 0);
}

static void calls_are_noted_without_a_limit(void **state)
{
	limited.flags = BOOT_F_NOTE_CALLS;
	assert_int_equal(ends(__NR_read), 0);
	limited.flags |= BOOT_F_LIMIT_CALLS;
	assert_int_equal(shared->calls.used[0], 1ull << __NR_read);
	assert_int_equal(shared->calls.denied[0], 0);
}

static void a_filter_of_the_thread_is_asked_first(void **state)
{
	stub_thread.seccomp_mode = 2;
	memset(seen, 0, sizeof(seen));
	denied = -13;
	assert_int_equal(call(__NR_getpid), -13);
	assert_int_equal(seen[0], 0);
	denied = 1;
	assert_int_equal(call(__NR_getpid), -7);
	denied = -13;
	stub_thread.seccomp_mode = 0;
	assert_int_equal(call(__NR_getpid), -7);
}

struct row {
	u64 number;
	const char *name, *format;
};
static const struct row rows[] = {
#define SYSCALL_FULL(number, name, format)		  {number, #name, format},
#define SYSCALL_PART(number, name, format, missing)	  {number, #name, format},
#define SYSCALL_REFUSED(number, name, error, format, why) {number, #name, format},
#include "guestkernel/syscall/table.h"
};

static void the_table_is_complete_and_sorted(void **state)
{
	assert_int_equal(ARRAY_SIZE(rows), 374);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i)
			assert_true(rows[i].number > rows[i - 1].number);
		assert_true(strlen(rows[i].format) <= 6);
		assert_int_equal(strspn(rows[i].format, "dulxopfDgOyPMkzwhWFIKCrcsbvjAEmateBVSi2XTnqL"),
				 strlen(rows[i].format));
	}
	/* The host's headers name the same numbers. */
#define SYSCALL_FULL(number, name, format)                                                                             \
	if (number < 335)                                                                                              \
		assert_int_equal(__NR_##name, number);
#define SYSCALL_PART(number, name, format, missing) SYSCALL_FULL(number, name, format)
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arguments_reach_the_handler_in_order),
	    cmocka_unit_test(what_is_not_there_says_so),
	    cmocka_unit_test(calls_are_counted),
	    cmocka_unit_test_setup_teardown(a_call_that_is_not_allowed_ends_the_process, limit_calls, unlimit_calls),
	    cmocka_unit_test_setup_teardown(numbers_beyond_the_list_are_one, limit_calls, unlimit_calls),
	    cmocka_unit_test_setup_teardown(what_is_not_of_the_program_is_free, limit_calls, unlimit_calls),
	    cmocka_unit_test_setup_teardown(calls_are_noted_without_a_limit, limit_calls, unlimit_calls),
	    cmocka_unit_test(a_filter_of_the_thread_is_asked_first),
	    cmocka_unit_test(the_table_is_complete_and_sorted),
	};

	stub_init(1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
