/* SPDX-License-Identifier: Apache-2.0
 *
 * mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2).
 */
#include <asm/siginfo.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/ipc/mqueue.h"
#include "guestkernel/ipc/msg.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/clock.h"
#include "guestkernel/syscall/syscall.h"

static int read_name(u64 from, char name[NAME_LIMIT + 1])
{
	long n = strncpy_from_user(name, user(from), NAME_LIMIT + 1);

	return n < 0 ? (int)n : 0;
}

SYSCALL(mq_open)
{
	char name[NAME_LIMIT + 1];
	struct k_mq_attr attr;
	struct file *file;
	int fd, error = d ? copy_from_user(&attr, user(d), sizeof(attr)) : 0;

	if (!error)
		error = read_name(a, name);
	if (!error)
		error = mqueue_open(name, (u32)b, (u32)c, d ? &attr : NULL, &file);
	if (error)
		return error;
	fd = fd_install(file, 0, true);
	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(mq_unlink)
{
	char name[NAME_LIMIT + 1];
	int error = read_name(a, name);

	return error ? error : mqueue_unlink(name);
}

/* The queue behind a descriptor that is open to be written (or read), with a reference to the file. */
static struct mqueue *get_queue(int fd, bool write, struct file **file)
{
	struct mqueue *q;

	*file = fd_get(fd);
	q = *file ? mqueue_of(*file) : NULL;
	if (q && (write ? file_writable(*file) : file_readable(*file)))
		return q;
	if (*file)
		file_put(*file);
	return NULL;
}

/* Time-outs are absolute, of the wall clock. */
static int read_deadline(u64 from, u64 *deadline)
{
	struct clock clock;
	u64 ns;
	int error = from ? timespec_from_user(user(from), &ns) : 0;

	*deadline = 0;
	if (error || !from)
		return error;
	clock_decode(CLOCK_REALTIME, &clock);
	*deadline = clock_to_boot_ns(&clock, ns);
	return 0;
}

/* What sending and receiving begin with: the deadline, and the queue with a reference to its file. */
static int begin(int fd, bool write, u64 timeout, struct file **file, struct mqueue **q, u64 *deadline)
{
	int error = read_deadline(timeout, deadline);

	if (error)
		return error;
	*q = get_queue(fd, write, file);
	return *q ? 0 : -EBADF;
}

static int send(struct file *file, u64 from, u64 size, u32 priority, u64 deadline)
{
	struct message *m = msg_alloc(priority, size);
	int error = m ? copy_from_user(m->text, user(from), size) : -ENOMEM;

	if (!error)
		error = mqueue_send(file, m, deadline);
	if (error && m)
		msg_free(m);
	return error;
}

SYSCALL(mq_timedsend)
{
	struct file *file;
	struct mqueue *q;
	u64 deadline;
	int error = (u32)d < MQ_PRIO_MAX ? begin((int)a, true, e, &file, &q, &deadline) : -EINVAL;

	if (error)
		return error;
	error = c > mqueue_message_size(q) ? -EMSGSIZE : send(file, b, c, (u32)d, deadline);
	file_put(file);
	return error;
}

static long receive(struct file *file, u64 to, u64 priority_to, u64 deadline)
{
	struct message *m;
	long result = mqueue_receive(file, deadline, &m);
	u32 priority;

	if (result)
		return result;
	priority = (u32)m->type;
	result = (long)m->size;
	if (copy_to_user(user(to), m->text, m->size) || (priority_to && put_user(user(priority_to), priority)))
		result = -EFAULT;
	msg_free(m);
	return result;
}

SYSCALL(mq_timedreceive)
{
	struct file *file;
	struct mqueue *q;
	u64 deadline;
	long result = begin((int)a, false, e, &file, &q, &deadline);

	if (result)
		return result;
	result = c < mqueue_message_size(q) ? -EMSGSIZE : receive(file, b, d, deadline);
	file_put(file);
	return result;
}

SYSCALL(mq_notify)
{
	struct {
		u64 value;
		s32 signo, notify;
		u8 rest[48];
	} event = {0};
	struct file *file;
	int error = b ? copy_from_user(&event, user(b), sizeof(event)) : 0;

	if (error)
		return error;
	if (b && event.notify != SIGEV_NONE && event.notify != SIGEV_SIGNAL)
		return -EINVAL;
	if (b && event.notify == SIGEV_SIGNAL && (event.signo < 1 || event.signo > 64))
		return -EINVAL;
	file = fd_get((int)a);
	if (!file || !mqueue_of(file))
		error = -EBADF;
	else
		error = mqueue_notify(file, b != 0, event.notify == SIGEV_SIGNAL ? event.signo : 0, event.value);
	if (file)
		file_put(file);
	return error;
}

SYSCALL(mq_getsetattr)
{
	struct k_mq_attr new = {0}, old;
	struct file *file;
	int error = b ? copy_from_user(&new, user(b), sizeof(new)) : 0;

	if (!error && new.flags & ~(s64)O_NONBLOCK)
		error = -EINVAL;
	if (error)
		return error;
	file = fd_get((int)a);
	if (!file || !mqueue_of(file)) {
		error = -EBADF;
	} else {
		mqueue_getattr(file, &old);
		if (b)
			file->flags = (file->flags & ~(u32)O_NONBLOCK) | (u32) new.flags;
		error = c ? copy_to_user(user(c), &old, sizeof(old)) : 0;
	}
	if (file)
		file_put(file);
	return error;
}
