/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of the control stream: a receive buffer that holds the JOB while the program is being started and the small
 * frames after it, and whole frames out.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A usual job fits and arrives with one read; pages that nobody touches cost nothing. A larger one gets a mapping. */
#define BUFFER_BYTES 65536

BEHIND_OTHER_DATA char control_buffer[BUFFER_BYTES];
static char *base = control_buffer;
static size_t size = sizeof control_buffer, start, end; /* received and not yet taken: base[start..end) */
static bool job_taken;

void control_fill(void)
{
	ssize_t n = read(stream_fd(STREAM_CONTROL), base + end, size - end);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		agent_end();
	if (n > 0)
		end += (size_t)n;
}

static void fill_to(size_t count)
{
	while (end < count) {
		wait_for(stream_fd(STREAM_CONTROL), POLLIN);
		control_fill();
	}
}

size_t control_read_job(char **payload)
{
	struct wire_frame frame;

	fill_to(sizeof frame);
	memcpy(&frame, base, sizeof frame);
	if (frame.type != WIRE_JOB || frame.length > WIRE_FRAME_MAX)
		agent_fail(WIRE_STAGE_JOB, EPROTO, "read the job: ", "first frame");
	start = sizeof frame + frame.length;
	if (start > size) {
		base = map_bytes(start);
		size = start;
		memcpy(base, control_buffer, end);
	}
	fill_to(start);
	*payload = base + sizeof frame;
	return frame.length;
}

/* Moves what is left to the start of the buffer, once the job (which the buffer held) is not needed any more. */
static void compact(void)
{
	if (base != control_buffer) { /* a mapped job fills its mapping: nothing is left behind it */
		munmap(base, size);
		base = control_buffer;
		size = sizeof control_buffer;
		start = end = 0;
	}
	memmove(base, base + start, end - start);
	end -= start;
	start = 0;
}

int control_next(struct wire_frame *frame, const char **payload)
{
	if (!job_taken || size - end < sizeof *frame + CONTROL_PAYLOAD_MAX)
		compact();
	job_taken = true;
	if (end - start < sizeof *frame)
		return 0;
	memcpy(frame, base + start, sizeof *frame);
	if (frame->length > CONTROL_PAYLOAD_MAX)
		agent_fail(WIRE_STAGE_JOB, EPROTO, "read a control frame: ", "length");
	if (end - start - sizeof *frame < frame->length)
		return 0;
	*payload = base + start + sizeof *frame;
	start += sizeof *frame + frame->length;
	return 1;
}

void control_send(enum wire_type type, const void *payload, size_t length)
{
	struct {
		struct wire_frame frame;
		char payload[CONTROL_REPORT_MAX];
	} out;

	out.frame = (struct wire_frame){.type = type, .length = (uint32_t)length};
	if (length)
		memcpy(out.payload, payload, length);
	if (write_all(stream_fd(STREAM_CONTROL), (const char *)&out, sizeof out.frame + length))
		agent_end();
}
