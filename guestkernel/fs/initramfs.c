/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns filling the root file system from the boot archive. Contents that stand page-aligned in the archive are not
 * copied: their frames become the page cache's (boot memory is never freed).
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/cpio.h"
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/namei.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

struct unpack {
	const u8 *base;
	u64 length;
};

static void set_attributes(struct inode *inode, const struct cpio_entry *e)
{
	inode->mode = (inode->mode & K_S_IFMT) | (e->mode & 07777);
	inode->uid = e->uid;
	inode->gid = e->gid;
	inode->atime = inode->mtime = inode->ctime = (struct k_timespec){e->mtime, 0};
}

/* The frame of archive bytes, when they may be used as a page of the file: a whole page, or the last one with zeros (or
 * the end of the archive's page) behind it. */
static struct page *frame_of(const struct unpack *u, const u8 *data, size_t n)
{
	if ((u64)data & (PAGE_SIZE - 1))
		return NULL;
	for (size_t i = n; i < PAGE_SIZE; i++)
		if ((u64)(data - u->base) + i >= u->length || data[i])
			return NULL;
	struct page *page = page_of(virt_to_phys(data));
	page_get(page);
	return page;
}

static int fill(const struct unpack *u, struct inode *inode, const u8 *data, size_t size)
{
	for (size_t done = 0; done < size; done += PAGE_SIZE) {
		size_t n = MIN(size - done, PAGE_SIZE);
		struct page *page = frame_of(u, data + done, n);
		if (!page) {
			page = page_alloc(0, 0);
			if (!page)
				return -ENOMEM;
			memcpy(page_virt(page), data + done, n);
			memset((u8 *)page_virt(page) + n, 0, PAGE_SIZE - n);
		}
		int r = tmpfs_insert_page(inode, done / PAGE_SIZE, page);
		if (r)
			return r;
	}
	inode->size = size;
	return 0;
}

static int make_symlink(const char *name, const struct cpio_entry *e)
{
	char *target = kmalloc(e->size + 1);
	if (!target)
		return -ENOMEM;
	memcpy(target, e->target, e->size);
	target[e->size] = 0;
	int r = vfs_symlink(target, AT_FDCWD, name);
	kfree(target);
	return r;
}

static int make_other(const struct unpack *u, const char *name, const struct cpio_entry *e)
{
	struct inode *inode;
	int r = vfs_mknod(AT_FDCWD, name, e->mode, DEV(e->rdev_major, e->rdev_minor), &inode);
	if (r)
		return r;
	if (inode_is(inode, K_S_IFREG))
		r = fill(u, inode, u->base + e->data, e->size);
	inode_put(inode);
	return r;
}

static int make_entry(const struct unpack *u, const char *name, const struct cpio_entry *e)
{
	switch (e->mode & K_S_IFMT) {
	case K_S_IFDIR: {
		int r = vfs_mkdir(AT_FDCWD, name, e->mode);
		return r == -EEXIST ? 0 : r; /* /dev and the like are there already */
	}
	case K_S_IFLNK:
		return make_symlink(name, e);
	}
	return make_other(u, name, e);
}

static int visit(void *context, const struct cpio_entry *e)
{
	const struct unpack *u = context;
	struct path path;
	char *name = kmalloc(e->name_length + 2);
	if (!name)
		return -ENOMEM;
	name[0] = '/';
	memcpy(name + 1, e->name, e->name_length + 1);
	bool root = !strcmp(e->name, ".");
	int r = root ? 0 : make_entry(u, name, e);
	if (!r)
		r = path_lookup(AT_FDCWD, root ? "/" : name, 0, &path);
	if (!r) {
		if (path.dentry->sb->ops == &tmpfs_super_ops) /* leave what is mounted there alone */
			set_attributes(path.dentry->inode, e);
		path_put(&path);
	} else {
		klog("initramfs: %s: error %d\n", name, -r);
	}
	kfree(name);
	return r;
}

int initramfs_unpack(const void *base, u64 length)
{
	struct unpack u = {base, length};
	return cpio_parse(base, length, visit, &u);
}
