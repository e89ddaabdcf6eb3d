/* SPDX-License-Identifier: Apache-2.0
 *
 * A hostile squashfs image: whatever it holds, mounting it and looking at all that it shows comes to an end. The
 * seeds are one tree by mksquashfs with different options; test_image knows what is in it.
 *
 * sources: tests/unit/image_mount.c runner/unpack.c tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 * libs: -lz -llzma -llz4 -lzstd
 */
#include "tests/unit/image_mount.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	image_try("squashfs", data, size);
	return 0;
}
