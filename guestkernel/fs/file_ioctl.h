/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUESTKERNEL_FS_FILE_IOCTL_H
#define GUESTKERNEL_FS_FILE_IOCTL_H

#include "guestkernel/fs/vfs.h"

/* Requests that all files have, whatever they are (ioctl_fs(2)); *done false: this is none of them. */
long file_ioctl(struct file *file, u32 cmd, u64 arg, bool *done);

#endif
