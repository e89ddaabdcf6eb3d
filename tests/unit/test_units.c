/* SPDX-License-Identifier: Apache-2.0
 * Sizes and durations.
 * sources: runner/units.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runner/units.h"

static void sizes_with_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},
		    {"1", 1},
		    {"4096B", 4096},
		    {"1K", 1024},
		    {"512M", 512ull << 20},
		    {"512MiB", 512ull << 20},
		    {"512MB", 512ull << 20},
		    {"1.5G", 3ull << 29},
		    {"0.5k", 512},
		    {"2T", 2ull << 40},
		    {"1g", 1ull << 30},
		    {"1.999999999K", 2047},
		    {"18446744073709551615", UINT64_MAX}};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint64_t bytes = 7;
		assert_int_equal(units_size(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
}

static void durations_with_suffixes(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {{"10", 10000000000},   {"10s", 10000000000},  {"250ms", 250000000}, {"2m", 120000000000},
		    {"1.5s", 1500000000},  {"0.25", 250000000},	  {"3us", 3000},	{"7ns", 7},
		    {"1h", 3600000000000}, {"1d", 86400000000000}};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint64_t ns = 7;
		assert_int_equal(units_duration(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
}

static void malformed_and_overflowing_values_are_refused(void **state)
{
	static const char *const bad[] = {"",
					  " 1",
					  "-1",
					  "+1",
					  "1 ",
					  "1.",
					  ".5",
					  "1.2.3",
					  "x",
					  "1x",
					  "1MMs",
					  "0x10",
					  "1e3",
					  "M",
					  "18446744073709551616",
					  "99999999999999999999",
					  "1.00000000001",
					  "16777216.5Ti",
					  "inf"};
	uint64_t value = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(units_size(bad[i], &value), -1);
		assert_int_equal(units_duration(bad[i], &value), -1);
		assert_int_equal(value, 7);
	}
	assert_int_equal(units_size("16777216T", &value), -1);
	assert_int_equal(units_size("16777215.9999999999T", &value), 0);
	assert_int_equal(units_duration("18446744074s", &value), -1);
	assert_int_equal(units_size("1s", &value), -1);
	assert_int_equal(units_duration("1M", &value), -1);
}

static void numbers_are_digits_within_a_bound(void **state)
{
	uint64_t value = 7;
	assert_int_equal(units_number("16", 16, &value), 0);
	assert_int_equal(value, 16);
	assert_int_equal(units_number("17", 16, &value), -1);
	assert_int_equal(units_number("1.0", 16, &value), -1);
	assert_int_equal(units_number("1K", 9999, &value), -1);
	assert_int_equal(units_number("", 16, &value), -1);
	assert_int_equal(value, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_with_suffixes),
	    cmocka_unit_test(durations_with_suffixes),
	    cmocka_unit_test(malformed_and_overflowing_values_are_refused),
	    cmocka_unit_test(numbers_are_digits_within_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
