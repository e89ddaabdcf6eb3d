/* SPDX-License-Identifier: Apache-2.0
 * Each odd value of a time in each call that takes a time. None of them waits.
 * area: Time
 * flags: -lrt
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include "matrix.h"

static int pipe_ready[2], epoll, event, semaphores, messages, timer, timer_fd, sockets[2];

static long with_time(const struct timespec *t, int column)
{
	struct pollfd p = {pipe_ready[0], POLLIN, 0};
	struct itimerspec value = {.it_value = *t}, interval = {.it_interval = *t}, none = {0};
	struct itimerval micro = {.it_value = {t->tv_sec, t->tv_nsec}}, off = {0};
	struct epoll_event e;
	struct sembuf up = {0, 1, IPC_NOWAIT};
	struct mmsghdr m = {0};
	struct timespec copy = *t, old;
	char byte;
	fd_set set;
	sigset_t usr1;
	long r;
	unsigned word = 1;
	FD_ZERO(&set);
	FD_SET(pipe_ready[0], &set);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	switch (column) {
	case 0:
		return RESULT(syscall(SYS_ppoll, &p, 1, &copy, NULL, 8));
	case 1:
		return RESULT(syscall(SYS_pselect6, pipe_ready[0] + 1, &set, NULL, NULL, &copy, NULL));
	case 2:
		return RESULT(
		    syscall(SYS_select, pipe_ready[0] + 1, &set, NULL, NULL, &(struct timeval){t->tv_sec, t->tv_nsec}));
	case 3:
		return RESULT(syscall(SYS_epoll_pwait2, epoll, &e, 1, t, NULL, 8));
	case 4:
		return RESULT(syscall(SYS_futex, &word, FUTEX_WAIT, 0, t, NULL, 0));
	case 5:
		return RESULT(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, t, NULL, 1));
	case 6:
		raise(SIGUSR1);
		r = RESULT(syscall(SYS_rt_sigtimedwait, &usr1, NULL, t, 8));
		syscall(SYS_rt_sigtimedwait, &usr1, NULL, &(struct timespec){0, 0}, 8);
		return r;
	case 7:
		return RESULT(syscall(SYS_semtimedop, semaphores, &up, 1, t));
	case 8:
		if (write(sockets[1], "", 1) != 1)
			return 9998;
		r = RESULT(syscall(SYS_recvmmsg, sockets[0], &m, 1, 0, &copy));
		while (recv(sockets[0], &byte, 1, MSG_DONTWAIT) == 1)
			;
		return r;
	case 9:
		r = RESULT(syscall(SYS_mq_timedsend, messages, "", 1, 0, t));
		syscall(SYS_mq_timedreceive, messages, &byte, 1, NULL, &(struct timespec){1, 0});
		return r;
	case 10:
		syscall(SYS_mq_timedsend, messages, "", 1, 0, NULL);
		r = RESULT(syscall(SYS_mq_timedreceive, messages, &byte, 1, NULL, t));
		syscall(SYS_mq_timedreceive, messages, &byte, 1, NULL, &(struct timespec){1, 0});
		return r;
	case 11:
		r = RESULT(syscall(SYS_timer_settime, timer, 0, &value, NULL));
		syscall(SYS_timer_settime, timer, 0, &none, NULL);
		return r;
	case 12:
		return RESULT(syscall(SYS_timer_settime, timer, 0, &interval, NULL));
	case 13:
		r = RESULT(syscall(SYS_timerfd_settime, timer_fd, 0, &value, NULL));
		syscall(SYS_timerfd_settime, timer_fd, 0, &none, NULL);
		return r;
	case 14:
		return RESULT(syscall(SYS_timerfd_settime, timer_fd, TFD_TIMER_ABSTIME, &interval, NULL));
	case 15:
		if (t->tv_sec == 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000)
			return 0; /* a signal would come */
		r = RESULT(syscall(SYS_setitimer, ITIMER_VIRTUAL, &micro, NULL));
		syscall(SYS_setitimer, ITIMER_VIRTUAL, &off, NULL);
		return r;
	case 16:
		return t->tv_sec > 0 ? 0 : RESULT(syscall(SYS_nanosleep, t, &old)); /* else it would wait */
	default:
		return t->tv_sec > 2000000000
			   ? 0
			   : RESULT(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, t, NULL));
	}
}

#define TIME_COLUMNS 18

static void values(void)
{
	static const char *const columns[TIME_COLUMNS] = {"ppoll",
							  "pselect",
							  "select",
							  "epoll_pwait2",
							  "FUTEX_WAIT",
							  "FUTEX_WAIT_BITSET",
							  "rt_sigtimedwait",
							  "semtimedop",
							  "recvmmsg",
							  "mq_timedsend",
							  "mq_timedreceive",
							  "timer_settime",
							  "timer_settime of the interval",
							  "timerfd_settime",
							  "timerfd_settime of the interval",
							  "setitimer",
							  "nanosleep",
							  "clock_nanosleep until then"};
	static const struct {
		const char *name;
		struct timespec t;
		short wanted[TIME_COLUMNS];
	} rows[] = {
	    {"no time", {0, 0}, {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
	    {"the least time", {0, 1}, {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
	    {"999999999", {0, 999999999}, {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, -EINVAL, 0, 0}},
	    {"1000000000",
	     {0, 1000000000},
	     {-EINVAL, -EINVAL, 1, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"nanoseconds -1",
	     {0, -1},
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"the greatest nanoseconds",
	     {0, 0x7fffffffffffffff},
	     {-EINVAL, -EINVAL, 1, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"the least nanoseconds",
	     {0, (-0x7fffffffffffffff - 1)},
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"seconds -1",
	     {-1, 0},
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"both -1",
	     {-1, -1},
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"the least seconds",
	     {(-0x7fffffffffffffff - 1), 0},
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"the greatest seconds",
	     {0x7fffffffffffffff, 0},
	     {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
	    {"the greatest time",
	     {0x7fffffffffffffff, 999999999},
	     {1, 1, -EINVAL, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, -EINVAL, 0, 0}},
	    {"what nanoseconds can count",
	     {9223372036, 854775807},
	     {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, -EINVAL, 0, 0}},
	    {"one more",
	     {9223372036, 854775808},
	     {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, -EINVAL, 0, 0}},
	    {"2^32 seconds", {0x100000000, 0}, {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
	    {"2^62 seconds", {1L << 62, 0}, {1, 1, 1, 1, -EAGAIN, -EAGAIN, 10, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
	};
	struct sigevent silent = {.sigev_notify = SIGEV_NONE};
	struct epoll_event e = {.events = EPOLLIN};
	struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 1};
	sigset_t usr1;
	theme("each time");
	messages = (int)mq_open("/time_args", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes);
	mq_unlink("/time_args");
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	epoll = epoll_create1(0);
	event = eventfd(1, 0);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
	REQUIRE(messages >= 0 && semaphores >= 0 && pipe(pipe_ready) == 0 && write(pipe_ready[1], "", 1) == 1);
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) == 0);
	REQUIRE(syscall(SYS_timer_create, CLOCK_MONOTONIC, &silent, &timer) == 0);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < TIME_COLUMNS; c++)
			cell(rows[r].name, columns[c], with_time(&rows[r].t, c), rows[r].wanted[c]);
	semctl(semaphores, 0, IPC_RMID);
}

int main(void)
{
	limit_seconds(60);
	signal(SIGVTALRM, SIG_IGN);
	values();
	return finish();
}
