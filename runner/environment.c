/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/environment.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/units.h"

#define USER_NAME_MAX 33 /* bytes with the NUL: useradd(8) */

/* Variables that the program always has; the caller's value where it has one. */
static const struct {
	const char *name, *value;
} defaults[] = {
    {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    {"LANG", "C.UTF-8"},
    {"TERM", "dumb"},
};

/* Length of the name in "NAME" or "NAME=VALUE". */
static size_t name_length(const char *variable)
{
	return strcspn(variable, "=");
}

static const char **find(const struct environment *environment, const char *name, size_t length)
{
	for (size_t i = 0; i < environment->count; i++)
		if (!strncmp(environment->vars[i], name, length) && environment->vars[i][length] == '=')
			return &environment->vars[i];
	return NULL;
}

const char *environment_get(const struct environment *environment, const char *name)
{
	const char **variable = find(environment, name, strlen(name));
	return variable ? *variable + strlen(name) + 1 : NULL;
}

static const char *caller_variable(char *const caller[], const char *name, size_t length)
{
	for (; caller && *caller; caller++)
		if (!strncmp(*caller, name, length) && (*caller)[length] == '=')
			return *caller;
	return NULL;
}

static void set(struct environment *environment, const char *variable)
{
	const char **old = find(environment, variable, name_length(variable));
	if (old)
		*old = variable;
	else
		environment->vars[environment->count++] = variable;
}

static int set_made(struct environment *environment, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *variable = arena_alloc(&environment->arena, size);
	if (!variable)
		return -1;
	snprintf(variable, size, "%s=%s", name, value);
	set(environment, variable);
	return 0;
}

static bool plain_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return length && name[0] != '-' && name[0] != '.';
}

/* One line of passwd(5), NAME:PASSWORD:UID:...: the name when it is that of `uid`. */
static int match_line(char *line, uint32_t uid, char *name, size_t size)
{
	char *password = strchr(line, ':'), *number = password ? strchr(password + 1, ':') : NULL;
	if (!number)
		return -1;
	size_t length = (size_t)(password - line);
	number++;
	number[strcspn(number, ":")] = 0;
	uint64_t value;
	if (units_number(number, UINT32_MAX, &value) || value != uid || length >= size || !plain_name(line, length))
		return -1;
	memcpy(name, line, length);
	name[length] = 0;
	return 0;
}

int passwd_name(const char *file, uint32_t uid, char *name, size_t size)
{
	char line[1024];
	int result = -1;
	bool whole = true; /* the buffer begins at the start of a line */
	FILE *stream = fopen(file, "re");
	if (!stream)
		return -1;
	while (result && fgets(line, sizeof(line), stream)) {
		if (whole)
			result = match_line(line, uid, name, size);
		whole = strchr(line, '\n') != NULL;
	}
	fclose(stream);
	return result;
}

static int set_identity(const struct run_spec *spec, struct environment *out)
{
	char name[USER_NAME_MAX], home[USER_NAME_MAX + 8];
	if (spec->uid == 0) {
		out->user = "root";
		out->home = "/root";
		return 0;
	}
	if (passwd_name("/etc/passwd", spec->uid, name, sizeof(name)))
		strcpy(name, "user");
	snprintf(home, sizeof(home), "/home/%s", name);
	out->user = arena_copy(&out->arena, name, strlen(name));
	out->home = arena_copy(&out->arena, home, strlen(home));
	return out->user && out->home ? 0 : -1;
}

static int fill(const struct run_spec *spec, char *const caller[], struct environment *out)
{
	size_t count = sizeof(defaults) / sizeof(*defaults);
	out->vars = arena_alloc(&out->arena, (count + 1 + spec->env_count) * sizeof(*out->vars));
	out->count = 0;
	if (!out->vars || set_identity(spec, out) || set_made(out, "HOME", out->home))
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *inherited = caller_variable(caller, defaults[i].name, strlen(defaults[i].name));
		if (inherited && !(spec->rootfs && !strcmp(defaults[i].name, "PATH"))) /* PATH speaks of this host */
			set(out, inherited);
		else if (set_made(out, defaults[i].name, defaults[i].value))
			return -1;
	}
	for (size_t i = 0; i < spec->env_count; i++) {
		const char *variable = spec->env[i];
		if (!strchr(variable, '='))
			variable = caller_variable(caller, variable, strlen(variable));
		if (variable)
			set(out, variable);
	}
	return 0;
}

int environment_build(const struct run_spec *spec, char *const caller[], struct environment *out, struct error *error)
{
	*out = (struct environment){0};
	if (fill(spec, caller, out))
		return error_set(error, STATUS_RUNNER, "out of memory while making the environment");
	return 0;
}

void environment_free(struct environment *environment)
{
	arena_free(&environment->arena);
	*environment = (struct environment){0};
}
