/* SPDX-License-Identifier: Apache-2.0
 *
 * File handles: name_to_handle_at, open_by_handle_at, for file systems whose names are all dentries (tmpfs). A handle
 * is laid out as tmpfs has it: the file system's number where Linux has a generation, then the inode number, which is
 * never used again.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/lib.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

#define HANDLE_BYTES_MAX 128 /* MAX_HANDLE_SZ */
#define HANDLE_TYPE	 1   /* FILEID_INO32_GEN, as tmpfs says */

struct handle_head {
	u32 bytes;
	s32 type;
};
struct handle {
	u32 sb, ino_low, ino_high;
};

static bool has_handles(const struct path *path)
{
	return path->dentry && path->mount && path->dentry->sb->pinned;
}

SYSCALL(name_to_handle_at)
{
	PATH_AUTO(path);
	struct inode *inode;
	struct handle_head head;
	if (e & ~(u64)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	u64 flags = (e & AT_EMPTY_PATH) | (e & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW);
	int r = get_inode((int)a, b, flags, &path, &inode);
	if (r)
		return r;
	struct handle handle = {.ino_low = (u32)inode->ino, .ino_high = (u32)(inode->ino >> 32)};
	inode_put(inode);
	if (!has_handles(&path))
		return -EOPNOTSUPP;
	handle.sb = (u32)path.dentry->sb->dev;
	if (get_user(head, user(c)))
		return -EFAULT;
	if (head.bytes > HANDLE_BYTES_MAX)
		return -EINVAL;
	bool room = head.bytes >= sizeof(handle);
	s32 mount = path.mount->id;
	head = (struct handle_head){sizeof(handle), HANDLE_TYPE};
	if (put_user(user(d), mount) || put_user(user(c), head))
		return -EFAULT;
	if (!room)
		return -EOVERFLOW;
	return put_user(user(c + sizeof(head)), handle);
}

/* The next entry of a tree, each before those below it; NULL: that was the last. */
static struct dentry *next_entry(struct dentry *d, const struct dentry *root)
{
	if (!list_empty(&d->children))
		return list_first(&d->children, struct dentry, sibling);
	while (d != root) {
		if (d->sibling.next != &d->parent->children)
			return container_of(d->sibling.next, struct dentry, sibling);
		d = d->parent;
	}
	return NULL;
}

static struct dentry *find(const struct superblock *sb, u64 ino)
{
	struct dentry *d = sb->root;
	while (d && !(d->inode && d->inode->ino == ino))
		d = next_entry(d, sb->root);
	return d;
}

/* The mount that a descriptor leads to. */
static int mount_of(int fd, struct path *at)
{
	if (fd == AT_FDCWD) {
		*at = fs_ctx_current()->cwd;
		path_get(at);
		return 0;
	}
	struct file *file = fd_get_path(fd);
	if (!file)
		return -EBADF;
	*at = file->path;
	path_get(at);
	file_put(file);
	return 0;
}

static int read_handle(u64 addr, struct handle *handle)
{
	struct handle_head head;
	*handle = (struct handle){0};
	if (get_user(head, user(addr)))
		return -EFAULT;
	if (!head.bytes || head.bytes > HANDLE_BYTES_MAX)
		return -EINVAL;
	if (head.bytes < sizeof(*handle))
		return -ESTALE;
	return copy_from_user(handle, user(addr + sizeof(head)), sizeof(*handle));
}

static long open_dentry(const struct path *path, u32 flags)
{
	struct file *file;
	if ((flags & O_DIRECTORY) && !inode_is(path->dentry->inode, K_S_IFDIR))
		return -ENOTDIR;
	int fd = fd_reserve(0, flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	int r = file_open_path(path, flags, &file);
	if (r) {
		fd_unreserve(fd);
		return r;
	}
	fd_publish(fd, file);
	return fd;
}

#define OPEN_FLAGS                                                                                                     \
	(O_ACCMODE | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |      \
	 O_CLOEXEC)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

SYSCALL(open_by_handle_at)
{
	PATH_AUTO(at);
	PATH_AUTO(found);
	struct handle handle;
	u32 flags = c & O_PATH ? (u32)c & PATH_FLAGS : ((u32)c & OPEN_FLAGS) | O_LARGEFILE;
	if (!fs_capable(CAP_DAC_READ_SEARCH))
		return -EPERM;
	int r = read_handle(b, &handle);
	if (r && r != -ESTALE)
		return r;
	int bad = mount_of((int)a, &at);
	if (bad || r)
		return bad ? bad : r;
	if (!has_handles(&at) || handle.sb != (u32)at.dentry->sb->dev)
		return -ESTALE;
	struct dentry *entry = find(at.dentry->sb, (u64)handle.ino_high << 32 | handle.ino_low);
	if (!entry)
		return -ESTALE;
	found = (struct path){at.mount, entry};
	path_get(&found);
	return open_dentry(&found, flags);
}
