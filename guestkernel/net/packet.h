/* SPDX-License-Identifier: Apache-2.0
 *
 * What waits in a socket to be received: packets, each a run of bytes with what came along. Streams merge and split
 * them, datagram sockets keep their borders.
 */
#ifndef GUESTKERNEL_NET_PACKET_H
#define GUESTKERNEL_NET_PACKET_H

#include "guestkernel/list.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/net/socket_abi.h"

struct page;
struct scm_files;
struct unix_name;

#define STREAM_CHUNK 65536u /* bytes of the largest packet that a stream makes */

struct packet {
	struct list link;
	u8 *data;	       /* room bytes: behind this structure, or a block of frames */
	u32 offset, len, room; /* not received yet: data[offset, offset + len) */
	struct page *block;
	u64 wall_ns; /* arrival */
	bool has_cred;
	struct k_ucred cred;	 /* AF_UNIX: the sender */
	struct scm_files *files; /* AF_UNIX: descriptors that travel with the first byte */
	union {
		struct unix_name *unix_from;
		struct {
			u8 from[16], to[16]; /* IPv6 form */
			u16 from_port;
			u8 hops, traffic_class;
			u32 serial;
		} inet;
	};
	u8 inline_data[];
};

struct packet_queue {
	struct list packets;
	u32 bytes, count;
};

void packet_queue_init(struct packet_queue *q);
/* A packet with room for len bytes (at most 1 MiB), len set, contents undefined; NULL: no memory. whole false: the
 * packet may come out smaller when no such block of memory is free. */
struct packet *packet_alloc(u32 len, bool whole);
/* Frees a packet, its descriptors included. unix_from is the family's to drop before. */
void packet_free(struct packet *p);
/* Adds at the end. */
void packet_push(struct packet_queue *q, struct packet *p);
/* The same for streams: a small one without descriptors goes into free room of the last packet from the same sender. */
void packet_push_stream(struct packet_queue *q, struct packet *p);
struct packet *packet_first(const struct packet_queue *q); /* or NULL */
/* Takes n bytes off the front of the first packet, without freeing it. */
void packet_consume(struct packet_queue *q, struct packet *p, u32 n);
/* Takes a packet out. */
void packet_unlink(struct packet_queue *q, struct packet *p);
/* Drops everything. */
void packet_queue_purge(struct packet_queue *q);
/* Creates a packet with up to n bytes of uio: less when memory is short or at a fault. NULL with *error. */
struct packet *packet_from_uio(struct uio *uio, u32 n, bool whole, int *error);

#endif
