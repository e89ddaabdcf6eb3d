/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for any of several files: what poll(2) and select(2) share.
 */
#ifndef GUESTKERNEL_FS_POLL_H
#define GUESTKERNEL_FS_POLL_H

#include "guestkernel/fs/vfs.h"

struct poll_one {
	struct file *file; /* a reference that poll_many() drops; NULL: skipped */
	u32 events;	   /* asked for, EPOLLERR and EPOLLHUP always */
	u32 result;	   /* what is there of them */
};
/* Waits until at least one has a result or the deadline (ns since boot; 0: none, 1: only looks). Returns how many,
 * -ERESTARTSYS, -ENOMEM. */
int poll_many(struct poll_one *list, size_t count, u64 deadline_ns);

#endif
