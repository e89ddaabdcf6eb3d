/* SPDX-License-Identifier: Apache-2.0
 *
 * The overlay file system: another file system's tree, which is only read, below changes that are kept in memory.
 *
 * An inode is a tmpfs inode that may have something below it: pages that it does not have are those of the lower file,
 * names that a directory does not have are those of the lower directory (dentry.h has the rules). So nothing is copied
 * before it changes, and of a file only the pages that do. Attributes are the overlay's own from the start. What below
 * has changed must be found again: a changed inode is kept until its last name goes.
 */
#ifndef GUESTKERNEL_FS_OVERLAY_H
#define GUESTKERNEL_FS_OVERLAY_H

#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/tmpfs.h"

#define OVERLAY_HASH	    1024u
#define OVERLAY_NAMES_LIMIT 16384u	 /* names kept of what is below: each keeps one there */
#define OVERLAY_FIRST_INO   (1ull << 51) /* of new files: hardly a host's number, and exact in a double */

struct overlay_sb {	       /* sb->data */
	struct tmpfs_sb upper; /* first: it is tmpfs's sb->data */
	struct list all;       /* overlays */
	struct path lower;
	struct overlay_node *hash[OVERLAY_HASH];
	char options[128];
};

struct overlay_node { /* inode->data */
	struct tmpfs_node upper;
	struct overlay_node *hash_next;
	struct inode *inode;
	struct dentry *lower;	 /* a reference; NULL: new */
	u64 lower_bytes;	 /* regular files: what is below up to here shows where there is no page */
	struct file *lower_file; /* while it is open */
	u32 opens;
	bool changed;	 /* the superblock has a reference */
	bool own_xattrs; /* what is below has no say in them any more */
	bool removed;	 /* directories: nothing of what is below shows any more */
};

static inline struct overlay_node *overlay_node(const struct inode *inode)
{
	return inode->data;
}
static inline struct overlay_sb *overlay_sb(const struct inode *inode)
{
	return inode->sb->data;
}

/* ---- overlay.c ---- */

/* mount(2): lowerdir=PATH,upperdir=PATH,workdir=PATH as in Linux. upperdir must be an empty directory of a tmpfs: what
 * changes is kept in memory in any case, and does not show there. The root may be a regular file. */
int overlay_create(const char *options, struct superblock **out);

/* ---- overlay_inode.c ---- */

/* The inode over what is below (the reference is taken over, also on failure). -ENOMEM */
int overlay_inode_get(struct superblock *sb, struct dentry *lower, struct inode **out);
/* A new inode. -ENOSPC, -ENOMEM */
int overlay_inode_new(struct superblock *sb, u32 mode, u64 rdev, struct inode **out);
/* It differs from what is below: it is kept from now on. */
void overlay_changed(struct inode *inode);
/* It need not be found any more: it has no name. */
void overlay_forget(struct inode *inode);
/* A file of a file system below has lost pages [first, end): mappings that show them here fault again. */
void overlay_lower_lost(const struct inode *lower, u64 first, u64 end);
extern struct list overlays;
/* Opens what is below for reading. */
int overlay_open_lower(const struct inode *inode, u32 flags, struct file **out);

/* ---- overlay_names.c ---- */

int overlay_lookup(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out);
void overlay_lookup_ahead(struct dentry *dir, const char *path, u32 hint);
int overlay_make(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, struct inode **out);
int overlay_symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out);
int overlay_link(struct inode *dir, struct dentry *d, struct inode *inode);
int overlay_unlink(struct inode *dir, struct dentry *d);
int overlay_rmdir(struct inode *dir, struct dentry *d);
int overlay_rename(struct inode *old_dir, struct inode *inode, struct inode *new_dir, struct inode *replaced,
		   u32 flags);

/* ---- overlay_dir.c ---- */

extern const struct file_ops overlay_dir_ops;
int overlay_empty(struct dentry *d);

/* ---- overlay_file.c ---- */

extern const struct file_ops overlay_file_ops;
int overlay_open_file(struct inode *inode, struct file *file);
int overlay_truncate(struct inode *inode, u64 size);
int overlay_get_page(struct inode *inode, u64 index, bool create, struct page **out);
int overlay_page_dirty(struct inode *inode, u64 index);

#endif
