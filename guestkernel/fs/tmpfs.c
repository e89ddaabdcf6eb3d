/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns tmpfs's inodes, directories (whose entries are dentries) and limits. Contents are in tmpfs_file.c.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

#define DIR_SIZE     40u /* what Linux's tmpfs says of an empty directory ... */
#define DEFAULT_MODE 01777u
#define ENTRY_SIZE   20u /* ... and of each entry */

static const struct inode_ops tmpfs_inode_ops;

static const struct file_ops tmpfs_dir_ops;

static int noop_fsync(struct file *file)
{
	return 0;
}

static const struct file_ops tmpfs_dir_ops = {
    .readdir = dentry_readdir,
    .seek = dentry_dir_seek,
    .fsync = noop_fsync,
};

struct inode *tmpfs_inode(struct superblock *sb, u32 mode, u64 rdev)
{
	struct tmpfs_sb *info = sb->data;
	if (info->inodes >= info->inode_limit)
		return NULL;
	struct tmpfs_node *node = kzalloc(sizeof(*node));
	struct inode *inode = node ? inode_alloc(sb, &tmpfs_inode_ops, mode) : NULL;
	if (!inode) {
		kfree(node);
		return NULL;
	}
	list_init(&node->xattrs);
	inode->data = node;
	inode->rdev = rdev;
	inode->seals = F_SEAL_SEAL; /* only memfd_create(2) makes files that can be sealed */
	if (inode_is(inode, K_S_IFDIR)) {
		inode->nlink = 2;
		inode->size = DIR_SIZE;
	}
	info->inodes++;
	return inode;
}

static void destroy_inode(struct inode *inode)
{
	struct tmpfs_node *node = tmpfs_node(inode);
	tmpfs_free_pages(inode);
	xattr_free_all(&node->xattrs);
	kfree(node->target);
	kfree(node);
	tmpfs_sb(inode)->inodes--;
}

static void entry_added(struct inode *dir)
{
	dir->size += ENTRY_SIZE;
	inode_changed(dir);
}

static void entry_removed(struct inode *dir)
{
	dir->size -= ENTRY_SIZE;
	inode_changed(dir);
}

static int create(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, struct inode **out)
{
	struct inode *inode = tmpfs_inode(dir->sb, mode, rdev);
	if (!inode)
		return -ENOSPC;
	inode_inherit_group(inode, dir);
	if (d) {
		entry_added(dir);
		if (inode_is(inode, K_S_IFDIR))
			dir->nlink++;
	}
	*out = inode;
	return 0;
}

static int symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out)
{
	char *copy = kstrdup(target);
	if (!copy)
		return -ENOMEM;
	int r = create(dir, d, K_S_IFLNK | 0777, 0, out);
	if (r) {
		kfree(copy);
		return r;
	}
	tmpfs_node(*out)->target = copy;
	(*out)->size = strlen(copy);
	return 0;
}

static int link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	inode->nlink++;
	inode->linkable = false;
	inode->ctime = time_now();
	entry_added(dir);
	return 0;
}

static int unlink(struct inode *dir, struct dentry *d)
{
	d->inode->nlink--;
	d->inode->ctime = time_now();
	entry_removed(dir);
	return 0;
}

static int remove_dir(struct inode *dir, struct dentry *d)
{
	d->inode->nlink = 0;
	dir->nlink--;
	entry_removed(dir);
	return 0;
}

static int rename(struct inode *old_dir, struct inode *inode, struct inode *new_dir, struct inode *replaced, u32 flags)
{
	bool is_dir = inode_is(inode, K_S_IFDIR);
	inode->ctime = time_now();
	if (flags & RENAME_EXCHANGE) {
		bool other_dir = inode_is(replaced, K_S_IFDIR);
		replaced->ctime = inode->ctime;
		old_dir->nlink += (u32)other_dir - (u32)is_dir;
		new_dir->nlink += (u32)is_dir - (u32)other_dir;
		inode_changed(old_dir);
		inode_changed(new_dir);
		return 0;
	}
	if (replaced) {
		bool replaced_dir = inode_is(replaced, K_S_IFDIR);
		replaced->nlink = replaced_dir ? 0 : replaced->nlink - 1;
		replaced->ctime = inode->ctime;
		new_dir->nlink -= replaced_dir;
		entry_removed(new_dir);
	}
	old_dir->nlink -= is_dir;
	new_dir->nlink += is_dir;
	entry_removed(old_dir);
	entry_added(new_dir);
	return 0;
}

static long readlink(struct inode *inode, char *buf, size_t size)
{
	const char *target = tmpfs_node(inode)->target;
	size_t n = target ? MIN(strlen(target), size) : 0;
	if (!target)
		return -EINVAL;
	memcpy(buf, target, n);
	return (long)n;
}

static int open_node(struct inode *inode, struct file *file)
{
	switch (inode->mode & K_S_IFMT) {
	case K_S_IFREG:
		file->ops = &tmpfs_file_ops;
		return 0;
	case K_S_IFDIR:
		file->ops = &tmpfs_dir_ops;
		return 0;
	}
	return inode_open_special(inode, file);
}

static int getattr(struct inode *inode, struct k_stat *st)
{
	st->blocks = (s64)(tmpfs_node(inode)->pages.count * (PAGE_SIZE / 512));
	return 0;
}

static int xattrs(struct inode *inode, bool change, struct list *temporary, struct list **out)
{
	*out = &tmpfs_node(inode)->xattrs;
	return 0;
}

static const struct inode_ops tmpfs_inode_ops = {
    .create = create,
    .symlink = symlink,
    .link = link,
    .unlink = unlink,
    .rmdir = remove_dir,
    .rename = rename,
    .readlink = readlink,
    .open = open_node,
    .truncate = tmpfs_truncate,
    .getattr = getattr,
    .get_page = tmpfs_get_page,
    .xattrs = xattrs,
    .destroy = destroy_inode,
};

/* ---- the file system ---- */

/* All mounted ones together: pages now, when the limit was set, and the most. */
static struct {
	u64 pages, base, limit;
} pool = {.limit = ~0ull};

int tmpfs_pool_set_limit(u64 bytes)
{
	u64 pages = bytes / PAGE_SIZE;
	if (pool.limit != ~0ull)
		return -EPERM;
	pool.base = pool.pages;
	pool.limit = pages < ~0ull / PAGE_SIZE - pool.pages ? pool.pages + pages : ~0ull - 1;
	return 0;
}

u64 tmpfs_pool_limit(void)
{
	return pool.limit == ~0ull ? 0 : (pool.limit - pool.base) * PAGE_SIZE;
}

void tmpfs_pool_count(struct tmpfs_sb *t, bool added)
{
	t->pages += added ? 1 : -1ull;
	if (t->pooled)
		pool.pages += added ? 1 : -1ull;
}

static bool limited_by_pool(const struct tmpfs_sb *t)
{
	return t->pooled && pool.limit != ~0ull;
}

u64 tmpfs_pages_left(const struct tmpfs_sb *t)
{
	u64 own = t->page_limit - MIN(t->pages, t->page_limit), together = pool.limit - MIN(pool.pages, pool.limit);
	if (!limited_by_pool(t))
		return own;
	return t->sized ? MIN(own, together) : together;
}

u64 tmpfs_pages_total(const struct tmpfs_sb *t)
{
	u64 together = pool.limit - pool.base;
	if (!limited_by_pool(t))
		return t->page_limit;
	return t->sized ? MIN(t->page_limit, together) : together;
}

static void statfs(struct superblock *sb, struct statfs_info *info)
{
	struct tmpfs_sb *t = sb->data;
	u64 total = tmpfs_pages_total(t);
	*info =
	    (struct statfs_info){total, MIN(tmpfs_pages_left(t), total), t->inode_limit, t->inode_limit - t->inodes};
}

/* Linux's: half of the memory, and as many inodes. */
static u64 default_limit(void)
{
	struct page_stats stats;
	page_stats(&stats);
	return stats.total / 2;
}

static void options_text(struct superblock *sb, char *buf, size_t size)
{
	struct tmpfs_sb *t = sb->data;
	size_t at = (size_t)ksnprintf(buf, size, ",size=%luk", (unsigned long)(tmpfs_pages_total(t) * 4));
	if (t->inode_limit != default_limit())
		at += (size_t)ksnprintf(buf + at, size - at, ",nr_inodes=%lu", (unsigned long)t->inode_limit);
	if (t->root_mode != DEFAULT_MODE)
		at += (size_t)ksnprintf(buf + at, size - at, ",mode=%03o", t->root_mode);
	if (t->root_uid)
		at += (size_t)ksnprintf(buf + at, size - at, ",uid=%u", t->root_uid);
	if (t->root_gid)
		ksnprintf(buf + at, size - at, ",gid=%u", t->root_gid);
}

static void destroy_sb(struct superblock *sb)
{
	kfree(sb->data);
}

/* A number with k, m, g or % (of all memory) behind it; false: not one. */
static bool parse_size(const char *s, size_t len, u64 *value)
{
	struct page_stats stats;
	u64 n = 0;
	size_t i = 0;
	for (; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
		if (n > (1ull << 50))
			return false;
		n = n * 10 + (u64)(s[i] - '0');
	}
	if (i == 0)
		return false;
	if (i < len) {
		char unit = s[i++] | 0x20;
		page_stats(&stats);
		if (unit == 'k')
			n <<= 10;
		else if (unit == 'm')
			n <<= 20;
		else if (unit == 'g')
			n = n > (1ull << 33) ? ~0ull : n << 30;
		else if (s[i - 1] == '%')
			n = stats.total * PAGE_SIZE / 100 * MIN(n, 1000ull);
		else
			return false;
	}
	*value = n;
	return i == len;
}

static bool parse_octal(const char *s, size_t len, u32 *value)
{
	u32 n = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '7' || n > 07777)
			return false;
		n = n * 8 + (u32)(s[i] - '0');
	}
	*value = n;
	return len && n <= 07777;
}

static bool key_is(const char *s, size_t key_len, const char *key)
{
	return key_len == strlen(key) && !memcmp(s, key, key_len);
}

static bool parse_option(const char *s, size_t len, struct tmpfs_sb *t)
{
	const char *eq = memchr(s, '=', len);
	if (!eq)
		return key_is(s, len, "noswap") || key_is(s, len, "inode64") || key_is(s, len, "inode32");
	size_t key = (size_t)(eq - s), vlen = len - key - 1;
	u64 n = 0;
	u32 mode = 0;
	if (key_is(s, key, "mode")) {
		if (!parse_octal(eq + 1, vlen, &mode))
			return false;
		t->root_mode = mode;
		return true;
	}
	if (key_is(s, key, "huge") || key_is(s, key, "mpol"))
		return true;
	if (!parse_size(eq + 1, vlen, &n))
		return false;
	if (key_is(s, key, "size"))
		t->page_limit = n ? PAGE_UP(n) / PAGE_SIZE : ~0ull >> 16;
	else if (key_is(s, key, "nr_blocks"))
		t->page_limit = n;
	else if (key_is(s, key, "nr_inodes"))
		t->inode_limit = n ? n : ~0ull >> 16;
	else if (key_is(s, key, "uid"))
		t->root_uid = (u32)n;
	else if (key_is(s, key, "gid"))
		t->root_gid = (u32)n;
	else
		return false;
	t->sized |= key_is(s, key, "size") || key_is(s, key, "nr_blocks");
	return true;
}

static int parse_options(const char *options, struct tmpfs_sb *t)
{
	while (*options) {
		size_t len = 0;
		while (options[len] && options[len] != ',')
			len++;
		if (len && !parse_option(options, len, t))
			return -EINVAL;
		options += len;
		options += *options == ',';
	}
	return 0;
}

/* Size and number of inodes may change, not below what is used. */
static int remount(struct superblock *sb, const char *options)
{
	struct tmpfs_sb *t = sb->data, wanted = *t;
	int r = parse_options(options, &wanted);
	if (r || wanted.page_limit < t->pages || wanted.inode_limit < t->inodes)
		return -EINVAL;
	t->page_limit = wanted.page_limit;
	t->inode_limit = wanted.inode_limit;
	t->sized = wanted.sized;
	return 0;
}

const struct super_ops tmpfs_super_ops = {"tmpfs", TMPFS_MAGIC, statfs, options_text, remount, .destroy = destroy_sb};
const struct super_ops devtmpfs_super_ops = {"devtmpfs", TMPFS_MAGIC, statfs, options_text, .destroy = destroy_sb};
const struct super_ops devpts_super_ops = {"devpts", DEVPTS_SUPER_MAGIC, statfs, NULL, .destroy = destroy_sb};

int tmpfs_create(const struct super_ops *ops, const char *options, struct superblock **out)
{
	struct superblock *sb = superblock_alloc(ops);
	struct tmpfs_sb *t = kzalloc(sizeof(*t));
	struct inode *root = NULL;
	int r = -ENOMEM;
	if (sb && t) {
		t->page_limit = t->inode_limit = default_limit();
		t->root_mode = DEFAULT_MODE;
		t->root_uid = fs_uid();
		t->root_gid = fs_gid();
		t->pooled = ops == &tmpfs_super_ops;
		sb->data = t;
		sb->pinned = true;
		root = tmpfs_inode(sb, K_S_IFDIR | DEFAULT_MODE, 0);
	}
	if (root) {
		r = parse_options(options, t);
		root->mode = K_S_IFDIR | t->root_mode;
		root->uid = t->root_uid;
		root->gid = t->root_gid;
		if (!r && !(sb->root = dentry_alloc_root(sb, root)))
			r = -ENOMEM;
		if (r)
			inode_put(root);
	}
	if (!r) {
		*out = sb;
		return 0;
	}
	if (sb)
		superblock_put(sb); /* frees t when it has it */
	if (!sb || !root)
		kfree(sb && sb->data == t ? NULL : t);
	return r;
}
