/* SPDX-License-Identifier: Apache-2.0
 *
 * UDP over loopback: a datagram goes straight into its receiver's queue, or is lost when that is full.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>

#define DATAGRAM_MAX	   65507 /* bytes of payload: 65535 less the headers of IPv4 and UDP */
#define DATAGRAM_COST	   256	 /* bytes of bookkeeping that count against SO_RCVBUF */
#define CMSG_IP_TOS	   1
#define CMSG_IP_TTL	   2
#define CMSG_IP_PKTINFO	   8
#define CMSG_IPV6_PKTINFO  50
#define CMSG_IPV6_HOPLIMIT 52
#define CMSG_IPV6_TCLASS   67

struct k_in_pktinfo {
	s32 index;
	u8 spec_dst[4], addr[4];
};
struct k_in6_pktinfo {
	u8 addr[16];
	u32 index;
};

/* ---- connecting ---- */

static void udp_disconnect(struct inet_sock *i)
{
	i->connected = false;
	i->remote = (struct inet_end){.addr = i->socket.family == K_AF_INET ? inet_any4 : inet_any6};
	if (!i->addr_locked)
		i->local.addr = i->socket.family == K_AF_INET ? inet_any4 : inet_any6;
	if (!i->port_locked)
		port_release(i);
}

static int udp_connect(struct socket *s, const void *addr, u32 len)
{
	struct inet_sock *i = inet_of(s);
	struct inet_end to;
	struct inet_addr source;
	u16 family;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == K_AF_UNSPEC) {
		udp_disconnect(i);
		return 0;
	}
	int r = inet_parse(s->family, !i->v6only, addr, len, &to);
	if (r)
		return r;
	if (inet_is_broadcast(&to.addr) && !s->options.broadcast)
		return -EACCES;
	struct inet_addr before = i->local.addr;
	if (!i->addr_locked) /* another peer may be reached from another address */
		i->local.addr = s->family == K_AF_INET ? inet_any4 : inet_any6;
	r = inet_route(i, &to.addr, &source);
	if (!r)
		r = inet_autobind(i, NULL);
	if (r) {
		i->local.addr = before;
		return r;
	}
	i->local.addr = source;
	i->remote = to;
	i->connected = true;
	return 0;
}

/* ---- sending ---- */

/* What a datagram is sent with: of the socket's options, or of the control messages of one call. */
struct sending {
	struct inet_addr source;
	s32 hops, traffic_class; /* -1: the socket's */
};

/* An integer from min to max; -1 where that is allowed means the socket's. */
static int take_integer(const u8 *data, u64 len, s32 min, s32 max, s32 *out)
{
	if (len != sizeof(*out))
		return -EINVAL;
	memcpy(out, data, sizeof(*out));
	return *out < min || *out > max ? -EINVAL : 0;
}

/* The source address that IP_PKTINFO or IPV6_PKTINFO asks for. */
static int take_pktinfo(const u8 *data, u64 len, int type, struct inet_addr *source)
{
	if (type == CMSG_IP_PKTINFO) {
		struct k_in_pktinfo info;
		if (len < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		*source = inet_any4;
		memcpy(source->b + 12, info.spec_dst, 4);
	} else {
		struct k_in6_pktinfo info;
		if (len < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		memcpy(source->b, info.addr, 16);
	}
	return inet_is_any(source) || inet_is_loopback(source) ? 0 : -EINVAL;
}

static int take_control(const struct k_cmsghdr *head, const u8 *data, u64 len, struct sending *out)
{
	struct inet_addr wanted = {{0}};
	int r = 0;
	if (head->level == K_IPPROTO_IP && head->type == CMSG_IP_TTL)
		return take_integer(data, len, 1, 255, &out->hops);
	if (head->level == K_IPPROTO_IP && head->type == CMSG_IP_TOS && len == 1) {
		out->traffic_class = *data;
		return 0;
	}
	if (head->level == K_IPPROTO_IP && head->type == CMSG_IP_TOS)
		return take_integer(data, len, 0, 255, &out->traffic_class);
	if (head->level == K_IPPROTO_IPV6 && head->type == CMSG_IPV6_HOPLIMIT)
		return take_integer(data, len, -1, 255, &out->hops);
	if (head->level == K_IPPROTO_IPV6 && head->type == CMSG_IPV6_TCLASS)
		return take_integer(data, len, -1, 255, &out->traffic_class);
	if ((head->level == K_IPPROTO_IP && head->type == CMSG_IP_PKTINFO) ||
	    (head->level == K_IPPROTO_IPV6 && head->type == CMSG_IPV6_PKTINFO))
		r = take_pktinfo(data, len, head->type, &wanted);
	if (!r && !inet_is_any(&wanted))
		out->source = wanted;
	return r;
}

static int parse_control(const struct socket_msg *msg, struct sending *out)
{
	u64 at = 0;
	while (msg->control_len - at >= sizeof(struct k_cmsghdr)) {
		struct k_cmsghdr head;
		const u8 *data = (const u8 *)msg->control + at + sizeof(head);
		memcpy(&head, (const u8 *)msg->control + at, sizeof(head));
		if (head.len < sizeof(head) || head.len > msg->control_len - at)
			return -EINVAL;
		int r = take_control(&head, data, head.len - sizeof(head), out);
		if (r)
			return r;
		u64 step = (head.len + 7) & ~7ull;
		if (step > msg->control_len - at)
			break;
		at += step;
	}
	return 0;
}

static int udp_target(struct inet_sock *i, const struct socket_msg *msg, struct inet_end *to, struct sending *with)
{
	const struct socket *s = &i->socket;
	int r = inet_autobind(i, NULL);
	if (r)
		return r;
	if (msg->name) {
		r = inet_parse(s->family, !i->v6only, msg->name, msg->name_len, to);
		if (r)
			return r;
		if (!to->port)
			return -EINVAL;
		if (inet_is_broadcast(&to->addr) && !s->options.broadcast)
			return -EACCES;
	} else if (!i->connected) {
		return -EDESTADDRREQ;
	} else {
		*to = i->remote;
	}
	r = inet_route(i, &to->addr, &with->source);
	if (!r)
		r = parse_control(msg, with);
	if (with->hops < 0)
		with->hops = i->option[inet_is_v4(&to->addr) ? OPT_IP_TTL : OPT_V6_UNICAST_HOPS];
	if (with->traffic_class < 0)
		with->traffic_class = i->option[inet_is_v4(&to->addr) ? OPT_IP_TOS : OPT_V6_TCLASS];
	return r;
}

static void address(struct packet *p, const struct inet_end *from, const struct inet_end *to,
		    const struct sending *with)
{
	memcpy(p->inet.from, from->addr.b, 16);
	memcpy(p->inet.to, to->addr.b, 16);
	p->inet.from_port = from->port;
	p->inet.hops = (u8)with->hops;
	p->inet.traffic_class = (u8)with->traffic_class;
	p->wall_ns = time_wall_ns();
}

/* The packet is lost when the receiver has no room. */
static void enqueue(struct inet_sock *o, struct packet *p)
{
	if ((u64)o->rx.bytes + (u64)o->rx.count * DATAGRAM_COST >= o->socket.options.rcvbuf) {
		o->drops++;
		packet_free(p);
		return;
	}
	packet_push(&o->rx, p);
	wake_up(&o->read_wait, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND);
}

struct to_group {
	const struct packet *packet;
	const struct inet_end *from, *to;
	const struct sending *with;
};

/* Each member gets a copy; without memory for one the datagram is lost to it. */
static void deliver_copy(void *arg, struct inet_sock *o)
{
	const struct to_group *g = arg;
	struct packet *copy;
	if (!inet_group_wanted(o, &g->to->addr) || !(copy = packet_alloc(g->packet->len, true)))
		return;
	memcpy(copy->data, g->packet->data + g->packet->offset, g->packet->len);
	address(copy, g->from, g->to, g->with);
	enqueue(o, copy);
}

static void deliver_group(struct inet_sock *from_sock, struct packet *p, const struct inet_end *to,
			  const struct sending *with, const struct inet_end *from)
{
	struct to_group g = {p, from, to, with};
	if (inet_group_joined(&to->addr))
		port_for_each_receiver(from_sock->socket.protocol, to, from, deliver_copy, &g);
	packet_free(p);
}

static void deliver(struct inet_sock *from_sock, struct packet *p, const struct inet_end *to,
		    const struct sending *with)
{
	struct inet_end from = {.addr = with->source, .port = from_sock->local.port};
	if (inet_is_multicast(&to->addr)) {
		deliver_group(from_sock, p, to, with, &from);
		return;
	}
	struct inet_sock *o = port_find_udp(from_sock->socket.protocol, to, &from);
	if (!o) {
		udp_refused(from_sock, p, to, &with->source);
		packet_free(p);
		return;
	}
	address(p, &from, to, with);
	enqueue(o, p);
}

static long udp_sendmsg(struct socket *s, struct socket_msg *msg)
{
	struct inet_sock *i = inet_of(s);
	struct sending with = {.hops = -1, .traffic_class = -1};
	struct inet_end to;
	u64 len = msg->uio->left;
	if (len > 65535)
		return -EMSGSIZE;
	if (msg->flags & K_MSG_OOB)
		return -EOPNOTSUPP;
	int r = udp_target(i, msg, &to, &with);
	if (r)
		return r;
	if (len > DATAGRAM_MAX + (inet_is_v4(&to.addr) ? 0u : 20u))
		return -EMSGSIZE;
	if (s->error)
		return socket_take_error(s);
	if (i->shut & K_SHUT_WR)
		return -EPIPE;
	struct packet *p = packet_from_uio(msg->uio, (u32)len, true, &r);
	if (!p)
		return r;
	deliver(i, p, &to, &with);
	return (long)len;
}

/* ---- receiving ---- */

void udp_put_info(struct inet_sock *i, struct socket_msg *msg, const struct packet *p)
{
	const int ttl = p->inet.hops, traffic_class = p->inet.traffic_class;
	struct inet_addr to;
	memcpy(to.b, p->inet.to, 16);
	if (i->option[OPT_IP_PKTINFO] && inet_is_v4(&to)) {
		struct k_in_pktinfo info = {.index = INTERFACE_INDEX};
		memcpy(info.spec_dst, inet_is_multicast(&to) ? p->inet.from + 12 : to.b + 12, 4);
		memcpy(info.addr, to.b + 12, 4);
		socket_put_cmsg(msg, K_IPPROTO_IP, CMSG_IP_PKTINFO, &info, sizeof(info));
	}
	if (i->option[OPT_IP_RECVTTL] && inet_is_v4(&to))
		socket_put_cmsg(msg, K_IPPROTO_IP, CMSG_IP_TTL, &ttl, sizeof(ttl));
	if (i->option[OPT_IP_RECVTOS] && inet_is_v4(&to))
		socket_put_cmsg(msg, K_IPPROTO_IP, CMSG_IP_TOS, &p->inet.traffic_class, 1);
	if (i->socket.family != K_AF_INET6)
		return;
	if (i->option[OPT_V6_PKTINFO]) {
		struct k_in6_pktinfo info = {.index = INTERFACE_INDEX};
		memcpy(info.addr, to.b, 16);
		socket_put_cmsg(msg, K_IPPROTO_IPV6, CMSG_IPV6_PKTINFO, &info, sizeof(info));
	}
	if (i->option[OPT_V6_RECVHOPLIMIT])
		socket_put_cmsg(msg, K_IPPROTO_IPV6, CMSG_IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	if (i->option[OPT_V6_RECVTCLASS])
		socket_put_cmsg(msg, K_IPPROTO_IPV6, CMSG_IPV6_TCLASS, &traffic_class, sizeof(traffic_class));
}

/* 0: there is a datagram; 1: the end; -errno. */
static int udp_wait(struct inet_sock *i, const struct socket_timer *timer)
{
	for (;;) {
		if (i->socket.error)
			return socket_take_error(&i->socket);
		if (i->rx.count)
			return 0;
		if (i->shut & K_SHUT_RD)
			return timer->nonblock ? -EAGAIN : 1;
		sleep_unlock(&i->read_lock);
		int r = socket_wait(&i->read_wait, i->rx.count || i->socket.error || (i->shut & K_SHUT_RD), timer);
		sleep_lock(&i->read_lock);
		if (r)
			return r;
	}
}

static long read_datagram(struct inet_sock *i, struct socket_msg *msg, struct packet *p)
{
	u32 len = p->len, want = (u32)MIN((u64)len, msg->uio->left);
	u32 n = (u32)uio_copy_to(msg->uio, p->data, want);
	if (n == want) {
		if (want < len)
			msg->out_flags |= K_MSG_TRUNC;
		if (msg->name) {
			struct inet_end from = {.port = p->inet.from_port};
			memcpy(from.addr.b, p->inet.from, 16);
			msg->name_len = inet_format(i->socket.family, &from, msg->name);
		}
		socket_put_timestamp(&i->socket, msg, p->wall_ns);
		udp_put_info(i, msg, p);
	}
	if (!(msg->flags & K_MSG_PEEK)) {
		packet_unlink(&i->rx, p);
		packet_free(p);
	}
	if (n < want)
		return -EFAULT;
	return msg->flags & K_MSG_TRUNC ? len : want;
}

static long udp_recvmsg(struct socket *s, struct socket_msg *msg)
{
	struct inet_sock *i = inet_of(s);
	struct socket_timer timer = socket_receive_timer(s, msg->flags);
	msg->name_len = 0;
	if (msg->flags & K_MSG_ERRQUEUE)
		return udp_recv_error(i, msg);
	if (msg->flags & K_MSG_OOB)
		return -EOPNOTSUPP;
	sleep_lock(&i->read_lock);
	long r = udp_wait(i, &timer);
	r = r ? MIN(r, 0) : read_datagram(i, msg, packet_first(&i->rx));
	sleep_unlock(&i->read_lock);
	return r;
}

/* ---- the rest ---- */

static int udp_shutdown(struct socket *s, int how)
{
	struct inet_sock *i = inet_of(s);
	if (how < 0 || how > 2)
		return -EINVAL;
	if (!i->connected) {
		tcp_wake(i, EPOLLHUP);
		return -ENOTCONN;
	}
	i->shut |= (u32)how + 1;
	tcp_wake(i, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
	return 0;
}

static u32 udp_poll(struct socket *s, struct poll_table *table)
{
	struct inet_sock *i = inet_of(s);
	u32 events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (table)
		poll_wait(table, &i->read_wait);
	if (i->rx.count)
		events |= EPOLLIN | EPOLLRDNORM;
	if (i->shut & K_SHUT_RD)
		events |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (i->shut == K_SHUT_BOTH)
		events |= EPOLLHUP;
	if (s->error || i->errors.count)
		events |= EPOLLERR;
	return events;
}

static long udp_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *i = inet_of(s);
	int n = 0;
	if (cmd == FIONREAD && i->rx.count)
		n = (int)packet_first(&i->rx)->len;
	if (cmd == FIONREAD || cmd == SIOCOUTQ)
		return put_user(user(arg), n);
	return interface_ioctl(cmd, arg);
}

static void udp_release(struct socket *s)
{
	struct inet_sock *i = inet_of(s);
	i->dead = true;
	port_release(i);
	inet_leave_groups(i);
	packet_queue_purge(&i->rx);
	udp_forget_errors(i);
	s->file = NULL;
	inet_put(i);
}

const struct socket_ops udp_ops = {
    .connect = udp_connect,
    .bind = inet_bind,
    .getname = inet_getname,
    .sendmsg = udp_sendmsg,
    .recvmsg = udp_recvmsg,
    .shutdown = udp_shutdown,
    .setsockopt = inet_setsockopt,
    .getsockopt = inet_getsockopt,
    .poll = udp_poll,
    .ioctl = udp_ioctl,
    .release = udp_release,
};
