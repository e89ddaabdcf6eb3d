/* SPDX-License-Identifier: Apache-2.0
 *
 * File contents for the guest, read straight into the room that it gives.
 */
#include "runner/image_stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "abi/wire.h"

static uint64_t padded(const struct image_file *file)
{
	return (file->size + WIRE_PAGE - 1) / WIRE_PAGE * WIRE_PAGE;
}

static void close_file(struct image_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Steps over files that are complete. */
static void settle(struct image_stream *image)
{
	while (image->next < image->count && image->offset == padded(&image->file[image->next])) {
		close_file(&image->file[image->next++]);
		image->offset = 0;
	}
}

void image_stream_init(struct image_stream *image, struct image_file *file, uint32_t count)
{
	*image = (struct image_stream){.file = file, .count = count};
	settle(image);
}

bool image_stream_pending(const struct image_stream *image)
{
	return !image->ended && image->next < image->count;
}

static void fail(struct image_stream *image, int number)
{
	if (image->failed)
		return;
	image->failed = true;
	image->failed_file = image->next;
	image->failed_errno = number;
}

/* Reads at most `bytes` bytes of contents into the front of the spans; returns how many, 0 when the file gives no
 * more. */
static size_t read_contents(struct image_stream *image, const struct spans *spans, size_t bytes)
{
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct spans part = {.iov = iov, .count = spans->count, .bytes = spans->bytes};
	memcpy(iov, spans->iov, spans->count * sizeof(iov[0]));
	spans_limit(&part, bytes, NULL);
	ssize_t n;
	do
		n = preadv(image->file[image->next].fd, iov, (int)part.count, (off_t)image->offset);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		fail(image, n < 0 ? errno : 0);
	return n > 0 ? (size_t)n : 0;
}

size_t image_stream_read(struct image_stream *image, struct spans *spans)
{
	size_t total = 0;
	while (spans->bytes && image_stream_pending(image)) {
		const struct image_file *file = &image->file[image->next];
		uint64_t contents = image->offset < file->size ? file->size - image->offset : 0;
		uint64_t rest = padded(file) - image->offset;
		size_t n = 0;
		if (contents && !(image->failed && image->failed_file == image->next))
			n = read_contents(image, spans, contents < spans->bytes ? contents : spans->bytes);
		if (n) {
			spans_skip(spans, n);
		} else { /* padding, or what the file does not give */
			n = rest < spans->bytes ? rest : spans->bytes;
			spans_zero(spans, n);
		}
		image->offset += n;
		total += n;
		settle(image);
	}
	return total;
}

void image_stream_close(struct image_stream *image)
{
	for (uint32_t i = image->next; i < image->count; i++)
		close_file(&image->file[i]);
	image->ended = true;
}
