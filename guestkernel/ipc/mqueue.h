/* SPDX-License-Identifier: Apache-2.0
 *
 * POSIX message queues: mq_overview(7). Names are one flat list; an open queue is a file.
 */
#ifndef GUESTKERNEL_IPC_MQUEUE_H
#define GUESTKERNEL_IPC_MQUEUE_H

#include "guestkernel/types.h"

struct file;

struct k_mq_attr {
	s64 flags, maxmsg, msgsize, curmsgs, reserved[4];
};
_Static_assert(sizeof(struct k_mq_attr) == 64, "mq_attr");

#define MQ_PRIO_MAX 32768u

/* name: without the slash at its beginning; flags O_*; attr NULL: defaults. -EACCES, -EEXIST, -EINVAL, -ENOENT,
 * -ENOSPC, -ENOMEM, -ENFILE */
int mqueue_open(const char *name, u32 flags, u32 mode, const struct k_mq_attr *attr, struct file **out);
int mqueue_unlink(const char *name); /* -ENOENT, -EACCES */

struct mqueue;
struct message;
/* The queue of a file, or NULL: EBADF. */
struct mqueue *mqueue_of(struct file *file);
u64 mqueue_message_size(const struct mqueue *q);
/* Take the message over when they return 0. deadline in ns since boot, 0: none. -EAGAIN, -ETIMEDOUT, -ERESTARTSYS */
int mqueue_send(struct file *file, struct message *m, u64 deadline_ns);
int mqueue_receive(struct file *file, u64 deadline_ns, struct message **out);
void mqueue_getattr(struct file *file, struct k_mq_attr *attr);
/* One signal (0: none) when a message comes to the empty queue. register false: no longer. -EBUSY */
int mqueue_notify(struct file *file, bool on, int signo, u64 value);

#endif
