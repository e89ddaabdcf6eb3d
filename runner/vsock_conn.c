/* SPDX-License-Identifier: Apache-2.0
 *
 * Connection state and credit. All counters run modulo 2^32, as on the wire.
 */
#include "runner/vsock_conn.h"

void vsock_conn_open(struct vsock_conn *conn, const struct vsock_header *request, int service)
{
	*conn = (struct vsock_conn){
	    .state = VSOCK_OPEN,
	    .service = service,
	    .guest_port = request->src_port,
	    .host_port = request->dst_port,
	    .owes_response = true,
	    .guest_buffer = request->buf_alloc,
	};
}

/* A count that is not ahead of the last one, or is ahead of what was sent, is stale or a lie: it is left alone. */
static void take_credit(struct vsock_conn *conn, const struct vsock_header *header)
{
	uint32_t flying = conn->sent - conn->guest_forwarded;
	if ((uint32_t)(conn->sent - header->fwd_cnt) <= flying)
		conn->guest_forwarded = header->fwd_cnt;
	conn->guest_buffer = header->buf_alloc;
}

static enum vsock_event violated(struct vsock_conn *conn)
{
	vsock_conn_end(conn);
	return VSOCK_VIOLATED;
}

static enum vsock_event receive_data(struct vsock_conn *conn, uint32_t bytes)
{
	uint32_t held = conn->received - conn->forwarded;
	if (bytes > VSOCK_BUFFER_BYTES - held || (conn->guest_shutdown & VSOCK_SHUTDOWN_SEND))
		return violated(conn);
	conn->received += bytes;
	return VSOCK_DATA;
}

static enum vsock_event receive_shutdown(struct vsock_conn *conn, uint32_t flags)
{
	uint8_t before = conn->guest_shutdown;
	conn->guest_shutdown |= flags & VSOCK_SHUTDOWN_BOTH;
	if (conn->guest_shutdown == VSOCK_SHUTDOWN_BOTH) {
		vsock_conn_end(conn);
		return VSOCK_CLOSE;
	}
	return conn->guest_shutdown == before ? VSOCK_IGNORE : VSOCK_HALF;
}

enum vsock_event vsock_conn_receive(struct vsock_conn *conn, const struct vsock_header *header)
{
	if (header->op == VSOCK_OP_RST) {
		conn->state = VSOCK_FREE;
		return VSOCK_GONE;
	}
	if (conn->state == VSOCK_ENDED) /* crossed our RST on the way */
		return VSOCK_IGNORE;
	take_credit(conn, header);
	switch (header->op) {
	case VSOCK_OP_RW:
		return receive_data(conn, header->len);
	case VSOCK_OP_SHUTDOWN:
		return receive_shutdown(conn, header->flags);
	case VSOCK_OP_CREDIT_REQUEST:
		conn->owes_credit = true;
		return VSOCK_IGNORE;
	case VSOCK_OP_CREDIT_UPDATE:
		return VSOCK_IGNORE;
	default: /* a second REQUEST, a RESPONSE to nothing, no known operation */
		return violated(conn);
	}
}

void vsock_conn_forwarded(struct vsock_conn *conn, uint32_t bytes)
{
	conn->forwarded += bytes;
	/* As the guest sees it, its room has shrunk to half: it need not wait for the next packet to learn better. */
	uint32_t unknown = conn->forwarded - conn->announced;
	if (unknown >= VSOCK_BUFFER_BYTES / 2)
		conn->owes_credit = true;
}

uint32_t vsock_conn_credit(const struct vsock_conn *conn)
{
	uint32_t flying = conn->sent - conn->guest_forwarded;
	if (conn->state != VSOCK_OPEN || conn->owes_response || (conn->guest_shutdown & VSOCK_SHUTDOWN_RECEIVE))
		return 0;
	if ((conn->host_shutdown | conn->owes_shutdown) & VSOCK_SHUTDOWN_SEND)
		return 0;
	return flying < conn->guest_buffer ? conn->guest_buffer - flying : 0;
}

void vsock_conn_shutdown(struct vsock_conn *conn, uint8_t how)
{
	conn->owes_shutdown |= how & ~conn->host_shutdown;
}

void vsock_conn_end(struct vsock_conn *conn)
{
	conn->state = VSOCK_ENDED;
	conn->owes_response = conn->owes_credit = false;
	conn->owes_shutdown = 0;
}

bool vsock_conn_owes(const struct vsock_conn *conn)
{
	return conn->state == VSOCK_ENDED ||
	       (conn->state == VSOCK_OPEN && (conn->owes_response || conn->owes_credit || conn->owes_shutdown));
}

static void fill(struct vsock_conn *conn, struct vsock_header *header, enum vsock_op op)
{
	*header = (struct vsock_header){
	    .src_port = conn->host_port,
	    .dst_port = conn->guest_port,
	    .type = VSOCK_TYPE_STREAM,
	    .op = op,
	    .buf_alloc = VSOCK_BUFFER_BYTES,
	    .fwd_cnt = conn->forwarded,
	};
	conn->announced = conn->forwarded;
	conn->owes_credit = false; /* each packet carries the credit */
}

void vsock_conn_answer(struct vsock_conn *conn, struct vsock_header *header)
{
	if (conn->state == VSOCK_ENDED) {
		fill(conn, header, VSOCK_OP_RST);
		conn->state = VSOCK_FREE;
	} else if (conn->owes_response) {
		fill(conn, header, VSOCK_OP_RESPONSE);
		conn->owes_response = false;
	} else if (conn->owes_shutdown) {
		fill(conn, header, VSOCK_OP_SHUTDOWN);
		header->flags = conn->owes_shutdown | conn->host_shutdown;
		conn->host_shutdown = (uint8_t)header->flags;
		conn->owes_shutdown = 0;
	} else {
		fill(conn, header, VSOCK_OP_CREDIT_UPDATE);
	}
}

void vsock_conn_data(struct vsock_conn *conn, struct vsock_header *header, uint32_t bytes)
{
	fill(conn, header, VSOCK_OP_RW);
	header->len = bytes;
	conn->sent += bytes;
}
