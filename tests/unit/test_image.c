/* SPDX-License-Identifier: Apache-2.0
 *
 * Images that the real tools made of one tree (the seeds of the fuzz targets) show that tree; what cannot be read, or
 * is damaged, is an error.
 *
 * sources: tests/unit/image_mount.c runner/unpack.c tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 * libs: -lz -llzma -llz4 -lzstd
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "tests/unit/fs_test.h"
#include "guestkernel/fs/image.h"
#include "guestkernel/mm/page.h"
#include "tests/unit/image_mount.h"

#define SEEDS	   "tests/fuzz/corpus/fuzz_"
#define TREE	   53u	  /* names in it ... */
#define TREE_FILES 47u	  /* ... of which regular files ... */
#define TREE_BYTES 57208u /* ... and what they hold */
#define CHANGES	   60u

static const char *const erofs[] = {
    "plain",	      "extended",	 "chunks", "lz4",  "full",    "big",  "tails",	   "tails-full",   "fragments",
    "fragments-full", "tails-fragments", "dedupe", "lzma", "deflate", "zstd", "zstd-full", "small-blocks", "xattrs"};
static const char *const squashfs[] = {"gzip", "xz", "lz4", "zstd", "lzma", "stored", "metadata", "xattrs"};
static u8 image[1 << 20];

static size_t load(const char *type, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), SEEDS "%s/%s", type, name);
	FILE *f = fopen(path, "rb");
	is_true(f != NULL);
	size_t n = fread(image, 1, sizeof(image), f);
	fclose(f);
	return n;
}

static u32 contents_of(const char *type, size_t bytes)
{
	struct image_walk walk = {0};
	struct stat st;
	char target[64];
	is(0, image_mount(type, image, bytes));
	image_walk("m", 0, &walk);
	is(0, walk.errors);
	is(TREE, walk.entries);
	is(TREE_FILES, walk.files);
	is(TREE_BYTES, walk.bytes);
	is(0, call(stat, "m/dir/small2", &st));
	is(2, st.st_nlink);
	is(0, call(lstat, "m/dir/null", &st));
	is(0x103, st.st_rdev);
	is(0, call(stat, "m/dir/sub/fifo", &st));
	is_true(S_ISFIFO(st.st_mode));
	is(8, call(readlink, "m/dir/link", target, sizeof(target)));
	is(0, memcmp(target, "../small", 8));
	image_unmount();
	return walk.sum;
}

static u32 contents(const char *type, const char *name)
{
	return contents_of(type, load(type, name));
}

static void body_all_images_show_the_same_tree(void)
{
	u32 sum = contents("erofs", "plain");
	for (unsigned i = 0; i < ARRAY_SIZE(erofs); i++)
		is(sum, contents("erofs", erofs[i]));
	for (unsigned i = 0; i < ARRAY_SIZE(squashfs); i++)
		is(sum, contents("squashfs", squashfs[i]));
}

static void body_nothing_can_be_changed(void)
{
	is(0, image_mount("squashfs", image, load("squashfs", "gzip")));
	is(-EROFS, call(open, "m/small", O_RDWR));
	is(-EROFS, call(open, "m/new", O_CREAT | O_WRONLY, 0644));
	is(-EROFS, call(unlink, "m/small"));
	is(-EROFS, call(rename, "m/small", "m/other"));
	is(-EROFS, call(mkdir, "m/d", 0755));
	is(-EROFS, call(chmod, "m/small", 0600));
	is(-EROFS, call(truncate, "m/small", 0));
	/* Not even by another mount of it. */
	is(0, call(mount, NULL, "m", NULL, MS_REMOUNT, NULL));
	is(-EROFS, call(unlink, "m/small"));
	image_unmount();
}

/* What is kept may go at any time, and comes again. */
static void body_pages_can_be_given_up(void)
{
	char a[5000], b[5000];
	is(0, image_mount("erofs", image, load("erofs", "lz4")));
	long fd = call(open, "m/numbers", O_RDONLY);
	is(sizeof(a), call(pread64, fd, a, sizeof(a), 7000));
	is_true(image_reclaim(1000) >= 2);
	is(0, image_reclaim(1000));
	is(sizeof(b), call(pread64, fd, b, sizeof(b), 7000));
	is(0, memcmp(a, b, sizeof(a)));
	call(close, fd);
	image_unmount();
}

static void refused(const char *type, const char *seed, size_t at, u8 value, long error, const char *why)
{
	size_t n = load(type, seed);
	image[at] = value;
	is(error, image_mount(type, image, n));
	is_true(strstr(image_mount_error, why) != NULL);
	image_unmount();
}

static void body_what_is_not_there_is_named(void)
{
	refused("erofs", "plain", 1024 + 80, 0x80, -EOPNOTSUPP, "48 bits");
	refused("erofs", "plain", 1024 + 83, 1, -EOPNOTSUPP, "newer");
	refused("erofs", "zstd", 1024 + 84, 0x10, -EOPNOTSUPP, "unknown compression");
	refused("erofs", "fragments", 1024 + 97, 0xff, -EUCLEAN, "damaged"); /* where the packed file is */
	refused("erofs", "plain", 1024 + 64, 1, -EUCLEAN, "damaged");	     /* a name's byte: the checksum */
	refused("erofs", "plain", 1024, 0, -EINVAL, "");
	refused("squashfs", "gzip", 20, 3, -EOPNOTSUPP, "LZO");
	refused("squashfs", "gzip", 28, 3, -EOPNOTSUPP, "version");
	refused("squashfs", "gzip", 22, 21, -EUCLEAN, "damaged"); /* block size */
	refused("squashfs", "gzip", 45, 1, -EUCLEAN, "damaged");  /* longer than its file */
}

static void xattrs_of(const char *type, struct image_walk *walk)
{
	char value[4096];
	is(0, image_mount(type, image, load(type, "xattrs")));
	image_walk("m", 0, walk);
	is(0, walk->errors);
	is(11 + 20, walk->xattrs);					       /* what has two names is seen twice */
	is(1, call(getxattr, "m/dir/small2", "user.a", value, sizeof(value))); /* by its other name */
	is('1', value[0]);
	is(0, call(getxattr, "m/small", "user.empty", value, sizeof(value)));
	is(-ENODATA, call(getxattr, "m/small", "user.b", value, sizeof(value)));
	is(8, call(getxattr, "m/small", "trusted.b", value, sizeof(value)));
	is(3072, call(getxattr, "m/numbers", "user.long", NULL, 0));
	is(-ERANGE, call(getxattr, "m/numbers", "user.long", value, 3071));
	is(3072, call(getxattr, "m/numbers", "user.long", value, sizeof(value)));
	is(255, (u8)value[3071]);
	is(20, call(getxattr, "m/numbers", "security.capability", value, sizeof(value)));
	is(4, call(lgetxattr, "m/dir/link", "trusted.of-link", value, sizeof(value)));
	is(-EROFS, call(setxattr, "m/small", "user.a", "2", 1, 0));
	is(-EROFS, call(removexattr, "m/small", "user.a"));
	image_unmount();
}

static void body_extended_attributes(void)
{
	struct image_walk of_erofs = {0}, of_squashfs = {0};
	xattrs_of("erofs", &of_erofs);
	xattrs_of("squashfs", &of_squashfs);
	is(of_erofs.xattrs, of_squashfs.xattrs);
}

/* Above an image they can be changed; what is below has no say then. */
static void body_extended_attributes_below_an_overlay(void)
{
	char value[64], names[256];
	is(0, image_mount("erofs", image, load("erofs", "xattrs")));
	is(0, call(mkdir, "u", 0755));
	is(0, call(mkdir, "o", 0755));
	is(0, call(mount, "o", "o", "overlay", 0, "lowerdir=m,upperdir=u,workdir=u"));
	is(8, call(getxattr, "o/small", "trusted.b", value, sizeof(value)));
	is(0, call(setxattr, "o/small", "user.new", "new", 3, 0));
	is(0, call(removexattr, "o/small", "user.a"));
	is(-EEXIST, call(setxattr, "o/small", "user.empty", "", 0, 1));
	is(-ENODATA, call(getxattr, "o/small", "user.a", value, sizeof(value)));
	is(3, call(getxattr, "o/dir/small2", "user.new", value, sizeof(value)));
	is(sizeof("trusted.b") + sizeof("user.empty") + sizeof("user.new"),
	   call(listxattr, "o/small", names, sizeof(names)));
	is(1, call(getxattr, "m/small", "user.a", value, sizeof(value)));
	is(0, call(umount2, "o", MNT_DETACH));
	is(0, call(rmdir, "o"));
	is(0, call(rmdir, "u"));
	image_unmount();
}

/* The map of compressed clusters of the one file of so many bytes, in a full index. */
static u8 *full_map(size_t image_bytes, u32 file_bytes)
{
	for (u8 *inode = image + 1152; inode < image + image_bytes; inode += 32)
		if (inode[0] >> 1 == 1 && !image_le16(inode + 2) && image_le32(inode + 8) == file_bytes)
			return inode + (inode[0] & 1 ? 64 : 32);
	return NULL;
}

/* No mkfs.erofs uses a second algorithm within a file: here all clusters are of the second. */
static void body_two_algorithms_in_a_file(void)
{
	const u32 bytes = 20000, blocks = (bytes + 4095) / 4096;
	u32 sum = contents("erofs", "full");
	size_t n = load("erofs", "full");
	u8 *map = full_map(n, bytes);
	is_true(map != NULL);
	image[1024 + 8] &= (u8)~1; /* the checksum is not looked at */
	image[1024 + 80] |= 8;
	map[6] = 0x01; /* LZMA, and LZ4 */
	for (u32 i = 0; i < blocks; i++)
		if (map[16 + i * 8] == 1)
			map[16 + i * 8] = 3;
	is(sum, contents_of("erofs", n));
	map[6] = 0x00;
	is(sum, contents_of("erofs", n));
	map[6] = 0x11; /* LZMA twice */
	struct image_walk walk = {0};
	is(0, image_mount("erofs", image, n));
	image_walk("m", 0, &walk);
	is(1, walk.errors);
	image_unmount();
	map[6] = 0x40;
	is(0, image_mount("erofs", image, n));
	is(-EOPNOTSUPP, call(open, "m/numbers", O_RDONLY));
	image_unmount();
}

/* At any length it is refused, or what is missing is an error. */
static void body_images_that_are_cut_off(void)
{
	for (unsigned i = 0; i < 2; i++) {
		const char *type = i ? "squashfs" : "erofs";
		size_t n = load(type, "lz4");
		for (size_t part = 0; part < n; part += 997) {
			struct image_walk walk = {0};
			if (!image_mount(type, image, part))
				image_walk("m", 0, &walk);
			is_true(walk.errors || walk.entries < TREE);
			image_unmount();
		}
	}
}

/* The host changes the image while it is looked at, also between a check and its use: that ends, and nothing breaks. */
static unsigned changing(const char *type, const char *name)
{
	size_t n = load(type, name);
	unsigned errors = 0;
	for (u32 seed = 1; seed <= CHANGES; seed++) {
		struct image_walk walk = {0};
		is(0, image_mount(type, image, n));
		image_changes(seed);
		image_walk("m", 0, &walk);
		image_changes(0);
		image_unmount();
		errors += walk.errors;
	}
	return errors;
}

static void body_images_that_change(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(erofs); i++)
		is_true(changing("erofs", erofs[i]));
	for (unsigned i = 0; i < ARRAY_SIZE(squashfs); i++)
		is_true(changing("squashfs", squashfs[i]));
}

static void body_sources_that_are_none(void)
{
	is(0, call(mkdir, "m", 0755));
	is(-ENOENT, call(mount, "nothing", "m", "erofs", MS_RDONLY, NULL));
	is(-ENOTBLK, call(mount, "m", "m", "erofs", MS_RDONLY, NULL));
	is(-ENOTBLK, call(mount, NULL, "m", "squashfs", MS_RDONLY, NULL));
	is(0, call(rmdir, "m"));
	is(0, image_mount("erofs", image, load("erofs", "plain")));
	is(-EINVAL, call(mount, "img", "m", "erofs", MS_RDONLY, "option"));
	/* An image in an image: only so deep. */
	is(0, call(mkdir, "n", 0755));
	is(-ENOTBLK, call(mount, "m/numbers", "n", "erofs", MS_RDONLY, NULL));
	is(0, call(rmdir, "n"));
	image_unmount();
}

OURS_ONLY(all_images_show_the_same_tree)
OURS_ONLY(nothing_can_be_changed)
OURS_ONLY(pages_can_be_given_up)
OURS_ONLY(what_is_not_there_is_named)
OURS_ONLY(two_algorithms_in_a_file)
OURS_ONLY(extended_attributes)
OURS_ONLY(extended_attributes_below_an_overlay)
OURS_ONLY(images_that_are_cut_off)
OURS_ONLY(images_that_change)
OURS_ONLY(sources_that_are_none)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ours_all_images_show_the_same_tree),
	    cmocka_unit_test(ours_nothing_can_be_changed),
	    cmocka_unit_test(ours_pages_can_be_given_up),
	    cmocka_unit_test(ours_what_is_not_there_is_named),
	    cmocka_unit_test(ours_two_algorithms_in_a_file),
	    cmocka_unit_test(ours_images_that_are_cut_off),
	    cmocka_unit_test(ours_sources_that_are_none),
	    cmocka_unit_test(ours_extended_attributes),
	    cmocka_unit_test(ours_extended_attributes_below_an_overlay),
	    cmocka_unit_test(ours_images_that_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
