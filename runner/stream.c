/* SPDX-License-Identifier: Apache-2.0
 *
 * Host ends of byte streams.
 *
 * O_NONBLOCK belongs to the open file description, which the caller's shell and other programs share: setting it would
 * break them. So pipes and terminals are opened anew through /proc/self/fd, sockets have MSG_DONTWAIT, and where
 * opening anew is forbidden (a pipe of another user) poll says when a small transfer cannot block.
 */
#include "runner/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/read_at.h"

/* A pipe that polls as writable takes this much (PIPE_BUF); a terminal takes what it has room for. */
#define SHARED_WRITE_BYTES 4096u

void stream_init_closed(struct stream *stream)
{
	*stream = (struct stream){.fd = -1, .original = -1};
}

/* Opens what fd refers to once more, non-blocking. -1 with errno. */
static int open_anew(int fd, int flags)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static int prepare(struct stream *stream, int fd, const char *name, struct error *error)
{
	struct stat st;
	stream->fd = -1;
	stream->original = -1;
	stream->ready = true;
	if (fstat(fd, &st))
		return error_errno(error, STATUS_RUNNER, "cannot use %s (descriptor %d)", name, fd);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode)) {
		stream->fd = fd;
		stream->mode = STREAM_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		stream->fd = fd;
		stream->mode = STREAM_SOCKET;
	} else {
		int own = open_anew(fd, stream->output ? O_WRONLY : O_RDONLY);
		if (own < 0 && errno == ENXIO && stream->output) {
			stream->error = EPIPE; /* a FIFO that nobody has open for reading */
			return 0;
		}
		stream->fd = own >= 0 ? own : fd;
		stream->original = own >= 0 ? fd : -1;
		stream->mode = own >= 0 ? STREAM_OWN : STREAM_SHARED;
	}
	return 0;
}

int stream_open_input(struct stream *stream, int fd, const char *name, struct error *error)
{
	*stream = (struct stream){.terminal = isatty(fd)};
	return prepare(stream, fd, name, error);
}

int stream_open_output(struct stream *stream, int fd, bool keep, uint8_t *buffer, uint32_t bytes, const char *name,
		       struct error *error)
{
	*stream = (struct stream){.output = true, .buffer = buffer, .buffer_bytes = bytes};
	if (prepare(stream, fd, name, error))
		return -1;
	if (!keep)
		return 0;
	stream->original = -1;
	if (stream->fd != fd)
		return 0;
	/* The stream closes its own duplicate. */
	stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return stream->fd < 0 ? error_errno(error, STATUS_RUNNER, "cannot duplicate %s", name) : 0;
}

void stream_close(struct stream *stream, int number)
{
	if (stream->fd < 0)
		return;
	close(stream->fd);
	if (stream->original >= 0)
		close(stream->original);
	stream->fd = stream->original = -1;
	stream->error = number;
	stream->head = stream->pending = 0;
}

/* STREAM_SHARED: whether a transfer would not block now. */
static bool poll_now(const struct stream *stream)
{
	struct pollfd p = {.fd = stream->fd, .events = stream->output ? POLLOUT : POLLIN};
	return poll(&p, 1, 0) > 0;
}

static ssize_t transfer(const struct stream *stream, const struct iovec *iov, size_t count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
	struct iovec small;
	if (stream->mode == STREAM_SOCKET)
		return stream->output ? sendmsg(stream->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
				      : recvmsg(stream->fd, &message, MSG_DONTWAIT);
	if (stream->mode == STREAM_SHARED) {
		if (!poll_now(stream)) {
			errno = EAGAIN;
			return -1;
		}
		small = *iov;
		if (stream->output && small.iov_len > SHARED_WRITE_BYTES)
			small.iov_len = SHARED_WRITE_BYTES;
		iov = &small;
		count = 1;
	}
	return stream->output ? writev(stream->fd, iov, (int)count) : read_at(stream->fd, iov, count, READ_HERE);
}

/* One transfer: bytes, 0 at the end of input, or -errno, with which the stream is closed unless it is -EAGAIN. */
static ssize_t try_transfer(struct stream *stream, const struct iovec *iov, size_t count)
{
	ssize_t n;
	do
		n = transfer(stream, iov, count);
	while (n < 0 && errno == EINTR);
	if (n > 0 || (n == 0 && !stream->output))
		return n;
	int number = n < 0 ? errno : EIO; /* a device that takes nothing would be tried for ever */
	/* A terminal that has not hung up: we are in the background, and may be in the foreground when something is
	 * typed. */
	if (number == EAGAIN || (number == EIO && stream->terminal && !stream->hung_up)) {
		stream->ready = false;
		return -EAGAIN;
	}
	if (stream->output && number == ECONNRESET)
		number = EPIPE;
	stream_close(stream, number);
	return -number;
}

ssize_t stream_read(struct stream *stream, const struct iovec *iov, size_t count)
{
	if (stream->fd < 0)
		return 0;
	ssize_t n = try_transfer(stream, iov, count);
	/* EIO: the terminal has hung up; ECONNRESET: so has the peer. Programs see the end of their input. */
	if (n == -EIO || n == -ECONNRESET)
		return 0;
	return n;
}

/* Drops the first n bytes of the list. */
static void advance(struct iovec **iov, size_t *count, size_t n)
{
	while (*count && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

static void keep(struct stream *stream, const struct iovec *iov, size_t count)
{
	for (; count; iov++, count--) {
		const uint8_t *from = iov->iov_base;
		size_t left = iov->iov_len;
		while (left) {
			uint32_t at = (stream->head + stream->pending) % stream->buffer_bytes;
			size_t n = stream->buffer_bytes - at;
			if (n > left)
				n = left;
			memcpy(stream->buffer + at, from, n);
			from += n;
			left -= n;
			stream->pending += (uint32_t)n;
		}
	}
}

ssize_t stream_write(struct stream *stream, struct iovec *iov, size_t count, size_t bytes)
{
	size_t written = 0;
	if (stream->fd < 0 || stream->finished)
		return -EPIPE;
	while (!stream->pending && stream->ready && written < bytes) {
		ssize_t n = try_transfer(stream, iov, count);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return n;
		written += (size_t)n;
		advance(&iov, &count, (size_t)n);
	}
	size_t rest = bytes - written;
	if (rest > stream->buffer_bytes - stream->pending)
		return -ENOBUFS;
	keep(stream, iov, count);
	return (ssize_t)written;
}

uint32_t stream_flush(struct stream *stream)
{
	uint32_t total = 0;
	while (stream->fd >= 0 && stream->pending && stream->ready) {
		uint32_t first = stream->buffer_bytes - stream->head;
		if (first > stream->pending)
			first = stream->pending;
		struct iovec iov[2] = {
		    {.iov_base = stream->buffer + stream->head, .iov_len = first},
		    {.iov_base = stream->buffer, .iov_len = stream->pending - first},
		};
		ssize_t n = try_transfer(stream, iov, 2);
		if (n < 0)
			break;
		total += (uint32_t)n;
		stream->pending -= (uint32_t)n;
		stream->head = (stream->head + (uint32_t)n) % stream->buffer_bytes;
	}
	if (stream->finished && !stream->pending)
		stream_close(stream, 0);
	return total;
}

void stream_event(struct stream *stream, uint32_t events)
{
	stream->ready = true;
	stream->hung_up |= !!(events & EPOLLHUP);
	bool gone = (events & EPOLLERR) || (stream->mode == STREAM_SOCKET && (events & EPOLLHUP));
	if (stream->output && gone)
		stream_close(stream, EPIPE);
}

void stream_finish(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	if (!stream->output) {
		stream_close(stream, 0);
		return;
	}
	stream->finished = true;
	stream_flush(stream);
}
