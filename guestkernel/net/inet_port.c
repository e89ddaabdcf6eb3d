/* SPDX-License-Identifier: Apache-2.0
 *
 * Who owns which port: rules of bind(2), SO_REUSEADDR, SO_REUSEPORT, TIME_WAIT, and finding the receiver of a packet.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"

#define BUCKETS		512
#define EPHEMERAL_FIRST 32768 /* net.ipv4.ip_local_port_range */
#define EPHEMERAL_LAST	60999
#define EPHEMERAL_COUNT (EPHEMERAL_LAST - EPHEMERAL_FIRST + 1)

/* Sockets of TCP, UDP and UDP-Lite by port (inet_sock.port_link); zero until first use. */
static struct list ports[3][BUCKETS];

/* A closed connection whose port may not be bound yet, but with SO_REUSEADDR on both sides. */
struct time_wait {
	struct list link;
	struct inet_end local, remote;
	u64 until_ns;
	bool reuseaddr, v6only, v6;
};
static struct list time_waits = LIST_INIT(time_waits); /* oldest first */
static unsigned time_wait_count;

static struct list *bucket(int protocol, u16 port)
{
	int space = protocol == K_IPPROTO_TCP ? 0 : protocol == K_IPPROTO_UDP ? 1 : 2;
	struct list *b = &ports[space][port % BUCKETS];
	if (!b->next)
		list_init(b);
	return b;
}

/* ---- TIME_WAIT ---- */

static void drop_time_wait(struct time_wait *w)
{
	list_remove(&w->link);
	time_wait_count--;
	kfree(w);
}

static void expire(void)
{
	u64 now = time_boot_ns();
	while (!list_empty(&time_waits)) {
		struct time_wait *w = list_first(&time_waits, struct time_wait, link);
		if (w->until_ns > now && time_wait_count <= TIME_WAIT_LIMIT)
			return;
		drop_time_wait(w);
	}
}

void port_time_wait(const struct inet_sock *i)
{
	struct time_wait *w = kmalloc(sizeof(*w));
	if (!w)
		return; /* the port is free earlier than it should be */
	*w = (struct time_wait){.local = i->local,
				.remote = i->remote,
				.reuseaddr = i->socket.options.reuseaddr,
				.v6only = i->v6only,
				.v6 = i->socket.family == K_AF_INET6};
	w->until_ns = time_boot_ns() + TIME_WAIT_NS;
	list_append(&time_waits, &w->link);
	time_wait_count++;
	expire();
}

/* ---- conflicts ---- */

/* Can a packet be meant for both? */
static bool overlap(const struct inet_addr *a, bool a_v6only, const struct inet_addr *b, bool b_v6only)
{
	bool a4 = inet_is_v4(a), b4 = inet_is_v4(b);
	if (a4 == b4)
		return inet_is_any(a) || inet_is_any(b) || inet_addr_equal(a, b);
	/* Only the IPv6 wildcard takes both kinds. */
	return a4 ? inet_is_any(b) && !b_v6only : inet_is_any(a) && !a_v6only;
}

static bool time_wait_conflict(const struct inet_sock *i, u16 port)
{
	struct time_wait *w;
	expire();
	list_for_each (w, &time_waits, link)
		if (w->local.port == port && !(w->reuseaddr && i->socket.options.reuseaddr) &&
		    overlap(&i->local.addr, i->v6only, &w->local.addr, w->v6only))
			return true;
	return false;
}

static bool may_share(const struct inet_sock *i, const struct inet_sock *other)
{
	const struct socket_options *a = &i->socket.options, *b = &other->socket.options;
	if (a->reuseaddr && b->reuseaddr && other->state != TCP_S_LISTEN)
		return true;
	return a->reuseport && b->reuseport && i->uid == other->uid;
}

static bool conflict(const struct inet_sock *i, u16 port)
{
	struct inet_sock *o;
	list_for_each (o, bucket(i->socket.protocol, port), port_link)
		if (o != i && o->local.port == port && !may_share(i, o) &&
		    overlap(&i->local.addr, i->v6only, &o->local.addr, o->v6only))
			return true;
	return i->socket.type == K_SOCK_STREAM && time_wait_conflict(i, port);
}

bool port_may_listen(const struct inet_sock *i)
{
	struct inet_sock *o;
	list_for_each (o, bucket(i->socket.protocol, i->local.port), port_link)
		if (o != i && o->local.port == i->local.port && o->state == TCP_S_LISTEN && !may_share(i, o) &&
		    overlap(&i->local.addr, i->v6only, &o->local.addr, o->v6only))
			return false;
	return true;
}

/* ---- binding ---- */

static void enter(struct inet_sock *i, u16 port)
{
	i->local.port = port;
	list_push(bucket(i->socket.protocol, port), &i->port_link);
}

static u32 random_start(void)
{
	u32 r;
	random_bytes(&r, sizeof(r));
	return r % EPHEMERAL_COUNT;
}

int port_bind(struct inet_sock *i, u16 port)
{
	u32 start = port ? 0 : random_start();
	if (port) {
		if (conflict(i, port))
			return -EADDRINUSE;
		enter(i, port);
		return 0;
	}
	for (u32 n = 0; n < EPHEMERAL_COUNT; n++) {
		u16 candidate = (u16)(EPHEMERAL_FIRST + (start + n) % EPHEMERAL_COUNT);
		if (!conflict(i, candidate)) {
			enter(i, candidate);
			return 0;
		}
	}
	return -EADDRINUSE;
}

/* Would a connection from this port be told from all others? Ports that somebody has bound are left to him. */
static bool free_for(const struct inet_sock *i, u16 port, const struct inet_end *remote)
{
	struct inet_sock *o;
	if (port == remote->port)
		return false; /* it would talk to itself */
	list_for_each (o, bucket(i->socket.protocol, port), port_link) {
		if (o->local.port != port)
			continue;
		if (o->port_locked || o->state == TCP_S_LISTEN || !o->remote.port)
			return false;
		if (o->remote.port == remote->port && inet_addr_equal(&o->remote.addr, &remote->addr))
			return false;
	}
	return true;
}

int port_bind_for(struct inet_sock *i, const struct inet_end *remote)
{
	u32 start = random_start();
	for (u32 n = 0; n < EPHEMERAL_COUNT; n++) {
		u16 port = (u16)(EPHEMERAL_FIRST + (start + n) % EPHEMERAL_COUNT);
		if (free_for(i, port, remote)) {
			enter(i, port);
			return 0;
		}
	}
	return -EADDRNOTAVAIL;
}

void port_share(struct inet_sock *i)
{
	enter(i, i->local.port);
}

void port_release(struct inet_sock *i)
{
	list_remove(&i->port_link);
	i->local.port = 0;
	i->port_locked = false;
}

/* ---- finding ---- */

/* How well a bound address fits a packet to this one; 0: not at all. */
static unsigned fit(const struct inet_sock *o, const struct inet_addr *to)
{
	const struct inet_addr *a = &o->local.addr;
	bool v4 = inet_is_v4(to);
	if (o->socket.family == K_AF_INET && !v4)
		return 0;
	if (inet_addr_equal(a, to))
		return 4;
	if (!inet_is_any(a) || (v4 && o->v6only) || (!v4 && inet_is_v4(a)))
		return 0;
	return inet_is_v4(a) == v4 ? 2 : 1;
}

/* The best of the sockets under a port; SO_REUSEPORT spreads over equals by who sends. */
static struct inet_sock *find(int protocol, const struct inet_end *to, const struct inet_end *from,
			      unsigned (*score)(const struct inet_sock *o, const struct inet_end *to,
						const struct inet_end *from))
{
	struct inet_sock *o, *best = NULL;
	unsigned best_score = 0, equals = 0, hash = from->port * 40503u;
	list_for_each (o, bucket(protocol, to->port), port_link) {
		unsigned s = o->local.port == to->port ? score(o, to, from) : 0;
		if (s > best_score) {
			best = o;
			best_score = s;
			equals = 1;
		} else if (s && s == best_score && o->socket.options.reuseport) {
			equals++;
			hash = hash * 1664525u + 1013904223u;
			if ((hash >> 16) % equals == 0)
				best = o;
		}
	}
	return best;
}

static unsigned listener_score(const struct inet_sock *o, const struct inet_end *to, const struct inet_end *from)
{
	return o->state == TCP_S_LISTEN ? fit(o, &to->addr) : 0;
}

static unsigned udp_score(const struct inet_sock *o, const struct inet_end *to, const struct inet_end *from)
{
	unsigned s = fit(o, &to->addr);
	if (!s || !o->connected)
		return s;
	return o->remote.port == from->port && inet_addr_equal(&o->remote.addr, &from->addr) ? s + 8 : 0;
}

struct inet_sock *port_find_listener(const struct inet_end *to, const struct inet_end *from)
{
	return find(K_IPPROTO_TCP, to, from, listener_score);
}

struct inet_sock *port_find_udp(int protocol, const struct inet_end *to, const struct inet_end *from)
{
	return find(protocol, to, from, udp_score);
}

void port_for_each_receiver(int protocol, const struct inet_end *to, const struct inet_end *from,
			    void (*fn)(void *arg, struct inet_sock *i), void *arg)
{
	struct inet_sock *o;
	list_for_each (o, bucket(protocol, to->port), port_link) {
		/* A connected socket takes what comes from its peer alone. */
		unsigned s = o->local.port == to->port ? udp_score(o, to, from) : 0;
		if (s)
			fn(arg, o);
	}
}

void port_for_each(int protocol, void (*fn)(void *arg, struct inet_sock *i), void *arg)
{
	struct inet_sock *i;
	for (u16 port = 0; port < BUCKETS; port++)
		list_for_each (i, bucket(protocol, port), port_link)
			fn(arg, i);
}

void port_for_each_time_wait(bool v6,
			     void (*fn)(void *arg, const struct inet_end *local, const struct inet_end *remote),
			     void *arg)
{
	const struct time_wait *w;
	expire();
	list_for_each (w, &time_waits, link)
		if (w->v6 == v6)
			fn(arg, &w->local, &w->remote);
}
