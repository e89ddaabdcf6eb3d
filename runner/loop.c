/* SPDX-License-Identifier: Apache-2.0
 *
 * The I/O thread's epoll loop.
 *
 * System calls after confinement, for the policy tables (this file, stream.c, image_stream.c, vsock.c):
 *   I/O thread    epoll_pwait, read (eventfd, and what the callbacks of other modules read), write (eventfd)
 *   both threads  preadv2, writev, recvmsg, sendmsg (MSG_DONTWAIT, MSG_NOSIGNAL), poll, close,
 *                 write (eventfd), futex
 * vCPU threads run device code inline when the guest notifies, hence "both". epoll_ctl, openat, fstat, eventfd2 and
 * epoll_create1 are used during set-up only.
 */
#include "runner/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The watch with this index is the wake descriptor. */
enum { WAKE };

int loop_init(struct loop *loop, loop_callback *callback, void *context, struct error *error)
{
	*loop = (struct loop){.epoll = -1, .wake = -1};
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return error_errno(error, STATUS_RUNNER, "cannot create an epoll descriptor");
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake < 0) {
		error_errno(error, STATUS_RUNNER, "cannot create an event descriptor");
		loop_close(loop);
		return -1;
	}
	loop->watch[WAKE] = (struct loop_watch){.callback = callback, .context = context};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = WAKE};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event)) {
		error_errno(error, STATUS_RUNNER, "cannot watch the event descriptor");
		loop_close(loop);
		return -1;
	}
	return 0;
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_callback *callback, void *context, struct error *error)
{
	uint32_t i = WAKE + 1;
	while (i < LOOP_WATCHES_MAX && loop->watch[i].callback)
		i++;
	if (i == LOOP_WATCHES_MAX)
		return error_set(error, STATUS_RUNNER, "too many descriptors to watch (at most %d)",
				 LOOP_WATCHES_MAX - 1);
	struct epoll_event event = {.events = events, .data.u32 = i};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
		if (errno == EPERM)
			return 1;
		return error_errno(error, STATUS_RUNNER, "cannot watch descriptor %d", fd);
	}
	loop->watch[i] = (struct loop_watch){.callback = callback, .context = context};
	return 0;
}

void loop_wake(struct loop *loop)
{
	/* Fails only with EAGAIN, when 2^64 - 2 wakes are waiting already. */
	uint64_t one = 1;
	ssize_t n = write(loop->wake, &one, sizeof(one));
	(void)n;
}

void loop_stop(struct loop *loop)
{
	__atomic_store_n(&loop->stopped, true, __ATOMIC_RELEASE);
	loop_wake(loop);
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
	const struct loop_watch *watch = &loop->watch[event->data.u32];
	if (event->data.u32 == WAKE) {
		uint64_t count;
		ssize_t n = read(loop->wake, &count, sizeof(count));
		(void)n;
	}
	if (watch->callback)
		watch->callback(watch->context, event->events);
}

int loop_run(struct loop *loop, bool (*done)(void *context), void *context, struct error *error)
{
	struct epoll_event events[LOOP_WATCHES_MAX];
	while (!__atomic_load_n(&loop->stopped, __ATOMIC_ACQUIRE) && !(done && done(context))) {
		int n = epoll_pwait(loop->epoll, events, LOOP_WATCHES_MAX, -1, NULL);
		if (n < 0 && errno != EINTR)
			return error_errno(error, STATUS_RUNNER, "cannot wait for events");
		for (int i = 0; i < n; i++)
			dispatch(loop, &events[i]);
	}
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->wake >= 0)
		close(loop->wake);
	loop->epoll = loop->wake = -1;
}
