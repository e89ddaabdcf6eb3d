/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and programs of the closure: opens each file once, keeps the descriptor for sending, follows #! lines, and
 * leaves dynamic programs to libraries.c. A regular file is sent at its real path; links on the way become links.
 */
#include "runner/closure_builder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_LINE_MAX 256 /* bytes of a #! line that Linux reads */
#define DEFAULT_PATH	"/usr/local/bin:/usr/bin:/bin"

bool builder_exhausted(int number)
{
	return number == ENOMEM || number == EMFILE || number == ENFILE || number == E2BIG || number == EIO;
}

int builder_fail_exhausted(struct builder *builder, int number)
{
	if (number == E2BIG)
		return error_set(builder->error, STATUS_RUNNER,
				 "%s: looking for its libraries takes more than %d steps", builder->spec->program,
				 CLOSURE_PROBES_MAX);
	errno = number;
	return error_errno(builder->error, STATUS_RUNNER, "%s: cannot read its files", builder->spec->program);
}

/* The program may be hostile and names files: a device must not even be opened, for some act on that. O_NONBLOCK and
 * the second look are for a file that is exchanged in between. */
static int open_regular(struct walk_node *node)
{
	if (lstat(node->path, &node->stat))
		return errno;
	if (!S_ISREG(node->stat.st_mode))
		return S_ISDIR(node->stat.st_mode) ? EISDIR : EINVAL;
	int fd = open(node->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	int error = fstat(fd, &node->stat) ? errno : S_ISREG(node->stat.st_mode) ? 0 : EINVAL;
	if (error)
		close(fd);
	else
		node->fd = fd;
	return error;
}

int builder_open(struct builder *builder, const char *path, struct walk_node **out)
{
	int error = walk_resolve(&builder->walk, path, out);
	if (!error && (*out)->fd < 0)
		error = open_regular(*out);
	if (error) {
		errno = error;
		return -1;
	}
	file_window_fd(&builder->window, (*out)->fd, (uint64_t)(*out)->stat.st_size);
	return 0;
}

static int add_entry(struct builder *builder, struct walk_node *node, const struct closure_entry *entry)
{
	struct closure *closure = builder->closure;
	if (closure->count == CLOSURE_ENTRIES_MAX)
		return error_set(builder->error, STATUS_RUNNER, "%s: needs more than %d files", builder->spec->program,
				 CLOSURE_ENTRIES_MAX);
	if (closure->count == closure->capacity) {
		size_t capacity = closure->capacity ? closure->capacity * 2 : 32;
		struct closure_entry *entries = realloc(closure->entries, capacity * sizeof(*entries));
		if (!entries)
			return builder_fail_exhausted(builder, ENOMEM);
		closure->entries = entries;
		closure->capacity = capacity;
	}
	closure->entries[closure->count++] = *entry;
	node->sent = true;
	return 0;
}

static int64_t mtime_ns(const struct stat *stat)
{
	return stat->st_mtim.tv_sec * 1000000000ll + stat->st_mtim.tv_nsec;
}

/* A link, or a directory that a `..` passes through: nothing else may make it exist. The guest has its own /proc and
 * /dev. */
static int keep_passed(struct builder *builder, struct walk_node *node)
{
	struct stat stat;
	if (node->sent || !strncmp(node->path, "/proc/", 6) || !strncmp(node->path, "/dev/", 5))
		return 0;
	if (lstat(node->path, &stat))
		return error_errno(builder->error, STATUS_RUNNER, "%s", node->path);
	return add_entry(builder, node,
			 &(struct closure_entry){.kind = node->target ? WIRE_FILE_SYMLINK : WIRE_FILE_DIRECTORY,
						 .mode = stat.st_mode & 01777,
						 .uid = stat.st_uid,
						 .gid = stat.st_gid,
						 .mtime_ns = mtime_ns(&stat),
						 .path = node->path,
						 .target = node->target,
						 .fd = -1});
}

int builder_keep(struct builder *builder, struct walk_node *node)
{
	for (size_t i = 0; i < builder->walk.passed_count; i++)
		if (keep_passed(builder, builder->walk.passed[i]))
			return -1;
	if (node->sent)
		return 0;
	const struct stat *stat = &node->stat;
	struct closure *closure = builder->closure;
	closure->bytes += (uint64_t)stat->st_size;
	if ((uint64_t)stat->st_size > CLOSURE_BYTES_MAX || closure->bytes > CLOSURE_BYTES_MAX ||
	    closure->bytes > builder->spec->memory_bytes)
		return error_set(
		    builder->error, STATUS_RUNNER,
		    "%s and its files take %llu MiB, more than the guest's memory; give more with --memory",
		    builder->spec->program, (unsigned long long)(closure->bytes >> 20) + 1);
	/* Set-id bits of the host mean nothing in a VM where the caller chose the user. */
	return add_entry(builder, node,
			 &(struct closure_entry){.kind = WIRE_FILE_REGULAR,
						 .mode = stat->st_mode & 0777,
						 .uid = stat->st_uid,
						 .gid = stat->st_gid,
						 .size = (uint64_t)stat->st_size,
						 .mtime_ns = mtime_ns(stat),
						 .path = node->path,
						 .fd = node->fd});
}

int builder_take(struct builder *builder, const char *path, struct walk_node **out)
{
	if (builder_open(builder, path, out))
		return builder_exhausted(errno) ? builder_fail_exhausted(builder, errno) : 0;
	return builder_keep(builder, *out) ? -1 : 1;
}

const struct elf_info *builder_parse(struct builder *builder, struct walk_node *node)
{
	if (node->info)
		return node->info;
	struct arena *arena = &builder->closure->arena;
	struct elf_info *info = arena_alloc(arena, sizeof(*info));
	if (!info) {
		builder_fail_exhausted(builder, ENOMEM);
		return NULL;
	}
	if (elf_parse(&builder->window, node->path, arena, info, builder->error))
		return NULL;
	return node->info = info;
}

/* `directory` "/" `name` as an absolute path; a relative directory counts from the caller's. */
static char *join(struct builder *builder, const char *directory, size_t length, const char *name)
{
	char cwd[PATH_MAX] = "";
	if ((length == 0 || directory[0] != '/') && !getcwd(cwd, sizeof(cwd)))
		return NULL;
	char *path = arena_alloc(&builder->closure->arena, strlen(cwd) + length + strlen(name) + 3);
	if (path)
		sprintf(path, "%s%s%.*s%s%s", cwd, *cwd && length ? "/" : "", (int)length, directory,
			length || *cwd ? "/" : "", name);
	return path;
}

/* The first executable of that name in a PATH. Returns NULL with errno: EACCES when there was only one that is not
 * executable, else ENOENT. */
static char *search_path(struct builder *builder, const char *name, const char *path)
{
	int found = ENOENT;
	for (const char *directory = path;; directory++) {
		size_t length = strcspn(directory, ":");
		char *candidate = length < PATH_MAX ? join(builder, directory, length, name) : NULL;
		struct stat stat_buffer;
		if (candidate && !stat(candidate, &stat_buffer) && S_ISREG(stat_buffer.st_mode)) {
			if (!faccessat(AT_FDCWD, candidate, X_OK, AT_EACCESS))
				return candidate;
			found = EACCES;
		}
		directory += length;
		if (!*directory)
			break;
	}
	errno = found;
	return NULL;
}

/* Drops `.` and empty components of an absolute path in place. Returns whether it has a `..`. */
static bool tidy(char *path)
{
	char *to = path;
	bool up = false;
	for (const char *from = path; *from;) {
		from += strspn(from, "/");
		size_t length = strcspn(from, "/");
		if (length && !(length == 1 && from[0] == '.')) {
			up |= length == 2 && from[0] == '.' && from[1] == '.';
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	*to = 0;
	return up;
}

static int program_error(struct builder *builder, const char *path, const char *script, int number)
{
	struct error *error = builder->error;
	char who[512] = "";
	if (!*path)
		path = "/";
	if (script)
		snprintf(who, sizeof(who), " (the interpreter that %.400s names)", script);
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return error_set(error, script ? STATUS_CANNOT_EXEC : STATUS_NOT_FOUND, "%s%s: no such file%s", path,
				 who, script ? "; install it" : "");
	case EISDIR:
		return error_set(error, STATUS_CANNOT_EXEC, "%s%s: is a directory, not a program", path, who);
	case EINVAL:
	case ENXIO:
		return error_set(error, STATUS_CANNOT_EXEC, "%s%s: is not a regular file", path, who);
	default:
		if (builder_exhausted(number))
			return builder_fail_exhausted(builder, number);
		errno = number;
		return error_errno(error, STATUS_CANNOT_EXEC,
				   "%s%s: cannot be opened for reading, which copying it into the VM needs", path, who);
	}
}

/* What a #! line says. */
struct script {
	char interpreter[SCRIPT_LINE_MAX + 1], argument[SCRIPT_LINE_MAX + 1];
};

/* Splits a #! line as Linux does (fs/binfmt_script.c): interpreter, then the rest as one argument. */
static int parse_script(struct builder *builder, const char *path, struct script *script)
{
	char line[SCRIPT_LINE_MAX + 1];
	size_t size = builder->window.size < SCRIPT_LINE_MAX ? builder->window.size : SCRIPT_LINE_MAX;
	if (file_window_read(&builder->window, 0, line, size)) {
		program_error(builder, path, NULL, EIO);
		return -1;
	}
	line[size] = 0;
	size_t end = strcspn(line, "\n");
	bool cut = !line[end] && size == SCRIPT_LINE_MAX;
	line[end] = 0;
	char *start = line + 2 + strspn(line + 2, " \t"), *rest = start + strcspn(start, " \t");
	if (!*start || (cut && !*rest))
		return error_set(builder->error, STATUS_CANNOT_EXEC, "%s: its #! line names no interpreter%s", path,
				 cut ? " within the first 256 bytes" : "");
	if (*start != '/')
		return error_set(builder->error, STATUS_CANNOT_EXEC,
				 "%s: the interpreter in its #! line is not an absolute path: %.200s", path, start);
	if (rest[-1] == '\r')
		return error_set(
		    builder->error, STATUS_CANNOT_EXEC,
		    "%s: its lines end in carriage returns, as Windows writes them; try sed -i 's/\\r$//' %s", path,
		    path);
	memcpy(script->interpreter, start, (size_t)(rest - start));
	script->interpreter[rest - start] = 0;
	rest += strspn(rest, " \t");
	size_t length = strlen(rest);
	while (length && (rest[length - 1] == ' ' || rest[length - 1] == '\t' || rest[length - 1] == '\r'))
		length--;
	memcpy(script->argument, rest, length);
	script->argument[length] = 0;
	return 0;
}

/* The program that `env ARGUMENT` starts, NUL-terminated in place; NULL when we cannot tell. */
static char *env_program(char *argument)
{
	bool split = !strncmp(argument, "-S", 2);
	if (!split)
		return *argument && *argument != '-' && !strchr(argument, '=') ? argument : NULL;
	char *state;
	for (char *word = strtok_r(argument + 2, " \t", &state); word; word = strtok_r(NULL, " \t", &state))
		if (*word != '-' && !strchr(word, '='))
			return word;
	return NULL;
}

static int add_program(struct builder *builder, const char *path, const char *script, int depth);

/* `#!/usr/bin/env NAME`: NAME too, where it can be found in the guest's PATH; if not, env itself will say so. */
static int add_env_program(struct builder *builder, const char *path, char *argument, int depth)
{
	char *name = env_program(argument);
	const char *guest_path = environment_get(builder->environment, "PATH");
	if (!name)
		return 0;
	if (!strchr(name, '/'))
		name = search_path(builder, name, guest_path ? guest_path : DEFAULT_PATH);
	return name && *name == '/' ? add_program(builder, name, path, depth + 1) : 0;
}

static int add_script(struct builder *builder, const char *path, int depth)
{
	struct script script;
	if (depth == CLOSURE_SCRIPTS_MAX)
		return error_set(builder->error, STATUS_CANNOT_EXEC, "%s: more than %d #! interpreters in a row", path,
				 CLOSURE_SCRIPTS_MAX);
	if (parse_script(builder, path, &script) || add_program(builder, script.interpreter, path, depth + 1))
		return -1;
	const char *base = strrchr(script.interpreter, '/') + 1;
	return strcmp(base, "env") ? 0 : add_env_program(builder, path, script.argument, depth);
}

static int not_executable(struct builder *builder, const char *path)
{
	uint8_t magic[4] = "";
	file_window_read(&builder->window, 0, magic, builder->window.size < 4 ? builder->window.size : 4);
	if (!builder->window.size)
		return error_set(builder->error, STATUS_CANNOT_EXEC, "%s: is empty", path);
	if (magic[0] == 'M' && magic[1] == 'Z')
		return error_set(builder->error, STATUS_CANNOT_EXEC, "%s: is a Windows program, not one for Linux",
				 path);
	return error_set(builder->error, STATUS_CANNOT_EXEC,
			 "%s: is neither an ELF file nor a script with a #! line; a shell script needs `#!/bin/sh` as "
			 "its first line",
			 path);
}

/* Takes the program at an absolute path and all that its execve needs. `script`: who names it as interpreter. */
static int add_program(struct builder *builder, const char *path, const char *script, int depth)
{
	struct walk_node *node;
	const char *what;
	char magic[2];
	if (builder_open(builder, path, &node))
		return program_error(builder, path, script, errno);
	if (faccessat(AT_FDCWD, node->path, X_OK, AT_EACCESS))
		return error_set(builder->error, STATUS_CANNOT_EXEC,
				 "%s: is not executable for this user; try chmod +x %s", path, path);
	if (builder_keep(builder, node))
		return -1;
	switch (elf_identify(&builder->window, &what)) {
	case ELF_NATIVE:
		return libraries_add(builder, node, path);
	case ELF_FOREIGN:
		if (!*what)
			return error_set(builder->error, STATUS_CANNOT_EXEC, "%s: is an ELF file that was cut off",
					 path);
		return error_set(builder->error, STATUS_CANNOT_EXEC, "%s: is for %s; only x86-64 programs can run",
				 path, what);
	case ELF_NOT_ELF:
		break;
	}
	if (!file_window_read(&builder->window, 0, magic, 2) && magic[0] == '#' && magic[1] == '!')
		return add_script(builder, path, depth);
	return not_executable(builder, path);
}

/* The absolute path of PROGRAM on the host. */
static char *locate(struct builder *builder)
{
	const char *program = builder->spec->program;
	if (!*program) {
		error_set(builder->error, STATUS_NOT_FOUND, "the name of the program is empty");
		return NULL;
	}
	if (strlen(program) >= PATH_MAX) {
		error_set(builder->error, STATUS_NOT_FOUND, "the path of the program is longer than %d bytes",
			  PATH_MAX - 1);
		return NULL;
	}
	bool searched = !strchr(program, '/');
	const char *path = getenv("PATH");
	char *found = searched		  ? search_path(builder, program, path ? path : DEFAULT_PATH)
		      : program[0] == '/' ? arena_copy(&builder->closure->arena, program, strlen(program))
					  : join(builder, "", 0, program);
	if (found)
		return found;
	if (searched && errno == ENOENT)
		error_set(builder->error, STATUS_NOT_FOUND, "%s: not found in PATH; for a file here write ./%s",
			  program, program);
	else if (searched && errno == EACCES)
		error_set(builder->error, STATUS_CANNOT_EXEC, "%s: the file of that name in PATH is not executable",
			  program);
	else
		error_errno(builder->error, STATUS_RUNNER, "%s: cannot tell the current directory", program);
	return NULL;
}

/* Where execve finds the program in the guest: the caller's own path, so that a program that looks at its name keeps
 * it; the real path where that would lead through `..` or the host's /proc. */
static int set_exec_path(struct builder *builder, char *path)
{
	struct walk_node *node;
	bool up = tidy(path);
	builder->closure->exec_path = path;
	if (!up && strncmp(path, "/proc/", 6) && strncmp(path, "/dev/", 5))
		return 0;
	int error = walk_resolve(&builder->walk, path, &node);
	if (error)
		return program_error(builder, path, NULL, error);
	builder->closure->exec_path = node->path;
	return 0;
}

static void close_unsent(struct walk_node *node)
{
	if (node->fd >= 0 && !node->sent)
		close(node->fd);
}

int closure_build(const struct run_spec *spec, const struct environment *environment, struct closure *out,
		  struct error *error)
{
	struct builder builder = {.spec = spec, .environment = environment, .closure = out, .error = error};
	*out = (struct closure){0};
	walk_init(&builder.walk, &out->arena, CLOSURE_PROBES_MAX);
	char *path = locate(&builder);
	int result = !path || set_exec_path(&builder, path) || add_program(&builder, out->exec_path, NULL, 0) ? -1 : 0;
	walk_each(&builder.walk, close_unsent);
	walk_free(&builder.walk);
	return result;
}

void closure_free(struct closure *closure)
{
	for (size_t i = 0; i < closure->count; i++)
		if (closure->entries[i].fd >= 0)
			close(closure->entries[i].fd);
	free(closure->entries);
	arena_free(&closure->arena);
	*closure = (struct closure){0};
}
