/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that change attributes: mode, owner, times, extended attributes.
 */
#include <linux/fcntl.h>
#include <linux/limits.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/limits.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

/* Files without a name (pipes, sockets, memfd) have attributes too. */
static int set_inode(const struct path *path, struct inode *inode, const struct attr *attr)
{
	if (path->dentry)
		return vfs_setattr(path, attr);
	struct dentry nameless = {.inode = inode, .parent = &nameless};
	struct path p = {NULL, &nameless};
	return vfs_setattr(&p, attr);
}

static long set_at(int dirfd, u64 addr, u64 flags, const struct attr *attr)
{
	PATH_AUTO(path);
	struct inode *inode;
	int r = get_inode(dirfd, addr, flags, &path, &inode);
	if (r)
		return r;
	r = set_inode(&path, inode, attr);
	inode_put(inode);
	return r;
}

static long set_fd(u64 fd, const struct attr *attr)
{
	GET_FILE(file, fd);
	return set_inode(&file->path, file->inode, attr);
}

SYSCALL(chmod)
{
	return set_at(AT_FDCWD, a, 0, &(struct attr){.valid = ATTR_MODE, .mode = (u32)b});
}

SYSCALL(fchmod)
{
	return set_fd(a, &(struct attr){.valid = ATTR_MODE, .mode = (u32)b});
}

SYSCALL(fchmodat)
{
	return set_at((int)a, b, 0, &(struct attr){.valid = ATTR_MODE, .mode = (u32)c});
}

static struct attr owner(u64 uid, u64 gid)
{
	struct attr attr = {.valid = ATTR_CHOWN, .uid = (u32)uid, .gid = (u32)gid};
	if (attr.uid != ~0u)
		attr.valid |= ATTR_UID;
	if (attr.gid != ~0u)
		attr.valid |= ATTR_GID;
	return attr;
}

SYSCALL(chown)
{
	struct attr attr = owner(b, c);
	return set_at(AT_FDCWD, a, 0, &attr);
}

SYSCALL(lchown)
{
	struct attr attr = owner(b, c);
	return set_at(AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, &attr);
}

SYSCALL(fchown)
{
	struct attr attr = owner(b, c);
	return set_fd(a, &attr);
}

SYSCALL(fchownat)
{
	struct attr attr = owner(c, d);
	if (e & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return set_at((int)a, b, e, &attr);
}

/* ---- times ---- */

#define NOW_NSEC  0x3fffffff /* UTIME_NOW */
#define OMIT_NSEC 0x3ffffffe /* UTIME_OMIT */

static int one_time(const struct k_timespec *t, u32 bit, u32 bit_now, struct attr *attr, struct k_timespec *out)
{
	if (t->nsec == OMIT_NSEC)
		return 0;
	if (t->nsec != NOW_NSEC && (t->nsec < 0 || t->nsec > 999999999))
		return -EINVAL;
	attr->valid |= t->nsec == NOW_NSEC ? bit | bit_now : bit;
	*out = t->nsec == NOW_NSEC ? time_now() : *t;
	return 0;
}

/* times NULL: both are now. */
static int decode_times(const struct k_timespec *times, struct attr *attr)
{
	if (!times) {
		attr->valid = ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_NOW | ATTR_MTIME_NOW | ATTR_TIMES_NOW;
		attr->atime = attr->mtime = time_now();
		return 0;
	}
	int r = one_time(&times[0], ATTR_ATIME, ATTR_ATIME_NOW, attr, &attr->atime);
	if (!r)
		r = one_time(&times[1], ATTR_MTIME, ATTR_MTIME_NOW, attr, &attr->mtime);
	if (times[0].nsec == NOW_NSEC && times[1].nsec == NOW_NSEC)
		attr->valid |= ATTR_TIMES_NOW;
	return r;
}

/* Nothing is to be set: not even the file has to exist. */
static bool omits_both(const struct k_timespec *times)
{
	return times && times[0].nsec == OMIT_NSEC && times[1].nsec == OMIT_NSEC;
}

static long set_times(int dirfd, u64 addr, u64 flags, const struct k_timespec *times)
{
	PATH_AUTO(path);
	struct inode *inode;
	struct attr attr = {0};
	if (omits_both(times))
		return 0;
	if (flags & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int r = get_inode(dirfd, addr, flags, &path, &inode);
	if (r)
		return r;
	r = decode_times(times, &attr);
	if (!r)
		r = set_inode(&path, inode, &attr);
	inode_put(inode);
	return r;
}

static long set_times_fd(u64 fd, u64 flags, const struct k_timespec *times)
{
	struct attr attr = {0};
	if (omits_both(times))
		return 0;
	if (flags)
		return -EINVAL;
	GET_FILE(file, fd);
	int r = decode_times(times, &attr);
	return r ? r : set_inode(&file->path, file->inode, &attr);
}

SYSCALL(utimensat)
{
	struct k_timespec times[2];
	if (c && copy_from_user(times, user(c), sizeof(times)))
		return -EFAULT;
	if (!b && !(d & AT_EMPTY_PATH) && (int)a != AT_FDCWD)
		return set_times_fd(a, d, c ? times : NULL);
	return set_times((int)a, b, d, c ? times : NULL);
}

static long set_timevals(int dirfd, u64 addr, u64 vals_addr)
{
	struct k_timeval vals[2];
	struct k_timespec times[2];
	if (!vals_addr)
		return set_times(dirfd, addr, 0, NULL);
	if (copy_from_user(vals, user(vals_addr), sizeof(vals)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (vals[i].usec < 0 || vals[i].usec > 999999)
			return -EINVAL;
		times[i] = (struct k_timespec){vals[i].sec, vals[i].usec * 1000};
	}
	return set_times(dirfd, addr, 0, times);
}

SYSCALL(utimes)
{
	return set_timevals(AT_FDCWD, a, b);
}

SYSCALL(futimesat)
{
	return set_timevals((int)a, b, c);
}

SYSCALL(utime)
{
	s64 seconds[2];
	if (!b)
		return set_times(AT_FDCWD, a, 0, NULL);
	if (copy_from_user(seconds, user(b), sizeof(seconds)))
		return -EFAULT;
	struct k_timespec times[2] = {{seconds[0], 0}, {seconds[1], 0}};
	return set_times(AT_FDCWD, a, 0, times);
}

/* ---- extended attributes ---- */

/* What the calls act on: a name (followed or not) or a descriptor. */
struct target {
	struct path path;
	struct inode *inode;
};

static void drop_target(struct target *t)
{
	path_put(&t->path);
	if (t->inode)
		inode_put(t->inode);
}
#define TARGET(t) struct target t __attribute__((cleanup(drop_target))) = {{NULL, NULL}, NULL}

enum how { FOLLOW, NOFOLLOW, DESCRIPTOR };

static int get_target(u64 what, enum how how, struct target *t)
{
	if (how != DESCRIPTOR)
		return get_inode(AT_FDCWD, what, how == NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &t->path, &t->inode);
	GET_FILE(file, what);
	t->path = file->path;
	path_get(&t->path);
	t->inode = file->inode;
	inode_get(t->inode);
	return 0;
}

static int get_name(u64 addr, char name[XATTR_NAME_MAX + 1])
{
	long n = strncpy_from_user(name, user(addr), XATTR_NAME_MAX + 1);
	if (n == -ENAMETOOLONG || n == 0)
		return -ERANGE;
	return n < 0 ? (int)n : 0;
}

static long set_xattr(u64 what, u64 name_addr, u64 value_addr, u64 size, u64 flags, enum how how)
{
	char name[XATTR_NAME_MAX + 1];
	TARGET(t);
	if (flags & ~3ull)
		return -EINVAL;
	int r = get_name(name_addr, name);
	if (r)
		return r;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	void *value = size ? kmalloc(size) : NULL;
	if (size && !value)
		return -ENOMEM;
	if (size && copy_from_user(value, user(value_addr), size))
		r = -EFAULT;
	if (!r)
		r = get_target(what, how, &t);
	if (!r)
		r = vfs_setxattr(&t.path, t.inode, name, value, size, (u32)flags);
	kfree(value);
	return r;
}

/* Values and lists go through a kernel buffer no larger than either side needs. */
static long get_xattr(u64 what, u64 name_addr, u64 value_addr, u64 size, enum how how, bool list)
{
	char name[XATTR_NAME_MAX + 1];
	TARGET(t);
	int r = list ? 0 : get_name(name_addr, name);
	if (!r)
		r = get_target(what, how, &t);
	if (r)
		return r;
	size = MIN(size, (u64)XATTR_SIZE_MAX);
	void *value = size ? kmalloc(size) : NULL;
	if (size && !value)
		return -ENOMEM;
	long n = list ? vfs_listxattr(t.inode, value, size) : vfs_getxattr(t.inode, name, value, size);
	if (n > 0 && size && copy_to_user(user(value_addr), value, (size_t)n))
		n = -EFAULT;
	kfree(value);
	return n;
}

static long remove_xattr(u64 what, u64 name_addr, enum how how)
{
	char name[XATTR_NAME_MAX + 1];
	TARGET(t);
	int r = get_name(name_addr, name);
	if (!r)
		r = get_target(what, how, &t);
	return r ? r : vfs_removexattr(&t.path, t.inode, name);
}

SYSCALL(setxattr)
{
	return set_xattr(a, b, c, d, e, FOLLOW);
}
SYSCALL(lsetxattr)
{
	return set_xattr(a, b, c, d, e, NOFOLLOW);
}
SYSCALL(fsetxattr)
{
	return set_xattr(a, b, c, d, e, DESCRIPTOR);
}
SYSCALL(getxattr)
{
	return get_xattr(a, b, c, d, FOLLOW, false);
}
SYSCALL(lgetxattr)
{
	return get_xattr(a, b, c, d, NOFOLLOW, false);
}
SYSCALL(fgetxattr)
{
	return get_xattr(a, b, c, d, DESCRIPTOR, false);
}
SYSCALL(listxattr)
{
	return get_xattr(a, 0, b, c, FOLLOW, true);
}
SYSCALL(llistxattr)
{
	return get_xattr(a, 0, b, c, NOFOLLOW, true);
}
SYSCALL(flistxattr)
{
	return get_xattr(a, 0, b, c, DESCRIPTOR, true);
}
SYSCALL(removexattr)
{
	return remove_xattr(a, b, FOLLOW);
}
SYSCALL(lremovexattr)
{
	return remove_xattr(a, b, NOFOLLOW);
}
SYSCALL(fremovexattr)
{
	return remove_xattr(a, b, DESCRIPTOR);
}
