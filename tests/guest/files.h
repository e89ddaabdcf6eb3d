/* SPDX-License-Identifier: Apache-2.0
 * What the programs about files share: a directory of their own on a tmpfs (the sandbox's root is one, so the host is
 * compared on the same type), checks by errno, and acting as somebody else for a while.
 */
#ifndef TESTS_GUEST_FILES_H
#define TESTS_GUEST_FILES_H

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "probe.h"

/* The errno of a call, 0 when it succeeds. */
#define FAILS(call)                                                                                                    \
	({                                                                                                             \
		errno = 0;                                                                                             \
		(long)(call) == -1 ? errno : 0;                                                                        \
	})

/* The call fails with this errno, or succeeds (0); the rest is its text, printf-like. */
#define EXPECT(wanted, call, ...)                                                                                      \
	do {                                                                                                           \
		int files_got = FAILS(call);                                                                           \
		files_expect(files_got, wanted, __LINE__, __VA_ARGS__);                                                \
	} while (0)

/* The same of a function that returns an errno or 0. */
#define GIVES(wanted, call, ...) files_expect(call, wanted, __LINE__, __VA_ARGS__)

__attribute__((unused, format(printf, 4, 5))) static int files_expect(int got, int wanted, int line, const char *format,
								      ...)
{
	char text[256], full[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(full, sizeof(full), "%s: %s", text, wanted ? strerrorname_np(wanted) : "success");
	return report(got == wanted, full, "line %d, %s", line, got ? strerrorname_np(got) : "success");
}

/* What the checks of a table need each time, and which is no check of its own. */
#define NEED(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, strerror(errno));                   \
			exit(97);                                                                                      \
		}                                                                                                      \
	} while (0)

static char scratch_directory[64];
static pid_t scratch_owner;

/* Removes a directory with what is in it. */
__attribute__((unused)) static void remove_tree(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0) && errno == EISDIR)
			remove_tree(fd, entry->d_name);
	}
	if (dir)
		closedir(dir);
	unlinkat(at, name, AT_REMOVEDIR);
}

static void leave_scratch(void)
{
	if (getpid() == scratch_owner && chdir("/") == 0)
		remove_tree(AT_FDCWD, scratch_directory);
}

/* Makes an empty directory, which everybody may search, the working directory; it goes at exit. */
__attribute__((unused)) static void enter_scratch_in(const char *place)
{
	snprintf(scratch_directory, sizeof(scratch_directory), "%s/guest-files-XXXXXX", place);
	umask(022);
	if (!mkdtemp(scratch_directory) || chmod(scratch_directory, 0755) || chdir(scratch_directory))
		exit(97);
	scratch_owner = getpid();
	atexit(leave_scratch);
}

/* The same on a tmpfs. */
__attribute__((unused)) static void enter_scratch(void)
{
	struct statfs fs;
	enter_scratch_in(statfs("/tmp", &fs) == 0 && fs.f_type == TMPFS_MAGIC ? "/tmp" : "/dev/shm");
}

/* What the open of a device node without a driver comes to here: /dev/shm of a container is mounted nodev. */
__attribute__((unused)) static int no_driver(void)
{
	struct statfs fs;
	return statfs(".", &fs) == 0 && (fs.f_flags & ST_NODEV) ? EACCES : ENXIO;
}

/* Makes a regular file with this text; whether it could. */
__attribute__((unused)) static int make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
	size_t size = strlen(text);
	int made = fd >= 0 && fchmod(fd, mode) == 0 && write(fd, text, size) == (ssize_t)size;
	if (fd >= 0)
		close(fd);
	return made;
}

__attribute__((unused)) static int exists(const char *name)
{
	struct stat st;
	return lstat(name, &st) == 0;
}

__attribute__((unused)) static long links_of(const char *name)
{
	struct stat st;
	return lstat(name, &st) ? -1 : (long)st.st_nlink;
}

/* The permission bits, -1 when there is no such file. */
__attribute__((unused)) static int mode_of(const char *name)
{
	struct stat st;
	return lstat(name, &st) ? -1 : (int)(st.st_mode & 07777);
}

__attribute__((unused)) static ino_t inode_of(const char *name)
{
	struct stat st;
	return lstat(name, &st) ? 0 : st.st_ino;
}

__attribute__((unused)) static void act_as_root(void)
{
	if (setresuid(0, 0, 0) || setresgid(0, 0, 0) || setgroups(0, NULL))
		exit(97);
}

/* Root acts as this user and group, with one supplementary group when it is not 0, until act_as_root(). */
__attribute__((unused)) static void act_as(uid_t uid, gid_t gid, gid_t other_group)
{
	act_as_root();
	if (setgroups(other_group ? 1 : 0, &other_group) || setresgid(gid, gid, 0) || setresuid(uid, uid, 0))
		exit(97);
}

#endif
