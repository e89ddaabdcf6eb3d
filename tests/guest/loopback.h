/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs that talk over loopback share: addresses, options, readiness.
 */
#ifndef TESTS_GUEST_LOOPBACK_H
#define TESTS_GUEST_LOOPBACK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

static inline int events_of(int fd, short wanted, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = wanted};
	return poll(&p, 1, wait_ms) < 0 ? -1 : p.revents;
}

static inline struct sockaddr_in v4(const char *address, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, address, &a.sin_addr);
	return a;
}

static inline struct sockaddr_in6 v6(const char *address, int port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	inet_pton(AF_INET6, address, &a.sin6_addr);
	return a;
}

#define BIND(fd, a)    bind((fd), (struct sockaddr *)&(a), sizeof(a))
#define CONNECT(fd, a) connect((fd), (struct sockaddr *)&(a), sizeof(a))

/* The local port; -1: none. */
static inline int port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return -1;
	return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
					    : ((struct sockaddr_in6 *)&a)->sin6_port);
}

/* The value of an option; -12345: there is none. */
static inline int option(int fd, int level, int name)
{
	int value = -12345;
	socklen_t len = sizeof(value);
	return getsockopt(fd, level, name, &value, &len) || len != sizeof(value) ? -12345 : value;
}

static inline int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

#endif
