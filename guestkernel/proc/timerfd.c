/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers as files: timerfd_create(2) and its kin.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/clock.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#define FLAG_ABSTIME	   1u /* TFD_TIMER_ABSTIME */
#define FLAG_CANCEL_ON_SET 2u /* the clock is never set: nothing to do */

struct timerfd {
	struct timer timer;
	struct clock clock;
	int clock_id;
	u32 flags; /* of the last timerfd_settime(2) */
	u64 interval_ns;
	u64 expirations; /* not yet read */
	struct wait_queue wait;
};

static void expired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	u64 missed = 0;

	if (t->interval_ns) {
		missed = (time_boot_ns() - timer->deadline_ns) / t->interval_ns;
		timer_arm(timer, timer->deadline_ns + (missed + 1) * t->interval_ns);
	}
	t->expirations += missed + 1;
	wake_up(&t->wait, EPOLLIN | EPOLLRDNORM);
}

/* An expiration whose event is still on its way counts for whoever asks now. */
static void refresh(struct timerfd *t)
{
	if (t->timer.armed && t->timer.deadline_ns <= time_boot_ns()) {
		timer_cancel(&t->timer);
		expired(&t->timer);
	}
}

static long timerfd_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct timerfd *t = file->data;
	u64 count;
	int error;

	if (uio->left < sizeof(count))
		return -EINVAL;
	refresh(t);
	if (!t->expirations && (file->flags & O_NONBLOCK))
		return -EAGAIN;
	error = wait_event_interruptible(&t->wait, t->expirations, 0);
	if (error)
		return error;
	count = t->expirations;
	t->expirations = 0;
	return uio_copy_to(uio, &count, sizeof(count)) == sizeof(count) ? (long)sizeof(count) : -EFAULT;
}

static u32 timerfd_poll(struct file *file, struct poll_table *table)
{
	struct timerfd *t = file->data;

	poll_wait(table, &t->wait);
	refresh(t);
	return t->expirations ? EPOLLIN : 0;
}

static void timerfd_release(struct file *file)
{
	struct timerfd *t = file->data;

	timer_cancel(&t->timer);
	kfree(t);
}

/* Until it expires; 0: it is not armed. */
static u64 left_ns(const struct timerfd *t)
{
	u64 now = time_boot_ns();

	if (!t->timer.armed)
		return 0;
	return t->timer.deadline_ns > now ? t->timer.deadline_ns - now : 1;
}

static void timerfd_fdinfo(struct file *file, char *buf, size_t size)
{
	struct timerfd *t = file->data;
	u64 second = 1000000000;

	refresh(t);
	u64 left = left_ns(t);
	ksnprintf(buf, size,
		  "clockid: %d\nticks: %lu\nsettime flags: 0%o\nit_value: (%lu, %lu)\nit_interval: (%lu, %lu)\n",
		  t->clock_id, t->expirations, t->flags, left / second, left % second, t->interval_ns / second,
		  t->interval_ns % second);
}

static const struct file_ops timerfd_ops = {.read = timerfd_read,
					    .poll = timerfd_poll,
					    .seek = noop_seek,
					    .release = timerfd_release,
					    .show_fdinfo = timerfd_fdinfo};

SYSCALL(timerfd_create)
{
	struct clock clock;
	struct timerfd *t;
	struct file *file;
	int fd, error = clock_check((int)a, CLOCK_TIMER);

	if ((b & ~(u64)(O_CLOEXEC | O_NONBLOCK)) || error || clock_decode((int)a, &clock) ||
	    clock.kind > CLOCK_KIND_BOOT || (int)a == CLOCK_TAI)
		return -EINVAL;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->clock = clock;
	t->clock_id = (int)a;
	t->timer.fn = expired;
	wait_queue_init(&t->wait);
	file = file_alloc_anon(&timerfd_ops, t, O_RDWR | (u32)(b & O_NONBLOCK), "anon_inode:[timerfd]");
	if (!file) {
		kfree(t);
		return -ENFILE;
	}
	fd = fd_install(file, 0, b & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

/* With a reference. */
static int get_timerfd(u64 fd, struct file **file)
{
	*file = fd_get((int)fd);
	if (!*file)
		return -EBADF;
	if ((*file)->ops == &timerfd_ops)
		return 0;
	file_put(*file);
	return -EINVAL;
}

static int write_state(u64 to, const struct timerfd *t)
{
	int error = timespec_to_user(user(to), t->interval_ns);

	return error ? error : timespec_to_user(user(to + sizeof(struct k_timespec)), left_ns(t));
}

static int set(struct timerfd *t, u64 flags, u64 new, u64 old)
{
	u64 interval, value;
	int error = timespec_from_user(user(new), &interval);

	if (!error)
		error = timespec_from_user(user(new + sizeof(struct k_timespec)), &value);
	if (!error && old)
		error = write_state(old, t);
	if (error)
		return error;
	timer_cancel(&t->timer);
	t->expirations = 0;
	t->interval_ns = interval;
	t->flags = (u32)flags;
	if (value)
		timer_arm(&t->timer, flags & FLAG_ABSTIME ? clock_to_boot_ns(&t->clock, value) : deadline_after(value));
	return 0;
}

SYSCALL(timerfd_settime)
{
	struct file *file;
	int error;

	if (b & ~(u64)(FLAG_ABSTIME | FLAG_CANCEL_ON_SET))
		return -EINVAL;
	error = get_timerfd(a, &file);
	if (error)
		return error;
	error = set(file->data, b, c, d);
	file_put(file);
	return error;
}

SYSCALL(timerfd_gettime)
{
	struct file *file;
	int error = get_timerfd(a, &file);

	if (error)
		return error;
	refresh(file->data);
	error = write_state(b, file->data);
	file_put(file);
	return error;
}
