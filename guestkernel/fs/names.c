/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns what creates, removes and renames names. Knows nothing of how a file system stores them.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dnotify.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/namei.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

static int finish_new(struct walk *w, struct dentry *d, int r, struct inode *inode)
{
	if (r) {
		dentry_put(d);
		return r;
	}
	d = dentry_enter(d, inode);
	inotify_dir(w->at.dentry->inode, d->name, IN_CREATE_EVENT | (inode_is(inode, K_S_IFDIR) ? IN_ISDIR_EVENT : 0),
		    0);
	dentry_put(d);
	return 0;
}

int vfs_mknod(int dirfd, const char *name, u32 mode, u64 rdev, struct inode **out)
{
	struct walk w;
	struct dentry *d;
	struct inode *inode = NULL;
	u32 type = mode & K_S_IFMT;
	int r = walk_parent(&w, dirfd, name, 0);
	if (r)
		return r;
	r = walk_new(&w, 0, &d);
	if (!r && (type == K_S_IFCHR || type == K_S_IFBLK) && !fs_capable(CAP_MKNOD)) {
		dentry_put(d);
		r = -EPERM;
	}
	if (!r) {
		struct inode *dir = w.at.dentry->inode;
		r = dir->ops->create(dir, d, type | (mode & 07777 & ~fs_ctx_current()->umask), rdev, &inode);
		if (!r && out) {
			inode_get(inode);
			*out = inode;
		}
		r = finish_new(&w, d, r, inode);
	}
	walk_end(&w);
	return r;
}

int vfs_mkdir(int dirfd, const char *name, u32 mode)
{
	struct walk w;
	struct dentry *d;
	struct inode *inode = NULL;
	int r = walk_parent(&w, dirfd, name, 0);
	if (r)
		return r;
	r = walk_new(&w, NEW_DIRECTORY | NEW_TELLS, &d);
	if (!r) {
		struct inode *dir = w.at.dentry->inode;
		r = dir->ops->create(dir, d, K_S_IFDIR | (mode & 01777 & ~fs_ctx_current()->umask), 0, &inode);
		r = finish_new(&w, d, r, inode);
	}
	walk_end(&w);
	return r;
}

int vfs_symlink(const char *target, int dirfd, const char *name)
{
	struct walk w;
	struct dentry *d;
	struct inode *inode = NULL;
	if (!*target)
		return -ENOENT;
	int r = walk_parent(&w, dirfd, name, 0);
	if (r)
		return r;
	r = walk_new(&w, NEW_TELLS, &d);
	if (!r) {
		struct inode *dir = w.at.dentry->inode;
		r = dir->ops->symlink ? dir->ops->symlink(dir, d, target, &inode) : -EPERM;
		r = finish_new(&w, d, r, inode);
	}
	walk_end(&w);
	return r;
}

/* What linkat(2) may give another name. */
static int link_source(int dirfd, const char *name, u32 at_flags, struct path *out)
{
	u32 lookup = at_flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
	if (at_flags & AT_EMPTY_PATH) {
		if (!*name && !fs_capable(CAP_DAC_READ_SEARCH))
			return -ENOENT;
		lookup |= LOOKUP_EMPTY;
	}
	return path_lookup(dirfd, name, lookup, out);
}

static int do_link(struct walk *w, const struct path *source)
{
	struct inode *inode = source->dentry->inode, *dir = w->at.dentry->inode;
	struct dentry *d;
	int r = walk_new(w, 0, &d);
	if (r)
		return r;
	if (source->mount != w->at.mount)
		r = -EXDEV;
	else if (inode_is(inode, K_S_IFDIR) || !dir->ops->link)
		r = -EPERM;
	else if (inode->nlink == 0 && !inode->linkable)
		r = -ENOENT;
	else
		r = dir->ops->link(dir, d, inode);
	if (!r) {
		inode_get(inode);
		inotify_inode(inode, IN_ATTRIB_EVENT);
	}
	return finish_new(w, d, r, inode);
}

int vfs_link(int old_dirfd, const char *old, int new_dirfd, const char *new, u32 at_flags)
{
	struct path source;
	struct walk w;
	int r = link_source(old_dirfd, old, at_flags, &source);
	if (r)
		return r;
	r = walk_parent(&w, new_dirfd, new, 0);
	if (!r) {
		r = do_link(&w, &source);
		walk_end(&w);
	}
	path_put(&source);
	return r;
}

int vfs_may_delete(struct inode *dir, struct inode *victim)
{
	int r = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (r)
		return r;
	if ((dir->mode & K_S_ISVTX) && victim->uid != fs_uid() && dir->uid != fs_uid() && !fs_capable(CAP_FOWNER))
		return -EPERM;
	return 0;
}

/* The victim of a removal: its own dentry, not what is mounted on it. */
static int find_victim(struct walk *w, struct dentry **out)
{
	int r = dentry_lookup(w->at.dentry, w->last, w->last_len, LOOKUP_OPEN | LOOKUP_GONE, out);
	if (r)
		return r;
	r = mount_want_write(&w->at);
	if (!r)
		r = vfs_may_delete(w->at.dentry->inode, (*out)->inode);
	if (r)
		dentry_put(*out);
	return r;
}

/* After the file system has removed it (r 0) or not. The file's own end is reported before that of its name. */
static void drop_victim(struct inode *dir, struct dentry *d, int r, u32 dir_flag)
{
	char *name = !r && inotify_watches ? kstrdup(d->name) : NULL;
	if (!r) {
		dentry_drop_tree(d); /* what was kept below it */
		dentry_delete(d);
	}
	dentry_put(d);
	if (name)
		inotify_dir(dir, name, IN_DELETE_EVENT | dir_flag, 0);
	kfree(name);
}

static int do_unlink(struct walk *w)
{
	struct dentry *d;
	struct inode *dir = w->at.dentry->inode;
	int r = find_victim(w, &d);
	if (r)
		return r;
	if (w->trailing)
		r = inode_is(d->inode, K_S_IFDIR) ? -EISDIR : -ENOTDIR;
	else if (inode_is(d->inode, K_S_IFDIR))
		r = -EISDIR;
	else if (d->mounts)
		r = -EBUSY;
	else
		r = dir->ops->unlink ? dir->ops->unlink(dir, d) : -EPERM;
	if (!r)
		inotify_inode(d->inode, IN_ATTRIB_EVENT);
	drop_victim(dir, d, r, 0);
	return r;
}

int vfs_unlink(int dirfd, const char *name)
{
	struct walk w;
	int r = walk_parent(&w, dirfd, name, 0);
	if (r)
		return r;
	r = w.type == LAST_NORMAL ? do_unlink(&w) : -EISDIR;
	walk_end(&w);
	return r;
}

/* Can the directory go? May sleep. */
static int check_empty(struct dentry *d)
{
	if (d->sb->pinned)
		return dentry_has_children(d) ? -ENOTEMPTY : 0;
	int r = d->inode->ops->empty ? d->inode->ops->empty(d) : 0;
	return r ? r : d->flags & DENTRY_DELETED ? -ENOENT : 0;
}

static int do_rmdir(struct walk *w)
{
	struct dentry *d;
	struct inode *dir = w->at.dentry->inode;
	int r = find_victim(w, &d);
	if (r)
		return r;
	if (!inode_is(d->inode, K_S_IFDIR))
		r = -ENOTDIR;
	else if (d->mounts)
		r = -EBUSY;
	else if (!(r = check_empty(d)))
		r = dir->ops->rmdir ? dir->ops->rmdir(dir, d) : -EPERM;
	drop_victim(dir, d, r, IN_ISDIR_EVENT);
	return r;
}

int vfs_rmdir(int dirfd, const char *name)
{
	static const int errors[] = {[LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_ROOT] = -EBUSY};
	struct walk w;
	int r = walk_parent(&w, dirfd, name, 0);
	if (r)
		return r;
	r = w.type == LAST_NORMAL ? do_rmdir(&w) : errors[w.type];
	walk_end(&w);
	return r;
}

/* ---- rename ---- */

struct renaming {
	struct walk from, to;
	struct dentry *source, *target; /* target NULL: a new name */
	u32 flags;
};

static int check_directories(struct renaming *n)
{
	bool from_dir = inode_is(n->source->inode, K_S_IFDIR);
	bool exchange = n->flags & RENAME_EXCHANGE;
	bool to_dir = n->target && inode_is(n->target->inode, K_S_IFDIR);
	/* A directory cannot become its own descendant, and nothing can replace its own ancestor. */
	if (dentry_below(n->to.at.dentry, n->source))
		return -EINVAL;
	if (n->target && dentry_below(n->from.at.dentry, n->target))
		return exchange ? -EINVAL : -ENOTEMPTY;
	if (!from_dir && n->from.trailing)
		return -ENOTDIR;
	if (n->to.trailing && !(exchange ? to_dir : from_dir))
		return -ENOTDIR;
	if (!n->target || exchange)
		return 0;
	if (from_dir && !to_dir)
		return -ENOTDIR;
	if (!from_dir && to_dir)
		return -EISDIR;
	return to_dir ? check_empty(n->target) : 0;
}

/* The file system slept: do the names stand for what was found? Where a server decides, it does so now. */
static bool still_there(const struct renaming *n)
{
	const struct dentry *target = dentry_cached(n->to.at.dentry, n->to.last, n->to.last_len);
	if (target && !target->inode)
		target = NULL;
	return dentry_cached(n->from.at.dentry, n->from.last, n->from.last_len) == n->source && target == n->target;
}

static int check_rename(struct renaming *n)
{
	struct inode *from = n->from.at.dentry->inode, *to = n->to.at.dentry->inode;
	int r = check_directories(n);
	if (!r)
		r = vfs_may_delete(from, n->source->inode);
	if (!r)
		r = n->target ? vfs_may_delete(to, n->target->inode) : inode_permission(to, MAY_WRITE | MAY_EXEC);
	/* Moving a directory changes its "..". */
	if (!r && from != to && inode_is(n->source->inode, K_S_IFDIR))
		r = inode_permission(n->source->inode, MAY_WRITE);
	if (!r && (n->flags & RENAME_EXCHANGE) && n->target && from != to && inode_is(n->target->inode, K_S_IFDIR))
		r = inode_permission(n->target->inode, MAY_WRITE);
	if (!r && (n->source->mounts || (n->target && n->target->mounts)))
		r = -EBUSY;
	if (!r && (n->to.at.dentry->flags & DENTRY_DELETED))
		r = -ENOENT;
	if (!r && from->sb->layered && !still_there(n))
		r = -ENOENT;
	if (!r && !from->ops->rename && !from->ops->rename_name)
		r = -EPERM;
	if (!r && (n->flags & RENAME_WHITEOUT) && (from->sb->layered || !from->ops->rename))
		r = -EINVAL; /* a tmpfs alone can */
	return r;
}

/* One dentry has gone from this name in `from` to where it is now; `replaced` may be NULL. */
static void report_move(struct inode *from, const char *old_name, struct dentry *d, struct inode *replaced)
{
	u32 cookie = inotify_cookie();
	u32 dir = inode_is(d->inode, K_S_IFDIR) ? IN_ISDIR_EVENT : 0;
	inotify_dir(from, old_name, IN_MOVED_FROM_EVENT | dir, cookie);
	inotify_dir(d->parent->inode, d->name, IN_MOVED_TO_EVENT | dir, cookie);
	if (dnotify_count && d->parent->inode == from)
		dnotify_renamed(from);
	if (replaced)
		inotify_inode(replaced, IN_ATTRIB_EVENT);
	inotify_inode(d->inode, IN_MOVE_SELF_EVENT);
}

static void report_rename(struct renaming *n, const char *old_name)
{
	bool exchange = n->flags & RENAME_EXCHANGE;
	report_move(n->from.at.dentry->inode, old_name, n->source, n->target && !exchange ? n->target->inode : NULL);
	if (exchange && n->target)
		report_move(n->to.at.dentry->inode, n->source->name, n->target, NULL);
}

/* RENAME_WHITEOUT: what will stand in the place of the old name, a character device 0:0. */
static int make_whiteout(struct dentry *source, struct dentry **out)
{
	struct inode *dir = source->parent->inode, *inode;
	struct dentry *d = dentry_alloc(source->parent, source->name, source->len);
	int r = d ? dir->ops->create(dir, d, K_S_IFCHR, 0, &inode) : -ENOMEM;
	if (r) {
		dentry_put(d);
		return r;
	}
	d->inode = inode;
	*out = d;
	return 0;
}

/* The move has left the name free, or failed (r). */
static void place_whiteout(struct dentry *d, int r)
{
	struct inode *dir = d->parent->inode;
	if (r)
		dir->ops->unlink(dir, d);
	else
		dentry_add(d, d->inode);
	dentry_put(d);
}

static int move_dentry(struct renaming *n)
{
	struct dentry *whiteout = NULL;
	int r = n->flags & RENAME_WHITEOUT ? make_whiteout(n->source, &whiteout) : 0;
	if (r)
		return r;
	r = dentry_move(n->source, n->to.at.dentry, n->to.last, n->to.last_len);
	if (whiteout)
		place_whiteout(whiteout, r);
	if (!r && n->target) {
		dentry_drop_tree(n->target); /* what was kept below it */
		dentry_delete(n->target);
	}
	return r;
}

static int move_entries(struct renaming *n)
{
	struct inode *from = n->from.at.dentry->inode, *to = n->to.at.dentry->inode;
	char *old_name = inotify_watches ? kstrdup(n->source->name) : NULL;
	int r = 0;
	if (from->ops->rename_name)
		r = from->ops->rename_name(from, n->source, to, n->to.last, n->to.last_len,
					   n->target ? n->target->inode : NULL, n->flags);
	if (r) {
		kfree(old_name);
		return r;
	}
	r = n->flags & RENAME_EXCHANGE ? dentry_exchange(n->source, n->target) : move_dentry(n);
	if (!r && !from->ops->rename_name)
		r = from->ops->rename(from, n->source->inode, to, n->target ? n->target->inode : NULL, n->flags);
	if (!r && old_name)
		report_rename(n, old_name);
	kfree(old_name);
	return r;
}

static int do_rename(struct renaming *n)
{
	int r = mount_want_write(&n->from.at);
	if (r)
		return r;
	r = dentry_lookup(n->from.at.dentry, n->from.last, n->from.last_len, LOOKUP_OPEN, &n->source);
	if (r)
		return r;
	r = dentry_lookup(n->to.at.dentry, n->to.last, n->to.last_len, LOOKUP_OPEN, &n->target);
	if (r == -ENOENT && !(n->flags & RENAME_EXCHANGE) && !tells_absence(n->to.at.dentry->inode))
		r = 0;
	else if (!r && (n->flags & RENAME_NOREPLACE))
		r = -EEXIST;
	if (!r && n->target && n->target->inode == n->source->inode && !(n->flags & RENAME_EXCHANGE))
		goto out; /* two names of one file: nothing happens */
	if (!r)
		r = check_rename(n);
	if (!r && n->source != n->target)
		r = move_entries(n);
out:
	dentry_put(n->source);
	dentry_put(n->target);
	return r;
}

int vfs_rename(int old_dirfd, const char *old, int new_dirfd, const char *new, u32 flags)
{
	struct renaming n = {.flags = flags};
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	int r = walk_parent(&n.from, old_dirfd, old, 0);
	if (r)
		return r;
	r = walk_parent(&n.to, new_dirfd, new, 0);
	if (!r) {
		if (n.from.at.mount != n.to.at.mount)
			r = -EXDEV;
		else if (n.from.type != LAST_NORMAL)
			r = -EBUSY;
		else if (n.to.type != LAST_NORMAL)
			r = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
		else
			r = do_rename(&n);
		walk_end(&n.to);
	}
	walk_end(&n.from);
	return r;
}
