/* SPDX-License-Identifier: Apache-2.0
 * sources:
 *
 * The table of system calls tells the truth: docs/abi.md is made from it as it is now, a call that is said to be there
 * has a handler in the kernel, one that is said to be refused has none, and the kernel has no handler that the table
 * does not know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <asm/unistd.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct row {
	int number;
	const char *name;
	const char *format, *text;
	int error;
	bool there;
} rows[] = {
#define SYSCALL_FULL(number, name, format)		  {number, #name, format, "-", 0, true},
#define SYSCALL_PART(number, name, format, missing)	  {number, #name, format, missing, 0, true},
#define SYSCALL_REFUSED(number, name, error, format, why) {number, #name, format, why, error, false},
#include "guestkernel/syscall/table.h"
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static char text[1 << 20], other[1 << 20];

static const char *read_file(const char *path, char *to)
{
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s", path);
	size_t n = fread(to, 1, sizeof(text) - 1, file);
	fclose(file);
	to[n] = 0;
	return to;
}

static bool has_line(const char *lines, const char *wanted)
{
	size_t length = strlen(wanted);
	for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strcspn(at, "\n") == length && !memcmp(at, wanted, length))
			return true;
	return false;
}

static void the_document_is_current(void **state)
{
	read_file(ABI_DOC, text);
	read_file("docs/abi.md", other);
	if (strcmp(text, other))
		fail_msg("docs/abi.md is not current: make abi-doc");
}

static void calls_that_are_there_have_handlers_and_the_others_do_not(void **state)
{
	int wrong = 0;
	read_file(HANDLERS, text);
	for (size_t i = 0; i < ROWS; i++) {
		if (has_line(text, rows[i].name) == rows[i].there)
			continue;
		print_error("%s: %s\n", rows[i].name,
			    rows[i].there ? "said to be there, no handler" : "said to be refused, has a handler");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void each_handler_has_a_row(void **state)
{
	read_file(HANDLERS, text);
	for (char *name = strtok(text, "\n"); name; name = strtok(NULL, "\n")) {
		bool found = false;
		if (strchr(name, '.')) /* a part that the compiler split off */
			continue;
		for (size_t i = 0; i < ROWS; i++)
			found |= !strcmp(rows[i].name, name);
		if (!found)
			fail_msg("sys_%s has no row", name);
	}
}

static void rows_are_in_order_and_say_what_they_must(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (i && rows[i].number <= rows[i - 1].number)
			fail_msg("%s is out of order", rows[i].name);
		if (strlen(rows[i].format) > 6 ||
		    strspn(rows[i].format, "duloxpfDgOyPMkzwhWFIKCrcsbvjAEmateBVSi2XTnqL") != strlen(rows[i].format))
			fail_msg("%s: format \"%s\"", rows[i].name, rows[i].format);
		if (!*rows[i].text || (!rows[i].there && (rows[i].error <= 0 || rows[i].error > 133)))
			fail_msg("%s: says too little", rows[i].name);
	}
}

/* Numbers that cannot be checked by name without the names: a sample from the host's headers, spread over the table. */
static void numbers_are_those_of_linux(void **state)
{
	static const struct {
		const char *name;
		int number;
	} sample[] = {
#define SAME(name) {#name, __NR_##name}
	    SAME(read),	      SAME(mmap),	SAME(rt_sigreturn), SAME(clone),  SAME(execve),
	    SAME(fcntl),      SAME(ptrace),	SAME(prctl),	    SAME(gettid), SAME(futex),
	    SAME(exit_group), SAME(openat),	SAME(signalfd),	    SAME(pipe2),  SAME(prlimit64),
	    SAME(seccomp),    SAME(membarrier), SAME(statx),	    SAME(rseq),	  SAME(pidfd_send_signal),
	    SAME(clone3),     SAME(openat2),	SAME(futex_waitv),
	};
	for (size_t s = 0; s < sizeof(sample) / sizeof(sample[0]); s++)
		for (size_t i = 0; i < ROWS; i++)
			if (!strcmp(rows[i].name, sample[s].name))
				assert_int_equal(rows[i].number, sample[s].number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_document_is_current),
	    cmocka_unit_test(calls_that_are_there_have_handlers_and_the_others_do_not),
	    cmocka_unit_test(each_handler_has_a_row),
	    cmocka_unit_test(rows_are_in_order_and_say_what_they_must),
	    cmocka_unit_test(numbers_are_those_of_linux),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
