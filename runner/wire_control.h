/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's end of WIRE_CONTROL (abi/wire.h): the bytes to the agent (the job, then signals and window sizes) and the
 * parser of what the agent reports, which is as hostile as all that comes from the guest. Knows nothing of vsock.
 */
#ifndef RUNNER_WIRE_CONTROL_H
#define RUNNER_WIRE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/wire.h"
#include "runner/vsock_packet.h"

#define CONTROL_QUEUE_BYTES 4096u /* signals and window sizes not yet sent: about 300 */

enum control_state {
	CONTROL_WAITING, /* for STARTED, or the end */
	CONTROL_STARTED, /* the program runs */
	CONTROL_EXITED,	 /* `exit` is valid */
	CONTROL_FAILED,	 /* `fail` and `fail_text` are valid */
	CONTROL_BROKEN,	 /* the agent broke the protocol: `broken` says how */
};

/* What the agent has reported so far; all fields were checked. */
struct control_report {
	enum control_state state;
	bool started; /* the program's execve had succeeded, whatever came later */
	struct wire_exit exit;
	struct wire_fail fail;
	char fail_text[WIRE_REPORT_MAX]; /* printable, NUL-terminated */
	const char *broken;		 /* constant text */
};

struct wire_control {
	/* To the agent. */
	const uint8_t *job; /* the encoded JOB frame; of the caller, must live as long */
	size_t job_bytes, job_sent;
	uint8_t queue[CONTROL_QUEUE_BYTES];
	uint32_t queue_bytes;
	/* From the agent: the frame that is arriving. */
	uint8_t frame[sizeof(struct wire_frame) + WIRE_REPORT_MAX];
	uint32_t frame_bytes;
	struct control_report report;
};

/* `job` is a whole frame, header included. */
void control_init(struct wire_control *control, const uint8_t *job, size_t job_bytes);

/* Queues a frame to the agent. -1 when the queue is full (the agent does not read) or the value is out of range. */
int control_signal(struct wire_control *control, uint32_t signo);
int control_winsize(struct wire_control *control, const struct wire_winsize *size);

/* Whether bytes wait for the agent; moves them into the spans, as many as fit, and returns how many. */
bool control_pending(const struct wire_control *control);
size_t control_read(struct wire_control *control, struct spans *spans);

/* Takes bytes of the agent. -1 once the protocol is broken (the rest is ignored). Bytes after EXIT or FAIL break it. */
int control_write(struct wire_control *control, struct spans *spans);

#endif
