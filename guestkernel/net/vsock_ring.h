/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets to and from the vsock device, for the sockets (vsock.c, vsock_data.c). Kernel lock held in all of it.
 */
#ifndef GUESTKERNEL_NET_VSOCK_RING_H
#define GUESTKERNEL_NET_VSOCK_RING_H

#include "guestkernel/drv/vring.h"
#include "guestkernel/net/vsock_packet.h"

struct page;

#define RX_ORDER  4
#define RX_PAGES  (1u << RX_ORDER)
#define RX_BLOCK  (PAGE_SIZE << RX_ORDER)
#define TX_PIECES 34 /* header + pages of one packet */

/* Queues one packet: header and payload pieces[1..count), count up to TX_PIECES; `copied` is the page with the
 * payload's copy, of which the ring takes a reference, or NULL. pieces[0] is the ring's. False: no room. */
bool vsock_ring_send(const struct vsock_header *header, struct vring_piece *pieces, unsigned count,
		     struct page *copied);
/* Frees what the device has sent. */
void vsock_ring_reclaim(void);
/* So many copied bytes wait for the device that vsock_flush() is due. */
bool vsock_ring_full(void);
/* Notifies the device and waits until it has taken all packets. May sleep. */
void vsock_ring_finish(void);

/* A block for a receive buffer; NULL: no memory. */
struct page *vsock_ring_alloc_block(void);
/* The block of RX_BLOCK bytes (a block of order RX_ORDER) with the payload of a receive buffer. */
struct page *vsock_ring_block(unsigned buffer);
/* The buffer's block is kept by the caller: `fresh`, of the same order, takes its place. */
void vsock_ring_replace_block(unsigned buffer, struct page *fresh);

/* vsock.c: a packet has come; its payload, header->len bytes, is in the buffer until this returns. Does not sleep. */
void vsock_receive(const struct vsock_header *header, unsigned buffer);

#endif
