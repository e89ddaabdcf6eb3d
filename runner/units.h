/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes and durations as people write them.
 */
#ifndef RUNNER_UNITS_H
#define RUNNER_UNITS_H

#include <stdint.h>

/* Bytes: a decimal number with an optional fraction and one of K M G T (powers of 1024; `B` or `iB` may follow).
 * Returns 0, or -1 when the text is not such a number or the value does not fit; *bytes is then untouched. */
int units_size(const char *text, uint64_t *bytes);

/* Nanoseconds: a decimal number with an optional fraction and one of ns us ms s m h d; without one, seconds. */
int units_duration(const char *text, uint64_t *ns);

/* A plain decimal number of at most `max`, digits only. */
int units_number(const char *text, uint64_t max, uint64_t *value);

#endif
