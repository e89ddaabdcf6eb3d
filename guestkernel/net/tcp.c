/* SPDX-License-Identifier: Apache-2.0
 *
 * States of a TCP connection (RFC 9293) as its two sockets see them: how it ends, and what poll tells.
 */
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>
#include <linux/tcp.h>

#define ALL_EVENTS (EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLHUP | EPOLLOUT | EPOLLWRNORM)

void tcp_wake(struct inet_sock *i, u32 events)
{
	wake_up(&i->read_wait, events);
	wake_up(&i->write_wait, events);
}

/* The connection is over for this end; what it has received can still be read. */
static void done(struct inet_sock *i)
{
	i->state = TCP_S_CLOSE;
	i->shut = K_SHUT_BOTH;
	if (!i->port_locked && i->local.port && !i->dead && !i->joined)
		port_release(i);
}

static void drop_peer(struct inet_sock *i)
{
	struct inet_sock *peer = i->peer;
	i->peer = NULL;
	if (peer)
		inet_put(peer);
}

void tcp_reset(struct inet_sock *i)
{
	if (i->state == TCP_S_CLOSE)
		return;
	if (i->state == TCP_S_SYN_SENT)
		i->socket.error = ECONNREFUSED;
	else
		i->socket.error = i->state == TCP_S_CLOSE_WAIT ? EPIPE : ECONNRESET;
	done(i);
	drop_peer(i);
	tcp_wake(i, ALL_EVENTS | EPOLLERR);
}

static void receive_fin(struct inet_sock *i)
{
	if (i->state == TCP_S_CLOSE || i->fin_received)
		return;
	i->fin_received = true;
	i->shut |= K_SHUT_RD;
	if (i->fin_sent)
		done(i);
	else
		i->state = TCP_S_CLOSE_WAIT;
	tcp_wake(i, EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | (i->fin_sent ? EPOLLHUP : 0));
}

static void send_fin(struct inet_sock *i)
{
	struct inet_sock *peer = i->peer;
	if (i->fin_sent || i->state == TCP_S_CLOSE)
		return;
	i->fin_sent = true;
	i->fin_first = !i->fin_received;
	if (i->fin_received)
		done(i);
	else
		i->state = TCP_S_FIN_WAIT2; /* the acknowledgement is there at once */
	if (peer && !peer->dead)
		receive_fin(peer);
}

/* close(2) of a connection: a reset when data was lost or the program wants it so, else the orderly end. */
static void close_connection(struct inet_sock *i, bool embryo)
{
	const struct socket_options *o = &i->socket.options;
	bool abort = embryo || i->rx.bytes || (o->linger && !o->linger_seconds);
	struct inet_sock *peer = i->peer;
	if (i->state == TCP_S_CLOSE)
		abort = false;
	if (abort) {
		i->state = TCP_S_CLOSE;
		if (peer && !peer->dead)
			tcp_reset(peer);
	} else {
		send_fin(i);
		if (i->fin_first)
			port_time_wait(i);
	}
	drop_peer(i);
}

void tcp_close(struct inet_sock *i, bool embryo)
{
	i->dead = true;
	if (i->state == TCP_S_LISTEN)
		tcp_stop_listening(i);
	else if (i->state == TCP_S_SYN_SENT)
		tcp_leave_queue(i);
	else
		close_connection(i, embryo);
	i->state = TCP_S_CLOSE;
	port_release(i);
	packet_queue_purge(&i->rx);
	i->socket.file = NULL;
	inet_put(i);
}

static void tcp_release(struct socket *s)
{
	tcp_close(inet_of(s), false);
}

static int tcp_shutdown(struct socket *s, int how)
{
	struct inet_sock *i = inet_of(s);
	u32 mask = (u32)how + 1;
	if (how < 0 || how > 2)
		return -EINVAL;
	switch (i->state) {
	case TCP_S_CLOSE:
		return -ENOTCONN;
	case TCP_S_LISTEN:
		if (mask & K_SHUT_RD)
			tcp_stop_listening(i);
		break;
	case TCP_S_SYN_SENT:
		tcp_leave_queue(i);
		i->state = TCP_S_CLOSE;
		i->attempted = false;
		break;
	default:
		i->shut |= mask;
		if (mask & K_SHUT_WR)
			send_fin(i);
	}
	tcp_wake(i, ALL_EVENTS);
	return 0;
}

/* ---- readiness ---- */

static u32 tcp_poll(struct socket *s, struct poll_table *table)
{
	struct inet_sock *i = inet_of(s);
	u32 events = 0;
	if (table) {
		poll_wait(table, &i->read_wait);
		poll_wait(table, &i->write_wait);
	}
	if (i->state == TCP_S_LISTEN)
		return i->pending_count ? EPOLLIN | EPOLLRDNORM : 0;
	if (i->shut == K_SHUT_BOTH || i->state == TCP_S_CLOSE)
		events |= EPOLLHUP;
	if (i->shut & K_SHUT_RD)
		events |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (i->state != TCP_S_SYN_SENT) {
		u32 bytes = i->rx.bytes - (tcp_at_mark(i, 0) && !s->options.oobinline); /* the urgent one is no data */
		if (i->urgent == TCP_URGENT_VALID)
			events |= EPOLLPRI;
		if (bytes && (bytes >= i->socket.options.rcvlowat || (i->shut & K_SHUT_RD)))
			events |= EPOLLIN | EPOLLRDNORM;
		if ((i->shut & K_SHUT_WR) || tcp_has_room(i))
			events |= EPOLLOUT | EPOLLWRNORM;
	}
	if (s->error)
		events |= EPOLLERR;
	return events;
}

static long tcp_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *i = inet_of(s);
	int n = 0;
	switch (cmd) {
	case FIONREAD:
		if (i->state == TCP_S_LISTEN)
			return -EINVAL;
		n = (int)tcp_urgent_inq(i);
		return put_user(user(arg), n);
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		if (i->state == TCP_S_LISTEN)
			return -EINVAL;
		return put_user(user(arg), n); /* the peer has acknowledged all of it */
	case SIOCATMARK:
		n = tcp_at_mark(i, 0);
		return put_user(user(arg), n);
	default:
		return interface_ioctl(cmd, arg);
	}
}

u32 tcp_info(const struct inet_sock *i, void *info, u32 room)
{
	struct tcp_info t = {0};
	t.tcpi_state = (u8)i->state;
	t.tcpi_options = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE;
	t.tcpi_snd_wscale = t.tcpi_rcv_wscale = 7;
	t.tcpi_rto = 200000;
	t.tcpi_ato = 40000;
	t.tcpi_snd_mss = t.tcpi_rcv_mss = t.tcpi_advmss = 65483;
	t.tcpi_pmtu = INTERFACE_MTU;
	t.tcpi_rtt = 20;
	t.tcpi_rttvar = 10;
	t.tcpi_snd_ssthresh = 0x7fffffff;
	t.tcpi_rcv_ssthresh = t.tcpi_rcv_space = 65483;
	t.tcpi_snd_cwnd = 10;
	t.tcpi_reordering = 3;
	t.tcpi_bytes_acked = i->bytes_sent;
	t.tcpi_bytes_received = i->bytes_received;
	if (i->state == TCP_S_LISTEN) { /* the queue of connections, as on Linux */
		t.tcpi_unacked = i->pending_count;
		t.tcpi_sacked = i->backlog;
	}
	room = MIN(room, (u32)sizeof(t));
	memcpy(info, &t, room);
	return room;
}

const struct socket_ops tcp_ops = {
    .connect = tcp_connect,
    .bind = inet_bind,
    .listen = tcp_listen,
    .accept = tcp_accept,
    .getname = inet_getname,
    .sendmsg = tcp_sendmsg,
    .recvmsg = tcp_recvmsg,
    .shutdown = tcp_shutdown,
    .setsockopt = inet_setsockopt,
    .getsockopt = inet_getsockopt,
    .poll = tcp_poll,
    .ioctl = tcp_ioctl,
    .release = tcp_release,
};
