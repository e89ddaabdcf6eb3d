/* SPDX-License-Identifier: Apache-2.0
 *
 * Between closure.c (files and programs) and libraries.c (what the dynamic linker would load): the state of one
 * closure_build().
 */
#ifndef RUNNER_CLOSURE_BUILDER_H
#define RUNNER_CLOSURE_BUILDER_H

#include "runner/closure.h"
#include "runner/elf.h"
#include "runner/file_window.h"
#include "runner/walk.h"

struct builder {
	const struct run_spec *spec;
	const struct environment *environment;
	struct closure *closure;
	struct walk walk;
	struct file_window window; /* of the file opened last */
	struct error *error;
};

/* Follows the absolute `path` and opens the regular file there (once a closure), with the window on it. Returns 0 and
 * the node, or -1 with errno (EISDIR, EINVAL for other kinds, else as open(2)); builder->error is untouched. */
int builder_open(struct builder *builder, const char *path, struct walk_node **out);

/* Takes the file that the last builder_open() returned into the closure, with the links on the way to it. */
int builder_keep(struct builder *builder, struct walk_node *node);

/* builder_open() and builder_keep() of a file that may be absent: 1 taken, 0 absent or unreadable, -1 error. */
int builder_take(struct builder *builder, const char *path, struct walk_node **out);

/* The dynamic section of a file in the closure, parsed once. Errors: STATUS_CANNOT_EXEC. */
const struct elf_info *builder_parse(struct builder *builder, struct walk_node *node);

/* Whether an errno of builder_open() is about us (descriptors, memory, bounds) and not about that file. */
bool builder_exhausted(int number);

/* Fails the build for such an errno; returns -1. */
int builder_fail_exhausted(struct builder *builder, int number);

/* Takes the ELF interpreter and all libraries of the dynamic program in `program` (found as `path`). */
int libraries_add(struct builder *builder, struct walk_node *program, const char *path);

#endif
