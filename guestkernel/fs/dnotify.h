/* SPDX-License-Identifier: Apache-2.0
 *
 * Notification of changes in directories by signals (fcntl(2), F_NOTIFY), from the events that inotify.h is told of.
 */
#ifndef GUESTKERNEL_FS_DNOTIFY_H
#define GUESTKERNEL_FS_DNOTIFY_H

#include "guestkernel/fs/vfs.h"

extern unsigned dnotify_count; /* directories that are watched this way */

/* F_NOTIFY: DN_* bits are added to what the process is told of the open directory; none: it is told of nothing any
 * more. fd: what the signals tell. -ENOTDIR, -ENOMEM */
int dnotify_set(struct file *file, int fd, u32 mask);
/* An event (IN_*) of an inode or of a name in it. */
void dnotify_tell(const struct inode *inode, u32 event);
/* A name changed within one directory. */
void dnotify_renamed(const struct inode *dir);
/* A descriptor of this table for the file was closed. */
void dnotify_close(const struct file *file, const struct files *owner);

#endif
