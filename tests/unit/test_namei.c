/* SPDX-License-Identifier: Apache-2.0
 *
 * Names: path walk, symbolic links, permissions, creation, removal, rename. Each body runs against our handlers and
 * against the host's Linux.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include "tests/unit/fs_test.h"

static void make_file(const char *name)
{
	long fd = call(open, name, O_CREAT | O_WRONLY, 0644);
	assert_true(fd >= 0);
	is(0, call(close, fd));
}

static bool exists(const char *name)
{
	return call(faccessat, AT_FDCWD, name, 0) == 0;
}

static void body_components(void)
{
	char name[300];
	struct stat st;
	is(0, call(mkdir, "d", 0755));
	make_file("f");
	is(-ENOENT, call(open, "", O_RDONLY));
	is(-ENOENT, call(stat, "none", &st));
	is(-ENOENT, call(stat, "none/f", &st));
	is(-ENOTDIR, call(stat, "f/x", &st));
	is(-ENOTDIR, call(stat, "f/", &st));
	is(-ENOTDIR, call(stat, "f/.", &st));
	is(0, call(stat, "d/", &st));
	is(0, call(stat, "./d/.././/d//", &st));
	is(0, call(stat, "/..", &st));
	memset(name, 'x', 256);
	name[256] = 0;
	is(-ENAMETOOLONG, call(stat, name, &st));
	is(-ENAMETOOLONG, call(mkdir, name, 0755));
	name[255] = 0;
	is(0, call(mkdir, name, 0755));
	is(0, call(stat, name, &st));
	is(0, call(rmdir, name));
	char *path = malloc(5000);
	memset(path, '/', 5000);
	path[4096] = 0;
	is(-ENAMETOOLONG, call(stat, path, &st));
	path[4095] = 0;
	is(0, call(stat, path, &st));
	free(path);
	is(-EFAULT, call(stat, 8, &st));
	is(-EFAULT, call(stat, "f", 8));
	is(-EBADF, call(openat, 77, "f", O_RDONLY));
	is(-EBADF, call(openat, -1, "f", O_RDONLY));
	long fd = call(open, "f", O_RDONLY);
	is(-ENOTDIR, call(openat, fd, "x", O_RDONLY));
	is(0, call(close, fd));
}

static void body_symlinks(void)
{
	struct stat st;
	char buf[64];
	make_file("f");
	is(0, call(mkdir, "d", 0755));
	is(0, call(symlink, "f", "l"));
	is(0, call(symlink, "l", "ll"));
	is(0, call(symlink, "loop2", "loop1"));
	is(0, call(symlink, "loop1", "loop2"));
	is(0, call(symlink, "nowhere", "dangling"));
	is(0, call(symlink, "d", "dl"));
	is(0, call(symlink, "../f", "d/up"));
	is(-ENOENT, call(symlink, "", "empty"));
	is(-EEXIST, call(symlink, "x", "l"));
	is(0, call(stat, "ll", &st));
	is_true(S_ISREG(st.st_mode));
	is(0, call(lstat, "ll", &st));
	is_true(S_ISLNK(st.st_mode));
	is(1, st.st_size);
	is(0777, st.st_mode & 07777);
	is(-ELOOP, call(stat, "loop1", &st));
	is(-ELOOP, call(stat, "loop1/x", &st));
	is(0, call(lstat, "loop1", &st));
	is(-ELOOP, call(lstat, "loop1/", &st));
	is(-ENOENT, call(stat, "dangling", &st));
	is(0, call(stat, "dl/up", &st));
	is(0, call(lstat, "dl/", &st));
	is_true(S_ISDIR(st.st_mode));
	is(-ENOTDIR, call(stat, "l/", &st));
	is(1, call(readlink, "ll", buf, sizeof(buf)));
	is('l', buf[0]);
	is(2, call(readlink, "d/up", buf, 2));
	is(-EINVAL, call(readlink, "f", buf, sizeof(buf)));
	is(-EINVAL, call(readlink, "ll", buf, 0));
	is(-ELOOP, call(open, "l", O_RDONLY | O_NOFOLLOW));
	is(-ENOTDIR, call(open, "dl", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
	is(-ENOTDIR, call(open, "l", O_RDONLY | O_DIRECTORY));
	long fd = call(open, "l", O_PATH | O_NOFOLLOW);
	is_true(fd >= 0);
	is(1, call(readlinkat, fd, "", buf, sizeof(buf)));
	is(0, call(fstat, fd, &st));
	is_true(S_ISLNK(st.st_mode));
	is(-EBADF, call(read, fd, buf, 1));
	is(0, call(close, fd));
	/* O_CREAT goes through dangling links, O_EXCL does not. */
	is(-EEXIST, call(open, "dangling", O_CREAT | O_EXCL | O_WRONLY, 0644));
	is(-ELOOP, call(open, "dangling", O_CREAT | O_NOFOLLOW | O_WRONLY, 0644));
	fd = call(open, "dangling", O_CREAT | O_WRONLY, 0644);
	is_true(fd >= 0);
	is(0, call(close, fd));
	is_true(exists("nowhere"));
	is(-ELOOP, call(open, "loop1", O_CREAT | O_WRONLY, 0644));
	/* Forty links are followed, not more. */
	char name[8], target[8] = "f";
	for (int i = 0; i < 42; i++) {
		name[0] = 'c';
		name[1] = (char)('a' + i / 10);
		name[2] = (char)('0' + i % 10);
		name[3] = 0;
		is(0, call(symlink, target, name));
		strcpy(target, name);
	}
	is(0, call(stat, "cd9", &st));
	is(-ELOOP, call(stat, "ce0", &st));
}

static void body_create(void)
{
	struct stat st;
	is(0, call(mkdir, "d/", 0755) == 0 ? 0 : 1);
	is(-EEXIST, call(mkdir, "d", 0755));
	is(-EEXIST, call(mkdir, ".", 0755));
	is(-EEXIST, call(mkdir, "d/..", 0755));
	is(-EEXIST, call(mkdir, "/", 0755));
	is(-ENOENT, call(mkdir, "x/y", 0755));
	is(-EISDIR, call(open, "new/", O_CREAT | O_WRONLY, 0644));
	is(-EISDIR, call(open, "d", O_CREAT | O_WRONLY, 0644));
	is(-EISDIR, call(open, "d", O_CREAT | O_RDONLY, 0644));
	is(-EISDIR, call(open, ".", O_CREAT | O_RDONLY, 0644));
	is(-EISDIR, call(open, "d", O_WRONLY));
	is(-EISDIR, call(open, "d", O_RDONLY | O_TRUNC));
	is(-EEXIST, call(open, "d", O_CREAT | O_EXCL | O_RDONLY, 0644));
	is(-EEXIST, call(open, ".", O_CREAT | O_EXCL | O_RDONLY, 0644));
	is(022, call(umask, 027));
	make_file("f");
	is(0, call(stat, "f", &st));
	is(0640, st.st_mode & 07777);
	is(1, st.st_nlink);
	is(0, call(mkdir, "m", 07777));
	is(0, call(stat, "m", &st));
	is(01750, st.st_mode & 07777);
	is(2, st.st_nlink);
	is(027, call(umask, 022));
	is(0, call(mknod, "p", S_IFIFO | 0666, 0));
	is(0, call(stat, "p", &st));
	is(S_IFIFO | 0644, st.st_mode);
	is(-EPERM, call(mknod, "q", S_IFDIR | 0666, 0));
	is(-EINVAL, call(mknod, "q", S_IFLNK | 0666, 0));
	is(0, call(mknod, "c", S_IFCHR | 0666, 0x103));
	is(0, call(stat, "c", &st));
	is(0x103, st.st_rdev);
	is(-ENOENT, call(mknod, "q/", S_IFREG | 0666, 0));
}

static void body_links(void)
{
	struct stat st;
	make_file("f");
	is(0, call(mkdir, "d", 0755));
	is(0, call(link, "f", "d/g"));
	is(0, call(stat, "f", &st));
	is(2, st.st_nlink);
	is(-EEXIST, call(link, "f", "d/g"));
	is(-EPERM, call(link, "d", "e"));
	is(-ENOENT, call(link, "none", "e"));
	is(-ENOENT, call(link, "f", "e/"));
	is(0, call(symlink, "f", "s"));
	is(0, call(link, "s", "s2"));
	is(0, call(lstat, "s2", &st));
	is_true(S_ISLNK(st.st_mode));
	is(0, call(linkat, AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
	is(0, call(lstat, "s3", &st));
	is_true(S_ISREG(st.st_mode));
	is(3, st.st_nlink);
	is(0, call(unlink, "f"));
	is(0, call(stat, "d/g", &st));
	is(2, st.st_nlink);
	is(-EISDIR, call(unlink, "d"));
	is(-ENOENT, call(unlink, "f"));
	is(-EISDIR, call(unlink, "."));
	is(-EISDIR, call(unlink, "d/"));
	is(-ENOTDIR, call(unlink, "d/g/"));
	is(-ENOTDIR, call(rmdir, "d/g"));
	is(-ENOTEMPTY, call(rmdir, "d"));
	is(-EINVAL, call(rmdir, "d/."));
	is(-ENOTEMPTY, call(rmdir, "d/.."));
	is(-EBUSY, call(rmdir, "/"));
	is(-EINVAL, call(unlinkat, AT_FDCWD, "d", 1));
	is(0, call(unlink, "d/g"));
	is(0, call(rmdir, "d/"));
	is_true(!exists("d"));
	/* An open file lives on without a name. */
	long fd = call(open, "t", O_CREAT | O_RDWR, 0644);
	is(0, call(unlink, "t"));
	is(2, call(write, fd, "hi", 2));
	is(0, call(fstat, fd, &st));
	is(0, st.st_nlink);
	is(2, st.st_size);
	is(0, call(close, fd));
}

static void body_rename(void)
{
	struct stat a, b;
	make_file("f");
	make_file("g");
	is(0, call(mkdir, "d", 0755));
	is(0, call(mkdir, "e", 0755));
	is(0, call(stat, "f", &a));
	is(0, call(rename, "f", "g"));
	is(0, call(stat, "g", &b));
	is(a.st_ino, b.st_ino);
	is_true(!exists("f"));
	is(-ENOENT, call(rename, "f", "h"));
	is(-EISDIR, call(rename, "g", "d"));
	is(-ENOTDIR, call(rename, "d", "g"));
	is(-ENOTDIR, call(rename, "g", "h/"));
	is(-ENOTDIR, call(rename, "g/", "h"));
	is(0, call(rename, "d", "e"));
	is(0, call(mkdir, "e/sub", 0755));
	is(-EINVAL, call(rename, "e", "e/sub/x"));
	is(-EINVAL, call(rename, "e", "e/x"));
	is(-ENOTEMPTY, call(rename, "e/sub", "e"));
	is(-EBUSY, call(rename, "e/.", "x"));
	is(-EBUSY, call(rename, "e", "."));
	is(-EBUSY, call(rename, "..", "x"));
	is(0, call(mkdir, "full", 0755));
	make_file("full/x");
	is(-ENOTEMPTY, call(rename, "e", "full"));
	is(0, call(rename, "e/", "moved/"));
	is(0, call(stat, "moved", &a));
	is(3, a.st_nlink);
	is(0, call(link, "g", "g2"));
	is(0, call(rename, "g", "g2")); /* the same file: nothing happens */
	is_true(exists("g") && exists("g2"));
	is(0, call(rename, "moved/sub", "sub"));
	is(0, call(stat, "moved", &a));
	is(2, a.st_nlink);
	/* flags */
	make_file("h");
	is(-EEXIST, call(renameat2, AT_FDCWD, "g", AT_FDCWD, "h", RENAME_NOREPLACE));
	is(0, call(renameat2, AT_FDCWD, "h", AT_FDCWD, "h2", RENAME_NOREPLACE));
	is(-ENOENT, call(renameat2, AT_FDCWD, "g", AT_FDCWD, "none", RENAME_EXCHANGE));
	is(-EINVAL, call(renameat2, AT_FDCWD, "g", AT_FDCWD, "h2", RENAME_EXCHANGE | RENAME_NOREPLACE));
	is(-EINVAL, call(renameat2, AT_FDCWD, "g", AT_FDCWD, "h2", 64));
	is(0, call(renameat2, AT_FDCWD, "g", AT_FDCWD, "moved", RENAME_EXCHANGE));
	is(0, call(stat, "g", &a));
	is_true(S_ISDIR(a.st_mode));
	is(0, call(stat, "moved", &a));
	is_true(S_ISREG(a.st_mode));
	is(-EINVAL, call(renameat2, AT_FDCWD, "full", AT_FDCWD, "full/x", RENAME_EXCHANGE));
	is(-EINVAL, call(renameat2, AT_FDCWD, "full/x", AT_FDCWD, "full", RENAME_EXCHANGE));
	is(0, call(renameat2, AT_FDCWD, "full/x", AT_FDCWD, "sub", RENAME_EXCHANGE));
	is(0, call(stat, "full", &a));
	is(3, a.st_nlink);
}

static void body_permissions(void)
{
	struct stat st;
	is(0, call(mkdir, "open", 0755));
	is(0, call(mkdir, "closed", 0700));
	make_file("closed/f");
	make_file("f");
	is(0, call(chmod, "f", 0640));
	is(0, call(mkdir, "sticky", 0755));
	is(0, call(chmod, "sticky", 01777));
	make_file("sticky/root");
	is(0, call(chmod, "sticky/root", 0666));
	fs_become(1000, 1000);
	is(-EACCES, call(open, "f", O_RDONLY));
	is(-EACCES, call(open, "f", O_WRONLY));
	is(-EACCES, call(stat, "closed/f", &st));
	is(-EACCES, call(open, "open/new", O_CREAT | O_WRONLY, 0644));
	is(-EACCES, call(mkdir, "open/new", 0755));
	is(-EACCES, call(unlink, "closed/f"));
	is(-EACCES, call(chdir, "closed"));
	is(-EPERM, call(chmod, "f", 0666));
	is(-EPERM, call(chown, "f", 1000, 1000));
	is(-EPERM, call(unlink, "sticky/root"));
	is(-EPERM, call(rename, "sticky/root", "sticky/mine"));
	long fd = call(open, "sticky/root", O_RDWR);
	is_true(fd >= 0);
	is(0, call(close, fd));
	make_file("sticky/mine");
	is(0, call(stat, "sticky/mine", &st));
	is(1000, st.st_uid);
	is(1000, st.st_gid);
	is(0, call(chmod, "sticky/mine", 06755));
	is(-EPERM, call(chown, "sticky/mine", 1001, -1));
	is(-EPERM, call(chown, "sticky/mine", -1, 1001));
	is(0, call(chown, "sticky/mine", 1000, 1000));
	is(0, call(stat, "sticky/mine", &st));
	is(0755, st.st_mode & 07777); /* chown took the set-ID bits */
	is(0, call(chmod, "sticky/mine", 04755));
	fd = call(open, "sticky/mine", O_WRONLY);
	is(1, call(write, fd, "x", 1));
	is(0, call(close, fd));
	is(0, call(stat, "sticky/mine", &st));
	is(0755, st.st_mode & 07777); /* so does write */
	is(-EPERM, call(mknod, "sticky/dev", S_IFCHR | 0666, 0x103));
	is(-EPERM, call(open, "sticky/root", O_RDONLY | O_NOATIME));
	is(0, call(unlink, "sticky/mine"));
	fs_become_root();
	is(0, call(mkdir, "sgid", 0755));
	is(0, call(chown, "sgid", -1, 77));
	is(0, call(chmod, "sgid", 02777));
	make_file("sgid/f");
	is(0, call(stat, "sgid/f", &st));
	is(77, st.st_gid);
	is(0, call(mkdir, "sgid/d", 0755));
	is(0, call(stat, "sgid/d", &st));
	is(77, st.st_gid);
	is(02755, st.st_mode & 07777);
	/* Root reads everything, but executes only what is executable for somebody. */
	is(0, call(chmod, "f", 0));
	is(0, call(access, "f", 6));
	is(-EACCES, call(access, "f", 1));
	is(0, call(chmod, "f", 01));
	is(0, call(access, "f", 7));
	is(-EINVAL, call(access, "f", 8));
	is(-EINVAL, call(faccessat2, AT_FDCWD, "f", 0, 1));
}

static void body_cwd(void)
{
	char buf[256], sub[256];
	is(0, call(mkdir, "d", 0755));
	long n = call(getcwd, buf, sizeof(buf));
	is_true(n > 1 && buf[n - 1] == 0);
	is(0, call(chdir, "d"));
	is(n + 2, call(getcwd, sub, sizeof(sub)));
	is(0, strncmp(sub, buf, (size_t)n - 1));
	is(-ERANGE, call(getcwd, sub, 2));
	is(0, call(rmdir, "../d"));
	is(-ENOENT, call(getcwd, sub, sizeof(sub)));
	is(-ENOENT, call(open, "f", O_CREAT | O_WRONLY, 0644));
	is(-ENOENT, call(mkdir, "x", 0755));
	struct stat st;
	is(0, call(stat, ".", &st));
	is(0, st.st_nlink);
	long fd = call(open, ".", O_RDONLY | O_DIRECTORY);
	is_true(fd >= 0);
	is(-ENOENT, call(getdents64, fd, sub, sizeof(sub)));
	is(0, call(close, fd));
	is(0, call(chdir, ".."));
	make_file("f");
	is(-ENOTDIR, call(chdir, "f"));
	is(-ENOENT, call(chdir, "none"));
	fd = call(open, "f", O_RDONLY);
	is(-ENOTDIR, call(fchdir, fd));
	is(0, call(close, fd));
	is(-EBADF, call(fchdir, 99));
}

static long open2(long dir, const char *name, u64 flags, u64 resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};
	long fd = call(openat2, dir, name, &how, sizeof(how));
	if (fd >= 0)
		is(0, call(close, fd));
	return fd < 0 ? fd : 0;
}

static void body_openat2(void)
{
	is(0, call(mkdir, "d", 0755));
	is(0, call(mkdir, "d/e", 0755));
	make_file("f");
	make_file("d/f");
	is(0, call(symlink, "f", "d/l"));
	is(0, call(symlink, "/f", "d/abs"));
	is(0, call(symlink, "../f", "d/up"));
	long dir = call(open, "d", O_PATH | O_DIRECTORY);
	is_true(dir >= 0);
	is(0, open2(dir, "f", O_RDONLY, 0));
	is(0, open2(dir, "../f", O_RDONLY, 0));
	is(-EXDEV, open2(dir, "../f", O_RDONLY, RESOLVE_BENEATH));
	is(-EXDEV, open2(dir, "/f", O_RDONLY, RESOLVE_BENEATH));
	is(-EXDEV, open2(dir, "up", O_RDONLY, RESOLVE_BENEATH));
	is(-EXDEV, open2(dir, "abs", O_RDONLY, RESOLVE_BENEATH));
	is(0, open2(dir, "e/../f", O_RDONLY, RESOLVE_BENEATH));
	is(0, open2(dir, "l", O_RDONLY, RESOLVE_BENEATH));
	is(0, open2(dir, "/../f", O_RDONLY, RESOLVE_IN_ROOT));
	is(0, open2(dir, "abs", O_RDONLY, RESOLVE_IN_ROOT));
	is(0, open2(dir, "up", O_RDONLY, RESOLVE_IN_ROOT));
	is(-ELOOP, open2(dir, "l", O_RDONLY, RESOLVE_NO_SYMLINKS));
	is(0, open2(dir, "f", O_RDONLY, RESOLVE_NO_SYMLINKS));
	is(-EINVAL, open2(dir, "f", O_RDONLY, 1 << 20));
	is(-EINVAL, open2(dir, "f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	is(-EINVAL, open2(dir, "f", 1ull << 40, 0));
	struct open_how how = {.flags = O_RDONLY, .mode = 0644};
	is(-EINVAL, call(openat2, dir, "f", &how, sizeof(how)));
	is(-EINVAL, call(openat2, dir, "f", &how, 8));
	struct {
		struct open_how how;
		u64 more;
	} big = {{.flags = O_RDONLY}, 0};
	long fd = call(openat2, dir, "f", &big, sizeof(big));
	is_true(fd >= 0);
	is(0, call(close, fd));
	big.more = 1;
	is(-E2BIG, call(openat2, dir, "f", &big, sizeof(big)));
	is(0, call(close, dir));
}

/* Names go and move away while the directory is read in parts: the others are seen once. */
static void body_getdents_of_what_changes(void)
{
	char buf[600], name[16];
	bool seen[100] = {0};
	int count = 0;
	is(0, call(mkdir, "d", 0755));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d/f%02d", i);
		make_file(name);
	}
	long fd = call(open, "d", O_RDONLY | O_DIRECTORY), other = call(open, "d", O_RDONLY | O_DIRECTORY), n;
	while ((n = call(getdents64, fd, buf, sizeof(buf))) > 0) {
		int i = 0;
		for (long at = 0; at < n; at += *(unsigned short *)(buf + at + 16)) {
			if (buf[at + 19] == '.')
				continue;
			i = atoi(buf + at + 20);
			is_true(!seen[i]);
			seen[i] = true;
			count++;
		}
		snprintf(name, sizeof(name), "d/f%02d", i); /* where the reader stopped */
		is(0, count / 20 % 2 ? call(unlink, name) : call(rename, name, "gone"));
		is_true(call(getdents64, other, buf, 100) >= 0);
	}
	is(0, n);
	is(100, count);
	is(0, call(close, fd));
	is(0, call(close, other));
}

static void body_getdents(void)
{
	char buf[4096], name[16];
	bool seen[100] = {0};
	int count = 0, dots = 0;
	is(0, call(mkdir, "d", 0755));
	for (int i = 0; i < 100; i++) {
		memcpy(name, "d/f00", 6);
		name[3] = (char)('0' + i / 10);
		name[4] = (char)('0' + i % 10);
		make_file(name);
	}
	long fd = call(open, "d", O_RDONLY | O_DIRECTORY), n;
	is(-EINVAL, call(getdents64, fd, buf, 16));
	while ((n = call(getdents64, fd, buf, 600)) > 0)
		for (long at = 0; at < n;) {
			struct {
				u64 ino;
				s64 off;
				unsigned short len;
				unsigned char type;
				char name[];
			} *e = (void *)(buf + at);
			is_true(e->ino != 0);
			if (e->name[0] == '.') {
				dots++;
				is(4, e->type);
			} else {
				int i = (e->name[1] - '0') * 10 + e->name[2] - '0';
				is(8, e->type);
				is_true(!seen[i]);
				seen[i] = true;
				count++;
			}
			at += e->len;
		}
	is(0, n);
	is(100, count);
	is(2, dots);
	is(0, call(lseek, fd, 0, SEEK_SET));
	is_true(call(getdents64, fd, buf, 600) > 0);
	is(0, call(close, fd));
	fd = call(open, "d/f00", O_RDONLY);
	is(-ENOTDIR, call(getdents64, fd, buf, 600));
	is(0, call(close, fd));
}

BOTH(components)
BOTH(symlinks)
BOTH(create)
BOTH(links)
BOTH(rename)
BOTH(permissions)
BOTH(cwd)
BOTH(openat2)
BOTH(getdents)
BOTH(getdents_of_what_changes)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TESTS(components),	TESTS(symlinks), TESTS(create),	 TESTS(links),	  TESTS(rename),
	    TESTS(permissions), TESTS(cwd),	 TESTS(openat2), TESTS(getdents), TESTS(getdents_of_what_changes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
