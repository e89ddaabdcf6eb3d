/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries of a copy-out are made one at a time below a directory that is open: each path is checked by component, its
 * directory opened beneath the root without following a link, and the entry made anew in it, in place of what had its
 * name.
 */
#include "runner/copy_out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/wire.h"

/* ---- where it goes ---- */

/* The last component of a path without trailing slashes, into name; false: there is none that can be a name. */
static bool last_name(const char *path, char *name)
{
	size_t length = strlen(path);
	while (length && path[length - 1] == '/')
		length--;
	size_t start = length;
	while (start && path[start - 1] != '/')
		start--;
	if (length == start || length - start > P9_NAME_MAX)
		return false;
	memcpy(name, path + start, length - start);
	name[length - start] = 0;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int open_existing(struct copy_target *target, struct error *error)
{
	target->exists = true;
	target->at = open(target->copy->host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target->at < 0)
		return error_errno(error, STATUS_RUNNER, "--copy-out: cannot open %s", target->copy->host);
	if (!last_name(target->copy->guest, target->name))
		target->name[0] = 0; /* "/": a directory, which needs none */
	return 0;
}

static int open_parent(struct copy_target *target, struct error *error)
{
	const char *host = target->copy->host;
	char *path = strdup(host);
	if (!path)
		return error_set(error, STATUS_RUNNER, "out of memory");
	target->at = open(dirname(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target->at < 0)
		error_errno(error, STATUS_RUNNER, "--copy-out: cannot open the directory of %s", host);
	free(path);
	return target->at < 0 ? -1 : 0;
}

int copy_target_open(struct copy_target *target, const struct spec_copy *copy, struct error *error)
{
	struct stat st;
	*target = (struct copy_target){.at = -1, .copy = copy};
	bool there = !lstat(copy->host, &st) && (!S_ISLNK(st.st_mode) || !stat(copy->host, &st));
	if (there && S_ISDIR(st.st_mode))
		return open_existing(target, error);
	if (copy->into)
		return error_set(error, STATUS_RUNNER, "--copy-out: %s is no directory", copy->host);
	if (there && !S_ISREG(st.st_mode))
		return error_set(error, STATUS_RUNNER, "--copy-out: %s is neither a directory nor a file", copy->host);
	if (!last_name(copy->host, target->name))
		return error_set(error, STATUS_RUNNER, "--copy-out: %s cannot be the name of a copy", copy->host);
	return open_parent(target, error);
}

/* ---- messages ---- */

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get(struct reader *in, size_t bytes)
{
	uint64_t number = 0;
	if ((size_t)(in->end - in->at) < bytes) {
		in->bad = true;
		return 0;
	}
	memcpy(&number, in->at, bytes);
	in->at += bytes;
	return number;
}

/* A string without a NUL in it, terminated, into text[0..WIRE_PATH_MAX). */
static void get_text(struct reader *in, char *text)
{
	size_t length = (size_t)get(in, 2);
	text[0] = 0;
	if (in->bad || length >= WIRE_PATH_MAX || length > (size_t)(in->end - in->at) || memchr(in->at, 0, length)) {
		in->bad = true;
		return;
	}
	memcpy(text, in->at, length);
	text[length] = 0;
	in->at += length;
}

bool copy_message(const uint8_t *message)
{
	return message[4] == WIRE_COPY_BEGIN || message[4] == WIRE_COPY_ENTRY || message[4] == WIRE_COPY_DATA ||
	       message[4] == WIRE_COPY_LEAVE || message[4] == WIRE_COPY_END;
}

/* ---- entries ---- */

struct entry {
	uint32_t kind, mode;
	int64_t mtime_ns;
	uint64_t size;
	char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
};

/* The first failure is the one to tell. */
static void failed(struct copy_session *session, const char *path, const char *why)
{
	const struct spec_copy *copy = session->target->copy;
	if (!session->error.text[0])
		error_set(&session->error, STATUS_RUNNER, "--copy-out %s:%s: %s%s%s", copy->guest, copy->host, path,
			  *path ? ": " : "", why);
}

static bool plain_components(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");
		if (!length || length > P9_NAME_MAX || (length == 1 && path[0] == '.') ||
		    (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
		if (*path && !*++path)
			return false; /* it ends with a slash */
	}
	return true;
}

static int open_below(int at, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve =
				   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

/* The C library's fcntl() would make a second call, which the filter does not know. */
static int duplicate(int fd)
{
	return (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
}

/* The directory that the entry is made in and its name there; -1: errno. */
static int find_place(struct copy_session *session, struct entry *entry, const char **name)
{
	const struct copy_target *target = session->target;
	char *slash = strrchr(entry->path, '/');
	if (!*entry->path) {
		*name = target->name;
		return duplicate(target->at);
	}
	*name = slash ? slash + 1 : entry->path;
	if (!slash)
		return duplicate(session->root);
	*slash = 0;
	int directory = open_below(session->root, entry->path);
	*slash = '/';
	return directory;
}

/* What has the name goes, unless it is a directory. */
static int clear(int at, const char *name)
{
	return unlinkat(at, name, 0) && errno != ENOENT ? -1 : 0;
}

static int make_file(struct copy_session *session, const struct entry *entry, int at, const char *name)
{
	if (clear(at, name))
		return -1;
	session->file = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry->mode & 0777);
	session->file_bytes = entry->size;
	session->mtime_ns = entry->mtime_ns;
	return session->file < 0 ? -1 : 0;
}

static int make_directory(struct copy_session *session, const struct entry *entry, int at, const char *name)
{
	if (mkdirat(at, name, (entry->mode & 0777) | 0700) && errno != EEXIST)
		return -1;
	int directory = open_below(at, name); /* a link in its place is not followed */
	if (directory < 0)
		return -1;
	if (*entry->path)
		close(directory);
	else
		session->root = directory;
	return 0;
}

static int make_symlink(const struct entry *entry, int at, const char *name)
{
	return clear(at, name) || symlinkat(entry->target, at, name) ? -1 : 0;
}

static int make_entry(struct copy_session *session, struct entry *entry)
{
	const char *name;
	/* A directory that goes into one that exists becomes that. */
	if (!*entry->path && entry->kind == WIRE_FILE_DIRECTORY && session->target->exists) {
		session->root = duplicate(session->target->at);
		return session->root < 0 ? -1 : 0;
	}
	int at = find_place(session, entry, &name);
	if (at < 0)
		return -1;
	int result = entry->kind == WIRE_FILE_DIRECTORY ? make_directory(session, entry, at, name)
		     : entry->kind == WIRE_FILE_SYMLINK ? make_symlink(entry, at, name)
							: make_file(session, entry, at, name);
	int number = errno;
	close(at);
	errno = number;
	return result;
}

static struct timespec to_timespec(int64_t ns)
{
	int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
	return (struct timespec){.tv_sec = seconds - (rest < 0), .tv_nsec = rest < 0 ? rest + 1000000000 : rest};
}

/* The last file has all that was sent of it. */
static void finish_file(struct copy_session *session)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, to_timespec(session->mtime_ns)};
	if (session->file < 0)
		return;
	if (ftruncate(session->file, (off_t)session->file_bytes) || futimens(session->file, times))
		failed(session, "", strerror(errno));
	close(session->file);
	session->file = -1;
}

static void take_entry(struct copy_session *session, struct entry *entry)
{
	bool first = session->entries++ == 0;
	finish_file(session);
	if (session->error.text[0])
		return;
	if (session->entries > COPY_OUT_ENTRIES_MAX)
		failed(session, "", "more than 1000000 files");
	else if (first != !*entry->path || (!first && session->root < 0) || !plain_components(entry->path))
		failed(session, "", "the guest sent a name that is none");
	else if (first && entry->kind != WIRE_FILE_DIRECTORY && !session->target->name[0])
		failed(session, "", "the guest's root is no directory");
	else if (make_entry(session, entry))
		failed(session, entry->path, strerror(errno));
}

static int handle_entry(struct copy_session *session, struct reader *in)
{
	static struct entry entry; /* large; one message at a time */
	entry.kind = (uint32_t)get(in, 1);
	entry.mode = (uint32_t)get(in, 4);
	entry.mtime_ns = (int64_t)get(in, 8);
	entry.size = get(in, 8);
	get_text(in, entry.path);
	get_text(in, entry.target);
	if (in->bad || in->at != in->end || entry.kind < WIRE_FILE_REGULAR || entry.kind > WIRE_FILE_SYMLINK ||
	    entry.size > INT64_MAX || (entry.kind == WIRE_FILE_SYMLINK) != (entry.target[0] != 0))
		return -1;
	take_entry(session, &entry);
	return 0;
}

/* The time of a directory of the copy; one that was there before, into which all goes, keeps its own. */
static int leave_directory(struct copy_session *session, struct entry *entry)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, to_timespec(entry->mtime_ns)};
	const char *name;
	if (!*entry->path && session->target->exists)
		return 0;
	int at = find_place(session, entry, &name);
	int directory = at < 0 ? -1 : open_below(at, name); /* no link, no file */
	int result = directory < 0 ? -1 : utimensat(at, name, times, AT_SYMLINK_NOFOLLOW);
	int number = errno;
	if (directory >= 0)
		close(directory);
	if (at >= 0)
		close(at);
	errno = number;
	return result;
}

static int handle_leave(struct copy_session *session, struct reader *in)
{
	static struct entry entry;
	entry.mtime_ns = (int64_t)get(in, 8);
	get_text(in, entry.path);
	if (in->bad || in->at != in->end)
		return -1;
	finish_file(session);
	if (session->error.text[0])
		return 0;
	if (session->root < 0 || !plain_components(entry.path))
		failed(session, "", "the guest sent a name that is none");
	else if (leave_directory(session, &entry))
		failed(session, entry.path, strerror(errno));
	return 0;
}

static int handle_data(struct copy_session *session, struct reader *in)
{
	uint64_t offset = get(in, 8), count = get(in, 4);
	if (in->bad || count != (size_t)(in->end - in->at))
		return -1;
	if (session->error.text[0])
		return 0;
	if (session->file < 0 || offset > session->file_bytes || count > session->file_bytes - offset)
		return -1;
	if (count > session->bytes_left) {
		failed(session, "", "more bytes than the memory of the VM can hold (--memory)");
		return 0;
	}
	session->bytes_left -= count;
	while (count) {
		ssize_t n = pwrite(session->file, in->at, count, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			failed(session, "", strerror(n ? errno : ENOSPC));
			return 0;
		}
		in->at += n;
		offset += (uint64_t)n;
		count -= (uint64_t)n;
	}
	return 0;
}

static int handle_end(struct copy_session *session, struct reader *in, uint8_t *reply, size_t room)
{
	static char where[WIRE_PATH_MAX];
	uint32_t number = (uint32_t)get(in, 4);
	struct p9_reply out;
	get_text(in, where);
	if (in->bad || in->at != in->end)
		return -1;
	finish_file(session);
	if (number)
		failed(session, where, number < 4096 ? strerror((int)number) : "the guest could not read it");
	else if (!session->entries)
		failed(session, "", "the guest sent nothing");
	session->over = true;
	p9_begin(&out, reply, room, WIRE_COPY_END + 1, 0);
	p9_put32(&out, session->error.text[0] ? EIO : 0);
	return (int)p9_end(&out);
}

void copy_session_init(struct copy_session *session, uint64_t bytes_max)
{
	*session = (struct copy_session){.root = -1, .file = -1, .bytes_left = bytes_max};
}

int copy_handle(struct copy_session *session, const struct copy_target *targets, unsigned count, const uint8_t *message,
		size_t size, uint8_t *reply, size_t room)
{
	struct reader in = {message + P9_HEADER, message + size, false};
	if (message[4] == WIRE_COPY_BEGIN) {
		uint32_t index = (uint32_t)get(&in, 4);
		if (in.bad || session->target || index >= count)
			return -1;
		session->target = &targets[index];
		session->index = index;
		return 0;
	}
	if (!session->target || session->over)
		return -1;
	switch (message[4]) {
	case WIRE_COPY_ENTRY:
		return handle_entry(session, &in);
	case WIRE_COPY_DATA:
		return handle_data(session, &in);
	case WIRE_COPY_LEAVE:
		return handle_leave(session, &in);
	case WIRE_COPY_END:
		return handle_end(session, &in, reply, room);
	}
	return -1;
}

void copy_session_close(struct copy_session *session)
{
	if (session->root >= 0)
		close(session->root);
	if (session->file >= 0)
		close(session->file);
	session->root = session->file = -1;
}
