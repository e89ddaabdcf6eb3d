/* SPDX-License-Identifier: Apache-2.0
 * UDP over loopback, IPv4 and IPv6.
 * area: Sockets
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "harness.h"
#include "loopback.h"

static char buffer[1 << 20];

#define SENDTO(fd, data, n, a) sendto((fd), (data), (n), 0, (struct sockaddr *)&(a), sizeof(a))

static int bound(const char *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = v4(address, 0);
	return BIND(fd, a) ? -1 : fd;
}

static void unconnected(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = bound("127.0.0.1"), n;
	struct sockaddr_in to = v4("127.0.0.1", port_of(y)), from;
	socklen_t len = sizeof(from);
	theme("datagrams");
	CHECK(option(x, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM && option(x, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP);
	CHECK(events_of(x, POLLIN | POLLOUT, 0) == POLLOUT);
	CHECK_ERRNO(send(x, "x", 1, 0), EDESTADDRREQ);
	CHECK_ERRNO(recv(x, buffer, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(listen(x, 1), EOPNOTSUPP);
	CHECK_ERRNO(accept(x, NULL, NULL), EOPNOTSUPP);
	CHECK_ERRNO(sendto(x, "x", 1, 0, (struct sockaddr *)&to, 8), EINVAL);
	CHECK_THAT(port_of(x) >= 32768, "the first send binds a port, even one that fails");
	CHECK(SENDTO(x, "hello", 5, to) == 5);
	CHECK(events_of(y, POLLIN, 5000) == POLLIN);
	CHECK(ioctl(y, FIONREAD, &n) == 0 && n == 5);
	CHECK(recvfrom(y, buffer, 100, MSG_PEEK, (struct sockaddr *)&from, &len) == 5);
	len = sizeof(from);
	CHECK(recvfrom(y, buffer, 100, 0, (struct sockaddr *)&from, &len) == 5 && len == sizeof(from));
	CHECK(ntohs(from.sin_port) == port_of(x) && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(SENDTO(y, "back", 4, from) == 4 && recv(x, buffer, 100, 0) == 4);
	CHECK(SENDTO(x, "", 0, to) == 0 && recv(y, buffer, 100, 0) == 0);
	CHECK(SENDTO(x, "one", 3, to) == 3 && SENDTO(x, "three", 5, to) == 5);
	CHECK_THAT(recv(y, buffer, 100, 0) == 3, "borders are kept");
	struct iovec v = {buffer, 2};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	CHECK(recvmsg(y, &m, MSG_PEEK) == 2 && m.msg_flags & MSG_TRUNC);
	CHECK(recv(y, buffer, 2, MSG_TRUNC) == 5);
	CHECK(SENDTO(x, buffer, 65507, to) == 65507);
	CHECK(recv(y, buffer, sizeof(buffer), 0) == 65507);
	CHECK_ERRNO(SENDTO(x, buffer, 65508, to), EMSGSIZE);
	CHECK_ERRNO(SENDTO(x, buffer, 100000, to), EMSGSIZE);
	to.sin_port = 0;
	CHECK_ERRNO(SENDTO(x, "x", 1, to), EINVAL);
	to = v4("255.255.255.255", 9);
	CHECK_ERRNO(SENDTO(x, "x", 1, to), EACCES);
	to = v4("127.0.0.1", port_of(y));
	to.sin_family = AF_INET6;
	CHECK_ERRNO(SENDTO(x, "x", 1, to), EAFNOSUPPORT);
	CHECK_ERRNO(sendto(x, (void *)8, 10, 0, (struct sockaddr *)&from, sizeof(from)), EFAULT);
	CHECK_ERRNO(shutdown(x, SHUT_RD), ENOTCONN);
	close(y);
	to = v4("127.0.0.1", port_of(x) == 40000 ? 40001 : 40000);
	close(x);
}

static void connected(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = bound("127.0.0.1"), z = bound("127.0.0.1");
	struct sockaddr_in to_x = v4("127.0.0.1", 1024 + port_of(z) / 3), to_y = v4("127.0.0.1", port_of(y)), name;
	socklen_t len = sizeof(name);
	theme("connected");
	REQUIRE(BIND(x, to_x) == 0);
	CHECK_ERRNO(getpeername(x, (struct sockaddr *)&name, &len), ENOTCONN);
	CHECK(CONNECT(x, to_y) == 0);
	CHECK(getpeername(x, (struct sockaddr *)&name, &len) == 0 && name.sin_port == to_y.sin_port);
	CHECK(send(x, "via", 3, 0) == 3 && recv(y, buffer, 9, 0) == 3);
	CHECK(SENDTO(z, "stranger", 8, to_x) == 8);
	CHECK(SENDTO(y, "friend", 6, to_x) == 6);
	CHECK_THAT(recv(x, buffer, 100, 0) == 6, "a connected socket hears its peer only");
	CHECK_ERRNO(recv(x, buffer, 100, MSG_DONTWAIT), EAGAIN);
	struct sockaddr_in to_z = v4("127.0.0.1", port_of(z));
	CHECK_THAT(SENDTO(x, "z", 1, to_z) == 1 && recv(z, buffer, 9, 0) == 1,
		   "an address given to sendto comes first");
	CHECK_THAT(CONNECT(x, to_z) == 0, "it may connect to somebody else");
	close(z);
	CHECK(send(x, "lost", 4, 0) == 4);
	CHECK((events_of(x, POLLIN, 5000) & POLLERR) == POLLERR);
	CHECK_ERRNO(recv(x, buffer, 9, 0), ECONNREFUSED);
	CHECK(send(x, "lost", 4, 0) == 4);
	events_of(x, 0, 5000);
	CHECK_ERRNO(send(x, "lost", 4, 0), ECONNREFUSED);
	CHECK(send(x, "lost", 4, 0) == 4);
	events_of(x, 0, 5000);
	CHECK(option(x, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	CHECK(connect(x, &unspec, sizeof(unspec)) == 0);
	CHECK_ERRNO(send(x, "x", 1, 0), EDESTADDRREQ);
	CHECK_THAT(port_of(x) == ntohs(to_x.sin_port), "a port that bind named stays");
	CHECK(CONNECT(x, to_y) == 0 && shutdown(x, SHUT_WR) == 0);
	CHECK_ERRNO(send(x, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(shutdown(x, SHUT_RD) == 0 && recv(x, buffer, 1, 0) == 0);
	close(x);
	x = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(CONNECT(x, to_y) == 0);
	len = sizeof(name);
	CHECK(getsockname(x, (struct sockaddr *)&name, &len) == 0 && name.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	close(x);
	close(y);
}

static void ports(void)
{
	int x = bound("127.0.0.1"), y = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = v4("127.0.0.1", port_of(x)), any = v4("0.0.0.0", port_of(x));
	theme("ports");
	CHECK_ERRNO(BIND(y, a), EADDRINUSE);
	CHECK_ERRNO(BIND(y, any), EADDRINUSE);
	CHECK(set(y, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
	CHECK_ERRNO(BIND(y, a), EADDRINUSE);
	CHECK(set(x, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
	CHECK(BIND(y, any) == 0);
	int z = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(SENDTO(z, "exact", 5, a) == 5);
	CHECK_THAT(recv(x, buffer, 9, MSG_DONTWAIT) == 5, "the more exact address gets the datagram");
	a = v4("127.0.0.2", port_of(x));
	CHECK(SENDTO(z, "other", 5, a) == 5);
	CHECK_THAT(recv(y, buffer, 9, MSG_DONTWAIT) == 5, "the wildcard gets the rest");
	int t = socket(AF_INET, SOCK_STREAM, 0);
	a = v4("127.0.0.1", port_of(x));
	CHECK_THAT(BIND(t, a) == 0, "TCP ports are others");
	close(t);
	close(x);
	close(y);
	close(z);
}

static void six(void)
{
	struct sockaddr_in6 any = v6("::", 0), to, from;
	socklen_t len = sizeof(from);
	theme("IPv6");
	int x = socket(AF_INET6, SOCK_DGRAM, 0), y = socket(AF_INET6, SOCK_DGRAM, 0),
	    z = socket(AF_INET, SOCK_DGRAM, 0);
	REQUIRE(BIND(x, any) == 0);
	int port = port_of(x);
	to = v6("::1", port);
	CHECK(SENDTO(y, "six", 3, to) == 3);
	CHECK(recvfrom(x, buffer, 9, 0, (struct sockaddr *)&from, &len) == 3 && IN6_IS_ADDR_LOOPBACK(&from.sin6_addr));
	struct sockaddr_in a = v4("127.0.0.1", port);
	CHECK(SENDTO(z, "four", 4, a) == 4);
	len = sizeof(from);
	CHECK(recvfrom(x, buffer, 9, 0, (struct sockaddr *)&from, &len) == 4 && IN6_IS_ADDR_V4MAPPED(&from.sin6_addr));
	CHECK_THAT(SENDTO(x, "back", 4, from) == 4 && recv(z, buffer, 9, 0) == 4,
		   "an answer to a mapped address arrives");
	to = v6("::ffff:127.0.0.1", port);
	int w = socket(AF_INET6, SOCK_DGRAM, 0);
	CHECK(SENDTO(w, "mapped", 6, to) == 6 && recv(x, buffer, 9, 0) == 6);
	close(w);
	close(x);
	close(y);
	close(z);
}

static void control_messages(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = bound("0.0.0.0");
	struct sockaddr_in to = v4("127.0.0.5", port_of(y));
	char control[256];
	struct iovec v = {buffer, 100};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int pktinfo = 0, timestamp = 0, ttl = 0;
	theme("control messages");
	CHECK(set(y, IPPROTO_IP, IP_PKTINFO, 1) == 0 && set(y, IPPROTO_IP, IP_RECVTTL, 1) == 0);
	CHECK(set(y, SOL_SOCKET, SO_TIMESTAMP, 1) == 0);
	CHECK(SENDTO(x, "x", 1, to) == 1);
	CHECK(recvmsg(y, &m, 0) == 1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct in_pktinfo info;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			pktinfo = info.ipi_addr.s_addr == to.sin_addr.s_addr && info.ipi_ifindex == 1;
		}
		ttl |= c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL && c->cmsg_len == CMSG_LEN(4);
		timestamp |= c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMP &&
			     c->cmsg_len == CMSG_LEN(sizeof(struct timeval));
	}
	CHECK_THAT(pktinfo, "IP_PKTINFO tells the address the datagram was sent to");
	CHECK(timestamp);
	CHECK(ttl);
	m.msg_controllen = 8;
	CHECK(SENDTO(x, "x", 1, to) == 1);
	CHECK(recvmsg(y, &m, 0) == 1 && m.msg_flags & MSG_CTRUNC);
	close(x);
	close(y);
}

/* Sends a byte with one control message of `size` bytes. */
static ssize_t send_with(int fd, void *to, socklen_t to_len, int level, int type, const void *value, size_t size)
{
	char control[64] = {0};
	struct iovec v = {"x", 1};
	struct msghdr m = {to, to_len, &v, 1, control, CMSG_SPACE(size), 0};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), value, size);
	return sendmsg(fd, &m, 0);
}

/* The value of the one control message of this kind that comes with the next datagram, or -1. */
static int received(int fd, int level, int type)
{
	char control[256];
	struct iovec v = {buffer, 100};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int value = 0;
	if (recvmsg(fd, &m, 0) < 0)
		return -2;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == level && c->cmsg_type == type) {
			memcpy(&value, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0) < 4 ? 1 : 4);
			return value;
		}
	return -1;
}

static void hops(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = bound("127.0.0.1"), v = 9;
	struct sockaddr_in to = v4("127.0.0.1", port_of(y));
	theme("hops and classes");
	CHECK(set(y, IPPROTO_IP, IP_RECVTTL, 1) == 0 && set(y, IPPROTO_IP, IP_RECVTOS, 1) == 0);
	CHECK(set(x, IPPROTO_IP, IP_TTL, 7) == 0 && set(x, IPPROTO_IP, IP_TOS, 0x10) == 0);
	CHECK(SENDTO(x, "x", 1, to) == 1 && received(y, IPPROTO_IP, IP_TTL) == 7);
	CHECK(SENDTO(x, "x", 1, to) == 1 && received(y, IPPROTO_IP, IP_TOS) == 0x10);
	CHECK(send_with(x, &to, sizeof(to), IPPROTO_IP, IP_TTL, &v, 4) == 1 && received(y, IPPROTO_IP, IP_TTL) == 9);
	CHECK(send_with(x, &to, sizeof(to), IPPROTO_IP, IP_TOS, "\x20", 1) == 1 &&
	      received(y, IPPROTO_IP, IP_TOS) == 0x20);
	CHECK_ERRNO(send_with(x, &to, sizeof(to), IPPROTO_IP, IP_TTL, &(int){0}, 4), EINVAL);
	CHECK_ERRNO(send_with(x, &to, sizeof(to), IPPROTO_IP, IP_TTL, &v, 1), EINVAL);
	close(x);
	close(y);
	x = socket(AF_INET6, SOCK_DGRAM, 0);
	y = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 at = v6("::1", 0);
	CHECK(BIND(y, at) == 0);
	at = v6("::1", port_of(y));
	CHECK(set(y, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) == 0 && set(y, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) == 0);
	CHECK(SENDTO(x, "x", 1, at) == 1 && received(y, IPPROTO_IPV6, IPV6_HOPLIMIT) == 64);
	CHECK(send_with(x, &at, sizeof(at), IPPROTO_IPV6, IPV6_HOPLIMIT, &v, 4) == 1 &&
	      received(y, IPPROTO_IPV6, IPV6_HOPLIMIT) == 9);
	CHECK(send_with(x, &at, sizeof(at), IPPROTO_IPV6, IPV6_TCLASS, &v, 4) == 1 &&
	      received(y, IPPROTO_IPV6, IPV6_TCLASS) == 9);
	CHECK(send_with(x, &at, sizeof(at), IPPROTO_IPV6, IPV6_HOPLIMIT, &(int){-1}, 4) == 1 &&
	      received(y, IPPROTO_IPV6, IPV6_HOPLIMIT) == 64);
	CHECK_ERRNO(send_with(x, &at, sizeof(at), IPPROTO_IPV6, IPV6_HOPLIMIT, &(int){256}, 4), EINVAL);
	CHECK_ERRNO(send_with(x, &at, sizeof(at), IPPROTO_IPV6, IPV6_TCLASS, &v, 2), EINVAL);
	close(x);
	close(y);
}

static void devices(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = socket(AF_INET6, SOCK_DGRAM, 0),
	    t = socket(AF_INET, SOCK_STREAM, 0);
	char name[16] = "";
	socklen_t len = sizeof(name);
	struct ip_mreqn m = {.imr_ifindex = 1};
	struct in6_pktinfo info = {.ipi6_addr = IN6ADDR_LOOPBACK_INIT, .ipi6_ifindex = 1};
	theme("devices");
	CHECK(getsockopt(x, SOL_SOCKET, SO_BINDTODEVICE, name, &len) == 0 && len == 0);
	CHECK(setsockopt(x, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) == 0);
	len = sizeof(name);
	CHECK(getsockopt(x, SOL_SOCKET, SO_BINDTODEVICE, name, &len) == 0 && len == 3 && !strcmp(name, "lo"));
	CHECK_ERRNO(setsockopt(x, SOL_SOCKET, SO_BINDTODEVICE, "none", 5), ENODEV);
	CHECK(setsockopt(x, SOL_SOCKET, SO_BINDTODEVICE, "", 0) == 0);
	CHECK(setsockopt(x, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)) == 0);
	CHECK(setsockopt(x, IPPROTO_IP, IP_MULTICAST_IF, &(struct in_addr){htonl(INADDR_LOOPBACK)}, 4) == 0);
	CHECK(option(x, IPPROTO_IP, IP_MULTICAST_IF) == (int)htonl(INADDR_LOOPBACK));
	CHECK_ERRNO(setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)), EINVAL);
	CHECK(set(y, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1) == 0 && option(y, IPPROTO_IPV6, IPV6_MULTICAST_IF) == 1);
	CHECK_ERRNO(set(y, IPPROTO_IPV6, IPV6_MULTICAST_IF, 9999), ENODEV);
	CHECK(setsockopt(y, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)) == 0);
	CHECK(option(x, SOL_SOCKET, SO_BPF_EXTENSIONS) == 64);
	unsigned int memory[16];
	len = sizeof(memory);
	CHECK(getsockopt(x, SOL_SOCKET, SO_MEMINFO, memory, &len) == 0 && len == 36 &&
	      memory[1] == (unsigned int)option(x, SOL_SOCKET, SO_RCVBUF));
	CHECK_THAT(set(t, IPPROTO_TCP, 9 /* TCP_DEFER_ACCEPT */, 5) == 0 && option(t, IPPROTO_TCP, 9) == 7,
		   "TCP_DEFER_ACCEPT is rounded up to whole retransmissions");
	close(t);
	close(x);
	close(y);
}

static void limits(void)
{
	int x = socket(AF_INET, SOCK_DGRAM, 0), y = bound("127.0.0.1"), count = 0;
	struct sockaddr_in to = v4("127.0.0.1", port_of(y));
	struct timeval tv = {0, 20000};
	theme("limits");
	for (int i = 0; i < 2000; i++)
		if (SENDTO(x, buffer, 1000, to) != 1000)
			break;
	while (recv(y, buffer, 1000, MSG_DONTWAIT) == 1000)
		count++;
	CHECK_THAT(count >= 20 && count < 2000, "what does not fit into the receive buffer is lost");
	CHECK(setsockopt(y, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	CHECK_ERRNO(recv(y, buffer, 1, 0), EAGAIN);
	struct mmsghdr out[3] = {0}, in[4] = {0};
	struct iovec v = {buffer, 10}, w[4];
	static char data[4][16];
	for (int i = 0; i < 3; i++)
		out[i].msg_hdr =
		    (struct msghdr){.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &v, .msg_iovlen = 1};
	for (int i = 0; i < 4; i++) {
		w[i] = (struct iovec){data[i], 16};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &w[i], .msg_iovlen = 1};
	}
	CHECK(sendmmsg(x, out, 3, 0) == 3 && out[2].msg_len == 10);
	CHECK(recvmmsg(y, in, 4, MSG_DONTWAIT, NULL) == 3 && in[2].msg_len == 10);
	CHECK(option(y, SOL_SOCKET, SO_RCVBUF) == 212992 || option(y, SOL_SOCKET, SO_RCVBUF) > 0);
	CHECK(set(y, SOL_SOCKET, SO_BROADCAST, 1) == 0 && option(y, SOL_SOCKET, SO_BROADCAST) == 1);
	int ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET}, ready;
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, y, &e) == 0 && epoll_wait(ep, &ready, 1, 0) == 0);
	CHECK(SENDTO(x, "a", 1, to) == 1 && epoll_wait(ep, &ready, 1, 5000) == 1);
	CHECK(epoll_wait(ep, &ready, 1, 0) == 0);
	CHECK(SENDTO(x, "b", 1, to) == 1 && epoll_wait(ep, &ready, 1, 5000) == 1);
	close(ep);
	close(x);
	close(y);
}

int main(void)
{
	unconnected();
	connected();
	ports();
	six();
	control_messages();
	hops();
	devices();
	limits();
	return finish();
}
