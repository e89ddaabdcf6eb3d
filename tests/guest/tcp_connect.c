/* SPDX-License-Identifier: Apache-2.0
 * TCP over loopback, IPv4 and IPv6: creation, binding, connecting, listeners, TIME_WAIT.
 * area: Sockets
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "harness.h"
#include "loopback.h"
#include "tcp.h"

static void creation(void)
{
	theme("create");
	CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, -1), EINVAL);
	CHECK_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}), EOPNOTSUPP);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6);
	CHECK(option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
	CHECK(option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
	CHECK(events_of(fd, POLLIN | POLLOUT, 0) == (POLLOUT | POLLHUP));
	CHECK_ERRNO(recv(fd, buffer, 1, 0), ENOTCONN);
	CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERRNO(shutdown(fd, SHUT_RDWR), ENOTCONN);
	CHECK_ERRNO(accept(fd, NULL, NULL), EINVAL);
	CHECK_ERRNO(getpeername(fd, (struct sockaddr *)buffer, &(socklen_t){128}), ENOTCONN);
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);
	CHECK(getsockname(fd, (struct sockaddr *)&name, &len) == 0 && len == sizeof(name) && name.sin6_port == 0);
	close(fd);
}

static void binding(void)
{
	struct sockaddr_in a = v4("127.0.0.1", 0), b;
	int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
	theme("bind");
	CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, 8), EINVAL);
	a.sin_family = AF_INET6;
	CHECK_ERRNO(BIND(fd, a), EAFNOSUPPORT);
	a = v4("192.0.2.1", 0);
	CHECK_ERRNO(BIND(fd, a), EADDRNOTAVAIL);
	a = v4("127.0.0.1", 0);
	CHECK(BIND(fd, a) == 0);
	int port = port_of(fd);
	CHECK(port >= 1024 && port <= 65535);
	CHECK_ERRNO(BIND(fd, a), EINVAL);
	a = v4("127.0.0.1", port);
	CHECK_ERRNO(BIND(other, a), EADDRINUSE);
	b = v4("0.0.0.0", port);
	CHECK_ERRNO(BIND(other, b), EADDRINUSE);
	CHECK(set(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 && set(other, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
	CHECK_THAT(BIND(other, a) == 0, "with SO_REUSEADDR on both, while nobody listens");
	CHECK(listen(fd, 1) == 0);
	CHECK_ERRNO(listen(other, 1), EADDRINUSE);
	close(other);
	other = socket(AF_INET, SOCK_STREAM, 0);
	set(other, SOL_SOCKET, SO_REUSEADDR, 1);
	CHECK_ERRNO(BIND(other, a), EADDRINUSE);
	b = v4("127.0.0.2", port);
	CHECK_THAT(BIND(other, b) == 0, "another loopback address is another place");
	close(other);
	struct sockaddr_in6 c = v6("::", port);
	other = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK_ERRNO(BIND(other, c), EADDRINUSE);
	CHECK(set(other, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0 && option(other, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
	CHECK_THAT(BIND(other, c) == 0, "IPV6_V6ONLY leaves the IPv4 port alone");
	CHECK_ERRNO(set(other, IPPROTO_IPV6, IPV6_V6ONLY, 0), EINVAL);
	close(other);
	close(fd);
	int x = socket(AF_INET, SOCK_STREAM, 0), y = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(set(x, SOL_SOCKET, SO_REUSEPORT, 1) == 0 && set(y, SOL_SOCKET, SO_REUSEPORT, 1) == 0);
	a = v4("127.0.0.1", 0);
	CHECK(BIND(x, a) == 0 && listen(x, 1) == 0);
	a = v4("127.0.0.1", port_of(x));
	CHECK_THAT(BIND(y, a) == 0 && listen(y, 1) == 0, "SO_REUSEPORT: two listeners");
	close(x);
	close(y);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_THAT(listen(fd, 1) == 0 && port_of(fd) >= 32768, "listen without bind chooses a port");
	CHECK(listen(fd, 7) == 0);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in none = {.sin_family = AF_UNSPEC};
	CHECK_THAT(BIND(fd, none) == 0, "AF_UNSPEC with any address is taken for AF_INET");
	close(fd);
}

static void connecting(void)
{
	int port, l = listener(5, &port), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = v4("127.0.0.1", port), b, bad;
	struct sockaddr_in6 six = v6("::1", port);
	socklen_t len;
	theme("connect");
	REQUIRE(l >= 0);
	CHECK(option(l, SOL_SOCKET, SO_ACCEPTCONN) == 1);
	CHECK(events_of(l, POLLIN | POLLOUT, 0) == 0);
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, 8), EINVAL);
	CHECK_ERRNO(CONNECT(fd, six), EAFNOSUPPORT);
	CHECK_ERRNO(CONNECT(l, a), EISCONN);
	CHECK_ERRNO(recv(l, buffer, 1, 0), ENOTCONN);
	CHECK_ERRNO(send(l, buffer, 1, MSG_NOSIGNAL), EPIPE);
	CHECK(CONNECT(fd, a) == 0);
	CHECK_ERRNO(CONNECT(fd, a), EISCONN);
	CHECK_ERRNO(listen(fd, 1), EINVAL);
	CHECK(events_of(l, POLLIN, 5000) == POLLIN);
	len = sizeof(b);
	int e = accept(l, (struct sockaddr *)&b, &len);
	CHECK(e >= 0 && len == sizeof(b) && b.sin_family == AF_INET && ntohs(b.sin_port) == port_of(fd));
	CHECK(b.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(port_of(e) == port);
	len = sizeof(b);
	CHECK(getpeername(fd, (struct sockaddr *)&b, &len) == 0 && ntohs(b.sin_port) == port);
	CHECK(port_of(fd) >= 32768 && port_of(fd) <= 60999);
	CHECK(events_of(fd, POLLIN | POLLOUT, 0) == POLLOUT);
	close(e);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	bad = v4("0.0.0.0", port);
	CHECK_THAT(CONNECT(fd, bad) == 0, "0.0.0.0 is this machine");
	e = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(fcntl(e, F_GETFL) & O_NONBLOCK && fcntl(e, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(recv(e, buffer, 1, 0), EAGAIN);
	close(fd);
	close(e);
	fcntl(l, F_SETFL, O_NONBLOCK);
	CHECK_ERRNO(accept(l, NULL, NULL), EAGAIN);
	close(l);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(CONNECT(fd, a), ECONNREFUSED);
	CHECK_ERRNO(CONNECT(fd, a), ECONNREFUSED);
	bad = v4("224.0.0.1", 80);
	CHECK_ERRNO(CONNECT(fd, bad), ENETUNREACH);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(accept(fd, NULL, NULL), EINVAL);
	a = v4("127.0.0.1", 0);
	CHECK(BIND(fd, a) == 0);
	l = listener(1, &port);
	a = v4("127.0.0.1", port);
	int mine = port_of(fd);
	CHECK(CONNECT(fd, a) == 0 && port_of(fd) == mine);
	close(l);
	CHECK_THAT(recv(fd, buffer, 1, 0) == -1 && errno == ECONNRESET,
		   "closing a listener resets what was not accepted");
	close(fd);
}

static void not_blocking(void)
{
	int port, l = listener(5, &port), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = v4("127.0.0.1", port);
	theme("non-blocking connect");
	CHECK_ERRNO(CONNECT(fd, a), EINPROGRESS);
	CHECK(events_of(fd, POLLOUT, 5000) == POLLOUT);
	CHECK(option(fd, SOL_SOCKET, SO_ERROR) == 0);
	CHECK_THAT(CONNECT(fd, a) == 0, "a second connect tells the success");
	CHECK_ERRNO(CONNECT(fd, a), EISCONN);
	int e = accept(l, NULL, NULL);
	CHECK(send(fd, "x", 1, 0) == 1 && recv(e, buffer, 9, 0) == 1);
	close(e);
	close(fd);
	close(l);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERRNO(CONNECT(fd, a), EINPROGRESS);
	CHECK((events_of(fd, POLLOUT, 5000) & (POLLOUT | POLLERR | POLLHUP)) == (POLLOUT | POLLERR | POLLHUP));
	CHECK(option(fd, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
	CHECK(option(fd, SOL_SOCKET, SO_ERROR) == 0);
	CHECK_ERRNO(CONNECT(fd, a), ECONNABORTED);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERRNO(CONNECT(fd, a), EINPROGRESS);
	events_of(fd, POLLOUT, 5000);
	CHECK_ERRNO(CONNECT(fd, a), ECONNREFUSED);
	close(fd);

	/* A full queue of connections. */
	l = listener(0, &port);
	a = v4("127.0.0.1", port);
	int c[3];
	for (int i = 0; i < 3; i++) {
		c[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (CONNECT(c[i], a) == 0 || errno != EINPROGRESS)
			break;
	}
	CHECK(events_of(c[0], POLLOUT, 5000) == POLLOUT);
	CHECK_THAT(events_of(c[2], POLLOUT, 50) == 0, "a connection waits when the listener's queue is full");
	CHECK_ERRNO(CONNECT(c[2], a), EALREADY);
	CHECK_ERRNO(send(c[2], "x", 1, 0), EAGAIN);
	CHECK_ERRNO(getpeername(c[2], (struct sockaddr *)buffer, &(socklen_t){128}), ENOTCONN);
	for (int i = 0; i < 3; i++)
		close(c[i]);
	close(l);
}

static void shut_listener(void)
{
	int port, l = listener(5, &port);
	struct sockaddr_in a = v4("127.0.0.1", port);
	theme("listener shut down");
	CHECK(shutdown(l, SHUT_RD) == 0);
	CHECK_ERRNO(accept(l, NULL, NULL), EINVAL);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(CONNECT(fd, a), ECONNREFUSED);
	CHECK_THAT(listen(l, 5) == 0 && port_of(l) >= 32768, "it may listen again, on a new port");
	a = v4("127.0.0.1", port_of(l));
	CHECK(CONNECT(fd, a) == 0);
	close(fd);
	close(l);
}

static void reuse(void)
{
	int p[2], port, l = listener(5, &port);
	struct sockaddr_in a = v4("127.0.0.1", port);
	theme("TIME_WAIT");
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(CONNECT(p[0], a) == 0);
	p[1] = accept(l, NULL, NULL);
	close(p[1]); /* the server's end closes first */
	recv(p[0], buffer, 1, 0);
	close(p[0]);
	close(l);
	l = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(BIND(l, a), EADDRINUSE);
	close(l);
	l = socket(AF_INET, SOCK_STREAM, 0);
	set(l, SOL_SOCKET, SO_REUSEADDR, 1);
	struct sockaddr_in b = v4("127.0.0.1", 0);
	REQUIRE(BIND(l, b) == 0 && listen(l, 5) == 0);
	a = v4("127.0.0.1", port_of(l));
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(CONNECT(p[0], a) == 0);
	p[1] = accept(l, NULL, NULL);
	CHECK_THAT(option(p[1], SOL_SOCKET, SO_REUSEADDR) == 1, "accepted sockets inherit SO_REUSEADDR");
	close(p[1]);
	recv(p[0], buffer, 1, 0);
	close(l);
	l = socket(AF_INET, SOCK_STREAM, 0);
	set(l, SOL_SOCKET, SO_REUSEADDR, 1);
	CHECK_THAT(BIND(l, a) == 0 && listen(l, 1) == 0, "SO_REUSEADDR lets a server start again at once");
	close(p[0]);
	close(l);
}

static void both_families(void)
{
	struct sockaddr_in6 any = v6("::", 0), name;
	struct sockaddr_in a;
	socklen_t len;
	theme("IPv6");
	int l = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK(option(l, IPPROTO_IPV6, IPV6_V6ONLY) == 0);
	REQUIRE(BIND(l, any) == 0 && listen(l, 5) == 0);
	int port = port_of(l);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	a = v4("127.0.0.1", port);
	CHECK_THAT(CONNECT(fd, a) == 0, "a dual-stack listener takes IPv4");
	len = sizeof(name);
	int e = accept(l, (struct sockaddr *)&name, &len);
	CHECK(len == sizeof(name) && name.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
	CHECK(send(fd, "x", 1, 0) == 1 && recv(e, buffer, 2, 0) == 1);
	close(e);
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 six = v6("::1", port);
	CHECK(CONNECT(fd, six) == 0);
	len = sizeof(name);
	e = accept(l, (struct sockaddr *)&name, &len);
	CHECK(IN6_IS_ADDR_LOOPBACK(&name.sin6_addr));
	close(e);
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	six = v6("::ffff:127.0.0.1", port);
	CHECK_THAT(CONNECT(fd, six) == 0, "a mapped address reaches IPv4");
	len = sizeof(name);
	CHECK(getsockname(fd, (struct sockaddr *)&name, &len) == 0 && IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	six = v6("::", port);
	CHECK_THAT(CONNECT(fd, six) == 0, ":: is this machine");
	close(fd);
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&six, sizeof(six)), EBADF);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&six, 20), EINVAL);
	a = v4("127.0.0.1", port);
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, sizeof(six)), EAFNOSUPPORT);
	close(fd);
	int other = socket(AF_INET, SOCK_STREAM, 0);
	a = v4("127.0.0.1", port);
	CHECK_ERRNO(BIND(other, a), EADDRINUSE);
	close(other);
	close(l);
	l = socket(AF_INET6, SOCK_STREAM, 0);
	set(l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	REQUIRE(BIND(l, any) == 0 && listen(l, 5) == 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	a = v4("127.0.0.1", port_of(l));
	CHECK_ERRNO(CONNECT(fd, a), ECONNREFUSED);
	close(fd);
	close(l);
}

static void again(void)
{
	int p[2];
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	theme("disconnect");
	connected_pair(p);
	CHECK_THAT(connect(p[0], &unspec, sizeof(unspec)) == 0, "connect to AF_UNSPEC ends the connection");
	CHECK((events_of(p[1], POLLIN, 5000) & POLLHUP) == POLLHUP);
	CHECK_ERRNO(recv(p[1], buffer, 1, 0), ECONNRESET);
	int port, l = listener(2, &port);
	struct sockaddr_in a = v4("127.0.0.1", port);
	CHECK_THAT(CONNECT(p[0], a) == 0, "and the socket can connect again");
	close(p[0]);
	close(p[1]);
	close(l);
}

int main(void)
{
	creation();
	binding();
	connecting();
	not_blocking();
	shut_listener();
	reuse();
	both_families();
	again();
	return finish();
}
