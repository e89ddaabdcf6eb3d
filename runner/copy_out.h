/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's side of --copy-out: entries that come from the guest become files at the place that the caller named, and
 * nowhere else. Part of the files server; the sender is hostile. It can write, not read: nothing of what stands there
 * is told to it.
 */
#ifndef RUNNER_COPY_OUT_H
#define RUNNER_COPY_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/error.h"
#include "runner/p9.h"
#include "runner/spec.h"

#define COPY_OUT_ENTRIES_MAX 1000000u /* of one copy-out */

/* Where a copy-out goes: the directory `at` itself, or the name in it. */
struct copy_target {
	int at;			    /* O_PATH */
	bool exists;		    /* `at` is HOST, a directory: what comes goes into it */
	char name[P9_NAME_MAX + 1]; /* what a file (or, with exists false, anything) is called there */
	const struct spec_copy *copy;
};

/* How a copy-out ended, from the server to the runner. */
struct copy_result {
	uint32_t index;
	struct error error; /* no text: all is there */
};

/* One connection that carries a copy-out. */
struct copy_session {
	const struct copy_target *target; /* NULL: before BEGIN */
	uint32_t index;
	int root; /* the top directory, O_PATH; -1: none yet */
	int file; /* being filled; -1: none */
	uint64_t file_bytes;
	int64_t mtime_ns;
	uint64_t bytes_left; /* of contents that it may still send */
	uint32_t entries;
	bool over;
	struct error error; /* the first; what comes after it is ignored */
};

/* Looks at HOST and opens what the copy will go to. Errors: STATUS_RUNNER, naming the option. */
int copy_target_open(struct copy_target *target, const struct spec_copy *copy, struct error *error);

void copy_session_init(struct copy_session *session, uint64_t bytes_max);

/* Whether a message, of which at least five bytes are there, is one of a copy-out. */
bool copy_message(const uint8_t *message);

/* Handles one message. Returns the bytes of the reply in reply[0..room) (0: none is due), or -1: it is malformed. With
 * session->over the copy-out has come to its end, and session->error tells how. */
int copy_handle(struct copy_session *session, const struct copy_target *targets, unsigned count, const uint8_t *message,
		size_t size, uint8_t *reply, size_t room);

void copy_session_close(struct copy_session *session);

#endif
