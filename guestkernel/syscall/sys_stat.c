/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that ask about files: the stat family, access, readlink, statfs.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

static long put_stat(u64 addr, struct inode *inode)
{
	struct k_stat st;
	inode_stat(inode, &st);
	return put_user(user(addr), st);
}

static long stat_at(int dirfd, u64 name, u64 out, u64 flags)
{
	PATH_AUTO(path);
	struct inode *inode;
	if (flags & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	int r = get_inode(dirfd, name, flags, &path, &inode);
	if (r)
		return r;
	long result = put_stat(out, inode);
	inode_put(inode);
	return result;
}

SYSCALL(stat)
{
	return stat_at(AT_FDCWD, a, b, 0);
}

SYSCALL(lstat)
{
	return stat_at(AT_FDCWD, a, b, AT_SYMLINK_NOFOLLOW);
}

SYSCALL(newfstatat)
{
	return stat_at((int)a, b, c, d);
}

SYSCALL(fstat)
{
	struct file *file = fd_get_path((int)a);
	if (!file)
		return -EBADF;
	long r = put_stat(b, file->inode);
	file_put(file);
	return r;
}

static struct statx_timestamp stamp(s64 sec, s64 nsec)
{
	return (struct statx_timestamp){.tv_sec = sec, .tv_nsec = (u32)nsec};
}

static u32 dev_major(u64 dev)
{
	return (u32)(dev >> 8) & 0xfff;
}

static u32 dev_minor(u64 dev)
{
	return (u32)((dev & 0xff) | ((dev >> 12) & 0xfff00));
}

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#endif

static void fill_statx(struct inode *inode, const struct path *path, struct statx *x)
{
	struct k_stat st;
	inode_stat(inode, &st);
	*x = (struct statx){
	    .stx_mask = STATX_BASIC_STATS | STATX_BTIME | (path->mount ? STATX_MNT_ID : 0),
	    .stx_blksize = (u32)st.blksize,
	    .stx_nlink = (u32)st.nlink,
	    .stx_uid = st.uid,
	    .stx_gid = st.gid,
	    .stx_mode = (u16)st.mode,
	    .stx_ino = st.ino,
	    .stx_size = (u64)st.size,
	    .stx_blocks = (u64)st.blocks,
	    .stx_atime = stamp(st.atime, st.atime_nsec),
	    .stx_btime = stamp(inode->btime.sec, inode->btime.nsec),
	    .stx_ctime = stamp(st.ctime, st.ctime_nsec),
	    .stx_mtime = stamp(st.mtime, st.mtime_nsec),
	    .stx_rdev_major = dev_major(st.rdev),
	    .stx_rdev_minor = dev_minor(st.rdev),
	    .stx_dev_major = dev_major(st.dev),
	    .stx_dev_minor = dev_minor(st.dev),
	    .stx_attributes_mask = STATX_ATTR_MOUNT_ROOT,
	};
	if (path->mount) {
		x->stx_mnt_id = (u64)path->mount->id;
		if (path->dentry == path->mount->root)
			x->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
	}
}

SYSCALL(statx)
{
	PATH_AUTO(path);
	struct inode *inode;
	struct statx x;
	if ((c & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) ||
	    (c & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (d & STATX__RESERVED))
		return -EINVAL;
	int r = get_inode((int)a, b, c, &path, &inode);
	if (r)
		return r;
	fill_statx(inode, &path, &x);
	inode_put(inode);
	return put_user(user(e), x);
}

/* ---- access ---- */

static int check_access(int dirfd, u64 addr, u32 mode, u64 flags)
{
	PATH_AUTO(path);
	struct inode *inode;
	int r = get_inode(dirfd, addr, flags, &path, &inode);
	if (r)
		return r;
	if (mode)
		r = inode_permission(inode, mode);
	if (!r && (mode & MAY_WRITE) &&
	    (inode_is(inode, K_S_IFREG) || inode_is(inode, K_S_IFDIR) || inode_is(inode, K_S_IFLNK)))
		r = mount_want_write(&path);
	if (!r && (mode & MAY_EXEC) && inode_is(inode, K_S_IFREG) && path.mount && (path.mount->flags & MS_NOEXEC))
		r = -EACCES;
	inode_put(inode);
	return r;
}

/* access(2) asks for the real user: the walk runs with the real ids for as long as it takes (it cannot sleep once
 * the name is copied; a fault while copying it runs with the same process's memory either way). */
static long access_at(int dirfd, u64 name, u64 mode, u64 flags)
{
	struct cred *cred = &current->cred, before = *cred;
	if ((mode & ~7ull) || (flags & ~(u64)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if (!(flags & AT_EACCESS)) {
		cred->fsuid = cred->uid;
		cred->fsgid = cred->gid;
		cred->cap_effective = cred->uid == 0 ? cred->cap_permitted : 0;
	}
	int r = check_access(dirfd, name, (u32)mode, flags);
	cred->fsuid = before.fsuid;
	cred->fsgid = before.fsgid;
	cred->cap_effective = before.cap_effective;
	return r;
}

SYSCALL(access)
{
	return access_at(AT_FDCWD, a, b, 0);
}

SYSCALL(faccessat)
{
	return access_at((int)a, b, c, 0);
}

SYSCALL(faccessat2)
{
	return access_at((int)a, b, c, d);
}

/* ---- links and file systems ---- */

static long readlink_at(int dirfd, u64 addr, u64 out, s64 size)
{
	PATH_AUTO(path);
	if (size <= 0)
		return -EINVAL;
	GET_PATH(name, addr);
	int no_link = *name ? -EINVAL : -ENOENT; /* an empty name: the descriptor is to be of a link */
	int r = path_lookup(dirfd, name, LOOKUP_EMPTY, &path);
	if (r)
		return r == -ENOTDIR && !*name ? no_link : r;
	struct inode *inode = path.dentry->inode;
	char *text = kmalloc(PATH_LIMIT);
	long n = text ? no_link : -ENOMEM;
	if (text && inode_is(inode, K_S_IFLNK) && inode->ops->readlink) {
		n = inode->ops->readlink(inode, text, (size_t)MIN((u64)size, (u64)PATH_LIMIT));
		inode_touch_atime(&path, inode);
	}
	if (n > 0 && copy_to_user(user(out), text, (size_t)n))
		n = -EFAULT;
	kfree(text);
	return n;
}

SYSCALL(readlink)
{
	return readlink_at(AT_FDCWD, a, b, (s32)c);
}

SYSCALL(readlinkat)
{
	return readlink_at((int)a, b, c, (s32)d);
}

struct k_statfs {
	s64 type, bsize;
	u64 blocks, bfree, bavail, files, ffree;
	u64 fsid;
	s64 namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct k_statfs) == 120, "statfs");

#define ST_VALID   0x20
#define ANON_MAGIC 0x09041934 /* ANON_INODE_FS_MAGIC */
#define PIPE_MAGIC 0x50495045 /* PIPEFS_MAGIC */
#define SOCK_MAGIC 0x534f434b /* SOCKFS_MAGIC */

static long put_statfs(u64 addr, const struct inode *inode, const struct mount *mount)
{
	struct k_statfs st = {.bsize = 4096, .frsize = 4096, .namelen = NAME_LIMIT, .flags = ST_VALID};
	struct superblock *sb = inode->sb;
	if (sb) {
		struct statfs_info info = {0};
		if (sb->ops->statfs)
			sb->ops->statfs(sb, &info);
		st.type = (s64)sb->ops->magic;
		st.blocks = info.blocks;
		st.bfree = st.bavail = info.bfree;
		st.files = info.files;
		st.ffree = info.ffree;
		st.fsid = sb->dev;
	} else {
		st.type = inode_is(inode, K_S_IFIFO)	? PIPE_MAGIC
			  : inode_is(inode, K_S_IFSOCK) ? SOCK_MAGIC
							: ANON_MAGIC;
	}
	if (mount)
		st.flags |= mount->flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME);
	return put_user(user(addr), st);
}

SYSCALL(statfs)
{
	GET_PATH(name, a);
	PATH_AUTO(path);
	int r = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	return r ? r : put_statfs(b, path.dentry->inode, path.mount);
}

SYSCALL(fstatfs)
{
	struct file *file = fd_get_path((int)a);
	if (!file)
		return -EBADF;
	long r = put_statfs(b, file->inode, file->path.mount);
	file_put(file);
	return r;
}
