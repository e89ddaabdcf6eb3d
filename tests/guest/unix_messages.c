/* SPDX-License-Identifier: Apache-2.0
 * AF_UNIX messages: datagrams, packets, several at a time.
 * area: Sockets
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "harness.h"
#include "unix.h"

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

int main(void)
{
	datagrams();
	seqpackets();
	several_messages();
	return finish();
}
