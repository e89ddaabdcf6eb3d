/* SPDX-License-Identifier: Apache-2.0
 *
 * How a TCP connection begins: connect, listen, accept. The handshake takes no time, unless the listener's queue is
 * full: then the client waits in SYN_SENT until there is room.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/net/inet.h"
#include <linux/eventpoll.h>

#define CONNECTED_SNDBUF 2626560u /* bytes: what Linux shows for a connection over loopback */

static bool backlog_full(const struct inet_sock *l)
{
	return l->pending_count > l->backlog;
}

static void now_connected(struct inet_sock *i, struct inet_sock *peer)
{
	inet_get(peer);
	i->peer = peer;
	i->state = TCP_S_ESTABLISHED;
	i->joined = true;
	if (!i->socket.options.sndbuf_set)
		i->socket.options.sndbuf = CONNECTED_SNDBUF;
}

/* The server's end of a connection. */
static struct inet_sock *make_child(struct inet_sock *l, struct inet_sock *client)
{
	struct inet_sock *child = inet_alloc(l->socket.ops, l->socket.family, l->socket.type, l->socket.protocol);
	if (!child)
		return NULL;
	child->socket.options = l->socket.options;
	memcpy(child->option, l->option, sizeof(child->option));
	child->v6only = l->v6only;
	child->uid = l->uid;
	child->local = client->remote;
	child->remote = client->local;
	port_share(child);
	return child;
}

static void establish(struct inet_sock *l, struct inet_sock *client)
{
	struct inet_sock *child = make_child(l, client);
	if (!child) {
		client->state = TCP_S_SYN_SENT;
		tcp_reset(client);
		return;
	}
	now_connected(client, child);
	now_connected(child, client);
	list_append(&l->pending, &child->pending_link);
	l->pending_count++;
	wake_up_one(&l->read_wait, EPOLLIN | EPOLLRDNORM);
	tcp_wake(client, EPOLLOUT | EPOLLWRNORM);
}

/* ---- the listener ---- */

int tcp_listen(struct socket *s, int backlog)
{
	struct inet_sock *i = inet_of(s);
	u32 limit = MIN((u32)backlog, SOCKET_BACKLOG_LIMIT);
	if (i->state == TCP_S_LISTEN) {
		i->backlog = limit;
		return 0;
	}
	if (i->state != TCP_S_CLOSE || i->joined || i->attempted)
		return -EINVAL;
	int r = i->local.port ? 0 : port_bind(i, 0);
	if (r)
		return r;
	if (!port_may_listen(i))
		return -EADDRINUSE;
	i->state = TCP_S_LISTEN;
	i->shut = 0;
	i->backlog = limit;
	return 0;
}

void tcp_leave_queue(struct inet_sock *i)
{
	struct inet_sock *l = i->listener;
	i->listener = NULL;
	list_remove(&i->pending_link);
	if (l)
		inet_put(l);
}

void tcp_stop_listening(struct inet_sock *i)
{
	i->state = TCP_S_CLOSE;
	while (!list_empty(&i->syn_queue)) {
		struct inet_sock *client = list_first(&i->syn_queue, struct inet_sock, pending_link);
		inet_get(client);
		tcp_leave_queue(client);
		tcp_reset(client);
		inet_put(client);
	}
	while (!list_empty(&i->pending)) {
		struct inet_sock *child = list_first(&i->pending, struct inet_sock, pending_link);
		list_remove(&child->pending_link);
		i->pending_count--;
		tcp_close(child, true);
	}
	if (!i->port_locked)
		port_release(i);
	tcp_wake(i, EPOLLIN | EPOLLHUP);
}

int tcp_accept(struct socket *s, struct socket **out)
{
	struct inet_sock *i = inet_of(s);
	struct socket_timer timer = socket_receive_timer(s, 0);
	if (i->state != TCP_S_LISTEN)
		return -EINVAL;
	int r = socket_wait(&i->read_wait, i->pending_count || i->state != TCP_S_LISTEN, &timer);
	if (r)
		return r;
	if (!i->pending_count)
		return -EINVAL;
	struct inet_sock *child = list_first(&i->pending, struct inet_sock, pending_link);
	list_remove(&child->pending_link);
	i->pending_count--;
	if (!list_empty(&i->syn_queue) && !backlog_full(i)) {
		struct inet_sock *client = list_first(&i->syn_queue, struct inet_sock, pending_link);
		tcp_leave_queue(client); /* its file keeps the client, ours the listener */
		establish(i, client);
	}
	*out = &child->socket;
	return 0;
}

/* ---- the client ---- */

static int disconnect(struct inet_sock *i)
{
	if (i->state == TCP_S_LISTEN)
		tcp_stop_listening(i);
	else if (i->state == TCP_S_SYN_SENT)
		tcp_leave_queue(i);
	else if (i->peer && !i->peer->dead)
		tcp_reset(i->peer);
	if (i->peer)
		inet_put(i->peer);
	i->peer = NULL;
	i->state = TCP_S_CLOSE;
	i->shut = 0;
	i->attempted = i->joined = i->fin_sent = i->fin_received = i->fin_first = false;
	i->socket.error = 0;
	i->remote.port = 0;
	if (!i->addr_locked)
		i->local.addr = i->socket.family == K_AF_INET ? inet_any4 : inet_any6;
	if (!i->port_locked)
		port_release(i);
	sleep_lock(&i->read_lock);
	packet_queue_purge(&i->rx);
	sleep_unlock(&i->read_lock);
	tcp_wake(i, EPOLLIN | EPOLLOUT | EPOLLHUP);
	return 0;
}

/* Chooses the local end; then everything that can be wrong with the call has been found. */
static int prepare(struct inet_sock *i, const void *addr, u32 len, struct inet_end *to)
{
	struct inet_addr source;
	int r = inet_parse(i->socket.family, false, addr, len, to);
	if (r)
		return r;
	r = inet_route(i, &to->addr, &source);
	if (r)
		return r;
	struct inet_addr before = i->local.addr;
	i->local.addr = source;
	r = inet_autobind(i, to);
	if (r) {
		i->local.addr = before;
		return r;
	}
	i->remote = *to;
	return 0;
}

static void refuse(struct inet_sock *i)
{
	i->state = TCP_S_SYN_SENT;
	tcp_reset(i);
	i->remote.port = 0;
	if (!i->addr_locked)
		i->local.addr = i->socket.family == K_AF_INET ? inet_any4 : inet_any6;
}

static int start(struct inet_sock *i, const void *addr, u32 len)
{
	struct inet_end to;
	int r = prepare(i, addr, len, &to);
	if (r)
		return r;
	i->attempted = true;
	i->shut = 0;
	struct inet_sock *l = port_find_listener(&to, &i->local);
	if (!l || l == i) {
		refuse(i);
	} else if (backlog_full(l)) {
		i->state = TCP_S_SYN_SENT;
		inet_get(l);
		i->listener = l;
		list_append(&l->syn_queue, &i->pending_link);
	} else {
		establish(l, i);
	}
	return 0;
}

/* Tells the result of an attempt once. */
static int result(struct inet_sock *i)
{
	i->attempted = false;
	if (i->joined)
		return 0;
	int r = socket_take_error(&i->socket);
	return r ? r : -ECONNABORTED;
}

int tcp_connect(struct socket *s, const void *addr, u32 len)
{
	struct inet_sock *i = inet_of(s);
	struct socket_timer timer = socket_send_timer(s, 0);
	bool first = !i->attempted;
	u16 family;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == K_AF_UNSPEC)
		return disconnect(i);
	if (first) {
		if (i->joined || i->state == TCP_S_LISTEN)
			return -EISCONN;
		int r = start(i, addr, len);
		if (r)
			return r;
		if (timer.nonblock)
			return -EINPROGRESS;
	} else if (timer.nonblock && i->state == TCP_S_SYN_SENT) {
		return -EALREADY;
	}
	int r = socket_wait(&i->write_wait, i->state != TCP_S_SYN_SENT, &timer);
	if (r)
		return r == -EAGAIN ? (first ? -EINPROGRESS : -EALREADY) : r;
	return result(i);
}
