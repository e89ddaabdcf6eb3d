/* SPDX-License-Identifier: Apache-2.0
 * Checks as tables: a row is a call or its object, a column what is done to it, a cell the result that Linux gives:
 * what the call returns, or minus the errno.
 */
#ifndef TESTS_GUEST_MATRIX_H
#define TESTS_GUEST_MATRIX_H

#include "probe.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What a call returns, -errno when it fails. */
#define RESULT(call)                                                                                                   \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long matrix_result = (long)(call);                                                                     \
		matrix_result == -1 && errno ? -(long)errno : matrix_result;                                           \
	})

/* As RESULT, where success says no more than that: descriptors, addresses, counts. */
#define OUTCOME(call)                                                                                                  \
	({                                                                                                             \
		long matrix_outcome = RESULT(call);                                                                    \
		matrix_outcome<0 && matrix_outcome> - 4096 ? matrix_outcome : 0;                                       \
	})

/* One cell. */
static inline void cell(const char *row, const char *column, long got, long wanted)
{
	char text[200];
	snprintf(text, sizeof(text), "%s, %s", row, column);
	report(got == wanted, text, "%ld, not %ld", got, wanted);
}

#endif
