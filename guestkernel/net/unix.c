/* SPDX-License-Identifier: Apache-2.0
 *
 * Life, options and readiness of AF_UNIX sockets.
 */
#include "guestkernel/net/unix.h"

#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/net/scm.h"
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>

struct list all_unix_sockets = LIST_INIT(all_unix_sockets);

void unix_get(struct unix_sock *u)
{
	u->refs++;
}

void unix_put(struct unix_sock *u)
{
	if (--u->refs)
		return;
	kassert(u->dead && list_empty(&u->rx.packets) && !u->inflight);
	unix_name_put(u->name);
	list_remove(&u->all_link);
	kfree(u);
}

static void wake_both(struct unix_sock *u, u32 events)
{
	wake_up(&u->read_wait, events);
	wake_up(&u->write_wait, events);
}

/* The other end of a connection learns that this one is gone. */
static void leave_connection(struct unix_sock *u, bool lost_data)
{
	struct unix_sock *peer = u->peer;
	u->peer = NULL;
	if (!peer)
		return;
	peer->shut = K_SHUT_BOTH;
	if (lost_data)
		peer->socket.error = ECONNRESET;
	wake_both(peer, EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLHUP | EPOLLOUT | (lost_data ? EPOLLERR : 0));
	unix_put(peer);
}

static void close_pending(struct unix_sock *u)
{
	while (!list_empty(&u->pending)) {
		struct unix_sock *embryo = list_first(&u->pending, struct unix_sock, pending_link);
		list_remove(&embryo->pending_link);
		u->pending_count--;
		unix_close(embryo, true);
	}
}

void unix_close(struct unix_sock *u, bool embryo)
{
	u->dead = true;
	u->shut = K_SHUT_BOTH;
	u->state = UNIX_CLOSED;
	unix_unbind(u);
	if (u->socket.type == K_SOCK_DGRAM) {
		unix_disconnect(u);
		while (!list_empty(&u->senders)) {
			struct unix_sock *sender = list_first(&u->senders, struct unix_sock, sender_link);
			list_remove(&sender->sender_link);
			wake_both(sender, EPOLLOUT | EPOLLWRNORM);
		}
	} else {
		leave_connection(u, embryo || u->rx.count);
	}
	close_pending(u);
	wake_up(&u->room_wait, 0);
	unix_purge(&u->rx);
	u->socket.file = NULL;
	unix_put(u);
}

static void unix_release(struct socket *s)
{
	unix_close(unix_of(s), false);
	if (unix_inflight_files)
		unix_gc();
}

/* ---- readiness ---- */

static u32 unix_poll(struct socket *s, struct poll_table *table)
{
	struct unix_sock *u = unix_of(s);
	u32 events = 0;
	if (table) {
		poll_wait(table, &u->read_wait);
		poll_wait(table, &u->write_wait);
	}
	if (s->error)
		events |= EPOLLERR;
	if (u->shut == K_SHUT_BOTH)
		events |= EPOLLHUP;
	if (u->shut & K_SHUT_RD)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (u->rx.count || u->pending_count)
		events |= EPOLLIN | EPOLLRDNORM;
	if (s->type != K_SOCK_DGRAM && u->state == UNIX_CLOSED)
		events |= EPOLLHUP;
	if (u->state != UNIX_LISTENING && (!u->peer || unix_has_room(u, u->peer)))
		events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return events;
}

static long unix_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct unix_sock *u = unix_of(s);
	int n;
	switch (cmd) {
	case FIONREAD:
		if (u->state == UNIX_LISTENING)
			return -EINVAL;
		n = (int)u->rx.bytes;
		if (s->type == K_SOCK_DGRAM)
			n = u->rx.count ? (int)packet_first(&u->rx)->len : 0;
		return put_user(user(arg), n);
	case SIOCOUTQ:
		n = u->peer && s->type != K_SOCK_DGRAM ? (int)u->peer->rx.bytes : 0;
		return put_user(user(arg), n);
	case SIOCATMARK:
		n = 0;
		return put_user(user(arg), n);
	default:
		return interface_ioctl(cmd, arg);
	}
}

/* ---- options ---- */

static int unix_setsockopt(struct socket *s, int level, int name, const void *value, u32 len)
{
	int v;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (name != SO_PASSCRED && name != SO_PEEK_OFF && name != SO_REUSEPORT)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (name == SO_REUSEPORT)
		return v ? -EOPNOTSUPP : 0;
	if (name == SO_PASSCRED)
		s->options.passcred = v != 0;
	else
		unix_of(s)->peek_offset = v < 0 ? -1 : v;
	return 0;
}

static int unix_getsockopt(struct socket *s, int level, int name, void *value, u32 *len)
{
	struct unix_sock *u = unix_of(s);
	struct k_ucred cred = {0, (u32)-1, (u32)-1};
	int v;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED:
		if (u->has_peer_cred)
			cred = u->peer_cred;
		*len = MIN(*len, (u32)sizeof(cred));
		memcpy(value, &cred, *len);
		return 0;
	case SO_ACCEPTCONN:
		v = u->state == UNIX_LISTENING;
		break;
	case SO_PASSCRED:
		v = s->options.passcred;
		break;
	case SO_PEEK_OFF:
		v = u->peek_offset;
		break;
	default:
		return -ENOPROTOOPT;
	}
	*len = MIN(*len, (u32)sizeof(v));
	memcpy(value, &v, *len);
	return 0;
}

static int unix_getname(struct socket *s, void *addr, bool peer)
{
	struct unix_sock *u = unix_of(s);
	if (peer && !u->peer)
		return -ENOTCONN;
	return (int)unix_name_copy(peer ? u->peer->name : u->name, addr);
}

static const struct socket_ops unix_ops = {
    .connect = unix_connect,
    .bind = unix_bind,
    .listen = unix_listen,
    .accept = unix_accept,
    .socketpair = unix_pair,
    .getname = unix_getname,
    .sendmsg = unix_sendmsg,
    .recvmsg = unix_recvmsg,
    .shutdown = unix_shutdown,
    .setsockopt = unix_setsockopt,
    .getsockopt = unix_getsockopt,
    .poll = unix_poll,
    .ioctl = unix_ioctl,
    .release = unix_release,
};

struct unix_sock *unix_alloc(int type)
{
	struct unix_sock *u = kzalloc(sizeof(*u));
	if (!u)
		return NULL;
	socket_init(&u->socket, &unix_ops, K_AF_UNIX, type, 0);
	u->refs = 1;
	u->peek_offset = -1;
	packet_queue_init(&u->rx);
	sleep_lock_init(&u->read_lock);
	wait_queue_init(&u->read_wait);
	wait_queue_init(&u->write_wait);
	wait_queue_init(&u->room_wait);
	list_init(&u->name_link);
	list_init(&u->senders);
	list_init(&u->sender_link);
	list_init(&u->pending);
	list_init(&u->pending_link);
	list_init(&u->inflight_link);
	list_init(&u->scan_link);
	list_append(&all_unix_sockets, &u->all_link);
	return u;
}

int unix_create(int type, int protocol, struct socket **out)
{
	if (protocol && protocol != K_AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == K_SOCK_RAW) /* an old name of SOCK_DGRAM here */
		type = K_SOCK_DGRAM;
	if (type != K_SOCK_STREAM && type != K_SOCK_DGRAM && type != K_SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	struct unix_sock *u = unix_alloc(type);
	if (!u)
		return -ENOMEM;
	*out = &u->socket;
	return 0;
}
