/* SPDX-License-Identifier: Apache-2.0
 * TCP over loopback: bytes, how a connection ends, options, waiting, urgent data.
 * area: Sockets
 * flags: -pthread
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "harness.h"
#include "loopback.h"
#include "tcp.h"

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
	bytes();
	ends();
	options();
	echo();
	waiting();
	edges();
	urgent();
	return finish();
}
