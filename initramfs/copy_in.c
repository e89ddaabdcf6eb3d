/* SPDX-License-Identifier: Apache-2.0
 *
 * --copy-in: the contents of a share become files of the guest. Directories that exist are filled; other files that are
 * in the way are replaced.
 */
#include "initramfs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define SOURCE "/dev/.copy" /* /dev is the guest's own whatever the root is */

BEHIND_OTHER_DATA char copy_place[2 * WIRE_PATH_MAX]; /* where the entry is to stand: `top` and its path */
static size_t top_length;

static const char *place(const char *path)
{
	copy_place[top_length] = 0;
	if (*path) {
		copy_place[top_length] = '/';
		memcpy(copy_place + top_length + 1, path, strlen(path) + 1);
	}
	return copy_place;
}

static int set_attributes(const char *at, const struct stat *st)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (lchown(at, st->st_uid, st->st_gid))
		return -errno;
	if (!S_ISLNK(st->st_mode) && chmod(at, st->st_mode & 01777))
		return -errno;
	return utimensat(AT_FDCWD, at, times, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

static int copy_regular(const char *path, int from, const struct stat *st)
{
	const char *at = place(path);
	int fd, ret = 0;
	ssize_t n = 0;

	if ((unlink(at) && errno != ENOENT) || (fd = open(at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return -errno;
	while (!ret && (n = read(from, copy_bytes, sizeof copy_bytes)) > 0)
		ret = write_all(fd, copy_bytes, (size_t)n);
	if (n < 0)
		ret = -errno;
	close(fd);
	return ret ? ret : set_attributes(at, st);
}

static int copy_directory(const char *path, const struct stat *st)
{
	struct stat there;
	const char *at = place(path);

	if (mkdir(at, 0700) == 0)
		return 0;
	if (errno != EEXIST || stat(at, &there))
		return -errno;
	return S_ISDIR(there.st_mode) ? 0 : -ENOTDIR;
}

static int finish_directory(const char *path, const struct stat *st)
{
	return set_attributes(place(path), st);
}

static int copy_symlink(const char *path, const char *target, const struct stat *st)
{
	const char *at = place(path);

	if ((unlink(at) && errno != ENOENT) || symlink(target, at))
		return -errno;
	return set_attributes(at, st);
}

static int copy_special(const char *path, const struct stat *st)
{
	const char *at = place(path);

	if (!S_ISFIFO(st->st_mode))
		return -EOPNOTSUPP; /* sockets and devices mean nothing elsewhere */
	if ((unlink(at) && errno != ENOENT) || mkfifo(at, 0600))
		return -errno;
	return set_attributes(at, st);
}

/* On a directory that exists, what was given for it in the guest holds. */
static int keep_directory(const char *path, const struct stat *st)
{
	return *path ? finish_directory(path, st) : 0;
}

static void copy_one(const struct job_mount *copy)
{
	static const struct copy_sink sink = {copy_regular, copy_directory, finish_directory, copy_symlink,
					      copy_special};
	static const struct copy_sink merge = {copy_regular, copy_directory, keep_directory, copy_symlink,
					       copy_special};
	bool file = copy->header.flags & WIRE_MOUNT_FILE;
	const char *where;
	struct stat st;

	mounts_share_at(copy, SOURCE, copy->path);
	top_length = strlen(copy->path);
	while (top_length && copy->path[top_length - 1] == '/')
		top_length--;
	memcpy(copy_place, copy->path, top_length);
	if (top_length)
		files_make_parents(copy->path);
	bool there = top_length == 0 || lstat(place(""), &st) == 0;
	int ret = top_length == 0 && file ? -EISDIR : copy_walk(SOURCE, there ? &merge : &sink, &where);

	if (ret)
		agent_fail(WIRE_STAGE_FILES, ret, "copy to ", top_length ? copy_place : "/");
	mounts_remove(SOURCE, file);
}

void copies_in(const struct job *job)
{
	struct job rest = *job;
	struct job_mount mount;

	umask(0);
	while (job_next_mount(&rest, &mount))
		if (mount.header.kind == WIRE_MOUNT_COPY_IN)
			copy_one(&mount);
}
