/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that wait for files: poll, ppoll, select, pselect6, the epoll family, eventfd.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include "guestkernel/fs/epoll.h"
#include "guestkernel/fs/eventfd.h"
#include "guestkernel/fs/poll.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

/* ---- time-outs and signal masks ---- */

#define FEW_POLLS   8 /* kept on the stack */
#define NO_DEADLINE 0
#define ONLY_LOOK   1

static int deadline_of(const struct k_timespec *t, u64 *deadline)
{
	if (t->sec < 0 || t->nsec < 0 || t->nsec > 999999999)
		return -EINVAL;
	if (!t->sec && !t->nsec) {
		*deadline = ONLY_LOOK;
	} else {
		u64 sec = MIN((u64)t->sec, 10000000000ull); /* no overflow; far enough */
		*deadline = time_boot_ns() + sec * 1000000000 + (u64)t->nsec;
	}
	return 0;
}

static int deadline_user(u64 addr, u64 *deadline)
{
	struct k_timespec t;
	*deadline = NO_DEADLINE;
	if (!addr)
		return 0;
	return get_user(t, user(addr)) ? -EFAULT : deadline_of(&t, deadline);
}

static u64 deadline_ms(s64 ms)
{
	if (ms < 0)
		return NO_DEADLINE;
	return ms ? time_boot_ns() + (u64)ms * 1000000 : ONLY_LOOK;
}

/* The calls that change the program's time-out tell what is left of it, except after a fault in doing so. */
static void put_remaining(u64 addr, u64 deadline, bool timeval)
{
	u64 now = time_boot_ns(), left = deadline > now ? deadline - now : 0;
	if (!addr || deadline == NO_DEADLINE)
		return;
	struct k_timespec t = {(s64)(left / 1000000000), (s64)(left % 1000000000)};
	if (timeval)
		t.nsec /= 1000;
	if (put_user(user(addr), t))
		return;
}

/* The signal mask for the time of the call. */
static int set_mask(u64 addr, u64 size)
{
	u64 mask;
	if (!addr)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, user(addr)))
		return -EFAULT;
	current->saved_sigmask = current->sigmask;
	current->sigmask = mask & ~(1ull << 8 | 1ull << 18); /* SIGKILL, SIGSTOP */
	current->restore_sigmask = true;
	return 0;
}

/* After an interruption the old mask comes back only when the handler has run with the new one: signal delivery does
 * it. */
static void end_mask(long result)
{
	if (!current->restore_sigmask || result == -ERESTARTNOHAND || result == -EINTR)
		return;
	current->sigmask = current->saved_sigmask;
	current->restore_sigmask = false;
}

static long interrupted(long r)
{
	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}

/* ---- poll ---- */

struct k_pollfd {
	s32 fd;
	s16 events, revents;
};
#define NVAL 0x20 /* POLLNVAL */

static long poll_fds(struct k_pollfd *fds, size_t count, u64 deadline)
{
	struct poll_one few[FEW_POLLS], *list = count <= FEW_POLLS ? few : kcalloc(count, sizeof(*list));
	size_t invalid = 0;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct file *file = fds[i].fd < 0 ? NULL : fd_get(fds[i].fd);
		list[i] = (struct poll_one){.file = file, .events = (u16)fds[i].events};
		fds[i].revents = 0;
		if (fds[i].fd >= 0 && !file) {
			fds[i].revents = NVAL;
			invalid++;
		}
	}
	long r = poll_many(list, count, invalid ? ONLY_LOOK : deadline);
	for (size_t i = 0; i < count && r >= 0; i++)
		if (fds[i].revents != NVAL)
			fds[i].revents = (s16)list[i].result;
	if (list != few)
		kfree(list);
	return r < 0 ? r : r + (long)invalid;
}

static long poll_user(u64 addr, u64 count, u64 deadline)
{
	if (count > MIN(current->process->rlimit[7].cur, (u64)FD_LIMIT))
		return -EINVAL;
	struct k_pollfd few[FEW_POLLS], *fds = count <= FEW_POLLS ? few : kcalloc(count, sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	long r = -EFAULT;
	if (!copy_from_user(fds, user(addr), count * sizeof(*fds)))
		r = poll_fds(fds, count, deadline);
	for (size_t i = 0; i < count && r >= 0; i++) /* revents alone: another thread may be changing the rest */
		if (put_user(user(addr + i * sizeof(*fds) + offsetof(struct k_pollfd, revents)), fds[i].revents))
			r = -EFAULT;
	if (fds != few)
		kfree(fds);
	return r;
}

SYSCALL(poll)
{
	return interrupted(poll_user(a, (u32)b, deadline_ms((s32)c)));
}

SYSCALL(ppoll)
{
	u64 deadline;
	int r = deadline_user(c, &deadline);
	if (!r)
		r = set_mask(d, e);
	if (r)
		return r;
	long n = interrupted(poll_user(a, (u32)b, deadline));
	end_mask(n);
	put_remaining(c, deadline, false);
	return n;
}

/* ---- select ---- */

#define SELECT_IN  (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR)
#define SELECT_EX  EPOLLPRI

struct sets {
	u64 *bits[3]; /* in, out, exceptional; words each, in one allocation */
	size_t words;
	u64 addr[3];
};

static int load_sets(struct sets *s, u64 n, u64 in, u64 out, u64 ex)
{
	*s = (struct sets){.words = (n + 63) / 64, .addr = {in, out, ex}};
	s->bits[0] = kcalloc(MAX(3 * s->words, 1ul), sizeof(u64));
	if (!s->bits[0])
		return -ENOMEM;
	for (int i = 0; i < 3; i++) {
		s->bits[i] = s->bits[0] + (size_t)i * s->words;
		if (s->addr[i] && s->words && copy_from_user(s->bits[i], user(s->addr[i]), s->words * 8))
			return -EFAULT;
	}
	return 0;
}

static u32 events_of(const struct sets *s, u64 fd)
{
	static const u32 events[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};
	u32 all = 0;
	for (int i = 0; i < 3; i++)
		if (s->bits[i][fd / 64] >> fd % 64 & 1)
			all |= events[i];
	return all;
}

/* Turns results into bits; returns how many. */
static long store_results(struct sets *s, const struct poll_one *list, u64 n)
{
	static const u32 events[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};
	long bits = 0;
	for (u64 fd = 0; fd < n; fd++)
		for (int i = 0; i < 3; i++) {
			u64 bit = 1ull << fd % 64;
			if (!(s->bits[i][fd / 64] & bit))
				continue;
			if (list[fd].result & events[i])
				bits++;
			else
				s->bits[i][fd / 64] &= ~bit;
		}
	for (int i = 0; i < 3; i++)
		if (s->addr[i] && s->words && copy_to_user(user(s->addr[i]), s->bits[i], s->words * 8))
			return -EFAULT;
	return bits;
}

static long select_files(struct sets *s, u64 n, u64 deadline)
{
	struct poll_one *list = kcalloc(MAX(n, 1ull), sizeof(*list));
	long r = 0;
	if (!list)
		return -ENOMEM;
	for (u64 fd = 0; fd < n && !r; fd++) {
		u32 events = events_of(s, fd);
		if (!events)
			continue;
		list[fd] = (struct poll_one){.file = fd_get((int)fd), .events = events};
		if (!list[fd].file)
			r = -EBADF;
	}
	if (r)
		poll_many(list, n, ONLY_LOOK); /* drops the references */
	else
		r = poll_many(list, n, deadline);
	if (r >= 0)
		r = store_results(s, list, n);
	kfree(list);
	return r;
}

static long do_select(s64 n, u64 in, u64 out, u64 ex, u64 deadline)
{
	struct sets s;
	if (n < 0)
		return -EINVAL;
	/* Bits beyond the table are not looked at: select(2). */
	u64 count = MIN((u64)n, (u64)files_slots(current->process->files));
	long r = load_sets(&s, count, in, out, ex);
	if (!r)
		r = select_files(&s, count, deadline);
	kfree(s.bits[0]);
	return interrupted(r);
}

SYSCALL(select)
{
	struct k_timeval tv;
	u64 deadline = NO_DEADLINE;
	if (e) {
		if (get_user(tv, user(e)))
			return -EFAULT;
		if (tv.sec < 0 || tv.usec < 0)
			return -EINVAL;
		/* A sum that is too large comes out negative, which is refused. */
		struct k_timespec t = {(s64)((u64)tv.sec + (u64)tv.usec / 1000000), tv.usec % 1000000 * 1000};
		int r = deadline_of(&t, &deadline);
		if (r)
			return r;
	}
	long n = do_select((s32)a, b, c, d, deadline);
	put_remaining(e, deadline, true);
	return n;
}

SYSCALL(pselect6)
{
	struct {
		u64 mask, size;
	} sig = {0, 0};
	u64 deadline;
	if (f && get_user(sig, user(f)))
		return -EFAULT;
	int r = deadline_user(e, &deadline);
	if (!r)
		r = set_mask(sig.mask, sig.size);
	if (r)
		return r;
	long n = do_select((s32)a, b, c, d, deadline);
	end_mask(n);
	put_remaining(e, deadline, false);
	return n;
}

/* ---- epoll ---- */

static long install(int r, struct file *file, bool cloexec)
{
	if (r)
		return r;
	int fd = fd_install(file, 0, cloexec);
	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(epoll_create)
{
	struct file *file = NULL;
	if ((int)a <= 0)
		return -EINVAL;
	int r = epoll_create_file(0, &file);
	return install(r, file, false);
}

SYSCALL(epoll_create1)
{
	struct file *file = NULL;
	if (a & ~(u64)EPOLL_CLOEXEC)
		return -EINVAL;
	int r = epoll_create_file(0, &file);
	return install(r, file, a & EPOLL_CLOEXEC);
}

SYSCALL(epoll_ctl)
{
	struct k_epoll_event event = {0, 0};
	if ((int)b != EPOLL_CTL_DEL && get_user(event, user(d)))
		return -EFAULT;
	GET_FILE(epoll, a);
	GET_FILE(target, c);
	return epoll_control(epoll, (int)b, (int)c, target, &event);
}

static long do_epoll_wait(u64 fd, u64 events, u64 max, u64 deadline)
{
	if ((int)max <= 0 || (int)max > (int)(0x7fffffff / sizeof(struct k_epoll_event)))
		return -EINVAL;
	GET_FILE(epoll, fd);
	if (!file_is_epoll(epoll))
		return -EINVAL;
	long r = epoll_wait_events(epoll, user(events), (int)max, deadline);
	return r == -ERESTARTSYS ? -EINTR : r; /* never restarted: signal(7) */
}

SYSCALL(epoll_wait)
{
	return do_epoll_wait(a, b, c, deadline_ms((s32)d));
}

SYSCALL(epoll_pwait)
{
	int r = set_mask(e, f);
	if (r)
		return r;
	long n = do_epoll_wait(a, b, c, deadline_ms((s32)d));
	end_mask(n);
	return n;
}

SYSCALL(epoll_pwait2)
{
	u64 deadline;
	int r = deadline_user(d, &deadline);
	if (!r)
		r = set_mask(e, f);
	if (r)
		return r;
	long n = do_epoll_wait(a, b, c, deadline);
	end_mask(n);
	return n;
}

/* ---- eventfd ---- */

#define EFD_FLAGS (1u | O_NONBLOCK | O_CLOEXEC) /* EFD_SEMAPHORE and the usual two */

SYSCALL(eventfd2)
{
	struct file *file = NULL;
	if (b & ~(u64)EFD_FLAGS)
		return -EINVAL;
	int r = eventfd_create((u32)a, (u32)b, &file);
	return install(r, file, b & O_CLOEXEC);
}

SYSCALL(eventfd)
{
	struct file *file = NULL;
	int r = eventfd_create((u32)a, 0, &file);
	return install(r, file, false);
}
