/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a program: its closure is well formed, or there is an error with a text.
 * sources: runner/closure.c runner/libraries.c runner/walk.c runner/elf.c runner/ldcache.c runner/file_window.c runner/environment.c runner/units.c runner/error.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/closure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_program(void)
{
	unlink(path);
}

static void write_program(const uint8_t *data, size_t size)
{
	if (!path[0]) {
		snprintf(path, sizeof(path), "/dev/shm/fuzz_closure.%d", (int)getpid());
		atexit(remove_program);
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void check_entry(const struct closure_entry *entry)
{
	if (entry->path[0] != '/' || strlen(entry->path) >= WIRE_PATH_MAX || strstr(entry->path, "/../"))
		abort();
	if ((entry->kind == WIRE_FILE_REGULAR) != (entry->fd >= 0) ||
	    (entry->kind == WIRE_FILE_SYMLINK) != !!entry->target)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *env[] = {"LD_LIBRARY_PATH=/usr/local/lib:$ORIGIN:relative"};
	static char *argv[] = {path, NULL};
	struct run_spec spec = {
	    .program = path, .argv = argv, .argc = 1, .memory_bytes = SPEC_MEMORY_DEFAULT, .env = env, .env_count = 1};
	struct environment environment;
	struct closure closure;
	struct error error = {0};
	write_program(data, size);
	if (environment_build(&spec, NULL, &environment, &error))
		abort();
	if (closure_build(&spec, &environment, &closure, &error)) {
		if (error.status < STATUS_RUNNER || error.status > STATUS_NOT_FOUND || !error.text[0])
			abort();
	} else {
		for (size_t i = 0; i < closure.count; i++)
			check_entry(&closure.entries[i]);
	}
	closure_free(&closure);
	environment_free(&environment);
	return 0;
}
