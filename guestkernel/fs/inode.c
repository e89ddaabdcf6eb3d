/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the life of inodes, permission checks, times and attributes. Knows nothing of names.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <asm/signal.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/lease.h"
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/signal.h"

struct k_timespec time_now(void)
{
	u64 ns = time_wall_ns();
	return (struct k_timespec){(s64)(ns / 1000000000), (s64)(ns % 1000000000)};
}

/* NULL in the kernel's own threads, which may do everything. */
static struct cred *cred(void)
{
	return current && current->process && current->process->pid ? &current->cred : NULL;
}

u32 fs_uid(void)
{
	return cred() ? cred()->fsuid : 0;
}

u32 fs_gid(void)
{
	return cred() ? cred()->fsgid : 0;
}

bool fs_capable(int cap)
{
	return !cred() || cred_has_cap(cap);
}

static bool in_group(u32 gid)
{
	return gid == fs_gid() || (cred() && cred_in_group(gid));
}

struct inode *inode_alloc(struct superblock *sb, const struct inode_ops *ops, u32 mode)
{
	static u64 anon_ino = 1000; /* as on a Linux that has run for a while: netstat reads no number below 10 */
	struct inode *inode = kzalloc(sizeof(*inode));
	if (!inode)
		return NULL;
	inode->refs = 1;
	inode->ops = ops;
	inode->mode = mode;
	inode->nlink = 1;
	inode->uid = fs_uid();
	inode->gid = fs_gid();
	inode->sb = sb;
	inode->ino = sb ? sb->next_ino++ : anon_ino++;
	inode->atime = inode->mtime = inode->ctime = inode->btime = time_now();
	list_init(&inode->mappings);
	list_init(&inode->watches);
	if (sb)
		superblock_get(sb);
	return inode;
}

static const struct inode_ops anon_ops;

struct inode *anon_inode(u32 mode)
{
	return inode_alloc(NULL, &anon_ops, mode);
}

void inode_get(struct inode *inode)
{
	inode->refs++;
}

void inode_put(struct inode *inode)
{
	if (--inode->refs)
		return;
	inotify_inode_gone(inode);
	locks_inode_gone(inode);
	lease_inode_gone(inode);
	if (inode->ops->destroy)
		inode->ops->destroy(inode);
	if (inode->sb)
		superblock_put(inode->sb);
	kfree(inode);
}

int inode_permission(struct inode *inode, u32 mask)
{
	u32 mode = inode->mode;
	/* The directory of a process that is gone. */
	if (unlikely(inode->ops->valid) && !inode->ops->valid(inode))
		return -ESRCH;
	u32 granted = inode->uid == fs_uid() ? mode >> 6 : in_group(inode->gid) ? mode >> 3 : mode;
	if ((mask & ~granted & 7) == 0)
		return 0;
	if (inode_is(inode, K_S_IFDIR)) {
		if (!(mask & MAY_WRITE) && fs_capable(CAP_DAC_READ_SEARCH))
			return 0;
		return fs_capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && fs_capable(CAP_DAC_READ_SEARCH))
		return 0;
	/* Even root executes only what somebody may execute. */
	if ((!(mask & MAY_EXEC) || (mode & 0111)) && fs_capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

bool inode_owned(const struct inode *inode)
{
	return inode->uid == fs_uid() || fs_capable(CAP_FOWNER);
}

static bool earlier(struct k_timespec a, struct k_timespec b)
{
	return a.sec != b.sec ? a.sec < b.sec : a.nsec < b.nsec;
}

void inode_touch_atime(const struct path *path, struct inode *inode)
{
	if (path->mount && (path->mount->flags & (MS_NOATIME | MS_RDONLY)))
		return;
	if (path->mount && inode_is(inode, K_S_IFDIR) && (path->mount->flags & MS_NODIRATIME))
		return;
	struct k_timespec now = time_now();
	/* relatime: the first read after a change, and once a day (mount(8)) */
	if (earlier(inode->mtime, inode->atime) && earlier(inode->ctime, inode->atime) &&
	    now.sec - inode->atime.sec < 86400)
		return;
	inode->atime = now;
}

void inode_changed(struct inode *inode)
{
	inode->mtime = inode->ctime = time_now();
}

void inode_stat(struct inode *inode, struct k_stat *st)
{
	*st = (struct k_stat){
	    .dev = inode->sb ? inode->sb->dev : 15,
	    .ino = inode->ino,
	    .nlink = inode->nlink,
	    .mode = inode->mode,
	    .uid = inode->uid,
	    .gid = inode->gid,
	    .rdev = inode->rdev,
	    .size = (s64)inode->size,
	    .blksize = 4096,
	    .atime = inode->atime.sec,
	    .atime_nsec = inode->atime.nsec,
	    .mtime = inode->mtime.sec,
	    .mtime_nsec = inode->mtime.nsec,
	    .ctime = inode->ctime.sec,
	    .ctime_nsec = inode->ctime.nsec,
	};
	if (inode->ops->getattr)
		inode->ops->getattr(inode, st);
}

/* The set-id bits that do not outlive a change. Without group execute, set-group-ID once meant mandatory locking: it
 * stays for who belongs to the group. */
static u32 passing_set_ids(const struct inode *inode)
{
	u32 bits = inode->mode & K_S_ISUID;
	if ((inode->mode & 0010) || !(in_group(inode->gid) || fs_capable(CAP_FSETID)))
		bits |= inode->mode & K_S_ISGID;
	return bits;
}

void inode_drop_suid(struct inode *inode)
{
	u32 bits = passing_set_ids(inode);
	if (bits && inode_is(inode, K_S_IFREG) && !fs_capable(CAP_FSETID))
		inode->mode &= ~bits;
}

void inode_inherit_group(struct inode *inode, const struct inode *dir)
{
	if (!(dir->mode & K_S_ISGID))
		return;
	inode->gid = dir->gid;
	if (inode_is(inode, K_S_IFDIR))
		inode->mode |= K_S_ISGID;
	else if ((inode->mode & 0010) && !in_group(dir->gid) && !fs_capable(CAP_FSETID))
		inode->mode &= ~K_S_ISGID; /* nobody gets the rights of a group by making a file */
}

static int may_chown(struct inode *inode, const struct attr *attr)
{
	if (fs_capable(CAP_CHOWN))
		return 0;
	bool owner = inode->uid == fs_uid();
	if ((attr->valid & ATTR_UID) && !(owner && attr->uid == inode->uid))
		return -EPERM;
	if ((attr->valid & ATTR_GID) && !(owner && (attr->gid == inode->gid || in_group(attr->gid))))
		return -EPERM;
	return 0;
}

static int may_setattr(struct inode *inode, const struct attr *attr)
{
	if (attr->valid & (ATTR_UID | ATTR_GID)) {
		int r = may_chown(inode, attr);
		if (r)
			return r;
	}
	/* The bits that go are a change of the mode. */
	if ((attr->valid & ATTR_CHOWN) && !inode_is(inode, K_S_IFDIR) && passing_set_ids(inode) && !inode_owned(inode))
		return -EPERM;
	if ((attr->valid & ATTR_MODE) && !inode_owned(inode))
		return -EPERM;
	if ((attr->valid & (ATTR_ATIME | ATTR_MTIME)) && !inode_owned(inode)) {
		if (!(attr->valid & ATTR_TIMES_NOW))
			return -EPERM;
		return inode_permission(inode, MAY_WRITE);
	}
	return 0;
}

static void set_attributes(struct inode *inode, const struct attr *attr)
{
	struct k_timespec now = time_now(); /* one for all: atime == ctime tells find(1) that it was not used since */
	if ((attr->valid & ATTR_CHOWN) && !inode_is(inode, K_S_IFDIR))
		inode->mode &= ~passing_set_ids(inode);
	if (attr->valid & ATTR_UID)
		inode->uid = attr->uid;
	if (attr->valid & ATTR_GID)
		inode->gid = attr->gid;
	if (attr->valid & ATTR_MODE) {
		u32 mode = attr->mode & 07777;
		if ((mode & K_S_ISGID) && !in_group(inode->gid) && !fs_capable(CAP_FSETID))
			mode &= ~K_S_ISGID;
		inode->mode = (inode->mode & K_S_IFMT) | mode;
	}
	if (attr->valid & ATTR_ATIME)
		inode->atime = attr->valid & ATTR_ATIME_NOW ? now : attr->atime;
	if (attr->valid & ATTR_MTIME)
		inode->mtime = attr->valid & ATTR_MTIME_NOW ? now : attr->mtime;
	inode->ctime = now;
}

/* What watchers are told of it: times alone are what the calls do that change them. */
static u32 event_of(const struct attr *attr)
{
	u32 times = attr->valid & (ATTR_ATIME | ATTR_MTIME);
	if ((attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID)) || times == (ATTR_ATIME | ATTR_MTIME))
		return IN_ATTRIB_EVENT;
	return times == ATTR_ATIME ? IN_ACCESS_EVENT : times ? IN_MODIFY_EVENT : 0;
}

int vfs_setattr(const struct path *path, const struct attr *attr)
{
	struct inode *inode = path->dentry->inode;
	int r = mount_want_write(path);
	if (!r)
		r = may_setattr(inode, attr);
	if (!r && inode->ops->setattr)
		r = inode->ops->setattr(inode, attr);
	if (r < 0)
		return r;
	u32 mode = inode->mode;
	if (!r)
		set_attributes(inode, attr);
	u32 event = inode->mode == mode ? event_of(attr) : IN_ATTRIB_EVENT;
	if (event)
		inotify_path(path, event);
	return 0;
}

int vfs_check_size_limit(const struct inode *inode, u64 size)
{
	if (!current || !current->process || size <= inode->size || size <= current->process->rlimit[1].cur)
		return 0;
	signal_send_thread(current, SIGXFSZ, NULL);
	return -EFBIG;
}

int vfs_truncate(const struct path *path, struct inode *inode, u64 size, bool want_permission)
{
	if (inode_is(inode, K_S_IFDIR))
		return -EISDIR;
	if (!inode_is(inode, K_S_IFREG))
		return -EINVAL;
	if (want_permission) {
		int r = mount_want_write(path);
		if (!r)
			r = inode_permission(inode, MAY_WRITE);
		if (!r && inode->execs)
			r = -ETXTBSY;
		if (!r)
			r = lease_break(inode, O_WRONLY);
		if (r)
			return r;
	}
	if (!inode->ops->truncate)
		return -EINVAL;
	int r = vfs_check_size_limit(inode, size);
	if (!r)
		r = inode->ops->truncate(inode, size);
	if (r)
		return r;
	inode_changed(inode);
	inode_drop_suid(inode);
	inotify_path(path, IN_MODIFY_EVENT);
	return 0;
}
