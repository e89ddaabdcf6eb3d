/* SPDX-License-Identifier: Apache-2.0
 *
 * From notes to a profile. A file or directory that was used is listed itself. A directory is listed with all that is
 * beneath it when the run made it, or when a name that the run made in it is gone at the end: temporary files have
 * another name each time.
 */
#include "runner/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runner/p9_reach.h"
#include "runner/profile.h"

#define RESERVE (PROFILE_BYTES_MAX + 65536)

int record_open(struct record *record, const char *file, const char *head, struct error *error)
{
	record->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (record->fd < 0)
		return error_errno(error, STATUS_RUNNER, "--record %s", file);
	record->paths = path_tree_new();
	if (!record->paths || buffer_reserve(&record->text, RESERVE) ||
	    buffer_append(&record->text, head, strlen(head)))
		return error_set(error, STATUS_RUNNER, "--record: out of memory");
	return 0;
}

/* One value of a list; `first` gets the key. Never more than was reserved. */
static int put_value(struct record *record, const char *key, bool *first, const char *value, struct error *error)
{
	struct buffer *text = &record->text;
	struct error unused;
	/* Each byte takes six at most, as an escape. */
	if (text->length + 6 * strlen(value) + 64 > PROFILE_BYTES_MAX)
		return error_set(error, STATUS_RUNNER, "--record: the run touched more than a profile can list");
	size_t before = text->length;
	if (*first)
		profile_put(text, key, NULL, 0, true, &unused);
	if (profile_put_item(text, value)) {
		text->length = before;
		record->left_out++;
	} else {
		*first = false;
	}
	return 0;
}

/* ---- paths ---- */

#define COVERED (1u << 31) /* lies in a directory that is listed with all that is beneath it */
#define INNER	(1u << 30) /* other nodes lie below it */
#define WHOLE	(1u << 29) /* to be listed with all that is beneath it */

/* Marks each node with what its parents and children say. A parent has a smaller number. */
static void mark(struct path_tree *paths)
{
	for (uint32_t i = PATH_TREE_ROOT; i <= paths->nodes; i++)
		paths->node[i].flags &= NOTED_READ | NOTED_WRITE | NOTED_MADE | NOTED_GONE | NOTED_TREE | NOTED_OWN;
	for (uint32_t i = PATH_TREE_ROOT + 1; i <= paths->nodes; i++) {
		uint32_t parent = paths->node[i].parent, flags = paths->node[i].flags;
		if (!parent || parent >= i)
			continue;
		paths->node[parent].flags |= INNER;
		if ((flags & (NOTED_MADE | NOTED_GONE)) == (NOTED_MADE | NOTED_GONE))
			paths->node[parent].flags |= WHOLE;
		if (flags & NOTED_TREE)
			paths->node[i].flags |= WHOLE;
	}
	for (uint32_t i = PATH_TREE_ROOT + 1; i <= paths->nodes; i++) {
		uint32_t parent = paths->node[i].parent;
		if (parent && parent < i && paths->node[parent].flags & (WHOLE | COVERED))
			paths->node[i].flags |= COVERED;
	}
}

static bool is_listed(uint32_t flags, bool write)
{
	bool writes = flags & (NOTED_WRITE | WHOLE);
	if (flags & COVERED || writes != write)
		return false;
	return writes || flags & NOTED_READ || !(flags & (INNER | NOTED_OWN));
}

static int put_paths(struct record *record, const char *key, bool write, struct error *error)
{
	char path[4096 + 2];
	bool first = true;
	for (uint32_t i = PATH_TREE_ROOT; i <= record->paths->nodes; i++) {
		uint32_t flags = record->paths->node[i].flags;
		size_t length = is_listed(flags, write) ? path_tree_path(record->paths, i, path, 4096) : 0;
		if (!length)
			continue;
		if (flags & WHOLE && path[length - 1] != '/')
			memcpy(path + length, "/", 2);
		if (!(flags & WHOLE) && path[length - 1] == '/')
			memcpy(path + length, ".", 2); /* the root alone */
		if (put_value(record, key, &first, path, error))
			return -1;
	}
	return 0;
}

/* ---- system calls ---- */

static int put_calls(struct record *record, const struct syscall_set *used, struct error *error)
{
	/* Whether a run makes these is a matter of moments. */
	static const char moments[] = "exit,exit_group,rt_sigreturn,restart_syscall";
	struct syscall_set all = *used;
	bool first = true;
	syscalls_add(&all, moments);
	for (unsigned i = 0; i < BOOT_CALLS; i++)
		if (syscalls_has(&all, i) && syscalls_name(i) &&
		    put_value(record, "allow-syscall", &first, syscalls_name(i), error))
			return -1;
	return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

int record_write(struct record *record, const volatile struct path_tree *paths, const struct syscall_set *used,
		 struct error *error)
{
	if (paths) {
		path_tree_copy(record->paths, paths);
		mark(record->paths);
		if (record->paths->full)
			return error_set(error, STATUS_RUNNER,
					 "--record: the run touched more paths than a record can hold (%u)",
					 PATH_TREE_NODES);
		if (put_paths(record, "allow-read", false, error) || put_paths(record, "allow-write", true, error))
			return -1;
	}
	if (put_calls(record, used, error))
		return -1;
	if (write_all(record->fd, record->text.data, record->text.length))
		return error_errno(error, STATUS_RUNNER, "--record: it is not complete");
	if (record->left_out)
		return error_set(error, STATUS_RUNNER,
				 "--record: %u paths are not UTF-8, and so cannot stand in a profile",
				 record->left_out);
	return 0;
}
