/* SPDX-License-Identifier: Apache-2.0
 *
 * Rarer answers of calls on names and what they leave: whiteouts, access mode 3, empty names. Each body runs against
 * our handlers and against the host's Linux.
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

static bool is_whiteout(const char *name)
{
	struct stat st;
	return call(lstat, name, &st) == 0 && st.st_mode == S_IFCHR && st.st_rdev == 0 && st.st_nlink == 1;
}

static void body_whiteouts(void)
{
	struct stat st;
	make_file("f");
	is(0, call(mkdir, "d", 0755));
	is(0, call(mkdir, "d/sub", 0755));
	is(-EINVAL, call(renameat2, AT_FDCWD, "f", AT_FDCWD, "g", RENAME_WHITEOUT | RENAME_EXCHANGE));
	is(0, call(renameat2, AT_FDCWD, "f", AT_FDCWD, "g", RENAME_WHITEOUT));
	is_true(is_whiteout("f"));
	is(-ENXIO, call(open, "f", O_RDONLY));
	is(-EEXIST, call(renameat2, AT_FDCWD, "g", AT_FDCWD, "f", RENAME_WHITEOUT | RENAME_NOREPLACE));
	is(0, call(renameat2, AT_FDCWD, "d/sub", AT_FDCWD, "sub", RENAME_WHITEOUT));
	is_true(is_whiteout("d/sub"));
	is(0, call(stat, "d", &st));
	is(2, st.st_nlink);
	is(60, st.st_size);
	is(-ENOTEMPTY, call(rmdir, "d"));
	is(0, call(unlink, "d/sub"));
	is(0, call(rmdir, "d"));
	is(0, call(unlink, "f"));
	is(0, call(unlink, "g"));
	is(0, call(rmdir, "sub"));
}

static void body_opening(void)
{
	struct open_how how = {.flags = O_RDWR};
	char text[8];
	make_file("f");
	long fd = call(open, "f", O_ACCMODE);
	is(-EBADF, call(read, fd, text, 1));
	is(-EBADF, call(write, fd, text, 1));
	is(0, call(close, fd));
	fd = call(openat2, AT_FDCWD, "f", &how, sizeof(how));
	is(O_RDWR | 0100000, call(fcntl, fd, F_GETFL));
	is(0, call(close, fd));
	is(-ENOENT, call(readlinkat, AT_FDCWD, "", text, sizeof(text)));
	is(-EINVAL, call(readlinkat, AT_FDCWD, "f", text, sizeof(text)));
}

static int mode_of(const char *name)
{
	struct stat st;
	is(0, call(stat, name, &st));
	return st.st_mode & 07777;
}

static void body_set_ids(void)
{
	make_file("f");
	is(0, call(chown, "f", 1000, 2000));
	is(0, call(chmod, "f", 06755));
	fs_become(1001, 1001);
	is(-EPERM, call(chown, "f", -1, -1)); /* the bits would go */
	fs_become_root();
	is(06755, mode_of("f"));
	is(0, call(chown, "f", -1, -1));
	is(0755, mode_of("f"));
	is(0, call(chmod, "f", 06746));
	fs_become(1001, 1001);
	long fd = call(open, "f", O_WRONLY);
	is(1, call(write, fd, "x", 1));
	is(0746, mode_of("f")); /* set-group-ID too: the writer is not of the group */
	is(0, call(close, fd));
	fs_become_root();
	is(0, call(mkdir, "d", 0777));
	is(0, call(chown, "d", 0, 2000));
	is(0, call(chmod, "d", 02777));
	fs_become(1001, 1001);
	is(0, call(close, call(open, "d/f", O_CREAT | O_RDWR, 02755)));
	is(0, call(close, call(open, "d/g", O_CREAT | O_RDWR, 02745)));
	is(0, call(mkdir, "d/d", 0755));
	is(0755, mode_of("d/f"));
	is(02745, mode_of("d/g"));
	is(02755, mode_of("d/d"));
	fs_become_root();
}

static void body_times(void)
{
	const struct timespec past[2] = {{1000, 0}, {1000, 0}}, bad[2] = {{1, 1000000000}, {1, 0}};
	const struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	struct stat st;
	make_file("f");
	is(-ENOENT, call(utimensat, AT_FDCWD, "none", bad, 0)); /* the name comes first */
	is(-EINVAL, call(utimensat, AT_FDCWD, "f", bad, 0));
	is(-EBADF, call(utimensat, 77, NULL, bad, 0));
	is(0, call(utimensat, AT_FDCWD, "none", omit, 1));
	is(0, call(utimensat, AT_FDCWD, "f", past, 0));
	is(0, call(close, call(open, "f", O_WRONLY | O_TRUNC))); /* it was empty */
	is(0, call(stat, "f", &st));
	is_true(st.st_mtim.tv_sec != 1000);
}

static void body_xattr_names(void)
{
	char caps[24] = {0};
	make_file("f");
	is(-EINVAL, call(setxattr, "f", "trusted.", "x", 1, 0));
	caps[3] = 2;
	is(-EINVAL, call(setxattr, "f", "security.capability", caps, 19, 0));
	is(-EINVAL, call(setxattr, "f", "security.capability", caps, 24, 0));
	is(0, call(setxattr, "f", "security.capability", caps, 20, 0));
	is(0, call(removexattr, "f", "security.capability"));
}

BOTH(whiteouts)
BOTH(times)
BOTH(xattr_names)
BOTH(set_ids)
BOTH(opening)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TESTS(whiteouts), TESTS(opening), TESTS(times), TESTS(xattr_names), TESTS(set_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
