/* SPDX-License-Identifier: Apache-2.0
 *
 * Character devices by number, and the contents of /dev.
 */
#ifndef GUESTKERNEL_FS_DEV_H
#define GUESTKERNEL_FS_DEV_H

#include "guestkernel/fs/vfs.h"

/* Device number as stat(2) shows it. */
#define DEV(major, minor) ((u64)(major) << 8 | ((u64)(minor)&0xff) | ((u64)(minor) & ~0xffull) << 12)

/* A driver's devices: `count` minors from rdev on. open may be NULL: then file->ops are ops. The struct stays linked.
 */
struct chrdev {
	u64 rdev;
	u32 count;
	const struct file_ops *ops;
	int (*open)(struct inode *inode, struct file *file);
	struct list link;
};
void dev_register(struct chrdev *dev);
/* open(2) of a device inode: -ENXIO when no driver has the number. */
int dev_open(struct inode *inode, struct file *file);
/* Makes NAME in /dev (for drivers that start after vfs_init()). */
int dev_make_node(const char *name, u32 mode, u64 rdev);
/* A devtmpfs: the standard nodes. */
int devtmpfs_create(const char *options, struct superblock **out);

#endif
