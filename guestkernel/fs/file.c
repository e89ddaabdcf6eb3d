/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns open file descriptions: their life, and what read and write check before the file's own operation runs.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <asm/signal.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/epoll.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/lease.h"
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/signal.h"

u64 files_open;

struct file *file_alloc(const struct file_ops *ops, struct inode *inode, u32 flags)
{
	if (files_open >= FILES_LIMIT)
		return NULL;
	struct file *file = kzalloc(sizeof(*file));
	if (!file)
		return NULL;
	file->refs = 1;
	file->flags = flags;
	file->ops = ops;
	file->inode = inode;
	inode_get(inode);
	list_init(&file->epoll_items);
	files_open++;
	return file;
}

struct file *file_alloc_anon(const struct file_ops *ops, void *data, u32 flags, const char *name)
{
	struct inode *inode = anon_inode(0600);
	if (!inode)
		return NULL;
	struct file *file = file_alloc(ops, inode, flags);
	inode_put(inode);
	if (file) {
		file->data = data;
		file->anon_name = name;
	}
	return file;
}

s64 file_seek_from(struct file *file, s64 base, s64 offset)
{
	s64 at;

	if (__builtin_add_overflow(base, offset, &at) || at < 0)
		return -EINVAL;
	file->pos = (u64)at;
	return at;
}

bool file_has_position(const struct file *file)
{
	return file->ops->seek && file->ops->seek != noop_seek;
}

int file_check_span(const struct file *file, u64 pos, u64 len)
{
	return file->ops->seek && (s64)pos >= 0 && (s64)(pos + len) < 0 ? -EINVAL : 0;
}

void file_get(struct file *file)
{
	file->refs++;
}

void file_count_open(const struct file *file, int change)
{
	struct inode *inode = file->inode;
	if (!inode_is(inode, K_S_IFREG))
		return;
	*(file_writable(file) ? &inode->writers : &inode->readers) += (u32)change;
	if (file_writable(file) && file->path.mount)
		file->path.mount->writers += (u32)change;
}

void file_put(struct file *file)
{
	if (--file->refs)
		return;
	struct inode *inode = file->inode;
	bool opened = !(file->flags & O_PATH);
	file->refs = 1; /* callbacks may take and drop references */
	epoll_file_gone(file);
	lease_release(file);
	async_file_gone(file);
	locks_release(file);
	file_reopen_gone(file);
	if (opened && file->path.dentry)
		inotify_path(&file->path, file_writable(file) ? IN_CLOSE_WRITE_EVENT : IN_CLOSE_NOWRITE_EVENT);
	if (opened && file->ops->release)
		file->ops->release(file);
	if (opened && file->path.dentry)
		file_count_open(file, -1);
	if (file->executes)
		inode->execs--;
	path_put(&file->path);
	inode_put(inode);
	kfree(file);
	files_open--;
}

long file_read(struct file *file, struct uio *uio, u64 *pos)
{
	if (!file_readable(file))
		return -EBADF;
	if (!file->ops->read)
		return inode_is(file->inode, K_S_IFDIR) ? -EISDIR : -EINVAL;
	long n = file->ops->read(file, uio, pos);
	if (n > 0 && inotify_watches && file->path.dentry)
		inotify_path(&file->path, IN_ACCESS_EVENT);
	return n;
}

long file_write_room(const struct file *file, u64 pos, u64 len)
{
	u64 limit = current && current->process ? current->process->rlimit[1].cur : K_RLIM_INFINITY;
	if (!inode_is(file->inode, K_S_IFREG) || !len)
		return (long)len;
	if (file->flags & O_APPEND)
		pos = file->inode->size;
	if (pos >= limit) {
		signal_send_thread(current, SIGXFSZ, NULL);
		return -EFBIG;
	}
	if (pos >= INT64_MAX)
		return -EFBIG;
	return (long)MIN(len, limit - pos);
}

long file_write(struct file *file, struct uio *uio, u64 *pos)
{
	if (!file_writable(file))
		return -EBADF;
	if (!file->ops->write)
		return -EINVAL;
	u64 wanted = uio->left;
	long n = pos ? file_write_room(file, *pos, wanted) : (long)wanted;
	if (n >= 0) {
		uio->left = (u64)n;
		n = file->ops->write(file, uio, pos);
	}
	if (unlikely(file->async) && (n == -EAGAIN || (n > 0 && (u64)n < wanted)))
		async_full(file);
	if (n > 0 && inotify_watches && file->path.dentry)
		inotify_path(&file->path, IN_MODIFY_EVENT);
	return n;
}

s64 noop_seek(struct file *file, s64 offset, int whence)
{
	return (s64)file->pos;
}

u32 file_poll(struct file *file, struct poll_table *table)
{
	if (!file->ops->poll)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	return file->ops->poll(file, table);
}

long file_read_kernel(struct file *file, void *buf, size_t n, u64 pos)
{
	size_t done = 0;
	while (done < n) {
		struct iov one;
		struct uio uio;
		uio_init_kernel(&uio, &one, (char *)buf + done, n - done);
		long r = file->ops->read ? file->ops->read(file, &uio, &pos) : -EINVAL;
		if (r < 0)
			return r;
		if (!r)
			break;
		done += (size_t)r;
	}
	return (long)done;
}

long file_write_kernel(struct file *file, const void *buf, size_t n, u64 *pos)
{
	struct iov one;
	struct uio uio;
	uio_init_kernel(&uio, &one, (void *)buf, n);
	return file_write(file, &uio, pos);
}
