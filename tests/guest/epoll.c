/* SPDX-License-Identifier: Apache-2.0
 * epoll: control calls, level and edge triggered, one-shot, exclusive, nested, closing what is watched, time-outs,
 * masks.
 * area: Waiting
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "probe.h"

static int ep, fds[2];
static struct epoll_event got[8];

static int add(int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u64 = 0x1122334455667700 + (unsigned)fd};
	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int modify(int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

static int ready(void)
{
	return epoll_wait(ep, got, 8, 0);
}

static void control(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	theme("epoll_ctl");
	CHECK_ERRNO(epoll_create(0), EINVAL);
	CHECK_ERRNO(epoll_create(-1), EINVAL);
	CHECK_ERRNO(epoll_create1(1), EINVAL);
	ep = epoll_create1(EPOLL_CLOEXEC);
	CHECK(ep >= 0 && fcntl(ep, F_GETFD) == FD_CLOEXEC);
	REQUIRE(pipe2(fds, O_NONBLOCK) == 0);
	CHECK_ERRNO(epoll_ctl(-1, EPOLL_CTL_ADD, fds[0], &e), EBADF);
	CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, 1000, &e), EBADF);
	CHECK_ERRNO(epoll_ctl(ep, 9, fds[0], &e), EINVAL);
	CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
	CHECK_ERRNO(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &e), EINVAL);
	CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_MOD, fds[0], &e), ENOENT);
	CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL), ENOENT);
	CHECK_ERRNO(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], unmapped_address()), EFAULT);
	int file = memfd_create("file", 0);
	CHECK_ERRNO_THAT(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e), EPERM, "a regular file cannot be watched");
	close(file);
	CHECK(add(fds[0], EPOLLIN) == 0);
	CHECK_ERRNO(add(fds[0], EPOLLIN), EEXIST);
	CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL) == 0);
	CHECK_ERRNO(epoll_wait(ep, got, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_wait, ep, got, -1, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(fds[0], got, 1, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(1000, got, 1, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, got, 1, 0, got, 4), EINVAL);
	CHECK_ERRNO(read(ep, got, 8), EINVAL);
	CHECK_ERRNO(write(ep, got, 8), EINVAL);
}

static void levels(void)
{
	char byte;
	theme("level triggered");
	CHECK(add(fds[0], EPOLLIN) == 0 && add(fds[1], EPOLLOUT) == 0);
	CHECK(ready() == 1 && got[0].events == EPOLLOUT && got[0].data.u64 == 0x1122334455667700UL + (unsigned)fds[1]);
	CHECK(ready() == 1);
	CHECK(write(fds[1], "ab", 2) == 2 && ready() == 2);
	CHECK_THAT(epoll_wait(ep, got, 1, 0) == 1, "at most maxevents");
	uint32_t first = (uint32_t)got[0].data.u64;
	CHECK_THAT(epoll_wait(ep, got, 1, 0) == 1 && (uint32_t)got[0].data.u64 != first,
		   "the next call tells of another one");
	CHECK(read(fds[0], &byte, 1) == 1 && ready() == 2);
	CHECK(read(fds[0], &byte, 1) == 1 && ready() == 1);
	CHECK(modify(fds[1], 0) == 0 && ready() == 0);
	CHECK(modify(fds[1], EPOLLOUT) == 0 && ready() == 1 && got[0].data.fd == fds[1]);
	CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, fds[1], NULL) == 0 && ready() == 0);
	long begin = now_us();
	CHECK(epoll_wait(ep, got, 8, 15) == 0 && now_us() - begin >= 15000);
	struct timespec t = {0, 12000000};
	begin = now_us();
	long result = syscall(SYS_epoll_pwait2, ep, got, 8, &t, NULL, 0);
	CHECK_THAT((result == 0 && now_us() - begin >= 12000) || result == -1, "epoll_pwait2 (since Linux 5.11)");
	pid_t pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(write(fds[1], "x", 1) != 1);
	}
	CHECK_THAT(epoll_wait(ep, got, 8, 5000) == 1 && got[0].events == EPOLLIN, "a write elsewhere wakes it");
	wait_for(pid);
	CHECK_ERRNO_THAT(syscall(SYS_epoll_wait, ep, unmapped_address(), 1, 0), EFAULT, "a bad result pointer");
	CHECK_THAT(ready() == 1, "loses no event");
	read(fds[0], &byte, 1);
	epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL);
}

static void edges(void)
{
	char bytes[8];
	theme("edge triggered");
	CHECK(add(fds[0], EPOLLIN | EPOLLET) == 0 && ready() == 0);
	write(fds[1], "a", 1);
	CHECK(ready() == 1 && ready() == 0);
	write(fds[1], "b", 1);
	CHECK_THAT(ready() == 1, "more data is a new edge");
	CHECK_THAT(read(fds[0], bytes, 1) == 1 && ready() == 0, "what is left unread is none");
	CHECK_THAT(modify(fds[0], EPOLLIN | EPOLLET) == 0 && ready() == 1, "EPOLL_CTL_MOD looks again");
	read(fds[0], bytes, 8);
	epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL);
	write(fds[1], "c", 1);
	CHECK_THAT(add(fds[0], EPOLLIN | EPOLLET) == 0 && ready() == 1 && ready() == 0,
		   "what is ready at EPOLL_CTL_ADD is told once");
	read(fds[0], bytes, 8);
	theme("one-shot");
	CHECK(modify(fds[0], EPOLLIN | EPOLLONESHOT) == 0);
	write(fds[1], "d", 1);
	CHECK(ready() == 1 && ready() == 0);
	write(fds[1], "e", 1);
	CHECK_THAT(ready() == 0, "is silent until rearmed");
	CHECK(modify(fds[0], EPOLLIN | EPOLLONESHOT) == 0 && ready() == 1 && ready() == 0);
	read(fds[0], bytes, 8);
	epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL);
	theme("exclusive");
	CHECK(add(fds[0], EPOLLIN | EPOLLEXCLUSIVE) == 0);
	CHECK_ERRNO(modify(fds[0], EPOLLIN), EINVAL);
	epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL);
	CHECK_ERRNO(add(fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
	CHECK(add(fds[0], EPOLLIN) == 0);
	CHECK_ERRNO(modify(fds[0], EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
	epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL);
}

static void closing(void)
{
	int p[2], sv[2];
	char byte;
	theme("closing what is watched");
	REQUIRE(pipe(p) == 0);
	CHECK(add(p[0], EPOLLIN) == 0);
	write(p[1], "x", 1);
	CHECK(ready() == 1);
	int copy = dup(p[0]);
	close(p[0]);
	CHECK_THAT(ready() == 1, "it goes on while a duplicate is open");
	close(copy);
	CHECK_THAT(ready() == 0, "and ends with the last one");
	close(p[1]);
	REQUIRE(pipe(p) == 0);
	add(p[0], EPOLLIN);
	close(p[1]);
	CHECK_THAT(ready() == 1 && got[0].events == EPOLLHUP, "EPOLLHUP is told unasked");
	close(p[0]);
	REQUIRE(pipe(p) == 0);
	add(p[1], 0);
	close(p[0]);
	CHECK_THAT(ready() == 1 && got[0].events == EPOLLERR, "so is EPOLLERR");
	close(p[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	add(sv[0], EPOLLIN | EPOLLRDHUP | EPOLLET);
	shutdown(sv[1], SHUT_WR);
	CHECK(ready() == 1 && got[0].events == (EPOLLIN | EPOLLRDHUP));
	CHECK(read(sv[0], &byte, 1) == 0);
	close(sv[0]);
	close(sv[1]);
	CHECK(ready() == 0);
}

static void nesting(void)
{
	char byte;
	theme("nested epoll");
	int outer = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = 5};
	CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e) == 0);
	CHECK(epoll_wait(outer, got, 8, 0) == 0);
	add(fds[0], EPOLLIN);
	write(fds[1], "n", 1);
	CHECK_THAT(epoll_wait(outer, got, 8, 100) == 1 && got[0].data.u32 == 5, "the outer one tells of the inner one");
	struct pollfd p = {ep, POLLIN, 0};
	CHECK_THAT(poll(&p, 1, 0) == 1 && p.revents == POLLIN, "poll does too");
	read(fds[0], &byte, 1);
	CHECK(epoll_wait(outer, got, 8, 0) == 0);
	e.data.u32 = 6;
	CHECK_ERRNO_THAT(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &e), ELOOP, "a circle");
	int chain[8], last = outer, error = 0;
	for (int i = 0; i < 8 && !error; i++) {
		chain[i] = epoll_create1(0);
		error = epoll_ctl(chain[i], EPOLL_CTL_ADD, last, &e) ? errno : 0;
		last = chain[i];
	}
	CHECK_THAT(error == ELOOP || error == EINVAL, "a long chain is refused");
	close(outer);
	epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL);
}

static volatile sig_atomic_t count;

static void note(int number)
{
	count++;
}

static void others(void)
{
	sigset_t blocked, open;
	theme("epoll and the rest");
	sigemptyset(&open);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	signal(SIGUSR1, note);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	CHECK(epoll_pwait(ep, got, 8, 10, &blocked) == 0 && count == 0);
	CHECK_ERRNO(epoll_pwait(ep, got, 8, 1000, &open), EINTR);
	CHECK_THAT(count == 1, "epoll_pwait's mask lets the signal through");
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	int many[64], told = 0;
	for (int i = 0; i < 64; i++) {
		many[i] = eventfd(1, 0);
		add(many[i], EPOLLIN | EPOLLET);
	}
	for (int n; (n = ready()) > 0;)
		told += n;
	CHECK_THAT(told == 64, "64 descriptors, each once");
	for (int i = 0; i < 64; i++)
		close(many[i]);
	add(fds[0], EPOLLIN);
	CHECK_IN_CHILD_THAT(ready() == 0 && write(fds[1], "x", 1) == 1 && ready() == 1, "a forked child shares it");
	CHECK(ready() == 1);
	close(ep);
	CHECK_ERRNO(ready(), EBADF);
}

int main(void)
{
	limit_seconds(60);
	control();
	levels();
	edges();
	closing();
	nesting();
	others();
	return finish();
}
