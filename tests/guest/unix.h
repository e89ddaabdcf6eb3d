/* SPDX-License-Identifier: Apache-2.0
 * What the programs about AF_UNIX sockets share: addresses, options, readiness.
 */
#ifndef TESTS_GUEST_UNIX_H
#define TESTS_GUEST_UNIX_H

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buffer[1 << 20];

static inline int events_of(int fd, short wanted)
{
	struct pollfd p = {.fd = fd, .events = wanted};
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static inline socklen_t address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static inline socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path + 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static inline int int_option(int fd, int name)
{
	int value = -12345;
	socklen_t len = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, name, &value, &len) || len != sizeof(value) ? -12345 : value;
}

#endif
