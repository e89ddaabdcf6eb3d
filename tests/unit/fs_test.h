/* SPDX-License-Identifier: Apache-2.0
 *
 * A test body that runs against both sides of fs_stub.h. The half that runs on the host's Linux needs root (it changes
 * owners) and a tmpfs at /dev/shm; else it is skipped.
 */
#ifndef TESTS_FS_TEST_H
#define TESTS_FS_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/fs_stub.h"

#define is(expected, actual)                                                                                           \
	do {                                                                                                           \
		long is_actual__ = (long)(actual), is_expected__ = (long)(expected);                                   \
		if (is_actual__ != is_expected__) {                                                                    \
			print_error("%s: %s\n", fs_backend == OURS ? "ours" : "linux", #actual);                       \
			_assert_int_equal((uintmax_t)is_actual__, (uintmax_t)is_expected__, __FILE__, __LINE__);       \
		}                                                                                                      \
	} while (0)
#define is_true(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			print_error("%s:\n", fs_backend == OURS ? "ours" : "linux");                                   \
			_assert_true(0, #condition, __FILE__, __LINE__);                                               \
		}                                                                                                      \
	} while (0)

#define OURS_ONLY(name)                                                                                                \
	static void ours_##name(void **state)                                                                          \
	{                                                                                                              \
		fs_start(OURS);                                                                                        \
		body_##name();                                                                                         \
		fs_stop();                                                                                             \
	}
#define BOTH(name)                                                                                                     \
	OURS_ONLY(name)                                                                                                \
	static void linux_##name(void **state)                                                                         \
	{                                                                                                              \
		if (geteuid() || access("/dev/shm", W_OK))                                                             \
			skip();                                                                                        \
		fs_start(LINUX);                                                                                       \
		body_##name();                                                                                         \
		fs_stop();                                                                                             \
	}
#define TESTS(name)	cmocka_unit_test(linux_##name), cmocka_unit_test(ours_##name)
#define TEST_OURS(name) cmocka_unit_test(ours_##name)

#endif
