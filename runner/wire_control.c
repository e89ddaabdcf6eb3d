/* SPDX-License-Identifier: Apache-2.0
 *
 * Control stream: frames out, frames in.
 */
#include "runner/wire_control.h"

#include <string.h>

void control_init(struct wire_control *control, const uint8_t *job, size_t job_bytes)
{
	memset(control, 0, sizeof(*control));
	control->job = job;
	control->job_bytes = job_bytes;
}

static int enqueue(struct wire_control *control, uint32_t type, const void *payload, uint32_t length)
{
	struct wire_frame frame = {.type = type, .length = length};
	if (sizeof(frame) + length > sizeof(control->queue) - control->queue_bytes)
		return -1;
	memcpy(control->queue + control->queue_bytes, &frame, sizeof(frame));
	memcpy(control->queue + control->queue_bytes + sizeof(frame), payload, length);
	control->queue_bytes += (uint32_t)sizeof(frame) + length;
	return 0;
}

int control_signal(struct wire_control *control, uint32_t signo)
{
	struct wire_signal payload = {.signo = signo};
	if (signo < 1 || signo > 64)
		return -1;
	return enqueue(control, WIRE_SIGNAL, &payload, sizeof(payload));
}

int control_winsize(struct wire_control *control, const struct wire_winsize *size)
{
	return enqueue(control, WIRE_WINSIZE, size, sizeof(*size));
}

bool control_pending(const struct wire_control *control)
{
	return control->job_sent < control->job_bytes || control->queue_bytes;
}

size_t control_read(struct wire_control *control, struct spans *spans)
{
	size_t job = control->job_bytes - control->job_sent;
	if (job > spans->bytes)
		job = spans->bytes;
	if (job)
		spans_put(spans, control->job + control->job_sent, job);
	control->job_sent += job;

	size_t queued = control->queue_bytes < spans->bytes ? control->queue_bytes : spans->bytes;
	if (control->job_sent < control->job_bytes)
		queued = 0;
	if (queued) {
		spans_put(spans, control->queue, queued);
		control->queue_bytes -= (uint32_t)queued;
		memmove(control->queue, control->queue + queued, control->queue_bytes);
	}
	return job + queued;
}

static int broken(struct wire_control *control, const char *how)
{
	control->report.state = CONTROL_BROKEN;
	control->report.broken = how;
	return -1;
}

static int take_exit(struct wire_control *control, const uint8_t *payload, uint32_t length)
{
	struct wire_exit *report = &control->report.exit;
	if (length != sizeof(*report))
		return broken(control, "an EXIT report of the wrong length");
	memcpy(report, payload, sizeof(*report));
	bool exited = report->end == WIRE_END_EXITED && report->code <= 255;
	bool signaled = report->end == WIRE_END_SIGNALED && report->code >= 1 && report->code <= 64;
	if (!exited && !signaled)
		return broken(control, "an EXIT report with an impossible status");
	control->report.state = CONTROL_EXITED;
	return 0;
}

static int take_fail(struct wire_control *control, const uint8_t *payload, uint32_t length)
{
	struct wire_fail *report = &control->report.fail;
	if (length < sizeof(*report))
		return broken(control, "a FAIL report that is too short");
	memcpy(report, payload, sizeof(*report));
	if (report->stage < WIRE_STAGE_JOB || report->stage > WIRE_STAGE_MOUNT)
		return broken(control, "a FAIL report of no known stage");
	if (report->error > 4095)
		return broken(control, "a FAIL report with an impossible error number");
	uint32_t text = length - (uint32_t)sizeof(*report);
	for (uint32_t i = 0; i < text; i++) {
		uint8_t c = payload[sizeof(*report) + i];
		control->report.fail_text[i] = c >= 0x20 && c != 0x7f ? (char)c : '?';
	}
	control->report.fail_text[text] = 0;
	control->report.state = CONTROL_FAILED;
	return 0;
}

static int take_frame(struct wire_control *control, const struct wire_frame *frame, const uint8_t *payload)
{
	bool over = control->report.state == CONTROL_EXITED || control->report.state == CONTROL_FAILED;
	if (over)
		return broken(control, "a report after the last one");
	switch (frame->type) {
	case WIRE_STARTED:
		if (frame->length || control->report.started)
			return broken(control, "a second or malformed STARTED report");
		control->report.started = true;
		control->report.state = CONTROL_STARTED;
		return 0;
	case WIRE_EXIT:
		if (!control->report.started)
			return broken(control, "an EXIT report of a program that was not started");
		return take_exit(control, payload, frame->length);
	case WIRE_FAIL:
		return take_fail(control, payload, frame->length);
	default:
		return broken(control, "a report of unknown type");
	}
}

int control_write(struct wire_control *control, struct spans *spans)
{
	while (spans->bytes && control->report.state != CONTROL_BROKEN) {
		struct wire_frame frame = {0};
		uint32_t want = sizeof(frame);
		if (control->frame_bytes >= sizeof(frame)) {
			memcpy(&frame, control->frame, sizeof(frame));
			want += frame.length; /* was checked when the header was complete */
		}
		uint32_t n = want - control->frame_bytes;
		if (n > spans->bytes)
			n = (uint32_t)spans->bytes;
		spans_get(spans, control->frame + control->frame_bytes, n);
		control->frame_bytes += n;
		if (control->frame_bytes < want)
			break;
		memcpy(&frame, control->frame, sizeof(frame));
		if (frame.length > WIRE_REPORT_MAX)
			return broken(control, "a report that is too long");
		if (control->frame_bytes < sizeof(frame) + frame.length)
			continue;
		control->frame_bytes = 0;
		take_frame(control, &frame, control->frame + sizeof(frame));
	}
	return control->report.state == CONTROL_BROKEN ? -1 : 0;
}
