/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds a 9P session with the messages of a fuzz input.
 */
#ifndef TESTS_P9_FEED_H
#define TESTS_P9_FEED_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/p9_session.h"

#define CANARY "CANARY-that-no-reply-may-hold"

static uint8_t reply[P9_MSIZE_MAX];

/* May this request, which succeeded, have changed a tree? */
static bool modifies(uint8_t type)
{
	return type == P9_TLOPEN || type == P9_TLCREATE || type == P9_TSYMLINK || type == P9_TMKNOD ||
	       type == P9_TSETATTR || type == P9_TLINK || type == P9_TMKDIR || type == P9_TRENAMEAT ||
	       type == P9_TUNLINKAT || type == P9_TWRITE;
}

/* All messages, each in memory of its own; a reply that holds the canary ends the target. True when a tree may have
 * changed. */
static bool feed(struct p9_session *session, const uint8_t *data, size_t size)
{
	bool changed = false;
	while (size >= P9_HEADER) {
		size_t bytes = data[0] | (size_t)data[1] << 8;
		if (bytes < P9_HEADER || bytes > size)
			bytes = size;
		uint8_t *copy = malloc(bytes);
		memcpy(copy, data, bytes);
		uint32_t length = (uint32_t)bytes;
		memcpy(copy, &length, 4);
		size_t answered = p9_session_handle(session, copy, bytes, reply, sizeof(reply));
		changed |= answered && modifies(copy[4]) && reply[4] == copy[4] + 1;
		free(copy);
		if (answered && (answered < P9_HEADER || memmem(reply, answered, CANARY, strlen(CANARY))))
			abort();
		data += bytes;
		size -= bytes;
	}
	return changed;
}

#endif
