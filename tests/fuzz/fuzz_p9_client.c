/* SPDX-License-Identifier: Apache-2.0
 *
 * The 9P client against a server whose answers the fuzzer writes: whatever comes, each call returns.
 *
 * sources: tests/unit/p9_fake.c tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "tests/unit/fs_stub.h"
#include "tests/unit/p9_fake.h"

static void use(void)
{
	static char buf[8192];
	struct stat st;
	long fd = call(open, "m/file", O_RDWR | O_CREAT, 0644);
	if (fd >= 0) {
		call(read, fd, buf, sizeof(buf));
		call(pwrite64, fd, buf, 5000, 100);
		call(fsync, fd);
		call(lseek, fd, 0, SEEK_END);
		call(ftruncate, fd, 4097);
		call(pread64, fd, buf, sizeof(buf), 1);
		call(close, fd);
	}
	fd = call(open, "m", O_RDONLY | O_DIRECTORY);
	if (fd >= 0) {
		for (int i = 0; i < 8 && call(getdents64, fd, buf, sizeof(buf)) > 0; i++)
			;
		call(close, fd);
	}
	call(stat, "m/a/b/c", &st);
	call(readlink, "m/link", buf, sizeof(buf));
	call(rename, "m/file", "m/other");
	call(link, "m/other", "m/third");
	call(symlink, "target", "m/link2");
	call(mkdir, "m/dir", 0755);
	call(unlink, "m/third");
	call(rmdir, "m/dir");
	call(chmod, "m/other", 0600);
	call(statfs, "m", buf);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static bool started;
	if (!started) {
		fs_start(OURS);
		call(mkdir, "m", 0755);
	}
	started = true;
	fake_reset();
	bool loose = size && (data[0] & 1);
	fake.fuzz = data + (size > 0);
	fake.fuzz_left = size ? size - 1 : 0;
	if (!fake_mount("m", loose ? "loose" : "mmap")) {
		use();
		call(umount2, "m", MNT_DETACH);
	}
	return 0;
}
