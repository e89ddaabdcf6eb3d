/* SPDX-License-Identifier: Apache-2.0
 *
 * The job's files: created in the job's order, contents moved from the image stream with splice(2), so that whole
 * pages can go from the receive buffers into the page cache without a copy.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIPE_DEFAULT 65536     /* bytes a new pipe holds, pipe(7) */
#define PIPE_LARGE   (1 << 20) /* what we ask for when a file is larger: fewer and longer transfers */
#define COPY_BYTES   65536
#define LINKS_MAX    40 /* symbolic links in one path, path_resolution(7) */

static const struct job *job; /* of files_create */
static int links_followed;
static int transfer[2] = {-1, -1};
static size_t transfer_room = PIPE_DEFAULT;
static bool no_splice;
static bool image_blocking;
BEHIND_OTHER_DATA char copy_buffer[COPY_BYTES];

_Noreturn static void fail(int error, const char *doing, const char *path)
{
	agent_fail(WIRE_STAGE_FILES, error, doing, path);
}

/* ---- directories ---- */

static bool make_directory(const char *path)
{
	if (mkdir(path, 0755))
		return false;
	if (strcmp(path, job->home) == 0 || strcmp(path, job->workdir) == 0)
		if (chown(path, job->header.uid, job->header.gid) && errno != EPERM)
			fail(errno, "chown ", path);
	return true;
}

static void make_path(char *path, size_t length);

/*
 * A directory cannot be made where a symbolic link stands that leads nowhere yet: the job may bring /lib64 -> usr/lib64
 * before any file in it. Then the link's target is made.
 */
__attribute__((noinline)) static void make_link_target(const char *link)
{
	char target[2 * WIRE_PATH_MAX];
	size_t directory = (size_t)(strrchr(link, '/') + 1 - link);
	ssize_t length = readlink(link, target + directory, sizeof target - directory - 1);

	if (length < 0 && errno == EINVAL)
		return; /* no link: a directory, or what is in the way will tell */
	if (length < 0 || ++links_followed > LINKS_MAX)
		fail(length < 0 ? errno : ELOOP, "follow ", link);
	memcpy(target, link, directory);
	bool absolute = target[directory] == '/';

	target[directory + (size_t)length] = 0;
	make_path(absolute ? target + directory : target, (absolute ? 0 : directory) + (size_t)length);
	links_followed--;
}

/* Makes the directory if its parent exists; returns whether that is so. */
static bool make_last(const char *path)
{
	if (make_directory(path))
		return true;
	if (errno == EEXIST)
		make_link_target(path);
	else if (errno == ENOENT)
		return false;
	else
		fail(errno, "mkdir ", path);
	return true;
}

/* Makes the directory path[0..length) and those above it; existing ones are fine. Cuts path short while it works. */
static void make_path(char *path, size_t length)
{
	char rest = path[length];
	size_t parent = length;

	path[length] = 0;
	if (!make_last(path)) {
		while (parent && path[parent] != '/')
			parent--;
		while (parent && path[parent - 1] == '/')
			parent--;
		if (!parent)
			fail(ENOENT, "mkdir ", path);
		make_path(path, parent);
		if (!make_last(path))
			fail(ENOENT, "mkdir ", path);
	}
	path[length] = rest;
}

void files_make_parents(char *path)
{
	char *slash = strrchr(path, '/');

	while (slash > path && slash[-1] == '/')
		slash--;
	if (slash > path)
		make_path(path, (size_t)(slash - path));
}

/* ---- contents ---- */

/* Once the image has run dry it is worth to let the kernel do the waiting. */
static bool image_wait(int error)
{
	if (image_blocking || (error != EAGAIN && error != ENOTCONN))
		return false;
	wait_for(stream_fd(STREAM_IMAGE), POLLIN);
	make_blocking(stream_fd(STREAM_IMAGE));
	image_blocking = true;
	return true;
}

static void copy(int from, int file, size_t length, const char *path)
{
	while (length) {
		ssize_t n = read(from, copy_buffer, length < COPY_BYTES ? length : COPY_BYTES);

		if (n < 0 && (errno == EINTR || image_wait(errno)))
			continue;
		if (n <= 0)
			fail(n ? errno : ECONNRESET, "receive ", path);
		int ret = write_all(file, copy_buffer, (size_t)n);

		if (ret)
			fail(ret, "write ", path);
		length -= (size_t)n;
	}
}

static void open_transfer(uint64_t size)
{
	if (transfer[0] < 0 && pipe2(transfer, O_CLOEXEC)) {
		no_splice = true;
		return;
	}
	if (size > transfer_room && transfer_room == PIPE_DEFAULT) {
		int room = fcntl(transfer[1], F_SETPIPE_SZ, PIPE_LARGE);

		if (room > 0)
			transfer_room = (size_t)room;
	}
}

static void empty_transfer(int file, size_t length, const char *path)
{
	while (length) {
		ssize_t n = splice(transfer[0], NULL, file, NULL, length, SPLICE_F_MOVE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
			no_splice = true;
			copy(transfer[0], file, length, path);
			return;
		}
		if (n <= 0)
			fail(n ? errno : EIO, "write ", path);
		length -= (size_t)n;
	}
}

/* Moves the next length bytes of the image into the file. */
static void receive(int file, uint64_t length, const char *path)
{
	int image = stream_fd(STREAM_IMAGE);

	if (!no_splice)
		open_transfer(length);
	while (length) {
		ssize_t n = -1;

		errno = ENOSYS;
		if (!no_splice)
			n = splice(image, NULL, transfer[1], NULL, length < transfer_room ? length : transfer_room,
				   SPLICE_F_MOVE);
		if (n > 0) {
			empty_transfer(file, (size_t)n, path);
			length -= (uint64_t)n;
		} else if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
			no_splice = true;
			copy(image, file, length, path);
			return;
		} else if (n == 0 || (errno != EINTR && !image_wait(errno))) {
			fail(n ? errno : ECONNRESET, "receive ", path);
		}
	}
}

/* ---- one record ---- */

/* EEXIST, ENOENT: makes room or parents for the path; then the caller tries again. Other errors are final. */
static void clear_the_way(const char *doing, char *path)
{
	if (errno == ENOENT)
		files_make_parents(path);
	else if (errno != EEXIST || (unlink(path) && rmdir(path)))
		fail(errno, doing, path);
}

static struct timespec timespec_of(int64_t ns)
{
	int64_t seconds = ns / 1000000000, rest = ns % 1000000000;

	if (rest < 0) {
		seconds--;
		rest += 1000000000;
	}
	return (struct timespec){.tv_sec = seconds, .tv_nsec = (long)rest};
}

static void create_regular(const struct job_file *file)
{
	const struct wire_file *header = &file->header;
	char *path = file->path;
	struct timespec times[2] = {timespec_of(header->mtime_ns), timespec_of(header->mtime_ns)};
	uint64_t padded = (header->size + WIRE_PAGE - 1) & ~(uint64_t)(WIRE_PAGE - 1);
	int fd;

	/* No O_CLOEXEC: it is closed before anything is executed, and the C library would spend a call on it. */
	for (int tries = 3; (fd = open(path, O_CREAT | O_EXCL | O_WRONLY, header->mode)) < 0; tries--) {
		if (!tries)
			fail(errno, "create ", path);
		clear_the_way("create ", path);
	}
	if (padded)
		receive(fd, padded, path);
	if (padded != header->size && ftruncate(fd, (off_t)header->size))
		fail(errno, "truncate ", path);
	if ((header->uid || header->gid) && fchown(fd, header->uid, header->gid))
		fail(errno, "chown ", path);
	/* Writing and changing the owner clear the set-user-ID bits. */
	if (header->mode & 06000 && fchmod(fd, header->mode))
		fail(errno, "chmod ", path);
	if (futimens(fd, times))
		fail(errno, "set the time of ", path);
	close(fd);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void create_directory(const struct job_file *file)
{
	const struct wire_file *header = &file->header;
	char *path = file->path;

	for (int tries = 3; mkdir(path, header->mode); tries--) {
		if (errno == EEXIST && is_directory(path))
			break;
		if (!tries)
			fail(errno, "mkdir ", path);
		clear_the_way("mkdir ", path);
	}
	if (chown(path, header->uid, header->gid))
		fail(errno, "chown ", path);
	if (chmod(path, header->mode))
		fail(errno, "chmod ", path);
}

static bool is_link_to(const char *path, const char *target)
{
	char *found = copy_buffer;
	ssize_t length = readlink(path, found, WIRE_PATH_MAX);

	return length > 0 && (size_t)length == strlen(target) && memcmp(found, target, (size_t)length) == 0;
}

static void create_symlink(const struct job_file *file)
{
	const struct wire_file *header = &file->header;
	struct timespec times[2] = {timespec_of(header->mtime_ns), timespec_of(header->mtime_ns)};
	char *path = file->path;

	for (int tries = 3; symlink(file->target, path); tries--) {
		if (errno == EEXIST && is_link_to(path, file->target))
			return;
		errno = errno == ENOENT ? ENOENT : EEXIST;
		if (!tries)
			fail(errno, "symlink ", path);
		clear_the_way("symlink ", path);
	}
	if ((header->uid || header->gid) && lchown(path, header->uid, header->gid))
		fail(errno, "chown ", path);
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		fail(errno, "set the time of ", path);
}

/*
 * A directory's time is set when nothing more is created in it; a second pass over the records, which few jobs need.
 */
static void set_directory_times(struct job rest)
{
	struct job_file file;

	while (job_next_file(&rest, &file)) {
		struct timespec times[2] = {timespec_of(file.header.mtime_ns), timespec_of(file.header.mtime_ns)};

		if (file.header.kind == WIRE_FILE_DIRECTORY &&
		    utimensat(AT_FDCWD, file.path, times, AT_SYMLINK_NOFOLLOW))
			fail(errno, "set the time of ", file.path);
	}
}

static void make_job_directory(char *path)
{
	size_t length = strlen(path);

	if (mounts_share_covers(job, path))
		return; /* the host's matter: chdir will tell */
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length > 1)
		make_path(path, length);
}

void files_create(struct job *work)
{
	struct job from_start = *work;
	struct job_file file;
	bool directories = false;

	job = work;
	umask(0);
	while (job_next_file(work, &file)) {
		if (file.header.kind == WIRE_FILE_REGULAR) {
			create_regular(&file);
		} else if (file.header.kind == WIRE_FILE_SYMLINK) {
			create_symlink(&file);
		} else {
			create_directory(&file);
			directories = true;
		}
	}
	if (directories)
		set_directory_times(from_start);
	if (transfer[0] >= 0) {
		close(transfer[0]);
		close(transfer[1]);
	}
	make_job_directory(job->home);
	if (strcmp(job->home, job->workdir) != 0)
		make_job_directory(job->workdir);
}
