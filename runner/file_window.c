/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/file_window.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void file_window_fd(struct file_window *window, int fd, uint64_t size)
{
	window->fd = fd;
	window->memory = NULL;
	window->size = size;
	window->start = window->fill = 0;
}

void file_window_memory(struct file_window *window, const void *bytes, uint64_t size)
{
	file_window_fd(window, -1, size);
	window->memory = bytes;
}

/* Loads the window with bytes from `offset` (< size) on. */
static int load(struct file_window *window, uint64_t offset)
{
	size_t want = sizeof(window->bytes);
	if (want > window->size - offset)
		want = window->size - offset;
	window->start = offset;
	window->fill = 0;
	if (window->memory) {
		memcpy(window->bytes, window->memory + offset, want);
		window->fill = want;
		return 0;
	}
	ssize_t n;
	do
		n = pread(window->fd, window->bytes, want, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	window->fill = (size_t)n;
	return 0;
}

/* Points at the byte at `offset` and says how many are there in a row; 0 at the end of the file or on an error. */
static size_t reach(struct file_window *window, uint64_t offset, const uint8_t **bytes)
{
	if (offset >= window->size)
		return 0;
	if (offset < window->start || offset - window->start >= window->fill)
		if (load(window, offset))
			return 0;
	*bytes = window->bytes + (offset - window->start);
	return window->fill - (size_t)(offset - window->start);
}

int file_window_read(struct file_window *window, uint64_t offset, void *to, size_t length)
{
	if (offset > window->size || length > window->size - offset)
		return -1;
	/* Structures that straddle the window's end are read again from their beginning: one pread, not two. */
	if (length <= sizeof(window->bytes) && length &&
	    (offset < window->start || offset + length > window->start + window->fill))
		if (load(window, offset))
			return -1;
	for (size_t done = 0; done < length;) {
		const uint8_t *bytes;
		size_t n = reach(window, offset + done, &bytes);
		if (!n)
			return -1;
		if (n > length - done)
			n = length - done;
		memcpy((uint8_t *)to + done, bytes, n);
		done += n;
	}
	return 0;
}

long file_window_string(struct file_window *window, uint64_t offset, uint64_t end, char *to, size_t max)
{
	size_t length = 0;
	while (length < max) {
		const uint8_t *bytes;
		uint64_t at = offset + length;
		if (at < offset || at >= end)
			return -1;
		size_t n = reach(window, at, &bytes);
		if (n > end - at)
			n = end - at;
		if (n > max - length)
			n = max - length;
		if (!n)
			return -1;
		const uint8_t *nul = memchr(bytes, 0, n);
		size_t take = nul ? (size_t)(nul - bytes) + 1 : n;
		memcpy(to + length, bytes, take);
		length += take;
		if (nul)
			return (long)length - 1;
	}
	return -1;
}
