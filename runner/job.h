/* SPDX-License-Identifier: Apache-2.0
 *
 * The job: what the agent is told to run, as the WIRE_JOB frame of abi/wire.h.
 */
#ifndef RUNNER_JOB_H
#define RUNNER_JOB_H

#include "runner/buffer.h"
#include "runner/closure.h"
#include "runner/environment.h"
#include "runner/error.h"
#include "runner/spec.h"

/* The standard streams as the program gets them. */
struct job_stdio {
	uint8_t kind[3];     /* enum wire_stdio of descriptors 0, 1, 2 */
	uint16_t rows, cols; /* with WIRE_STDIO_TTY */
};

/* Looks at the caller's descriptors 0, 1 and 2: closed, /dev/null, standard error being the same open file as standard
 * output (or another opening of the same pipe or terminal, where order matters and offsets do not), else a stream.
 * With `tty` they are WIRE_STDIO_TTY and the size is that of the terminal (24 x 80 when there is none); standard error
 * keeps a way of its own when it is no terminal, unless `merged`. */
void stdio_kinds(bool tty, bool merged, struct job_stdio *out);

/* Puts /dev/null where descriptors 0, 1 and 2 are closed, so that no file opened later lands there. To be called after
 * stdio_kinds() and before anything is opened. Errors: STATUS_RUNNER. */
int stdio_fill_holes(struct error *error);

/* Appends the whole frame (struct wire_frame and payload) to *out; its regular files are the closure's, in the same
 * order. Errors: STATUS_RUNNER; the text says which part exceeds which WIRE_*_MAX. */
int job_encode(const struct run_spec *spec, const struct environment *environment, const struct closure *closure,
	       const struct job_stdio *stdio, struct buffer *out, struct error *error);

#endif
