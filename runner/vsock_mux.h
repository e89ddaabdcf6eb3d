/* SPDX-License-Identifier: Apache-2.0
 *
 * The vsock multiplexer: takes packets of the guest apart by connection, makes the packets that the guest is owed, and
 * moves payload between packets and host services. Plain data; knows nothing of virtqueues, locks or descriptors.
 */
#ifndef RUNNER_VSOCK_MUX_H
#define RUNNER_VSOCK_MUX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner/services.h"
#include "runner/vsock_conn.h"

#define VSOCK_CONNECTIONS_MAX 32
#define VSOCK_RESETS_MAX      64 /* RSTs owed to packets of no connection */
/* Payload of one packet to the guest; bounds how long one read of the host can take. A multiple of WIRE_PAGE. */
#define VSOCK_PACKET_MAX (16u << 20)

struct vsock_reset {
	uint64_t host_cid; /* whom the guest addressed */
	uint32_t guest_port, host_port;
	uint16_t type;
};

struct vsock_mux {
	uint64_t guest_cid;
	struct vsock_conn conn[VSOCK_CONNECTIONS_MAX];
	struct vsock_reset reset[VSOCK_RESETS_MAX]; /* ring */
	uint32_t reset_head, resets;
	uint32_t turn;	     /* connection that is asked for data first */
	uint64_t violations; /* packets that broke a rule */
};

void vsock_mux_init(struct vsock_mux *mux, uint64_t guest_cid);

/* The device was reset: all connections are gone. */
void vsock_mux_reset(struct vsock_mux *mux, struct services *services);

/* Whether another packet can be taken: an RST that it may need has a place. */
bool vsock_mux_ready(const struct vsock_mux *mux);

/* A packet of the guest: a private copy of its header, and header->len bytes of payload. Only while vsock_mux_ready. */
void vsock_mux_receive(struct vsock_mux *mux, struct services *services, const struct vsock_header *header,
		       struct spans *payload);

/* The host's ends may have changed (events, or a write): passes buffered bytes on and resets connections whose end is
 * gone. */
void vsock_mux_update(struct vsock_mux *mux, struct services *services);

/* Whether the guest is owed a packet, or may be: vsock_mux_send is worth a call. */
bool vsock_mux_pending(const struct vsock_mux *mux, const struct services *services);

/* Makes the next packet for the guest: payload into the room (at least one byte), all of its header into *header.
 * Returns the bytes of payload, or -EAGAIN when there is no packet. */
ssize_t vsock_mux_send(struct vsock_mux *mux, struct services *services, struct vsock_header *header,
		       struct spans *room);

#endif
