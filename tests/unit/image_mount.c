/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/image_mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/mm/page.h"
#include "runner/unpack.h"
#include "tests/unit/fs_stub.h"

#define ENTRIES_MOST 200u
#define DEPTH_MOST   4u
#define READS_MOST   24u

static const u8 *bytes;
static size_t bytes_count;

static int unpack(struct inode *inode, const struct unpack_request *list, unsigned n, void *arg,
		  void (*take)(void *arg, unsigned i, const u8 *data, u32 bytes))
{
	static u8 plain[UNPACK_PLAIN_MAX];
	for (unsigned i = 0; i < n; i++) {
		const struct unpack_request *u = &list[i];
		u64 end = (u64)u->skip + u->count;
		if (!u->packed || u->packed > UNPACK_PACKED_MAX || end > sizeof(plain) || u->offset > bytes_count ||
		    u->packed > bytes_count - u->offset)
			return -EIO;
		s64 got = unpack_block(u->algorithm, bytes + u->offset, u->packed, plain, end, sizeof(plain));
		if (got < 0)
			return (int)got;
		u64 some = (u64)got < u->skip ? 0 : MIN((u64)got - u->skip, (u64)u->count);
		take(arg, i, plain + u->skip, (u32)some);
	}
	return 0;
}

static u32 changes;
static int (*unchanged_page)(struct inode *inode, u64 index, bool create, struct page **page);

void image_changes(u32 seed)
{
	changes = seed;
}

static u32 next_change(void)
{
	changes = changes * 1664525 + 1013904223;
	return changes >> 8;
}

/* The file is changed by somebody else between any two looks at it. */
static int changing_page(struct inode *inode, u64 index, bool create, struct page **page)
{
	int r = unchanged_page(inode, index, create, page);
	if (r || !*page || !changes || next_change() % 4)
		return r;
	u8 *at = (u8 *)page_virt(*page) + next_change() % PAGE_SIZE;
	*at = next_change() % 2 ? *at ^ 1 << next_change() % 8 : (u8)next_change();
	return 0;
}

/* As 9P has it. */
static void give_unpack(const char *name)
{
	static struct inode_ops ops;
	struct path path;
	if (path_lookup(AT_FDCWD, name, 0, &path))
		return;
	ops = *path.dentry->inode->ops;
	ops.unpack = unpack;
	unchanged_page = ops.get_page;
	ops.get_page = changing_page;
	path.dentry->inode->ops = &ops;
	path_put(&path);
}

long image_mount(const char *type, const u8 *data, size_t size)
{
	bytes = data;
	bytes_count = size;
	call(mkdir, "m", 0755);
	long fd = call(open, "img", O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (fd < 0)
		return fd;
	call(write, fd, data, size);
	call(close, fd);
	give_unpack("img");
	return call(mount, "img", "m", type, MS_RDONLY, NULL);
}

void image_unmount(void)
{
	call(umount2, "m", MNT_DETACH);
	call(rmdir, "m");
	call(unlink, "img");
}

static void read_file(const char *path, u64 size, struct image_walk *walk)
{
	static u8 buf[65536];
	long fd = call(open, path, O_RDONLY), n = -1;
	if (fd < 0) {
		walk->errors++;
		return;
	}
	walk->files++;
	for (unsigned i = 0; i < READS_MOST && (n = call(read, fd, buf, sizeof(buf))) > 0; i++) {
		walk->bytes += (u64)n;
		for (long k = 0; k < n; k++)
			walk->sum = walk->sum * 31 + buf[k];
	}
	/* Somewhere else, and the end. */
	if (n >= 0)
		n = call(pread64, fd, buf, 5000, size / 3);
	if (n >= 0)
		n = call(pread64, fd, buf, 4096, size - MIN(size, 100ul));
	walk->errors += n < 0;
	call(close, fd);
}

/* All attributes of what is not followed. */
static void read_xattrs(const char *path, struct image_walk *walk)
{
	static char names[65536], value[65536];
	long n = call(llistxattr, path, names, sizeof(names));
	for (long at = 0; at < n; at += (long)strlen(names + at) + 1) {
		long got = call(lgetxattr, path, names + at, value, sizeof(value));
		walk->xattrs++;
		walk->errors += got < 0;
		for (long k = 0; k < got; k++)
			walk->xattr_sum = walk->xattr_sum * 31 + (u8)value[k];
	}
	walk->errors += n < 0;
}

static void look(const char *path, unsigned depth, struct image_walk *walk)
{
	struct stat st;
	char target[4096];
	walk->entries++;
	if (call(lstat, path, &st) < 0) {
		walk->errors++;
		return;
	}
	read_xattrs(path, walk);
	if (S_ISLNK(st.st_mode))
		walk->errors += call(readlink, path, target, sizeof(target)) < 0;
	else if (S_ISREG(st.st_mode))
		read_file(path, (u64)st.st_size, walk);
	else if (S_ISDIR(st.st_mode) && depth < DEPTH_MOST)
		image_walk(path, depth + 1, walk);
}

void image_walk(const char *path, unsigned depth, struct image_walk *walk)
{
	_Alignas(8) char list[2048];
	char name[2048];
	long fd = call(open, path, O_RDONLY | O_DIRECTORY), n = -1;
	while (fd >= 0 && walk->entries < ENTRIES_MOST && (n = call(getdents64, fd, list, sizeof(list))) > 0)
		for (long at = 0; at < n && walk->entries < ENTRIES_MOST;) {
			const struct dirent64 *d = (const struct dirent64 *)(list + at);
			at += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
				continue;
			snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
			look(name, depth, walk);
		}
	walk->errors += n < 0;
	if (fd >= 0)
		call(close, fd);
	snprintf(name, sizeof(name), "%s/nonesuch", path);
	call(access, name, 0);
}

void image_try(const char *type, const u8 *data, size_t size)
{
	static bool started;
	struct image_walk walk = {0};
	if (!started)
		fs_start(OURS);
	started = true;
	if (!image_mount(type, data, size))
		image_walk("m", 0, &walk);
	image_unmount();
}
