/* SPDX-License-Identifier: Apache-2.0
 *
 * A minimal vsock driver and the whole device around it, for tests: guest memory, the three queues, sending and
 * receiving packets. Receive chains are a 44-byte header descriptor and a page-aligned data descriptor.
 */
#ifndef TESTS_MINI_DRIVER_H
#define TESTS_MINI_DRIVER_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "abi/wire.h"
#include "runner/vsock.h"
#include "tests/unit/guest_ring.h"

#define DRIVER_MEMORY	  (8u << 20)
#define DRIVER_RX_CHAINS  8u
#define DRIVER_RX_BYTES	  65536u /* of data in one receive chain, unless the test says otherwise */
#define DRIVER_RX_HEADERS 0x40000u
#define DRIVER_RX_DATA	  0x100000u
#define DRIVER_TX	  0x600000u /* transmit buffers, one packet after another */
#define DRIVER_TX_BYTES	  0x40000u
#define DRIVER_BUFFER	  (1u << 20) /* receive buffer that the driver advertises */

struct driver {
	struct guest_memory memory;
	bool own_memory;
	struct boot_queue queue[VSOCK_QUEUES];
	struct ring ring[VSOCK_QUEUES];
	struct loop loop;
	struct services services;
	struct vsock vsock;
	uint32_t rx_bytes;
	int raised[2]; /* by enum vsock_cause */
	int reports;
	struct vsock_header header; /* of the last packet received */
	uint8_t *payload;	    /* of it, in guest memory */
	uint32_t forwarded;	    /* fwd_cnt for the packets that the driver sends */
	uint32_t buffer;	    /* buf_alloc for them */
};

static void driver_raise(void *context, enum vsock_cause cause)
{
	((struct driver *)context)->raised[cause]++;
}

static void driver_reported(void *context)
{
	((struct driver *)context)->reports++;
}

static void driver_wake(void *context, uint32_t events)
{
	(void)events;
	vsock_work(&((struct driver *)context)->vsock);
}

static inline void driver_post(struct driver *d, uint16_t chain)
{
	struct ring *rx = &d->ring[VSOCK_RX];
	uint64_t header = DRIVER_RX_HEADERS + chain * 64u, data = DRIVER_RX_DATA + (uint64_t)chain * DRIVER_RX_BYTES;
	ring_set(rx, 2 * chain, header, VSOCK_HEADER_BYTES, RING_F_WRITE | RING_F_NEXT, 2 * chain + 1);
	ring_set(rx, 2 * chain + 1, data, d->rx_bytes, RING_F_WRITE, 0);
	ring_offer(rx, 2 * chain);
}

/* memory: guest memory of DRIVER_MEMORY bytes with zeroed queues, or NULL for fresh one, which driver_close frees. */
static inline void driver_open_in(struct driver *d, const struct services_config *config,
				  const struct guest_memory *memory)
{
	struct error error;
	memset(d, 0, sizeof(*d));
	signal(SIGPIPE, SIG_IGN);
	alarm(60); /* a test that hangs fails */
	d->own_memory = !memory;
	d->memory = memory ? *memory : ring_memory(DRIVER_MEMORY);
	d->rx_bytes = DRIVER_RX_BYTES;
	d->buffer = DRIVER_BUFFER;
	for (int i = 0; i < VSOCK_QUEUES; i++) {
		uint64_t base = BOOT_QUEUE_GPA + i * 0x3000u;
		d->queue[i] = (struct boot_queue){
		    .desc = base, .driver = base + 0x1000, .device = base + 0x2000, .size = VSOCK_QUEUE_SIZE};
		d->ring[i] = (struct ring){.memory = &d->memory, .base = base, .size = VSOCK_QUEUE_SIZE};
	}
	struct vsock_config device = {.guest_cid = WIRE_GUEST_CID,
				      .memory = &d->memory,
				      .services = &d->services,
				      .loop = &d->loop,
				      .raise = driver_raise,
				      .reported = driver_reported,
				      .context = d};
	if (loop_init(&d->loop, driver_wake, d, &error) || services_init(&d->services, config, &error) ||
	    vsock_init(&d->vsock, &device, &error)) {
		fprintf(stderr, "set-up: %s\n", error.text);
		abort();
	}
}

static inline void driver_open(struct driver *d, const struct services_config *config)
{
	driver_open_in(d, config, NULL);
}

/* Hands the queues over, with all receive chains posted. */
static inline void driver_start(struct driver *d)
{
	if (vsock_handover(&d->vsock, d->queue, NULL))
		abort();
	for (uint16_t i = 0; i < DRIVER_RX_CHAINS; i++)
		driver_post(d, i);
}

static inline void driver_close(struct driver *d)
{
	vsock_close(&d->vsock);
	services_close(&d->services);
	loop_close(&d->loop);
	if (d->own_memory)
		ring_memory_free(&d->memory);
}

static inline struct vsock_header driver_header(const struct driver *d, uint16_t op, uint32_t src, uint32_t dst,
						uint32_t len)
{
	return (struct vsock_header){.src_cid = WIRE_GUEST_CID,
				     .dst_cid = WIRE_HOST_CID,
				     .src_port = src,
				     .dst_port = dst,
				     .len = len,
				     .type = VSOCK_TYPE_STREAM,
				     .op = op,
				     .buf_alloc = d->buffer,
				     .fwd_cnt = d->forwarded};
}

/* Makes a packet available without a notification; bytes: what the descriptor says, whatever the header says. */
static inline void driver_queue(struct driver *d, const struct vsock_header *header, const void *payload,
				uint32_t bytes)
{
	struct ring *tx = &d->ring[VSOCK_TX];
	uint16_t i = tx->avail_idx % 8;
	uint64_t at = DRIVER_TX + i * (uint64_t)DRIVER_TX_BYTES;
	memcpy(d->memory.base + at, header, sizeof(*header));
	if (payload)
		memcpy(d->memory.base + at + sizeof(*header), payload, bytes);
	ring_set(tx, i, at, (uint32_t)sizeof(*header) + bytes, 0, 0);
	ring_offer(tx, i);
}

static inline void driver_send(struct driver *d, uint16_t op, uint32_t src, uint32_t dst, const void *payload,
			       uint32_t len)
{
	struct vsock_header header = driver_header(d, op, src, dst, len);
	driver_queue(d, &header, payload, len);
	vsock_notify(&d->vsock, VSOCK_TX);
}

static inline void driver_send_flags(struct driver *d, uint16_t op, uint32_t src, uint32_t dst, uint32_t flags)
{
	struct vsock_header header = driver_header(d, op, src, dst, 0);
	header.flags = flags;
	driver_queue(d, &header, NULL, 0);
	vsock_notify(&d->vsock, VSOCK_TX);
}

/* Takes the next used receive chain into d->header and d->payload; false when there is none. The chain is posted
 * again. */
static inline bool driver_receive(struct driver *d)
{
	struct ring *rx = &d->ring[VSOCK_RX];
	if (ring_used_idx(rx) == rx->used_seen)
		return false;
	uint16_t head = (uint16_t)ring_used_elem(rx, rx->used_seen++).id;
	memcpy(&d->header, d->memory.base + ring_desc(rx, head)->addr, sizeof(d->header));
	d->payload = d->memory.base + ring_desc(rx, head + 1)->addr;
	driver_post(d, head / 2);
	return true;
}

/* The next packet must be this one, on the connection between these ports. */
static inline bool driver_expect(struct driver *d, uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	if (!driver_receive(d))
		return false;
	return d->header.op == op && d->header.src_port == host_port && d->header.dst_port == guest_port &&
	       d->header.src_cid == WIRE_HOST_CID && d->header.dst_cid == WIRE_GUEST_CID &&
	       d->header.type == VSOCK_TYPE_STREAM;
}

static inline bool driver_connect(struct driver *d, uint32_t src, uint32_t dst)
{
	driver_send(d, VSOCK_OP_REQUEST, src, dst, NULL, 0);
	return driver_expect(d, VSOCK_OP_RESPONSE, src, dst);
}

#endif
