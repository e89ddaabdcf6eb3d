/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the path walk: components, symbolic links, mount points, `..`, and the bounds of openat2(2).
 * Names are in kernel memory; a walk sleeps only where the file system asks somebody else for a name.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/namei.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

static bool same(const struct path *a, const struct path *b)
{
	return a->mount == b->mount && a->dentry == b->dentry;
}

static void set_path(struct path *path, const struct path *to)
{
	path_get(to);
	path_put(path);
	*path = *to;
}

/* Where a relative name starts. */
static int start_path(int dirfd, bool need_dir, struct path *out)
{
	if (dirfd == AT_FDCWD) {
		*out = fs_ctx_current()->cwd;
		path_get(out);
		return 0;
	}
	struct file *file = fd_get_path(dirfd);
	if (!file)
		return -EBADF;
	int r = 0;
	if (!file->path.dentry || (need_dir && !inode_is(file->path.dentry->inode, K_S_IFDIR)))
		r = -ENOTDIR;
	if (!r) {
		*out = file->path;
		path_get(out);
	}
	file_put(file);
	return r;
}

int walk_begin(struct walk *w, int dirfd, const char *name, u32 flags)
{
	*w = (struct walk){.flags = flags, .rest = name, .empty = !*name};
	int r = 0;
	if (w->empty && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (*name == '/' && (flags & LOOKUP_BENEATH))
		return -EXDEV;
	w->root = fs_ctx_current()->root;
	path_get(&w->root);
	if (*name == '/' && !(flags & LOOKUP_IN_ROOT))
		set_path(&w->at, &w->root);
	else
		r = start_path(dirfd, !w->empty, &w->at);
	if (!r && (flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)))
		set_path(&w->root, &w->at);
	if (r)
		walk_end(w);
	return r;
}

void walk_end(struct walk *w)
{
	path_put(&w->at);
	path_put(&w->root);
	kfree(w->text);
	w->text = NULL;
}

static int step_up(struct walk *w)
{
	if (same(&w->at, &w->root))
		return w->flags & LOOKUP_BENEATH ? -EXDEV : 0;
	struct mount *mount = w->at.mount;
	while (mount_cross_up(&w->at)) {
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		if (same(&w->at, &w->root))
			return 0;
	}
	(void)mount;
	struct path up = {w->at.mount, w->at.dentry->parent};
	set_path(&w->at, &up);
	mount_cross_down(&w->at);
	return 0;
}

/* Makes `target` and then the present rest what is to be walked. */
static int set_rest(struct walk *w, const char *target, size_t len)
{
	size_t rest_len = strlen(w->rest);
	char *text = kmalloc(len + rest_len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, target, len);
	memcpy(text + len, w->rest, rest_len + 1); /* rest is empty or begins with a slash */
	kfree(w->text);
	w->text = text;
	w->rest = text;
	return 0;
}

static int follow_magic(struct walk *w, struct inode *inode)
{
	struct path to = {0};
	if (w->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	if (w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EXDEV;
	int r = inode->ops->follow(inode, &to);
	if (r)
		return r;
	if ((w->flags & LOOKUP_NO_XDEV) && to.mount != w->at.mount)
		r = -EXDEV;
	if (!r)
		set_path(&w->at, &to);
	path_put(&to);
	return r;
}

static int follow_text(struct walk *w, struct inode *inode)
{
	char *target = kmalloc(PATH_LIMIT);
	if (!target)
		return -ENOMEM;
	long len = inode->ops->readlink ? inode->ops->readlink(inode, target, PATH_LIMIT) : -EINVAL;
	int r = (int)MIN(len, 0);
	if (len == 0)
		r = -ENOENT;
	if (!r && target[0] == '/') {
		if (w->flags & LOOKUP_BENEATH)
			r = -EXDEV;
		else if ((w->flags & LOOKUP_NO_XDEV) && w->at.mount != w->root.mount)
			r = -EXDEV;
		else
			set_path(&w->at, &w->root);
	}
	if (!r)
		r = set_rest(w, target, (size_t)len);
	kfree(target);
	return r;
}

int walk_follow(struct walk *w, struct path *link)
{
	struct inode *inode = link->dentry->inode;
	int r;
	if (++w->links > SYMLINK_LIMIT || (w->flags & LOOKUP_NO_SYMLINKS)) {
		r = -ELOOP;
	} else {
		inode_touch_atime(link, inode);
		r = inode->ops->follow ? follow_magic(w, inode) : follow_text(w, inode);
	}
	path_put(link);
	return r;
}

/* Goes to the entry of the present directory, down mounts. */
static int lookup_step(struct walk *w, const char *name, size_t len, u32 hint, struct path *out)
{
	struct dentry *d;
	int r = dentry_lookup(w->at.dentry, name, len, hint, &d);
	if (r)
		return r;
	mount_get(w->at.mount);
	*out = (struct path){w->at.mount, d};
	mount_cross_down(out);
	if (out->mount != w->at.mount && (w->flags & LOOKUP_NO_XDEV)) {
		path_put(out);
		return -EXDEV;
	}
	return 0;
}

static int walk_component(struct walk *w, const char *name, size_t len, bool follow, u32 hint)
{
	struct path next;
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.')
		return step_up(w);
	int r = lookup_step(w, name, len, hint, &next);
	if (r)
		return r;
	if (follow && inode_is(next.dentry->inode, K_S_IFLNK))
		return walk_follow(w, &next);
	path_put(&w->at);
	w->at = next;
	return 0;
}

static void note_last(struct walk *w, const char *name, size_t len)
{
	w->last = name;
	w->last_len = len;
	w->type = LAST_NORMAL;
	if (len == 1 && name[0] == '.')
		w->type = LAST_DOT;
	else if (len == 2 && name[0] == '.' && name[1] == '.')
		w->type = LAST_DOTDOT;
}

int walk_run(struct walk *w)
{
	bool slash = false;
	w->type = LAST_ROOT;
	w->trailing = false;
	for (;;) {
		const char *name = w->rest;
		while (*name == '/')
			name++;
		if (name != w->rest)
			slash = true;
		if (!*name)
			break;
		size_t len = 0;
		while (name[len] && name[len] != '/')
			len++;
		const char *after = name + len;
		while (*after == '/')
			after++;
		bool last = !*after;
		struct inode *dir = w->at.dentry->inode;
		if (!inode_is(dir, K_S_IFDIR))
			return -ENOTDIR;
		int r = inode_permission(dir, MAY_EXEC);
		if (!r && len > NAME_LIMIT)
			r = -ENAMETOOLONG;
		if (r)
			return r;
		w->rest = name + len;
		slash = last && *w->rest == '/';
		if (last && (w->flags & LOOKUP_PARENT)) {
			note_last(w, name, len);
			w->trailing = slash;
			return 0;
		}
		if (!last && dir->ops->lookup_ahead && !dentry_cached(w->at.dentry, name, len))
			dir->ops->lookup_ahead(w->at.dentry, name, w->flags & (LOOKUP_OPEN | LOOKUP_READ));
		r = walk_component(w, name, len, !last || slash || (w->flags & LOOKUP_FOLLOW),
				   last ? w->flags & (LOOKUP_OPEN | LOOKUP_READ) : 0);
		if (r)
			return r;
	}
	if (w->empty)
		return 0;
	bool want_dir = slash || (w->flags & LOOKUP_DIRECTORY);
	return want_dir && !inode_is(w->at.dentry->inode, K_S_IFDIR) ? -ENOTDIR : 0;
}

int walk_last(struct walk *w, struct path *out)
{
	return lookup_step(w, w->last, w->last_len, w->flags & (LOOKUP_OPEN | LOOKUP_READ), out);
}

int walk_parent(struct walk *w, int dirfd, const char *name, u32 flags)
{
	int r = walk_begin(w, dirfd, name, flags | LOOKUP_PARENT | LOOKUP_OPEN);
	if (r)
		return r;
	r = walk_run(w);
	if (r)
		walk_end(w);
	return r;
}

static int may_make(struct walk *w)
{
	int r = mount_want_write(&w->at);
	return r ? r : inode_permission(w->at.dentry->inode, MAY_WRITE | MAY_EXEC);
}

/* Errors have an order: what is not allowed is told after what exists. */
int walk_last_unless_told(struct walk *w, struct path *out)
{
	struct dentry *dir = w->at.dentry, *known = dentry_cached(dir, w->last, w->last_len);
	if (dir->inode->ops->create_tells && !(known && known->inode) && !(dir->flags & DENTRY_DELETED) && !may_make(w))
		return -ENOENT;
	return walk_last(w, out);
}

bool tells_absence(const struct inode *dir)
{
	return dir->sb && dir->sb->ops->magic == PROC_SUPER_MAGIC;
}

int walk_new(struct walk *w, u32 flags, struct dentry **out)
{
	struct path found;
	struct inode *dir = w->at.dentry->inode;
	if (w->type != LAST_NORMAL)
		return -EEXIST;
	int r = flags & NEW_TELLS ? walk_last_unless_told(w, &found) : walk_last(w, &found);
	if (!r) {
		path_put(&found);
		return -EEXIST;
	}
	if (r != -ENOENT)
		return r;
	if (w->trailing && !(flags & NEW_DIRECTORY))
		return -ENOENT;
	if (w->at.dentry->flags & DENTRY_DELETED)
		return -ENOENT;
	if (tells_absence(dir))
		return -ENOENT;
	r = may_make(w);
	if (!r && !dir->ops->create)
		r = -EPERM;
	if (r)
		return r;
	*out = dentry_alloc(w->at.dentry, w->last, w->last_len);
	return *out ? 0 : -ENOMEM;
}

int path_resolve(int dirfd, const char *name, u32 flags, struct path *out)
{
	struct walk w;
	int r = walk_begin(&w, dirfd, name, flags);
	if (r)
		return r;
	r = walk_run(&w);
	if (!r) {
		*out = w.at;
		path_get(out);
	}
	walk_end(&w);
	return r;
}

int path_lookup(int dirfd, const char *name, u32 flags, struct path *out)
{
	return path_resolve(dirfd, name, flags, out);
}

/* Puts text before what is already at *pos; false: no room. */
static bool prepend(char *buf, size_t *pos, const char *text, size_t len)
{
	if (*pos < len)
		return false;
	*pos -= len;
	memcpy(buf + *pos, text, len);
	return true;
}

bool path_reachable(const struct path *path)
{
	const struct path *root = &fs_ctx_current()->root;
	struct path at = *path;
	while (!same(&at, root)) {
		if (at.mount && at.dentry == at.mount->root) {
			if (!at.mount->parent)
				return false;
			at = (struct path){at.mount->parent, at.mount->point};
		} else if (at.dentry->parent == at.dentry) {
			return false;
		} else {
			at.dentry = at.dentry->parent;
		}
	}
	return true;
}

long path_text(const struct path *path, char *buf, size_t size)
{
	struct path root = fs_ctx_current()->root;
	struct path at = *path;
	size_t pos = size;
	bool ok = prepend(buf, &pos, "", 1);
	if (ok && (at.dentry->flags & DENTRY_DELETED))
		ok = prepend(buf, &pos, " (deleted)", 10);
	size_t end = pos;
	while (ok && !same(&at, &root)) {
		if (at.mount && at.dentry == at.mount->root) {
			if (!at.mount->parent)
				break;
			at = (struct path){at.mount->parent, at.mount->point};
			continue;
		}
		if (at.dentry->parent == at.dentry)
			break;
		ok = prepend(buf, &pos, at.dentry->name, at.dentry->len) && prepend(buf, &pos, "/", 1);
		at.dentry = at.dentry->parent;
	}
	if (ok && pos == end)
		ok = prepend(buf, &pos, "/", 1);
	if (!ok)
		return -ENAMETOOLONG;
	memmove(buf, buf + pos, size - pos);
	return (long)(size - pos);
}
