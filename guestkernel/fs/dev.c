/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the table of character devices, the memory devices (null, zero, full, random), and the standard nodes of /dev.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/random.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"

static struct list devices = LIST_INIT(devices);
static struct dentry *dev_root;

void dev_register(struct chrdev *dev)
{
	list_append(&devices, &dev->link);
}

int dev_open(struct inode *inode, struct file *file)
{
	struct chrdev *dev;
	if (!inode_is(inode, K_S_IFCHR))
		return -ENXIO;
	list_for_each (dev, &devices, link) {
		if (inode->rdev < dev->rdev || inode->rdev >= dev->rdev + dev->count)
			continue;
		if (!dev->open) {
			file->ops = dev->ops;
			return 0;
		}
		return dev->open(inode, file);
	}
	return -ENXIO;
}

/* ---- memory devices ---- */

static long null_read(struct file *file, struct uio *uio, u64 *pos)
{
	return 0;
}

static long null_write(struct file *file, struct uio *uio, u64 *pos)
{
	size_t n = uio->left;
	uio->left = 0;
	return (long)n;
}

static long null_splice_write(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	size_t done = 0;
	while (done < len && pipe_peek(pipe)) {
		u32 n = (u32)MIN((u64)pipe_peek(pipe)->len, len - done);
		pipe_consume(pipe, n);
		done += n;
	}
	return (long)done;
}

static long zero_read(struct file *file, struct uio *uio, u64 *pos)
{
	size_t n = uio->left, moved = uio_zero(uio, n);
	return moved || !n ? (long)moved : -EFAULT;
}

static int zero_mmap(struct file *file, struct vma *vma)
{
	struct file *memory;
	if (!(vma->flags & VMA_SHARED)) { /* plain anonymous memory */
		file_put(vma->file);
		vma->file = NULL;
		return 0;
	}
	int r = shmem_file_create(vma->end - vma->start, &memory);
	if (r)
		return r;
	file_put(vma->file);
	vma->file = memory;
	vma->pgoff = 0;
	return 0;
}

static long full_write(struct file *file, struct uio *uio, u64 *pos)
{
	return -ENOSPC;
}

static long random_read(struct file *file, struct uio *uio, u64 *pos)
{
	u8 block[256];
	size_t done = 0;
	while (uio->left) {
		size_t n = MIN(uio->left, sizeof(block));
		random_bytes(block, n);
		size_t moved = uio_copy_to(uio, block, n);
		done += moved;
		if (moved < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

/* The pool has enough of its own: the bytes are only fetched. */
static long random_write(struct file *file, struct uio *uio, u64 *pos)
{
	u8 block[256];
	size_t done = 0;
	while (uio->left && !current->killed) {
		size_t n = MIN(uio->left, sizeof(block)), moved = uio_copy_from(uio, block, n);
		done += moved;
		if (moved < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

/* /dev/random asks for entropy (EPOLLOUT) only while it lacks it. */
static u32 random_poll(struct file *file, struct poll_table *table)
{
	return EPOLLIN | EPOLLRDNORM;
}

static long random_ioctl(struct file *file, u32 cmd, u64 arg)
{
	int bits = 256;
	if (cmd == RNDGETENTCNT)
		return put_user(user(arg), bits);
	return cmd == RNDADDTOENTCNT || cmd == RNDADDENTROPY ? -EPERM : -EINVAL;
}

static s64 null_seek(struct file *file, s64 offset, int whence)
{
	return (s64)(file->pos = 0);
}

static const struct file_ops null_ops = {
    .read = null_read, .write = null_write, .seek = null_seek, .splice_write = null_splice_write};
static const struct file_ops zero_ops = {
    .read = zero_read, .write = null_write, .seek = null_seek, .mmap = zero_mmap, .splice_write = null_splice_write};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .seek = null_seek};
static const struct file_ops random_ops = {
    .read = random_read, .write = random_write, .ioctl = random_ioctl, .poll = random_poll, .seek = null_seek};
static const struct file_ops urandom_ops = {
    .read = random_read, .write = random_write, .ioctl = random_ioctl, .seek = null_seek};

static struct chrdev memory_devices[] = {
    {.rdev = DEV(1, 3), .count = 1, .ops = &null_ops},	  {.rdev = DEV(1, 5), .count = 1, .ops = &zero_ops},
    {.rdev = DEV(1, 7), .count = 1, .ops = &full_ops},	  {.rdev = DEV(1, 8), .count = 1, .ops = &random_ops},
    {.rdev = DEV(1, 9), .count = 1, .ops = &urandom_ops},
};

/* ---- /dev ---- */

static const struct {
	const char *name;
	u32 mode;
	u64 rdev;
	const char *target;
} nodes[] = {
    {"null", K_S_IFCHR | 0666, DEV(1, 3), NULL},
    {"zero", K_S_IFCHR | 0666, DEV(1, 5), NULL},
    {"full", K_S_IFCHR | 0666, DEV(1, 7), NULL},
    {"random", K_S_IFCHR | 0666, DEV(1, 8), NULL},
    {"urandom", K_S_IFCHR | 0666, DEV(1, 9), NULL},
    {"tty", K_S_IFCHR | 0666, DEV(5, 0), NULL},
    {"console", K_S_IFCHR | 0600, DEV(5, 1), NULL},
    {"ptmx", K_S_IFCHR | 0666, DEV(5, 2), NULL},
    {"fd", K_S_IFLNK | 0777, 0, "/proc/self/fd"},
    {"stdin", K_S_IFLNK | 0777, 0, "/proc/self/fd/0"},
    {"stdout", K_S_IFLNK | 0777, 0, "/proc/self/fd/1"},
    {"stderr", K_S_IFLNK | 0777, 0, "/proc/self/fd/2"},
    {"shm", K_S_IFDIR | 01777, 0, NULL},
    {"pts", K_S_IFDIR | 0755, 0, NULL},
};

static int make_node(struct dentry *root, const char *name, u32 mode, u64 rdev, const char *target)
{
	const struct inode_ops *ops = root->inode->ops;
	struct inode *inode;
	int r = target ? ops->symlink(root->inode, root, target, &inode)
		       : ops->create(root->inode, root, mode, rdev, &inode);
	return r ? r : dentry_make(root, name, inode, NULL);
}

int dev_make_node(const char *name, u32 mode, u64 rdev)
{
	return dev_root ? make_node(dev_root, name, mode, rdev, NULL) : -ENOENT;
}

int devtmpfs_create(const char *options, struct superblock **out)
{
	static bool registered;
	if (!registered)
		for (size_t i = 0; i < ARRAY_SIZE(memory_devices); i++)
			dev_register(&memory_devices[i]);
	registered = true;
	int r = tmpfs_create(&devtmpfs_super_ops, options, out);
	if (r)
		return r;
	struct dentry *root = (*out)->root;
	root->inode->mode = K_S_IFDIR | 0755;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		r = make_node(root, nodes[i].name, nodes[i].mode, nodes[i].rdev, nodes[i].target);
		if (r)
			break;
	}
	if (r) {
		dentry_drop_tree(root);
		dentry_put(root);
		(*out)->root = NULL;
		superblock_put(*out);
		return r;
	}
	if (!dev_root) {
		dev_root = root;
		dentry_get(root);
	}
	return 0;
}
