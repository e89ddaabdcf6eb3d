/* SPDX-License-Identifier: Apache-2.0
 *
 * Leases of files (fcntl(2), F_SETLEASE): who holds one is told before somebody opens the file in a way that conflicts,
 * and the opening waits until the holder has given it up or the time is over.
 */
#ifndef GUESTKERNEL_FS_LEASE_H
#define GUESTKERNEL_FS_LEASE_H

#include "guestkernel/fs/vfs.h"

extern u64 lease_break_seconds; /* fs.lease-break-time; 0: for ever */

/* F_SETLEASE: type is F_RDLCK, F_WRLCK or F_UNLCK; fd is what signals tell. -EAGAIN: open elsewhere, or leased, in a
 * way that conflicts, or there is none to give up; -EACCES: another's file; -EINVAL: no such type, or a file that has
 * no leases; -ENOMEM. */
int lease_set(struct file *file, int fd, u64 type);
/* F_GETLEASE: the type to which the lease is being reduced while it is broken. */
int lease_get(struct file *file);
/* The inode is about to be opened with these flags (or truncated: O_WRONLY): sleeps until no lease is against it.
 * -EWOULDBLOCK with O_NONBLOCK, -ERESTARTSYS */
int lease_break_slow(struct inode *inode, u32 flags);
static inline int lease_break(struct inode *inode, u32 flags)
{
	return unlikely(inode->leases) ? lease_break_slow(inode, flags) : 0;
}
/* The open file description is gone. */
void lease_release(struct file *file);
void lease_inode_gone(struct inode *inode);

#endif
