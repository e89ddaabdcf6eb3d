/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtio-vsock packet (virtio 1.2, 5.10.6): its header, and how a packet lies in a descriptor chain. The header is
 * the first 44 bytes of the chain and the payload follows immediately, wherever the descriptors begin and end.
 */
#ifndef RUNNER_VSOCK_PACKET_H
#define RUNNER_VSOCK_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runner/virtqueue.h"

#define VIRTIO_ID_VSOCK	      19
#define VIRTIO_VSOCK_F_STREAM (1ull << 0)

enum { VSOCK_TYPE_STREAM = 1 };

enum vsock_op {
	VSOCK_OP_INVALID = 0,
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of VSOCK_OP_SHUTDOWN: the sender will not receive, will not send, any more. */
enum { VSOCK_SHUTDOWN_RECEIVE = 1, VSOCK_SHUTDOWN_SEND = 2, VSOCK_SHUTDOWN_BOTH = 3 };

#define VSOCK_HEADER_BYTES 44

struct vsock_header {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len; /* bytes of payload */
	uint16_t type, op;
	uint32_t flags;
	uint32_t buf_alloc; /* the sender's receive buffer, bytes */
	uint32_t fwd_cnt;   /* bytes that the sender has taken out of it since the connection began, modulo 2^32 */
} __attribute__((packed));
_Static_assert(sizeof(struct vsock_header) == VSOCK_HEADER_BYTES, "virtio 1.2, 5.10.6");

/* A list of byte ranges that shrinks from its front. */
struct spans {
	struct iovec *iov;
	size_t count;
	size_t bytes;
};

/* Cuts `bytes` bytes (<= spans->bytes) off the front. */
void spans_skip(struct spans *spans, size_t bytes);
/* Cuts off what lies beyond the first `bytes` bytes (> 0). Only the last span that is left changes: returns by how much
 * it is shorter now, and with last != NULL where it is, so that this can be undone. */
size_t spans_limit(struct spans *spans, size_t bytes, struct iovec **last);
/* Copies out of, or into, the front and cuts that off; `bytes` <= spans->bytes. */
void spans_get(struct spans *spans, void *data, size_t bytes);
void spans_put(struct spans *spans, const void *data, size_t bytes);
/* Fills the front with zero bytes and cuts that off. */
void spans_zero(struct spans *spans, size_t bytes);

/* Takes the header out of a transmitted chain: a private copy. *payload is what follows it. False when the chain is no
 * packet: shorter than a header, or its payload is not what the header says. */
bool vsock_packet_get(struct virtq_chain *chain, struct vsock_header *header, struct spans *payload);

/* Splits a receive chain into the room for the header and that for the payload. False when there is no room for a
 * header and at least one byte. Consumes the chain's spans: on success write the header with vsock_packet_put. */
struct vsock_room {
	struct iovec header_iov[VIRTQ_SIZE_MAX];
	struct spans header, payload;
};
bool vsock_packet_room(struct virtq_chain *chain, struct vsock_room *room);
void vsock_packet_put(struct vsock_room *room, const struct vsock_header *header);

#endif
