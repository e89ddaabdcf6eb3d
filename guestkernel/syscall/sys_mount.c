/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that make files of other kinds: mount, umount2, pivot_root, inotify, memfd_create.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/limits.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

/* A string that may be missing. */
static int get_optional(u64 addr, char **out)
{
	*out = NULL;
	return addr ? get_path(addr, out) : 0;
}

SYSCALL(mount)
{
	char *source __attribute__((cleanup(free_path))) = NULL;
	char *type __attribute__((cleanup(free_path))) = NULL;
	char *options __attribute__((cleanup(free_path))) = NULL;
	GET_PATH(target, b);
	int r = get_optional(a, &source);
	if (!r)
		r = get_optional(c, &type);
	if (!r)
		r = get_optional(e, &options);
	if ((d & 0xffff0000) == MS_MGC_VAL)
		d &= ~(u64)MS_MGC_MSK;
	return r ? r : vfs_mount(source, target, type, (u32)d, options);
}

SYSCALL(umount2)
{
	GET_PATH(target, a);
	return vfs_umount(target, (u32)b);
}

SYSCALL(pivot_root)
{
	GET_PATH(new_root, a);
	GET_PATH(put_old, b);
	return vfs_pivot_root(new_root, put_old);
}

/* ---- inotify ---- */

static long new_inotify(u64 flags)
{
	struct file *file;
	if (flags & ~(u64)(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	int r = inotify_create((u32)flags, &file);
	if (r)
		return r;
	int fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(inotify_init)
{
	return new_inotify(0);
}

SYSCALL(inotify_init1)
{
	return new_inotify(a);
}

#define IN_ONLYDIR     0x01000000u
#define IN_DONT_FOLLOW 0x02000000u

SYSCALL(inotify_add_watch)
{
	if (!inotify_valid_mask((u32)c))
		return -EINVAL;
	GET_FILE(file, a);
	if (!inotify_takes(file, (u32)c))
		return -EINVAL;
	GET_PATH(name, b);
	PATH_AUTO(path);
	u32 lookup = (c & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (c & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
	int r = path_lookup(AT_FDCWD, name, lookup, &path);
	return r ? r : inotify_add(file, &path, (u32)c);
}

SYSCALL(inotify_rm_watch)
{
	GET_FILE(file, a);
	return inotify_remove(file, (int)b);
}

/* ---- memfd ---- */

#define MEMFD_CLOEXEC 1u

SYSCALL(memfd_create)
{
	struct file *file;
	char name[256];
	long n = strncpy_from_user(name, user(a), sizeof(name));
	if (n == -ENAMETOOLONG)
		return -EINVAL;
	if (n < 0)
		return n;
	int r = memfd_create_file(name, (u32)b, &file);
	if (r)
		return r;
	int fd = fd_install(file, 0, b & MEMFD_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}
