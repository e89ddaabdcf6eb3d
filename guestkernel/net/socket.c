/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets as files, and what all families share: creation, waiting, control messages.
 */
#include "guestkernel/fs/async.h"
#include "guestkernel/net/socket.h"

#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/net/netlink.h"
#include "guestkernel/net/scm.h"
#include "guestkernel/net/unix.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/proc/signal.h"
#include <asm/signal.h>
#include <linux/fcntl.h>

/* ---- files ---- */

static long socket_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct socket *s = file->data;
	struct socket_msg msg = {.uio = uio};
	if (!uio->left)
		return 0;
	long r = s->ops->recvmsg(s, &msg);
	scm_files_free(msg.files);
	return r;
}

static long socket_write(struct file *file, struct uio *uio, u64 *pos)
{
	struct socket *s = file->data;
	struct socket_msg msg = {.uio = uio};
	return s->ops->sendmsg(s, &msg);
}

static u32 socket_poll(struct file *file, struct poll_table *table)
{
	struct socket *s = file->data;
	return s->ops->poll(s, table);
}

static long socket_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct socket *s = file->data;
	return s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
}

static void socket_release(struct file *file)
{
	struct socket *s = file->data;
	s->ops->release(s);
}

static long socket_splice_read(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct socket *s = file->data;
	return s->ops->splice_read(s, pipe, len, flags);
}

/* For families that hand over pages. */
static const struct file_ops socket_splice_ops = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .async = async_nobody,
    .ioctl = socket_ioctl,
    .splice_read = socket_splice_read,
    .release = socket_release,
};

static const struct file_ops socket_file_ops = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .async = async_nobody,
    .ioctl = socket_ioctl,
    .release = socket_release,
};

struct file *socket_file(struct socket *s, u32 flags)
{
	struct inode *inode = anon_inode(K_S_IFSOCK | 0777);
	if (!inode)
		return NULL;
	struct file *file = file_alloc(s->ops->splice_read ? &socket_splice_ops : &socket_file_ops, inode,
				       O_RDWR | (flags & O_NONBLOCK));
	inode_put(inode);
	if (!file)
		return NULL;
	file->data = s;
	s->file = file;
	return file;
}

struct socket *socket_of(struct file *file)
{
	return file->ops == &socket_file_ops || file->ops == &socket_splice_ops ? file->data : NULL;
}

/* ---- creation ---- */

static const struct {
	int family;
	int (*create)(int type, int protocol, struct socket **out);
} families[] = {
    {K_AF_UNIX, unix_create},	    {K_AF_INET, inet_create},	{K_AF_INET6, inet6_create},
    {K_AF_NETLINK, netlink_create}, {K_AF_VSOCK, vsock_create},
};

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
	s->ops = ops;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->options.sndbuf = s->options.rcvbuf = SOCKET_BUFFER_DEFAULT;
	s->options.rcvlowat = 1;
}

int socket_create(int family, int type, int protocol, struct socket **out)
{
	if (type < 0 || type > 10)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i].family != family)
			continue;
		int r = families[i].create(type, protocol, out);
		if (!r && !(*out)->family)
			socket_init(*out, (*out)->ops, family, type, protocol);
		return r;
	}
	return -EAFNOSUPPORT;
}

/* ---- errors, waiting ---- */

int socket_take_error(struct socket *s)
{
	int error = s->error;
	s->error = 0;
	return -error;
}

long socket_broken_pipe(u32 msg_flags)
{
	if (!(msg_flags & K_MSG_NOSIGNAL))
		signal_broken_pipe();
	return -EPIPE;
}

static struct socket_timer start_timer(const struct socket *s, u32 msg_flags, u64 timeout_ns)
{
	struct socket_timer t = {0};
	t.nonblock = (msg_flags & K_MSG_DONTWAIT) || (s->file && (s->file->flags & O_NONBLOCK));
	t.timed = timeout_ns != 0;
	if (t.timed)
		t.deadline_ns = time_boot_ns() + timeout_ns;
	return t;
}

struct socket_timer socket_receive_timer(const struct socket *s, u32 msg_flags)
{
	return start_timer(s, msg_flags, s->options.receive_timeout_ns);
}

struct socket_timer socket_send_timer(const struct socket *s, u32 msg_flags)
{
	return start_timer(s, msg_flags, s->options.send_timeout_ns);
}

int socket_wait_result(const struct socket_timer *t, int result)
{
	if (result == -ETIMEDOUT)
		return -EAGAIN;
	/* A call with a time-out does not start over: it would wait for the whole time again. */
	return result == -ERESTARTSYS && t->timed ? -EINTR : result;
}

void sleep_lock_init(struct sleep_lock *lock)
{
	lock->held = false;
	wait_queue_init(&lock->wait);
}

void sleep_lock(struct sleep_lock *lock)
{
	if (unlikely(lock->held)) {
		struct wait_entry entry = {.exclusive = true};
		wait_add(&lock->wait, &entry);
		while (lock->held)
			sched_sleep(false, 0);
		wait_remove(&entry);
	}
	lock->held = true;
}

void sleep_unlock(struct sleep_lock *lock)
{
	lock->held = false;
	wake_up_one(&lock->wait, 0);
}

/* ---- control messages ---- */

void socket_put_cmsg(struct socket_msg *msg, int level, int type, const void *data, u32 len)
{
	struct k_cmsghdr head = {sizeof(head) + len, level, type};
	u64 left = msg->control_len - msg->control_used;
	if (!msg->control || left < sizeof(head)) {
		msg->out_flags |= K_MSG_CTRUNC;
		return;
	}
	if (left < head.len) {
		msg->out_flags |= K_MSG_CTRUNC;
		head.len = left;
	}
	kassert(msg->control_used + CMSG_SPACE_OF(len) <= CONTROL_OUT_MAX);
	u8 *at = (u8 *)msg->control + msg->control_used;
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), data, head.len - sizeof(head));
	msg->control_used += MIN(CMSG_SPACE_OF(len), left);
}

void socket_put_timestamp(struct socket *s, struct socket_msg *msg, u64 wall_ns)
{
	s64 time[2] = {(s64)(wall_ns / 1000000000), (s64)(wall_ns % 1000000000)};
	if (s->options.timestampns) {
		socket_put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_OLD, time, sizeof(time));
	} else if (s->options.timestamp) {
		time[1] /= 1000;
		socket_put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_OLD, time, sizeof(time));
	}
}
