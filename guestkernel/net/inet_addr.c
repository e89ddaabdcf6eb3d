/* SPDX-License-Identifier: Apache-2.0
 *
 * Internet addresses: what they mean when only a loopback interface is there.
 */
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"

struct k_sockaddr_in {
	u16 family, port;
	u8 addr[4], zero[8];
};
struct k_sockaddr_in6 {
	u16 family, port;
	u32 flowinfo;
	u8 addr[16];
	u32 scope;
};
#define SIN6_LEAST 24 /* bytes: without the scope */

const struct inet_addr inet_any6 = {{0}};
const struct inet_addr inet_any4 = {{[10] = 0xff, [11] = 0xff}};
const struct inet_addr inet_loopback6 = {{[15] = 1}};
const struct inet_addr inet_loopback4 = {{[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}};

bool inet_addr_equal(const struct inet_addr *a, const struct inet_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool inet_is_v4(const struct inet_addr *a)
{
	return !memcmp(a, &inet_any4, 12);
}

bool inet_is_any(const struct inet_addr *a)
{
	return inet_addr_equal(a, &inet_any6) || inet_addr_equal(a, &inet_any4);
}

bool inet_is_loopback(const struct inet_addr *a)
{
	return inet_is_v4(a) ? a->b[12] == 127 : inet_addr_equal(a, &inet_loopback6);
}

bool inet_is_multicast(const struct inet_addr *a)
{
	return inet_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool inet_is_broadcast(const struct inet_addr *a)
{
	return inet_is_v4(a) && (a->b[12] == 255 || a->b[12] == 127) && a->b[13] == 255 && a->b[14] == 255 &&
	       a->b[15] == 255;
}

static u16 swap16(u16 v)
{
	return (u16)(v << 8 | v >> 8);
}

static int parse_v4(const void *addr, u32 len, struct inet_end *out)
{
	struct k_sockaddr_in in;
	if (len < sizeof(in))
		return -EINVAL;
	memcpy(&in, addr, sizeof(in));
	out->addr = inet_any4;
	memcpy(out->addr.b + 12, in.addr, 4);
	out->port = swap16(in.port);
	return 0;
}

int inet_parse(int family, bool v4_too, const void *addr, u32 len, struct inet_end *out)
{
	struct k_sockaddr_in6 in6 = {0};
	u16 given;
	if (len < sizeof(given))
		return -EINVAL;
	memcpy(&given, addr, sizeof(given));
	if (family == K_AF_INET || (v4_too && given == K_AF_INET)) {
		if (len < sizeof(struct k_sockaddr_in))
			return -EINVAL;
		return given == K_AF_INET ? parse_v4(addr, len, out) : -EAFNOSUPPORT;
	}
	if (len < SIN6_LEAST)
		return -EINVAL;
	if (given != K_AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(&in6, addr, MIN(len, (u32)sizeof(in6)));
	memcpy(out->addr.b, in6.addr, 16);
	out->port = swap16(in6.port);
	return 0;
}

u32 inet_format(int family, const struct inet_end *end, void *addr)
{
	if (family == K_AF_INET) {
		struct k_sockaddr_in in = {.family = K_AF_INET, .port = swap16(end->port)};
		memcpy(in.addr, end->addr.b + 12, 4);
		memcpy(addr, &in, sizeof(in));
		return sizeof(in);
	}
	struct k_sockaddr_in6 in6 = {.family = K_AF_INET6, .port = swap16(end->port)};
	memcpy(in6.addr, end->addr.b, 16);
	memcpy(addr, &in6, sizeof(in6));
	return sizeof(in6);
}

int inet_route(const struct inet_sock *i, struct inet_addr *addr, struct inet_addr *source)
{
	bool v4 = inet_is_v4(addr);
	if (v4 && inet_is_multicast(addr) && i->socket.type == K_SOCK_DGRAM && !i->v6only)
		return inet_multicast_route(i, source);
	if (inet_is_any(addr)) {
		/* An IPv4 socket bound to an address reaches that one. */
		if (!inet_is_any(&i->local.addr) && inet_is_v4(&i->local.addr))
			*addr = i->local.addr;
		else
			*addr = v4 ? inet_loopback4 : inet_loopback6;
		v4 = inet_is_v4(addr);
	}
	if (!inet_is_loopback(addr) || (v4 && i->v6only))
		return -ENETUNREACH;
	if (inet_is_any(&i->local.addr) || inet_is_multicast(&i->local.addr))
		*source = v4 ? inet_loopback4 : inet_loopback6;
	else if (inet_is_v4(&i->local.addr) != v4)
		return -ENETUNREACH;
	else
		*source = i->local.addr;
	return 0;
}
