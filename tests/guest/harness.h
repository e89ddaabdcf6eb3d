/* SPDX-License-Identifier: Apache-2.0
 * What a guest-semantics program is written with: an ordinary Linux program that checks how system calls behave, prints
 * one line a check, and passes on the host's Linux as well as in the sandbox.
 *
 *	int main(void)
 *	{
 *		theme("pipe");
 *		CHECK(pipe(fds) == 0);
 *		CHECK_ERRNO(read(-1, buffer, 1), EBADF);
 *		return finish();
 *	}
 *
 * A check's name is its theme and text: the same in each run, once in each theme (known-failures.txt names them).
 */
#ifndef TESTS_GUEST_HARNESS_H
#define TESTS_GUEST_HARNESS_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *harness_theme = "main";
static int harness_count, harness_failed;

/* Starts a theme: the checks from here on belong to it. */
__attribute__((unused)) static void theme(const char *name)
{
	harness_theme = name;
}

/* Reports one check; details (printf-like) only matter when it failed. Written at once, so that a crash loses nothing;
 * a forked child must not report. Returns whether it passed. */
__attribute__((unused, format(printf, 3, 4))) static int report(int passed, const char *text, const char *details, ...)
{
	char line[1024];
	va_list args;
	int length = snprintf(line, sizeof(line) / 2, "%sok %d - %s: %s", passed ? "" : "not ", ++harness_count,
			      harness_theme, text);
	if (length >= (int)sizeof(line) / 2)
		length = (int)sizeof(line) / 2 - 1;
	if (!passed) {
		harness_failed++;
		length += snprintf(line + length, 5, "  # ");
		va_start(args, details);
		vsnprintf(line + length, sizeof(line) - (size_t)length - 1, details, args);
		va_end(args);
		length = (int)strlen(line);
	}
	line[length++] = '\n';
	for (int done = 0; done < length;) {
		ssize_t n = write(STDOUT_FILENO, line + done, (size_t)(length - done));
		if (n < 0 && errno != EINTR)
			_exit(98);
		done += n > 0 ? (int)n : 0;
	}
	return passed;
}

/* The condition holds. */
#define CHECK(condition) CHECK_THAT(condition, #condition)

/* The condition holds; the text names the behaviour where the expression would not. */
#define CHECK_THAT(condition, text)                                                                                    \
	({                                                                                                             \
		errno = 0;                                                                                             \
		int harness_holds = !!(condition);                                                                     \
		report(harness_holds, text, "%s:%d, errno %d (%s)", __FILE__, __LINE__, errno, strerror(errno));       \
	})

/* The call returns -1 (or MAP_FAILED) with this errno. */
#define CHECK_ERRNO(call, wanted)                                                                                      \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long harness_value = (long)(call);                                                                     \
		int harness_errno = errno;                                                                             \
		report(harness_value == -1 && harness_errno == (wanted), #call " fails with " #wanted,                 \
		       "%s:%d, returned %ld, errno %d (%s)", __FILE__, __LINE__, harness_value, harness_errno,         \
		       strerror(harness_errno));                                                                       \
	} while (0)

/* Something that the next checks need; without it the program cannot go on. */
#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!CHECK_THAT(condition, #condition))                                                                \
			exit(97);                                                                                      \
	} while (0)

/* Prints the count, by which a run that broke off is told from a complete one. Returns main's status. */
__attribute__((unused)) static int finish(void)
{
	printf("1..%d\n", harness_count);
	fflush(stdout);
	return harness_failed ? 1 : 0;
}

#endif
