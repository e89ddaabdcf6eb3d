/* SPDX-License-Identifier: Apache-2.0
 *
 * The closure of a program: every file that must stand in the guest so that its execve works: the program, the
 * interpreters of scripts, the ELF interpreter, the libraries, and the symbolic links on the way to them. Found by
 * reading files; nothing is ever run.
 */
#ifndef RUNNER_CLOSURE_H
#define RUNNER_CLOSURE_H

#include <stddef.h>
#include <stdint.h>

#include "abi/wire.h"
#include "runner/arena.h"
#include "runner/environment.h"
#include "runner/error.h"
#include "runner/spec.h"

#define CLOSURE_ENTRIES_MAX 4096 /* files and links; a browser needs about 300 */
#define CLOSURE_BYTES_MAX   (16ull << 30)
#define CLOSURE_SCRIPTS_MAX 4	  /* nested #! interpreters; Linux stops at 5 */
#define CLOSURE_PROBES_MAX  65536 /* paths looked at; bounds what a crafted RUNPATH can cost */

struct closure_entry {
	uint32_t kind; /* enum wire_file_kind */
	uint32_t mode; /* permission bits; of regular files without set-id and sticky bits */
	uint32_t uid, gid;
	uint64_t size; /* bytes at the time of opening; regular files only */
	int64_t mtime_ns;
	const char *path;   /* absolute, normal, and free of symbolic links up to the last component */
	const char *target; /* symbolic links only */
	int fd;		    /* regular files: read-only, close-on-exec, owned by the closure; else -1 */
};

struct closure {
	struct closure_entry *entries;
	size_t count, capacity;
	size_t shared;	       /* entries after those, that stand in shares: without descriptor, not to be sent */
	const char *exec_path; /* absolute path to execve in the guest */
	uint64_t bytes;	       /* sum of the sizes */
	struct arena arena;    /* owns the strings */
};

/* Finds the closure of spec->program. A name without a slash is searched in the caller's PATH. Errors:
 * STATUS_NOT_FOUND: no such program; STATUS_CANNOT_EXEC: not executable, not for x86-64, neither ELF nor script, bad
 * interpreter; STATUS_RUNNER: a library is missing (named, with who needs it) or broken, a bound is exceeded.
 * closure_free() in any case. */
int closure_build(const struct run_spec *spec, const struct environment *environment, struct closure *out,
		  struct error *error);

/* Closes the descriptors and frees the memory. */
void closure_free(struct closure *closure);

#endif
