/* SPDX-License-Identifier: Apache-2.0
 * What poll, select and epoll tell of each kind of descriptor in each of its states, by every event that can be asked
 * for.
 * area: Waiting
 * flags: -lrt
 */
#include <sys/epoll.h>
#include <sys/select.h>

#include "states.h"

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
