/* SPDX-License-Identifier: Apache-2.0
 * sources: guestkernel/syscall/trace_args.c guestkernel/syscall/trace_names.c guestkernel/lib.c
 *
 * The guest's text of system calls: arguments by the letters of table.h, results, hostile pointers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "guestkernel/lib.h"
#include "guestkernel/linux_abi.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/syscall/trace_text.h"

/* The program's memory: one page at USER. */
#define USER 0x10000ul
static u8 memory[4096];

size_t copy_from_user_partial(void *to, user_ptr from, size_t n)
{
	u64 at = from.addr - USER;
	if (at >= sizeof(memory))
		return 0;
	if (n > sizeof(memory) - at)
		n = sizeof(memory) - at;
	memcpy(to, memory + at, n);
	return n;
}

int copy_from_user(void *to, user_ptr from, size_t n)
{
	return copy_from_user_partial(to, from, n) == n ? 0 : -EFAULT;
}

void panic(const char *format, ...)
{
	abort();
}

/* Puts bytes into the program's memory; their address. */
static u64 place(u64 offset, const void *bytes, size_t n)
{
	memcpy(memory + offset, bytes, n);
	return USER + offset;
}

static char line[1024];

static const char *given(const char *format, const u64 args[6])
{
	struct text t = {line, sizeof(line), 0};
	line[0] = 0;
	trace_arguments(&t, format, args, TRACE_GIVEN, 0);
	return line;
}

static const char *filled(const char *format, const u64 args[6], long result)
{
	struct text t = {line, sizeof(line), 0};
	line[0] = 0;
	trace_arguments(&t, format, args, TRACE_FILLED, result);
	return line;
}

#define ARGS(...) ((const u64[6]){__VA_ARGS__})

static void values(void **state)
{
	assert_string_equal(given("duxop", ARGS((u64)-1, 5, 0x1f, 0644, 0)), "-1, 5, 0x1f, 0644, NULL");
	assert_string_equal(given("lg", ARGS((u64)-5, 15)), "-5, SIGTERM");
	assert_string_equal(given("", ARGS(1)), "");
}

static void strings_are_quoted_and_escaped(void **state)
{
	u64 path = place(0,
			 "/a \"b\"\n\1"
			 "2\200",
			 11);
	assert_string_equal(given("s", ARGS(path)), "\"/a \\\"b\\\"\\n\\0012\\200\"");
	assert_string_equal(given("bu", ARGS(path, 3)), "\"/a \", 3");
	u8 zeros[40] = {0};
	u64 data = place(100, zeros, sizeof(zeros));
	given("bu", ARGS(data, 40));
	assert_non_null(strstr(line, "\\0\"..., 40"));
}

static void pointers_that_cannot_be_read_are_shown_as_such(void **state)
{
	static const char letters[] = "sbvjamteBVSiX2TnqL";
	for (const char *l = letters; *l; l++) {
		char format[3] = {*l, 'u', 0};
		u64 bad[] = {0, 1, USER - 8, ~0ull, 1ull << 63, 0xffff800000000000};
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			given(format, ARGS(bad[i], 3));
			filled(format, ARGS(bad[i], 3), 3);
			assert_true(strlen(line) < 100);
		}
	}
	assert_string_equal(given("s", ARGS(0x99)), "0x99");
	assert_string_equal(given("AE", ARGS(0, 0)), "NULL, NULL");
	/* At the end of what can be read. */
	memory[4095] = 'x';
	assert_string_equal(given("s", ARGS(USER + 4095)), "\"x\"");
	assert_string_equal(given("bu", ARGS(USER + 4095, 2)), "0x10fff, 2");
}

static void open_has_a_mode_only_when_it_may_create(void **state)
{
	u64 path = place(0, "/f", 3);
	assert_string_equal(given("DsOy", ARGS((u64)-100, path, 02000000, 0600)),
			    "AT_FDCWD, \"/f\", O_RDONLY|O_CLOEXEC");
	assert_string_equal(given("DsOy", ARGS(3, path, 01101, 0600)), "3, \"/f\", O_WRONLY|O_CREAT|O_TRUNC, 0600");
	assert_string_equal(given("DsOy", ARGS(3, path, 020200002, 0600)), "3, \"/f\", O_RDWR|O_TMPFILE, 0600");
}

static void flags_are_named_and_the_rest_is_a_number(void **state)
{
	assert_string_equal(given("puPMfx", ARGS(0, 4096, 3, 0x22, (u64)-1, 0)),
			    "NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x0");
	assert_string_equal(given("P", ARGS(0)), "PROT_NONE");
	assert_string_equal(given("M", ARGS(0x80000002)), "MAP_PRIVATE|0x80000000");
	assert_string_equal(given("CK", ARGS(0x1200011, 128)),
			    "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, FUTEX_WAIT_PRIVATE");
	assert_string_equal(given("IFk", ARGS(0x5401, 1030, 0)), "TCGETS, F_DUPFD_CLOEXEC, F_OK");
}

static void what_the_kernel_filled_in_comes_with_the_result(void **state)
{
	u64 data = place(0, "hello", 5), pair = place(64, (int[]){3, 4}, 8), status = place(80, (int[]){0x700}, 4);
	assert_string_equal(given("fBu", ARGS(0, data, 100)), "0, ");
	assert_string_equal(filled("fBu", ARGS(0, data, 100), 4), "\"hell\", 100");
	assert_string_equal(filled("fBu", ARGS(0, data, 100), -9), "0x10000, 100");
	assert_string_equal(given("2O", ARGS(pair, 0)), "");
	assert_string_equal(filled("2O", ARGS(pair, 02000000), 0), "[3, 4], O_RDONLY|O_CLOEXEC");
	assert_string_equal(filled("dXwp", ARGS((u64)-1, status, 1, 0), 7),
			    "[{WIFEXITED(s) && WEXITSTATUS(s) == 7}], WNOHANG, NULL");
	status = place(80, (int[]){0x0b}, 4);
	assert_string_equal(filled("dX", ARGS(0, status), 7), "[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV}]");
	struct k_stat stat = {.mode = K_S_IFREG | 0755, .size = 42};
	assert_string_equal(filled("fS", ARGS(1, place(128, &stat, sizeof(stat))), 0),
			    "{st_mode=S_IFREG|0755, st_size=42, ...}");
}

static void arrays(void **state)
{
	u64 a = place(0, "one", 4), b = place(8, "two", 4);
	u64 vector = place(64, (u64[]){a, b, 0}, 24);
	assert_string_equal(given("A", ARGS(vector)), "[\"one\", \"two\"]");
	assert_string_equal(given("E", ARGS(vector)), "0x10040 /* 2 vars */");
	u64 iov = place(128, (u64[]){a, 3, b, 2}, 32);
	assert_string_equal(given("vu", ARGS(iov, 2)),
			    "[{iov_base=\"one\", iov_len=3}, {iov_base=\"tw\", iov_len=2}], 2");
	assert_string_equal(filled("Vu", ARGS(iov, 2), 4),
			    "[{iov_base=\"one\", iov_len=3}, {iov_base=\"t\", iov_len=2}], 2");
	given("vu", ARGS(iov, ~0ull));
	given("ju", ARGS(iov, ~0ull));
	assert_true(strlen(line) < 900);
}

static void signal_sets(void **state)
{
	assert_string_equal(given("m", ARGS(place(0, &(u64){0}, 8))), "[]");
	assert_string_equal(given("m", ARGS(place(0, &(u64){1 | 1 << 16}, 8))), "[HUP CHLD]");
	assert_string_equal(given("m", ARGS(place(0, &(u64){~(u64)(1 << 8)}, 8))), "~[KILL]");
	struct k_sigaction action = {.handler = 1, .flags = 0x14000000, .mask = 2};
	assert_string_equal(given("a", ARGS(place(0, &action, sizeof(action)))),
			    "{sa_handler=SIG_IGN, sa_mask=[INT], sa_flags=SA_RESTORER|SA_RESTART}");
}

static void results(void **state)
{
	static const struct {
		u64 number;
		long result;
		const char *text;
	} cases[] = {
	    {0, 3, " = 3"},
	    {0, -2, " = -1 ENOENT"},
	    {9, 0x7f0000000000, " = 0x7f0000000000"},
	    {9, -12, " = -1 ENOMEM"},
	    {95, 022, " = 022"},
	    {0, -512, " = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"},
	    {62, -4000, " = -4000"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text t = {line, sizeof(line), 0};
		trace_result(&t, cases[i].number, cases[i].result);
		assert_string_equal(line, cases[i].text);
	}
}

static void a_line_that_is_full_is_cut(void **state)
{
	char small[20];
	struct text t = {small, sizeof(small), 0};
	memset(memory, 'x', 300);
	trace_arguments(&t, "sss", ARGS(USER, USER, USER), TRACE_GIVEN, 0);
	assert_int_equal(t.length, 19);
	assert_int_equal(strlen(small), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(strings_are_quoted_and_escaped),
	    cmocka_unit_test(pointers_that_cannot_be_read_are_shown_as_such),
	    cmocka_unit_test(open_has_a_mode_only_when_it_may_create),
	    cmocka_unit_test(flags_are_named_and_the_rest_is_a_number),
	    cmocka_unit_test(what_the_kernel_filled_in_comes_with_the_result),
	    cmocka_unit_test(arrays),
	    cmocka_unit_test(signal_sets),
	    cmocka_unit_test(results),
	    cmocka_unit_test(a_line_that_is_full_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
