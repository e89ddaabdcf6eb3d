/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on inodes and names with the permission checks of the system calls.
 */
#ifndef GUESTKERNEL_FS_INODE_H
#define GUESTKERNEL_FS_INODE_H

#include "guestkernel/fs/vfs.h"

#define MAY_EXEC  1u
#define MAY_WRITE 2u
#define MAY_READ  4u

/* A new inode of sb (NULL: of none), refs 1, owned by the current process, times now; NULL: memory. */
struct inode *inode_alloc(struct superblock *sb, const struct inode_ops *ops, u32 mode);
struct k_timespec time_now(void);
bool inode_owned(const struct inode *inode); /* by the current process, or it has CAP_FOWNER */
u32 fs_uid(void);
u32 fs_gid(void);
bool fs_capable(int cap); /* cred_has_cap(); true in the kernel's own threads */
void inode_touch_atime(const struct path *path, struct inode *inode); /* relatime */
void inode_changed(struct inode *inode);			      /* mtime and ctime now */
void inode_stat(struct inode *inode, struct k_stat *st);
/* Contents were written or the owner changes: set-user-ID and set-group-ID go unless privileged. */
void inode_drop_suid(struct inode *inode);
/* Gives a new inode what a set-group-ID directory hands on. */
void inode_inherit_group(struct inode *inode, const struct inode *dir);

#define ATTR_MODE      1u
#define ATTR_UID       2u
#define ATTR_GID       4u
#define ATTR_ATIME     8u
#define ATTR_MTIME     16u
#define ATTR_TIMES_NOW 32u /* both times are "now": write permission suffices */
#define ATTR_ATIME_NOW 64u /* atime is "now": the moment of the change, as ctime */
#define ATTR_MTIME_NOW 128u
#define ATTR_CHOWN     256u /* by chown(2): set-id bits go, though neither owner nor group may be given */
struct attr {
	u32 valid, mode, uid, gid;
	struct k_timespec atime, mtime;
};
int vfs_setattr(const struct path *path, const struct attr *attr);
/* want_permission: truncate(2) checks write permission, ftruncate(2) has done so at open. */
int vfs_truncate(const struct path *path, struct inode *inode, u64 size, bool want_permission);

/* RLIMIT_FSIZE for a file that is to grow to `size`: 0, or -EFBIG after SIGXFSZ. */
int vfs_check_size_limit(const struct inode *inode, u64 size);

/* inode_ops.open of what is neither a regular file nor a directory, the same in each file system: FIFOs and devices;
 * -ENXIO */
int inode_open_special(struct inode *inode, struct file *file);

/* Names; all check permission. name_* in namei.h prepare the arguments. */
int vfs_mknod(int dirfd, const char *name, u32 mode, u64 rdev, struct inode **out);
int vfs_mkdir(int dirfd, const char *name, u32 mode);
int vfs_symlink(const char *target, int dirfd, const char *name);
int vfs_link(int old_dirfd, const char *old, int new_dirfd, const char *new, u32 at_flags);
int vfs_unlink(int dirfd, const char *name);
int vfs_rmdir(int dirfd, const char *name);
int vfs_rename(int old_dirfd, const char *old, int new_dirfd, const char *new, u32 flags);
/* May the current process remove (or replace) the entry? -EPERM, -EACCES */
int vfs_may_delete(struct inode *dir, struct inode *victim);

/* Extended attributes. */
struct xattr {
	struct list link;
	size_t size;
	char *name;
	u8 value[];
};
void xattr_free_all(struct list *xattrs);
/* A new one at the list's end, with room for its value. -ENOMEM */
int xattr_append(struct list *xattrs, const char *name, size_t size, struct xattr **out);
/* Appends copies of all in `from`. -ENOMEM */
int xattr_copy_all(struct list *from, struct list *to);
long vfs_getxattr(struct inode *inode, const char *name, void *value, size_t size);
int vfs_setxattr(const struct path *path, struct inode *inode, const char *name, const void *value, size_t size,
		 u32 flags);
long vfs_listxattr(struct inode *inode, char *list, size_t size);
int vfs_removexattr(const struct path *path, struct inode *inode, const char *name);

#endif
