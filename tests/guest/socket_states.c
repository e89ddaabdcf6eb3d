/* SPDX-License-Identifier: Apache-2.0
 * Sockets of each kind in each of their states: what each call on them gives.
 * area: Sockets
 * flags: -lrt
 */
#include <sys/ioctl.h>

#include "states.h"

#define COLUMNS 16

static long use(int fd, int column)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	struct sockaddr_in nowhere = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1)};
	struct sockaddr_un missing = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	int domain, n = -1;
	char bytes[16];
	struct sockaddr *to;
	socklen_t room;
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){sizeof(domain)});
	to = domain == AF_UNIX ? (struct sockaddr *)&missing : (struct sockaddr *)&nowhere;
	room = domain == AF_UNIX ? sizeof(missing) : sizeof(nowhere);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	switch (column) {
	case 0:
		return RESULT(recv(fd, bytes, sizeof(bytes), 0));
	case 1:
		return RESULT(recv(fd, bytes, sizeof(bytes), MSG_PEEK));
	case 2:
		return RESULT(recv(fd, bytes, 0, 0));
	case 3:
		return RESULT(send(fd, "y", 1, MSG_NOSIGNAL));
	case 4:
		return RESULT(send(fd, "", 0, MSG_NOSIGNAL));
	case 5:
		return RESULT(sendto(fd, "y", 1, MSG_NOSIGNAL, to, room));
	case 6:
		return RESULT(shutdown(fd, SHUT_RD));
	case 7:
		return RESULT(shutdown(fd, SHUT_WR));
	case 8:
		return RESULT(shutdown(fd, 3));
	case 9:
		return OUTCOME(getpeername(fd, (struct sockaddr *)&name, &length));
	case 10:
		return RESULT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &n, &(socklen_t){sizeof(n)})) ?: n;
	case 11:
		return RESULT(connect(fd, to, room));
	case 12:
		return RESULT(listen(fd, 1));
	case 13:
		return OUTCOME(accept(fd, NULL, NULL));
	case 14:
		return RESULT(ioctl(fd, FIONREAD, &n)) ?: n;
	default:
		return RESULT(bind(fd, to, 1));
	}
}

int main(void)
{
	static const char *const columns[COLUMNS] = {"recv",
						     "recv by MSG_PEEK",
						     "recv of nothing",
						     "send",
						     "send of nothing",
						     "sendto nowhere",
						     "shutdown for reading",
						     "shutdown for writing",
						     "shutdown by 3",
						     "getpeername",
						     "SO_ERROR",
						     "connect to nowhere",
						     "listen",
						     "accept",
						     "FIONREAD",
						     "bind to a bad address"};
	static const struct {
		int row;
		const char *name;
		short wanted[COLUMNS];
	} rows[] = {
	    {10,
	     "a stream pair",
	     {-EAGAIN, -EAGAIN, -EAGAIN, 1, 0, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {11,
	     "a stream pair with bytes",
	     {2, 2, 0, 1, 0, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 2, -EINVAL}},
	    {13,
	     "a stream pair whose peer is closed",
	     {0, 0, 0, -EPIPE, -EPIPE, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {14,
	     "a stream pair with bytes whose peer is closed",
	     {2, 2, 0, -EPIPE, -EPIPE, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 2, -EINVAL}},
	    {15,
	     "a stream pair shut for reading",
	     {0, 0, 0, 1, 0, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {16,
	     "a stream pair shut for writing",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -EPIPE, -EPIPE, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0,
	      -EINVAL}},
	    {17,
	     "a stream pair whose peer writes no more",
	     {0, 0, 0, 1, 0, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {18,
	     "a stream pair whose peer reads no more",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -EPIPE, -EPIPE, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0,
	      -EINVAL}},
	    {19,
	     "a stream pair shut down",
	     {0, 0, 0, -EPIPE, -EPIPE, -EISCONN, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {20,
	     "a stream pair whose peer closed with unread bytes",
	     {-ECONNRESET, -ECONNRESET, -ECONNRESET, -EPIPE, -EPIPE, -EISCONN, 0, 0, -EINVAL, 0, 104, -ENOENT, -EINVAL,
	      -EINVAL, 0, -EINVAL}},
	    {21,
	     "a datagram pair",
	     {-EAGAIN, -EAGAIN, -EAGAIN, 1, 0, -ENOENT, 0, 0, -EINVAL, 0, 0, -ENOENT, -ENOTSUP, -ENOTSUP, 0, -EINVAL}},
	    {22,
	     "a datagram pair with a message",
	     {2, 2, 0, 1, 0, -ENOENT, 0, 0, -EINVAL, 0, 0, -ENOENT, -ENOTSUP, -ENOTSUP, 2, -EINVAL}},
	    {24,
	     "a datagram pair whose peer is closed",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -ECONNREFUSED, -ECONNREFUSED, -ENOENT, 0, 0, -EINVAL, 0, 0, -ENOENT, -ENOTSUP,
	      -ENOTSUP, 0, -EINVAL}},
	    {25,
	     "a datagram pair shut for reading",
	     {-EAGAIN, -EAGAIN, -EAGAIN, 1, 0, -ENOENT, 0, 0, -EINVAL, 0, 0, -ENOENT, -ENOTSUP, -ENOTSUP, 0, -EINVAL}},
	    {26,
	     "a datagram pair shut down",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -EPIPE, -EPIPE, -EPIPE, 0, 0, -EINVAL, 0, 0, -ENOENT, -ENOTSUP, -ENOTSUP, 0,
	      -EINVAL}},
	    {27,
	     "a packet pair whose peer is closed",
	     {0, 0, 0, -EPIPE, -EPIPE, -EPIPE, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {28,
	     "a packet pair",
	     {-EAGAIN, -EAGAIN, -EAGAIN, 1, 0, 1, 0, 0, -EINVAL, 0, 0, -ENOENT, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {29,
	     "a new unix stream",
	     {-EINVAL, -EINVAL, -EINVAL, -ENOTCONN, -ENOTCONN, -ENOTSUP, 0, 0, -EINVAL, -ENOTCONN, 0, -ENOENT, -EINVAL,
	      -EINVAL, 0, -EINVAL}},
	    {30,
	     "a new unix datagram socket",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -ENOTCONN, -ENOTCONN, -ENOENT, 0, 0, -EINVAL, -ENOTCONN, 0, -ENOENT, -ENOTSUP,
	      -ENOTSUP, 0, -EINVAL}},
	    {31,
	     "a unix listener",
	     {-EINVAL, -EINVAL, -EINVAL, -ENOTCONN, -ENOTCONN, -ENOTSUP, 0, 0, -EINVAL, -ENOTCONN, 0, -ENOENT, 0,
	      -EAGAIN, -EINVAL, -EINVAL}},
	    {40,
	     "a new TCP socket",
	     {-ENOTCONN, -ENOTCONN, -ENOTCONN, -EPIPE, -EPIPE, -EPIPE, -ENOTCONN, -ENOTCONN, -EINVAL, -ENOTCONN, 0,
	      -EINPROGRESS, 0, -EINVAL, 0, -EINVAL}},
	    {41,
	     "a TCP listener",
	     {-ENOTCONN, -ENOTCONN, -ENOTCONN, -EPIPE, -EPIPE, -EPIPE, 0, 0, -EINVAL, -ENOTCONN, 0, -EISCONN, 0,
	      -EAGAIN, -EINVAL, -EINVAL}},
	    {42,
	     "a TCP listener with a connection",
	     {-ENOTCONN, -ENOTCONN, -ENOTCONN, -EPIPE, -EPIPE, -EPIPE, 0, 0, -EINVAL, -ENOTCONN, 0, -EISCONN, 0, 0,
	      -EINVAL, -EINVAL}},
	    {43,
	     "a TCP connection",
	     {-EAGAIN, -EAGAIN, -EAGAIN, 1, 0, 1, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {44,
	     "a TCP connection with bytes",
	     {2, 2, 0, 1, 0, 1, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 2, -EINVAL}},
	    {46,
	     "a TCP connection whose peer closed",
	     {0, 0, 0, 1, 0, 1, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {47,
	     "a reset TCP connection",
	     {-ECONNRESET, -ECONNRESET, -ECONNRESET, -ECONNRESET, -ECONNRESET, -ECONNRESET, -ENOTCONN, -ENOTCONN,
	      -EINVAL, -ENOTCONN, 104, -EISCONN, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {48,
	     "a TCP connection shut for reading",
	     {0, 0, 0, 1, 0, 1, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {49,
	     "a TCP connection shut for writing",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -EPIPE, -EPIPE, -EPIPE, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 0,
	      -EINVAL}},
	    {50,
	     "a TCP connection shut down",
	     {0, 0, 0, -EPIPE, -EPIPE, -EPIPE, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {51,
	     "a TCP connection whose peer writes no more",
	     {0, 0, 0, 1, 0, 1, 0, 0, -EINVAL, 0, 0, -EISCONN, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {52,
	     "a TCP connection that both ended",
	     {0, 0, 0, -EPIPE, -EPIPE, -EPIPE, -ENOTCONN, -ENOTCONN, -EINVAL, -ENOTCONN, 0, -EISCONN, -EINVAL, -EINVAL,
	      0, -EINVAL}},
	    {54,
	     "a TCP listener shut down",
	     {-ENOTCONN, -ENOTCONN, -ENOTCONN, -EPIPE, -EPIPE, -EPIPE, -ENOTCONN, -ENOTCONN, -EINVAL, -ENOTCONN, 0,
	      -EINPROGRESS, 0, -EINVAL, 0, -EINVAL}},
	    {60,
	     "a UDP socket",
	     {-EAGAIN, -EAGAIN, -EAGAIN, -EDESTADDRREQ, -EDESTADDRREQ, 1, -ENOTCONN, -ENOTCONN, -EINVAL, -ENOTCONN, 0,
	      0, -ENOTSUP, -ENOTSUP, 0, -EINVAL}},
	    {61,
	     "a UDP socket shut for reading",
	     {-EAGAIN, -EAGAIN, -EAGAIN, 1, 0, 1, 0, 0, -EINVAL, 0, 0, 0, -ENOTSUP, -ENOTSUP, 0, -EINVAL}},
	};
	limit_seconds(60);
	signal(SIGPIPE, SIG_IGN);
	theme("socket states");
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < COLUMNS; c++) {
			int fd = make(rows[r].row);
			cell(rows[r].name, columns[c], fd < 0 ? 9997 : use(fd, c), rows[r].wanted[c]);
			close(fd);
			if (other >= 0)
				close(other);
		}
	return finish();
}
