/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the inodes of an overlay: which stands over what below, how long it is kept, its attributes.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

static const struct inode_ops overlay_inode_ops;

struct list overlays = LIST_INIT(overlays);

/* All names of a file have one inode. A directory has one name; what looks like another (a mount of the host shown
 * twice) is another directory here. */
static const void *key_of(const struct dentry *lower)
{
	return inode_is(lower->inode, K_S_IFDIR) ? (const void *)lower : lower->inode;
}

static struct overlay_node **slot_of(struct overlay_sb *overlay, const void *key)
{
	u64 n = (u64)key;
	return &overlay->hash[(n >> 4 ^ n >> 14) % OVERLAY_HASH];
}

static struct overlay_node *find(struct overlay_sb *overlay, const void *key)
{
	struct overlay_node *node = *slot_of(overlay, key);
	while (node && key_of(node->lower) != key)
		node = node->hash_next;
	return node;
}

void overlay_lower_lost(const struct inode *lower, u64 first, u64 end)
{
	struct overlay_sb *overlay;
	list_for_each (overlay, &overlays, all) {
		struct overlay_node *node = find(overlay, lower);
		if (!node || !node->inode->refs)
			continue;
		mm_unmap_inode_range(node->inode, first, end);
		overlay_lower_lost(node->inode, first, end); /* an overlay over an overlay */
	}
}

static struct inode *alloc(struct superblock *sb, u32 mode)
{
	struct overlay_node *node = kzalloc(sizeof(*node));
	struct inode *inode = node ? inode_alloc(sb, &overlay_inode_ops, mode) : NULL;
	if (!inode) {
		kfree(node);
		return NULL;
	}
	list_init(&node->upper.xattrs);
	node->inode = inode;
	inode->data = node;
	inode->seals = F_SEAL_SEAL;
	return inode;
}

int overlay_inode_new(struct superblock *sb, u32 mode, u64 rdev, struct inode **out)
{
	struct overlay_sb *overlay = sb->data;
	if (overlay->upper.inodes >= overlay->upper.inode_limit)
		return -ENOSPC;
	struct inode *inode = alloc(sb, mode);
	if (!inode)
		return -ENOMEM;
	inode->rdev = rdev;
	if (inode_is(inode, K_S_IFDIR))
		inode->nlink = 2;
	overlay->upper.inodes++;
	*out = inode;
	return 0;
}

static void copy_attributes(struct inode *inode, const struct inode *lower)
{
	inode->uid = lower->uid;
	inode->gid = lower->gid;
	inode->nlink = lower->nlink;
	inode->rdev = lower->rdev;
	inode->size = lower->size;
	inode->ino = lower->ino;
	inode->atime = lower->atime;
	inode->mtime = lower->mtime;
	inode->ctime = lower->ctime;
	inode->btime = lower->btime;
}

int overlay_inode_get(struct superblock *sb, struct dentry *lower, struct inode **out)
{
	struct overlay_sb *overlay = sb->data;
	struct overlay_node *node = find(overlay, key_of(lower));
	if (node) {
		dentry_put(lower);
		inode_get(node->inode);
		*out = node->inode;
		return 0;
	}
	u64 next_ino = sb->next_ino;
	struct inode *inode = alloc(sb, lower->inode->mode);
	sb->next_ino = next_ino;
	if (!inode) {
		dentry_put(lower);
		return -ENOMEM;
	}
	copy_attributes(inode, lower->inode);
	node = overlay_node(inode);
	node->lower = lower;
	node->lower_bytes = inode_is(inode, K_S_IFREG) ? inode->size : 0;
	struct overlay_node **slot = slot_of(overlay, key_of(lower));
	node->hash_next = *slot;
	*slot = node;
	*out = inode;
	return 0;
}

void overlay_changed(struct inode *inode)
{
	struct overlay_node *node = overlay_node(inode);
	if (!node->lower || node->changed)
		return;
	node->changed = true;
	inode_get(inode);
}

void overlay_forget(struct inode *inode)
{
	struct overlay_node *node = overlay_node(inode);
	if (!node->changed)
		return;
	node->changed = false;
	inode_put(inode);
}

int overlay_open_lower(const struct inode *inode, u32 flags, struct file **out)
{
	struct path path = {overlay_sb(inode)->lower.mount, overlay_node(inode)->lower};
	return file_open_unchecked(&path, flags, out);
}

static void destroy(struct inode *inode)
{
	struct overlay_node *node = overlay_node(inode);
	struct overlay_sb *overlay = overlay_sb(inode);
	tmpfs_free_pages(inode);
	xattr_free_all(&node->upper.xattrs);
	kfree(node->upper.target);
	if (node->lower) {
		struct overlay_node **link = slot_of(overlay, key_of(node->lower));
		while (*link != node)
			link = &(*link)->hash_next;
		*link = node->hash_next;
		dentry_put(node->lower);
	} else {
		overlay->upper.inodes--;
	}
	kfree(node);
}

/* ---- operations ---- */

static long readlink(struct inode *inode, char *buf, size_t size)
{
	struct overlay_node *node = overlay_node(inode);
	if (!node->upper.target && node->lower) {
		struct inode *lower = node->lower->inode;
		return lower->ops->readlink ? lower->ops->readlink(lower, buf, size) : -EINVAL;
	}
	if (!node->upper.target)
		return -EINVAL;
	size_t n = MIN(strlen(node->upper.target), size);
	memcpy(buf, node->upper.target, n);
	return (long)n;
}

static int open_node(struct inode *inode, struct file *file)
{
	switch (inode->mode & K_S_IFMT) {
	case K_S_IFREG:
		return overlay_open_file(inode, file);
	case K_S_IFDIR:
		file->ops = &overlay_dir_ops;
		return 0;
	}
	return inode_open_special(inode, file); /* the guest's own FIFOs, whoever else has one there */
}

static int setattr(struct inode *inode, const struct attr *attr)
{
	overlay_changed(inode);
	return 0;
}

static int getattr(struct inode *inode, struct k_stat *st)
{
	struct overlay_node *node = overlay_node(inode);
	st->blocks = (s64)(node->upper.pages.count * (PAGE_SIZE / 512));
	if (node->lower && (node->lower_bytes || !inode_is(inode, K_S_IFREG))) {
		struct k_stat below;
		inode_stat(node->lower->inode, &below);
		st->blocks = MAX(st->blocks, below.blocks); /* pages of both are counted once */
	}
	return 0;
}

/* Those below are taken over when one of them is to change. */
static int xattrs(struct inode *inode, bool change, struct list *temporary, struct list **out)
{
	struct overlay_node *node = overlay_node(inode);
	struct inode *lower = node->lower && !node->own_xattrs ? node->lower->inode : NULL;
	*out = &node->upper.xattrs;
	if (!lower || !lower->ops->xattrs)
		return 0;
	int r = lower->ops->xattrs(lower, false, temporary, out);
	if (r || !change)
		return r;
	if (!node->own_xattrs) /* nobody else did it meanwhile */
		r = xattr_copy_all(*out, &node->upper.xattrs);
	if (r)
		xattr_free_all(&node->upper.xattrs);
	node->own_xattrs = !r;
	*out = &node->upper.xattrs;
	return r;
}

static const struct inode_ops overlay_inode_ops = {
    .lookup_entry = overlay_lookup,
    .lookup_ahead = overlay_lookup_ahead,
    .create = overlay_make,
    .symlink = overlay_symlink,
    .link = overlay_link,
    .unlink = overlay_unlink,
    .rmdir = overlay_rmdir,
    .empty = overlay_empty,
    .rename = overlay_rename,
    .readlink = readlink,
    .open = open_node,
    .truncate = overlay_truncate,
    .setattr = setattr,
    .getattr = getattr,
    .get_page = overlay_get_page,
    .page_dirty = overlay_page_dirty,
    .xattrs = xattrs,
    .destroy = destroy,
};
