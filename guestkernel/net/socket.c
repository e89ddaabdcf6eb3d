/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets as files.
 */
#include "guestkernel/net/socket.h"

#include "guestkernel/mm/page.h"
#include <linux/fcntl.h>

static long socket_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct socket *s = file->data;
	struct socket_msg msg = {.uio = uio};
	return s->ops->recvmsg(s, &msg);
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
	.ioctl = socket_ioctl,
	.splice_read = socket_splice_read,
	.release = socket_release,
};

static const struct file_ops socket_file_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

struct file *socket_file(struct socket *s, u32 flags)
{
	struct inode *inode = anon_inode(K_S_IFSOCK | 0777);
	if (!inode)
		return NULL;
	struct file *file = file_alloc(s->ops->splice_read ? &socket_splice_ops : &socket_file_ops, inode, O_RDWR | (flags & O_NONBLOCK));
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
