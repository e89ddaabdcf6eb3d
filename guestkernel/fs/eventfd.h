/* SPDX-License-Identifier: Apache-2.0
 *
 * eventfd(2): a counter that can be waited for.
 */
#ifndef GUESTKERNEL_FS_EVENTFD_H
#define GUESTKERNEL_FS_EVENTFD_H

#include "guestkernel/fs/vfs.h"

/* flags: EFD_SEMAPHORE, EFD_NONBLOCK (checked by the caller). */
int eventfd_create(u64 initial, u32 flags, struct file **out);

#endif
