/* SPDX-License-Identifier: Apache-2.0
 *
 * epoll, eventfd, poll and select. On both sides of fs_stub.h where nothing has to sleep.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_test.h"

static int p[2];
static struct epoll_event got[8];

static long add(long ep, int op, long fd, u32 events, u64 data)
{
	struct epoll_event e = {.events = events, .data.u64 = data};
	return call(epoll_ctl, ep, op, fd, &e);
}

static long wait_now(long ep)
{
	memset(got, 0, sizeof(got));
	return call(epoll_wait, ep, got, 8, 0);
}

static void body_level(void)
{
	char c;
	long ep = call(epoll_create1, EPOLL_CLOEXEC);
	is(0, call(pipe2, p, O_NONBLOCK));
	is(0, add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 77));
	is(-EEXIST, add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 77));
	is(0, wait_now(ep));
	is(2, call(write, p[1], "ab", 2));
	is(1, wait_now(ep));
	is(EPOLLIN, got[0].events);
	is(77, got[0].data.u64);
	is(1, wait_now(ep)); /* still there */
	is(1, call(read, p[0], &c, 1));
	is(1, wait_now(ep));
	is(1, call(read, p[0], &c, 1));
	is(0, wait_now(ep));
	is(0, add(ep, EPOLL_CTL_MOD, p[0], EPOLLOUT, 1));
	is(1, call(write, p[1], "c", 1));
	is(0, wait_now(ep));
	is(0, add(ep, EPOLL_CTL_MOD, p[0], EPOLLIN, 2));
	is(1, wait_now(ep));
	is(2, got[0].data.u64);
	is(0, call(close, p[1]));
	is(1, wait_now(ep));
	is(EPOLLIN | EPOLLHUP, got[0].events);
	is(0, add(ep, EPOLL_CTL_DEL, p[0], 0, 0));
	is(0, wait_now(ep));
	is(-ENOENT, add(ep, EPOLL_CTL_DEL, p[0], 0, 0));
	is(-ENOENT, add(ep, EPOLL_CTL_MOD, p[0], 0, 0));
	is(0, call(close, p[0]));
	is(0, call(close, ep));
}

static void body_edge(void)
{
	char c;
	long ep = call(epoll_create1, 0);
	is(0, call(pipe2, p, O_NONBLOCK));
	is(0, add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 1));
	is(0, add(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLET, 2));
	is(1, wait_now(ep)); /* the write end, once */
	is(2, got[0].data.u64);
	is(0, wait_now(ep));
	is(2, call(write, p[1], "ab", 2));
	is(1, wait_now(ep));
	is(1, got[0].data.u64);
	is(0, wait_now(ep));
	is(1, call(read, p[0], &c, 1)); /* no new edge by reading a part */
	is(0, wait_now(ep));
	is(1, call(write, p[1], "c", 1)); /* each write is an edge */
	is(1, wait_now(ep));
	is(0, add(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 3));
	is(1, wait_now(ep));
	is(3, got[0].data.u64);
	is(1, call(write, p[1], "d", 1));
	is(0, wait_now(ep));
	is(0, add(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 4));
	is(1, wait_now(ep));
	/* A closed file leaves by itself, but not while a duplicate lives. */
	is(0, add(ep, EPOLL_CTL_MOD, p[0], EPOLLIN, 5));
	long copy = call(dup, p[0]);
	is(0, call(close, p[0]));
	is(1, wait_now(ep));
	is(5, got[0].data.u64);
	is(0, call(close, copy));
	is(1, wait_now(ep)); /* the write end is at EPOLLERR now */
	is(2, got[0].data.u64);
	is_true(got[0].events & EPOLLERR);
	is(0, call(close, p[1]));
	is(0, wait_now(ep));
	is(0, call(close, ep));
}

static void body_errors(void)
{
	long ep = call(epoll_create1, 0), other = call(epoll_create, 1);
	is(-EINVAL, call(epoll_create, 0));
	is(-EINVAL, call(epoll_create1, 1));
	is(0, call(pipe2, p, 0));
	long file = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(-EPERM, add(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0));
	is(-EBADF, add(ep, EPOLL_CTL_ADD, 99, EPOLLIN, 0));
	is(-EBADF, add(99, EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	is(-EINVAL, add(p[1], EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	is(-EINVAL, add(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	is(-EINVAL, add(ep, 9, p[0], EPOLLIN, 0));
	is(-EFAULT, call(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], 8));
	is(-EINVAL, call(epoll_wait, ep, got, 0, 0));
	is(-EINVAL, call(epoll_wait, ep, got, -1, 0));
	is(-EINVAL, call(epoll_wait, p[0], got, 1, 0));
	is(0, add(ep, EPOLL_CTL_ADD, other, EPOLLIN, 1));
	is(-ELOOP, add(other, EPOLL_CTL_ADD, ep, EPOLLIN, 1));
	/* Nested: readiness below shows above. */
	is(0, add(other, EPOLL_CTL_ADD, p[0], EPOLLIN, 2));
	is(0, wait_now(ep));
	is(1, call(write, p[1], "x", 1));
	is(1, wait_now(ep));
	is(1, got[0].data.u64);
	is(1, wait_now(other));
	is(2, got[0].data.u64);
	struct pollfd one = {(int)ep, POLLIN, 0};
	is(1, call(poll, &one, 1, 0));
	is(POLLIN, one.revents);
	/* Exclusive wake-ups have rules of their own. */
	is(0, add(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLEXCLUSIVE, 3));
	is(-EINVAL, add(ep, EPOLL_CTL_MOD, p[1], EPOLLOUT, 3));
	call(close, file);
	call(close, ep);
	call(close, other);
	call(close, p[0]);
	call(close, p[1]);
}

static void body_eventfd(void)
{
	u64 value = 5;
	long fd = call(eventfd2, 3, EFD_NONBLOCK);
	is(8, call(write, fd, &value, 8));
	is(8, call(read, fd, &value, 8));
	is(8, value);
	is(-EAGAIN, call(read, fd, &value, 8));
	is(-EINVAL, call(read, fd, &value, 4));
	value = ~0ull;
	is(-EINVAL, call(write, fd, &value, 8));
	value = ~0ull - 1;
	is(8, call(write, fd, &value, 8));
	value = 1;
	is(-EAGAIN, call(write, fd, &value, 8));
	struct pollfd one = {(int)fd, POLLIN | POLLOUT, 0};
	is(1, call(poll, &one, 1, 0));
	is(POLLIN, one.revents);
	is(0, call(close, fd));
	fd = call(eventfd2, 2, EFD_NONBLOCK | EFD_SEMAPHORE);
	is(8, call(read, fd, &value, 8));
	is(1, value);
	is(8, call(read, fd, &value, 8));
	is(-EAGAIN, call(read, fd, &value, 8));
	is(0, call(lseek, fd, 5, SEEK_SET));
	is(0, call(close, fd));
	is(-EINVAL, call(eventfd2, 0, 2));
}

static void body_select(void)
{
	fd_set in, out, ex;
	struct timeval zero = {0, 0};
	is(0, call(pipe2, p, 0));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	FD_SET(p[1], &ex);
	is(1, call(select, p[1] + 1, &in, &out, &ex, &zero));
	is_true(!FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out) && !FD_ISSET(p[1], &ex));
	is(1, call(write, p[1], "x", 1));
	FD_SET(p[0], &in);
	is(2, call(select, p[1] + 1, &in, &out, NULL, &zero));
	is(-EINVAL, call(select, -1, &in, NULL, NULL, &zero));
	FD_ZERO(&in);
	FD_SET(60, &in);
	is(-EBADF, call(select, 61, &in, NULL, NULL, &zero));
	zero.tv_sec = -1;
	is(-EINVAL, call(select, 0, NULL, NULL, NULL, &zero));
	is(-EFAULT, call(select, 5, 8, NULL, NULL, NULL));
	/* Time-outs: what is left comes back. */
	struct timespec t = {0, 1000000};
	struct pollfd one = {p[0], 0, 0};
	is(1, call(read, p[0], &in, 1));
	is(0, call(ppoll, &one, 1, &t, NULL, 8));
	is(0, t.tv_nsec);
	t.tv_nsec = 1000000000;
	is(-EINVAL, call(ppoll, &one, 1, &t, NULL, 8));
	u64 mask = 0;
	t.tv_nsec = 0;
	is(-EINVAL, call(ppoll, &one, 1, &t, &mask, 4));
	is(0, call(ppoll, &one, 1, &t, &mask, 8));
	is(0, call(poll, NULL, 0, 1));
	is(-EFAULT, call(poll, 8, 1, 0));
	is(-EINVAL, call(poll, NULL, 1 << 28, 0));
	one.fd = -3;
	one.revents = 7;
	is(0, call(poll, &one, 1, 0));
	is(0, one.revents);
	call(close, p[0]);
	call(close, p[1]);
}

static void feed(void)
{
	fs_sleep_hook = NULL;
	is(1, call(write, p[1], "x", 1));
}

static void body_sleep(void)
{
	long ep = call(epoll_create1, 0);
	is(0, call(pipe2, p, 0));
	is(0, add(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 7));
	u64 before = stub_now_ns;
	is(0, call(epoll_wait, ep, got, 8, 20));
	is(before + 20000000, stub_now_ns);
	is(-EINTR, call(epoll_wait, ep, got, 8, -1));
	fs_sleep_hook = feed;
	is(1, call(epoll_wait, ep, got, 8, -1));
	char c;
	is(1, call(read, p[0], &c, 1));
	struct pollfd many[20];
	for (int i = 0; i < 20; i++)
		many[i] = (struct pollfd){p[0], POLLIN, 0};
	fs_sleep_hook = feed;
	is(20, call(poll, many, 20, -1));
	is(1, call(read, p[0], &c, 1));
	is(-514, call(poll, many, 20, -1)); /* ERESTARTNOHAND */
	is(0, call(poll, many, 20, 5));
	/* Nobody may be left standing on a queue. */
	is(1, call(write, p[1], "x", 1));
	call(close, p[0]);
	call(close, p[1]);
	call(close, ep);
}

BOTH(level)
BOTH(edge)
BOTH(errors)
BOTH(eventfd)
BOTH(select)
OURS_ONLY(sleep)

int main(void)
{
	const struct CMUnitTest tests[] = {TESTS(level),   TESTS(edge),	  TESTS(errors),
					   TESTS(eventfd), TESTS(select), TEST_OURS(sleep)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
