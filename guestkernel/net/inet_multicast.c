/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the multicast groups that sockets have joined. The loopback interface is the only one, and must be named:
 * without a route for groups nothing else chooses it. IPv6 has no such route on it at all: groups are kept, nothing can
 * be sent.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"

#define IP_MULTICAST_IF_NAME	  32
#define IP_ADD_MEMBERSHIP_NAME	  35
#define IP_DROP_MEMBERSHIP_NAME	  36
#define IPV6_ADD_MEMBERSHIP_NAME  20
#define IPV6_DROP_MEMBERSHIP_NAME 21
#define MCAST_JOIN_GROUP_NAME	  42
#define MCAST_LEAVE_GROUP_NAME	  45

struct inet_group {
	struct list link;     /* inet_sock.groups */
	struct list all_link; /* all_groups */
	struct inet_addr addr;
};

static struct list all_groups = LIST_INIT(all_groups);

/* ---- memberships ---- */

static struct inet_group *find(const struct inet_sock *i, const struct inet_addr *addr)
{
	struct inet_group *g;

	list_for_each (g, &i->groups, link)
		if (inet_addr_equal(&g->addr, addr))
			return g;
	return NULL;
}

static int join(struct inet_sock *i, const struct inet_addr *addr)
{
	struct inet_group *g;

	if (find(i, addr))
		return -EADDRINUSE;
	if (i->group_count >= MULTICAST_GROUPS_LIMIT)
		return -ENOBUFS;
	g = kmalloc(sizeof(*g));
	if (!g)
		return -ENOBUFS;
	g->addr = *addr;
	list_append(&i->groups, &g->link);
	list_append(&all_groups, &g->all_link);
	i->group_count++;
	return 0;
}

static void leave(struct inet_sock *i, struct inet_group *g)
{
	list_remove(&g->link);
	list_remove(&g->all_link);
	kfree(g);
	i->group_count--;
}

void inet_leave_groups(struct inet_sock *i)
{
	while (!list_empty(&i->groups))
		leave(i, list_first(&i->groups, struct inet_group, link));
}

bool inet_group_joined(const struct inet_addr *addr)
{
	const struct inet_group *g;

	list_for_each (g, &all_groups, all_link)
		if (inet_addr_equal(&g->addr, addr))
			return true;
	return false;
}

bool inet_group_wanted(const struct inet_sock *i, const struct inet_addr *addr)
{
	return i->option[OPT_IP_MULTICAST_ALL] || find(i, addr);
}

/* ---- options ---- */

/* What an option names: a group and the interface, by number or by address. */
struct request {
	struct inet_addr group;
	struct inet_addr interface; /* any: not named so */
	s32 index;		    /* 0: not named so */
};

static struct inet_addr v4(const u8 *bytes)
{
	struct inet_addr a = inet_any4;

	memcpy(a.b + 12, bytes, 4);
	return a;
}

/* struct ip_mreq and ip_mreqn: group, address of the interface, and its number in the latter. */
static int read_mreq(const u8 *value, u32 len, struct request *r)
{
	if (len < 8)
		return -EINVAL;
	*r = (struct request){.group = v4(value), .interface = v4(value + 4)};
	if (len >= 12)
		memcpy(&r->index, value + 8, sizeof(r->index));
	return 0;
}

/* struct ipv6_mreq. */
static int read_mreq6(const u8 *value, u32 len, struct request *r)
{
	*r = (struct request){.interface = inet_any6};
	if (len < 20)
		return -EINVAL;
	memcpy(r->group.b, value, 16);
	memcpy(&r->index, value + 16, sizeof(r->index));
	return 0;
}

/* struct group_req: the interface's number, and at 8 a socket address. */
static int read_group_req(int family, const u8 *value, u32 len, struct request *r)
{
	struct inet_end end;
	int error = len < 136 ? -EINVAL : inet_parse(family, false, value + 8, len - 8, &end);

	if (error)
		return -EINVAL;
	*r = (struct request){.group = end.addr, .interface = inet_any4};
	memcpy(&r->index, value, sizeof(r->index));
	return 0;
}

static int change(struct inet_sock *i, const struct request *r, bool add)
{
	struct inet_group *g = find(i, &r->group);
	bool here = r->index ? r->index == INTERFACE_INDEX : inet_is_loopback(&r->interface);

	if (!inet_is_multicast(&r->group))
		return -EINVAL;
	if (add)
		return here ? join(i, &r->group) : -ENODEV;
	if (!g)
		return -EADDRNOTAVAIL;
	leave(i, g);
	return 0;
}

static int set_interface(struct inet_sock *i, const u8 *value, u32 len)
{
	struct inet_addr addr = inet_any4;
	s32 index = 0;

	if (len < 4)
		return -EINVAL;
	if (len >= 8)
		addr = v4(value + 4);
	else
		addr = v4(value);
	if (len >= 12)
		memcpy(&index, value + 8, sizeof(index));
	if (index ? index != INTERFACE_INDEX : !inet_is_any(&addr) && !inet_is_loopback(&addr))
		return -EADDRNOTAVAIL;
	i->multicast_index = index || !inet_is_any(&addr) ? INTERFACE_INDEX : 0;
	i->multicast_source = addr;
	return 0;
}

int inet_multicast_setsockopt(struct inet_sock *i, int level, int name, const void *value, u32 len)
{
	bool ip = level == K_IPPROTO_IP, ip6 = level == K_IPPROTO_IPV6, add;
	struct request r;
	int error;

	if (ip && name == IP_MULTICAST_IF_NAME)
		return i->socket.type == K_SOCK_STREAM ? -EINVAL : set_interface(i, value, len);
	if (ip && (name == IP_ADD_MEMBERSHIP_NAME || name == IP_DROP_MEMBERSHIP_NAME))
		error = read_mreq(value, len, &r);
	else if (ip6 && (name == IPV6_ADD_MEMBERSHIP_NAME || name == IPV6_DROP_MEMBERSHIP_NAME))
		error = read_mreq6(value, len, &r);
	else if ((ip || ip6) && (name == MCAST_JOIN_GROUP_NAME || name == MCAST_LEAVE_GROUP_NAME))
		error = read_group_req(ip ? K_AF_INET : K_AF_INET6, value, len, &r);
	else
		return -ENOPROTOOPT;
	if (i->socket.type == K_SOCK_STREAM)
		return -EPROTO;
	add = name == IP_ADD_MEMBERSHIP_NAME || name == IPV6_ADD_MEMBERSHIP_NAME || name == MCAST_JOIN_GROUP_NAME;
	return error ? error : change(i, &r, add);
}

int inet_multicast_route(const struct inet_sock *i, struct inet_addr *source)
{
	*source = inet_any4;
	if (inet_is_v4(&i->local.addr) && inet_is_loopback(&i->local.addr))
		*source = i->local.addr;
	else if (!i->multicast_index)
		return -ENETUNREACH;
	else if (inet_is_loopback(&i->multicast_source))
		*source = i->multicast_source;
	return 0;
}
