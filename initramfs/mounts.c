/* SPDX-License-Identifier: Apache-2.0
 *
 * The job's mounts: shared directories over 9P, each with a connection of its own to the runner, file systems in
 * memory, and overlays of one over the other.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_ROOT      "/.root"
#define SHARE_OPTIONS (WIRE_PREFETCH_MAX + 192) /* characters; less than a page, which mount(2) takes */

/* Where the layers of an overlay stand until it is mounted: /dev is the guest's own whatever the root is. */
#define LAYERS "/dev/.layers"
#define LOWER  LAYERS "/lower"
#define UPPER  LAYERS "/upper"
#define WORK   LAYERS "/work"

_Noreturn static void fail(int error, const char *doing, const char *path)
{
	agent_fail(WIRE_STAGE_MOUNT, error, doing, path);
}

static void append_number(char *text, size_t size, size_t *length, uint64_t number)
{
	char digits[21], *p = digits + sizeof digits - 1;

	*p = 0;
	do
		*--p = (char)('0' + number % 10);
	while (number /= 10);
	text_append(text, size, length, p);
}

/* ---- mount points ---- */

static void make_directory(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		fail(errno, "create the mount point ", path);
}

/* Makes what is missing of the path; its last component a file when the share is one. */
static void make_point(char *path, bool file)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (stat(path, &st))
			make_directory(path);
		*slash = '/';
	}
	if (!file) {
		make_directory(path);
		return;
	}
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		fail(errno, "create the mount point ", path);
	close(fd);
}

/* ---- one mount ---- */

/* Another kernel may not know the option `prefetch`, which is a hint. */
static int mount_9p(const char *at, unsigned long flags, char *options, size_t length, const char *prefetch)
{
	size_t without = length;

	if (*prefetch) {
		text_append(options, SHARE_OPTIONS, &length, ",prefetch=");
		text_append(options, SHARE_OPTIONS, &length, prefetch);
		options[length] = 0;
		if (mount("9p", at, "9p", flags, options) == 0)
			return 0;
		if (errno != EINVAL)
			return errno;
	}
	options[without] = 0;
	return mount("9p", at, "9p", flags, options) ? errno : 0;
}

static void mount_share(const struct job_mount *wanted, const char *at, const char *name)
{
	const struct wire_mount *header = &wanted->header;
	char options[SHARE_OPTIONS + 1];
	bool readonly = header->flags & WIRE_MOUNT_READONLY;
	size_t length = 0, size = SHARE_OPTIONS;
	int fd = stream_open_files();

	if (fd < 0)
		fail(-fd, "connect to the files of ", name);
	text_append(options, size, &length, "trans=fd,rfdno=");
	append_number(options, size, &length, (uint64_t)fd);
	text_append(options, size, &length, ",wfdno=");
	append_number(options, size, &length, (uint64_t)fd);
	text_append(options, size, &length, ",version=9p2000.L,msize=1048576,access=any,cache=");
	text_append(options, size, &length, readonly ? "loose" : "mmap");
	text_append(options, size, &length, ",aname=");
	append_number(options, size, &length, header->share);
	int error = mount_9p(at, MS_NODEV | MS_NOSUID | (readonly ? MS_RDONLY : 0), options, length, wanted->prefetch);

	if (error)
		fail(error, "mount ", name);
	close(fd);
}

void mounts_share_at(const struct job_mount *wanted, const char *at, const char *name)
{
	char path[WIRE_PATH_MAX];

	memcpy(path, at, strlen(at) + 1);
	make_point(path, wanted->header.flags & WIRE_MOUNT_FILE);
	mount_share(wanted, at, name);
}

void mounts_remove(const char *at, bool file)
{
	if (umount2(at, MNT_DETACH) || (file ? unlink(at) : rmdir(at)))
		fail(errno, "unmount ", at);
}

static void make_layers(const char *name)
{
	make_directory(LAYERS);
	if (mount("tmpfs", LAYERS, "tmpfs", MS_NODEV | MS_NOSUID, "mode=700"))
		fail(errno, "mount memory for ", name);
	make_directory(UPPER);
	make_directory(WORK);
}

static void remove_layers(const char *name)
{
	if (umount2(LAYERS, MNT_DETACH) || rmdir(LAYERS))
		fail(errno, "unmount the layers of ", name);
}

/* The share is the lower layer; an empty file system in memory takes the changes. Both stay in use when their places
 * are gone. */
static void mount_overlay(const struct job_mount *wanted, const char *at, const char *name)
{
	static const char options[] = "lowerdir=" LOWER ",upperdir=" UPPER ",workdir=" WORK;
	char lower[] = LOWER;

	make_layers(name);
	make_point(lower, wanted->header.flags & WIRE_MOUNT_FILE);
	mount_share(wanted, LOWER, name);
	if (mount("overlay", at, "overlay", MS_NODEV | MS_NOSUID, options))
		fail(errno, "mount an overlay on ", name);
	remove_layers(name);
}

static void mount_tmpfs(const struct job_mount *wanted)
{
	char options[64];
	size_t length = 0, size = sizeof options - 1;

	text_append(options, size, &length, "mode=1777");
	if (wanted->header.size) {
		text_append(options, size, &length, ",size=");
		append_number(options, size, &length, wanted->header.size);
	}
	options[length] = 0;
	if (mount("tmpfs", wanted->path, "tmpfs", MS_NODEV | MS_NOSUID, options))
		fail(errno, "mount ", wanted->path);
}

/* Unpacks the share, a tar archive, into memory. While it does so, that is the root: links lead nowhere else. */
static void mount_tar(const struct job_mount *wanted, const char *at)
{
	static const char source[] = "/dev/.archive";

	if (mount("tmpfs", at, "tmpfs", MS_NODEV, "mode=755,size=90%"))
		fail(errno, "mount memory for ", "/");
	mounts_share_at(wanted, source, "/");
	int archive = open(source, O_RDONLY | O_CLOEXEC), outside = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (archive < 0 || outside < 0 || chroot(at) || chdir("/"))
		fail(errno, "open the archive of ", "/");
	untar(archive);
	close(archive);
	if (fchdir(outside) || chroot(".") || chdir("/"))
		fail(errno, "change the root", "");
	close(outside);
	mounts_remove(source, true);
}

/* Why our kernel could not mount an image: it tells more than an errno. */
_Noreturn static void fail_image(int error)
{
	static const char file[] = "/proc/sys/fs/image_mount_error";
	char why[128];
	int fd = open(file, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, why, sizeof why - 1);

	if (n <= 1)
		fail(error, "mount the image of ", "/");
	why[n - 1] = 0;
	if (error == EOPNOTSUPP)
		fail(error, "mount the image of /, which needs ", why);
	fail(error, "mount the image of /: ", why);
}

/* The share is a file system image; its type is in its first bytes. An overlay keeps what changes. */
static void mount_image(const struct job_mount *wanted, const char *at)
{
	static const char options[] = "lowerdir=" LOWER ",upperdir=" UPPER ",workdir=" WORK;
	char source[] = LAYERS "/image", magic[4] = "";

	make_layers("/");
	make_point(source, true);
	mount_share(wanted, source, "/");
	make_directory(LOWER);
	int fd = open(source, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, magic, sizeof magic) < 0)
		fail(errno, "read the image of ", "/");
	close(fd);
	if (mount(source, LOWER, memcmp(magic, "hsqs", 4) ? "erofs" : "squashfs", MS_RDONLY, NULL))
		fail_image(errno);
	if (mount("overlay", at, "overlay", MS_NODEV, options))
		fail(errno, "mount an overlay on ", "/");
	remove_layers("/");
}

/* Looks at a directory whose names are wanted soon: the kernel then asks for many of them at once. */
static void read_names(const char *path)
{
	char names[256];
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return;
	syscall(SYS_getdents64, fd, names, sizeof names);
	close(fd);
}

/* Another root; what is the guest's own is shown in it, where there is a place for it or one can be made. */
static void mount_root(const struct job_mount *wanted)
{
	static const char *const own[] = {"/dev", "/proc", "/sys", "/tmp", "/run"};
	bool share = wanted->header.kind == WIRE_MOUNT_SHARE;
	struct stat st;

	make_directory(NEW_ROOT);
	if (share) {
		mount_share(wanted, NEW_ROOT, "/");
		if (!*wanted->prefetch)
			read_names(NEW_ROOT);
	} else if (wanted->header.kind == WIRE_MOUNT_OVERLAY)
		mount_overlay(wanted, NEW_ROOT, "/");
	else if (wanted->header.kind == WIRE_MOUNT_IMAGE)
		mount_image(wanted, NEW_ROOT);
	else
		mount_tar(wanted, NEW_ROOT);
	/* What a root file system brings for /run is its own. */
	for (size_t i = 0; i < sizeof own / sizeof own[0] - !share; i++) {
		char point[16] = NEW_ROOT;
		size_t length = strlen(NEW_ROOT);

		text_append(point, sizeof point - 1, &length, own[i]);
		if (!share && lstat(point, &st))
			make_directory(point);
		if (lstat(point, &st) == 0 && S_ISDIR(st.st_mode) && mount(own[i], point, NULL, MS_BIND | MS_REC, NULL))
			fail(errno, "show the guest's own ", own[i]);
	}
	if (chroot(NEW_ROOT) || chdir("/"))
		fail(errno, "change the root", "");
}

void mounts_limit(uint64_t bytes)
{
	static const char file[] = "/proc/sys/fs/tmpfs_limit_bytes";
	char text[21];
	size_t length = 0;
	int fd = open(file, O_WRONLY);

	append_number(text, sizeof text, &length, bytes);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		fail(errno, "set the limit in ", file); /* stock Linux has none for all together */
	close(fd);
}

void mounts_make(struct job *job)
{
	struct job rest = *job;
	struct job_mount mount;

	umask(0);
	while (job_next_mount(&rest, &mount)) {
		if (mount.header.kind >= WIRE_MOUNT_COPY_IN)
			continue; /* copies.c */
		if (!mount.path[1]) {
			mount_root(&mount);
			continue;
		}
		make_point(mount.path, mount.header.flags & WIRE_MOUNT_FILE);
		if (mount.header.kind == WIRE_MOUNT_SHARE)
			mount_share(&mount, mount.path, mount.path);
		else if (mount.header.kind == WIRE_MOUNT_OVERLAY)
			mount_overlay(&mount, mount.path, mount.path);
		else
			mount_tmpfs(&mount);
	}
}

bool mounts_share_covers(const struct job *job, const char *path)
{
	struct job rest = *job;
	struct job_mount mount;
	bool covers = false;

	while (job_next_mount(&rest, &mount)) {
		size_t length = strlen(mount.path);

		if (mount.header.kind >= WIRE_MOUNT_COPY_IN)
			continue;
		if (length == 1)
			length = 0;
		if (strncmp(path, mount.path, length) == 0 && (path[length] == '/' || !path[length]))
			covers = mount.header.kind == WIRE_MOUNT_SHARE; /* parents come first */
	}
	return covers;
}
