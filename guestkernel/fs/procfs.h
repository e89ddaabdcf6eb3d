/* SPDX-License-Identifier: Apache-2.0
 *
 * procfs and sysfs: files whose text is made when they are read.
 */
#ifndef GUESTKERNEL_FS_PROCFS_H
#define GUESTKERNEL_FS_PROCFS_H

#include "guestkernel/fs/vfs.h"

int procfs_create(struct superblock **out);
int sysfs_create(struct superblock **out);

#endif
