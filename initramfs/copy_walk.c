/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over a tree that is copied. A directory is read again from where it was after each directory in it, so that
 * one buffer serves all.
 */
#include "initramfs/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES_BYTES 32768

/* struct linux_dirent64, getdents64(2) */
struct entry {
	uint64_t ino;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

BEHIND_OTHER_DATA char copy_bytes[COPY_BUFFER_BYTES];
BEHIND_OTHER_DATA char copy_entries[ENTRIES_BYTES];
BEHIND_OTHER_DATA char copy_path[WIRE_PATH_MAX];
BEHIND_OTHER_DATA char copy_target[WIRE_PATH_MAX];
static size_t path_length;

static int walk_entry(int at, const char *name, const struct copy_sink *sink);

static int walk_regular(int at, const char *name, const struct stat *st, const struct copy_sink *sink)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int ret = sink->regular(copy_path, fd, st);

	close(fd);
	return ret;
}

static int walk_symlink(int at, const char *name, const struct stat *st, const struct copy_sink *sink)
{
	ssize_t length = readlinkat(at, name, copy_target, sizeof copy_target - 1);

	if (length < 0)
		return -errno;
	copy_target[length] = 0;
	return sink->symlink(copy_path, copy_target, st);
}

/* One entry of the directory, as part of the path meanwhile. */
static int walk_child(int directory, const char *name, const struct copy_sink *sink)
{
	size_t before = path_length, length = strlen(name);

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (before + length + 2 > sizeof copy_path)
		return -ENAMETOOLONG;
	if (before)
		copy_path[path_length++] = '/';
	memcpy(copy_path + path_length, name, length + 1);
	path_length += length;
	int ret = walk_entry(directory, copy_path + path_length - length, sink);

	if (ret)
		return ret; /* the path tells where */
	path_length = before;
	copy_path[before] = 0;
	return 0;
}

static int walk_entries(int directory, const struct copy_sink *sink)
{
	for (;;) {
		long n = syscall(SYS_getdents64, directory, copy_entries, sizeof copy_entries);

		if (n <= 0)
			return n ? -errno : 0;
		for (long at = 0; at < n;) {
			struct entry *entry = (struct entry *)(copy_entries + at);
			int64_t next = entry->next;
			bool is_directory = entry->type == DT_DIR || entry->type == DT_UNKNOWN;
			int ret = walk_child(directory, entry->name, sink);

			if (ret)
				return ret;
			at += entry->length;
			if (is_directory) { /* the buffer has been used */
				if (lseek(directory, next, SEEK_SET) < 0)
					return -errno;
				break;
			}
		}
	}
}

static int walk_directory(int at, const char *name, const struct stat *st, const struct copy_sink *sink)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int ret = sink->directory(copy_path, st);

	if (!ret)
		ret = walk_entries(fd, sink);
	close(fd);
	return ret ? ret : sink->directory_end(copy_path, st);
}

static int walk_entry(int at, const char *name, const struct copy_sink *sink)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return walk_regular(at, name, &st, sink);
	case S_IFDIR:
		return walk_directory(at, name, &st, sink);
	case S_IFLNK:
		return walk_symlink(at, name, &st, sink);
	}
	return sink->special(copy_path, &st);
}

int copy_walk(const char *top, const struct copy_sink *sink, const char **where)
{
	path_length = 0;
	copy_path[0] = 0;
	*where = copy_path;
	return walk_entry(AT_FDCWD, top, sink);
}
