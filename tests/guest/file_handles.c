/* SPDX-License-Identifier: Apache-2.0
 * File handles, and requests about the file system a file is in: on tmpfs, as Linux answers there. The kernel's log.
 * area: Files
 */
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/stat.h>

#include "probe.h"

static char top[] = "/dev/shm/handles-XXXXXX";
static int d;

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ];
};

static struct handle handle;
static int mount_id;

static int name(int dirfd, const char *path, unsigned room, int flags)
{
	handle.head.handle_bytes = room;
	return name_to_handle_at(dirfd, path, &handle.head, &mount_id, flags);
}

/* Does what the handle opens have this inode number? */
static int opens(int flags, ino_t ino)
{
	struct stat st;
	int fd = open_by_handle_at(d, &handle.head, flags);
	int same = fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == ino;
	if (fd >= 0)
		close(fd);
	return same;
}

static void names(void)
{
	struct stat st;
	int f = open("f", O_CREAT | O_RDWR, 0644), p[2];
	theme("handle of a name");
	REQUIRE(f >= 0 && pipe(p) == 0 && symlink("f", "l") == 0 && fstat(f, &st) == 0);
	CHECK(name(AT_FDCWD, "f", MAX_HANDLE_SZ, 0) == 0);
	CHECK(handle.head.handle_bytes == 12 && handle.head.handle_type == 1 && mount_id > 0);
	struct handle first = handle;
	CHECK(name(d, "f", 12, 0) == 0 && !memcmp(&first, &handle, sizeof(struct file_handle) + 12));
	CHECK(name(f, "", 12, AT_EMPTY_PATH) == 0 && !memcmp(&first, &handle, sizeof(struct file_handle) + 12));
	CHECK(name(d, "l", 12, AT_SYMLINK_FOLLOW) == 0 && !memcmp(&first, &handle, sizeof(struct file_handle) + 12));
	CHECK(name(d, "l", 12, 0) == 0 && memcmp(&first, &handle, sizeof(struct file_handle) + 12));
	CHECK_ERRNO(name(d, "f", 0, 0), EOVERFLOW);
	CHECK_THAT(handle.head.handle_bytes == 12, "and says how much it takes");
	CHECK_ERRNO(name(d, "f", 11, 0), EOVERFLOW);
	CHECK_ERRNO(name(d, "f", MAX_HANDLE_SZ + 1, 0), EINVAL);
	CHECK_ERRNO(name(d, "f", 12, 0x40), EINVAL);
	CHECK_ERRNO(name(d, "none", 12, 0), ENOENT);
	CHECK_ERRNO(name(99, "f", 12, 0), EBADF);
	CHECK_ERRNO(name_to_handle_at(d, "f", NULL, &mount_id, 0), EFAULT);
	CHECK_ERRNO(name_to_handle_at(d, "f", &handle.head, NULL, 0), EFAULT);
	CHECK_ERRNO(name(p[0], "", 12, AT_EMPTY_PATH), EOPNOTSUPP);
	CHECK_ERRNO(name(AT_FDCWD, "/proc/self", 12, 0), EOPNOTSUPP);

	theme("open by handle");
	if (geteuid() == 0) {
		CHECK(name(d, "f", 12, 0) == 0 && opens(O_RDONLY, st.st_ino) && opens(O_RDWR, st.st_ino));
		CHECK(mkdir("sub", 0755) == 0 && mkdir("sub/sub", 0755) == 0 &&
		      close(open("sub/sub/g", O_CREAT | O_RDWR, 0644)) == 0);
		CHECK(stat("sub/sub/g", &st) == 0 && name(d, "sub/sub/g", 12, 0) == 0 && opens(O_RDONLY, st.st_ino));
		CHECK(rename("sub/sub/g", "sub/h") == 0 && opens(O_RDONLY, st.st_ino));
		CHECK(unlink("sub/h") == 0);
		CHECK_ERRNO(open_by_handle_at(d, &handle.head, O_RDONLY), ESTALE);
		CHECK(stat("sub", &st) == 0 && name(d, "sub", 12, 0) == 0 && opens(O_RDONLY | O_DIRECTORY, st.st_ino));
		CHECK_ERRNO(open_by_handle_at(d, &handle.head, O_RDWR), EISDIR);
		CHECK_ERRNO(open_by_handle_at(99, &handle.head, O_RDONLY), EBADF);
		CHECK_ERRNO(open_by_handle_at(d, NULL, O_RDONLY), EFAULT);
		handle.head.handle_bytes = 4;
		CHECK_ERRNO(open_by_handle_at(d, &handle.head, O_RDONLY), ESTALE);
		handle.head.handle_bytes = 0;
		CHECK_ERRNO(open_by_handle_at(d, &handle.head, O_RDONLY), EINVAL);
		handle.head.handle_bytes = MAX_HANDLE_SZ + 1;
		CHECK_ERRNO(open_by_handle_at(d, &handle.head, O_RDONLY), EINVAL);
		handle.head.handle_bytes = 12;
		CHECK(rmdir("sub/sub") == 0 && rmdir("sub") == 0);
	}
	CHECK_IN_CHILD_THAT((geteuid() || setresuid(65534, 65534, 65534) == 0) &&
				open_by_handle_at(d, &handle.head, O_RDONLY) == -1 && errno == EPERM,
			    "is not for everybody");
	close(f);
	close(p[0]);
	close(p[1]);
	unlink("l");
	unlink("f");
}

static void requests(void)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extents[4];
	} map = {.map = {.fm_length = ~0ull, .fm_extent_count = 4}};
	int f = open("f", O_CREAT | O_RDWR, 0644), n = 0, p[2];
	long long size = -1;
	theme("requests about files");
	REQUIRE(f >= 0 && pipe(p) == 0 && ftruncate(f, 12345) == 0);
	CHECK_ERRNO(ioctl(f, FS_IOC_FIEMAP, &map), EOPNOTSUPP);
	CHECK_ERRNO(ioctl(d, FS_IOC_FIEMAP, &map), EOPNOTSUPP);
	CHECK_ERRNO(ioctl(f, FIBMAP, &n), geteuid() ? EPERM : EINVAL);
	CHECK_ERRNO(ioctl(d, FIBMAP, &n), ENOTTY);
	CHECK_ERRNO(ioctl(p[0], FIBMAP, &n), ENOTTY);
	CHECK(ioctl(f, FIGETBSZ, &n) == 0 && n == 4096);
	CHECK(ioctl(d, FIGETBSZ, &n) == 0 && n == 4096);
	CHECK_ERRNO(ioctl(f, FIGETBSZ, NULL), EFAULT);
	CHECK(ioctl(f, FIOQSIZE, &size) == 0 && size == 0);
	CHECK_THAT(write(f, "x", 1) == 1 && ioctl(f, FIOQSIZE, &size) == 0 && size == 4096,
		   "FIOQSIZE is of what is stored");
	CHECK(ioctl(d, FIOQSIZE, &size) == 0);
	CHECK_ERRNO(ioctl(p[0], FIOQSIZE, &size), ENOTTY);
	CHECK_ERRNO(ioctl(f, FICLONE, f), EOPNOTSUPP);
	CHECK_IN_CHILD_THAT(setresuid(65534, 65534, 65534) <= 0 && ioctl(f, FIFREEZE, 0) == -1 && errno == EPERM &&
				ioctl(f, FITHAW, 0) == -1 && errno == EPERM && ioctl(f, FIBMAP, &n) == -1 &&
				errno == EPERM,
			    "freezing and block numbers are root's alone");
	close(f);
	close(p[0]);
	close(p[1]);
	unlink("f");
}

static void log_of_the_kernel(void)
{
	char text[64];
	theme("kernel log");
	CHECK_IN_CHILD_THAT((geteuid() || setresuid(65534, 65534, 65534) == 0) &&
				klogctl(2, text, sizeof(text)) == -1 && errno == EPERM,
			    "is not for everybody");
	if (geteuid())
		return;
	CHECK(klogctl(0, NULL, 0) == 0 && klogctl(1, NULL, 0) == 0);
	CHECK(klogctl(3, text, sizeof(text)) >= 0);
	CHECK(klogctl(3, text, 0) == 0);
	CHECK(klogctl(9, NULL, 0) >= 0 && klogctl(10, NULL, 0) > 0);
	CHECK_ERRNO(klogctl(3, NULL, 10), EINVAL);
	CHECK_ERRNO(klogctl(3, text, -1), EINVAL);
	CHECK_ERRNO(klogctl(8, NULL, 0), EINVAL);
	CHECK_ERRNO(klogctl(8, NULL, 9), EINVAL);
	CHECK_ERRNO(klogctl(11, NULL, 0), EINVAL);
}

int main(void)
{
	limit_seconds(60);
	if (!mkdtemp(top) || chdir(top))
		return 97;
	d = open(top, O_RDONLY | O_DIRECTORY);
	names();
	requests();
	log_of_the_kernel();
	if (chdir("/") || rmdir(top))
		return 98;
	return finish();
}
