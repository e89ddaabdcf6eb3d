/* SPDX-License-Identifier: Apache-2.0
 * poll, ppoll, select, pselect6: arguments, events of pipes, masks, time-outs; eventfd.
 * area: Waiting
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "probe.h"

static short events_of(int fd, short wanted)
{
	struct pollfd p = {fd, wanted, 0x7fff};
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void polls(void)
{
	int fds[2], sv[2];
	struct pollfd p[3];
	struct timespec t = {0, 15000000}, bad = {0, 1000000000};
	char byte;
	theme("poll");
	REQUIRE(pipe(fds) == 0);
	CHECK(events_of(fds[0], POLLIN) == 0);
	CHECK(events_of(fds[1], POLLOUT) == POLLOUT);
	CHECK_THAT(events_of(fds[1], POLLIN) == 0, "a writing end is not readable");
	CHECK(write(fds[1], "x", 1) == 1 && events_of(fds[0], POLLIN | POLLOUT) == POLLIN);
	CHECK(events_of(fds[0], POLLRDNORM) == POLLRDNORM);
	CHECK_THAT(events_of(fds[0], 0) == 0, "no events wanted, none told");
	CHECK(events_of(1000, POLLIN) == POLLNVAL);
	p[0] = (struct pollfd){-1, POLLIN, 7};
	CHECK_THAT(poll(p, 1, 0) == 0 && p[0].revents == 0, "a negative descriptor is passed over");
	p[0] = (struct pollfd){fds[0], POLLIN, 0};
	p[1] = (struct pollfd){fds[1], POLLOUT, 0};
	p[2] = (struct pollfd){1000, 0, 0};
	CHECK_THAT(poll(p, 3, -1) == 3 && p[0].revents == POLLIN && p[1].revents == POLLOUT && p[2].revents == POLLNVAL,
		   "counts descriptors");
	read(fds[0], &byte, 1);
	close(fds[1]);
	CHECK_THAT(events_of(fds[0], POLLIN) == POLLHUP, "the last writer's end is POLLHUP");
	CHECK_THAT(events_of(fds[0], 0) == POLLHUP, "even when nothing is asked for");
	close(fds[0]);
	REQUIRE(pipe(fds) == 0);
	close(fds[0]);
	CHECK_THAT(events_of(fds[1], POLLOUT) == (POLLOUT | POLLERR), "the last reader's end is POLLERR");
	close(fds[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	CHECK(events_of(sv[0], POLLIN | POLLOUT) == POLLOUT);
	shutdown(sv[1], SHUT_WR);
	CHECK_THAT(events_of(sv[0], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP), "POLLRDHUP after the peer's shutdown");
	close(sv[1]);
	CHECK((events_of(sv[0], POLLIN) & POLLHUP) == POLLHUP);
	close(sv[0]);
	int null = open("/dev/null", O_RDWR);
	CHECK_THAT(events_of(null, POLLIN | POLLOUT) == (POLLIN | POLLOUT), "/dev/null is always ready");
	close(null);
	long begin = now_us();
	CHECK(poll(NULL, 0, 15) == 0 && now_us() - begin >= 15000);
	begin = now_us();
	CHECK(ppoll(NULL, 0, &t, NULL) == 0 && now_us() - begin >= 15000);
	CHECK_ERRNO(ppoll(NULL, 0, &bad, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_poll, NULL, 1, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_poll, unmapped_address(), 1, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_poll, p, 0xffffffff, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_ppoll, p, 0, unmapped_address(), NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_ppoll, p, 0, &t, unmapped_address(), 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_ppoll, p, 0, &t, &t, 4), EINVAL);
	/* Wakes from another process. */
	REQUIRE(pipe(fds) == 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(write(fds[1], "x", 1) != 1);
	}
	p[0] = (struct pollfd){fds[0], POLLIN, 0};
	CHECK_THAT(poll(p, 1, 5000) == 1 && p[0].revents == POLLIN, "a write elsewhere wakes it");
	wait_for(pid);
	close(fds[0]);
	close(fds[1]);
}

static volatile sig_atomic_t count;

static void note(int number)
{
	count++;
}

static void selects(void)
{
	int fds[2];
	fd_set in, out, err;
	struct timeval none = {0, 0}, bad = {-1, 0};
	struct timespec tnone = {0, 0}, some = {1, 0};
	theme("select");
	REQUIRE(pipe(fds) == 0);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&err);
	FD_SET(fds[0], &in);
	FD_SET(fds[1], &out);
	FD_SET(fds[0], &err);
	CHECK(select(fds[1] + 1, &in, &out, &err, &none) == 1 && !FD_ISSET(fds[0], &in) && FD_ISSET(fds[1], &out) &&
	      !FD_ISSET(fds[0], &err));
	write(fds[1], "x", 1);
	FD_SET(fds[0], &in);
	CHECK(select(fds[1] + 1, &in, &out, NULL, NULL) == 2 && FD_ISSET(fds[0], &in));
	FD_ZERO(&in);
	FD_SET(fds[0], &in);
	CHECK_THAT(select(fds[0], &in, NULL, NULL, &none) == 0, "descriptors from nfds on are not looked at");
	FD_ZERO(&in);
	FD_SET(40, &in);
	CHECK_ERRNO(select(41, &in, NULL, NULL, &none), EBADF);
	CHECK_ERRNO(select(-1, NULL, NULL, NULL, &none), EINVAL);
	CHECK_ERRNO(select(0, NULL, NULL, NULL, &bad), EINVAL);
	CHECK_ERRNO(syscall(SYS_select, 5, unmapped_address(), NULL, NULL, &none), EFAULT);
	CHECK_ERRNO(syscall(SYS_select, 0, NULL, NULL, NULL, unmapped_address()), EFAULT);
	CHECK(select(0, NULL, NULL, NULL, &none) == 0);
	/* The mask of pselect takes effect while it waits. */
	sigset_t blocked, open;
	sigemptyset(&open);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	signal(SIGUSR1, note);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	CHECK_ERRNO(pselect(0, NULL, NULL, NULL, &some, &open), EINTR);
	CHECK_THAT(count == 1, "the handler ran with the mask of pselect");
	raise(SIGUSR1);
	CHECK_ERRNO(ppoll(NULL, 0, &some, &open), EINTR);
	CHECK_THAT(count == 2 && sigprocmask(SIG_BLOCK, NULL, &open) == 0 && sigismember(&open, SIGUSR1),
		   "the mask is restored");
	raise(SIGUSR1);
	CHECK(pselect(0, NULL, NULL, NULL, &tnone, &blocked) == 0 && count == 2);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	signal(SIGUSR1, SIG_DFL);
	CHECK_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, unmapped_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &tnone, unmapped_address()), EFAULT);
	close(fds[0]);
	close(fds[1]);
}

static void counters(void)
{
	uint64_t value = 0, one = 1, most = 0xfffffffffffffffe, wrong = 0xffffffffffffffff;
	theme("eventfd");
	CHECK_ERRNO(eventfd(0, 0x100), EINVAL);
	int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK(events_of(fd, POLLIN | POLLOUT) == (POLLIN | POLLOUT));
	CHECK_ERRNO(read(fd, &value, 7), EINVAL);
	CHECK_ERRNO(write(fd, &value, 7), EINVAL);
	CHECK_ERRNO(write(fd, &wrong, 8), EINVAL);
	CHECK_ERRNO(read(fd, unmapped_address(), 8), EFAULT);
	CHECK_ERRNO(write(fd, unmapped_address(), 8), EFAULT);
	CHECK(write(fd, &one, 8) == 8);
	CHECK(read(fd, &value, 8) == 8);
	CHECK_THAT(value == 4 || value == 1, "the value is the sum");
	CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
	CHECK(events_of(fd, POLLIN | POLLOUT) == POLLOUT);
	CHECK(write(fd, &most, 8) == 8 && events_of(fd, POLLIN | POLLOUT) == POLLIN);
	CHECK_ERRNO(write(fd, &one, 8), EAGAIN);
	value = 0;
	CHECK_THAT(write(fd, &value, 8) == 8, "zero can always be added");
	CHECK(read(fd, &value, 8) == 8 && value == most);
	close(fd);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	CHECK(read(fd, &value, 8) == 8 && value == 1);
	CHECK(read(fd, &value, 8) == 8 && value == 1);
	CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
	close(fd);
	fd = eventfd(0, 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(write(fd, &one, 8) != 8);
	}
	CHECK_THAT(read(fd, &value, 8) == 8 && value == 1, "a read waits");
	wait_for(pid);
	close(fd);
}

int main(void)
{
	limit_seconds(60);
	polls();
	selects();
	counters();
	return finish();
}
