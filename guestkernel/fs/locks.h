/* SPDX-License-Identifier: Apache-2.0
 *
 * Advisory file locks: flock(2), fcntl(2) POSIX locks and open-file-description locks.
 */
#ifndef GUESTKERNEL_FS_LOCKS_H
#define GUESTKERNEL_FS_LOCKS_H

#include "guestkernel/fs/vfs.h"

/* struct flock of fcntl(2), 64 bit. */
struct k_flock {
	s16 type, whence;
	s32 pad;
	s64 start, len;
	s32 pid;
	s32 pad2;
};

/* flock(2); operation as there. Sleeps unless LOCK_NB. */
int locks_flock(struct file *file, u32 operation);
/* F_GETLK, F_SETLK, F_SETLKW and the OFD variants; fl is read and (GETLK) filled. */
int locks_fcntl(struct file *file, u32 cmd, struct k_flock *fl);
/* close(2) drops all POSIX locks that the table's process has on the inode. */
void locks_close(struct file *file, struct files *owner);
/* The open file description is gone. */
void locks_release(struct file *file);
void locks_inode_gone(struct inode *inode);
/* The lines of /proc/PID/fdinfo/FD about the locks that a file, or the process with this table, has there. */
struct text;
void locks_show_file(struct text *t, const struct file *file, const struct files *files);
void locks_show_all(struct text *t); /* /proc/locks */

#endif
