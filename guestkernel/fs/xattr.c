/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns extended attributes (xattr(7)): namespaces, permissions, the list kept by an inode.
 */
#include <linux/capability.h>
#include <linux/limits.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define CREATE	1u /* XATTR_CREATE */
#define REPLACE 2u /* XATTR_REPLACE */

static struct list *list_of(struct inode *inode)
{
	return inode->ops->xattrs ? inode->ops->xattrs(inode) : NULL;
}

static struct xattr *find(struct list *xattrs, const char *name)
{
	struct xattr *x;
	list_for_each (x, xattrs, link)
		if (!strcmp(x->name, name))
			return x;
	return NULL;
}

static void free_one(struct xattr *x)
{
	list_remove(&x->link);
	kfree(x->name);
	kfree(x);
}

void xattr_free_all(struct list *xattrs)
{
	while (!list_empty(xattrs))
		free_one(list_first(xattrs, struct xattr, link));
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix)) && name[strlen(prefix)];
}

/* Which names exist and who may use them; xattr(7). */
static int check_name(struct inode *inode, const char *name, bool write)
{
	if (has_prefix(name, "user.")) {
		if (!inode_is(inode, K_S_IFREG) && !inode_is(inode, K_S_IFDIR))
			return write ? -EPERM : -ENODATA;
		if (write && inode_is(inode, K_S_IFDIR) && (inode->mode & K_S_ISVTX) && !inode_owned(inode))
			return -EPERM;
		return inode_permission(inode, write ? MAY_WRITE : MAY_READ);
	}
	if (has_prefix(name, "trusted."))
		return fs_capable(CAP_SYS_ADMIN) ? 0 : write ? -EPERM : -ENODATA;
	if (has_prefix(name, "security."))
		return !write || fs_capable(CAP_SYS_ADMIN) || fs_capable(CAP_SETFCAP) ? 0 : -EPERM;
	return -EOPNOTSUPP;
}

long vfs_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	struct list *xattrs = list_of(inode);
	int r = xattrs ? check_name(inode, name, false) : -EOPNOTSUPP;
	if (r)
		return r;
	struct xattr *x = find(xattrs, name);
	if (!x)
		return -ENODATA;
	if (size && size < x->size)
		return -ERANGE;
	if (size)
		memcpy(value, x->value, x->size);
	return (long)x->size;
}

static int may_change(const struct path *path, struct inode *inode, const char *name)
{
	static const struct attr none;
	int r = mount_want_write(path);
	if (!r)
		r = list_of(inode) ? check_name(inode, name, true) : -EOPNOTSUPP;
	if (!r && inode->ops->setattr)
		r = inode->ops->setattr(inode, &none);
	return r;
}

static void changed(const struct path *path, struct inode *inode)
{
	inode->ctime = time_now();
	if (path->dentry)
		inotify_path(path, IN_ATTRIB_EVENT);
}

int vfs_setxattr(const struct path *path, struct inode *inode, const char *name, const void *value, size_t size,
		 u32 flags)
{
	int r = may_change(path, inode, name);
	if (r)
		return r;
	struct xattr *old = find(list_of(inode), name);
	if (old && (flags & CREATE))
		return -EEXIST;
	if (!old && (flags & REPLACE))
		return -ENODATA;
	struct xattr *x = kmalloc(sizeof(*x) + size);
	char *copy = kstrdup(name);
	if (!x || !copy) {
		kfree(x);
		kfree(copy);
		return -ENOMEM;
	}
	x->size = size;
	x->name = copy;
	if (size)
		memcpy(x->value, value, size);
	list_append(list_of(inode), &x->link);
	if (old)
		free_one(old);
	changed(path, inode);
	return 0;
}

long vfs_listxattr(struct inode *inode, char *list, size_t size)
{
	struct list *xattrs = list_of(inode);
	struct xattr *x;
	size_t total = 0;
	if (!xattrs)
		return 0;
	list_for_each (x, xattrs, link) {
		size_t n = strlen(x->name) + 1;
		if (has_prefix(x->name, "trusted.") && !fs_capable(CAP_SYS_ADMIN))
			continue;
		if (size && total + n > size)
			return -ERANGE;
		if (size)
			memcpy(list + total, x->name, n);
		total += n;
	}
	return (long)total;
}

int vfs_removexattr(const struct path *path, struct inode *inode, const char *name)
{
	int r = may_change(path, inode, name);
	if (r)
		return r;
	struct xattr *x = find(list_of(inode), name);
	if (!x)
		return -ENODATA;
	free_one(x);
	changed(path, inode);
	return 0;
}
