/* SPDX-License-Identifier: Apache-2.0
 * AF_UNIX sockets: pairs, names, connections, datagrams, passing descriptors and credentials.
 * area: Sockets
 * flags: -pthread
 */
#include <fcntl.h>
#include <poll.h>
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

static char buffer[1 << 20];
static volatile sig_atomic_t sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

static int events_of(int fd, short wanted)
{
	struct pollfd p = {.fd = fd, .events = wanted};
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static socklen_t address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path + 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int int_option(int fd, int name)
{
	int value = -12345;
	socklen_t len = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, name, &value, &len) || len != sizeof(value) ? -12345 : value;
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

static void names(void)
{
	struct sockaddr_un a, b;
	socklen_t alen = address(&a, "sock.a"), blen;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
	struct stat st;
	theme("names");
	unlink("sock.a");
	CHECK_ERRNO(bind(s, (struct sockaddr *)&a, 1), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&a, 200), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&a, sizeof(a) + 1), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)8, sizeof(a)), EFAULT);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&(struct sockaddr_un){AF_INET, "x"}, 5), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "no/such/dir"}, 20), ENOENT);
	CHECK_ERRNO(connect(s, (struct sockaddr *)&a, alen), ENOENT);
	CHECK(bind(s, (struct sockaddr *)&a, alen) == 0);
	CHECK(stat("sock.a", &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK_ERRNO(open("sock.a", O_RDWR), ENXIO);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "sock.c"}, 10), EINVAL);
	blen = sizeof(b);
	CHECK(getsockname(s, (struct sockaddr *)&b, &blen) == 0 && blen == alen && !strcmp(b.sun_path, "sock.a"));
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(bind(c, (struct sockaddr *)&a, alen), EADDRINUSE);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK(listen(s, 2) == 0);
	CHECK(int_option(s, SO_ACCEPTCONN) == 1);
	CHECK(int_option(c, SO_ACCEPTCONN) == 0);
	CHECK_ERRNO(connect(s, (struct sockaddr *)&a, alen), EINVAL);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0), q = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CHECK_ERRNO(connect(d, (struct sockaddr *)&a, alen), EPROTOTYPE);
	CHECK_ERRNO(connect(q, (struct sockaddr *)&a, alen), EPROTOTYPE);
	CHECK_ERRNO(sendto(d, "x", 1, 0, (struct sockaddr *)&a, alen), EPROTOTYPE);
	CHECK_ERRNO(listen(d, 1), EOPNOTSUPP);
	CHECK_ERRNO(accept(d, NULL, NULL), EOPNOTSUPP);
	close(d);
	close(q);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/dev/null"}, 20), ECONNREFUSED);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/"}, 20), ECONNREFUSED);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/dev/null/x"}, 20), ENOTDIR);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, 2), EINVAL);
	/* Without the terminating NUL the name ends at the given length. */
	CHECK(connect(c, (struct sockaddr *)&a, alen - 1) == 0);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, alen), EISCONN);
	CHECK(events_of(s, POLLIN) == POLLIN);
	blen = sizeof(b);
	int e = accept(s, (struct sockaddr *)&b, &blen);
	CHECK(e >= 0 && blen == 2);
	CHECK(events_of(s, POLLIN | POLLOUT) == 0);
	blen = sizeof(b);
	CHECK(getsockname(e, (struct sockaddr *)&b, &blen) == 0 && blen == alen);
	blen = sizeof(b);
	CHECK(getpeername(c, (struct sockaddr *)&b, &blen) == 0 && blen == alen && !strcmp(b.sun_path, "sock.a"));
	CHECK(rename("sock.a", "sock.b") == 0);
	int f = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(f, (struct sockaddr *)&a, alen), ENOENT);
	address(&b, "sock.b");
	CHECK_THAT(connect(f, (struct sockaddr *)&b, alen) == 0, "a renamed socket is found by its new name");
	unlink("sock.b");
	CHECK(write(c, "x", 1) == 1 && read(e, buffer, 1) == 1);
	close(s);
	CHECK_ERRNO(read(f, buffer, 1), ECONNRESET);
	CHECK_THAT(write(c, "x", 1) == 1, "connections outlive their listener");
	close(c);
	close(e);
	close(f);
}

static void abstract_names(void)
{
	struct sockaddr_un a, b;
	char name[64];
	theme("abstract names");
	snprintf(name, sizeof(name), "sandbox-test-%d", getpid());
	socklen_t alen = abstract(&a, name), blen;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK(bind(s, (struct sockaddr *)&a, alen) == 0);
	CHECK_ERRNO(bind(c, (struct sockaddr *)&a, alen), EADDRINUSE);
	CHECK_THAT(bind(c, (struct sockaddr *)&a, alen - 1) == 0, "every byte of the length counts");
	blen = sizeof(b);
	CHECK(getsockname(s, (struct sockaddr *)&b, &blen) == 0 && blen == alen && !memcmp(&a, &b, alen));
	CHECK(listen(s, 5) == 0 && connect(c, (struct sockaddr *)&a, alen) == 0);
	blen = sizeof(b);
	int e = accept4(s, (struct sockaddr *)&b, &blen, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(e >= 0 && blen == alen - 1);
	CHECK(fcntl(e, F_GETFD) == FD_CLOEXEC && fcntl(e, F_GETFL) & O_NONBLOCK);
	CHECK_ERRNO(accept4(s, NULL, NULL, 1), EINVAL);
	close(s);
	close(e);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_THAT(bind(s, (struct sockaddr *)&a, alen) == 0, "the name is free once its socket is closed");
	close(s);
	close(c);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(bind(s, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX}, 2) == 0);
	blen = sizeof(b);
	CHECK_THAT(getsockname(s, (struct sockaddr *)&b, &blen) == 0 && blen == 8 && b.sun_path[0] == 0,
		   "autobind gives an abstract name of five digits");
	close(s);
}

static void backlog(void)
{
	struct sockaddr_un a;
	char name[64];
	theme("backlog");
	snprintf(name, sizeof(name), "sandbox-backlog-%d", getpid());
	socklen_t alen = abstract(&a, name);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), c[4];
	REQUIRE(bind(s, (struct sockaddr *)&a, alen) == 0 && listen(s, 1) == 0);
	CHECK_ERRNO(accept(s, NULL, NULL), EAGAIN);
	for (int i = 0; i < 4; i++)
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(connect(c[0], (struct sockaddr *)&a, alen) == 0);
	CHECK(connect(c[1], (struct sockaddr *)&a, alen) == 0);
	CHECK_ERRNO(connect(c[2], (struct sockaddr *)&a, alen), EAGAIN);
	CHECK_THAT(write(c[0], "early", 5) == 5, "data can be sent before accept");
	int e = accept(s, NULL, NULL);
	CHECK(e >= 0 && read(e, buffer, 10) == 5);
	CHECK(connect(c[2], (struct sockaddr *)&a, alen) == 0);
	CHECK(shutdown(s, SHUT_RD) == 0);
	CHECK_ERRNO(connect(c[3], (struct sockaddr *)&a, alen), ECONNREFUSED);
	close(s);
	CHECK_ERRNO(connect(c[3], (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK_ERRNO(read(c[1], buffer, 1), ECONNRESET);
	close(e);
	for (int i = 0; i < 4; i++)
		close(c[i]);
}

static void datagrams(void)
{
	struct sockaddr_un a, b, from;
	char name[64];
	socklen_t len;
	theme("datagrams");
	snprintf(name, sizeof(name), "sandbox-dgram-a-%d", getpid());
	socklen_t alen = abstract(&a, name);
	name[14] = 'b';
	socklen_t blen = abstract(&b, name);
	int x = socket(AF_UNIX, SOCK_DGRAM, 0), y = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_ERRNO(send(x, "a", 1, 0), ENOTCONN);
	CHECK_ERRNO(sendto(x, "a", 1, 0, (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK(events_of(x, POLLIN | POLLOUT) == POLLOUT);
	REQUIRE(bind(x, (struct sockaddr *)&a, alen) == 0 && bind(y, (struct sockaddr *)&b, blen) == 0);
	CHECK(sendto(x, "one", 3, 0, (struct sockaddr *)&b, blen) == 3);
	CHECK(sendto(x, "", 0, 0, (struct sockaddr *)&b, blen) == 0);
	CHECK(sendto(x, "three", 5, 0, (struct sockaddr *)&b, blen) == 5);
	int n;
	CHECK(ioctl(y, FIONREAD, &n) == 0 && n == 3);
	len = sizeof(from);
	CHECK(recvfrom(y, buffer, 100, 0, (struct sockaddr *)&from, &len) == 3 && len == alen &&
	      !memcmp(&from, &a, alen));
	CHECK_THAT(recv(y, buffer, 100, 0) == 0, "an empty datagram is one");
	CHECK(recv(y, buffer, 2, MSG_PEEK | MSG_TRUNC) == 5);
	struct iovec v = {buffer, 2};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	CHECK(recvmsg(y, &m, 0) == 2 && m.msg_flags == MSG_TRUNC);
	CHECK_ERRNO(recv(y, buffer, 2, MSG_DONTWAIT), EAGAIN);
	CHECK(connect(x, (struct sockaddr *)&b, blen) == 0);
	CHECK(send(x, "conn", 4, 0) == 4 && recv(y, buffer, 9, 0) == 4);
	len = sizeof(from);
	CHECK(getpeername(x, (struct sockaddr *)&from, &len) == 0 && len == blen);
	int z = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_ERRNO(sendto(z, "x", 1, 0, (struct sockaddr *)&a, alen), EPERM);
	CHECK_ERRNO(connect(z, (struct sockaddr *)&a, alen), EPERM);
	CHECK(sendto(z, "anon", 4, 0, (struct sockaddr *)&b, blen) == 4);
	len = sizeof(from);
	CHECK(recvfrom(y, buffer, 9, 0, (struct sockaddr *)&from, &len) == 4 && len == 0);
	CHECK(connect(x, (struct sockaddr *)&(struct sockaddr_un){AF_UNSPEC, ""}, 2) == 0);
	CHECK_ERRNO(send(x, "a", 1, 0), ENOTCONN);
	CHECK(connect(x, (struct sockaddr *)&b, blen) == 0);
	close(y);
	CHECK_ERRNO(send(x, "a", 1, 0), ECONNREFUSED);
	CHECK_ERRNO(send(x, "a", 1, 0), ENOTCONN);
	close(z);
	close(x);

	int p[2];
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	CHECK_ERRNO(send(p[0], buffer, sizeof(buffer), 0), EMSGSIZE);
	CHECK(send(p[0], buffer, 100000, 0) == 100000);
	CHECK(recv(p[1], buffer, sizeof(buffer), 0) == 100000);
	long count = 0;
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	while (send(p[0], buffer, 1000, 0) == 1000)
		count++;
	int error = errno;
	CHECK_THAT(error == EAGAIN && count >= 5 && count < 100000, "a receiver that does not read stops the sender");
	CHECK(!(events_of(p[0], POLLOUT) & POLLOUT));
	while (recv(p[1], buffer, 1000, MSG_DONTWAIT) == 1000)
		count--;
	CHECK_THAT(count == 0, "no datagram was lost");
	CHECK(events_of(p[0], POLLOUT) == POLLOUT);
	CHECK(shutdown(p[1], SHUT_RD) == 0);
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(p[0]);
	close(p[1]);
}

static void seqpackets(void)
{
	int p[2];
	theme("seqpacket");
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CHECK_ERRNO(send(s, "x", 1, 0), ENOTCONN);
	CHECK_ERRNO(recv(s, buffer, 1, 0), ENOTCONN);
	close(s);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
	CHECK(send(p[0], "first", 5, 0) == 5 && send(p[0], "second", 6, 0) == 6);
	CHECK_THAT(recv(p[1], buffer, 100, 0) == 5, "borders are kept");
	struct iovec v = {buffer, 3};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	CHECK(recvmsg(p[1], &m, 0) == 3 && m.msg_flags & MSG_TRUNC);
	CHECK(send(p[0], "last", 4, 0) == 4);
	CHECK(shutdown(p[0], SHUT_WR) == 0);
	CHECK(recv(p[1], buffer, 100, 0) == 4);
	CHECK(recv(p[1], buffer, 100, 0) == 0);
	CHECK(recv(p[1], buffer, 100, MSG_DONTWAIT) == 0);
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(p[0]);
	CHECK(events_of(p[1], POLLIN) == (POLLIN | POLLHUP));
	CHECK_ERRNO(send(p[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(p[1]);
}

/* Sends bytes with descriptors. */
static ssize_t send_fds(int sock, const int *fds, int count, const void *data, size_t n)
{
	char control[CMSG_SPACE(sizeof(int) * 260)];
	struct iovec v = {(void *)data, n};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
	memset(control, 0, sizeof(control));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
	return sendmsg(sock, &m, MSG_NOSIGNAL);
}

/* Receives; returns the bytes, *count descriptors (at most room). */
static ssize_t receive_fds(int sock, int *fds, int *count, int room, int flags, int *msg_flags)
{
	char control[CMSG_SPACE(sizeof(int) * 260)];
	static char data[100];
	struct iovec v = {data, sizeof(data)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = room ? CMSG_LEN(sizeof(int) * (size_t)room) : 0};
	ssize_t n = recvmsg(sock, &m, flags);
	*count = 0;
	if (msg_flags)
		*msg_flags = m.msg_flags;
	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)*count);
	}
	return n;
}

static int lowest_free(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

static void passing_descriptors(void)
{
	int p[2], f[2], got[260], many[254], n, flags;
	theme("SCM_RIGHTS");
	int before = lowest_free();
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && pipe(f) == 0);
	CHECK(send_fds(p[0], f, 2, "ab", 2) == 2);
	CHECK(receive_fds(p[1], got, &n, 10, 0, &flags) == 2 && n == 2 && flags == 0);
	CHECK(fcntl(got[0], F_GETFD) == 0);
	CHECK_THAT(write(got[1], "via", 3) == 3 && read(f[0], buffer, 10) == 3,
		   "a passed descriptor is the same open file");
	close(got[0]);
	close(got[1]);
	CHECK(send_fds(p[0], f, 1, "x", 1) == 1);
	CHECK(receive_fds(p[1], got, &n, 10, MSG_CMSG_CLOEXEC, &flags) == 1 && n == 1 && flags & MSG_CMSG_CLOEXEC);
	CHECK(fcntl(got[0], F_GETFD) == FD_CLOEXEC);
	close(got[0]);
	CHECK(send_fds(p[0], f, 2, "x", 1) == 1);
	CHECK(receive_fds(p[1], got, &n, 1, 0, &flags) == 1 && n <= 2 && flags & (n == 1 ? MSG_CTRUNC : 0xff));
	for (int i = 0; i < n; i++)
		close(got[i]);
	CHECK(send_fds(p[0], f, 2, "x", 1) == 1);
	CHECK(receive_fds(p[1], got, &n, 0, 0, &flags) == 1 && n == 0 && flags == MSG_CTRUNC);
	CHECK(send_fds(p[0], f, 2, "x", 1) == 1);
	CHECK(read(p[1], buffer, 10) == 1);
	CHECK_THAT(lowest_free() == f[1] + 1, "descriptors that nobody took are closed");
	CHECK_ERRNO(send_fds(p[0], (int[]){f[0], 1000}, 2, "x", 1), EBADF);
	for (int i = 0; i < 254; i++)
		many[i] = f[0];
	CHECK_ERRNO(send_fds(p[0], many, 254, "x", 1), EINVAL);
	CHECK(send_fds(p[0], many, 253, "x", 1) == 1);
	CHECK(receive_fds(p[1], got, &n, 253, 0, &flags) == 1 && n == 253);
	for (int i = 0; i < n; i++)
		close(got[i]);

	/* Borders in a stream. */
	CHECK(send(p[0], "one", 3, 0) == 3 && send_fds(p[0], f, 1, "two", 3) == 3 && send(p[0], "three", 5, 0) == 5);
	ssize_t r = receive_fds(p[1], got, &n, 10, 0, &flags);
	CHECK_THAT(r == 6 && n == 1, "a receive ends with the bytes that carried descriptors");
	if (n)
		close(got[0]);
	CHECK(receive_fds(p[1], got, &n, 10, 0, &flags) == 5 && n == 0);

	CHECK(send_fds(p[0], f, 1, "peek", 4) == 4);
	CHECK(receive_fds(p[1], got, &n, 10, MSG_PEEK, &flags) == 4 && n == 1);
	close(got[0]);
	CHECK(receive_fds(p[1], got, &n, 10, 0, &flags) == 4 && n == 1);
	close(got[0]);

	/* The last reference may be the one in flight. */
	close(f[0]);
	CHECK(send_fds(p[0], &f[1], 1, "x", 1) == 1);
	close(f[1]);
	CHECK(receive_fds(p[1], got, &n, 10, 0, &flags) == 1 && n == 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO(write(got[0], "x", 1), EPIPE);
	signal(SIGPIPE, SIG_DFL);
	close(got[0]);

	/* Closing the receiver closes what is in flight. */
	REQUIRE(pipe(f) == 0);
	CHECK(send_fds(p[0], &f[1], 1, "x", 1) == 1);
	close(f[1]);
	CHECK(events_of(f[0], POLLIN) == 0);
	close(p[1]);
	CHECK_THAT(read(f[0], buffer, 1) == 0, "what was in flight to a closed socket is closed");
	close(p[0]);
	close(f[0]);
	CHECK(lowest_free() == before);
}

static void cycles(void)
{
	int p[2], f[2], q[2];
	theme("cycles in flight");
	/* A socket that lies in its own queue holds the pipe's write end that lies there too. */
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && pipe(f) == 0);
	CHECK(send_fds(p[0], (int[]){p[0], p[1], f[1]}, 3, "x", 1) == 1);
	close(f[1]);
	close(p[0]);
	close(p[1]);
	/* The collection runs at the latest when another socket is closed. */
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0);
	close(q[0]);
	close(q[1]);
	struct pollfd w = {.fd = f[0], .events = POLLIN};
	CHECK_THAT(poll(&w, 1, 2000) == 1 && w.revents & POLLHUP, "a cycle of one pair is freed");
	close(f[0]);

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0 &&
		pipe(f) == 0);
	CHECK(send_fds(p[0], (int[]){q[0], q[1]}, 2, "x", 1) == 1);
	CHECK(send_fds(q[0], (int[]){p[0], p[1], f[1]}, 3, "x", 1) == 1);
	close(f[1]);
	close(p[0]);
	close(q[0]);
	close(q[1]);
	usleep(20000);
	CHECK_THAT(events_of(f[0], POLLIN) == 0, "what can still be received is kept");
	close(p[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0);
	close(q[0]);
	close(q[1]);
	w.fd = f[0];
	CHECK_THAT(poll(&w, 1, 2000) == 1 && w.revents & POLLHUP, "a cycle of two pairs is freed");
	close(f[0]);

	/* A long chain: freeing it must not nest. */
	int first = -1, held;
	REQUIRE(pipe(f) == 0);
	held = f[1];
	for (int i = 0; i < 300; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) || send_fds(p[0], &held, 1, "x", 1) != 1)
			break;
		close(held);
		close(p[0]);
		first = held = p[1];
	}
	close(first);
	w.fd = f[0];
	CHECK_THAT(poll(&w, 1, 2000) == 1 && w.revents & POLLHUP, "a chain of 300 sockets in flight is freed");
	close(f[0]);
}

static void credentials(void)
{
	int p[2], on = 1;
	struct ucred u = {0};
	socklen_t len = sizeof(u);
	char control[256];
	struct iovec v = {buffer, 10};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	theme("credentials");
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && len == sizeof(u));
	CHECK(u.pid == getpid() && u.uid == getuid() && u.gid == getgid());
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	CHECK(int_option(p[1], SO_PASSCRED) == 1);
	CHECK(send(p[0], "mine", 4, 0) == 4);
	CHECK(recvmsg(p[1], &m, 0) == 4);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
	      c->cmsg_len == CMSG_LEN(sizeof(u)));
	if (c)
		memcpy(&u, CMSG_DATA(c), sizeof(u));
	CHECK(u.pid == getpid() && u.uid == getuid() && u.gid == getgid());
	CHECK(m.msg_controllen == CMSG_SPACE(sizeof(u)));
	pid_t child = fork();
	if (!child)
		_exit(send(p[0], "child", 5, 0) == 5 ? 0 : 1);
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(send(p[0], "mine", 4, 0) == 4);
	m.msg_controllen = sizeof(control);
	CHECK_THAT(recvmsg(p[1], &m, 0) == 5, "bytes of different senders are not mixed");
	c = CMSG_FIRSTHDR(&m);
	if (c)
		memcpy(&u, CMSG_DATA(c), sizeof(u));
	CHECK(u.pid == child);
	m.msg_controllen = sizeof(control);
	CHECK(recvmsg(p[1], &m, 0) == 4);
	/* Made-up credentials. */
	struct iovec w = {"x", 1};
	struct msghdr s = {
	    .msg_iov = &w, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(u))};
	memset(control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&s);
	*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof(u))};
	u = (struct ucred){getpid(), getuid(), getgid()};
	memcpy(CMSG_DATA(c), &u, sizeof(u));
	CHECK(sendmsg(p[0], &s, 0) == 1);
	c->cmsg_len = CMSG_LEN(4);
	CHECK_ERRNO(sendmsg(p[0], &s, 0), EINVAL);
	c->cmsg_len = CMSG_LEN(sizeof(u));
	c->cmsg_type = 77;
	CHECK_ERRNO(sendmsg(p[0], &s, 0), EINVAL);
	close(p[0]);
	close(p[1]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	len = sizeof(u);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && u.pid == 0 && u.uid == (uid_t)-1);
	close(fd);
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

static void several_messages(void)
{
	int p[2];
	char out[3][4];
	struct mmsghdr m[3], r[3];
	struct iovec v[3], w[3];
	theme("sendmmsg, recvmmsg");
	memset(m, 0, sizeof(m));
	memset(r, 0, sizeof(r));
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	for (int i = 0; i < 3; i++) {
		v[i] = (struct iovec){"abc", (size_t)i + 1};
		w[i] = (struct iovec){out[i], sizeof(out[i])};
		m[i].msg_hdr.msg_iov = &v[i];
		r[i].msg_hdr.msg_iov = &w[i];
		m[i].msg_hdr.msg_iovlen = r[i].msg_hdr.msg_iovlen = 1;
	}
	CHECK(sendmmsg(p[0], m, 3, 0) == 3 && m[0].msg_len == 1 && m[2].msg_len == 3);
	CHECK(recvmmsg(p[1], r, 3, 0, NULL) == 3 && r[0].msg_len == 1 && r[1].msg_len == 2 && r[2].msg_len == 3);
	CHECK(sendmmsg(p[0], m, 2, 0) == 2);
	CHECK(recvmmsg(p[1], r, 3, MSG_WAITFORONE, NULL) == 2);
	CHECK_ERRNO(recvmmsg(p[1], r, 3, MSG_DONTWAIT, NULL), EAGAIN);
	CHECK_ERRNO(recvmmsg(p[1], r, 3, 0, &(struct timespec){0, -1}), EINVAL);
	CHECK(sendmmsg(p[0], m, 0, 0) == 0);
	CHECK_ERRNO(sendmmsg(-1, m, 1, 0), EBADF);
	struct msghdr h = {.msg_iov = v, .msg_iovlen = 1025};
	CHECK_ERRNO(sendmsg(p[0], &h, 0), EMSGSIZE);
	CHECK_ERRNO(sendmsg(p[0], (void *)8, 0), EFAULT);
	CHECK_ERRNO(recvmsg(p[0], (void *)8, 0), EFAULT);
	close(p[0]);
	close(p[1]);
}

static void *accept_late(void *arg)
{
	usleep(30000);
	return (void *)(long)accept(*(int *)arg, NULL, NULL);
}

static void blocking_connect(void)
{
	struct sockaddr_un a;
	char name[64];
	pthread_t t;
	void *fd;
	theme("blocking connect");
	snprintf(name, sizeof(name), "sandbox-wait-%d", getpid());
	socklen_t alen = abstract(&a, name);
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c[2];
	REQUIRE(bind(s, (struct sockaddr *)&a, alen) == 0 && listen(s, 0) == 0);
	c[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	c[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c[0], (struct sockaddr *)&a, alen) == 0);
	REQUIRE(pthread_create(&t, NULL, accept_late, &s) == 0);
	CHECK_THAT(connect(c[1], (struct sockaddr *)&a, alen) == 0, "connect waits for room in the queue");
	pthread_join(t, &fd);
	CHECK((long)fd >= 0);
	close((int)(long)fd);
	close(s);
	close(c[0]);
	close(c[1]);
}

int main(void)
{
	creation();
	stream_pair();
	end_of_stream();
	waiting();
	names();
	abstract_names();
	backlog();
	datagrams();
	seqpackets();
	passing_descriptors();
	cycles();
	credentials();
	options();
	edge_triggered();
	several_messages();
	blocking_connect();
	return finish();
}
