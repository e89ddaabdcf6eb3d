/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of micro share: a row and its clock.
 */
#ifndef TESTS_BENCH_MICRO_H
#define TESTS_BENCH_MICRO_H

#include <stdint.h>

/* One operation of the table; run() makes it n times. Tables end with a row without a name. */
struct row {
	const char *name;
	void (*run)(long n);
};

extern const struct row file_rows[], socket_rows[];

/* Ends the program, naming what failed and errno, unless good. */
void must(int good, const char *what);

int64_t now_ns(void);

#endif
