/* SPDX-License-Identifier: Apache-2.0
 * What the programs about socket options share: sockets of each kind, and an option read and set with any length.
 */
#ifndef TESTS_GUEST_OPTIONS_H
#define TESTS_GUEST_OPTIONS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "matrix.h"

static char *hole;

enum kind { UNIX_STREAM, UNIX_DATAGRAM, TCP4, UDP4, TCP6, UDP6 };

static int make(enum kind kind)
{
	static const struct {
		int domain, type;
	} kinds[] = {[UNIX_STREAM] = {AF_UNIX, SOCK_STREAM}, [UNIX_DATAGRAM] = {AF_UNIX, SOCK_DGRAM},
		     [TCP4] = {AF_INET, SOCK_STREAM},	     [UDP4] = {AF_INET, SOCK_DGRAM},
		     [TCP6] = {AF_INET6, SOCK_STREAM},	     [UDP6] = {AF_INET6, SOCK_DGRAM}};
	return socket(kinds[kind].domain, kinds[kind].type, 0);
}

/* The length that comes back for so much room. */
static long ask(int fd, int level, int name, socklen_t room)
{
	char value[512] = "";
	long result = RESULT(syscall(SYS_getsockopt, fd, level, name, value, &room));
	return result < 0 ? result : (long)room;
}

static long give(int fd, int level, int name, long value, socklen_t length)
{
	return RESULT(syscall(SYS_setsockopt, fd, level, name, &value, length));
}

#endif
