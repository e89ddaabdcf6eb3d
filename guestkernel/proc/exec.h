/* SPDX-License-Identifier: Apache-2.0
 *
 * execve: building the new program's address space. Nothing of the old program is touched until all of it has
 * succeeded.
 */
#ifndef GUESTKERNEL_PROC_EXEC_H
#define GUESTKERNEL_PROC_EXEC_H

#include "guestkernel/proc/process.h"

struct mm;
struct file;

struct exec_image {
	struct mm *mm;
	u64 entry, stack;
	u32 euid, egid; /* after set-user-ID and set-group-ID bits */
	bool setid;	/* one of them took effect */
	char comm[16];
};

/* Opens path (following #! up to 5 levels), maps it and its interpreter, writes arguments, environment and auxv onto
 * the new stack. -ENOENT, -EACCES, -ENOEXEC, -ELIBBAD, -ELOOP, -E2BIG, -ENOMEM, -EINVAL ... The caller owns image->mm
 * on success. */
int exec_load(int dirfd, const char *path, int at_flags, const struct exec_args *args, struct exec_image *image);

#endif
