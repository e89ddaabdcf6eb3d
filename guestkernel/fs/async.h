/* SPDX-License-Identifier: Apache-2.0
 *
 * Signal-driven I/O (fcntl(2), O_ASYNC): whom an open file's events are signalled to, and the signals.
 */
#ifndef GUESTKERNEL_FS_ASYNC_H
#define GUESTKERNEL_FS_ASYNC_H

#include "guestkernel/fs/vfs.h"

/* An event of this bit is not new to whoever has O_ASYNC: it only wakes those who wait. */
#define WAKE_QUIETLY (1u << 26)

enum async_owner { ASYNC_THREAD, ASYNC_PROCESS, ASYNC_GROUP }; /* F_OWNER_TID, PID, PGRP */

/* F_SETOWN, F_SETOWN_EX: id 0 is nobody. -ESRCH: nobody has this number; -ENOMEM. */
int async_set_owner(struct file *file, enum async_owner type, int id);
/* Number of the owner, 0: none. */
int async_owner(const struct file *file, enum async_owner *type);
/* F_SETSIG, F_GETSIG: 0 is SIGIO without details. -EINVAL, -ENOMEM. */
int async_set_signal(struct file *file, u64 sig);
int async_signal(const struct file *file);
/* Sets or clears O_ASYNC; fd is what the signals tell. Nothing happens to files whose type sends none.
 * -ENOMEM
 */
int async_switch(struct file *file, int fd, bool on);
/* A write found less room than it wanted: room to come is news. */
void async_full(struct file *file);
/* SIGURG to the owner, whether O_ASYNC is set or not. file may be NULL. */
void async_urgent(struct file *file);
/* Tells the owner of something that is no state of the file: a lease that is to be given up, a change in a directory.
 */
void async_message(struct file *file, int fd);
/* struct file_ops.async of types whose files begin without an owner. */
int async_nobody(struct file *file);
/* The last reference goes. */
void async_file_gone(struct file *file);

#endif
