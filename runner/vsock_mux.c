/* SPDX-License-Identifier: Apache-2.0
 *
 * vsock multiplexer. Whatever is wrong with a packet costs its own connection and nothing else.
 */
#include "runner/vsock_mux.h"

#include <errno.h>

#include "abi/wire.h"

void vsock_mux_init(struct vsock_mux *mux, uint64_t guest_cid)
{
	*mux = (struct vsock_mux){.guest_cid = guest_cid};
}

void vsock_mux_reset(struct vsock_mux *mux, struct services *services)
{
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		if (mux->conn[i].state == VSOCK_OPEN)
			services_disconnect(services, mux->conn[i].service);
	*mux = (struct vsock_mux){.guest_cid = mux->guest_cid, .violations = mux->violations};
}

bool vsock_mux_ready(const struct vsock_mux *mux)
{
	return mux->resets < VSOCK_RESETS_MAX;
}

static void refuse(struct vsock_mux *mux, const struct vsock_header *header)
{
	if (header->op == VSOCK_OP_RST) /* never answered by another */
		return;
	uint32_t at = (mux->reset_head + mux->resets++) % VSOCK_RESETS_MAX;
	mux->reset[at] = (struct vsock_reset){
	    .host_cid = header->dst_cid,
	    .guest_port = header->src_port,
	    .host_port = header->dst_port,
	    .type = header->type,
	};
}

static struct vsock_conn *find(struct vsock_mux *mux, const struct vsock_header *header)
{
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		struct vsock_conn *conn = &mux->conn[i];
		if (conn->state != VSOCK_FREE && conn->guest_port == header->src_port &&
		    conn->host_port == header->dst_port)
			return conn;
	}
	return NULL;
}

static struct vsock_conn *find_free(struct vsock_mux *mux)
{
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		if (mux->conn[i].state == VSOCK_FREE)
			return &mux->conn[i];
	return NULL;
}

static void connect_service(struct vsock_mux *mux, struct services *services, const struct vsock_header *header)
{
	struct vsock_conn *conn = find_free(mux);
	int service = conn ? services_connect(services, header->dst_port) : -1;
	if (service < 0)
		refuse(mux, header);
	else
		vsock_conn_open(conn, header, service);
}

/* The host's side of an open connection is to end: the guest gets an RST. */
static void end(struct vsock_conn *conn, struct services *services)
{
	services_disconnect(services, conn->service);
	vsock_conn_end(conn);
}

static void take_payload(struct vsock_conn *conn, struct services *services, struct spans *payload)
{
	ssize_t done = payload->bytes ? services_write(services, conn->service, payload) : 0;
	if (done < 0)
		end(conn, services);
	else
		vsock_conn_forwarded(conn, (uint32_t)done);
}

void vsock_mux_receive(struct vsock_mux *mux, struct services *services, const struct vsock_header *header,
		       struct spans *payload)
{
	if (header->type != VSOCK_TYPE_STREAM || header->src_cid != mux->guest_cid ||
	    header->dst_cid != WIRE_HOST_CID) {
		mux->violations++;
		refuse(mux, header);
		return;
	}
	struct vsock_conn *conn = find(mux, header);
	if (!conn) {
		if (header->op == VSOCK_OP_REQUEST)
			connect_service(mux, services, header);
		else
			refuse(mux, header);
		return;
	}
	int service = conn->service;
	bool was_open = conn->state == VSOCK_OPEN;
	switch (vsock_conn_receive(conn, header)) {
	case VSOCK_IGNORE:
		break;
	case VSOCK_DATA:
		take_payload(conn, services, payload);
		break;
	case VSOCK_HALF:
		services_shutdown(services, service, conn->guest_shutdown);
		break;
	case VSOCK_VIOLATED:
		mux->violations++;
		services_disconnect(services, service);
		break;
	case VSOCK_CLOSE:
		services_disconnect(services, service);
		break;
	case VSOCK_GONE:
		if (was_open)
			services_disconnect(services, service);
		break;
	}
}

static struct vsock_conn *find_service(struct vsock_mux *mux, int service)
{
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		if (mux->conn[i].state == VSOCK_OPEN && mux->conn[i].service == service)
			return &mux->conn[i];
	return NULL;
}

void vsock_mux_update(struct vsock_mux *mux, struct services *services)
{
	for (int service = 0; service < services->count; service++) {
		/* Also without a connection: what came before it ended is still written out. */
		uint32_t done = services_flush(services, service);
		struct vsock_conn *conn = find_service(mux, service);
		if (!conn)
			continue;
		vsock_conn_forwarded(conn, done);
		if (services_gone(services, service))
			end(conn, services);
	}
}

static bool wants_data(const struct vsock_conn *conn, const struct services *services)
{
	uint32_t credit = vsock_conn_credit(conn);
	uint32_t unit = services_unit(conn->service);
	/* Wait for the credit of a whole unit, unless the guest's buffer will never have that. */
	if (unit > conn->guest_buffer)
		unit = 1;
	return credit && credit >= unit && services_readable(services, conn->service);
}

bool vsock_mux_pending(const struct vsock_mux *mux, const struct services *services)
{
	if (mux->resets)
		return true;
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		const struct vsock_conn *conn = &mux->conn[i];
		if (vsock_conn_owes(conn) || wants_data(conn, services))
			return true;
	}
	return false;
}

static void answer_reset(struct vsock_mux *mux, struct vsock_header *header)
{
	const struct vsock_reset *reset = &mux->reset[mux->reset_head];
	*header = (struct vsock_header){
	    .src_cid = reset->host_cid,
	    .dst_cid = mux->guest_cid,
	    .src_port = reset->host_port,
	    .dst_port = reset->guest_port,
	    .type = reset->type,
	    .op = VSOCK_OP_RST,
	};
	mux->reset_head = (mux->reset_head + 1) % VSOCK_RESETS_MAX;
	mux->resets--;
}

/* Bytes for the next data packet: what the guest has credit and room for, in whole units as far as possible. */
static uint32_t packet_bytes(const struct vsock_conn *conn, size_t room)
{
	uint32_t bytes = vsock_conn_credit(conn);
	uint32_t unit = services_unit(conn->service);
	if (bytes > room)
		bytes = (uint32_t)room;
	if (bytes > VSOCK_PACKET_MAX)
		bytes = VSOCK_PACKET_MAX;
	return bytes > unit ? bytes - bytes % unit : bytes;
}

/* A data packet of this connection: its payload, or -EAGAIN. At the end of the data it owes a SHUTDOWN instead. */
static ssize_t send_data(struct vsock_conn *conn, struct services *services, struct vsock_header *header,
			 struct spans *room)
{
	struct iovec *last = room->iov;
	size_t cut = spans_limit(room, packet_bytes(conn, room->bytes), &last);
	ssize_t n = services_read(services, conn->service, room);
	if (n > 0) {
		vsock_conn_data(conn, header, (uint32_t)n);
		return n;
	}
	last->iov_len += cut; /* the next connection shall have the whole room */
	if (n == 0)
		vsock_conn_shutdown(conn, VSOCK_SHUTDOWN_SEND);
	return -EAGAIN;
}

/* The next packet of any connection. Answers go first: they are short and the guest may be waiting. */
static ssize_t send_next(struct vsock_mux *mux, struct services *services, struct vsock_header *header,
			 struct spans *room)
{
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		if (!vsock_conn_owes(&mux->conn[i]))
			continue;
		vsock_conn_answer(&mux->conn[i], header);
		return 0;
	}
	for (uint32_t i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		struct vsock_conn *conn = &mux->conn[(mux->turn + i) % VSOCK_CONNECTIONS_MAX];
		if (!wants_data(conn, services))
			continue;
		struct spans mine = *room;
		ssize_t n = send_data(conn, services, header, &mine);
		if (n > 0) {
			mux->turn = (mux->turn + i + 1) % VSOCK_CONNECTIONS_MAX;
			return n;
		}
		if (vsock_conn_owes(conn)) {
			vsock_conn_answer(conn, header);
			return 0;
		}
	}
	return -EAGAIN;
}

ssize_t vsock_mux_send(struct vsock_mux *mux, struct services *services, struct vsock_header *header,
		       struct spans *room)
{
	if (mux->resets) {
		answer_reset(mux, header);
		return 0;
	}
	ssize_t n = send_next(mux, services, header, room);
	if (n >= 0) {
		header->src_cid = WIRE_HOST_CID;
		header->dst_cid = mux->guest_cid;
	}
	return n;
}
