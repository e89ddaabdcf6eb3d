/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded reads from a file (or from memory, for tests) through one window of a few KiB: the parsers never map a file,
 * so that one which shrinks under them is an error and no SIGBUS.
 */
#ifndef RUNNER_FILE_WINDOW_H
#define RUNNER_FILE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define FILE_WINDOW_BYTES 4096

struct file_window {
	int fd;		       /* -1: memory */
	const uint8_t *memory; /* the whole file */
	uint64_t size;	       /* bytes in the file */
	uint64_t start;	       /* offset of bytes[0] */
	size_t fill;	       /* valid bytes from start */
	uint8_t bytes[FILE_WINDOW_BYTES];
};

/* Prepares to read the `size` bytes of a regular file; fd stays the caller's. */
void file_window_fd(struct file_window *window, int fd, uint64_t size);
void file_window_memory(struct file_window *window, const void *bytes, uint64_t size);

/* Copies exactly `length` bytes from `offset`. Returns 0, or -1 when any of them lies outside the file (or the range
 * wraps) or cannot be read. */
int file_window_read(struct file_window *window, uint64_t offset, void *to, size_t length);

/* Copies a string of at most max - 1 bytes that begins at `offset` and ends in a NUL before offset `end`. Returns its
 * length, or -1 when there is no NUL in reach. */
long file_window_string(struct file_window *window, uint64_t offset, uint64_t end, char *to, size_t max);

#endif
