/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving data between files inside the kernel, as page references where possible.
 */
#ifndef GUESTKERNEL_FS_SPLICE_H
#define GUESTKERNEL_FS_SPLICE_H

#include "guestkernel/fs/vfs.h"

/* One of the files is a pipe. Positions NULL: the file's own. Flags SPLICE_F_*. Bytes, or -errno. */
long splice_files(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, size_t len, u32 flags);
/* From any file that can be read to any that can be written, through a pipe that nobody sees (sendfile,
 * copy_file_range). */
long splice_direct(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, size_t len);
long splice_tee(struct file *in, struct file *out, size_t len, u32 flags);
/* vmsplice(2): the program's pages into a pipe, or a pipe's bytes to the program. */
long splice_user(struct file *pipe, struct uio *uio, u32 flags);

#endif
