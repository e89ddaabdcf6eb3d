/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/wire_control.c runner/vsock_packet.c
 *
 * The agent's reports as a hostile guest would write them. Input: a byte that sets the size of the pieces, then the
 * stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/wire_control.h"

static void check(const struct control_report *report)
{
	if ((report->state == CONTROL_BROKEN) != (report->broken != NULL))
		abort();
	if (report->state == CONTROL_EXITED && (!report->started || report->exit.code > 255))
		abort();
	if (report->state == CONTROL_FAILED) {
		size_t length = strnlen(report->fail_text, sizeof(report->fail_text));
		if (length == sizeof(report->fail_text) || report->fail.stage < WIRE_STAGE_JOB ||
		    report->fail.stage > WIRE_STAGE_EXEC)
			abort();
		for (size_t i = 0; i < length; i++)
			if ((uint8_t)report->fail_text[i] < 0x20)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_control control;
	if (size == 0)
		return 0;
	size_t piece = data[0] + 1u;
	control_init(&control, NULL, 0);
	for (size_t at = 1; at < size; at += piece) {
		size_t bytes = size - at < piece ? size - at : piece;
		struct iovec iov = {.iov_base = (void *)(uintptr_t)(data + at), .iov_len = bytes};
		struct spans spans = {.iov = &iov, .count = 1, .bytes = bytes};
		int result = control_write(&control, &spans);
		if ((result != 0) != (control.report.state == CONTROL_BROKEN))
			abort();
		check(&control.report);
	}
	return 0;
}
