/* SPDX-License-Identifier: Apache-2.0
 *
 * Contents of tmpfs files: read, write, holes, truncate, seek, times, memfd seals, extended attributes; file handles.
 * On both sides of fs_stub.h.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c guestkernel/syscall/sys_handle.c
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "tests/unit/fs_test.h"

static void body_read_write(void)
{
	char buf[64];
	struct stat st;
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(0, call(read, fd, buf, 10));
	is(5, call(write, fd, "hello", 5));
	is(0, call(read, fd, buf, 10));
	is(5, call(lseek, fd, 0, SEEK_CUR));
	is(0, call(lseek, fd, 0, SEEK_SET));
	is(3, call(read, fd, buf, 3));
	is(2, call(read, fd, buf, 30));
	is(0, memcmp(buf, "lo", 2));
	is(4, call(pwrite64, fd, "HELL", 4, 0));
	is(5, call(pread64, fd, buf, 10, 0));
	is(0, memcmp(buf, "HELLo", 5));
	is(0, call(pread64, fd, buf, 10, 100));
	is(-EINVAL, call(pread64, fd, buf, 10, -1));
	is(-EINVAL, call(pread64, fd, buf, 10, INT64_MAX));
	is(-EINVAL, call(pwrite64, fd, buf, 10, INT64_MAX - 9));
	is(0, call(pwrite64, fd, buf, 0, INT64_MAX));
	is(-EFAULT, call(pread64, fd, 8, 10, 0));
	is(-EFAULT, call(write, fd, 8, 10));
	is(0, call(write, fd, buf, 0));
	is(1, call(pwrite64, fd, "x", 1, 10000));
	is(0, call(fstat, fd, &st));
	is(10001, st.st_size);
	is(16, st.st_blocks);
	is(3, call(pread64, fd, buf, 3, 9998));
	is(0, buf[0]);
	is('x', buf[2]);
	struct iovec v[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
	is(5, call(pwritev, fd, v, 3, 4094, 0));
	struct iovec r[2] = {{buf, 1}, {buf + 1, 4}};
	is(5, call(preadv, fd, r, 2, 4094, 0));
	is(0, memcmp(buf, "abcde", 5));
	is(-EINVAL, call(readv, fd, r, 1025));
	is(0, call(readv, fd, r, 0));
	r[0].iov_len = (size_t)-1;
	is(-EINVAL, call(readv, fd, r, 2));
	is(0, call(close, fd));
	fd = call(open, "f", O_RDONLY);
	is(-EBADF, call(write, fd, "x", 1));
	is(-EINVAL, call(ftruncate, fd, 1));
	is(0, call(close, fd));
	fd = call(open, "f", O_WRONLY | O_APPEND);
	is(-EBADF, call(read, fd, buf, 1));
	is(1, call(write, fd, "y", 1));
	is(10002, call(lseek, fd, 0, SEEK_CUR));
	is(1, call(pwrite64, fd, "z", 1, 0)); /* Linux appends */
	is(0, call(fstat, fd, &st));
	is(10003, st.st_size);
	is(0, call(close, fd));
	is(-EBADF, call(close, fd));
	fd = call(open, "f", O_RDWR | O_TRUNC);
	is(0, call(fstat, fd, &st));
	is(0, st.st_size);
	is(0, call(close, fd));
	fd = call(open, ".", O_RDONLY);
	is(-EISDIR, call(read, fd, buf, 1));
	is(0, call(fsync, fd));
	is(0, call(close, fd));
}

/* fallocate takes all or nothing, inside a file too. */
static void body_room(void)
{
	struct stat st;
	is(0, call(mkdir, "small", 0755));
	is(0, call(mount, "none", "small", "tmpfs", 0, "size=16k"));
	long fd = call(open, "small/f", O_CREAT | O_RDWR, 0644);
	is(1, call(pwrite64, fd, "x", 1, 0));
	is(0, call(ftruncate, fd, 100 * 4096));
	is(-ENOSPC, call(fallocate, fd, 0, 0, 5 * 4096));
	is(0, call(fstat, fd, &st));
	is(8, st.st_blocks);
	is(0, call(fallocate, fd, 0, 0, 4 * 4096));
	is(0, call(close, fd));
}

static void body_large(void)
{
	enum { SIZE = 3 << 20 };
	unsigned *data = malloc(SIZE), *back = malloc(SIZE);
	for (unsigned i = 0; i < SIZE / 4; i++)
		data[i] = i * 2654435761u;
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(SIZE - 5, call(pwrite64, fd, data, SIZE - 5, 1234567));
	is(SIZE - 5, call(pread64, fd, back, SIZE, 1234567));
	is(0, memcmp(data, back, SIZE - 5));
	is(0, call(ftruncate, fd, 2000001));
	is(0, call(ftruncate, fd, 4000000));
	is(SIZE, call(pread64, fd, back, SIZE, 800000));
	is(0, ((char *)back)[0]);
	is(0, memcmp((char *)back + 1234567 - 800000, data, 2000001 - 1234567));
	for (long i = 2000001 - 800000; i < SIZE; i++)
		if (((char *)back)[i])
			is(0, ((char *)back)[i]);
	is(0, call(close, fd));
	free(data);
	free(back);
}

static void body_seek(void)
{
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(0, call(ftruncate, fd, 40960));
	is(1, call(pwrite64, fd, "x", 1, 8192));
	is(1, call(pwrite64, fd, "x", 1, 20000));
	is(8192, call(lseek, fd, 0, SEEK_DATA));
	is(8193, call(lseek, fd, 8193, SEEK_DATA));
	is(0, call(lseek, fd, 0, SEEK_HOLE));
	is(12288, call(lseek, fd, 8192, SEEK_HOLE));
	is(16384, call(lseek, fd, 12288, SEEK_DATA));
	is(20480, call(lseek, fd, 20000, SEEK_HOLE));
	is(-ENXIO, call(lseek, fd, 20480, SEEK_DATA));
	is(-ENXIO, call(lseek, fd, 40960, SEEK_HOLE));
	is(40950, call(lseek, fd, -10, SEEK_END));
	is(-EINVAL, call(lseek, fd, -1, SEEK_SET));
	is(-EINVAL, call(lseek, fd, -50000, SEEK_END));
	is(-EINVAL, call(lseek, fd, 0, 9));
	is(40950, call(lseek, fd, 0, SEEK_CUR));
	is(1ll << 40, call(lseek, fd, 1ll << 40, SEEK_SET));
	is(0, call(close, fd));
}

static void body_holes(void)
{
	struct stat st;
	char buf[8192];
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(0, call(fallocate, fd, 0, 0, 10000));
	is(0, call(fstat, fd, &st));
	is(10000, st.st_size);
	is(24, st.st_blocks);
	is(0, call(fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	is(0, call(fstat, fd, &st));
	is(10000, st.st_size);
	is(40, st.st_blocks);
	memset(buf, 'a', sizeof(buf));
	is(8192, call(pwrite64, fd, buf, 8192, 0));
	is(0, call(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 200));
	is(8192, call(pread64, fd, buf, 8192, 0));
	is('a', buf[99]);
	is(0, buf[100]);
	is(0, buf[299]);
	is('a', buf[300]);
	is(0, call(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4000, 8192));
	is(8192, call(pread64, fd, buf, 8192, 0));
	is('a', buf[3999]);
	is(0, buf[4000]);
	is(0, buf[8191]);
	is(0, call(fstat, fd, &st));
	is(32, st.st_blocks);
	is(-EINVAL, call(fallocate, fd, 0, 0, 0));
	is(-EINVAL, call(fallocate, fd, 0, -1, 5));
	is(-EOPNOTSUPP, call(fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0, 5));
	is(-EOPNOTSUPP, call(fallocate, fd, FALLOC_FL_ZERO_RANGE, 0, 5));
	is(-EFBIG, call(fallocate, fd, 0, 0x7fffffffffffffff, 5));
	is(0, call(close, fd));
	fd = call(open, "f", O_RDONLY);
	is(-EBADF, call(fallocate, fd, 0, 0, 5));
	is(0, call(close, fd));
	is(-EINVAL, call(truncate, "f", -1));
	is(0, call(truncate, "f", 1ll << 40));
	is(0, call(stat, "f", &st));
	is(1ll << 40, st.st_size);
	is(-EISDIR, call(truncate, ".", 0));
	is(-ENOENT, call(truncate, "none", 0));
}

static void body_times(void)
{
	struct stat st, later;
	struct timespec times[2] = {{1000, 5}, {2000, 6}};
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(0, call(utimensat, AT_FDCWD, "f", times, 0));
	is(0, call(fstat, fd, &st));
	is(1000, st.st_atim.tv_sec);
	is(5, st.st_atim.tv_nsec);
	is(2000, st.st_mtim.tv_sec);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_sec = 3000;
	is(0, call(utimensat, fd, NULL, times, 0));
	is(0, call(fstat, fd, &st));
	is(1000, st.st_atim.tv_sec);
	is(3000, st.st_mtim.tv_sec);
	times[1].tv_nsec = 1000000000;
	is(-EINVAL, call(utimensat, fd, NULL, times, 0));
	is(-EINVAL, call(utimensat, fd, NULL, times, 7));
	is(0, call(utimensat, fd, NULL, NULL, 0));
	is(0, call(fstat, fd, &st));
	is_true(st.st_mtim.tv_sec > 1000000);
	times[0] = times[1] = (struct timespec){1000, 0};
	is(0, call(utimensat, fd, NULL, times, 0));
	is(1, call(write, fd, "x", 1));
	is(0, call(fstat, fd, &later));
	is_true(later.st_mtim.tv_sec > 1000 && later.st_ctim.tv_sec > 1000);
	is(1000, later.st_atim.tv_sec);
	char c;
	is(1, call(pread64, fd, &c, 1, 0)); /* relatime: the first read after a write counts */
	is(0, call(fstat, fd, &later));
	is_true(later.st_atim.tv_sec > 1000);
	is(0, call(close, fd));
	fs_become(1000, 1000);
	is(-EPERM, call(utimensat, AT_FDCWD, "f", times, 0));
	is(-EACCES, call(utimensat, AT_FDCWD, "f", NULL, 0));
	fs_become_root();
}

static void body_limits(void)
{
	struct rlimit old, limit = {10, RLIM_INFINITY};
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	if (fs_backend == LINUX) {
		getrlimit(RLIMIT_FSIZE, &old);
		limit.rlim_max = old.rlim_max;
		setrlimit(RLIMIT_FSIZE, &limit);
	} else {
		fs_set_rlimit(RLIMIT_FSIZE, 10);
	}
	is(8, call(write, fd, "12345678", 8));
	is(2, call(write, fd, "12345678", 8));
	is(-EFBIG, call(write, fd, "12345678", 8));
	if (fs_backend == OURS)
		is(25, fs_signal);
	is(-EFBIG, call(ftruncate, fd, 11));
	is(0, call(ftruncate, fd, 10));
	is(0, call(ftruncate, fd, 5));
	if (fs_backend == LINUX)
		setrlimit(RLIMIT_FSIZE, &old);
	else
		fs_set_rlimit(RLIMIT_FSIZE, ~0ull);
	is(0, call(close, fd));
}

static void body_tmpfile(void)
{
	struct stat st;
	char name[64];
	long fd = call(open, ".", O_TMPFILE | O_RDWR, 0600);
	is_true(fd >= 0);
	is(0, call(fstat, fd, &st));
	is(0, st.st_nlink);
	is(0600, st.st_mode & 07777);
	is(4, call(write, fd, "data", 4));
	is(0, call(linkat, fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
	is(0, call(stat, "named", &st));
	is(1, st.st_nlink);
	is(4, st.st_size);
	is(0, call(close, fd));
	fd = call(open, ".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	is(-ENOENT, call(linkat, fd, "", AT_FDCWD, "other", AT_EMPTY_PATH));
	is(0, call(close, fd));
	is(-EINVAL, call(open, ".", O_TMPFILE | O_RDONLY, 0600));
	is(-ENOTDIR, call(open, "named", O_TMPFILE | O_RDWR, 0600));
	(void)name;
}

static void body_memfd(void)
{
	char buf[8];
	struct stat st;
	long fd = call(memfd_create, "x", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	is_true(fd >= 0);
	is(FD_CLOEXEC, call(fcntl, fd, F_GETFD));
	is(0, call(fcntl, fd, F_GET_SEALS));
	is(5, call(write, fd, "hello", 5));
	is(0, call(fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK));
	is(-EPERM, call(ftruncate, fd, 1));
	is(0, call(ftruncate, fd, 10));
	is(0, call(fcntl, fd, F_ADD_SEALS, F_SEAL_GROW));
	is(-EPERM, call(ftruncate, fd, 11));
	is(-EPERM, call(pwrite64, fd, "abc", 3, 9));
	is(3, call(pwrite64, fd, "abc", 3, 7));
	is(0, call(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE));
	is(-EPERM, call(pwrite64, fd, "abc", 3, 0));
	is(-EPERM, call(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
	is(8, call(pread64, fd, buf, 8, 0));
	is(0, call(fcntl, fd, F_ADD_SEALS, F_SEAL_SEAL));
	is(-EPERM, call(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE));
	is(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, call(fcntl, fd, F_GET_SEALS));
	is(0, call(fstat, fd, &st));
	is(S_IFREG | 0777, st.st_mode);
	is(0, st.st_nlink);
	is(0, call(close, fd));
	fd = call(memfd_create, "y", 0);
	is(F_SEAL_SEAL, call(fcntl, fd, F_GET_SEALS));
	is(-EPERM, call(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE));
	is(0, call(close, fd));
	is(-EINVAL, call(memfd_create, "y", 0x4000));
	is(-EFAULT, call(memfd_create, 8, 0));
	char name[300];
	memset(name, 'n', 299);
	name[250] = 0;
	is(-EINVAL, call(memfd_create, name, 0));
	name[249] = 0;
	fd = call(memfd_create, name, 0);
	is_true(fd >= 0);
	is(0, call(close, fd));
	fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(F_SEAL_SEAL, call(fcntl, fd, F_GET_SEALS)); /* any file of tmpfs answers */
	is(0, call(close, fd));
}

static void body_xattr(void)
{
	char buf[64];
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	if (call(setxattr, "f", "user.a", "1", 1, 0) == -EOPNOTSUPP && fs_backend == LINUX) {
		is(0, call(close, fd)); /* tmpfs of this host has no user.* */
		return;
	}
	is(1, call(getxattr, "f", "user.a", buf, sizeof(buf)));
	is(1, call(getxattr, "f", "user.a", NULL, 0));
	is(0, call(fsetxattr, fd, "user.bb", "value", 5, 1));
	is(-EEXIST, call(fsetxattr, fd, "user.bb", "value", 5, 1));
	is(-ENODATA, call(fsetxattr, fd, "user.c", "value", 5, 2));
	is(-ERANGE, call(getxattr, "f", "user.bb", buf, 2));
	is(15, call(listxattr, "f", NULL, 0));
	is(15, call(flistxattr, fd, buf, sizeof(buf)));
	is(-ERANGE, call(listxattr, "f", buf, 3));
	is(-EOPNOTSUPP, call(setxattr, "f", "nonsense.a", "1", 1, 0));
	is(-ENODATA, call(getxattr, "f", "user.none", buf, sizeof(buf)));
	is(0, call(removexattr, "f", "user.a"));
	is(-ENODATA, call(removexattr, "f", "user.a"));
	is(-EINVAL, call(setxattr, "f", "user.a", "1", 1, 4));
	is(0, call(close, fd));
}

static struct {
	struct file_handle head;
	unsigned char bytes[128];
} handle;

static long name(const char *path, unsigned room)
{
	int mount;
	handle.head.handle_bytes = room;
	return call(name_to_handle_at, AT_FDCWD, path, &handle, &mount, 0);
}

/* What the handle opens is the file of this descriptor. */
static void opens(long file)
{
	struct stat a, b;
	long fd = call(open_by_handle_at, AT_FDCWD, &handle, O_RDONLY);
	is_true(fd >= 0);
	is(0, call(fstat, file, &a));
	is(0, call(fstat, fd, &b));
	is(a.st_ino, b.st_ino);
	is(0, call(close, fd));
}

/* The search for an inode goes down, aside and up again. */
static void body_handles(void)
{
	long f[4];
	is(0, call(mkdir, "a", 0755));
	is(0, call(mkdir, "a/b", 0755));
	is(0, call(mkdir, "a/c", 0755));
	f[0] = call(open, "a/b/x", O_CREAT | O_RDWR, 0644);
	f[1] = call(open, "a/y", O_CREAT | O_RDWR, 0644);
	f[2] = call(open, "z", O_CREAT | O_RDWR, 0644);
	f[3] = call(open, "a/c", O_RDONLY);
	is(0, name("a/b/x", 12));
	is(12, handle.head.handle_bytes);
	opens(f[0]);
	is(0, name("a/y", 128));
	opens(f[1]);
	is(0, name("a/c", 12));
	opens(f[3]);
	is(0, name("z", 12));
	opens(f[2]);
	is(0, call(rename, "z", "a/c/z"));
	opens(f[2]);
	is(0, call(unlink, "a/c/z"));
	is(0, call(close, f[2]));
	is(-ESTALE, call(open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
	is(-EOVERFLOW, name("a", 4));
	is(-EINVAL, name("a", 129));
	is(-ENOENT, name("none", 12));
	is(-EFAULT, call(name_to_handle_at, AT_FDCWD, "a", 8, &handle, 0));
	is(-EFAULT, call(open_by_handle_at, AT_FDCWD, 8, O_RDONLY));
	for (int i = 0; i < 4; i++)
		if (i != 2)
			is(0, call(close, f[i]));
}

BOTH(handles)
BOTH(read_write)
BOTH(large)
BOTH(seek)
BOTH(holes)
BOTH(times)
BOTH(limits)
BOTH(tmpfile)
BOTH(memfd)
BOTH(xattr)
OURS_ONLY(room)

int main(void)
{
	const struct CMUnitTest tests[] = {TESTS(read_write), TESTS(large),   TESTS(seek),    TESTS(holes),
					   TESTS(times),      TESTS(limits),  TESTS(tmpfile), TESTS(memfd),
					   TESTS(xattr),      TESTS(handles), TEST_OURS(room)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
