/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns eventfd counters.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/eventfd.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define SEMAPHORE   1u /* EFD_SEMAPHORE */
#define COUNT_LIMIT (~0ull - 1)

struct eventfd {
	u64 count;
	bool semaphore;
	struct wait_queue wait;
};

static long eventfd_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct eventfd *e = file->data;
	if (uio->left < sizeof(u64))
		return -EINVAL;
	if (!e->count) {
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		int r = wait_event_interruptible(&e->wait, e->count, 0);
		if (r)
			return r;
	}
	u64 value = e->semaphore ? 1 : e->count;
	e->count -= value;
	wake_up(&e->wait, EPOLLOUT | EPOLLWRNORM);
	return uio_copy_to(uio, &value, sizeof(value)) == sizeof(value) ? (long)sizeof(value) : -EFAULT;
}

static long eventfd_write(struct file *file, struct uio *uio, u64 *pos)
{
	struct eventfd *e = file->data;
	u64 value;
	if (uio->left < sizeof(value))
		return -EINVAL;
	if (uio_copy_from(uio, &value, sizeof(value)) < sizeof(value))
		return -EFAULT;
	if (value == ~0ull)
		return -EINVAL;
	if (value > COUNT_LIMIT - e->count) {
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		int r = wait_event_interruptible(&e->wait, value <= COUNT_LIMIT - e->count, 0);
		if (r)
			return r;
	}
	e->count += value;
	wake_up(&e->wait, EPOLLIN | EPOLLRDNORM);
	return (long)sizeof(value);
}

static u32 eventfd_poll(struct file *file, struct poll_table *table)
{
	struct eventfd *e = file->data;
	poll_wait(table, &e->wait);
	return (e->count ? EPOLLIN : 0) | (e->count < COUNT_LIMIT ? EPOLLOUT : 0);
}

static void eventfd_release(struct file *file)
{
	kfree(file->data);
}

static void eventfd_fdinfo(struct file *file, char *buf, size_t size)
{
	ksnprintf(buf, size, "eventfd-count: %16lx\n", (unsigned long)((struct eventfd *)file->data)->count);
}

static const struct file_ops eventfd_ops = {.read = eventfd_read,
					    .write = eventfd_write,
					    .poll = eventfd_poll,
					    .seek = noop_seek,
					    .release = eventfd_release,
					    .show_fdinfo = eventfd_fdinfo};

int eventfd_create(u64 initial, u32 flags, struct file **out)
{
	struct eventfd *e = kzalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->count = initial;
	e->semaphore = flags & SEMAPHORE;
	wait_queue_init(&e->wait);
	*out = file_alloc_anon(&eventfd_ops, e, O_RDWR | (flags & O_NONBLOCK), "anon_inode:[eventfd]");
	if (*out)
		return 0;
	kfree(e);
	return -ENFILE;
}
