/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that move data between descriptors: splice, tee, vmsplice, sendfile, copy_file_range.
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/pipe.h"
#include "guestkernel/fs/splice.h"
#include "guestkernel/limits.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

#define SPLICE_FLAGS 15ull

/* A position that the program passes by reference (address 0: the file's own). */
static int fetch_pos(u64 addr, u64 *pos)
{
	return addr && copy_from_user(pos, user(addr), sizeof(*pos)) ? -EFAULT : 0;
}

static int get_pos(u64 addr, u64 *pos)
{
	int r = fetch_pos(addr, pos);
	return r || (s64)*pos >= 0 ? r : -EINVAL;
}

static long put_pos(u64 addr, u64 pos, long result)
{
	if (addr && result > 0 && copy_to_user(user(addr), &pos, sizeof(pos)))
		return -EFAULT;
	return result;
}

SYSCALL(splice)
{
	u64 in_pos = 0, out_pos = 0;
	if (f & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!e)
		return 0;
	GET_FILE(in, a);
	GET_FILE(out, c);
	if ((b && file_pipe(in)) || (d && file_pipe(out)))
		return -ESPIPE;
	int r = get_pos(b, &in_pos);
	if (!r)
		r = get_pos(d, &out_pos);
	if (r)
		return r;
	long n = splice_files(in, b ? &in_pos : NULL, out, d ? &out_pos : NULL, MIN(e, RW_LIMIT), (u32)f);
	n = put_pos(b, in_pos, n);
	return put_pos(d, out_pos, n);
}

SYSCALL(tee)
{
	if (d & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!c)
		return 0;
	GET_FILE(in, a);
	GET_FILE(out, b);
	return splice_tee(in, out, MIN(c, RW_LIMIT), (u32)d);
}

SYSCALL(vmsplice)
{
	struct iov fast[8], *iovs = NULL;
	struct uio uio;
	if (d & ~SPLICE_FLAGS)
		return -EINVAL;
	GET_FILE(file, a);
	long r = uio_import(&uio, user(b), c, fast, &iovs);
	if (r)
		return r;
	r = splice_user(file, &uio, (u32)d);
	if (iovs != fast)
		kfree(iovs);
	return r;
}

SYSCALL(sendfile)
{
	u64 pos = 0;
	GET_FILE(out, a);
	GET_FILE(in, b);
	if (!file_readable(in) || !file_writable(out))
		return -EBADF;
	if (c && !file_has_position(in))
		return -ESPIPE;
	if (!in->ops->splice_read && !in->ops->seek && !file_pipe(out)) /* into a pipe it is splice(2) */
		return -EINVAL;
	if (!in->ops->read || file_pipe(in))
		return -EINVAL;
	if (!out->ops->write || (out->flags & O_APPEND))
		return -EINVAL;
	int r = get_pos(c, &pos);
	if (r)
		return r;
	if ((s64)d < 0 || file_check_span(in, c ? pos : in->pos, d) || file_check_span(out, out->pos, d))
		return -EINVAL;
	long n = splice_direct(in, c ? &pos : &in->pos, out, &out->pos, MIN(d, RW_LIMIT));
	return put_pos(c, pos, n);
}

/* How much of len can be copied; in the order of Linux, which programs that probe rely on. */
static long copy_length(const struct file *in, u64 from, const struct file *out, u64 to, u64 len)
{
	if (inode_is(in->inode, K_S_IFDIR) || inode_is(out->inode, K_S_IFDIR))
		return -EISDIR;
	if (!inode_is(in->inode, K_S_IFREG) || !inode_is(out->inode, K_S_IFREG))
		return -EINVAL;
	if (!file_readable(in) || !file_writable(out) || (out->flags & O_APPEND))
		return -EBADF;
	if (in->inode->sb != out->inode->sb)
		return -EXDEV;
	if (from + len < from || to + len < to)
		return -EOVERFLOW;
	if ((s64)from < 0 || (s64)to < 0)
		return -EINVAL;
	if (to == INT64_MAX)
		return -EFBIG;
	long room = from < in->inode->size ? (long)MIN(MIN(len, RW_LIMIT), in->inode->size - from) : 0;
	room = file_write_room(out, to, (u64)room);
	if (room < 0)
		return room;
	len = (u64)room;
	if (in->inode == out->inode && from < to + len && to < from + len)
		return -EINVAL; /* the ranges overlap */
	return file_check_span(in, from, len) || file_check_span(out, to, len) ? -EINVAL : room;
}

SYSCALL(copy_file_range)
{
	u64 in_pos = 0, out_pos = 0;
	GET_FILE(in, a);
	GET_FILE(out, c);
	if (f)
		return -EINVAL;
	int r = fetch_pos(b, &in_pos);
	if (!r)
		r = fetch_pos(d, &out_pos);
	if (r)
		return r;
	long n = copy_length(in, b ? in_pos : in->pos, out, d ? out_pos : out->pos, e);
	if (n > 0)
		n = splice_direct(in, b ? &in_pos : &in->pos, out, d ? &out_pos : &out->pos, (size_t)n);
	n = put_pos(b, in_pos, n);
	return put_pos(d, out_pos, n);
}
