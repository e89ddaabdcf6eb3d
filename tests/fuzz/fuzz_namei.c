/* SPDX-License-Identifier: Apache-2.0
 *
 * Any sequence of calls on names: nothing may crash, leak a reference, or corrupt the tree.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/mount.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_stub.h"

/* Input: one byte of operation, then its arguments; names are short sequences over a small alphabet, so that they meet.
 */
struct input {
	const u8 *data;
	size_t left;
};

static u8 byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static void name(struct input *in, char out[64])
{
	static const char *const parts[] = {"a",
					    "b",
					    "c",
					    "d",
					    "l",
					    "/",
					    "//",
					    "..",
					    ".",
					    "/..",
					    "long_name_that_does_not_fit_inline_in_it",
					    "a/b",
					    "b/c",
					    "../a",
					    "/proc/self/fd/0",
					    "/proc/self/cwd"};
	size_t n = byte(in) % 4 + 1, used = 0;
	out[0] = 0;
	for (size_t i = 0; i < n; i++) {
		const char *part = parts[byte(in) % 16];
		if (used + strlen(part) + 2 > 64)
			break;
		if (i && (byte(in) & 1))
			out[used++] = '/';
		strcpy(out + used, part);
		used += strlen(part);
	}
}

/* Every entry below d is consistent. Returns how many there are. */
static unsigned check(struct dentry *d, unsigned depth)
{
	struct dentry *child;
	unsigned n = 0, dirs = 0;
	if (depth > 64)
		abort();
	list_for_each (child, &d->children, sibling) {
		if (child->parent != d || !(child->flags & DENTRY_HASHED) || !child->inode || child->refs == 0)
			abort();
		struct dentry *found;
		if (dentry_lookup(d, child->name, child->len, 0, &found) || found != child)
			abort();
		dentry_put(found);
		if (child->inode->nlink == 0)
			abort();
		dirs += inode_is(child->inode, K_S_IFDIR);
		n += 1 + check(child, depth + 1);
	}
	if (inode_is(d->inode, K_S_IFDIR) && d->sb->pinned && d->inode->nlink != dirs + 2)
		abort();
	return n;
}

static void one_call(struct input *in)
{
	char a[64], b[64], buf[256];
	struct stat st;
	long fd;
	u8 op = byte(in);
	name(in, a);
	switch (op % 20) {
	case 0:
	case 1:
		call(mkdir, a, 0755);
		break;
	case 2:
		fd = call(open, a, byte(in) & 1 ? O_CREAT | O_RDWR : O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd > 8)
			call(close, fd);
		break;
	case 3:
		name(in, b);
		call(symlink, a, b);
		break;
	case 4:
	case 5:
		name(in, b);
		call(rename, a, b);
		break;
	case 6:
		name(in, b);
		call(renameat2, AT_FDCWD, a, AT_FDCWD, b, byte(in) % 4);
		break;
	case 7:
		call(unlink, a);
		break;
	case 8:
		call(rmdir, a);
		break;
	case 9:
		name(in, b);
		call(linkat, AT_FDCWD, a, AT_FDCWD, b, byte(in) & 1 ? AT_SYMLINK_FOLLOW : 0);
		break;
	case 10:
		call(chdir, a);
		break;
	case 11:
		call(stat, a, &st);
		call(readlink, a, buf, sizeof(buf));
		break;
	case 12:
		fd = call(open, a, O_DIRECTORY);
		call(getdents64, fd, buf, sizeof(buf));
		if (fd > 8)
			call(close, fd);
		break;
	case 13:
		call(getcwd, buf, sizeof(buf));
		break;
	case 14:
		call(close, byte(in) % 10);
		break;
	case 15:
		call(mount, "x", a, byte(in) & 1 ? "tmpfs" : "proc", 0, NULL);
		break;
	case 16:
		name(in, b);
		call(mount, a, b, NULL, 4096 | (byte(in) & 1 ? 16384 : 0), NULL);
		break;
	case 17:
		call(umount2, a, byte(in) & 1 ? 2 : 0);
		break;
	case 18:
		fd = call(open, a, O_TMPFILE | O_RDWR, 0600);
		name(in, b);
		call(linkat, fd, "", AT_FDCWD, b, AT_EMPTY_PATH);
		if (fd > 8)
			call(close, fd);
		break;
	case 19:
		name(in, b);
		fd = call(inotify_init1, O_NONBLOCK);
		call(inotify_add_watch, fd, a, 0xfff);
		call(unlink, b);
		call(close, fd);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = {data, MIN(size, 400ul)};
	fs_start(OURS);
	u64 files = files_open;
	char top[64];
	/* Everything happens in a file system of its own, which goes at the end. */
	if (call(getcwd, top, sizeof(top)) < 0 || call(mkdir, "top", 0777) ||
	    call(mount, "t", "top", "tmpfs", 0, "size=1m") || call(chdir, "top") || call(chroot, "."))
		abort();
	strcat(top, "/top");
	struct superblock *sb = stub_process.fs->root.mount->sb;
	superblock_get(sb);
	while (in.left)
		one_call(&in);
	check(sb->root, 0);
	fs_stop();
	fs_unmount(top);
	if (files_open != files)
		abort(); /* an open file description leaked */
	if (sb->refs != 1)
		abort(); /* an inode or a mount leaked */
	superblock_put(sb);
	return 0;
}
