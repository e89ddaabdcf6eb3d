/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of micro on sockets and terminals, always between two processes.
 */
#include "micro.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define CHUNK 65536

static char chunk[CHUNK];

static void echo_bytes(int fd)
{
	char byte;
	while (read(fd, &byte, 1) == 1)
		if (write(fd, &byte, 1) != 1)
			_exit(1);
	_exit(0);
}

static void drain(int fd)
{
	ssize_t got;
	while ((got = read(fd, chunk, CHUNK)) > 0)
		;
	_exit(got != 0);
}

static void end_of(pid_t child)
{
	int status;
	must(waitpid(child, &status, 0) == child && !status, "the other process");
}

/* n bytes there and back. The other end of fd, `far`, becomes the child's. */
static void ping_pong(int fd, int far, long n)
{
	char byte = 'x';
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		close(fd);
		echo_bytes(far);
	}
	close(far);
	while (n-- > 0)
		must(write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1, "ping-pong");
	close(fd);
	end_of(child);
}

/* n times CHUNK through fd until all of it is read at the other end. */
static void stream(int fd, int far, long n)
{
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		close(fd);
		drain(far);
	}
	close(far);
	for (size_t left = (size_t)n * CHUNK; left;) {
		ssize_t put = write(fd, chunk, left < CHUNK ? left : CHUNK);
		must(put > 0, "write");
		left -= (size_t)put;
	}
	close(fd);
	end_of(child);
}

static int listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(fd >= 0 && !bind(fd, (struct sockaddr *)address, size) && !listen(fd, 128) &&
		 !getsockname(fd, (struct sockaddr *)address, &size),
	     "listen");
	return fd;
}

static int connected(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	must(fd >= 0 && !connect(fd, (const struct sockaddr *)address, sizeof(*address)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void tcp_pair(int pair[2])
{
	struct sockaddr_in address;
	int on = 1, listening = listener(&address);
	pair[0] = connected(&address);
	pair[1] = accept(listening, NULL, NULL);
	must(pair[1] >= 0, "accept");
	setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(listening);
}

static void unix_row(long n)
{
	int pair[2];
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	ping_pong(pair[0], pair[1], n);
}

static void unix_64k_row(long n)
{
	int pair[2];
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	stream(pair[0], pair[1], n);
}

static void tcp_row(long n)
{
	int pair[2];
	tcp_pair(pair);
	ping_pong(pair[0], pair[1], n);
}

static void tcp_64k_row(long n)
{
	int pair[2];
	tcp_pair(pair);
	stream(pair[0], pair[1], n);
}

/* One operation: a connection is made, accepted, ended by the server; the client sees that and closes. */
static void accept_row(long n)
{
	struct sockaddr_in address;
	char byte;
	int listening = listener(&address);
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		while (n-- > 0) {
			int fd = accept(listening, NULL, NULL);
			if (fd < 0)
				_exit(1);
			close(fd);
		}
		_exit(0);
	}
	while (n-- > 0) {
		int fd = connected(&address);
		must(read(fd, &byte, 1) == 0, "end of connection");
		close(fd);
	}
	close(listening);
	end_of(child);
}

/* One operation: a key pressed at the master comes back from a program on the raw terminal, as an editor's echo does.
 */
static void pty_row(long n)
{
	struct termios raw;
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	must(master >= 0 && !grantpt(master) && !unlockpt(master), "ptmx");
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	must(slave >= 0 && !tcgetattr(slave, &raw), "slave");
	cfmakeraw(&raw);
	must(!tcsetattr(slave, TCSANOW, &raw), "tcsetattr");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		close(master);
		while (n-- > 0) {
			char byte;
			if (read(slave, &byte, 1) != 1 || write(slave, &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	while (n-- > 0) {
		char byte = 'x';
		must(write(master, &byte, 1) == 1 && read(master, &byte, 1) == 1, "pty");
	}
	end_of(child);
	close(slave);
	close(master);
}

const struct row socket_rows[] = {
    {"unix", unix_row},	    {"unix_64k", unix_64k_row}, {"tcp", tcp_row}, {"tcp_64k", tcp_64k_row},
    {"accept", accept_row}, {"pty", pty_row},		{NULL, NULL},
};
