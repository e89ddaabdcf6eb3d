/* SPDX-License-Identifier: Apache-2.0
 *
 * File contents for the guest, read straight into the room that it gives or, when the file is large, mapped there: its
 * memory then shows the host's page cache, and only what is touched costs anything.
 */
#include "runner/image_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/wire.h"

#include "runner/read_at.h"

/* Files from this size on are mapped: less is copied faster than its pages are faulted in one by one. */
#define MAPPED_BYTES (256u << 10)

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
		n = read_at(image->file[image->next].fd, iov, part.count, (long)image->offset);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		fail(image, n < 0 ? errno : 0);
	return n > 0 ? (size_t)n : 0;
}

bool image_file_worth_mapping(int fd, uint64_t size)
{
	if (size < MAPPED_BYTES)
		return false;
	/* A file system without mappings is found out here, where nothing is lost by it. */
	void *at = mmap(NULL, WIRE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	return at != MAP_FAILED && !munmap(at, WIRE_PAGE);
}

static bool still_has(int fd, uint64_t offset)
{
	uint8_t byte;
	struct iovec one = {&byte, 1};
	return read_at(fd, &one, 1, (long)offset) == 1;
}

/* Maps at most `contents` bytes, privately, into whole pages of the first span; how many bytes, 0 when that is not to
 * be had. Behind the file's end its last page is zero, as the padding. */
static size_t map_contents(struct image_stream *image, const struct spans *spans, uint64_t contents)
{
	const struct image_file *file = &image->file[image->next];
	struct iovec *room = spans->iov;
	size_t bytes = (contents + WIRE_PAGE - 1) / WIRE_PAGE * WIRE_PAGE;
	if (!file->mapped || image->offset % WIRE_PAGE || (uintptr_t)room->iov_base % WIRE_PAGE)
		return 0;
	if (bytes > room->iov_len)
		bytes = room->iov_len / WIRE_PAGE * WIRE_PAGE;
	size_t n = bytes < contents ? bytes : contents;
	if (!n || !still_has(file->fd, image->offset + n - 1) ||
	    mmap(room->iov_base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file->fd,
		 (off_t)image->offset) == MAP_FAILED)
		return 0;
	return n;
}

size_t image_stream_read(struct image_stream *image, struct spans *spans)
{
	size_t total = 0;
	while (spans->bytes && image_stream_pending(image)) {
		const struct image_file *file = &image->file[image->next];
		uint64_t contents = image->offset < file->size ? file->size - image->offset : 0;
		uint64_t rest = padded(file) - image->offset;
		size_t n = 0;
		if (contents && !(image->failed && image->failed_file == image->next)) {
			n = map_contents(image, spans, contents);
			if (!n)
				n = read_contents(image, spans, contents < spans->bytes ? contents : spans->bytes);
		}
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
