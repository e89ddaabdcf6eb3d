/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing array of bytes.
 */
#ifndef RUNNER_BUFFER_H
#define RUNNER_BUFFER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
	uint8_t *data;
	size_t length, capacity; /* bytes */
};

/* Makes room for `extra` more bytes. Returns 0, or -1 when memory is short. */
static inline int buffer_reserve(struct buffer *buffer, size_t extra)
{
	if (extra <= buffer->capacity - buffer->length)
		return 0;
	size_t capacity = buffer->capacity ? buffer->capacity : 1024;
	while (capacity - buffer->length < extra) {
		if (capacity > SIZE_MAX / 2)
			return -1;
		capacity *= 2;
	}
	uint8_t *data = realloc(buffer->data, capacity);
	if (!data)
		return -1;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

/* Appends a copy of `length` bytes. Returns 0, or -1 when memory is short. */
static inline int buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (buffer_reserve(buffer, length))
		return -1;
	if (length)
		memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	return 0;
}

static inline void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

#endif
