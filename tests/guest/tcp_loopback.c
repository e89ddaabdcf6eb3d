/* SPDX-License-Identifier: Apache-2.0
 * TCP over loopback, IPv4 and IPv6.
 * area: Sockets
 * flags: -pthread
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "harness.h"
#include "loopback.h"

static char buffer[1 << 20];
static volatile sig_atomic_t sigpipes;

static volatile sig_atomic_t sigurgs;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

static void on_sigurg(int sig)
{
	sigurgs++;
}

/* A listener on 127.0.0.1 and a port of the system's choice. */
static int listener(int backlog, int *port)
{
	struct sockaddr_in a = v4("127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || BIND(fd, a) || listen(fd, backlog))
		return -1;
	*port = port_of(fd);
	return fd;
}

static void connected_pair(int p[2])
{
	int port, l = listener(5, &port);
	struct sockaddr_in a = v4("127.0.0.1", port);
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (CONNECT(p[0], a))
		exit(96);
	p[1] = accept(l, NULL, NULL);
	close(l);
}

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

static void bytes(void)
{
	int p[2], n;
	theme("bytes");
	connected_pair(p);
	CHECK(send(p[0], "hello", 5, 0) == 5);
	CHECK(events_of(p[1], POLLIN, 5000) == POLLIN);
	CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 5);
	CHECK(recv(p[1], buffer, 3, MSG_PEEK) == 3 && recv(p[1], buffer, 100, MSG_PEEK) == 5);
	CHECK(recv(p[1], buffer, 2, 0) == 2 && recv(p[1], buffer, 100, 0) == 3 && !memcmp(buffer, "llo", 3));
	CHECK(send(p[0], "abcdef", 6, 0) == 6);
	CHECK_THAT(recv(p[1], buffer, 4, MSG_TRUNC) == 4, "MSG_TRUNC throws bytes away");
	CHECK(recv(p[1], buffer, 100, MSG_DONTWAIT) == 2 && buffer[0] == 'e');
	CHECK_ERRNO(recv(p[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(recv(p[1], buffer, 1, MSG_OOB | MSG_DONTWAIT), EINVAL);
	CHECK_ERRNO(send(p[0], (void *)8, 10, 0), EFAULT);
	CHECK(send(p[0], "x", 1, 0) == 1);
	CHECK(events_of(p[1], POLLIN, 5000) == POLLIN);
	CHECK_ERRNO(recv(p[1], (void *)8, 1, 0), EFAULT);
	CHECK(recv(p[1], buffer, 1, 0) == 1);
	CHECK(write(p[1], "reply", 5) == 5 && read(p[0], buffer, 100) == 5);
	struct sockaddr_in a = v4("127.0.0.1", 9);
	CHECK_THAT(sendto(p[0], "y", 1, 0, (struct sockaddr *)&a, sizeof(a)) == 1,
		   "an address given to a connected socket is ignored");
	socklen_t len = sizeof(a);
	CHECK(recvfrom(p[1], buffer, 9, 0, (struct sockaddr *)&a, &len) == 1);
	CHECK(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
	long total = 0;
	ssize_t r;
	while ((r = write(p[0], buffer, sizeof(buffer))) > 0)
		total += r;
	int error = errno;
	CHECK_THAT(r == -1 && error == EAGAIN && total >= 65536, "a full window stops the writer");
	CHECK(events_of(p[0], POLLOUT, 0) == 0);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (total > 0 && events_of(p[1], POLLIN, 2000) == POLLIN)
		while ((r = read(p[1], buffer, sizeof(buffer))) > 0)
			total -= r;
	CHECK_THAT(total == 0, "every byte arrives");
	CHECK(events_of(p[0], POLLOUT, 2000) == POLLOUT);
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	int p[2];
	theme("ends");
	signal(SIGPIPE, on_sigpipe);
	connected_pair(p);
	CHECK(send(p[0], "tail", 4, 0) == 4 && shutdown(p[0], SHUT_WR) == 0);
	CHECK(events_of(p[1], POLLRDHUP, 5000) == POLLRDHUP);
	CHECK(recv(p[1], buffer, 100, MSG_WAITALL) == 4);
	CHECK(recv(p[1], buffer, 100, 0) == 0);
	CHECK(recv(p[1], buffer, 100, 0) == 0);
	sigpipes = 0;
	CHECK_ERRNO(send(p[0], "x", 1, 0), EPIPE);
	CHECK(sigpipes == 1);
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(sigpipes == 1);
	CHECK_THAT(send(p[1], "back", 4, 0) == 4 && recv(p[0], buffer, 9, 0) == 4,
		   "half-closed: the other direction works");
	CHECK(shutdown(p[1], SHUT_WR) == 0);
	CHECK(events_of(p[0], POLLIN, 5000) == (POLLIN | POLLHUP));
	CHECK(recv(p[0], buffer, 9, 0) == 0);
	CHECK_ERRNO(getpeername(p[0], (struct sockaddr *)buffer, &(socklen_t){128}), ENOTCONN);
	CHECK_ERRNO(shutdown(p[0], SHUT_WR), ENOTCONN);
	close(p[0]);
	close(p[1]);

	connected_pair(p);
	close(p[0]);
	CHECK(events_of(p[1], POLLIN | POLLRDHUP, 5000) == (POLLIN | POLLRDHUP));
	CHECK(recv(p[1], buffer, 1, 0) == 0);
	CHECK_THAT(send(p[1], "x", 1, 0) == 1, "the first send after the peer's close still goes out");
	CHECK_THAT(events_of(p[1], 0, 5000) & POLLERR, "and is answered by a reset");
	sigpipes = 0;
	CHECK_ERRNO(send(p[1], "x", 1, 0), EPIPE);
	CHECK(sigpipes == 1);
	CHECK(recv(p[1], buffer, 1, 0) == 0);
	close(p[1]);

	connected_pair(p);
	CHECK(send(p[0], "unread", 6, 0) == 6);
	events_of(p[1], POLLIN, 5000);
	close(p[1]);
	CHECK((events_of(p[0], POLLIN, 5000) & (POLLIN | POLLERR | POLLHUP)) == (POLLIN | POLLERR | POLLHUP));
	CHECK_ERRNO(recv(p[0], buffer, 1, 0), ECONNRESET);
	CHECK(recv(p[0], buffer, 1, 0) == 0);
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(p[0]);

	connected_pair(p);
	struct linger l = {1, 0};
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	CHECK(send(p[0], "data", 4, 0) == 4);
	close(p[0]);
	events_of(p[1], POLLHUP, 5000);
	CHECK(option(p[1], SOL_SOCKET, SO_ERROR) == ECONNRESET);
	close(p[1]);

	connected_pair(p);
	CHECK(shutdown(p[0], SHUT_RD) == 0);
	CHECK(recv(p[0], buffer, 1, 0) == 0);
	CHECK_THAT(send(p[1], "x", 1, MSG_NOSIGNAL) == 1, "the peer does not learn of SHUT_RD");
	CHECK_ERRNO(shutdown(p[0], 3), EINVAL);
	CHECK(shutdown(p[0], SHUT_RDWR) == 0);
	close(p[0]);
	close(p[1]);
	signal(SIGPIPE, SIG_DFL);
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

static void options(void)
{
	int p[2], fd = socket(AF_INET, SOCK_STREAM, 0);
	theme("options");
	CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 0 && set(fd, IPPROTO_TCP, TCP_NODELAY, 5) == 0);
	CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
	CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 7200 && set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60) == 0);
	CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 60);
	CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 75);
	CHECK(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 9);
	CHECK_ERRNO(set(fd, IPPROTO_TCP, TCP_KEEPCNT, 128), EINVAL);
	CHECK_ERRNO(set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL);
	CHECK(set(fd, IPPROTO_TCP, TCP_CORK, 1) == 0 && option(fd, IPPROTO_TCP, TCP_CORK) == 1);
	CHECK(set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000) == 0 && option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 1000);
	CHECK_ERRNO(set(fd, IPPROTO_TCP, 999, 1), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, 2), EINVAL);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (void *)8, 4), EFAULT);
	char name[32] = {0};
	socklen_t len = sizeof(name);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0 && name[0]);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
	struct tcp_info info;
	memset(&info, 0, sizeof(info));
	len = sizeof(info);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_CLOSE);
	connected_pair(p);
	len = sizeof(info);
	CHECK(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED);
	shutdown(p[0], SHUT_WR);
	events_of(p[1], POLLRDHUP, 5000);
	len = sizeof(info);
	CHECK(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	      (info.tcpi_state == TCP_FIN_WAIT2 || info.tcpi_state == TCP_FIN_WAIT1));
	len = sizeof(info);
	CHECK(getsockopt(p[1], IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_CLOSE_WAIT);
	close(p[0]);
	close(p[1]);
	CHECK(option(fd, IPPROTO_IP, IP_TOS) == 0 && set(fd, IPPROTO_IP, IP_TOS, 0x10) == 0 &&
	      option(fd, IPPROTO_IP, IP_TOS) == 0x10);
	CHECK(option(fd, IPPROTO_IP, IP_TTL) == 64 && set(fd, IPPROTO_IP, IP_TTL, 7) == 0 &&
	      option(fd, IPPROTO_IP, IP_TTL) == 7);
	CHECK_ERRNO(set(fd, IPPROTO_IP, IP_TTL, 256), EINVAL);
	CHECK_ERRNO(set(fd, IPPROTO_IP, IP_TTL, 0), EINVAL);
	CHECK_ERRNO(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), ENOPROTOOPT);
	CHECK(option(fd, SOL_SOCKET, SO_SNDBUF) == 16384 && option(fd, SOL_SOCKET, SO_RCVBUF) == 131072);
	CHECK(set(fd, SOL_SOCKET, SO_RCVBUF, 10000) == 0 && option(fd, SOL_SOCKET, SO_RCVBUF) == 20000);
	CHECK(set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0 && option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
	CHECK(option(fd, SOL_SOCKET, SO_BROADCAST) == 0 && option(fd, SOL_SOCKET, SO_OOBINLINE) == 0);
	struct timeval tv = {1, 500000};
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
	len = sizeof(tv);
	tv.tv_sec = 0;
	CHECK(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len) == 0 && tv.tv_sec == 1 && tv.tv_usec == 500000);
	close(fd);
}

static void *echo_server(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);
	static char copy[30000];
	ssize_t n;
	while ((n = read(fd, copy, sizeof(copy))) > 0)
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(fd, copy + done, (size_t)(n - done));
			if (w <= 0)
				return NULL;
			done += w;
		}
	close(fd);
	return NULL;
}

static void *pour(void *arg)
{
	int fd = *(int *)arg;
	static char data[100000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i % 251);
	for (long total = 0; total < 8000000;) {
		ssize_t n = write(fd, data + total % 251, 90000);
		if (n <= 0)
			break;
		total += n;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void echo(void)
{
	pthread_t server, writer;
	int port, l = listener(1, &port), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = v4("127.0.0.1", port);
	long total = 0;
	int good = 1;
	ssize_t n;
	theme("echo");
	REQUIRE(pthread_create(&server, NULL, echo_server, &l) == 0 && CONNECT(fd, a) == 0);
	REQUIRE(pthread_create(&writer, NULL, pour, &fd) == 0);
	while ((n = read(fd, buffer, 77777)) > 0)
		for (ssize_t i = 0; i < n; i++)
			good &= buffer[i] == (char)(total++ % 251);
	CHECK_THAT(n == 0 && good && total >= 8000000, "8 MB through an echo server come back in order");
	pthread_join(server, NULL);
	pthread_join(writer, NULL);
	close(fd);
	close(l);
}

static void *connect_late(void *arg)
{
	struct sockaddr_in a = v4("127.0.0.1", *(int *)arg);
	usleep(20000);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return (void *)(long)(CONNECT(fd, a) ? -1 : fd);
}

static void waiting(void)
{
	pthread_t t;
	void *r;
	int port, l = listener(1, &port);
	theme("waiting");
	REQUIRE(pthread_create(&t, NULL, connect_late, &port) == 0);
	int e = accept(l, NULL, NULL);
	CHECK_THAT(e >= 0, "accept waits for a connection");
	pthread_join(t, &r);
	int fd = (int)(long)r;
	struct timeval tv = {0, 20000};
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	CHECK_ERRNO(accept(l, NULL, NULL), EAGAIN);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	CHECK_ERRNO(recv(fd, buffer, 1, 0), EAGAIN);
	CHECK(send(e, "ab", 2, 0) == 2);
	CHECK_THAT(recv(fd, buffer, 10, MSG_WAITALL) == 2, "MSG_WAITALL ends at the time-out with what there is");
	CHECK(set(fd, SOL_SOCKET, SO_RCVLOWAT, 3) == 0 && send(e, "ab", 2, 0) == 2);
	CHECK_THAT(events_of(fd, POLLIN, 20) == 0, "poll minds SO_RCVLOWAT");
	CHECK(send(e, "c", 1, 0) == 1 && events_of(fd, POLLIN, 5000) == POLLIN);
	close(fd);
	close(e);
	close(l);
}

static void edges(void)
{
	int p[2], ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET}, out[2];
	theme("epoll");
	connected_pair(p);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == 0);
	CHECK(epoll_wait(ep, out, 2, 100) == 1 && out[0].events == EPOLLOUT);
	CHECK(epoll_wait(ep, out, 2, 0) == 0);
	CHECK(write(p[1], "a", 1) == 1 && epoll_wait(ep, out, 2, 5000) == 1 && out[0].events & EPOLLIN);
	CHECK(epoll_wait(ep, out, 2, 0) == 0);
	CHECK(write(p[1], "b", 1) == 1 && epoll_wait(ep, out, 2, 5000) == 1);
	CHECK(read(p[0], buffer, 9) == 2);
	close(p[1]);
	CHECK(epoll_wait(ep, out, 2, 5000) == 1 && (out[0].events & (EPOLLIN | EPOLLRDHUP)) == (EPOLLIN | EPOLLRDHUP));
	close(p[0]);
	int port, l = listener(5, &port);
	struct sockaddr_in a = v4("127.0.0.1", port);
	e.events = EPOLLIN | EPOLLET;
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, l, &e) == 0 && epoll_wait(ep, out, 2, 0) == 0);
	for (int i = 0; i < 2; i++) {
		p[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_THAT(CONNECT(p[i], a) == 0 && epoll_wait(ep, out, 2, 5000) == 1,
			   i ? "the second connection is an edge of its own" : "a connection wakes the listener");
	}
	close(p[0]);
	close(p[1]);
	close(l);
	close(ep);
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

static int at_mark(int fd)
{
	int n = -1;
	return ioctl(fd, SIOCATMARK, &n) ? -1 : n;
}

static void urgent(void)
{
	int p[2], n;
	fd_set except;
	theme("urgent data");
	connected_pair(p);
	CHECK(signal(SIGURG, on_sigurg) != SIG_ERR && fcntl(p[1], F_SETOWN, getpid()) == 0);
	CHECK(at_mark(p[1]) == 0 && events_of(p[1], POLLPRI, 0) == 0);
	CHECK(send(p[0], "abcX", 4, MSG_OOB) == 4 && send(p[0], "def", 3, 0) == 3);
	CHECK(events_of(p[1], POLLIN | POLLPRI, 5000) == (POLLIN | POLLPRI));
	CHECK_THAT(sigurgs > 0, "SIGURG reaches the owner");
	FD_ZERO(&except);
	FD_SET(p[1], &except);
	CHECK(select(p[1] + 1, NULL, NULL, &except, NULL) == 1 && FD_ISSET(p[1], &except));
	CHECK_THAT(ioctl(p[1], FIONREAD, &n) == 0 && n == 3, "FIONREAD counts up to the urgent byte");
	CHECK(recv(p[1], buffer, 9, MSG_OOB | MSG_PEEK) == 1 && buffer[0] == 'X');
	CHECK_THAT(recv(p[1], buffer, 9, MSG_PEEK) == 3, "a look stops at the mark");
	CHECK_THAT(recv(p[1], buffer, 9, 0) == 3 && !memcmp(buffer, "abc", 3), "a read stops at the mark");
	CHECK(at_mark(p[1]) == 1);
	struct iovec v = {buffer, 9};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	CHECK(recvmsg(p[1], &m, MSG_OOB) == 1 && buffer[0] == 'X' && m.msg_flags & MSG_OOB);
	CHECK_ERRNO(recv(p[1], buffer, 9, MSG_OOB), EINVAL);
	CHECK(events_of(p[1], POLLIN | POLLPRI, 0) == POLLIN && at_mark(p[1]) == 1);
	CHECK_THAT(recv(p[1], buffer, 9, 0) == 3 && !memcmp(buffer, "def", 3), "the urgent byte is not in the stream");
	CHECK(at_mark(p[1]) == 0);
	CHECK(send(p[0], "Y", 1, MSG_OOB) == 1 && events_of(p[1], POLLPRI, 5000) == POLLPRI);
	CHECK_THAT(events_of(p[1], POLLIN, 0) == 0, "the urgent byte alone is nothing to read");
	CHECK_ERRNO(recv(p[1], buffer, 9, MSG_DONTWAIT), EAGAIN);
	CHECK_THAT(recv(p[1], buffer, 9, MSG_OOB) == -1, "passed unread, the urgent byte is lost");
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == 0);
	CHECK(send(p[0], "12U", 3, MSG_OOB) == 3 && send(p[0], "3", 1, 0) == 1 &&
	      events_of(p[1], POLLPRI, 5000) == POLLPRI);
	while (ioctl(p[1], FIONREAD, &n) == 0 && n != 4)
		usleep(1000);
	CHECK_ERRNO(recv(p[1], buffer, 9, MSG_OOB), EINVAL);
	CHECK(recv(p[1], buffer, 9, 0) == 2 && at_mark(p[1]) == 1);
	CHECK_THAT(recv(p[1], buffer, 9, 0) == 2 && !memcmp(buffer, "U3", 2),
		   "with SO_OOBINLINE it stays in the stream");
	CHECK(at_mark(p[1]) == 0 && events_of(p[1], POLLPRI, 0) == 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	creation();
	binding();
	connecting();
	not_blocking();
	bytes();
	ends();
	shut_listener();
	reuse();
	both_families();
	options();
	echo();
	waiting();
	edges();
	again();
	urgent();
	return finish();
}
