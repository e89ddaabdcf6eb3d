/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of IP, IPv6, TCP and UDP sockets. Most have no effect over loopback: they are checked, kept, and told again.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/proc/process.h"

#define CAP_NET_ADMIN 12
#define CAP_NET_RAW   13

#define ROW_BOOL  1u /* any value but 0 is 1 */
#define ROW_ADMIN 2u /* setting it needs CAP_NET_ADMIN or CAP_NET_RAW */
#define ROW_BYTE  4u /* may be set and read as one byte */
#define ROW_UDP	  8u /* TCP sockets only tell it */

static const struct row {
	int level, name;
	enum inet_option option;
	s32 initial, min, max;
	u32 flags;
} rows[] = {
    {6, 1, OPT_TCP_NODELAY, 0, 0, 0, ROW_BOOL},
    {6, 3, OPT_TCP_CORK, 0, 0, 0, ROW_BOOL},
    {6, 4, OPT_TCP_KEEPIDLE, 7200, 1, 32767, 0},
    {6, 5, OPT_TCP_KEEPINTVL, 75, 1, 32767, 0},
    {6, 6, OPT_TCP_KEEPCNT, 9, 1, 127, 0},
    {6, 7, OPT_TCP_SYNCNT, 6, 1, 127, 0},
    {6, 8, OPT_TCP_LINGER2, 60, INT32_MIN, INT32_MAX, 0},
    {6, 9, OPT_TCP_DEFER_ACCEPT, 0, INT32_MIN, INT32_MAX, 0},
    {6, 10, OPT_TCP_WINDOW_CLAMP, 0, INT32_MIN, INT32_MAX, 0},
    {6, 12, OPT_TCP_QUICKACK, 1, 0, 0, ROW_BOOL},
    {6, 16, OPT_TCP_THIN, 0, 0, 1, 0},
    {6, 17, OPT_TCP_THIN_DUPACK, 0, 0, 1, 0},
    {6, 18, OPT_TCP_USER_TIMEOUT, 0, 0, INT32_MAX, 0},
    {6, 23, OPT_TCP_FASTOPEN, 0, 0, INT32_MAX, 0},
    {6, 25, OPT_TCP_NOTSENT_LOWAT, 0, INT32_MIN, INT32_MAX, 0},
    {6, 27, OPT_TCP_SAVE_SYN, 0, 0, 2, 0},
    {6, 30, OPT_TCP_FASTOPEN_CONNECT, 0, 0, 1, 0},
    {17, 1, OPT_UDP_CORK, 0, 0, 0, ROW_BOOL},
    {136, 1, OPT_UDP_CORK, 0, 0, 0, ROW_BOOL},
    {136, 10, OPT_UDPLITE_SEND_CSCOV, 0, 0, 65535, 0},
    {136, 11, OPT_UDPLITE_RECV_CSCOV, 0, 0, 65535, 0},
    {0, 1, OPT_IP_TOS, 0, INT32_MIN, INT32_MAX, ROW_BYTE},
    {0, 2, OPT_IP_TTL, 64, -1, 255, ROW_BYTE},
    {0, 6, OPT_IP_RECVOPTS, 0, 0, 0, ROW_BOOL | ROW_BYTE}, /* packets here have no options */
    {0, 7, OPT_IP_RETOPTS, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 8, OPT_IP_PKTINFO, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 10, OPT_IP_MTU_DISCOVER, 1, 0, 5, ROW_BYTE},
    {0, 11, OPT_IP_RECVERR, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 12, OPT_IP_RECVTTL, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 13, OPT_IP_RECVTOS, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 15, OPT_IP_FREEBIND, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 19, OPT_IP_TRANSPARENT, 0, 0, 0, ROW_BOOL | ROW_BYTE | ROW_ADMIN},
    {0, 20, OPT_IP_RECVORIGDSTADDR, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 21, OPT_IP_MINTTL, 0, 0, 255, ROW_BYTE},
    {0, 24, OPT_IP_BIND_NO_PORT, 0, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 33, OPT_IP_MULTICAST_TTL, 1, -1, 255, ROW_BYTE | ROW_UDP},
    {0, 34, OPT_IP_MULTICAST_LOOP, 1, 0, 0, ROW_BOOL | ROW_BYTE},
    {0, 49, OPT_IP_MULTICAST_ALL, 1, 0, 1, ROW_BYTE},
    {41, 16, OPT_V6_UNICAST_HOPS, 64, -1, 255, 0},
    {41, 18, OPT_V6_MULTICAST_HOPS, 1, -1, 255, ROW_UDP},
    {41, 19, OPT_V6_MULTICAST_LOOP, 1, 0, 1, 0},
    {41, 23, OPT_V6_MTU_DISCOVER, 1, 0, 5, 0},
    {41, 25, OPT_V6_RECVERR, 0, 0, 0, ROW_BOOL},
    {41, 49, OPT_V6_PKTINFO, 0, 0, 0, ROW_BOOL},
    {41, 51, OPT_V6_RECVHOPLIMIT, 0, 0, 0, ROW_BOOL},
    {41, 62, OPT_V6_DONTFRAG, 0, 0, 0, ROW_BOOL},
    {41, 66, OPT_V6_RECVTCLASS, 0, 0, 0, ROW_BOOL},
    {41, 67, OPT_V6_TCLASS, 0, -1, 255, 0},
    {41, 70, OPT_V6_AUTOFLOWLABEL, 1, 0, 0, ROW_BOOL},
    {41, 78, OPT_V6_FREEBIND, 0, 0, 0, ROW_BOOL},
};

#define WINDOW_CLAMP_LEAST     1152 /* half of Linux's smallest receive buffer */
#define IP_OPTIONS_NAME	       4
#define IP_OPTIONS_BYTES       40
#define TCP_MAXSEG_NAME	       2
#define TCP_INFO_NAME	       11
#define TCP_CONGESTION_NAME    13
#define IP_MTU_NAME	       14
#define IP_MULTICAST_IF_NAME   32
#define IPV6_ADDRFORM_NAME     1
#define IPV6_MULTICAST_IF_NAME 17
#define IPV6_MTU_NAME	       24
#define IPV6_V6ONLY_NAME       26
#define IPV6_PKTINFO_NAME      50

static const char congestion[16] = "cubic";

void inet_option_defaults(struct inet_sock *i)
{
	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		i->option[rows[n].option] = rows[n].initial;
	if (i->socket.type == K_SOCK_STREAM) {
		i->socket.options.sndbuf = TCP_SNDBUF_SHOWN;
		i->socket.options.rcvbuf = TCP_RCVBUF_SHOWN;
	}
}

/* Does a socket have options of this level at all? */
static bool has_level(const struct socket *s, int level)
{
	switch (level) {
	case K_IPPROTO_IP:
		return true;
	case K_IPPROTO_IPV6:
		return s->family == K_AF_INET6;
	case K_IPPROTO_TCP:
		return s->type == K_SOCK_STREAM;
	case K_IPPROTO_UDP:
		return s->type == K_SOCK_DGRAM;
	case K_IPPROTO_UDPLITE:
		return s->protocol == K_IPPROTO_UDPLITE;
	default:
		return false;
	}
}

static const struct row *find_row(int level, int name)
{
	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		if (rows[n].level == level && rows[n].name == name)
			return &rows[n];
	return NULL;
}

/* ---- setting ---- */

static int set_v6only(struct inet_sock *i, int v)
{
	if (i->local.port)
		return -EINVAL;
	i->v6only = v != 0;
	return 0;
}

static int set_congestion(const void *value, u32 len)
{
	char name[16] = {0};
	if (!len)
		return -EINVAL;
	memcpy(name, value, MIN(len, (u32)sizeof(name) - 1));
	return strcmp(name, congestion) && strcmp(name, "reno") ? -ENOENT : 0;
}

/* IP_OPTIONS: none but padding. */
static int set_ip_options(const u8 *value, u32 len)
{
	if (len > IP_OPTIONS_BYTES)
		return -EINVAL;
	for (u32 n = 0; n < len && value[n]; n++) /* 0 ends them */
		if (value[n] != 1)
			return -EINVAL;
	return 0;
}

/* IPV6_PKTINFO: the source of what is sent. */
static int set_v6_pktinfo(const void *value, u32 len)
{
	struct {
		struct inet_addr addr;
		u32 index;
	} info;
	if (len < sizeof(info))
		return -EINVAL;
	memcpy(&info, value, sizeof(info));
	if (info.index > INTERFACE_INDEX)
		return -ENODEV;
	return inet_is_any(&info.addr) || inet_is_loopback(&info.addr) ? 0 : -EINVAL;
}

/* Seconds as they come out when counted in retransmissions, each waiting twice as long as the one before (tcp(7)). */
static s32 defer_seconds(s32 seconds)
{
	s32 period = 0;
	for (s32 wait = 1, n = 0; period < seconds && n < 255; n++) {
		period += wait;
		wait = MIN(wait * 2, 120);
	}
	return period;
}

static int set_special(struct inet_sock *i, int level, int name, int v)
{
	if (level == K_IPPROTO_IPV6) {
		switch (name) {
		case IPV6_V6ONLY_NAME:
			return set_v6only(i, v);
		case IPV6_MULTICAST_IF_NAME:
			if (v && v != INTERFACE_INDEX)
				return -ENODEV;
			i->option[OPT_V6_MULTICAST_IF] = v;
			return 0;
		case IPV6_MTU_NAME:
			return v && v < 1280 ? -EINVAL : 0;
		default:
			return -ENOPROTOOPT;
		}
	}
	if (level == K_IPPROTO_TCP && name == TCP_MAXSEG_NAME)
		return v && (v < 88 || v > 32767) ? -EINVAL : 0;
	return -ENOPROTOOPT;
}

static int set_row(struct inet_sock *i, const struct row *row, s32 v)
{
	if ((row->flags & ROW_ADMIN) && v && !cred_has_cap(CAP_NET_ADMIN) && !cred_has_cap(CAP_NET_RAW))
		return -EPERM;
	if (row->flags & ROW_BOOL)
		v = v != 0;
	else if (v < row->min || v > row->max || (row->option == OPT_IP_TTL && !v))
		return -EINVAL;
	if (row->option == OPT_TCP_WINDOW_CLAMP && v)
		v = MAX(v, WINDOW_CLAMP_LEAST);
	if (row->option == OPT_TCP_DEFER_ACCEPT)
		v = defer_seconds(v);
	if (row->option == OPT_IP_TOS)
		v &= 0xff;
	if (v == -1 && row->min == -1) /* back to the default */
		v = row->initial;
	i->option[row->option] = v;
	if (!v && (row->option == OPT_IP_RECVERR || row->option == OPT_V6_RECVERR))
		udp_forget_errors(i);
	return 0;
}

int inet_setsockopt(struct socket *s, int level, int name, const void *value, u32 len)
{
	struct inet_sock *i = inet_of(s);
	const struct row *row = find_row(level, name);
	bool multicast_v6 =
	    level == K_IPPROTO_IPV6 && (name == IPV6_MULTICAST_IF_NAME || (row && (row->flags & ROW_UDP)));
	s32 v = 0;
	if (!has_level(s, level) || (multicast_v6 && s->type == K_SOCK_STREAM))
		return -ENOPROTOOPT;
	if (level == K_IPPROTO_IP && name == IP_OPTIONS_NAME)
		return set_ip_options(value, len);
	if (level == K_IPPROTO_TCP && name == TCP_CONGESTION_NAME)
		return set_congestion(value, len);
	if (level == K_IPPROTO_IPV6 && name == IPV6_PKTINFO_NAME)
		return set_v6_pktinfo(value, len);
	int r = inet_multicast_setsockopt(i, level, name, value, len);
	if (r != -ENOPROTOOPT)
		return r;
	if (len >= sizeof(v))
		memcpy(&v, value, sizeof(v));
	else if (len && (level == K_IPPROTO_IP || (row && (row->flags & ROW_BYTE))))
		v = *(const u8 *)value;
	else
		return -EINVAL;
	if (row && (row->flags & ROW_UDP) && s->type == K_SOCK_STREAM)
		return -EINVAL;
	return row ? set_row(i, row, v) : set_special(i, level, name, v);
}

/* ---- reading ---- */

static int get_special(struct inet_sock *i, int level, int name, s32 *v)
{
	bool connected = i->connected || i->state == TCP_S_ESTABLISHED;
	if (level == K_IPPROTO_TCP && name == TCP_MAXSEG_NAME) {
		*v = connected ? 65483 : 536;
		return 0;
	}
	if ((level == K_IPPROTO_IP && name == IP_MTU_NAME) || (level == K_IPPROTO_IPV6 && name == IPV6_MTU_NAME)) {
		*v = INTERFACE_MTU;
		return connected ? 0 : -ENOTCONN;
	}
	if (level == K_IPPROTO_IPV6 && name == IPV6_V6ONLY_NAME) {
		*v = i->v6only;
		return 0;
	}
	if (level == K_IPPROTO_IPV6 && name == IPV6_MULTICAST_IF_NAME) {
		*v = i->option[OPT_V6_MULTICAST_IF];
		return 0;
	}
	if (level == K_IPPROTO_IP && name == IP_MULTICAST_IF_NAME) {
		memcpy(v, i->multicast_source.b + 12, sizeof(*v));
		return 0;
	}
	return -ENOPROTOOPT;
}

int inet_getsockopt(struct socket *s, int level, int name, void *value, u32 *len)
{
	struct inet_sock *i = inet_of(s);
	const struct row *row = find_row(level, name);
	s32 v = row ? i->option[row->option] : 0;
	if (level == SOL_SOCKET && name == SO_ACCEPTCONN)
		v = i->state == TCP_S_LISTEN;
	else if (!has_level(s, level))
		return level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
	else if (level == K_IPPROTO_TCP && name == TCP_INFO_NAME) {
		*len = tcp_info(i, value, *len);
		return 0;
	} else if (level == K_IPPROTO_TCP && name == TCP_CONGESTION_NAME) {
		*len = MIN(*len, (u32)sizeof(congestion));
		memcpy(value, congestion, *len);
		return 0;
	} else if (level == K_IPPROTO_IP && name == IP_OPTIONS_NAME) {
		*len = 0;
		return 0;
	} else if (!row) {
		int r = get_special(i, level, name, &v);
		if (r)
			return r;
	}
	if (level == K_IPPROTO_IP && *len && *len < sizeof(v) && v >= 0 && v <= 255) {
		*(u8 *)value = (u8)v;
		*len = 1;
		return 0;
	}
	*len = MIN(*len, (u32)sizeof(v));
	memcpy(value, &v, *len);
	return 0;
}
