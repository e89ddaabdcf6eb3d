/* SPDX-License-Identifier: Apache-2.0
 * Errors of UDP: ports where nobody is, and the error queue that IP_RECVERR and IPV6_RECVERR switch on.
 * area: Sockets
 */
#include <arpa/inet.h>
#include <time.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include "harness.h"
#include "loopback.h"

#define SENDTO(fd, data, n, a) sendto((fd), (data), (n), 0, (struct sockaddr *)&(a), sizeof(a))

static char buffer[70000];

/* A port of this family where nobody is. */
static int free_port(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0), port;
	struct sockaddr_in a = v4("127.0.0.1", 0);
	struct sockaddr_in6 a6 = v6("::1", 0);
	if (family == AF_INET ? BIND(fd, a) : BIND(fd, a6))
		return -1;
	port = port_of(fd);
	close(fd);
	return port;
}

/* What the error queue gave. */
struct got {
	long n;
	int flags, level, type;
	struct sock_extended_err error;
	struct sockaddr_storage name, offender;
	unsigned name_len;
	size_t cmsg_len;
	int others; /* control messages besides */
};

static struct got read_error(int fd, size_t room, int flags)
{
	struct got g = {0};
	union {
		char bytes[512];
		struct cmsghdr align;
	} control;
	struct iovec v = {buffer, room};
	struct msghdr m = {.msg_name = &g.name,
			   .msg_namelen = sizeof(g.name),
			   .msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	g.n = recvmsg(fd, &m, MSG_ERRQUEUE | flags);
	if (g.n < 0)
		return g;
	g.flags = m.msg_flags;
	g.name_len = m.msg_namelen;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			g.level = c->cmsg_level;
			g.type = c->cmsg_type;
			g.cmsg_len = c->cmsg_len;
			memcpy(&g.error, CMSG_DATA(c), sizeof(g.error));
			memcpy(&g.offender, SO_EE_OFFENDER((struct sock_extended_err *)CMSG_DATA(c)),
			       c->cmsg_len - CMSG_LEN(sizeof(g.error)));
		} else {
			g.others++;
		}
	}
	return g;
}

/* Sends to a port where nobody is; the error comes back at once on loopback, or soon. */
static int refused(int fd, int port, const char *data, size_t n)
{
	struct sockaddr_in to = v4("127.0.0.1", port);
	return SENDTO(fd, data, n, to) == (ssize_t)n && (events_of(fd, POLLIN, 2000) & POLLERR);
}

static void without(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), port = free_port(AF_INET);
	struct sockaddr_in to = v4("127.0.0.1", port);
	theme("no error queue");
	CHECK(SENDTO(x, "a", 1, to) == 1);
	CHECK_THAT(SENDTO(x, "a", 1, to) == 1 && option(x, SOL_SOCKET, SO_ERROR) == 0,
		   "a socket without a peer learns of nothing");
	CHECK_ERRNO(recv(x, buffer, 10, MSG_ERRQUEUE), EAGAIN);
	CHECK(CONNECT(x, to) == 0 && send(x, "a", 1, 0) == 1);
	CHECK(events_of(x, POLLIN, 2000) & POLLERR);
	CHECK_ERRNO(recv(x, buffer, 10, MSG_ERRQUEUE), EAGAIN);
	CHECK_THAT(option(x, SOL_SOCKET, SO_ERROR) == ECONNREFUSED, "one with a peer does, by SO_ERROR");
	CHECK(option(x, SOL_SOCKET, SO_ERROR) == 0 && !(events_of(x, POLLIN, 0) & POLLERR));
	close(x);
}

static void queue(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), port = free_port(AF_INET);
	struct got g;
	theme("error queue");
	CHECK(set(x, SOL_IP, IP_RECVERR, 1) == 0 && option(x, SOL_IP, IP_RECVERR) == 1);
	CHECK_ERRNO(recv(x, buffer, 10, MSG_ERRQUEUE), EAGAIN);
	REQUIRE(refused(x, port, "hello", 5));
	g = read_error(x, 100, 0);
	CHECK(g.n == 5 && !memcmp(buffer, "hello", 5));
	CHECK(g.flags == MSG_ERRQUEUE);
	CHECK(g.level == SOL_IP && g.type == IP_RECVERR && g.cmsg_len == CMSG_LEN(32) && !g.others);
	CHECK(g.error.ee_errno == ECONNREFUSED && g.error.ee_origin == SO_EE_ORIGIN_ICMP);
	CHECK(g.error.ee_type == ICMP_DEST_UNREACH && g.error.ee_code == ICMP_PORT_UNREACH);
	CHECK(g.error.ee_pad == 0 && g.error.ee_info == 0 && g.error.ee_data == 0);
	struct sockaddr_in *name = (struct sockaddr_in *)&g.name, *offender = (struct sockaddr_in *)&g.offender;
	CHECK(g.name_len == sizeof(*name) && name->sin_family == AF_INET && ntohs(name->sin_port) == port &&
	      name->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(offender->sin_family == AF_INET && offender->sin_port == 0 &&
	      offender->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK_THAT(option(x, SOL_SOCKET, SO_ERROR) == 0, "the last one read, there is no error any more");
	CHECK(!(events_of(x, POLLIN, 0) & POLLERR));
	CHECK_ERRNO(recv(x, buffer, 10, MSG_ERRQUEUE), EAGAIN);

	REQUIRE(refused(x, port, "one", 3));
	CHECK_ERRNO(recv(x, buffer, 10, MSG_DONTWAIT), ECONNREFUSED);
	CHECK_ERRNO(recv(x, buffer, 10, MSG_DONTWAIT), EAGAIN);
	CHECK_THAT(events_of(x, POLLIN, 0) & POLLERR, "the error told, it stands in the queue");
	CHECK(recv(x, buffer, 10, MSG_ERRQUEUE) == 3 && !(events_of(x, POLLIN, 0) & POLLERR));

	REQUIRE(refused(x, port, "first", 5));
	CHECK(option(x, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
	REQUIRE(refused(x, port, "second!", 7));
	CHECK(recv(x, buffer, 100, MSG_ERRQUEUE) == 5);
	CHECK_THAT(option(x, SOL_SOCKET, SO_ERROR) == ECONNREFUSED, "reading one makes the next the socket's error");
	g = read_error(x, 3, 0);
	CHECK_THAT(g.n == 3 && g.flags == (MSG_ERRQUEUE | MSG_TRUNC), "a small buffer cuts it");
	CHECK_ERRNO(recv(x, buffer, 100, MSG_ERRQUEUE), EAGAIN);
	CHECK(option(x, SOL_SOCKET, SO_ERROR) == 0);

	REQUIRE(refused(x, port, buffer, 5000));
	g = read_error(x, sizeof(buffer), 0);
	CHECK_THAT(g.n == 520 && g.flags == MSG_ERRQUEUE, "of a long datagram comes back what ICMP quotes");
	REQUIRE(refused(x, port, "", 0));
	CHECK(read_error(x, 10, 0).n == 0);

	REQUIRE(refused(x, port, "x", 1));
	CHECK(set(x, SOL_IP, IP_RECVERR, 0) == 0);
	CHECK_ERRNO(recv(x, buffer, 100, MSG_ERRQUEUE), EAGAIN);
	CHECK_THAT(option(x, SOL_SOCKET, SO_ERROR) == ECONNREFUSED, "switched off, SO_ERROR is left");
	close(x);
}

static void along(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = socket(AF_INET, SOCK_DGRAM, 0), port = free_port(AF_INET);
	struct sockaddr_in to = v4("127.0.0.1", port), own = v4("127.0.0.1", 0);
	theme("error queue, more");
	REQUIRE(BIND(y, own) == 0 && BIND(x, own) == 0);
	CHECK(set(x, SOL_IP, IP_RECVERR, 1) == 0 && set(x, SOL_IP, IP_RECVTTL, 1) == 0 &&
	      set(x, SOL_SOCKET, SO_TIMESTAMP, 1) == 0 && set(x, SOL_IP, IP_PKTINFO, 1) == 0);
	REQUIRE(refused(x, port, "abc", 3));
	struct got g = read_error(x, 100, 0);
	CHECK_THAT(g.n == 3 && g.others == 3, "time, address and TTL come along");
	CHECK(CONNECT(x, to) == 0 && send(x, "abc", 3, 0) == 3);
	REQUIRE(events_of(x, POLLIN, 2000) & POLLERR);
	CHECK_ERRNO(send(x, "abc", 3, 0), ECONNREFUSED);
	CHECK(read_error(x, 100, 0).n == 3);
	close(x);
	/* A datagram that came is there whatever else was refused. */
	x = socket(AF_INET, SOCK_DGRAM, 0);
	REQUIRE(BIND(x, own) == 0 && set(x, SOL_IP, IP_RECVERR, 1) == 0 && refused(x, port, "abc", 3));
	own = v4("127.0.0.1", port_of(x));
	CHECK(SENDTO(y, "data", 4, own) == 4);
	CHECK_ERRNO(recv(x, buffer, 100, 0), ECONNREFUSED);
	CHECK(recv(x, buffer, 100, MSG_DONTWAIT) == 4);
	CHECK(read_error(x, 100, MSG_DONTWAIT).n == 3);
	close(x);
	close(y);
}

static void six(void)
{
	int x = socket(AF_INET6, SOCK_DGRAM, 0), port = free_port(AF_INET6);
	struct sockaddr_in6 to = v6("::1", port);
	theme("IPv6 error queue");
	CHECK(set(x, SOL_IPV6, IPV6_RECVERR, 1) == 0);
	CHECK(SENDTO(x, "hello", 5, to) == 5);
	REQUIRE(events_of(x, POLLIN, 2000) & POLLERR);
	struct got g = read_error(x, 100, 0);
	CHECK(g.n == 5 && g.flags == MSG_ERRQUEUE);
	CHECK(g.level == SOL_IPV6 && g.type == IPV6_RECVERR && g.cmsg_len == CMSG_LEN(16 + 28));
	CHECK(g.error.ee_errno == ECONNREFUSED && g.error.ee_origin == SO_EE_ORIGIN_ICMP6 && g.error.ee_type == 1 &&
	      g.error.ee_code == 4);
	struct sockaddr_in6 *name = (struct sockaddr_in6 *)&g.name, *offender = (struct sockaddr_in6 *)&g.offender;
	CHECK(g.name_len == sizeof(*name) && name->sin6_family == AF_INET6 && ntohs(name->sin6_port) == port &&
	      IN6_IS_ADDR_LOOPBACK(&name->sin6_addr));
	CHECK(offender->sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&offender->sin6_addr));
	CHECK(SENDTO(x, buffer, 5000, to) == 5000 && (events_of(x, POLLIN, 2000) & POLLERR));
	CHECK(read_error(x, sizeof(buffer), 0).n == 1184);

	theme("IPv4 errors on IPv6");
	to = v6("::ffff:127.0.0.1", free_port(AF_INET));
	CHECK(SENDTO(x, "hello", 5, to) == 5);
	CHECK_THAT(option(x, SOL_SOCKET, SO_ERROR) == 0, "IPV6_RECVERR is not IPv4's");
	CHECK(set(x, SOL_IP, IP_RECVERR, 1) == 0);
	CHECK(SENDTO(x, "hello", 5, to) == 5 && (events_of(x, POLLIN, 2000) & POLLERR));
	g = read_error(x, 100, 0);
	CHECK(g.n == 5 && g.level == SOL_IPV6 && g.type == IPV6_RECVERR);
	CHECK(g.error.ee_origin == SO_EE_ORIGIN_ICMP && g.error.ee_type == 3 && g.error.ee_code == 3);
	name = (struct sockaddr_in6 *)&g.name;
	offender = (struct sockaddr_in6 *)&g.offender;
	CHECK(name->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&name->sin6_addr) &&
	      name->sin6_port == to.sin6_port);
	CHECK(offender->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&offender->sin6_addr));
	close(x);
}

static void tcp(void)
{
	int x = socket(AF_INET, SOCK_STREAM, 0);
	theme("TCP error queue");
	CHECK(set(x, SOL_IP, IP_RECVERR, 1) == 0);
	CHECK_ERRNO(recv(x, buffer, 10, MSG_ERRQUEUE), EAGAIN);
	close(x);
}

int main(void)
{
	alarm(60);
	without();
	queue();
	along();
	six();
	tcp();
	return finish();
}
