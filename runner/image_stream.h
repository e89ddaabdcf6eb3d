/* SPDX-License-Identifier: Apache-2.0
 *
 * The source of WIRE_IMAGE: the contents of the job's regular files one after another, each padded with zero bytes to a
 * multiple of WIRE_PAGE (abi/wire.h). Knows nothing of vsock.
 */
#ifndef RUNNER_IMAGE_STREAM_H
#define RUNNER_IMAGE_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner/vsock_packet.h"

struct image_file {
	int fd;	       /* regular file, open for reading; closed when it has been sent */
	uint64_t size; /* bytes, as the job says */
	bool mapped;   /* its pages are mapped into the room, not copied: image_file_worth_mapping() */
};

struct image_stream {
	struct image_file *file; /* of the caller; must live as long as the stream */
	uint32_t count, next;	 /* next: index of the file being sent */
	uint64_t offset;	 /* bytes of it sent, padding included */
	bool ended;		 /* closed before its end */
	/* The first file that could not be sent as the job describes it. */
	bool failed;
	uint32_t failed_file;
	int failed_errno; /* 0: it was truncated while being read */
};

/* Whether a file is so large that its pages are better mapped than copied, and can be. Before confinement. */
bool image_file_worth_mapping(int fd, uint64_t size);

/* Files of size 0 send nothing. Sizes are below 2^62. */
void image_stream_init(struct image_stream *image, struct image_file *file, uint32_t count);

/* Whether bytes are left to send. */
bool image_stream_pending(const struct image_stream *image);

/* Fills the spans with the next bytes, as far as there are any, and cuts them off; returns how many. A file that ends
 * early or cannot be read is replaced by zero bytes and noted in failed*. Mapped pages show the file as it is when they
 * are touched; those of a file that has become shorter since raise SIGBUS, or EFAULT from KVM_RUN. */
size_t image_stream_read(struct image_stream *image, struct spans *spans);

/* Closes the files that have not been sent. */
void image_stream_close(struct image_stream *image);

#endif
