/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls on names and directories: create, link, remove, rename, list, working directory and root.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

static long mkdir_at(int dirfd, u64 addr, u64 mode)
{
	GET_PATH(name, addr);
	return vfs_mkdir(dirfd, name, (u32)mode);
}

SYSCALL(mkdir)
{
	return mkdir_at(AT_FDCWD, a, b);
}

SYSCALL(mkdirat)
{
	return mkdir_at((int)a, b, c);
}

static long mknod_at(int dirfd, u64 addr, u32 mode, u64 rdev)
{
	switch (mode & K_S_IFMT) {
	case 0:
		mode |= K_S_IFREG;
		break;
	case K_S_IFREG:
	case K_S_IFCHR:
	case K_S_IFBLK:
	case K_S_IFIFO:
	case K_S_IFSOCK:
		break;
	case K_S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	GET_PATH(name, addr);
	bool device = (mode & K_S_IFMT) == K_S_IFCHR || (mode & K_S_IFMT) == K_S_IFBLK;
	return vfs_mknod(dirfd, name, mode & (K_S_IFMT | 07777), device ? (u32)rdev : 0, NULL);
}

SYSCALL(mknod)
{
	return mknod_at(AT_FDCWD, a, (u32)b, c);
}

SYSCALL(mknodat)
{
	return mknod_at((int)a, b, (u32)c, d);
}

static long symlink_at(u64 target_addr, int dirfd, u64 addr)
{
	GET_PATH(target, target_addr);
	GET_PATH(name, addr);
	return vfs_symlink(target, dirfd, name);
}

SYSCALL(symlink)
{
	return symlink_at(a, AT_FDCWD, b);
}

SYSCALL(symlinkat)
{
	return symlink_at(a, (int)b, c);
}

static long link_at(int old_dirfd, u64 old_addr, int new_dirfd, u64 new_addr, u64 flags)
{
	if (flags & ~(u64)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	GET_PATH(old, old_addr);
	GET_PATH(new, new_addr);
	return vfs_link(old_dirfd, old, new_dirfd, new, (u32)flags);
}

SYSCALL(link)
{
	return link_at(AT_FDCWD, a, AT_FDCWD, b, 0);
}

SYSCALL(linkat)
{
	return link_at((int)a, b, (int)c, d, e);
}

static long unlink_at(int dirfd, u64 addr, u64 flags)
{
	if (flags & ~(u64)AT_REMOVEDIR)
		return -EINVAL;
	GET_PATH(name, addr);
	return flags & AT_REMOVEDIR ? vfs_rmdir(dirfd, name) : vfs_unlink(dirfd, name);
}

SYSCALL(unlink)
{
	return unlink_at(AT_FDCWD, a, 0);
}

SYSCALL(rmdir)
{
	return unlink_at(AT_FDCWD, a, AT_REMOVEDIR);
}

SYSCALL(unlinkat)
{
	return unlink_at((int)a, b, c);
}

static long rename_at(int old_dirfd, u64 old_addr, int new_dirfd, u64 new_addr, u64 flags)
{
	GET_PATH(old, old_addr);
	GET_PATH(new, new_addr);
	return vfs_rename(old_dirfd, old, new_dirfd, new, (u32)flags);
}

SYSCALL(rename)
{
	return rename_at(AT_FDCWD, a, AT_FDCWD, b, 0);
}

SYSCALL(renameat)
{
	return rename_at((int)a, b, (int)c, d, 0);
}

SYSCALL(renameat2)
{
	return rename_at((int)a, b, (int)c, d, (u32)e);
}

/* ---- listing ---- */

/* Records are gathered in a kernel buffer and copied out as they fill it. */
struct dents {
	u8 buf[1024];
	size_t used; /* in buf */
	size_t left; /* in the program's buffer, after buf is copied out */
	user_ptr to;
	u64 *last_off; /* where the offset of the last record in buf stands */
	bool old;      /* getdents(2): no type before the name, type in the last byte */
	int error;
};

static void flush(struct dents *d)
{
	if (d->used && !d->error && copy_to_user(d->to, d->buf, d->used))
		d->error = -EFAULT;
	d->to = user_add(d->to, d->used);
	d->used = 0;
}

struct dirent_head {
	u64 ino;
	s64 off; /* where the next entry begins */
	u16 reclen;
} __attribute__((packed));

static bool emit(void *arg, const char *name, size_t len, u64 ino, unsigned type, u64 next)
{
	struct dents *d = arg;
	size_t head = sizeof(struct dirent_head);
	size_t reclen = (head + len + 2 + 7) & ~7ul; /* with NUL and type byte, in both layouts */
	if (reclen > d->left) {
		if (!d->used && !d->last_off)
			d->error = -EINVAL; /* not even one fits: getdents(2) */
		return false;
	}
	if (d->used + reclen > sizeof(d->buf))
		flush(d);
	if (d->error)
		return false;
	u8 *rec = d->buf + d->used;
	memset(rec, 0, reclen);
	*(struct dirent_head *)rec = (struct dirent_head){ino, (s64)next, (u16)reclen};
	memcpy(rec + head + (d->old ? 0 : 1), name, len);
	rec[d->old ? reclen - 1 : head] = (u8)type;
	d->last_off = (u64 *)rec;
	d->used += reclen;
	d->left -= reclen;
	return true;
}

static long list_dir(u64 fd, u64 addr, u64 size, bool old)
{
	GET_FILE(file, fd);
	if (!inode_is(file->inode, K_S_IFDIR) || !file->ops->readdir)
		return -ENOTDIR;
	if (file->path.dentry->flags & DENTRY_DELETED)
		return -ENOENT;
	struct dents d = {.left = MIN((u32)size, 1u << 30), .to = user(addr), .old = old};
	size_t room = d.left;
	u64 before = file->pos;
	int r = file->ops->readdir(file, &d, emit);
	flush(&d);
	inode_touch_atime(&file->path, file->inode);
	inotify_path(&file->path, IN_ACCESS_EVENT);
	if (d.error == -EFAULT)
		file->pos = before;
	if (room == d.left && (r || d.error))
		return r ? r : d.error;
	return d.error == -EFAULT ? -EFAULT : (long)(room - d.left);
}

SYSCALL(getdents)
{
	return list_dir(a, b, c, true);
}

SYSCALL(getdents64)
{
	return list_dir(a, b, c, false);
}

/* ---- working directory, root, umask ---- */

static int enter(struct path *which, const struct path *dir)
{
	if (!dir->dentry || !inode_is(dir->dentry->inode, K_S_IFDIR))
		return -ENOTDIR;
	int r = inode_permission(dir->dentry->inode, MAY_EXEC);
	if (r)
		return r;
	path_get(dir);
	path_put(which);
	*which = *dir;
	return 0;
}

SYSCALL(chdir)
{
	GET_PATH(name, a);
	PATH_AUTO(path);
	int r = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	return r ? r : enter(&current->process->fs->cwd, &path);
}

SYSCALL(fchdir)
{
	struct file *file = fd_get_path((int)a);
	if (!file)
		return -EBADF;
	int r = enter(&current->process->fs->cwd, &file->path);
	file_put(file);
	return r;
}

SYSCALL(chroot)
{
	GET_PATH(name, a);
	PATH_AUTO(path);
	int r = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	if (!r)
		r = inode_permission(path.dentry->inode, MAY_EXEC);
	if (!r && !fs_capable(CAP_SYS_CHROOT))
		r = -EPERM;
	return r ? r : enter(&current->process->fs->root, &path);
}

SYSCALL(getcwd)
{
	const struct path *cwd = &current->process->fs->cwd;
	if (cwd->dentry->flags & DENTRY_DELETED)
		return -ENOENT;
	char *text = kmalloc(PATH_LIMIT);
	if (!text)
		return -ENOMEM;
	static const char outside[] = "(unreachable)";
	size_t skip = path_reachable(cwd) ? 0 : strlen(outside);
	memcpy(text, outside, skip);
	long n = path_text(cwd, text + skip, PATH_LIMIT - skip);
	if (n > 0)
		n += (long)skip;
	if (n > 0 && (u64)n > b)
		n = -ERANGE;
	if (n > 0 && copy_to_user(user(a), text, (size_t)n))
		n = -EFAULT;
	kfree(text);
	return n;
}

SYSCALL(umask)
{
	u32 old = current->process->fs->umask;
	current->process->fs->umask = (u32)a & 0777;
	return old;
}
