/* SPDX-License-Identifier: Apache-2.0
 *
 * Life and names of internet sockets: what TCP and UDP share.
 */
#include "guestkernel/net/inet.h"

#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define CAP_NET_BIND_SERVICE 10
#define PRIVILEGED_PORTS     1024 /* net.ipv4.ip_unprivileged_port_start */

void inet_get(struct inet_sock *i)
{
	i->refs++;
}

void inet_put(struct inet_sock *i)
{
	if (--i->refs)
		return;
	kassert(i->dead && list_empty(&i->rx.packets) && list_empty(&i->port_link));
	kfree(i);
}

struct inet_sock *inet_alloc(const struct socket_ops *ops, int family, int type, int protocol)
{
	struct inet_sock *i = kzalloc(sizeof(*i));
	if (!i)
		return NULL;
	socket_init(&i->socket, ops, family, type, protocol);
	i->refs = 1;
	i->state = TCP_S_CLOSE;
	i->local.addr = i->remote.addr = family == K_AF_INET ? inet_any4 : inet_any6;
	i->uid = current->process ? current->cred.euid : 0;
	inet_option_defaults(i);
	list_init(&i->port_link);
	list_init(&i->groups);
	i->multicast_source = inet_any4;
	list_init(&i->pending);
	list_init(&i->syn_queue);
	list_init(&i->pending_link);
	packet_queue_init(&i->rx);
	packet_queue_init(&i->errors);
	sleep_lock_init(&i->read_lock);
	wait_queue_init(&i->read_wait);
	wait_queue_init(&i->write_wait);
	return i;
}

static int create(int family, int type, int protocol, struct socket **out)
{
	const struct socket_ops *ops;
	if (protocol < 0 || protocol > 262)
		return -EINVAL;
	switch (type) {
	case K_SOCK_STREAM:
		ops = &tcp_ops;
		protocol = protocol ? protocol : K_IPPROTO_TCP;
		if (protocol != K_IPPROTO_TCP)
			return -EPROTONOSUPPORT;
		break;
	case K_SOCK_DGRAM:
		ops = &udp_ops;
		protocol = protocol ? protocol : K_IPPROTO_UDP;
		if (protocol != K_IPPROTO_UDP && protocol != K_IPPROTO_UDPLITE)
			return -EPROTONOSUPPORT;
		break;
	case K_SOCK_RAW: /* no packets are ever built */
		return protocol ? -EPERM : -EPROTONOSUPPORT;
	default:
		return -ESOCKTNOSUPPORT;
	}
	struct inet_sock *i = inet_alloc(ops, family, type, protocol);
	if (!i)
		return -ENOMEM;
	*out = &i->socket;
	return 0;
}

int inet_create(int type, int protocol, struct socket **out)
{
	return create(K_AF_INET, type, protocol, out);
}

int inet6_create(int type, int protocol, struct socket **out)
{
	return create(K_AF_INET6, type, protocol, out);
}

/* ---- names ---- */

static bool can_bind(const struct inet_sock *i, const struct inet_addr *a)
{
	if (i->option[OPT_IP_FREEBIND] || i->option[OPT_V6_FREEBIND] || i->option[OPT_IP_TRANSPARENT])
		return true;
	return inet_is_any(a) || inet_is_loopback(a) || inet_is_multicast(a) || inet_is_broadcast(a);
}

static int parse_bind(const struct inet_sock *i, const void *addr, u32 len, struct inet_end *end)
{
	u8 copy[SOCKADDR_MAX];
	u16 family = 0;
	if (len >= sizeof(family))
		memcpy(&family, addr, sizeof(family));
	/* Old programs leave the family out when they mean any address. */
	if (i->socket.family == K_AF_INET && family == K_AF_UNSPEC && len >= 8) {
		memcpy(copy, addr, len);
		family = K_AF_INET;
		memcpy(copy, &family, sizeof(family));
		int r = inet_parse(K_AF_INET, false, copy, len, end);
		return r ? r : inet_is_any(&end->addr) ? 0 : -EAFNOSUPPORT;
	}
	return inet_parse(i->socket.family, false, addr, len, end);
}

int inet_bind(struct socket *s, const void *addr, u32 len)
{
	struct inet_sock *i = inet_of(s);
	struct inet_end end;
	int r = parse_bind(i, addr, len, &end);
	if (r)
		return r;
	if (s->family == K_AF_INET6 && inet_is_v4(&end.addr) && i->v6only)
		return -EINVAL;
	if (!can_bind(i, &end.addr))
		return -EADDRNOTAVAIL;
	if (end.port && end.port < PRIVILEGED_PORTS && !cred_has_cap(CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (i->local.port || i->state != TCP_S_CLOSE)
		return -EINVAL;
	struct inet_addr before = i->local.addr;
	i->local.addr = end.addr;
	r = port_bind(i, end.port);
	if (r) {
		i->local.addr = before;
		return r;
	}
	i->port_locked = end.port != 0;
	i->addr_locked = !inet_is_any(&end.addr);
	return 0;
}

int inet_autobind(struct inet_sock *i, const struct inet_end *remote)
{
	if (i->local.port)
		return 0;
	if (remote)
		return port_bind_for(i, remote);
	return port_bind(i, 0) ? -EAGAIN : 0;
}

int inet_getname(struct socket *s, void *addr, bool peer)
{
	struct inet_sock *i = inet_of(s);
	bool connected = s->type == K_SOCK_DGRAM ? i->connected
						 : i->remote.port && i->state != TCP_S_CLOSE &&
						       i->state != TCP_S_SYN_SENT && i->state != TCP_S_LISTEN;
	if (peer && !connected)
		return -ENOTCONN;
	return (int)inet_format(s->family, peer ? &i->remote : &i->local, addr);
}
