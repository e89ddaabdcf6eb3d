/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /proc/PID/mem: the bytes of an address space, at the file's position. What the process itself may not read or
 * write cannot be read or written here either (Linux forces it: proc_pid_mem(5)).
 */
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"

#include <linux/fs.h>

/* The file is about the address space of the moment when it was opened, which is remembered without a reference: after
 * execve(2) or the end of the process it has no bytes. */
void proc_bytes_open(struct file *file)
{
	const struct thread *t = proc_thread(procfs_ref(file->inode));

	file->data = t ? t->mm : NULL;
}

static struct mm *mm_of(const struct file *file)
{
	const struct thread *t = proc_thread(procfs_ref(file->inode));

	return t && t->mm == file->data ? t->mm : NULL;
}

/* One page's worth at most; how many bytes, or -EIO, -EFAULT. */
static long step(struct mm *mm, struct uio *uio, u64 addr, u8 *bounce, bool write)
{
	size_t n = MIN(PAGE_SIZE - (addr & ~PAGE_MASK), uio->left), moved;

	if (!write) {
		if (mm_copy_from(mm, bounce, addr, n))
			return -EIO;
		moved = uio_copy_to(uio, bounce, n);
		return moved ? (long)moved : -EFAULT;
	}
	moved = uio_copy_from(uio, bounce, n);
	if (!moved)
		return -EFAULT;
	return mm_copy_to(mm, addr, bounce, moved) ? -EIO : (long)moved;
}

static long transfer(struct file *file, struct uio *uio, u64 *pos, bool write)
{
	struct mm *mm = mm_of(file);
	u8 *bounce;
	long done = 0, r = 0;

	if (!mm || !uio->left)
		return 0;
	bounce = kmalloc(PAGE_SIZE);
	if (!bounce)
		return -ENOMEM;
	mm_get(mm);
	while (uio->left && !current->killed) {
		r = step(mm, uio, *pos, bounce, write);
		if (r <= 0)
			break;
		done += r;
		*pos += (u64)r;
	}
	mm_put(mm);
	kfree(bounce);
	return done ? done : r;
}

static long read_bytes(struct file *file, struct uio *uio, u64 *pos)
{
	return transfer(file, uio, pos, false);
}

static long write_bytes(struct file *file, struct uio *uio, u64 *pos)
{
	return transfer(file, uio, pos, true);
}

static s64 seek(struct file *file, s64 offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += (s64)file->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	file->pos = (u64)offset;
	return offset;
}

const struct file_ops proc_bytes_ops = {.read = read_bytes, .write = write_bytes, .seek = seek};
