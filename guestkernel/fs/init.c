/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the list of file system types and what is mounted at boot.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"

int devpts_create(const char *options, struct superblock **out) __attribute__((weak)); /* drv/pty.c */

const char *const filesystem_types[] = {"tmpfs", "ramfs", "devtmpfs", "devpts", "proc", "sysfs", "9p", "overlay", NULL};

int filesystem_create(const char *type, const char *options, struct superblock **out)
{
	if (!strcmp(type, "tmpfs") || !strcmp(type, "ramfs"))
		return tmpfs_create(&tmpfs_super_ops, options, out);
	if (!strcmp(type, "devtmpfs"))
		return devtmpfs_create(options, out);
	if (!strcmp(type, "proc"))
		return procfs_create(out);
	if (!strcmp(type, "9p"))
		return p9_create(options, out);
	if (!strcmp(type, "overlay"))
		return overlay_create(options, out);
	if (!strcmp(type, "sysfs"))
		return sysfs_create(out);
	if (!strcmp(type, "devpts") && devpts_create)
		return devpts_create(options, out);
	return -ENODEV;
}

static void mount_at(struct superblock *root, const char *name, const char *type, u32 mode, u32 flags)
{
	struct superblock *sb;
	struct dentry *point;
	struct inode *dir = root->root->inode, *inode;
	if (dir->ops->create(dir, root->root, K_S_IFDIR | mode, 0, &inode) ||
	    dentry_make(root->root, name, inode, &point))
		panic("cannot make /%s", name);
	struct path at = {root_mount, point};
	if (filesystem_create(type, "", &sb) || mount_add(sb, &at, flags, type))
		panic("cannot mount /%s", name);
	dentry_put(point);
}

void vfs_init(void)
{
	struct superblock *root;
	if (tmpfs_create(&tmpfs_super_ops, "mode=755", &root) || mount_add(root, NULL, 0, "tmpfs"))
		panic("no memory for the root file system");
	mount_at(root, "dev", "devtmpfs", 0755, MS_NOSUID);
	mount_at(root, "proc", "proc", 0555, MS_NOSUID | MS_NODEV | MS_NOEXEC);
	mount_at(root, "sys", "sysfs", 0555, MS_NOSUID | MS_NODEV | MS_NOEXEC);
}
