/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host offers the guest over vsock, by port (abi/wire.h): control, image, standard input, output and error,
 * and sessions of the files server. Each can be connected once. Owns the host's ends (descriptors, buffers, frames);
 * knows nothing of connections, credit or virtqueues, which refer to a service by its index only.
 */
#ifndef RUNNER_SERVICES_H
#define RUNNER_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/wire.h"
#include "runner/dax.h"
#include "runner/image_stream.h"
#include "runner/stream.h"
#include "runner/vsock_packet.h"
#include "runner/wire_control.h"

enum service_index {
	SERVICE_CONTROL,
	SERVICE_IMAGE,
	SERVICE_STDIN,
	SERVICE_STDOUT,
	SERVICE_STDERR,
	SERVICE_FILES, /* the first of as many as there are shares; all on one port */
	SERVICES = SERVICE_FILES + WIRE_FILES_SESSIONS_MAX,
};

enum service_state {
	SERVICE_OFFERED, /* waits for its one connection */
	SERVICE_CONNECTED,
	SERVICE_OVER, /* was connected, or is not offered */
};

struct services {
	enum service_state state[SERVICES];
	bool input_ended[SERVICES]; /* the end of the bytes to the guest has been delivered */
	struct wire_control control;
	struct image_stream image;
	struct stream in, out, err;
	/* Both directions of a session's socket. */
	struct stream files_in[WIRE_FILES_SESSIONS_MAX], files_out[WIRE_FILES_SESSIONS_MAX];
	struct dax *dax; /* NULL: none */
	int count;	 /* services that this run has: the loops end here */
};

/* What the services of one run are made of. */
struct services_config {
	const uint8_t *job; /* the encoded JOB frame */
	size_t job_bytes;
	struct image_file
	    *image; /* regular files in the job's order; array and descriptors of the caller, which gives the */
	uint32_t image_files; /* descriptors away */
	/* The caller's descriptors, or -1 when that stream is not offered (closed, /dev/null in the guest, or standard
	 * error that is the same as standard output). Input and output are given away: they are closed when the guest
	 * closes its end, so that the other ends of the pipes learn. Error is not, since the runner's own messages go
	 * there. */
	int in, out, err;
	const int *files;     /* sockets of the files server, given away */
	unsigned files_count; /* <= WIRE_FILES_SESSIONS_MAX */
	struct dax *dax;      /* the window that the files server fills; NULL: none */
};

/* Before confinement. Allocates the output buffers (touched only when output backs up). */
int services_init(struct services *services, const struct services_config *config, struct error *error);

/* The descriptor stream that a service reads from or writes to, for whoever watches it, or NULL. */
struct stream *services_input(struct services *services, int service);
struct stream *services_output(struct services *services, int service);

/* Closes everything and frees the buffers. */
void services_close(struct services *services);

/* A connection to `port`: the service's index, or -1 (unknown, not offered, or connected before). */
int services_connect(struct services *services, uint32_t port);

/* The connection of this service is over, in whatever way: bytes from the guest are still written out, nothing more is
 * read for it, and its descriptor is closed after that. */
void services_disconnect(struct services *services, int service);

/* The guest will not receive (VSOCK_SHUTDOWN_RECEIVE) or send (.._SEND) any more on this service. */
void services_shutdown(struct services *services, int service, uint8_t how);

/* Whether services_read is worth a call: bytes for the guest, or their end, may be there. */
bool services_readable(const struct services *services, int service);

/* Moves bytes for the guest into the spans: how many, 0 at their end (given once), -EAGAIN when there are none now. */
ssize_t services_read(struct services *services, int service, struct spans *spans);

/* Bytes that data packets to this service's guest should be a multiple of, except the last. */
uint32_t services_unit(int service);

/* Takes all bytes of the spans. Returns how many of them are done with (the rest is buffered, services_flush tells), or
 * -EPIPE: the host's end is gone or the guest broke the control protocol, and the connection is to be reset. */
ssize_t services_write(struct services *services, int service, struct spans *spans);

/* Writes buffered bytes as far as possible; returns how many are now done with. */
uint32_t services_flush(struct services *services, int service);

/* Whether the host's end for bytes from the guest has gone away, so that the connection is to be reset. */
bool services_gone(const struct services *services, int service);

/* Whether every byte that came from the guest has been written out, or its reader has gone. */
bool services_drained(const struct services *services);

#endif
