/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns what an overlay's names do: looking below, and the counts and times of what changes. The entries themselves are
 * dentry.c's: new names are pinned, removed ones hidden, a renamed directory takes what is below it along.
 */
#include <linux/fs.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define ENTRY_SIZE 20u /* as tmpfs counts */

/* ---- lookup ---- */

/* Below it is out of descriptors: names are let go here, so that they can be there. */
static void keep_fewer(struct superblock *sb)
{
	sb->names_limit = MAX(MIN(sb->names_limit, sb->names) / 4 * 3, 64u);
	if (sb->names > sb->names_limit)
		dentry_shrink(sb, sb->names - sb->names_limit);
}

int overlay_lookup(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out)
{
	struct overlay_node *node = overlay_node(dir->inode);
	struct dentry *lower;
	if (!node->lower || node->removed)
		return -ENOENT;
	int r = dentry_lookup(node->lower, name, len, hint, &lower);
	if (r == -ENFILE) {
		keep_fewer(dir->sb);
		r = dentry_lookup(node->lower, name, len, hint, &lower);
	}
	if (r)
		return r;
	if (node->removed) { /* while it slept */
		dentry_put(lower);
		return -ENOENT;
	}
	return overlay_inode_get(dir->sb, lower, out);
}

void overlay_lookup_ahead(struct dentry *dir, const char *path, u32 hint)
{
	struct dentry *lower = overlay_node(dir->inode)->lower;
	size_t len = 0;
	while (path[len] && path[len] != '/')
		len++;
	if (lower && !overlay_node(dir->inode)->removed && lower->inode->ops->lookup_ahead &&
	    !dentry_cached(lower, path, len))
		lower->inode->ops->lookup_ahead(lower, path, hint);
}

/* ---- counts and times ---- */

static void entry_added(struct inode *dir, bool is_dir)
{
	overlay_changed(dir);
	if (!overlay_node(dir)->lower)
		dir->size += ENTRY_SIZE;
	dir->nlink += is_dir;
	inode_changed(dir);
}

/* A directory of the host keeps the size that it has there, and may not count its links. */
static void entry_removed(struct inode *dir, bool is_dir)
{
	overlay_changed(dir);
	if (!overlay_node(dir)->lower)
		dir->size -= ENTRY_SIZE;
	if (is_dir && dir->nlink > 2)
		dir->nlink--;
	inode_changed(dir);
}

static void lost_name(struct inode *inode)
{
	inode->ctime = time_now();
	overlay_changed(inode);
	if (inode_is(inode, K_S_IFDIR)) {
		inode->nlink = 0;
		overlay_node(inode)->removed = true;
	} else if (inode->nlink) {
		inode->nlink--;
	}
	if (!inode->nlink)
		overlay_forget(inode);
}

/* ---- operations ---- */

int overlay_make(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, struct inode **out)
{
	int r = overlay_inode_new(dir->sb, mode, rdev, out);
	if (r)
		return r;
	struct inode *inode = *out;
	bool is_dir = inode_is(inode, K_S_IFDIR);
	inode_inherit_group(inode, dir);
	if (d) {
		d->flags |= DENTRY_PINNED;
		entry_added(dir, is_dir);
	}
	return 0;
}

int overlay_symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out)
{
	char *copy = kstrdup(target);
	if (!copy)
		return -ENOMEM;
	int r = overlay_make(dir, d, K_S_IFLNK | 0777, 0, out);
	if (r) {
		kfree(copy);
		return r;
	}
	overlay_node(*out)->upper.target = copy;
	(*out)->size = strlen(copy);
	return 0;
}

int overlay_link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	d->flags |= DENTRY_PINNED;
	inode->nlink++;
	inode->linkable = false;
	inode->ctime = time_now();
	overlay_changed(inode);
	entry_added(dir, false);
	return 0;
}

static int remove_name(struct inode *dir, struct dentry *d)
{
	int r = d->flags & DENTRY_LOWER ? dentry_hide(d) : 0;
	if (r)
		return r;
	lost_name(d->inode);
	entry_removed(dir, inode_is(d->inode, K_S_IFDIR));
	return 0;
}

int overlay_unlink(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d);
}

int overlay_rmdir(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d);
}

int overlay_rename(struct inode *old_dir, struct inode *inode, struct inode *new_dir, struct inode *replaced, u32 flags)
{
	bool is_dir = inode_is(inode, K_S_IFDIR);
	inode->ctime = time_now();
	overlay_changed(inode);
	entry_removed(old_dir, is_dir);
	if (flags & RENAME_EXCHANGE) {
		bool other_dir = inode_is(replaced, K_S_IFDIR);
		replaced->ctime = inode->ctime;
		overlay_changed(replaced);
		entry_removed(new_dir, other_dir);
		entry_added(old_dir, other_dir);
	} else if (replaced) {
		lost_name(replaced);
		entry_removed(new_dir, inode_is(replaced, K_S_IFDIR));
	}
	entry_added(new_dir, is_dir);
	return 0;
}
