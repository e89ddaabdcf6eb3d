/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's end of a byte stream: a descriptor of the caller that is read or written without ever blocking, and for
 * output a bounded buffer of what did not fit. Flags of the caller's open file descriptions are never changed. Knows
 * nothing of the guest, of vsock, or of epoll; whoever watches the descriptor reports events with stream_event.
 */
#ifndef RUNNER_STREAM_H
#define RUNNER_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "runner/error.h"

/* How a descriptor is kept from blocking. */
enum stream_mode {
	STREAM_OWN,    /* a pipe or terminal that was opened anew with O_NONBLOCK */
	STREAM_FILE,   /* a regular file or the like, which does not block */
	STREAM_SOCKET, /* MSG_DONTWAIT on each call */
	STREAM_SHARED, /* could not be opened anew: poll, then move little enough not to block */
};

struct stream {
	int fd;	      /* -1: closed */
	int original; /* the caller's descriptor, closed together with fd; -1: none, or it is fd itself */
	enum stream_mode mode;
	bool output;
	bool terminal;	 /* input from a terminal */
	bool hung_up;	 /* the terminal has gone, or its other side has */
	bool ready;	 /* the next call is worth trying: cleared by EAGAIN, set by an event */
	bool finished;	 /* output: no more will be written, close once the buffer is empty */
	int error;	 /* errno of the failure that closed it; 0 none, EPIPE when the reader has gone */
	uint8_t *buffer; /* output: ring of buffer_bytes */
	uint32_t buffer_bytes, head, pending;
};

/* The stream of a descriptor that is not open, or not used. */
void stream_init_closed(struct stream *stream);

/* Prepares the caller's descriptor fd. Closing the stream closes fd as well. Opens /proc/self/fd/N: before confinement.
 * -1 with `name` in the message when fd is not open. */
int stream_open_input(struct stream *stream, int fd, const char *name, struct error *error);

/* The same for output, with a buffer of `bytes` > 0 that must live as long as the stream. With keep the caller's own
 * descriptor stays open when the stream closes. A FIFO without reader is no error: the stream is closed with EPIPE. */
int stream_open_output(struct stream *stream, int fd, bool keep, uint8_t *buffer, uint32_t bytes, const char *name,
		       struct error *error);

/* Reads into the spans. Bytes read, 0 at the end, -EAGAIN (ready is now false), or another -errno (the stream is
 * closed; a terminal's hang-up counts as its end). count <= 1024. SIGTTIN must be ignored: a process that is not in the
 * foreground of its terminal finds nothing to read there, and goes on. */
ssize_t stream_read(struct stream *stream, const struct iovec *iov, size_t count);

/* Writes the spans (`bytes` in all), or keeps in the buffer what cannot be written now; nothing passes earlier bytes.
 * Returns the bytes that the descriptor has taken of these, or -errno: -ENOBUFS when the rest does not fit the buffer,
 * -EPIPE when the stream is closed. May change iov. */
ssize_t stream_write(struct stream *stream, struct iovec *iov, size_t count, size_t bytes);

/* Writes buffered bytes as far as the descriptor takes them; returns how many it took. Closes a finished stream when
 * the buffer is empty. */
uint32_t stream_flush(struct stream *stream);

/* Events (EPOLL* bits) of the descriptor; EPOLLHUP must be among those that are reported. An output stream whose reader
 * has gone closes with EPIPE. */
void stream_event(struct stream *stream, uint32_t events);

/* Output: no more will be written; closes now or when the buffer is empty. Input: closes. */
void stream_finish(struct stream *stream);

static inline bool stream_is_open(const struct stream *stream)
{
	return stream->fd >= 0;
}

/* Closes at once; buffered bytes are lost. `number`: the errno to remember, or 0. */
void stream_close(struct stream *stream, int number);

#endif
