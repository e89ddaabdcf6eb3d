/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns files without a name that can be opened again through /proc/PID/fd or /dev/stdout, as pipes can: the new open
 * file description passes everything on to the first one. For streams that are presented to programs as FIFOs.
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"

static struct file *first_of(struct file *file)
{
	return file->data;
}

static long pass_read(struct file *file, struct uio *uio, u64 *pos)
{
	return file_read(first_of(file), uio, pos);
}

static long pass_write(struct file *file, struct uio *uio, u64 *pos)
{
	return file_write(first_of(file), uio, pos);
}

static u32 pass_poll(struct file *file, struct poll_table *table)
{
	return file_poll(first_of(file), table);
}

static long pass_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct file *first = first_of(file);
	return first->ops->ioctl ? first->ops->ioctl(first, cmd, arg) : -ENOTTY;
}

static long pass_splice_read(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct file *first = first_of(file);
	return first->ops->splice_read ? first->ops->splice_read(first, pipe, pos, len, flags) : -EINVAL;
}

static void pass_release(struct file *file)
{
	file_put(first_of(file));
}

static const struct file_ops pass_ops = {.read = pass_read,
					 .write = pass_write,
					 .poll = pass_poll,
					 .ioctl = pass_ioctl,
					 .splice_read = pass_splice_read,
					 .release = pass_release};

static int open_again(struct inode *inode, struct file *file)
{
	struct file *first = inode->data;
	if (!first)
		return -ENXIO; /* closed meanwhile */
	file_get(first);
	file->ops = &pass_ops;
	file->data = first;
	return 0;
}

static const struct inode_ops reopen_ops = {.open = open_again};

void file_make_reopenable(struct file *file)
{
	file->inode->ops = &reopen_ops;
	file->inode->data = file;
}

void file_reopen_gone(struct file *file)
{
	if (file->inode->ops == &reopen_ops && file->inode->data == file)
		file->inode->data = NULL;
}
