/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that open and close: open, openat, openat2, creat, close, close_range; arguments that file calls share.
 */
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/namei.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

int get_path(u64 addr, char **out)
{
	char *name = kmalloc(PATH_LIMIT);
	if (!name)
		return -ENOMEM;
	long n = strncpy_from_user(name, user(addr), PATH_LIMIT);
	if (n < 0) {
		kfree(name);
		return (int)n;
	}
	*out = name;
	return 0;
}

u32 at_lookup(u64 flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

int get_inode(int dirfd, u64 addr, u64 flags, struct path *path, struct inode **inode)
{
	GET_PATH(name, addr);
	*path = (struct path){NULL, NULL};
	if (!*name && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) { /* any descriptor, sockets and pipes too */
		struct file *file = fd_get_path(dirfd);
		if (!file)
			return -EBADF;
		*path = file->path;
		path_get(path);
		*inode = file->inode;
		inode_get(*inode);
		file_put(file);
		return 0;
	}
	int r = path_lookup(dirfd, name, at_lookup(flags), path);
	if (r)
		return r;
	*inode = path->dentry->inode;
	inode_get(*inode);
	return 0;
}

#define OPEN_FLAGS                                                                                                     \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | FASYNC | O_DIRECT |      \
	 O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)

static long do_open(int dirfd, const char *name, const struct open_args *args)
{
	struct file *file;
	int fd = fd_reserve(0, args->flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	int r = vfs_open(dirfd, name, args, &file);
	if (r) {
		fd_unreserve(fd);
		return r;
	}
	fd_publish(fd, file);
	return fd;
}

/* Combinations that open(2) refuses. */
static int check_flags(u32 flags)
{
	if ((flags & (O_TMPFILE & ~O_DIRECTORY)) && !(flags & O_PATH)) {
		if ((flags & O_TMPFILE) != O_TMPFILE || !(flags & O_ACCMODE) || (flags & O_CREAT))
			return -EINVAL;
	}
	return (flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY) ? -EINVAL : 0;
}

static long open_plain(int dirfd, u64 addr, u64 raw_flags, u64 mode)
{
	u32 flags = (u32)raw_flags & OPEN_FLAGS; /* unknown bits are ignored: open(2) */
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else
		flags |= O_LARGEFILE;
	int r = check_flags(flags);
	if (r)
		return r;
	GET_PATH(name, addr);
	return do_open(dirfd, name, &(struct open_args){.flags = flags, .mode = (u32)mode & 07777});
}

SYSCALL(open)
{
	return open_plain(AT_FDCWD, a, b, c);
}

SYSCALL(openat)
{
	return open_plain((int)a, b, c, d);
}

SYSCALL(creat)
{
	return open_plain(AT_FDCWD, a, O_CREAT | O_WRONLY | O_TRUNC, b);
}

static u32 resolve_lookup(u64 resolve)
{
	return (resolve & RESOLVE_NO_XDEV ? LOOKUP_NO_XDEV : 0) |
	       (resolve & RESOLVE_NO_MAGICLINKS ? LOOKUP_NO_MAGICLINKS : 0) |
	       (resolve & RESOLVE_NO_SYMLINKS ? LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS : 0) |
	       (resolve & RESOLVE_BENEATH ? LOOKUP_BENEATH : 0) | (resolve & RESOLVE_IN_ROOT ? LOOKUP_IN_ROOT : 0);
}

/* The bytes of a struct of a newer program that we do not know must be zero. */
static int get_how(u64 addr, u64 size, struct open_how *how)
{
	u8 rest[64];
	*how = (struct open_how){0};
	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(how, user(addr), sizeof(*how)))
		return -EFAULT;
	for (u64 at = sizeof(*how); at < size; at += sizeof(rest)) {
		size_t n = MIN(size - at, sizeof(rest));
		if (copy_from_user(rest, user(addr + at), n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (rest[i])
				return -E2BIG;
	}
	return 0;
}

SYSCALL(openat2)
{
	struct open_how how;
	int r = get_how(c, d, &how);
	if (r)
		return r;
	if ((how.flags & ~(u64)OPEN_FLAGS) || (how.mode & ~07777ull) || (how.resolve & ~0x3full))
		return -EINVAL;
	if (how.mode && !(how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		return -EINVAL;
	if ((how.resolve & RESOLVE_BENEATH) && (how.resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if ((how.flags & O_PATH) && (how.flags & ~(u64)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
		return -EINVAL;
	if ((how.resolve & 0x20 /* RESOLVE_CACHED */) && (how.flags & (O_TRUNC | O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		return -EAGAIN;
	u32 flags = (u32)how.flags | (how.flags & O_PATH ? 0 : O_LARGEFILE);
	r = check_flags(flags);
	if (r)
		return r;
	GET_PATH(name, b);
	return do_open(
	    (int)a, name,
	    &(struct open_args){.flags = flags, .mode = (u32)how.mode, .lookup = resolve_lookup(how.resolve)});
}

SYSCALL(close)
{
	return fd_close((int)a);
}

SYSCALL(close_range)
{
	u32 first = (u32)a, last = (u32)b, flags = (u32)c;
	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		struct files *copy = files_clone(current->process->files), *old = current->process->files;
		if (!copy)
			return -ENOMEM;
		current->process->files = copy;
		files_put(old);
	}
	fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}
