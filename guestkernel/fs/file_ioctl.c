/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests about the file system that a file is in. No file system here has blocks with addresses, shares extents or
 * can be frozen: the answers are those of tmpfs.
 */
#include "guestkernel/fs/file_ioctl.h"
#include <linux/capability.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <asm/ioctls.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/mm/page.h"

/* What is stored, not what the file is long. */
static long stored_bytes(struct inode *inode, u64 addr)
{
	struct k_stat st;
	s64 size;
	if (!inode_is(inode, K_S_IFREG) && !inode_is(inode, K_S_IFDIR) && !inode_is(inode, K_S_IFLNK))
		return -ENOTTY;
	inode_stat(inode, &st);
	size = st.blocks * 512;
	return put_user(user(addr), size);
}

static long freeze(long answer)
{
	return fs_capable(CAP_SYS_ADMIN) ? answer : -EPERM;
}

static long regular_ioctl(u32 cmd, u64 arg, bool *done)
{
	s32 block;
	switch (cmd) {
	case FIBMAP:
		if (!fs_capable(CAP_SYS_RAWIO))
			return -EPERM;
		return get_user(block, user(arg)) ? -EFAULT : -EINVAL;
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
		return -EOPNOTSUPP;
	}
	*done = false;
	return 0;
}

long file_ioctl(struct file *file, u32 cmd, u64 arg, bool *done)
{
	s32 block_bytes = PAGE_SIZE;
	*done = true;
	switch (cmd) {
	case FIOQSIZE:
		return stored_bytes(file->inode, arg);
	case FIGETBSZ:
		return put_user(user(arg), block_bytes);
	case FS_IOC_FIEMAP:
		return -EOPNOTSUPP;
	case FIFREEZE:
		return freeze(-EOPNOTSUPP);
	case FITHAW:
		return freeze(-EINVAL);
	}
	if (inode_is(file->inode, K_S_IFREG))
		return regular_ioctl(cmd, arg, done);
	*done = false;
	return 0;
}
