/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a profile comes from: a path, or a name that is looked up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/profile.h"

#ifndef PROFILES_DIR
#define PROFILES_DIR "/usr/local/share/sandbox/profiles"
#endif

#define PATH_ROOM 4096

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);
	return length > end_length && !strcmp(text + length - end_length, end);
}

static bool is_path(const char *what)
{
	return strchr(what, '/') || ends_in(what, ".yaml") || ends_in(what, ".yml");
}

/* Reads what is there, at most one byte more than a profile may have. */
static int read_all(int fd, struct buffer *text)
{
	while (text->length <= PROFILE_BYTES_MAX) {
		if (buffer_reserve(text, 16384)) {
			errno = ENOMEM;
			return -1;
		}
		ssize_t n = read(fd, text->data + text->length, 16384);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		text->length += (size_t)n;
	}
	return 0;
}

/* 1: there is no such file. */
static int load_file(struct command *command, const char *path, struct error *error)
{
	struct buffer text = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0)
		return error_errno(error, STATUS_RUNNER, "--profile: %.300s", path);
	int result = read_all(fd, &text);
	if (result)
		error_errno(error, STATUS_RUNNER, "--profile: %.300s", path);
	else
		result = profile_parse(command, path, (const char *)text.data, text.length, error);
	close(fd);
	buffer_free(&text);
	return result;
}

static int load_builtin(struct command *command, const char *name, struct error *error)
{
	for (const char *at = builtin_profiles; at < builtin_profiles_end;) {
		const char *text = at + strlen(at) + 1;
		if (!strcmp(at, name))
			return profile_parse(command, name, text, strlen(text), error);
		at = text + strlen(text) + 1;
	}
	return 1;
}

/* NAME.yaml in a directory; no directory: 1. */
static int load_from(struct command *command, const char *top, const char *below, const char *name, struct error *error)
{
	char path[PATH_ROOM];
	/* XDG base directory specification: a relative one is as good as none. */
	if (!top || *top != '/' ||
	    (size_t)snprintf(path, sizeof(path), "%s%s/%s.yaml", top, below, name) >= sizeof(path))
		return 1;
	return load_file(command, path, error);
}

static int load_name(struct command *command, const char *name, struct error *error)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] || *name == '.' ||
	    !*name)
		return error_set(error, STATUS_RUNNER,
				 "--profile: '%.300s' is no name of a profile; a path has a slash or ends in .yaml",
				 name);
	int result = config && *config ? load_from(command, config, "/sandbox/profiles", name, error)
				       : load_from(command, getenv("HOME"), "/.config/sandbox/profiles", name, error);
	if (result == 1)
		result = load_from(command, "/etc/sandbox/profiles", "", name, error);
	if (result == 1)
		result = load_from(command, PROFILES_DIR, "", name, error);
	if (result == 1)
		result = load_builtin(command, name, error);
	if (result == 1)
		return error_set(error, STATUS_RUNNER,
				 "--profile: there is no profile '%.300s' in ~/.config/sandbox/profiles, "
				 "/etc/sandbox/profiles, " PROFILES_DIR " or built in (ci, function, strict)",
				 name);
	return result;
}

int profile_load(struct command *command, const char *what, struct error *error)
{
	command->run.source++;
	if (!is_path(what))
		return load_name(command, what, error);
	int result = load_file(command, what, error);
	if (result != 1)
		return result;
	errno = ENOENT;
	return error_errno(error, STATUS_RUNNER, "--profile: %.300s", what);
}
