/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptor tables: dup, limits, close-on-exec, close_range, fcntl. On both sides of fs_stub.h; numbers are relative
 * to the first free one.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include "guestkernel/fs/vfs.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_test.h"

static long first(void)
{
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	assert_true(fd >= 0);
	return fd;
}

static void body_dup(void)
{
	long a = first(), b = call(dup, a), c;
	is(a + 1, b);
	is(3, call(write, a, "abc", 3));
	is(3, call(lseek, b, 0, SEEK_CUR)); /* one open file description */
	is(0, call(close, a));
	is(a, call(dup, b)); /* the lowest free one */
	is(200, call(dup2, a, 200));
	is(200, call(dup2, 200, 200));
	is(-EBADF, call(dup2, 201, 201));
	is(-EBADF, call(dup2, 201, 5));
	is(-EBADF, call(dup2, a, -1));
	is(-EBADF, call(dup2, a, 1 << 30));
	is(-EINVAL, call(dup3, a, a, 0));
	is(-EINVAL, call(dup3, a, 201, O_APPEND));
	is(201, call(dup3, a, 201, O_CLOEXEC));
	is(1, call(fcntl, 201, F_GETFD));
	is(0, call(fcntl, 200, F_GETFD));
	is(100, call(fcntl, a, F_DUPFD, 100));
	is(101, call(fcntl, a, F_DUPFD_CLOEXEC, 100));
	is(1, call(fcntl, 101, F_GETFD));
	is(0, call(fcntl, 101, F_SETFD, 0));
	is(0, call(fcntl, 101, F_GETFD));
	is(-EINVAL, call(fcntl, a, F_DUPFD, -1));
	is(-EINVAL, call(fcntl, a, F_DUPFD, 1 << 30));
	is(-EBADF, call(fcntl, 150, F_GETFD));
	is(-EINVAL, call(fcntl, a, 9999));
	is(0, call(ioctl, a, FIOCLEX));
	is(1, call(fcntl, a, F_GETFD));
	is(-ENOTTY, call(ioctl, a, 0x5401));
	is(-EBADF, call(ioctl, 150, FIOCLEX));
	c = call(close_range, 100, 201, 4); /* only close-on-exec */
	if (c != -EINVAL) {
		is(0, c);
		is(1, call(fcntl, 200, F_GETFD));
	}
	is(0, call(close_range, 100, ~0u, 0));
	is(-EBADF, call(close, 200));
	is(-EINVAL, call(close_range, 5, 4, 0));
	is(0, call(close, a));
	is(0, call(close, b));
	is(-EBADF, call(close, b));
	is(-EBADF, call(close, -1));
}

static void body_flags(void)
{
	long fd = call(open, "f", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0644);
	is(O_RDWR | O_APPEND | 0100000, call(fcntl, fd, F_GETFL));
	is(0, call(fcntl, fd, F_SETFL, O_NONBLOCK));
	is(O_RDWR | O_NONBLOCK | 0100000, call(fcntl, fd, F_GETFL));
	int on = 0;
	is(0, call(ioctl, fd, FIONBIO, &on));
	is(O_RDWR | 0100000, call(fcntl, fd, F_GETFL));
	is(0, call(close, fd));
	fd = call(open, "f", O_PATH);
	is(O_PATH, call(fcntl, fd, F_GETFL));
	is(-EBADF, call(fcntl, fd, F_SETFL, 0));
	is(-EBADF, call(ioctl, fd, FIOCLEX));
	is(-EBADF, call(fsync, fd));
	long copy = call(dup, fd);
	is_true(copy >= 0);
	is(0, call(close, copy));
	is(0, call(close, fd));
}

static void set_limit(u64 value)
{
	struct rlimit limit;
	if (fs_backend == OURS) {
		fs_set_rlimit(RLIMIT_NOFILE, value);
		return;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = value;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void body_limit(void)
{
	long fd = first();
	int p[2];
	set_limit((u64)fd + 1);
	is(-EMFILE, call(dup, fd));
	is(-EMFILE, call(open, "new", O_CREAT | O_RDWR, 0644));
	is(-ENOENT, call(access, "new", 0)); /* nothing was made */
	is(-EMFILE, call(pipe2, p, 0));
	is(-EINVAL, call(fcntl, fd, F_DUPFD, fd + 1));
	is(-EBADF, call(dup2, fd, fd + 1));
	set_limit((u64)fd + 2);
	is(-EMFILE, call(pipe2, p, 0));
	is(fd + 1, call(dup, fd));
	is(-EMFILE, call(dup, fd));
	set_limit(1024);
	is(0, call(close, fd + 1));
	for (long i = 1; i < 500; i++)
		if (call(dup, fd) != fd + i)
			is(0, i);
	is(0, call(close, fd + 70));
	is(0, call(close, fd + 300));
	is(fd + 70, call(dup, fd));
	is(fd + 300, call(dup, fd));
	is(fd + 500, call(dup, fd));
	is(0, call(close_range, fd, fd + 500, 0));
}

static void body_tables(void)
{
	bool cloexec;
	long a = first(), b = call(open, "g", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	is(a + 900, call(dup2, a, a + 900));
	struct files *copy = files_clone(stub_process.files);
	is(a, files_next(copy, (int)a, &cloexec));
	is(b, files_next(copy, (int)a + 1, &cloexec));
	is_true(cloexec);
	is(a + 900, files_next(copy, (int)b + 1, &cloexec));
	is(-1, files_next(copy, (int)a + 901, &cloexec));
	struct file *file = files_get_file(copy, (int)a);
	is(5, file->refs); /* two descriptors in each table, and this */
	file_put(file);
	files_close_on_exec(copy);
	is(a + 900, files_next(copy, (int)a + 1, &cloexec));
	is(b, files_next(stub_process.files, (int)a + 1, &cloexec));
	files_put(copy);
	is(3, call(write, a, "abc", 3));
	is(0, call(close, a));
	is(3, call(lseek, a + 900, 0, SEEK_CUR));
	is(0, call(close_range, 0, ~0u, 0));
	is(-1, files_next(stub_process.files, 0, &cloexec));
}

BOTH(dup)
BOTH(flags)
BOTH(limit)
OURS_ONLY(tables)

int main(void)
{
	const struct CMUnitTest tests[] = {TESTS(dup), TESTS(flags), TESTS(limit), TEST_OURS(tables)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
