/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the list of mounts, superblocks, and the processes' root and working directory.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/namei.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

struct list all_mounts = LIST_INIT(all_mounts);
struct mount *root_mount;
static unsigned mounts;
static struct fs_ctx kernel_ctx = {.refs = 1, .umask = 022};

/* umount2(2) */
#define MNT_FORCE	1u
#define MNT_DETACH	2u
#define MNT_EXPIRE	4u
#define UMOUNT_NOFOLLOW 8u

/* Flags of a mount point; the others belong to the file system or are requests. */
#define MOUNT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

/* ---- superblocks ---- */

struct superblock *superblock_alloc(const struct super_ops *ops)
{
	static u32 minor = 20; /* below: anonymous inodes and other internals */
	struct superblock *sb = kzalloc(sizeof(*sb));
	if (!sb)
		return NULL;
	sb->refs = 1;
	sb->ops = ops;
	sb->dev = minor++;
	sb->next_ino = 1;
	list_init(&sb->unused);
	return sb;
}

void superblock_get(struct superblock *sb)
{
	sb->refs++;
}

void superblock_put(struct superblock *sb)
{
	if (--sb->refs)
		return;
	if (sb->ops->destroy)
		sb->ops->destroy(sb);
	kfree(sb);
}

/* ---- mounts ---- */

void mount_get(struct mount *m)
{
	m->refs++;
}

/* Nothing shows the file system any more. */
static void drop_names(struct superblock *sb)
{
	struct dentry *root = sb->root;
	sb->root = NULL;
	if (!root)
		return;
	dentry_drop_tree(root);
	dentry_put(root);
	if (sb->ops->unmounted)
		sb->ops->unmounted(sb);
}

void mount_put(struct mount *m)
{
	if (--m->refs)
		return;
	struct superblock *sb = m->sb;
	dentry_put(m->root);
	kfree(m);
	mounts--;
	if (--sb->mounts == 0)
		drop_names(sb);
	superblock_put(sb);
}

static void attach(struct mount *m, const struct path *at)
{
	if (at) {
		m->parent = at->mount;
		m->point = at->dentry;
		mount_get(m->parent);
		dentry_get(m->point);
		m->point->mounts++;
	}
	list_append(&all_mounts, &m->link);
}

/* Is it in the tree of mounts, or only in use? */
static bool attached(const struct mount *m)
{
	return !list_empty(&m->link);
}

/* Takes it out of the tree; its own reference remains with the caller. */
static void detach(struct mount *m)
{
	list_remove(&m->link);
	struct mount *parent = m->parent;
	struct dentry *point = m->point;
	m->parent = NULL;
	m->point = NULL;
	if (parent) {
		point->mounts--;
		dentry_put(point);
		mount_put(parent);
	}
}

static struct mount *mount_new(struct superblock *sb, struct dentry *root, u32 flags, const char *source)
{
	static int next_id = 20;
	struct mount *m = mounts >= MOUNT_LIMIT ? NULL : kzalloc(sizeof(*m));
	if (!m)
		return NULL;
	mounts++;
	m->refs = 1;
	m->id = next_id++;
	m->flags = (flags & MOUNT_FLAGS) | (sb->read_only ? MS_RDONLY : 0);
	m->sb = sb;
	m->root = root;
	superblock_get(sb);
	sb->mounts++;
	dentry_get(root);
	list_init(&m->link);
	ksnprintf(m->source, sizeof(m->source), "%s", source && *source ? source : "none");
	return m;
}

int mount_add(struct superblock *sb, const struct path *at, u32 flags, const char *source)
{
	struct mount *m = mount_new(sb, sb->root, flags, source);
	if (!m)
		drop_names(sb);
	superblock_put(sb);
	if (!m)
		return -ENOMEM;
	attach(m, at);
	if (!at) {
		root_mount = m;
		kernel_ctx.root = kernel_ctx.cwd = (struct path){m, m->root};
		path_get(&kernel_ctx.root);
		path_get(&kernel_ctx.cwd);
	}
	return 0;
}

static struct mount *mounted_on(const struct path *path)
{
	struct mount *m, *found = NULL;
	list_for_each (m, &all_mounts, link)
		if (m->parent == path->mount && m->point == path->dentry)
			found = m; /* the newest */
	return found;
}

void mount_cross_down(struct path *path)
{
	while (path->dentry->mounts) {
		struct mount *m = mounted_on(path);
		if (!m)
			return;
		struct path below = {m, m->root};
		m->entered++;
		path_get(&below);
		path_put(path);
		*path = below;
	}
}

bool mount_cross_up(struct path *path)
{
	struct mount *m = path->mount;
	if (path->dentry != m->root || !m->parent)
		return false;
	struct path above = {m->parent, m->point};
	path_get(&above);
	path_put(path);
	*path = above;
	return true;
}

int mount_want_write(const struct path *path)
{
	return path->mount && (path->mount->flags & MS_RDONLY || path->mount->sb->read_only) ? -EROFS : 0;
}

/* ---- paths and the context of a process ---- */

void path_get(const struct path *path)
{
	if (path->mount)
		mount_get(path->mount);
	if (path->dentry)
		dentry_get(path->dentry);
}

void path_put(struct path *path)
{
	struct path gone = *path;
	*path = (struct path){NULL, NULL};
	if (gone.dentry)
		dentry_put(gone.dentry);
	if (gone.mount)
		mount_put(gone.mount);
}

struct fs_ctx *fs_ctx_create(void)
{
	return fs_ctx_clone(&kernel_ctx);
}

struct fs_ctx *fs_ctx_clone(struct fs_ctx *fs)
{
	struct fs_ctx *copy = kmalloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *fs;
	copy->refs = 1;
	path_get(&copy->root);
	path_get(&copy->cwd);
	return copy;
}

struct fs_ctx *fs_ctx_get(struct fs_ctx *fs)
{
	fs->refs++;
	return fs;
}

void fs_ctx_put(struct fs_ctx *fs)
{
	if (--fs->refs)
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

struct fs_ctx *fs_ctx_current(void)
{
	return current && current->process && current->process->fs ? current->process->fs : &kernel_ctx;
}

/* ---- system calls ---- */

/* Is m in the tree that a recursive bind of `from` copies? *at: where its copy goes. */
static bool bind_place(const struct mount *m, const struct path *from, struct mount *top, struct path *at)
{
	if (m->copy || m->id >= top->id || !m->parent)
		return false; /* done, or made by this very bind */
	if (m->parent == from->mount && dentry_below(m->point, from->dentry))
		*at = (struct path){top, m->point};
	else if (m->parent->copy)
		*at = (struct path){m->parent->copy, m->point};
	else
		return false;
	return true;
}

/* Repeats the mounts below `from` below the bind mount `top`. Rounds, because a child may stand before its parent in
 * the list. */
static void bind_submounts(const struct path *from, struct mount *top)
{
	struct mount *m;
	struct path at;
	bool more = true;
	while (more) {
		more = false;
		list_for_each (m, &all_mounts, link)
			if (bind_place(m, from, top, &at) &&
			    (m->copy = mount_new(m->sb, m->root, m->flags, m->source))) {
				attach(m->copy, &at);
				more = true;
			}
	}
	list_for_each (m, &all_mounts, link)
		m->copy = NULL;
}

static int do_bind(const char *source, const struct path *target, u32 flags)
{
	struct path from;
	if (!source || !*source)
		return -EINVAL;
	int r = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (r)
		return r;
	bool dir = inode_is(from.dentry->inode, K_S_IFDIR);
	struct mount *m = NULL;
	if (!attached(from.mount))
		r = -EINVAL;
	else if (dir != inode_is(target->dentry->inode, K_S_IFDIR))
		r = -ENOTDIR;
	else if (!(m = mount_new(from.mount->sb, from.dentry, from.mount->flags, from.mount->source)))
		r = -ENOMEM;
	if (m) {
		attach(m, target);
		if (flags & MS_REC)
			bind_submounts(&from, m);
	}
	path_put(&from);
	return r;
}

static int do_move(const char *source, const struct path *target)
{
	struct path from;
	if (!source || !*source)
		return -EINVAL;
	int r = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (r)
		return r;
	struct mount *m = from.mount, *up;
	if (from.dentry != m->root || !m->parent ||
	    inode_is(from.dentry->inode, K_S_IFDIR) != inode_is(target->dentry->inode, K_S_IFDIR))
		r = -EINVAL;
	for (up = target->mount; up && !r; up = up->parent)
		if (up == m)
			r = -ELOOP;
	if (!r) {
		detach(m);
		attach(m, target);
	}
	path_put(&from);
	return r;
}

static int do_new(const char *source, const struct path *target, const char *type, u32 flags, const char *options)
{
	struct superblock *sb;
	if (!type)
		return -EINVAL;
	bool dir = inode_is(target->dentry->inode, K_S_IFDIR);
	if (!dir && strcmp(type, "9p") && strcmp(type, "overlay"))
		return -ENOTDIR;
	int r = filesystem_create(type, source, options ? options : "", &sb);
	if (!r &&
	    dir != inode_is(sb->root->inode, K_S_IFDIR)) { /* a share, or what is over one, may be a single file */
		drop_names(sb);
		superblock_put(sb);
		r = -ENOTDIR;
	}
	if (r)
		return r;
	sb->read_only |= flags & MS_RDONLY;
	return mount_add(sb, target, flags, source);
}

static bool has_writers(const struct superblock *sb)
{
	const struct mount *m;
	list_for_each (m, &all_mounts, link)
		if (m->sb == sb && m->writers)
			return true;
	return false;
}

/* Changes the flags of one mount (MS_BIND), or of it and of its file system. */
static int do_remount(const struct path *at, u32 flags, const char *options)
{
	struct mount *m = at->mount;
	struct superblock *sb = m->sb;
	bool whole = !(flags & MS_BIND);
	int r = 0;
	if (at->dentry != m->root)
		return -EINVAL;
	if (whole && options && sb->ops->remount)
		r = sb->ops->remount(sb, options);
	if (!r && (flags & MS_RDONLY) && (whole ? has_writers(sb) : m->writers))
		r = -EBUSY;
	if (r)
		return r;
	if (whole)
		sb->read_only = sb->immutable || (flags & MS_RDONLY);
	m->flags = flags & MOUNT_FLAGS;
	return 0;
}

int vfs_mount(const char *source, const char *target, const char *type, u32 flags, const char *options)
{
	struct path at;
	int r = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &at);
	if (r)
		return r;
	if (!fs_capable(CAP_SYS_ADMIN)) {
		r = -EPERM;
	} else if (!attached(at.mount)) {
		r = -EINVAL; /* the working directory of somebody, unmounted under them */
	} else if (flags & MS_REMOUNT) {
		r = do_remount(&at, flags, options);
	} else if (flags & MS_BIND) {
		r = do_bind(source, &at, flags);
	} else if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) {
		r = at.dentry == at.mount->root ? 0 : -EINVAL; /* one namespace: nothing to propagate to */
	} else if (flags & MS_MOVE) {
		r = do_move(source, &at);
	} else {
		r = do_new(source, &at, type, flags, options);
	}
	path_put(&at);
	return r;
}

static struct mount *submount(const struct mount *m)
{
	struct mount *other;
	list_for_each (other, &all_mounts, link)
		if (other->parent == m)
			return other;
	return NULL;
}

/* Detaches m and all that stands on it; who uses them keeps them. */
static void detach_tree(struct mount *m)
{
	for (;;) {
		struct mount *leaf = m, *child;
		while ((child = submount(leaf)))
			leaf = child;
		bool last = leaf == m;
		detach(leaf);
		mount_put(leaf);
		if (last)
			return;
	}
}

int vfs_umount(const char *target, u32 flags)
{
	struct path at;
	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	int r = path_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &at);
	if (r)
		return r;
	struct mount *m = at.mount;
	bool is_root = at.dentry == m->root;
	path_put(&at);
	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!is_root || !m->parent || ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH))))
		return -EINVAL;
	if (!(flags & MNT_DETACH) && (submount(m) || m->refs > 1))
		return -EBUSY;
	if ((flags & MNT_EXPIRE) && m->expires != m->entered) {
		m->expires = m->entered + 1; /* by the walk of the next such call */
		return -EAGAIN;
	}
	detach_tree(m);
	return 0;
}

static void replace_path(struct path *path, const struct path *from, const struct path *to)
{
	if (path->mount != from->mount || path->dentry != from->dentry)
		return;
	path_get(to);
	path_put(path);
	*path = *to;
}

static int pivot_check(const struct path *new_root, const struct path *put_old, const struct path *root)
{
	struct path up = *put_old;
	if (!inode_is(new_root->dentry->inode, K_S_IFDIR) || !inode_is(put_old->dentry->inode, K_S_IFDIR))
		return -ENOTDIR;
	if (new_root->mount == root->mount || put_old->mount == root->mount)
		return -EBUSY;
	if (new_root->dentry != new_root->mount->root || root->dentry != root->mount->root || !new_root->mount->parent)
		return -EINVAL;
	while (up.mount != new_root->mount && up.mount->parent)
		up = (struct path){up.mount->parent, up.mount->point};
	return up.mount == new_root->mount && dentry_below(up.dentry, new_root->dentry) ? 0 : -EINVAL;
}

int vfs_pivot_root(const char *new_name, const char *old_name)
{
	struct path new_root, put_old, old_root;
	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	int r = path_lookup(AT_FDCWD, new_name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new_root);
	if (r)
		return r;
	r = path_lookup(AT_FDCWD, old_name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &put_old);
	if (r) {
		path_put(&new_root);
		return r;
	}
	old_root = fs_ctx_current()->root;
	path_get(&old_root);
	r = pivot_check(&new_root, &put_old, &old_root);
	if (!r) {
		struct mount *was = old_root.mount, *is = new_root.mount;
		struct path parent = {was->parent, was->point};
		path_get(&parent);
		detach(is);
		detach(was);
		attach(is, parent.mount ? &parent : NULL);
		attach(was, &put_old);
		path_put(&parent);
		if (root_mount == was)
			root_mount = is;
		struct process *p;
		list_for_each (p, &all_processes, all_link) {
			if (!p->fs)
				continue;
			replace_path(&p->fs->root, &old_root, &new_root);
			replace_path(&p->fs->cwd, &old_root, &new_root);
		}
	}
	path_put(&old_root);
	path_put(&put_old);
	path_put(&new_root);
	return r;
}
