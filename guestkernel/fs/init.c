/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the list of file system types and what is mounted at boot.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

int devpts_create(const char *options, struct superblock **out) __attribute__((weak)); /* drv/pty.c */

const char *const filesystem_types[] = {"tmpfs", "ramfs",   "devtmpfs", "devpts",   "proc", "sysfs",
					"9p",	 "overlay", "erofs",	"squashfs", NULL};

int filesystem_create(const char *type, const char *source, const char *options, struct superblock **out)
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
	if (!strcmp(type, "erofs"))
		return image_create(&erofs_format, source, options, out);
	if (!strcmp(type, "squashfs"))
		return image_create(&squashfs_format, source, options, out);
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
	if (filesystem_create(type, NULL, "", &sb) || mount_add(sb, &at, flags, type))
		panic("cannot mount /%s", name);
	dentry_put(point);
}

/* What is only kept from files of others: blocks of images go first, which are only a part of what is kept. */
static u64 reclaim(u64 pages)
{
	u64 done = image_reclaim(pages);
	return done < pages ? done + p9_reclaim(pages - done) : done;
}

void vfs_init(void)
{
	struct superblock *root;
	page_reclaim = reclaim;
	if (tmpfs_create(&tmpfs_super_ops, "mode=755", &root) || mount_add(root, NULL, 0, "tmpfs"))
		panic("no memory for the root file system");
	mount_at(root, "dev", "devtmpfs", 0755, MS_NOSUID);
	mount_at(root, "proc", "proc", 0555, MS_NOSUID | MS_NODEV | MS_NOEXEC);
	mount_at(root, "sys", "sysfs", 0555, MS_NOSUID | MS_NODEV | MS_NOEXEC);
}
