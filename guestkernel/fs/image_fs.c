/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns instances of image file systems, their inodes and directories. What stands where is the formats' business.
 * Nothing changes here: writing to such a mount fails with EROFS; an overlay above it takes changes.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

#define HASH	    512u
#define NAMES_LIMIT 32768u /* cached names of one image */

char image_mount_error[80];

struct image_sb {	    /* sb->data */
	struct image image; /* first: image_of() */
	struct list all;
	struct image_node *hash[HASH];
};

static const struct inode_ops image_inode_ops;
static struct list images = LIST_INIT(images);

/* ---- inodes ---- */

static struct image_node **slot_of(struct superblock *sb, u64 ref)
{
	struct image_sb *data = sb->data;
	return &data->hash[(ref ^ ref >> 16) % HASH];
}

static struct inode *find(struct superblock *sb, u64 ref)
{
	struct image_node *node = *slot_of(sb, ref);
	while (node && node->i.ref != ref)
		node = node->hash_next;
	if (!node)
		return NULL;
	inode_get(node->inode);
	return node->inode;
}

static bool is_sane(const struct image_inode *i)
{
	switch (i->mode & K_S_IFMT) {
	case K_S_IFLNK:
		return i->size && i->size < PATH_LIMIT;
	case K_S_IFREG:
	case K_S_IFDIR:
		return i->size <= 0x7fffffffffffffffull - PAGE_SIZE && i->linear_bytes <= i->size;
	case K_S_IFCHR:
	case K_S_IFBLK:
	case K_S_IFIFO:
	case K_S_IFSOCK:
		return true;
	}
	return false;
}

static void set_attributes(struct inode *inode, const struct image_inode *i)
{
	inode->ino = i->ino;
	inode->uid = i->uid;
	inode->gid = i->gid;
	inode->nlink = MAX(MIN(i->nlink, 0x7fffffffu), 1u);
	inode->size = i->size;
	inode->rdev = i->rdev;
	inode->atime = inode->mtime = inode->ctime = inode->btime = i->mtime;
}

static int get_inode(struct superblock *sb, u64 ref, struct inode **out)
{
	struct image *image = sb->data;
	struct inode *inode = find(sb, ref);
	struct image_inode i = {.ref = ref};
	if (inode) {
		*out = inode;
		return 0;
	}
	int r = image->format->inode(image, ref, &i);
	if (!r && !is_sane(&i))
		r = -EUCLEAN;
	if (r)
		return r;
	inode = find(sb, ref); /* somebody else read it meanwhile */
	if (inode) {
		*out = inode;
		return 0;
	}
	struct image_node *node = kzalloc(sizeof(*node));
	inode = node ? inode_alloc(sb, &image_inode_ops, i.mode & (K_S_IFMT | 07777)) : NULL;
	if (!inode) {
		kfree(node);
		return -ENOMEM;
	}
	node->i = i;
	node->inode = inode;
	list_init(&node->lru);
	inode->data = node;
	set_attributes(inode, &i);
	struct image_node **slot = slot_of(sb, ref);
	node->hash_next = *slot;
	*slot = node;
	*out = inode;
	return 0;
}

static void destroy_inode(struct inode *inode)
{
	struct image_node *node = image_node(inode), **link = slot_of(inode->sb, node->i.ref);
	while (*link != node)
		link = &(*link)->hash_next;
	*link = node->hash_next;
	image_drop_pages(inode);
	kfree(node);
}

/* ---- names ---- */

static int lookup(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out)
{
	struct image *image = image_of(dir->inode);
	u64 ref;
	int r = image->format->lookup(image, &image_node(dir->inode)->i, name, len, &ref);
	return r ? r : get_inode(dir->sb, ref, out);
}

static long readlink(struct inode *inode, char *buf, size_t size)
{
	struct image *image = image_of(inode);
	char *target = kmalloc(PATH_LIMIT);
	if (!target)
		return -ENOMEM;
	int r = image->format->target(image, &image_node(inode)->i, target);
	size_t n = MIN(inode->size, size);
	if (!r && memchr(target, 0, inode->size))
		r = -EUCLEAN;
	if (!r)
		memcpy(buf, target, n);
	kfree(target);
	return r ? r : (long)n;
}

/* What a directory gives is checked before it goes on: programs believe names of the kernel. */
struct taker {
	void *arg;
	emit_fn emit;
	bool bad;
};

static bool take_name(void *arg, const char *name, size_t len, u64 ino, unsigned type, u64 next)
{
	struct taker *t = arg;
	t->bad = !len || len > NAME_LIMIT || memchr(name, 0, len) || memchr(name, '/', len);
	return !t->bad && t->emit(t->arg, name, len, ino, type, next + 2);
}

/* Positions: 0 `.`, 1 `..`, then 2 + what the format counts. */
static int readdir(struct file *file, void *arg, emit_fn emit)
{
	struct image *image = image_of(file->inode);
	struct dentry *dir = file->path.dentry;
	struct taker t = {arg, emit, false};
	if (!dentry_emit_dots(file, arg, emit))
		return 0;
	u64 pos = file->pos - 2;
	int r = image->format->readdir(image, &image_node(dir->inode)->i, &pos, &t, take_name);
	file->pos = pos + 2;
	return t.bad ? -EUCLEAN : r;
}

static int sync_dir(struct file *file)
{
	return 0;
}

static const struct file_ops dir_ops = {.readdir = readdir, .seek = dentry_dir_seek, .fsync = sync_dir};

static int open_node(struct inode *inode, struct file *file)
{
	switch (inode->mode & K_S_IFMT) {
	case K_S_IFREG:
		if (file_writable(file))
			return -EROFS;
		file->ops = &image_file_ops;
		return 0;
	case K_S_IFDIR:
		file->ops = &dir_ops;
		return 0;
	}
	return inode_open_special(inode, file);
}

static int setattr(struct inode *inode, const struct attr *attr)
{
	return -EROFS;
}

static int getattr(struct inode *inode, struct k_stat *st)
{
	st->blocks = (s64)((inode->size + 511) / 512);
	return 0;
}

static const struct inode_ops image_inode_ops = {
    .lookup_entry = lookup,
    .readlink = readlink,
    .open = open_node,
    .setattr = setattr,
    .getattr = getattr,
    .get_page = image_get_page,
    .xattrs = image_xattrs,
    .destroy = destroy_inode,
};

/* ---- instances ---- */

static void statfs(struct superblock *sb, struct statfs_info *info)
{
	struct image *image = sb->data;
	info->blocks = PAGE_UP(image->bytes) / PAGE_SIZE;
	info->files = image->inodes;
}

static void destroy(struct superblock *sb)
{
	struct image_sb *data = sb->data;
	if (!data)
		return;
	list_remove(&data->all);
	if (data->image.store)
		image_store_destroy(data->image.store);
	kfree(data);
}

/* /proc/mounts has no options of these; the type is the format's. */
static const struct super_ops erofs_super_ops = {"erofs", 0xe0f5e1e2, statfs, .destroy = destroy};
static const struct super_ops squashfs_super_ops = {"squashfs", 0x73717368, statfs, .destroy = destroy};

/* The image's file: not one of an image or overlay itself, so that the stack has a bottom. */
static int open_file(struct image *image, const char *source)
{
	struct file *file;
	int r = source ? file_open(AT_FDCWD, source, O_RDONLY, 0, &file) : -ENOTBLK;
	if (r)
		return r;
	struct inode *inode = file->inode;
	if (!inode_is(inode, K_S_IFREG) || !inode->ops->get_page || !inode->sb ||
	    !(inode->sb->pinned || inode->ops->unpack))
		r = -ENOTBLK;
	else if (!(image->store = image_store_create(file)))
		r = -ENOMEM;
	if (r)
		file_put(file);
	else
		image->bytes = inode->size;
	return r;
}

static void explain(const struct image *image, int r)
{
	const char *why = r == -EOPNOTSUPP && image->refused[0] ? image->refused
			  : r == -EUCLEAN			? "it is damaged or cut off"
								: "";
	ksnprintf(image_mount_error, sizeof(image_mount_error), "%s", why);
}

int image_create(const struct image_format *format, const char *source, const char *options, struct superblock **out)
{
	struct page_stats stats;
	struct superblock *sb =
	    *options ? NULL : superblock_alloc(format == &erofs_format ? &erofs_super_ops : &squashfs_super_ops);
	struct image_sb *data = sb ? sb->data = kzalloc(sizeof(*data)) : NULL;
	struct inode *root = NULL;
	if (!data) {
		if (sb)
			superblock_put(sb);
		return *options ? -EINVAL : -ENOMEM;
	}
	struct image *image = &data->image;
	list_append(&images, &data->all);
	image->format = format;
	int r = open_file(image, source);
	if (!r)
		r = format->open(image);
	if (!r)
		r = get_inode(sb, image->root, &root);
	if (!r && (!inode_is(root, K_S_IFDIR) || !(sb->root = dentry_alloc_root(sb, root)))) {
		r = inode_is(root, K_S_IFDIR) ? -ENOMEM : -EUCLEAN;
		inode_put(root);
	}
	explain(image, r);
	if (r) {
		superblock_put(sb);
		return r;
	}
	page_stats(&stats);
	sb->keeps_names = sb->keeps_absence = sb->read_only = sb->immutable = true;
	sb->names_limit = (u32)MIN((u64)NAMES_LIMIT, stats.total / 4);
	*out = sb;
	return 0;
}

/* Any of its files may have had them; so rare that all are asked again. */
static void lose(struct image_sb *data)
{
	for (unsigned i = 0; i < HASH; i++)
		for (struct image_node *node = data->hash[i]; node; node = node->hash_next) {
			mm_unmap_inode_range(node->inode, 0, ~0ull);
			overlay_lower_lost(node->inode, 0, ~0ull);
		}
}

void image_lower_lost(const struct inode *lower)
{
	struct image_sb *data;
	list_for_each (data, &images, all)
		if (data->image.store && image_file(&data->image)->inode == lower)
			lose(data);
}
