/* SPDX-License-Identifier: Apache-2.0
 * Descriptors and credentials that travel over AF_UNIX sockets.
 * area: Sockets
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness.h"
#include "unix.h"

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

int main(void)
{
	passing_descriptors();
	cycles();
	credentials();
	return finish();
}
