/* SPDX-License-Identifier: Apache-2.0
 * Descriptors of each kind in each of their states, by number, for tables about them.
 */
#ifndef TESTS_GUEST_STATES_H
#define TESTS_GUEST_STATES_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>

#include "matrix.h"

static int other; /* the other end, or what else must stay open; -1: nothing */

static inline void fill(int fd)
{
	static char block[65536];
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		;
	while (write(fd, block, 1) > 0)
		;
}

static inline int both(const int fds[2], int which)
{
	other = fds[!which];
	return fds[which];
}

static inline int pipe_end(int which)
{
	int fds[2];
	return pipe(fds) ? -1 : both(fds, which);
}

static inline int pair(int type)
{
	int fds[2];
	return socketpair(AF_UNIX, type, 0, fds) ? -1 : both(fds, 0);
}

static inline int listener(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4) ? -1 : fd;
}

static inline int connect_to(int listening)
{
	struct sockaddr_in a;
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	getsockname(listening, (struct sockaddr *)&a, &length);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

static inline int connection(void)
{
	int l = listener(), fds[2] = {connect_to(l), accept(l, NULL, NULL)};
	close(l);
	return both(fds, 0);
}

static inline int terminal(int which)
{
	char name[64];
	int fds[2] = {posix_openpt(O_RDWR | O_NOCTTY), -1};
	if (fds[0] < 0 || grantpt(fds[0]) || unlockpt(fds[0]) || ptsname_r(fds[0], name, sizeof(name)))
		return -1;
	fds[1] = open(name, O_RDWR | O_NOCTTY);
	return both(fds, which);
}

static inline int after(int fd, int call)
{
	return call < 0 ? -1 : fd;
}

static inline int close_other(int fd)
{
	close(other);
	other = -1;
	return fd;
}

static inline int write_other(int fd)
{
	return after(fd, (int)write(other, "x\n", 2));
}

static inline int reset(int fd)
{
	struct linger linger = {1, 0};
	setsockopt(other, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return close_other(fd);
}

static inline int watched(int inner)
{
	struct epoll_event e = {.events = EPOLLIN};
	int fd = epoll_create1(0);
	other = inner;
	return after(fd, epoll_ctl(fd, EPOLL_CTL_ADD, inner, &e));
}

static inline int queue(int messages)
{
	struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 1};
	int fd = (int)mq_open("/poll_events", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes);
	mq_unlink("/poll_events");
	for (int i = 0; i < messages; i++)
		mq_send(fd, "", 1, 0);
	return fd;
}

static inline int timer(void)
{
	struct itimerspec t = {.it_value = {0, 1}};
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(fd, 0, &t, NULL);
	sleep_ms(2);
	return fd;
}

static inline int signals(int raised)
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

static inline int process(int ended)
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

static inline int notified(int happened)
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

/* Number `row`; -1: it cannot be made. Rows 10 to 69 are sockets. */
static inline int make(int row)
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

#endif
