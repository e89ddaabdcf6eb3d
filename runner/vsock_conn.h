/* SPDX-License-Identifier: Apache-2.0
 *
 * One vsock stream connection as the host's end sees it: its state, what it owes the guest, and the credit of both
 * directions (virtio 1.2, 5.10.6.3 and .5). Plain data; holds no file descriptor and moves no bytes.
 */
#ifndef RUNNER_VSOCK_CONN_H
#define RUNNER_VSOCK_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/vsock_packet.h"

/* The receive buffer that each connection advertises, bytes. The guest can make the host hold this much and no more. */
#define VSOCK_BUFFER_BYTES (256u << 10)

enum vsock_state {
	VSOCK_FREE = 0,
	VSOCK_OPEN,
	VSOCK_ENDED, /* only an RST is still owed to the guest */
};

struct vsock_conn {
	enum vsock_state state;
	int service; /* of the host, by services.h */
	uint32_t guest_port, host_port;
	/* Packets owed to the guest. */
	bool owes_response, owes_credit;
	uint8_t owes_shutdown;	/* VSOCK_SHUTDOWN_* to announce */
	uint8_t host_shutdown;	/* announced */
	uint8_t guest_shutdown; /* heard */
	/* Host to guest. */
	uint32_t sent;		  /* bytes sent, modulo 2^32 */
	uint32_t guest_forwarded; /* of those, taken out of the guest's buffer */
	uint32_t guest_buffer;	  /* bytes, the size of that buffer */
	/* Guest to host. */
	uint32_t received;  /* bytes received */
	uint32_t forwarded; /* of those, passed on to the host's end */
	uint32_t announced; /* `forwarded` as the guest last heard it */
};

/* What a packet asks of the caller. */
enum vsock_event {
	VSOCK_IGNORE,	/* nothing */
	VSOCK_DATA,	/* take the payload; header->len bytes are now received */
	VSOCK_HALF,	/* conn->guest_shutdown has grown */
	VSOCK_CLOSE,	/* the guest is done with both directions: end the host's side, the connection owes an RST */
	VSOCK_GONE,	/* the guest has reset the connection: it is free again */
	VSOCK_VIOLATED, /* a broken rule (credit, state, operation): end the host's side, the connection owes an RST */
};

/* Opens a connection on a REQUEST; it owes a RESPONSE. */
void vsock_conn_open(struct vsock_conn *conn, const struct vsock_header *request, int service);

/* A packet for this open or ended connection, with a header that was validated as to addresses and payload length. */
enum vsock_event vsock_conn_receive(struct vsock_conn *conn, const struct vsock_header *header);

/* The host's side passed `bytes` received bytes on: the guest may send as much again. */
void vsock_conn_forwarded(struct vsock_conn *conn, uint32_t bytes);

/* Bytes that the guest's buffer has room for. 0 when the guest does not receive any more or the host has ended. */
uint32_t vsock_conn_credit(const struct vsock_conn *conn);

/* The host's side ends: no more data to the guest (SEND), or taken from it (RECEIVE). */
void vsock_conn_shutdown(struct vsock_conn *conn, uint8_t how);

/* The host's side is gone: an RST is owed and nothing else. */
void vsock_conn_end(struct vsock_conn *conn);

/* Whether a packet without payload is owed. */
bool vsock_conn_owes(const struct vsock_conn *conn);

/* Makes the next packet without payload that is owed (vsock_conn_owes) and counts it as sent. */
void vsock_conn_answer(struct vsock_conn *conn, struct vsock_header *header);

/* Makes the header of a data packet with `bytes` (<= credit) of payload and counts it as sent. */
void vsock_conn_data(struct vsock_conn *conn, struct vsock_header *header, uint32_t bytes);

#endif
