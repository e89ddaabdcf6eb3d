/* SPDX-License-Identifier: Apache-2.0
 * What the programs about terminal modes share: a pair, and all that came through it.
 */
#ifndef TESTS_GUEST_PTY_H
#define TESTS_GUEST_PTY_H

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "probe.h"

static int master, slave;

static inline void open_pair(void)
{
	char name[64];
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)))
		exit(96);
	slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (slave < 0 || fcntl(master, F_SETFL, O_NONBLOCK))
		exit(96);
}

static inline void close_pair(void)
{
	close(slave);
	close(master);
}

/* Bytes that came through, each read of a line followed by | when `lines` is set. */
struct got {
	char bytes[4096];
	size_t n;
};

/* Reads until there are as many bytes as expected, then what is there beyond them. Linux moves bytes from one side to
 * the other a little later, so that fewer are waited for. */
static inline void collect(int fd, struct got *got, size_t expected, int lines)
{
	struct pollfd p = {fd, POLLIN, 0};
	got->n = 0;
	while (got->n < sizeof(got->bytes) - 512 && poll(&p, 1, got->n < expected ? 4000 : 0) == 1) {
		ssize_t n = read(fd, got->bytes + got->n, 500);
		if (n < 0)
			break;
		got->n += (size_t)n;
		if (lines)
			got->bytes[got->n++] = '|';
	}
}

/* For messages: the bytes as a C string has them. */
static inline const char *escaped(const char *bytes, size_t n, char *text, size_t room)
{
	char *p = text;
	for (size_t i = 0; i < n && (size_t)(p - text) + 8 < room; i++)
		p += snprintf(
		    p, 8, bytes[i] >= ' ' && bytes[i] < 127 && bytes[i] != '"' && bytes[i] != '\\' ? "%c" : "\\%03o",
		    (unsigned char)bytes[i]);
	*p = 0;
	return text;
}

static inline int same(const struct got *got, const char *bytes, size_t n)
{
	return got->n == n && !memcmp(got->bytes, bytes, n);
}

#endif
