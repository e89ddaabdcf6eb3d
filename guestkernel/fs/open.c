/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns what open(2) decides: which file, whether it may be opened, and what is made on the way.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dev.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/lease.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/namei.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define CREATE_TRIES 8 /* while somebody else makes and removes the name */

static u32 access_mask(u32 flags)
{
	static const u32 masks[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
	u32 mask = masks[flags & O_ACCMODE];
	return flags & O_TRUNC ? mask | MAY_WRITE : mask;
}

static int check_type(const struct path *path, u32 flags, u32 mask)
{
	struct inode *inode = path->dentry->inode;
	switch (inode->mode & K_S_IFMT) {
	case K_S_IFLNK:
		return -ELOOP;
	case K_S_IFDIR:
		return (mask & MAY_WRITE) ? -EISDIR : 0;
	case K_S_IFCHR:
	case K_S_IFBLK:
		return path->mount && (path->mount->flags & MS_NODEV) ? -EACCES : 0;
	case K_S_IFREG:
		if ((mask & MAY_WRITE) && inode->execs)
			return -ETXTBSY;
		break;
	}
	return 0;
}

static int may_open(const struct path *path, u32 flags, bool created)
{
	struct inode *inode = path->dentry->inode;
	u32 mask = access_mask(flags);
	int r = check_type(path, flags, mask);
	if (!r && (mask & MAY_WRITE) && (inode_is(inode, K_S_IFREG)))
		r = mount_want_write(path);
	if (!r && !created)
		r = inode_permission(inode, mask);
	if (!r && (flags & O_NOATIME) && !inode_owned(inode))
		r = -EPERM;
	return r;
}

static const struct file_ops path_ops; /* O_PATH: nothing can be done with it */

int inode_open_special(struct inode *inode, struct file *file)
{
	switch (inode->mode & K_S_IFMT) {
	case K_S_IFCHR:
	case K_S_IFBLK:
		return dev_open(inode, file);
	case K_S_IFIFO:
		return fifo_open(inode, file);
	}
	return -ENXIO;
}

static int open_ops(struct inode *inode, struct file *file)
{
	bool own = inode->ops->open && !inode_is(inode, K_S_IFSOCK);
	return own ? inode->ops->open(inode, file) : inode_open_special(inode, file);
}

/* Makes the open file description; everything has been checked. */
static int do_open(const struct path *path, u32 flags, struct file **out)
{
	struct inode *inode = path->dentry->inode;
	bool only_path = flags & O_PATH;
	struct file *file = file_alloc(&path_ops, inode, flags & ~(u32)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));
	if (!file)
		return -ENFILE;
	file->path = *path;
	path_get(&file->path);
	int r = 0;
	if (!only_path) {
		file_count_open(file, 1); /* file_put() takes it back */
		r = lease_break(inode, flags);
		if (!r)
			r = open_ops(inode, file);
		file->flags &= ~(u32)O_NOCTTY; /* of no use but to the open of a terminal */
		if (r) {
			file_count_open(file, -1);
			file->flags |= O_PATH; /* nothing to release */
		} else if ((flags & O_TRUNC) && inode_is(inode, K_S_IFREG)) {
			r = vfs_truncate(path, inode, 0, false);
		}
	}
	if (r) {
		file_put(file);
		return r;
	}
	if (!only_path)
		inotify_path(path, IN_OPEN_EVENT);
	*out = file;
	return 0;
}

int file_open_path(const struct path *path, u32 flags, struct file **out)
{
	if (!(flags & O_PATH)) {
		int r = may_open(path, flags, false);
		if (r)
			return r;
	}
	return do_open(path, flags, out);
}

int file_open_unchecked(const struct path *path, u32 flags, struct file **out)
{
	return do_open(path, flags, out);
}

/* O_TMPFILE: an inode without a name in the directory's file system. */
static int open_tmpfile(const struct path *dir, const struct open_args *args, struct file **out)
{
	struct inode *parent = dir->dentry->inode, *inode;
	int r = mount_want_write(dir);
	if (!r)
		r = inode_permission(parent, MAY_WRITE | MAY_EXEC);
	if (!r && (!parent->ops->create || !(dir->dentry->sb->pinned || dir->dentry->sb->layered)))
		r = -EOPNOTSUPP;
	if (r)
		return r;
	r = parent->ops->create(parent, NULL, K_S_IFREG | (args->mode & 07777 & ~fs_ctx_current()->umask), 0, &inode);
	if (r)
		return r;
	char name[24];
	ksnprintf(name, sizeof(name), "#%lu", (unsigned long)inode->ino);
	struct path path = {dir->mount, dentry_alloc(dir->dentry, name, strlen(name))};
	if (!path.dentry) {
		inode_put(inode);
		return -ENOMEM;
	}
	path.dentry->inode = inode;
	path.dentry->flags |= DENTRY_DELETED;
	mount_get(path.mount);
	inode->nlink = 0;
	inode->linkable = !(args->flags & O_EXCL);
	r = do_open(&path, args->flags & ~(u32)O_EXCL, out);
	path_put(&path);
	return r;
}

static int create_last(struct walk *w, u32 mode, struct path *out)
{
	struct dentry *d;
	struct inode *inode, *dir = w->at.dentry->inode;
	int r = w->trailing ? -EISDIR : walk_new(w, NEW_TELLS, &d);
	if (r)
		return r == -EPERM && !dir->ops->create ? -EACCES : r; /* as Linux tells open(2) from mkdir(2) */
	r = dir->ops->create(dir, d, K_S_IFREG | (mode & 07777 & ~fs_ctx_current()->umask), 0, &inode);
	if (r) {
		dentry_put(d);
		return r;
	}
	d = dentry_enter(d, inode);
	inotify_dir(dir, d->name, IN_CREATE_EVENT, 0);
	mount_get(w->at.mount);
	*out = (struct path){w->at.mount, d};
	return 0;
}

/* One round at the last name of open(O_CREAT); -EAGAIN: a symbolic link leads on. */
static int open_create_step(struct walk *w, const struct open_args *args, struct path *out, bool *created)
{
	if (w->type != LAST_NORMAL)
		return args->flags & O_EXCL ? -EEXIST : -EISDIR;
	int r = w->trailing ? walk_last(w, out) : walk_last_unless_told(w, out);
	for (unsigned tries = 0; r == -ENOENT; tries++) {
		r = create_last(w, args->mode, out);
		*created = !r;
		if (r != -EEXIST || args->flags & O_EXCL || tries == CREATE_TRIES)
			return r;
		r = walk_last(w, out);
	}
	if (r)
		return r;
	if (args->flags & O_EXCL)
		r = -EEXIST;
	else if (w->trailing)
		r = -EISDIR;
	else if (inode_is(out->dentry->inode, K_S_IFDIR))
		r = -EISDIR;
	else if (inode_is(out->dentry->inode, K_S_IFLNK) && !(args->flags & O_NOFOLLOW)) {
		struct inode *link = out->dentry->inode;
		bool magic = link->ops->follow;
		r = walk_follow(w, out);
		if (!r && magic && !*w->rest) { /* it led straight to the file */
			*out = w->at;
			path_get(out);
			return 0;
		}
		return r ? r : -EAGAIN;
	}
	if (r)
		path_put(out);
	return r;
}

static int open_create(int dirfd, const char *name, const struct open_args *args, struct file **out)
{
	struct walk w;
	struct path path;
	bool created = false;
	int r = walk_begin(&w, dirfd, name, args->lookup | LOOKUP_PARENT | LOOKUP_OPEN);
	if (r)
		return r;
	do {
		r = walk_run(&w);
		if (!r)
			r = open_create_step(&w, args, &path, &created);
	} while (r == -EAGAIN);
	walk_end(&w);
	if (r)
		return r;
	r = may_open(&path, created ? args->flags & ~(u32)O_TRUNC : args->flags, created);
	if (!r)
		r = do_open(&path, args->flags, out);
	path_put(&path);
	return r;
}

static int open_exec(const struct path *path, struct file **out)
{
	struct inode *inode = path->dentry->inode;
	if (!inode_is(inode, K_S_IFREG) || (path->mount && (path->mount->flags & MS_NOEXEC)))
		return -EACCES;
	int r = inode_permission(inode, MAY_EXEC);
	if (!r && inode->writers)
		r = -ETXTBSY;
	if (!r)
		r = do_open(path, O_RDONLY, out);
	if (!r) {
		(*out)->executes = true;
		inode->execs++;
	}
	return r;
}

int vfs_open(int dirfd, const char *name, const struct open_args *args, struct file **out)
{
	struct path path;
	u32 flags = args->flags;
	bool tmpfile = (flags & O_TMPFILE) == O_TMPFILE;
	if ((flags & O_CREAT) && !(flags & O_PATH))
		return open_create(dirfd, name, args, out);
	u32 lookup = args->lookup;
	if (!(flags & O_NOFOLLOW))
		lookup |= LOOKUP_FOLLOW;
	if (flags & O_DIRECTORY)
		lookup |= LOOKUP_DIRECTORY;
	if (!(flags & O_PATH))
		lookup |= LOOKUP_OPEN;
	if (!(flags & (O_PATH | O_DIRECTORY | O_TRUNC)) && (flags & O_ACCMODE) != O_WRONLY)
		lookup |= LOOKUP_READ;
	int r = path_resolve(dirfd, name, lookup, &path);
	if (r)
		return r;
	if (args->exec)
		r = open_exec(&path, out);
	else if (tmpfile && !(flags & O_PATH))
		r = open_tmpfile(&path, args, out);
	else
		r = file_open_path(&path, flags, out);
	path_put(&path);
	return r;
}

int file_open(int dirfd, const char *name, u32 flags, u32 mode, struct file **out)
{
	struct open_args args = {.flags = flags, .mode = mode};
	return vfs_open(dirfd, name, &args, out);
}

int file_open_exec(int dirfd, const char *name, int at_flags, struct file **out)
{
	struct open_args args = {.exec = true};
	if (at_flags & AT_SYMLINK_NOFOLLOW)
		args.flags |= O_NOFOLLOW;
	if (at_flags & AT_EMPTY_PATH)
		args.lookup |= LOOKUP_EMPTY;
	int r = vfs_open(dirfd, name, &args, out);
	return r;
}
