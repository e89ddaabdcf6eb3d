/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes over a TCP connection: the sender puts them into the receiver's queue, as far as both buffers allow.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"
#include <linux/eventpoll.h>

/* Bytes that may wait at the peer. */
static u32 window(const struct inet_sock *from, const struct inet_sock *to)
{
	const struct socket_options *a = &from->socket.options, *b = &to->socket.options;
	return (a->sndbuf_set ? a->sndbuf / 2 : TCP_BUFFER_BYTES) + (b->rcvbuf_set ? b->rcvbuf / 2 : TCP_BUFFER_BYTES);
}

static bool half_empty(const struct inet_sock *from, const struct inet_sock *to, u32 bytes)
{
	return bytes <= window(from, to) / 2;
}

bool tcp_has_room(const struct inet_sock *i)
{
	return !i->peer || i->peer->dead || half_empty(i, i->peer, i->peer->rx.bytes);
}

/* ---- sending ---- */

static bool can_send(const struct inet_sock *i)
{
	return (i->state == TCP_S_ESTABLISHED || i->state == TCP_S_CLOSE_WAIT) && !(i->shut & K_SHUT_WR) &&
	       !i->socket.error;
}

static int wait_room(struct inet_sock *i, const struct socket_timer *timer)
{
	int r = 0;
	if (i->state == TCP_S_SYN_SENT)
		r = socket_wait(&i->write_wait, i->state != TCP_S_SYN_SENT, timer);
	if (!r && can_send(i) && i->peer && !i->peer->dead && i->peer->rx.bytes >= window(i, i->peer))
		r = socket_wait(&i->write_wait, !can_send(i) || tcp_has_room(i), timer);
	if (r || can_send(i))
		return r;
	r = socket_take_error(&i->socket);
	return r ? r : -EPIPE;
}

/* Hands a packet to the peer, or learns that there is none any more. */
static void transmit(struct inet_sock *i, struct packet *p, bool urgent)
{
	struct inet_sock *peer = i->peer;
	u8 last = p->len ? p->data[p->offset + p->len - 1] : 0;
	i->bytes_sent += p->len;
	if (!peer || peer->dead) {
		packet_free(p);
		tcp_reset(i);
		return;
	}
	peer->bytes_received += p->len;
	packet_push_stream(&peer->rx, p);
	if (urgent)
		tcp_urgent_arrived(peer, last);
	wake_up(&peer->read_wait, EPOLLIN | EPOLLRDNORM);
}

static u32 chunk(const struct inet_sock *i, u64 left)
{
	u32 room = STREAM_CHUNK;
	if (i->peer && !i->peer->dead)
		room = MIN(room, window(i, i->peer) - i->peer->rx.bytes);
	return (u32)MIN((u64)room, left);
}

long tcp_sendmsg(struct socket *s, struct socket_msg *msg)
{
	struct inet_sock *i = inet_of(s);
	struct socket_timer timer = socket_send_timer(s, msg->flags);
	long sent = 0;
	int r = 0;
	if (msg->flags & K_MSG_FASTOPEN)
		return -EOPNOTSUPP;
	do {
		r = wait_room(i, &timer);
		if (r || !msg->uio->left)
			break;
		struct packet *p = packet_from_uio(msg->uio, chunk(i, msg->uio->left), false, &r);
		if (!p)
			break;
		if (!can_send(i)) { /* copying may have slept */
			packet_free(p);
			r = socket_take_error(s);
			r = r ? r : -EPIPE;
			break;
		}
		sent += p->len;
		transmit(i, p, (msg->flags & K_MSG_OOB) && !msg->uio->left);
	} while (msg->uio->left);
	if (sent || !r)
		return sent;
	return r == -EPIPE ? socket_broken_pipe(msg->flags) : r;
}

/* ---- receiving ---- */

struct tcp_read {
	struct inet_sock *i;
	struct socket_msg *msg;
	struct socket_timer timer;
	u64 target, left;
	u32 peek;
	long copied;
};

/* 0: go on; 1: the end of this call; -errno. */
static int wait_data(struct tcp_read *r)
{
	struct inet_sock *i = r->i;
	u32 seen = r->peek;
	if ((u64)r->copied >= r->target)
		return 1;
	if (r->copied && (i->socket.error || i->state == TCP_S_CLOSE || (i->shut & K_SHUT_RD)))
		return 1;
	if (i->fin_received)
		return 1;
	if (i->socket.error)
		return socket_take_error(&i->socket);
	if (i->shut & K_SHUT_RD)
		return 1;
	if (i->state == TCP_S_CLOSE)
		return -ENOTCONN;
	sleep_unlock(&i->read_lock);
	int error = socket_wait(
	    &i->read_wait, i->rx.bytes > seen || i->socket.error || (i->shut & K_SHUT_RD) || i->state == TCP_S_CLOSE,
	    &r->timer);
	sleep_lock(&i->read_lock);
	return error;
}

static struct packet *packet_at(const struct packet_queue *q, u32 *skip)
{
	struct packet *p;
	list_for_each (p, &q->packets, link) {
		if (*skip < p->len)
			return p;
		*skip -= p->len;
	}
	return NULL;
}

static void drained(struct inet_sock *i, u32 bytes)
{
	struct inet_sock *peer = i->peer;
	if (peer && !half_empty(peer, i, bytes) && half_empty(peer, i, i->rx.bytes))
		wake_up(&peer->write_wait, EPOLLOUT | EPOLLWRNORM);
}

/* n bytes are done with: taken out, or passed over by a look at what comes. */
static void advance(struct tcp_read *r, struct packet *p, u32 n)
{
	struct inet_sock *i = r->i;
	u32 bytes = i->rx.bytes;
	if (r->msg->flags & K_MSG_PEEK) {
		r->peek += n;
		return;
	}
	packet_consume(&i->rx, p, n);
	if (!p->len) {
		packet_unlink(&i->rx, p);
		packet_free(p);
	}
	tcp_urgent_passed(i);
	drained(i, bytes);
}

static int read_packet(struct tcp_read *r, struct packet *p, u32 skip)
{
	struct inet_sock *i = r->i;
	u32 want = tcp_before_mark(i, r->peek, (u32)MIN((u64)(p->len - skip), r->left)), n = want;
	if (want && tcp_at_mark(i, r->peek)) {
		if (r->copied)
			return 1;
		if (!i->socket.options.oobinline) {
			advance(r, p, 1);
			return 0;
		}
	}
	if (!(r->msg->flags & K_MSG_TRUNC)) /* with it, bytes are thrown away (tcp(7)) */
		n = (u32)uio_copy_to(r->msg->uio, p->data + p->offset + skip, want);
	if (!n && want)
		return r->copied ? 1 : -EFAULT;
	r->copied += n;
	r->left -= n;
	advance(r, p, n);
	return n < want;
}

long tcp_recvmsg(struct socket *s, struct socket_msg *msg)
{
	struct inet_sock *i = inet_of(s);
	struct tcp_read r = {.i = i, .msg = msg, .timer = socket_receive_timer(s, msg->flags), .left = msg->uio->left};
	int end = 0;
	msg->name_len = 0;
	if (msg->flags & K_MSG_ERRQUEUE)
		return -EAGAIN;
	if (i->state == TCP_S_LISTEN)
		return -ENOTCONN;
	if (msg->flags & K_MSG_OOB)
		return tcp_recv_urgent(i, msg);
	r.target = msg->flags & K_MSG_WAITALL ? r.left : MIN(r.left, (u64)s->options.rcvlowat);
	r.target = MAX(r.target, 1u);
	sleep_lock(&i->read_lock);
	do {
		u32 skip = r.peek;
		struct packet *p = packet_at(&i->rx, &skip);
		end = p ? read_packet(&r, p, skip) : wait_data(&r);
	} while (!end && r.left);
	sleep_unlock(&i->read_lock);
	return r.copied || end >= 0 ? r.copied : end;
}
