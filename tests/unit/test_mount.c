/* SPDX-License-Identifier: Apache-2.0
 *
 * Mounts: what a remount refuses and changes, unmounting, errors in their order, paths out of reach of the root.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include "tests/unit/fs_test.h"

static void body_remount(void)
{
	struct statfs fs;
	is(0, call(mkdir, "m", 0755));
	is(0, call(mkdir, "n", 0755));
	is(0, call(mount, "none", "m", "tmpfs", 0, "size=64k"));
	long fd = call(open, "m/f", O_CREAT | O_RDWR, 0644);
	is(-EBUSY, call(mount, NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	is(-EBUSY, call(mount, NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	is(0, call(mount, "m", "n", NULL, MS_BIND, NULL));
	is(0, call(mount, NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)); /* nobody writes through it */
	is(-EROFS, call(open, "n/f", O_WRONLY));
	is(0, call(close, fd));
	is(0, call(mount, NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	is(0, call(mount, NULL, "n", NULL, MS_REMOUNT | MS_BIND, NULL));
	is(-EROFS, call(open, "n/f", O_WRONLY)); /* the file system itself */
	is(-EINVAL, call(mount, NULL, "m", NULL, MS_REMOUNT, "size=many"));
	is(0, call(mount, NULL, "m", NULL, MS_REMOUNT, "size=128k"));
	is(0, call(statfs, "n", &fs));
	is(32, fs.f_blocks);
	fd = call(open, "n/f", O_WRONLY);
	is_true(fd >= 0);
	is(0, call(ftruncate, fd, 8192));
	is(2, call(write, fd, "xy", 2));
	is(0, call(close, fd));
	is(0, call(umount2, "n", 0));
	is(0, call(umount2, "m", 0));
}

static void body_unmounting(void)
{
	struct inotify_event events[4];
	is(0, call(mkdir, "m", 0755));
	is(0, call(mount, "none", "m", "tmpfs", 0, NULL));
	is(0, call(close, call(open, "m/f", O_CREAT | O_RDWR, 0644)));
	is(-EINVAL, call(umount2, "m", MNT_EXPIRE | MNT_DETACH));
	is(-EAGAIN, call(umount2, "m", MNT_EXPIRE));
	is(0, call(faccessat, AT_FDCWD, "m/f", 0)); /* it is used */
	is(-EAGAIN, call(umount2, "m", MNT_EXPIRE));
	long in = call(inotify_init1, O_NONBLOCK);
	is_true(call(inotify_add_watch, in, "m/f", IN_OPEN) > 0);
	is(-EAGAIN, call(umount2, "m", MNT_EXPIRE));
	is(0, call(umount2, "m", MNT_EXPIRE));
	is(32, call(read, in, events, sizeof(events)));
	is(IN_UNMOUNT, events[0].mask);
	is(IN_IGNORED, events[1].mask);
	is(0, call(close, in));
}

static void body_refusals(void)
{
	is(0, call(mkdir, "m", 0755));
	is(0, call(mkdir, "closed", 0700));
	is(0, call(close, call(open, "f", O_CREAT | O_RDWR, 0644)));
	is(-EINVAL, call(mount, "", "m", NULL, MS_BIND, NULL));
	is(0, call(mount, "none", "m", "tmpfs", 0, NULL));
	is(-EINVAL, call(mount, "m", "f", NULL, MS_MOVE, NULL));
	fs_become(1000, 1000);
	is(-EACCES, call(chroot, "closed"));
	fs_become_root();
	is(0, call(umount2, "m", 0));
}

OURS_ONLY(remount)
OURS_ONLY(unmounting)
OURS_ONLY(refusals)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST_OURS(remount), TEST_OURS(unmounting), TEST_OURS(refusals)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
