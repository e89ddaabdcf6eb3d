/* SPDX-License-Identifier: Apache-2.0
 *
 * tmpfs: files that live in memory. Its page cache is the data.
 */
#ifndef GUESTKERNEL_FS_TMPFS_H
#define GUESTKERNEL_FS_TMPFS_H

#include "guestkernel/fs/radix.h"
#include "guestkernel/fs/vfs.h"

struct page;

struct tmpfs_node {	    /* inode->data */
	struct radix pages; /* regular files: struct page, each with a reference */
	char *target;	    /* symbolic links */
	struct list xattrs;
};
struct tmpfs_sb {
	u64 pages, page_limit; /* of file contents */
	u64 inodes, inode_limit;
	u32 root_mode, root_uid, root_gid;
	bool pooled; /* mounted: its pages count for the limit of all together */
	bool sized;  /* page_limit was asked for: it holds beside that limit, else in place of it */
};

static inline struct tmpfs_node *tmpfs_node(const struct inode *inode)
{
	return inode->data;
}
static inline struct tmpfs_sb *tmpfs_sb(const struct inode *inode)
{
	return inode->sb->data;
}

/* What programs may add to all mounted file systems in memory together, from now on; once. -EPERM: there is a limit */
int tmpfs_pool_set_limit(u64 bytes);
u64 tmpfs_pool_limit(void); /* bytes; 0: none */
void tmpfs_pool_count(struct tmpfs_sb *t, bool added);
/* Pages that can still be added; what statfs tells as the size. */
u64 tmpfs_pages_left(const struct tmpfs_sb *t);
u64 tmpfs_pages_total(const struct tmpfs_sb *t);

/* A file system with an empty root directory. Options: size=N[k|m|g|%], nr_inodes=N, mode=OCTAL, uid=N, gid=N. -EINVAL,
 * -ENOMEM */
int tmpfs_create(const struct super_ops *ops, const char *options, struct superblock **out);
extern const struct super_ops tmpfs_super_ops;
extern const struct super_ops devtmpfs_super_ops;
extern const struct super_ops devpts_super_ops;
/* A new inode of the file system, any type; NULL: memory or too many. */
struct inode *tmpfs_inode(struct superblock *sb, u32 mode, u64 rdev);

/* tmpfs_file.c: contents of regular files */
extern const struct file_ops tmpfs_file_ops;
int tmpfs_get_page(struct inode *inode, u64 index, bool create, struct page **page);
int tmpfs_truncate(struct inode *inode, u64 size);
/* Puts a page into the cache; takes over the caller's reference also on failure. The place must be free. -ENOSPC,
 * -ENOMEM */
int tmpfs_insert_page(struct inode *inode, u64 index, struct page *page);
void tmpfs_free_pages(struct inode *inode);

/* memfd_create(2) with the name copied in; flags MFD_*. */
int memfd_create_file(const char *name, u32 flags, struct file **out);
int memfd_add_seals(struct file *file, u32 seals);
int memfd_get_seals(struct file *file);

#endif
