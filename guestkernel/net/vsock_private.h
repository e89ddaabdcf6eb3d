/* SPDX-License-Identifier: Apache-2.0
 *
 * One AF_VSOCK socket, for its two files: vsock.c has the connection's state, vsock_data.c its bytes.
 */
#ifndef GUESTKERNEL_NET_VSOCK_PRIVATE_H
#define GUESTKERNEL_NET_VSOCK_PRIVATE_H

#include "guestkernel/net/socket.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/net/vsock_ring.h"
#include "guestkernel/proc/sched.h"

#define RECEIVE_BUFFER (1u << 20) /* credit that each connection gives the host */

enum vsock_state { NEW, CONNECTING, CONNECTED, CLOSED };

struct vsock {
	struct socket socket;
	struct list link;
	enum vsock_state state;
	u32 local_port, peer_port;
	int error;
	bool eof;	/* the peer sends no more */
	bool peer_deaf; /* the peer receives no more */
	bool shut_send, shut_receive;
	bool fifo;
	bool quiet;	/* not counted in vsock_news */
	struct list rx; /* struct segment, vsock_data.c */
	u32 rx_bytes;
	u32 forwarded, forwarded_told;
	u32 sent, peer_buffer, peer_forwarded;
	struct wait_queue wait;
};

static inline struct vsock *vsock_of(struct socket *s)
{
	return container_of(s, struct vsock, socket);
}

/* Sleeps until cond, looking at the device first. */
#define vsock_wait_for(v, cond)                                                                                        \
	({                                                                                                             \
		int wait_for_result = 0;                                                                               \
		if (!(cond))                                                                                           \
			vsock_poll();                                                                                  \
		if (!(cond))                                                                                           \
			wait_for_result = wait_event_interruptible(&(v)->wait, cond, 0);                               \
		wait_for_result;                                                                                       \
	})

/* Queues a packet of the connection; pieces, count and copied as in vsock_ring_send(), with `bytes` of payload. */
bool vsock_send_packet(struct vsock *v, u16 op, u32 flags, struct vring_piece *pieces, unsigned count, u32 bytes,
		       struct page *copied);
/* Queues a packet without payload. */
void vsock_send_control(struct vsock *v, u16 op, u32 flags);
/* The connection is over, for this reason (errno, 0: in order). */
void vsock_closed(struct vsock *v, int error);

/* Bytes that the peer has room for. */
u32 vsock_credit(const struct vsock *v);
/* The payload of a receive buffer joins the queue. */
void vsock_receive_data(struct vsock *v, unsigned buffer, u32 len);
/* Frees the queue. */
void vsock_drop_data(struct vsock *v);
long vsock_sendmsg(struct socket *s, struct socket_msg *msg);
long vsock_recvmsg(struct socket *s, struct socket_msg *msg);
long vsock_splice_read(struct socket *s, struct pipe *pipe, size_t len, u32 flags);

#endif
