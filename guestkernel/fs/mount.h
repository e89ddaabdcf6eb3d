/* SPDX-License-Identifier: Apache-2.0
 *
 * Mounts: which file system stands on which directory. One mount namespace for the whole guest.
 */
#ifndef GUESTKERNEL_FS_MOUNT_H
#define GUESTKERNEL_FS_MOUNT_H

#include "guestkernel/fs/vfs.h"

struct mount {
	u32 refs;
	int id;
	u32 flags;	       /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME ... */
	u32 writers;	       /* regular files open for writing through it */
	u32 entered;	       /* walks that came down into it ... */
	u32 expires;	       /* ... and how many there will be when MNT_EXPIRE is asked again, if nobody else comes */
	struct superblock *sb; /* a reference */
	struct dentry *root;   /* a reference; what the mount shows */
	struct mount *parent;  /* NULL: the root of all, or detached */
	struct dentry *point;  /* in parent; a reference */
	struct list link;      /* all_mounts, in order of mounting */
	struct mount *copy;    /* during a recursive bind */
	char source[64];
};
extern struct list all_mounts;
extern struct mount *root_mount;

/* A superblock without a root; NULL: memory. */
struct superblock *superblock_alloc(const struct super_ops *ops);
void superblock_get(struct superblock *sb);
void superblock_put(struct superblock *sb);

/* Mounts a whole file system (takes over the reference to sb, also when it fails) on `at` (NULL: as root). */
int mount_add(struct superblock *sb, const struct path *at, u32 flags, const char *source);
void mount_get(struct mount *m);
void mount_put(struct mount *m);
/* Replaces *path by the root of what is mounted on it, as often as needed. Takes and gives references. */
void mount_cross_down(struct path *path);
/* At the root of a mount: goes to the directory that it stands on; false at the topmost root. */
bool mount_cross_up(struct path *path);
/* -EROFS when nothing may be changed below this path. */
int mount_want_write(const struct path *path);

/* mount(2), umount2(2), pivot_root(2) with names copied in. */
int vfs_mount(const char *source, const char *target, const char *type, u32 flags, const char *options);
int vfs_umount(const char *target, u32 flags);
int vfs_pivot_root(const char *new_root, const char *put_old);

/* Makes a file system of a type; source (NULL: none) and options as of mount(2). -ENODEV for unknown types. */
int filesystem_create(const char *type, const char *source, const char *options, struct superblock **out);
extern const char *const filesystem_types[]; /* NULL-terminated, for /proc/filesystems */

#endif
