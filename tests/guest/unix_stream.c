/* SPDX-License-Identifier: Apache-2.0
 * AF_UNIX stream sockets: creation, pairs, how they end, what waits, options, edges.
 * area: Sockets
 * flags: -pthread
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "unix.h"

static volatile sig_atomic_t sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

static void creation(void)
{
	int p[2];
	theme("create");
	CHECK_ERRNO(socket(AF_UNIX, 99, 0), EINVAL);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0), EINVAL);
	CHECK_ERRNO(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8), EFAULT);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE)) == (O_NONBLOCK | O_RDWR));
	struct stat st;
	CHECK(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(pread(fd, buffer, 1, 0), ESPIPE);
	CHECK_ERRNO(send(fd, "x", 1, 0), ENOTCONN);
	CHECK_ERRNO(recv(fd, buffer, 1, 0), EINVAL);
	CHECK_ERRNO(accept(fd, NULL, NULL), EINVAL);
	CHECK_ERRNO(listen(fd, 1), EINVAL);
	CHECK(events_of(fd, POLLIN | POLLOUT) == (POLLOUT | POLLHUP));
	close(fd);
	CHECK_ERRNO(listen(fd, 1), EBADF);
	fd = open("/dev/null", O_RDWR);
	CHECK_ERRNO(listen(fd, 1), ENOTSOCK);
	CHECK_ERRNO(send(fd, "x", 1, 0), ENOTSOCK);
	CHECK_ERRNO(getsockname(fd, (struct sockaddr *)buffer, &(socklen_t){16}), ENOTSOCK);
	close(fd);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p) == 0);
	CHECK(fcntl(p[0], F_GETFL) & O_NONBLOCK && fcntl(p[1], F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(recv(p[0], buffer, 1, 0), EAGAIN);
	close(p[0]);
	close(p[1]);
	fd = socket(AF_UNIX, SOCK_RAW, 0);
	CHECK(fd >= 0 && int_option(fd, SO_TYPE) == SOCK_DGRAM);
	close(fd);
}

static void stream_pair(void)
{
	int p[2];
	theme("stream pair");
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(events_of(p[0], POLLIN | POLLOUT) == POLLOUT);
	CHECK(write(p[0], "hello", 5) == 5);
	CHECK(events_of(p[1], POLLIN | POLLOUT) == (POLLIN | POLLOUT));
	int n = -1;
	CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 5);
	CHECK(recv(p[1], buffer, 3, MSG_PEEK) == 3 && !memcmp(buffer, "hel", 3));
	CHECK(read(p[1], buffer, 2) == 2 && !memcmp(buffer, "he", 2));
	CHECK(send(p[0], " world", 6, 0) == 6);
	CHECK(recv(p[1], buffer, 100, MSG_PEEK) == 9);
	CHECK_THAT(read(p[1], buffer, 100) == 9 && !memcmp(buffer, "llo world", 9), "a read takes several writes");
	CHECK(read(p[1], buffer, 0) == 0);
	CHECK_ERRNO(recv(p[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(send(p[1], (void *)8, 1, 0), EFAULT);
	CHECK(send(p[0], "x", 1, 0) == 1);
	CHECK_ERRNO(recv(p[1], (void *)8, 1, 0), EFAULT);
	CHECK_THAT(recv(p[1], buffer, 1, 0) == 1, "what could not be delivered is still there");
	CHECK(send(p[0], NULL, 0, 0) == 0);
	CHECK_ERRNO(recv(p[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
	struct iovec v[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
	CHECK(writev(p[1], v, 3) == 5);
	char a[2], b[8];
	struct iovec w[2] = {{a, 2}, {b, 8}};
	CHECK(readv(p[0], w, 2) == 5 && !memcmp(a, "ab", 2) && !memcmp(b, "cde", 3));
	CHECK_ERRNO(sendto(p[0], "x", 1, 0, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/x"}, 10), EISCONN);
	CHECK_ERRNO(listen(p[0], 1), EINVAL);
	CHECK_ERRNO(connect(p[0], (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/nowhere"}, 20), ENOENT);
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	CHECK(getsockname(p[0], (struct sockaddr *)&name, &len) == 0 && len == 2 && name.sun_family == AF_UNIX);
	len = sizeof(name);
	CHECK(getpeername(p[0], (struct sockaddr *)&name, &len) == 0 && len == 2);
	len = 1;
	CHECK(getpeername(p[0], (struct sockaddr *)&name, &len) == 0 && len == 2);
	len = -1;
	CHECK_ERRNO(getpeername(p[0], (struct sockaddr *)&name, &len), EINVAL);
	CHECK_ERRNO(getpeername(p[0], (struct sockaddr *)&name, (void *)8), EFAULT);
	CHECK_ERRNO(shutdown(p[0], 3), EINVAL);
	close(p[0]);
	close(p[1]);
}

static void end_of_stream(void)
{
	int p[2];
	theme("end of stream");
	signal(SIGPIPE, on_sigpipe);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(send(p[0], "tail", 4, 0) == 4);
	CHECK(shutdown(p[0], SHUT_WR) == 0);
	CHECK(events_of(p[1], POLLIN | POLLRDHUP | POLLOUT) == (POLLIN | POLLRDHUP | POLLOUT));
	CHECK(read(p[1], buffer, 100) == 4);
	CHECK(read(p[1], buffer, 100) == 0);
	CHECK(read(p[1], buffer, 100) == 0);
	sigpipes = 0;
	CHECK_ERRNO(write(p[0], "x", 1), EPIPE);
	CHECK(sigpipes == 1);
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(sigpipes == 1);
	CHECK_THAT(write(p[1], "back", 4) == 4 && read(p[0], buffer, 9) == 4, "the other direction still works");
	CHECK(shutdown(p[1], SHUT_RDWR) == 0);
	CHECK(events_of(p[0], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP | POLLHUP));
	CHECK(read(p[0], buffer, 100) == 0);
	close(p[0]);
	close(p[1]);

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(write(p[0], "left", 4) == 4);
	close(p[0]);
	CHECK(events_of(p[1], POLLIN | POLLOUT | POLLRDHUP) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
	CHECK_THAT(read(p[1], buffer, 100) == 4, "data survives the close of its sender");
	CHECK(read(p[1], buffer, 100) == 0);
	sigpipes = 0;
	CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
	CHECK(sigpipes == 1);
	struct sockaddr_un name;
	CHECK(getpeername(p[1], (struct sockaddr *)&name, &(socklen_t){sizeof(name)}) == 0);
	close(p[1]);

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(write(p[0], "unread", 6) == 6);
	close(p[1]);
	CHECK(events_of(p[0], POLLIN | POLLOUT) == (POLLIN | POLLOUT | POLLHUP | POLLERR));
	CHECK_THAT(read(p[0], buffer, 1) == -1 && errno == ECONNRESET, "unread data at close is a reset");
	CHECK(read(p[0], buffer, 1) == 0);
	close(p[0]);

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(write(p[0], "unread", 6) == 6);
	close(p[1]);
	CHECK(int_option(p[0], SO_ERROR) == ECONNRESET);
	CHECK(int_option(p[0], SO_ERROR) == 0);
	close(p[0]);

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(shutdown(p[0], SHUT_RD) == 0);
	CHECK(read(p[0], buffer, 1) == 0);
	CHECK_ERRNO(send(p[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(send(p[0], "x", 1, 0) == 1);
	close(p[0]);
	close(p[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void *late_writer(void *arg)
{
	usleep(20000);
	if (write(*(int *)arg, "abcde", 5) != 5)
		return arg;
	usleep(20000);
	return write(*(int *)arg, "fghij", 5) == 5 ? NULL : arg;
}

static void *drain(void *arg)
{
	static char sink[100000];
	long total = 0;
	for (;;) {
		ssize_t n = read(*(int *)arg, sink, sizeof(sink));
		if (n <= 0)
			return (void *)total;
		for (ssize_t i = 0; i < n; i++)
			if (sink[i] != (char)((total + i) % 251))
				return (void *)-1;
		total += n;
	}
}

static void waiting(void)
{
	int p[2];
	pthread_t t;
	void *result;
	theme("waiting");
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	REQUIRE(pthread_create(&t, NULL, late_writer, &p[1]) == 0);
	CHECK_THAT(recv(p[0], buffer, 10, MSG_WAITALL) == 10 && !memcmp(buffer, "abcdefghij", 10),
		   "MSG_WAITALL waits for all of it");
	pthread_join(t, NULL);
	REQUIRE(pthread_create(&t, NULL, late_writer, &p[1]) == 0);
	CHECK_THAT(recv(p[0], buffer, 10, 0) == 5, "a plain receive returns with the first bytes");
	pthread_join(t, NULL);
	CHECK(recv(p[0], buffer, 10, 0) == 5);
	struct timeval tv = {0, 30000};
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK_ERRNO(recv(p[0], buffer, 1, 0), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK_THAT((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 25,
		   "SO_RCVTIMEO waits as long as it says");
	tv.tv_sec = tv.tv_usec = 7;
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &(socklen_t){sizeof(tv)}) == 0);
	CHECK(tv.tv_sec == 0 && tv.tv_usec >= 28000 && tv.tv_usec <= 32000);
	CHECK_ERRNO(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 1000000}, sizeof(tv)), EDOM);
	CHECK_ERRNO(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, 4), EINVAL);

	CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
	long total = 0;
	ssize_t n;
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)(i % 251);
	while ((n = write(p[1], buffer + total % 251, 60000)) > 0)
		total += n;
	int error = errno;
	CHECK_THAT(n == -1 && error == EAGAIN && total >= 60000 && total < 4 << 20,
		   "a full queue stops a writer that must not wait");
	CHECK(!(events_of(p[1], POLLOUT) & POLLOUT));
	tv = (struct timeval){0, 30000};
	fcntl(p[1], F_SETFL, 0);
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
	CHECK_ERRNO(write(p[1], "x", 1), EAGAIN);
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){0}, sizeof(tv)) == 0);
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(tv)) == 0);
	REQUIRE(pthread_create(&t, NULL, drain, &p[0]) == 0);
	for (int i = 0; i < 40; i++) {
		n = write(p[1], buffer + total % 251, 90000);
		if (n != 90000)
			break;
		total += n;
	}
	CHECK_THAT(n == 90000, "a waiting writer writes all of it");
	close(p[1]);
	pthread_join(t, &result);
	CHECK_THAT((long)result == total, "every byte arrived in order");
	close(p[0]);
}

static void options(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), value;
	theme("options");
	CHECK(int_option(fd, SO_TYPE) == SOCK_STREAM);
	CHECK(int_option(fd, SO_DOMAIN) == AF_UNIX);
	CHECK(int_option(fd, SO_PROTOCOL) == 0);
	CHECK(int_option(fd, SO_ERROR) == 0);
	CHECK(int_option(fd, SO_SNDBUF) == 212992);
	CHECK(int_option(fd, SO_RCVLOWAT) == 1);
	value = 30000;
	CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)) == 0 && int_option(fd, SO_SNDBUF) == 60000);
	value = 1;
	CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)) == 0 && int_option(fd, SO_SNDBUF) == 4608);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)) == 0 && int_option(fd, SO_RCVBUF) == 2304);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)) == 0 &&
	      int_option(fd, SO_REUSEADDR) == 1);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)) == 0 &&
	      int_option(fd, SO_KEEPALIVE) == 1);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 2), EINVAL);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void *)8, 4), EFAULT);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, 4), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, 999, &value, 4), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, 999, &value, &(socklen_t){4}), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(fd, 6, 1, &value, 4), EOPNOTSUPP);
	CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, (void *)8), EFAULT);
	CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &(socklen_t){-1}), EINVAL);
	socklen_t len = 2;
	CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && len == 2);
	struct linger l = {1, 7};
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	l = (struct linger){0};
	CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &(socklen_t){sizeof(l)}) == 0 && l.l_onoff == 1 &&
	      l.l_linger == 7);
	close(fd);
}

static void edge_triggered(void)
{
	int p[2];
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET}, out[4];
	theme("epoll");
	int ep = epoll_create1(0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0 && ep >= 0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == 0);
	CHECK(epoll_wait(ep, out, 4, 0) == 1 && out[0].events == EPOLLOUT);
	CHECK(epoll_wait(ep, out, 4, 0) == 0);
	CHECK(write(p[1], "a", 1) == 1);
	CHECK(epoll_wait(ep, out, 4, 100) == 1 && out[0].events == (EPOLLIN | EPOLLOUT));
	CHECK_THAT(epoll_wait(ep, out, 4, 0) == 0, "edge-triggered: once");
	CHECK(write(p[1], "b", 1) == 1);
	CHECK_THAT(epoll_wait(ep, out, 4, 100) == 1, "more data is another edge");
	while (write(p[0], buffer, 50000) > 0)
		;
	while (epoll_wait(ep, out, 4, 0) > 0)
		;
	while (read(p[1], buffer, 50000) > 0)
		;
	CHECK_THAT(epoll_wait(ep, out, 4, 100) == 1 && out[0].events & EPOLLOUT, "room again is an edge");
	close(p[1]);
	CHECK(epoll_wait(ep, out, 4, 100) == 1 && (out[0].events & (EPOLLIN | EPOLLHUP)) == (EPOLLIN | EPOLLHUP));
	close(p[0]);
	CHECK(epoll_wait(ep, out, 4, 0) == 0);
	close(ep);
}

int main(void)
{
	creation();
	stream_pair();
	end_of_stream();
	waiting();
	options();
	edge_triggered();
	return finish();
}
