/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of arguments that many file system calls share.
 */
#ifndef GUESTKERNEL_SYSCALL_FS_ARGS_H
#define GUESTKERNEL_SYSCALL_FS_ARGS_H

#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

/* A path copied in; kfree() it. -ENAMETOOLONG, -EFAULT, -ENOMEM */
int get_path(u64 addr, char **out);
static inline void free_path(char **name)
{
	kfree(*name);
}
/* Declares `char *var` with the path at addr, freed at the end of the block; returns from the handler on an error. */
#define GET_PATH(var, addr)                                                                                            \
	char *var __attribute__((cleanup(free_path))) = NULL;                                                          \
	do {                                                                                                           \
		int get_path_result__ = get_path((addr), &var);                                                        \
		if (get_path_result__)                                                                                 \
			return get_path_result__;                                                                      \
	} while (0)

static inline void drop_file(struct file **file)
{
	if (*file)
		file_put(*file);
}
/* Declares `struct file *var` of a descriptor (not O_PATH), dropped at the end of the block; -EBADF. */
#define GET_FILE(var, fd)                                                                                              \
	struct file *var __attribute__((cleanup(drop_file))) = fd_get((int)(fd));                                      \
	if (!var)                                                                                                      \
	return -EBADF

static inline void drop_path(struct path *path)
{
	path_put(path);
}
#define PATH_AUTO(var) struct path var __attribute__((cleanup(drop_path))) = {NULL, NULL}

/* AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH as LOOKUP_*. */
u32 at_lookup(u64 flags);
/* What a descriptor or a name (with AT_EMPTY_PATH) stands for: *inode is referenced, *path too when there is one. */
int get_inode(int dirfd, u64 name, u64 flags, struct path *path, struct inode **inode);

#endif
