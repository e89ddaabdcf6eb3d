/* SPDX-License-Identifier: Apache-2.0
 * What poll, select and epoll tell of each kind of descriptor in each of its states, by every event that can be asked
 * for.
 * area: Waiting
 * flags: -lrt
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>

#include "matrix.h"

static int other; /* the other end, or what else must stay open; -1: nothing */

static void fill(int fd)
{
	static char block[65536];
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		;
	while (write(fd, block, 1) > 0)
		;
}

static int both(const int fds[2], int which)
{
	other = fds[!which];
	return fds[which];
}

static int pipe_end(int which)
{
	int fds[2];
	return pipe(fds) ? -1 : both(fds, which);
}

static int pair(int type)
{
	int fds[2];
	return socketpair(AF_UNIX, type, 0, fds) ? -1 : both(fds, 0);
}

static int listener(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4) ? -1 : fd;
}

static int connect_to(int listening)
{
	struct sockaddr_in a;
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	getsockname(listening, (struct sockaddr *)&a, &length);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

static int connection(void)
{
	int l = listener(), fds[2] = {connect_to(l), accept(l, NULL, NULL)};
	close(l);
	return both(fds, 0);
}

static int terminal(int which)
{
	char name[64];
	int fds[2] = {posix_openpt(O_RDWR | O_NOCTTY), -1};
	if (fds[0] < 0 || grantpt(fds[0]) || unlockpt(fds[0]) || ptsname_r(fds[0], name, sizeof(name)))
		return -1;
	fds[1] = open(name, O_RDWR | O_NOCTTY);
	return both(fds, which);
}

static int after(int fd, int call)
{
	return call < 0 ? -1 : fd;
}

static int close_other(int fd)
{
	close(other);
	other = -1;
	return fd;
}

static int write_other(int fd)
{
	return after(fd, (int)write(other, "x\n", 2));
}

static int reset(int fd)
{
	struct linger linger = {1, 0};
	setsockopt(other, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return close_other(fd);
}

static int watched(int inner)
{
	struct epoll_event e = {.events = EPOLLIN};
	int fd = epoll_create1(0);
	other = inner;
	return after(fd, epoll_ctl(fd, EPOLL_CTL_ADD, inner, &e));
}

static int queue(int messages)
{
	struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 1};
	int fd = (int)mq_open("/poll_events", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes);
	mq_unlink("/poll_events");
	for (int i = 0; i < messages; i++)
		mq_send(fd, "", 1, 0);
	return fd;
}

static int timer(void)
{
	struct itimerspec t = {.it_value = {0, 1}};
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(fd, 0, &t, NULL);
	sleep_ms(2);
	return fd;
}

static int signals(int raised)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, 0);
	if (raised)
		raise(SIGUSR1);
	else
		sigtimedwait(&set, NULL, &(struct timespec){0, 0});
	return fd;
}

static int process(int ended)
{
	pid_t pid = fork_child();
	if (pid == 0)
		for (;;)
			pause();
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended) {
		kill(pid, SIGKILL);
		waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	}
	return fd;
}

static int notified(int happened)
{
	int fd = inotify_init();
	inotify_add_watch(fd, "/tmp", IN_CREATE);
	if (happened) {
		char name[] = "/tmp/poll_eventsXXXXXX";
		close(mkstemp(name));
		unlink(name);
	}
	return fd;
}

static int make(int row)
{
	int fd;
	other = -1;
	switch (row) {
	case 0:
		return pipe_end(0);
	case 1:
		return write_other(pipe_end(0));
	case 2:
		return close_other(pipe_end(0));
	case 3:
		return close_other(write_other(pipe_end(0)));
	case 4:
		return pipe_end(1);
	case 5:
		fd = pipe_end(1);
		fill(fd);
		return fd;
	case 6:
		return close_other(pipe_end(1));
	case 7:
		fd = pipe_end(1);
		fill(fd);
		return close_other(fd);
	case 10:
		return pair(SOCK_STREAM);
	case 11:
		return write_other(pair(SOCK_STREAM));
	case 12:
		fd = pair(SOCK_STREAM);
		fill(fd);
		return fd;
	case 13:
		return close_other(pair(SOCK_STREAM));
	case 14:
		return close_other(write_other(pair(SOCK_STREAM)));
	case 15:
		fd = pair(SOCK_STREAM);
		return after(fd, shutdown(fd, SHUT_RD));
	case 16:
		fd = pair(SOCK_STREAM);
		return after(fd, shutdown(fd, SHUT_WR));
	case 17:
		fd = pair(SOCK_STREAM);
		return after(fd, shutdown(other, SHUT_WR));
	case 18:
		fd = pair(SOCK_STREAM);
		return after(fd, shutdown(other, SHUT_RD));
	case 19:
		fd = pair(SOCK_STREAM);
		return after(fd, shutdown(fd, SHUT_RDWR));
	case 20:
		fd = pair(SOCK_STREAM);
		if (write(fd, "unread", 6) != 6)
			return -1;
		return close_other(fd);
	case 21:
		return pair(SOCK_DGRAM);
	case 22:
		return write_other(pair(SOCK_DGRAM));
	case 23:
		fd = pair(SOCK_DGRAM);
		fill(fd);
		return fd;
	case 24:
		return close_other(pair(SOCK_DGRAM));
	case 25:
		fd = pair(SOCK_DGRAM);
		return after(fd, shutdown(fd, SHUT_RD));
	case 26:
		fd = pair(SOCK_DGRAM);
		return after(fd, shutdown(fd, SHUT_RDWR));
	case 27:
		return close_other(pair(SOCK_SEQPACKET));
	case 28:
		return pair(SOCK_SEQPACKET);
	case 29:
		return socket(AF_UNIX, SOCK_STREAM, 0);
	case 30:
		return socket(AF_UNIX, SOCK_DGRAM, 0);
	case 31:
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		return after(fd, bind(fd, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX}, 2) +
				     listen(fd, 1));
	case 40:
		return socket(AF_INET, SOCK_STREAM, 0);
	case 41:
		return listener();
	case 42:
		fd = listener();
		other = connect_to(fd);
		return fd;
	case 43:
		return connection();
	case 44:
		return write_other(connection());
	case 45:
		fd = connection();
		for (int i = 0; i < 3; i++, sleep_ms(20)) /* acknowledgements may come a little later */
			fill(fd);
		return fd;
	case 46:
		return close_other(connection());
	case 47:
		return reset(connection());
	case 48:
		fd = connection();
		return after(fd, shutdown(fd, SHUT_RD));
	case 49:
		fd = connection();
		return after(fd, shutdown(fd, SHUT_WR));
	case 50:
		fd = connection();
		return after(fd, shutdown(fd, SHUT_RDWR));
	case 51:
		fd = connection();
		return after(fd, shutdown(other, SHUT_WR));
	case 52:
		fd = connection();
		return after(fd, shutdown(other, SHUT_WR) + shutdown(fd, SHUT_WR));
	case 53:
		fd = connection();
		return after(fd, (int)send(other, "u", 1, MSG_OOB));
	case 54:
		fd = listener();
		return after(fd, shutdown(fd, SHUT_RD));
	case 60:
		return socket(AF_INET, SOCK_DGRAM, 0);
	case 61:
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		connect(fd,
			(struct sockaddr *)&(struct sockaddr_in){
			    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = 1},
			sizeof(struct sockaddr_in));
		return after(fd, shutdown(fd, SHUT_RD));
	case 62:
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		connect(fd,
			(struct sockaddr *)&(struct sockaddr_in){
			    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1)},
			sizeof(struct sockaddr_in));
		send(fd, "x", 1, 0); /* nobody listens there */
		return fd;
	case 70:
		return eventfd(0, 0);
	case 71:
		return eventfd(7, 0);
	case 72:
		fd = eventfd(0, 0);
		return after(fd, (int)write(fd, &(unsigned long){0xfffffffffffffffe}, 8));
	case 73:
		return timerfd_create(CLOCK_MONOTONIC, 0);
	case 74:
		return timer();
	case 75:
		return signals(0);
	case 76:
		return signals(1);
	case 77:
		return process(0);
	case 78:
		return process(1);
	case 79:
		return notified(0);
	case 80:
		return notified(1);
	case 81:
		return watched(eventfd(0, 0));
	case 82:
		return watched(eventfd(1, 0));
	case 83:
		return epoll_create1(0);
	case 84:
		return queue(0);
	case 85:
		return queue(1);
	case 86:
		return queue(2);
	case 90:
		return terminal(0);
	case 91:
		return terminal(1);
	case 92:
		fd = terminal(1);
		write_other(fd);
		for (int i = 0; i < 2000 && poll(&(struct pollfd){fd, POLLIN, 0}, 1, 1) == 0; i++)
			;
		return fd;
	case 93:
		return close_other(terminal(0));
	case 94:
		return close_other(terminal(1));
	case 95:
		fd = terminal(1);
		return after(fd, tcflow(fd, TCOOFF));
	case 100:
		return open("/dev/null", O_RDWR);
	case 101:
		return open("/dev/zero", O_RDONLY);
	case 102:
		return memfd_create("poll", 0);
	case 103:
		return open("/", O_RDONLY | O_DIRECTORY);
	case 104:
		return open("/dev/urandom", O_RDONLY);
	case 105:
		return open("/proc/self/stat", O_RDONLY);
	default:
		return -1;
	}
}

#define COLUMNS 9

/* The bits of select: 1 readable, 2 writable, 4 exceptional. */
static long selected(int fd)
{
	fd_set in, out, except;
	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = except = in;
	int n = select(fd + 1, &in, &out, &except, &(struct timeval){0, 0});
	return n < 0 ? -errno
		     : (FD_ISSET(fd, &in) != 0) | (FD_ISSET(fd, &out) != 0) * 2 | (FD_ISSET(fd, &except) != 0) * 4;
}

static long polled(int fd, short events)
{
	struct pollfd p = {fd, events, 0};
	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/* What one look and a second one tell. */
static void watch(int fd, unsigned events, long *first, long *second)
{
	struct epoll_event e = {.events = events};
	int epoll = epoll_create1(0);
	*first = *second = RESULT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	if (*first == 0) {
		*first = epoll_wait(epoll, &e, 1, 0) == 1 ? (long)e.events : 0;
		*second = epoll_wait(epoll, &e, 1, 0) == 1 ? (long)e.events : 0;
	}
	close(epoll);
}

static void look(int fd, long result[COLUMNS])
{
	long unused;
	result[0] = polled(fd, 0);
	result[1] = polled(fd, POLLIN | POLLOUT);
	result[2] = polled(
	    fd, (short)(POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND));
	result[3] = selected(fd);
	watch(fd, 0, &result[4], &unused);
	watch(fd, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP, &result[5], &unused);
	watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | EPOLLWRBAND | EPOLLET, &result[6],
	      &result[7]);
	watch(fd, EPOLLIN | EPOLLOUT | EPOLLONESHOT, &unused, &result[8]);
}

int main(void)
{
	static const char *const columns[COLUMNS] = {
	    "poll for nothing",	    "poll",	      "poll for all",	     "select", "epoll for nothing", "epoll",
	    "edge-triggered epoll", "the same again", "one-shot epoll again"};
	static const struct {
		int row;
		const char *name;
		short wanted[COLUMNS];
	} rows[] = {
	    {0, "an empty pipe", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {1, "a pipe with bytes", {0, 1, 65, 1, 0, 1, 65, 0, 0}},
	    {2, "a pipe without writer", {16, 16, 16, 1, 16, 16, 16, 0, 0}},
	    {3, "a pipe with bytes without writer", {16, 17, 81, 1, 16, 17, 81, 0, 0}},
	    {4, "a pipe's writing end", {0, 4, 260, 2, 0, 4, 260, 0, 0}},
	    {5, "a full pipe", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {6, "a pipe without reader", {8, 12, 268, 3, 8, 12, 268, 0, 0}},
	    {7, "a full pipe without reader", {8, 8, 8, 3, 8, 8, 8, 0, 0}},
	    {10, "a stream pair", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {11, "a stream pair with bytes", {0, 5, 837, 3, 0, 5, 837, 0, 0}},
	    {12, "a full stream pair", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {13, "a stream pair whose peer is closed", {16, 21, 9045, 3, 16, 8213, 853, 0, 0}},
	    {14, "a stream pair with bytes whose peer is closed", {16, 21, 9045, 3, 16, 8213, 853, 0, 0}},
	    {15, "a stream pair shut for reading", {0, 5, 9029, 3, 0, 8197, 837, 0, 0}},
	    {16, "a stream pair shut for writing", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {17, "a stream pair whose peer writes no more", {0, 5, 9029, 3, 0, 8197, 837, 0, 0}},
	    {18, "a stream pair whose peer reads no more", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {19, "a stream pair shut down", {16, 21, 9045, 3, 16, 8213, 853, 0, 0}},
	    {20, "a stream pair whose peer closed with unread bytes", {24, 29, 9053, 3, 24, 8221, 861, 0, 0}},
	    {21, "a datagram pair", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {22, "a datagram pair with a message", {0, 5, 837, 3, 0, 5, 837, 0, 0}},
	    {23, "a full datagram pair", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {24, "a datagram pair whose peer is closed", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {25, "a datagram pair shut for reading", {0, 5, 9029, 3, 0, 8197, 837, 0, 0}},
	    {26, "a datagram pair shut down", {16, 21, 9045, 3, 16, 8213, 853, 0, 0}},
	    {27, "a packet pair whose peer is closed", {16, 21, 9045, 3, 16, 8213, 853, 0, 0}},
	    {28, "a packet pair", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {29, "a new unix stream", {16, 20, 788, 3, 16, 20, 788, 0, 0}},
	    {30, "a new unix datagram socket", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {31, "a unix listener", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {40, "a new TCP socket", {16, 20, 276, 3, 16, 20, 276, 0, 0}},
	    {41, "a TCP listener", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {42, "a TCP listener with a connection", {0, 1, 65, 1, 0, 1, 65, 0, 0}},
	    {43, "a TCP connection", {0, 4, 260, 2, 0, 4, 260, 0, 0}},
	    {44, "a TCP connection with bytes", {0, 5, 325, 3, 0, 5, 325, 0, 0}},
	    {45, "a full TCP connection", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {46, "a TCP connection whose peer closed", {0, 5, 8517, 3, 0, 8197, 325, 0, 0}},
	    {47, "a reset TCP connection", {24, 29, 8541, 3, 24, 8221, 349, 0, 0}},
	    {48, "a TCP connection shut for reading", {0, 5, 8517, 3, 0, 8197, 325, 0, 0}},
	    {49, "a TCP connection shut for writing", {0, 4, 260, 2, 0, 4, 260, 0, 0}},
	    {50, "a TCP connection shut down", {16, 21, 8533, 3, 16, 8213, 341, 0, 0}},
	    {51, "a TCP connection whose peer writes no more", {0, 5, 8517, 3, 0, 8197, 325, 0, 0}},
	    {52, "a TCP connection that both ended", {16, 21, 8533, 3, 16, 8213, 341, 0, 0}},
	    {53, "a TCP connection with urgent data", {0, 4, 262, 6, 0, 6, 260, 0, 0}},
	    {54, "a TCP listener shut down", {16, 20, 276, 3, 16, 20, 276, 0, 0}},
	    {60, "a UDP socket", {0, 4, 772, 2, 0, 4, 772, 0, 0}},
	    {61, "a UDP socket shut for reading", {0, 5, 9029, 3, 0, 8197, 837, 0, 0}},
	    {62, "a UDP socket with an error", {8, 12, 780, 3, 8, 12, 780, 0, 0}},
	    {70, "eventfd 0", {0, 4, 4, 2, 0, 4, 4, 0, 0}},
	    {71, "eventfd 7", {0, 5, 5, 3, 0, 5, 5, 0, 0}},
	    {72, "a full eventfd", {0, 1, 1, 1, 0, 1, 1, 0, 0}},
	    {73, "an unset timerfd", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {74, "an expired timerfd", {0, 1, 1, 1, 0, 1, 1, 0, 0}},
	    {75, "signalfd", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {76, "signalfd with a signal", {0, 1, 1, 1, 0, 1, 1, 0, 0}},
	    {77, "pidfd", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {78, "pidfd of a zombie", {0, 1, 65, 1, 0, 1, 65, 0, 0}},
	    {79, "inotify", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {80, "inotify with an event", {0, 1, 65, 1, 0, 1, 65, 0, 0}},
	    {81, "epoll", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {82, "epoll with an event", {0, 1, 65, 1, 0, 1, 65, 0, 0}},
	    {83, "empty epoll", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {84, "an empty message queue", {0, 4, 260, 2, 0, 4, 260, 0, 0}},
	    {85, "a message queue", {0, 5, 325, 3, 0, 5, 325, 0, 0}},
	    {86, "a full message queue", {0, 1, 65, 1, 0, 1, 65, 0, 0}},
	    {90, "a terminal's master", {0, 4, 260, 2, 0, 4, 260, 0, 0}},
	    {91, "a terminal", {0, 4, 260, 2, 0, 4, 260, 0, 0}},
	    {92, "a terminal with a line", {0, 5, 325, 3, 0, 5, 325, 0, 0}},
	    {93, "a master without terminal", {16, 20, 276, 3, 16, 20, 276, 0, 0}},
	    {94, "a terminal without master", {24, 29, 349, 3, 24, 29, 349, 0, 0}},
	    {95, "a stopped terminal", {0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {100, "/dev/null", {0, 5, 325, 3, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM}},
	    {101, "/dev/zero", {0, 5, 325, 3, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM}},
	    {102, "memfd", {0, 5, 325, 3, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM}},
	    {103, "a directory", {0, 5, 325, 3, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM}},
	    {104, "/dev/urandom", {0, 5, 325, 3, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM}},
	    {105, "/proc/self/stat", {0, 5, 325, 3, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM}},
	};
	limit_seconds(60);
	signal(SIGPIPE, SIG_IGN);
	theme("events");
	for (size_t r = 0; r < COUNT(rows); r++) {
		long result[COLUMNS];
		int fd = make(rows[r].row);
		if (fd < 0) {
			CHECKF(0, "%s can be made", rows[r].name);
			continue;
		}
		look(fd, result);
		for (int c = 0; c < COLUMNS; c++)
			cell(rows[r].name, columns[c], result[c], rows[r].wanted[c]);
		close(fd);
		if (other >= 0)
			close(other);
	}
	return finish();
}
