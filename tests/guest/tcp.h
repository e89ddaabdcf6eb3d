/* SPDX-License-Identifier: Apache-2.0
 * What the programs about TCP share: a listener, a connection to oneself.
 */
#ifndef TESTS_GUEST_TCP_H
#define TESTS_GUEST_TCP_H

#include <stdlib.h>

#include "loopback.h"

static char buffer[1 << 20];

/* A listener on 127.0.0.1 and a port of the system's choice. */
static inline int listener(int backlog, int *port)
{
	struct sockaddr_in a = v4("127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || BIND(fd, a) || listen(fd, backlog))
		return -1;
	*port = port_of(fd);
	return fd;
}

static inline void connected_pair(int p[2])
{
	int port, l = listener(5, &port);
	struct sockaddr_in a = v4("127.0.0.1", port);
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (CONNECT(p[0], a))
		exit(96);
	p[1] = accept(l, NULL, NULL);
	close(l);
}

#endif
