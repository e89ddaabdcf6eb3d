/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"K", 1ull << 10},
    {"KB", 1ull << 10},
    {"KiB", 1ull << 10},
    {"k", 1ull << 10},
    {"M", 1ull << 20},
    {"MB", 1ull << 20},
    {"MiB", 1ull << 20},
    {"m", 1ull << 20},
    {"G", 1ull << 30},
    {"GB", 1ull << 30},
    {"GiB", 1ull << 30},
    {"g", 1ull << 30},
    {"T", 1ull << 40},
    {"TB", 1ull << 40},
    {"TiB", 1ull << 40},
    {"t", 1ull << 40},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"", 1000000000ull},
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000ull},
    {"m", 60 * 1000000000ull},
    {"h", 3600 * 1000000000ull},
    {"d", 86400 * 1000000000ull},
    {NULL, 0},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t unit_factor(const struct unit *units, const char *suffix)
{
	for (; units->suffix; units++)
		if (!strcmp(units->suffix, suffix))
			return units->factor;
	return 0;
}

/* DIGITS[.DIGITS]SUFFIX. Exact: the fraction is an integer over a power of ten, cut below one unit of the result. */
static int parse(const char *text, const struct unit *units, uint64_t *value)
{
	uint64_t whole = 0, fraction = 0, scale = 1;
	if (!is_digit(*text))
		return -1;
	for (; is_digit(*text); text++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole))
			return -1;
	if (*text == '.') {
		if (!is_digit(*++text))
			return -1;
		for (; is_digit(*text); text++) {
			if (scale > 1000000000ull)
				return -1;
			fraction = fraction * 10 + (uint64_t)(*text - '0');
			scale *= 10;
		}
	}
	uint64_t factor = unit_factor(units, text);
	if (!factor || __builtin_mul_overflow(whole, factor, &whole))
		return -1;
	uint64_t part = (uint64_t)((unsigned __int128)fraction * factor / scale);
	return __builtin_add_overflow(whole, part, value) ? -1 : 0;
}

int units_size(const char *text, uint64_t *bytes)
{
	uint64_t value;
	if (parse(text, size_units, &value))
		return -1;
	*bytes = value;
	return 0;
}

int units_duration(const char *text, uint64_t *ns)
{
	uint64_t value;
	if (parse(text, duration_units, &value))
		return -1;
	*ns = value;
	return 0;
}

int units_number(const char *text, uint64_t max, uint64_t *value)
{
	static const struct unit none[] = {{"", 1}, {NULL, 0}};
	uint64_t number;
	if (strchr(text, '.') || parse(text, none, &number) || number > max)
		return -1;
	*value = number;
	return 0;
}
