/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections of AF_UNIX sockets.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/net/scm.h"
#include "guestkernel/net/unix.h"
#include <linux/eventpoll.h>

/* ---- datagram ---- */

void unix_disconnect(struct unix_sock *u)
{
	struct unix_sock *peer = u->peer;
	list_remove(&u->sender_link);
	u->peer = NULL;
	if (peer)
		unix_put(peer);
}

static int connect_dgram(struct unix_sock *u, const void *addr, u32 len)
{
	struct unix_sock *other;
	u16 family = 0;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == K_AF_UNSPEC) {
		unix_disconnect(u);
		u->state = UNIX_CLOSED;
		wake_up(&u->write_wait, EPOLLOUT | EPOLLWRNORM);
		return 0;
	}
	if (u->socket.options.passcred && !u->name) {
		int r = unix_autobind(u);
		if (r)
			return r;
	}
	int r = unix_find(addr, len, K_SOCK_DGRAM, &other);
	if (r)
		return r;
	if (other->peer && other->peer != u) { /* it talks with somebody else only */
		unix_put(other);
		return -EPERM;
	}
	unix_disconnect(u);
	u->peer = other; /* unix_find's reference */
	list_append(&other->senders, &u->sender_link);
	u->state = UNIX_CONNECTED;
	wake_up(&u->write_wait, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

/* ---- stream, seqpacket ---- */

static void join(struct unix_sock *a, struct unix_sock *b)
{
	unix_get(a);
	unix_get(b);
	a->peer = b;
	b->peer = a;
	a->peer_cred = b->cred;
	b->peer_cred = a->cred;
	a->has_peer_cred = b->has_peer_cred = true;
	a->state = b->state = UNIX_CONNECTED;
}

static bool backlog_full(const struct unix_sock *listener)
{
	return listener->pending_count > listener->backlog;
}

/* Waits until the listener of this address has room for a connection; *out has a reference. */
static int find_listener(struct unix_sock *u, const void *addr, u32 len, struct unix_sock **out)
{
	struct socket_timer timer = socket_send_timer(&u->socket, 0);
	for (;;) {
		struct unix_sock *l;
		int r = unix_find(addr, len, u->socket.type, &l);
		if (r)
			return r;
		if (l->state != UNIX_LISTENING || (l->shut & K_SHUT_RD)) {
			unix_put(l);
			return -ECONNREFUSED;
		}
		if (!backlog_full(l)) {
			*out = l;
			return 0;
		}
		r = socket_wait(&l->room_wait, !backlog_full(l) || l->state != UNIX_LISTENING, &timer);
		unix_put(l);
		if (r)
			return r;
	}
}

static int may_connect(const struct unix_sock *u)
{
	return u->state == UNIX_CLOSED && !u->peer ? 0 : u->state == UNIX_LISTENING ? -EINVAL : -EISCONN;
}

static int connect_stream(struct unix_sock *u, const void *addr, u32 len)
{
	struct unix_sock *l, *embryo;
	int r = u->socket.options.passcred ? unix_autobind(u) : 0;
	if (!r)
		r = find_listener(u, addr, len, &l);
	if (r)
		return r;
	r = may_connect(u);
	embryo = r ? NULL : unix_alloc(u->socket.type);
	if (!embryo) {
		unix_put(l);
		return r ? r : -ENOMEM;
	}
	embryo->name = unix_name_get(l->name);
	embryo->cred = l->cred;
	embryo->socket.options = l->socket.options;
	embryo->socket.options.receive_timeout_ns = embryo->socket.options.send_timeout_ns = 0;
	u->cred = scm_own_cred();
	join(u, embryo);
	list_append(&l->pending, &embryo->pending_link);
	l->pending_count++;
	wake_up_one(&l->read_wait, EPOLLIN | EPOLLRDNORM);
	wake_up(&u->write_wait, EPOLLOUT | EPOLLWRNORM);
	unix_put(l);
	return 0;
}

int unix_connect(struct socket *s, const void *addr, u32 len)
{
	struct unix_sock *u = unix_of(s);
	return s->type == K_SOCK_DGRAM ? connect_dgram(u, addr, len) : connect_stream(u, addr, len);
}

int unix_listen(struct socket *s, int backlog)
{
	struct unix_sock *u = unix_of(s);
	if (s->type == K_SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!u->name || u->state == UNIX_CONNECTED || u->peer)
		return -EINVAL;
	u->backlog = (u32)backlog > SOCKET_BACKLOG_LIMIT ? SOCKET_BACKLOG_LIMIT : (u32)backlog;
	u->state = UNIX_LISTENING;
	u->cred = scm_own_cred();
	wake_up(&u->room_wait, 0);
	return 0;
}

int unix_accept(struct socket *s, struct socket **out)
{
	struct unix_sock *u = unix_of(s);
	struct socket_timer timer = socket_receive_timer(s, 0);
	if (s->type == K_SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (u->state != UNIX_LISTENING)
		return -EINVAL;
	int r = socket_wait(&u->read_wait, u->pending_count || (u->shut & K_SHUT_RD), &timer);
	if (r)
		return r;
	if (!u->pending_count)
		return -EINVAL;
	struct unix_sock *embryo = list_first(&u->pending, struct unix_sock, pending_link);
	list_remove(&embryo->pending_link);
	u->pending_count--;
	wake_up(&u->room_wait, 0);
	*out = &embryo->socket;
	return 0;
}

int unix_pair(struct socket *a, struct socket *b)
{
	struct unix_sock *x = unix_of(a), *y = unix_of(b);
	x->cred = y->cred = scm_own_cred();
	join(x, y);
	if (a->type == K_SOCK_DGRAM) {
		list_append(&y->senders, &x->sender_link);
		list_append(&x->senders, &y->sender_link);
	}
	return 0;
}

int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = unix_of(s), *peer = u->peer;
	u32 mask = (u32)how + 1;
	const u32 events = EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLHUP | EPOLLOUT | EPOLLWRNORM;
	if (how < 0 || how > 2)
		return -EINVAL;
	u->shut |= mask;
	if (peer && s->type != K_SOCK_DGRAM) {
		peer->shut |= (mask & K_SHUT_RD ? K_SHUT_WR : 0) | (mask & K_SHUT_WR ? K_SHUT_RD : 0);
		wake_up(&peer->read_wait, events);
		wake_up(&peer->write_wait, events);
	}
	wake_up(&u->read_wait, events);
	wake_up(&u->write_wait, events);
	wake_up(&u->room_wait, 0);
	return 0;
}
