/* SPDX-License-Identifier: Apache-2.0
 *
 * `run --record FILE`: the profile of what a run has done, written when it has ended. Everything is made before
 * confinement; afterwards there is only writing.
 */
#ifndef RUNNER_RECORD_H
#define RUNNER_RECORD_H

#include "runner/buffer.h"
#include "runner/error.h"
#include "runner/path_tree.h"
#include "runner/syscalls.h"

struct record {
	int fd; /* -1: no record */
	struct buffer text;
	struct path_tree *paths; /* a copy of the files server's */
	unsigned left_out;	 /* paths that are not UTF-8 */
};

/* Opens the file, which is emptied, and reserves memory. `head` stands in it first. */
int record_open(struct record *record, const char *file, const char *head, struct error *error);

/* Writes it. paths: what the files server noted, NULL: there was none. Allocates nothing. Errors: the file cannot be
 * written, or the run has touched more than a profile can list. */
int record_write(struct record *record, const volatile struct path_tree *paths, const struct syscall_set *used,
		 struct error *error);

#endif
