/* SPDX-License-Identifier: Apache-2.0
 *
 * Notification of changes (inotify(7)): where the rest of fs/ reports events.
 */
#ifndef GUESTKERNEL_FS_INOTIFY_H
#define GUESTKERNEL_FS_INOTIFY_H

#include "guestkernel/fs/vfs.h"

/* IN_* of <linux/inotify.h>, whose inclusion drags <linux/fcntl.h> in. */
#define IN_ACCESS_EVENT	       0x1u
#define IN_MODIFY_EVENT	       0x2u
#define IN_ATTRIB_EVENT	       0x4u
#define IN_CLOSE_WRITE_EVENT   0x8u
#define IN_CLOSE_NOWRITE_EVENT 0x10u
#define IN_OPEN_EVENT	       0x20u
#define IN_MOVED_FROM_EVENT    0x40u
#define IN_MOVED_TO_EVENT      0x80u
#define IN_CREATE_EVENT	       0x100u
#define IN_DELETE_EVENT	       0x200u
#define IN_DELETE_SELF_EVENT   0x400u
#define IN_MOVE_SELF_EVENT     0x800u
#define IN_ISDIR_EVENT	       0x40000000u

/* Something happened to what a path names: its own watches and those of its directory are told. */
void inotify_path(const struct path *path, u32 event);
void inotify_dentry(struct dentry *d, u32 event);
/* Something happened to the name in a directory; cookie joins the two halves of a rename. */
void inotify_dir(struct inode *dir, const char *name, u32 event, u32 cookie);
void inotify_inode(struct inode *inode, u32 event);
u32 inotify_cookie(void);
/* The inode is freed: its watches end. */
void inotify_inode_gone(struct inode *inode);
/* True once any watch exists: lets hot paths skip the calls. */
extern unsigned inotify_watches;

int inotify_create(u32 flags, struct file **out);
/* Has a mask of inotify_add_watch(2) events, and none that is unknown? */
bool inotify_valid_mask(u32 mask);
/* Is it an instance, and does the mask tell one way of adding alone? Else -EINVAL is due. */
bool inotify_takes(const struct file *file, u32 mask);
/* Adds or changes a watch, after those two; its descriptor, -EACCES, -EEXIST, -ENOMEM. */
int inotify_add(struct file *file, const struct path *path, u32 mask);
int inotify_remove(struct file *file, int wd);

#endif
