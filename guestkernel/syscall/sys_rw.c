/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that move data and positions: read and write in all forms, lseek, truncate, fallocate, sync, advice.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

/* Things without a position (pipes, sockets) cannot be read at one. */
static int check_position(const struct file *file, s64 pos)
{
	if (pos < 0)
		return -EINVAL;
	return file_has_position(file) ? 0 : -ESPIPE;
}

static long transfer(struct file *file, struct uio *uio, u64 *pos, bool write)
{
	long n = file_check_span(file, *pos, uio->left);
	if (n)
		return n;
	n = write ? file_write(file, uio, pos) : file_read(file, uio, pos);
	struct process *p = current->process;
	*(write ? &p->io.writes : &p->io.reads) += 1;
	*(write ? &p->io.written_bytes : &p->io.read_bytes) += n > 0 ? (u64)n : 0;
	return n;
}

static long move_at(struct file *file, struct uio *uio, s64 pos, bool write)
{
	int r = check_position(file, pos);
	u64 at = (u64)pos;
	return r ? r : transfer(file, uio, &at, write);
}

static long move(struct file *file, struct uio *uio, bool write)
{
	return transfer(file, uio, &file->pos, write);
}

/* A length beyond the address space is a bad address, not a long read. */
static int check_range(u64 addr, u64 len)
{
	return (s64)len < 0 || addr + len < addr || addr + len > USER_END + PAGE_SIZE ? -EFAULT : 0;
}

static long one_buffer(struct uio *uio, struct iov *one, u64 addr, u64 len)
{
	int r = check_range(addr, len);
	if (!r)
		uio_init_user(uio, one, user(addr), MIN(len, RW_LIMIT));
	return r;
}

SYSCALL(read)
{
	struct iov one;
	struct uio uio;
	GET_FILE(file, a);
	if (!file_readable(file))
		return -EBADF;
	long r = one_buffer(&uio, &one, b, c);
	return r ? r : move(file, &uio, false);
}

SYSCALL(write)
{
	struct iov one;
	struct uio uio;
	GET_FILE(file, a);
	if (!file_writable(file))
		return -EBADF;
	long r = one_buffer(&uio, &one, b, c);
	return r ? r : move(file, &uio, true);
}

SYSCALL(pread64)
{
	struct iov one;
	struct uio uio;
	if ((s64)d < 0)
		return -EINVAL;
	GET_FILE(file, a);
	long r = one_buffer(&uio, &one, b, c);
	return r ? r : move_at(file, &uio, (s64)d, false);
}

SYSCALL(pwrite64)
{
	struct iov one;
	struct uio uio;
	if ((s64)d < 0)
		return -EINVAL;
	GET_FILE(file, a);
	long r = one_buffer(&uio, &one, b, c);
	return r ? r : move_at(file, &uio, (s64)d, true);
}

/* RWF_HIPRI, DSYNC and SYNC mean nothing here; NOWAIT is refused as on tmpfs. RWF_APPEND writes at the end. */
static int check_flags(u32 flags, bool write)
{
	return flags & ~(u32)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | (write ? RWF_APPEND : 0)) ? -EOPNOTSUPP : 0;
}

static long move_vector(struct file *file, struct uio *uio, bool at, s64 pos, u32 flags, bool write)
{
	u32 before = file->flags;
	int r = uio->left ? check_flags(flags, write) : 0;
	if (r)
		return r;
	if (flags & RWF_APPEND)
		file->flags |= O_APPEND;
	long n = at ? move_at(file, uio, pos, write) : move(file, uio, write);
	if (flags & RWF_APPEND)
		file->flags = before;
	return n;
}

static long vector(u64 fd, u64 vec, u64 count, bool at, s64 pos, u32 flags, bool write)
{
	struct iov fast[8], *iovs = NULL;
	struct uio uio;
	GET_FILE(file, fd);
	long r = at ? check_position(file, pos) : 0;
	if (r)
		return r;
	if (write ? !file_writable(file) : !file_readable(file))
		return -EBADF;
	r = uio_import(&uio, user(vec), count, fast, &iovs);
	if (r)
		return r;
	r = move_vector(file, &uio, at, pos, flags, write);
	if (iovs != fast)
		kfree(iovs);
	return r;
}

SYSCALL(readv)
{
	return vector(a, b, c, false, 0, 0, false);
}

SYSCALL(writev)
{
	return vector(a, b, c, false, 0, 0, true);
}

SYSCALL(preadv)
{
	return (s64)d < 0 ? -EINVAL : vector(a, b, c, true, (s64)d, 0, false);
}

SYSCALL(pwritev)
{
	return (s64)d < 0 ? -EINVAL : vector(a, b, c, true, (s64)d, 0, true);
}

/* Position -1: the file's own. */
static long vector2(u64 fd, u64 vec, u64 count, s64 pos, u32 flags, bool write)
{
	return pos < -1 ? -EINVAL : vector(fd, vec, count, pos != -1, pos, flags, write);
}

SYSCALL(preadv2)
{
	return vector2(a, b, c, (s64)d, (u32)f, false);
}

SYSCALL(pwritev2)
{
	return vector2(a, b, c, (s64)d, (u32)f, true);
}

SYSCALL(lseek)
{
	GET_FILE(file, a);
	if ((u32)c > SEEK_HOLE)
		return -EINVAL;
	return file->ops->seek ? file->ops->seek(file, (s64)b, (int)c) : -ESPIPE;
}

/* ---- sizes ---- */

SYSCALL(truncate)
{
	if ((s64)b < 0)
		return -EINVAL;
	GET_PATH(name, a);
	PATH_AUTO(path);
	int r = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	return r ? r : vfs_truncate(&path, path.dentry->inode, b, true);
}

SYSCALL(ftruncate)
{
	if ((s64)b < 0)
		return -EINVAL;
	GET_FILE(file, a);
	if (!inode_is(file->inode, K_S_IFREG) || !file_writable(file))
		return -EINVAL;
	return vfs_truncate(&file->path, file->inode, b, false);
}

SYSCALL(fallocate)
{
	s64 end;
	if ((s64)c < 0 || (s64)d <= 0)
		return -EINVAL;
	GET_FILE(file, a);
	if (!file_writable(file))
		return -EBADF;
	if (inode_is(file->inode, K_S_IFIFO))
		return -ESPIPE;
	if (inode_is(file->inode, K_S_IFDIR))
		return -EISDIR;
	if (!inode_is(file->inode, K_S_IFREG))
		return -ENODEV;
	if (__builtin_add_overflow((s64)c, (s64)d, &end))
		return -EFBIG;
	long r = file->ops->fallocate ? file->ops->fallocate(file, (int)b, c, d) : -EOPNOTSUPP;
	if (!r)
		inotify_path(&file->path, IN_MODIFY_EVENT);
	return r;
}

/* ---- nothing is written back anywhere ---- */

static long do_fsync(u64 fd)
{
	GET_FILE(file, fd);
	return file->ops->fsync ? file->ops->fsync(file) : -EINVAL;
}

SYSCALL(fsync)
{
	return do_fsync(a);
}

SYSCALL(fdatasync)
{
	return do_fsync(a);
}

SYSCALL(sync)
{
	return 0;
}

SYSCALL(syncfs)
{
	GET_FILE(file, a);
	return 0;
}

SYSCALL(sync_file_range)
{
	GET_FILE(file, a);
	if ((s64)b < 0 || (s64)c < 0 || (s64)(b + c) < 0 || (d & ~7ull))
		return -EINVAL;
	return inode_is(file->inode, K_S_IFREG) || inode_is(file->inode, K_S_IFDIR) ? 0 : -ESPIPE;
}

SYSCALL(fadvise64)
{
	GET_FILE(file, a);
	if (inode_is(file->inode, K_S_IFIFO))
		return -ESPIPE;
	return (s64)c < 0 || d > 5 ? -EINVAL : 0;
}

SYSCALL(readahead)
{
	GET_FILE(file, a);
	if (!file_readable(file))
		return -EBADF;
	return inode_is(file->inode, K_S_IFREG) ? 0 : -EINVAL;
}
