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

static int list_of(struct inode *inode, bool change, struct list *temporary, struct list **out)
{
	list_init(temporary);
	return inode->ops->xattrs ? inode->ops->xattrs(inode, change, temporary, out) : -EOPNOTSUPP;
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

int xattr_append(struct list *xattrs, const char *name, size_t size, struct xattr **out)
{
	struct xattr *x = kmalloc(sizeof(*x) + size);
	char *copy = kstrdup(name);
	if (!x || !copy) {
		kfree(x);
		kfree(copy);
		return -ENOMEM;
	}
	x->size = size;
	x->name = copy;
	list_append(xattrs, &x->link);
	*out = x;
	return 0;
}

int xattr_copy_all(struct list *from, struct list *to)
{
	struct xattr *x, *copy;
	list_for_each (x, from, link) {
		int r = xattr_append(to, x->name, x->size, &copy);
		if (r)
			return r;
		memcpy(copy->value, x->value, x->size);
	}
	return 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* The end of its name is missing. */
static bool is_prefix(const char *name)
{
	return !strcmp(name, "user.") || !strcmp(name, "trusted.") || !strcmp(name, "security.");
}

#define CAPABILITY	"security.capability"
#define CAPABILITY_SIZE 20u /* XATTR_CAPS_SZ_2 */

static bool is_capability(const char *name)
{
	return !strcmp(name, CAPABILITY);
}

/* Capabilities of a file: capabilities(7), revision 2, or 3 with the user ID of a namespace behind it. */
static bool is_valid_capability(const u8 *value, size_t size)
{
	return (size == CAPABILITY_SIZE && value[3] == 2) || (size == CAPABILITY_SIZE + 4 && value[3] == 3);
}

/* Who may use which names; xattr(7). */
static int check_permission(struct inode *inode, const char *name, bool write)
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
		return !write || fs_capable(is_capability(name) ? CAP_SETFCAP : CAP_SYS_ADMIN) ? 0 : -EPERM;
	return -EOPNOTSUPP;
}

static int check_name(struct inode *inode, const char *name, bool write)
{
	int r = check_permission(inode, name, write);
	return !r && is_prefix(name) ? -EINVAL : r;
}

static long get_from(struct list *xattrs, const char *name, void *value, size_t size)
{
	struct xattr *x = find(xattrs, name);
	if (!x)
		return -ENODATA;
	if (size && size < x->size)
		return -ERANGE;
	if (size)
		memcpy(value, x->value, x->size);
	return (long)x->size;
}

long vfs_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
	struct list temporary, *xattrs;
	int r = inode->ops->xattrs ? check_name(inode, name, false) : -EOPNOTSUPP;
	if (r)
		return r;
	r = list_of(inode, false, &temporary, &xattrs);
	long n = r ? r : get_from(xattrs, name, value, size);
	xattr_free_all(&temporary);
	return n;
}

static int may_change(const struct path *path, struct inode *inode, const char *name, struct list **xattrs)
{
	static const struct attr none;
	struct list temporary;
	int r = mount_want_write(path);
	if (!r)
		r = inode->ops->xattrs ? check_name(inode, name, true) : -EOPNOTSUPP;
	if (!r && inode->ops->setattr)
		r = inode->ops->setattr(inode, &none);
	if (r)
		return r;
	r = list_of(inode, true, &temporary, xattrs);
	xattr_free_all(&temporary);
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
	struct list *xattrs;
	struct xattr *x;
	if (is_capability(name) && size && !is_valid_capability(value, size))
		return -EINVAL;
	int r = may_change(path, inode, name, &xattrs);
	if (r)
		return r;
	struct xattr *old = find(xattrs, name);
	if (old && (flags & CREATE))
		return -EEXIST;
	if (!old && (flags & REPLACE))
		return -ENODATA;
	r = xattr_append(xattrs, name, size, &x);
	if (r)
		return r;
	if (size)
		memcpy(x->value, value, size);
	if (old)
		free_one(old);
	changed(path, inode);
	return 0;
}

static long list_names(struct list *xattrs, char *list, size_t size)
{
	struct xattr *x;
	size_t total = 0;
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

long vfs_listxattr(struct inode *inode, char *list, size_t size)
{
	struct list temporary, *xattrs;
	int r = list_of(inode, false, &temporary, &xattrs);
	long n = r ? r : list_names(xattrs, list, size);
	xattr_free_all(&temporary);
	return n == -EOPNOTSUPP ? 0 : n;
}

int vfs_removexattr(const struct path *path, struct inode *inode, const char *name)
{
	struct list *xattrs;
	int r = may_change(path, inode, name, &xattrs);
	if (r)
		return r;
	struct xattr *x = find(xattrs, name);
	if (!x)
		return -ENODATA;
	free_one(x);
	changed(path, inode);
	return 0;
}
