/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors of the runner. A function that can fail returns 0 or -1 and, with -1, has filled the struct error it was
 * given: the exit status that the run ends with and one sentence that names the thing and the way out. Only main.c
 * and cli.c print.
 */
#ifndef RUNNER_ERROR_H
#define RUNNER_ERROR_H

enum exit_status {
	STATUS_TIMEOUT = 124,
	STATUS_RUNNER = 125, /* the runner failed, or the guest crashed */
	STATUS_CANNOT_EXEC = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL_BASE = 128,
};

/* Guest memory that shows a file of the host is gone, or the host has none left: whoever finds out says this. */
#define ERROR_MEMORY_LOST                                                                                              \
	"the host could not give memory that the guest touched: a file of the program was truncated while it ran, or " \
	"the host has none left"

struct error {
	int status; /* enum exit_status */
	char text[1024];
};

/* Fills *error (may be NULL) and returns -1. The text is cut at the buffer's end with "...". */
int error_set(struct error *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, followed by ": " and the text of errno. */
int error_errno(struct error *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* So that compilers and analyzers see what is returned. */
#define error_set(...)                                                                                                 \
	({                                                                                                             \
		error_set(__VA_ARGS__);                                                                                \
		-1;                                                                                                    \
	})
#define error_errno(...)                                                                                               \
	({                                                                                                             \
		error_errno(__VA_ARGS__);                                                                              \
		-1;                                                                                                    \
	})

#endif
