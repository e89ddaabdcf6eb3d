/* SPDX-License-Identifier: Apache-2.0
 *
 * Links, addresses and routes of a machine that has a loopback interface and nothing else (rtnetlink(7)).
 */
#include "guestkernel/net/rtnetlink.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"

#define LINK_FLAGS 0x10049u /* IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP */
#define LINK_TYPE  772	    /* ARPHRD_LOOPBACK */

/* ---- writing ---- */

static u32 message_start(const struct nl_writer *w)
{
	u32 at = 0, next;
	for (; at < w->used; at = next) {
		const struct nlmsghdr *h = (const void *)(w->buf + at);
		next = at + NLMSG_ALIGN(h->nlmsg_len);
		if (!h->nlmsg_len || next >= w->used)
			break;
	}
	return at;
}

void *nl_begin(struct nl_writer *w, u16 type, u32 fixed)
{
	struct nlmsghdr *h = (void *)(w->buf + w->used);
	kassert(w->used + NLMSG_SPACE(fixed) <= w->size);
	memset(h, 0, NLMSG_SPACE(fixed));
	h->nlmsg_type = type;
	h->nlmsg_flags = w->flags;
	h->nlmsg_seq = w->seq;
	h->nlmsg_pid = w->pid;
	w->used += NLMSG_SPACE(fixed);
	return NLMSG_DATA(h);
}

void nl_attr(struct nl_writer *w, u16 type, const void *data, u32 len)
{
	struct nlattr a = {(u16)(NLA_HDRLEN + len), type};
	kassert(w->used + NLA_HDRLEN + NLA_ALIGN(len) <= w->size);
	memset(w->buf + w->used, 0, NLA_HDRLEN + NLA_ALIGN(len));
	memcpy(w->buf + w->used, &a, sizeof(a));
	memcpy(w->buf + w->used + NLA_HDRLEN, data, len);
	w->used += NLA_HDRLEN + NLA_ALIGN(len);
}

static void attr_u32(struct nl_writer *w, u16 type, u32 value)
{
	nl_attr(w, type, &value, sizeof(value));
}

static void attr_u8(struct nl_writer *w, u16 type, u8 value)
{
	nl_attr(w, type, &value, sizeof(value));
}

void nl_end(struct nl_writer *w)
{
	u32 at = message_start(w);
	((struct nlmsghdr *)(w->buf + at))->nlmsg_len = w->used - at;
}

static void done(struct nl_writer *w)
{
	nl_begin(w, NLMSG_DONE, sizeof(int));
	nl_end(w);
}

/* ---- what there is ---- */

static void put_link(struct nl_writer *w)
{
	static const u8 no_address[6];
	static const struct rtnl_link_stats stats;
	static const struct rtnl_link_stats64 stats64;
	struct ifinfomsg *m = nl_begin(w, RTM_NEWLINK, sizeof(*m));
	m->ifi_type = LINK_TYPE;
	m->ifi_index = INTERFACE_INDEX;
	m->ifi_flags = LINK_FLAGS;
	nl_attr(w, IFLA_IFNAME, INTERFACE_NAME, sizeof(INTERFACE_NAME));
	attr_u32(w, IFLA_TXQLEN, INTERFACE_TX_QUEUE);
	attr_u8(w, IFLA_OPERSTATE, 0);
	attr_u8(w, IFLA_LINKMODE, 0);
	attr_u32(w, IFLA_MTU, INTERFACE_MTU);
	attr_u32(w, IFLA_GROUP, 0);
	attr_u32(w, IFLA_PROMISCUITY, 0);
	attr_u32(w, IFLA_NUM_TX_QUEUES, 1);
	attr_u32(w, IFLA_NUM_RX_QUEUES, 1);
	attr_u8(w, IFLA_CARRIER, 1);
	nl_attr(w, IFLA_QDISC, "noqueue", 8);
	nl_attr(w, IFLA_ADDRESS, no_address, sizeof(no_address));
	nl_attr(w, IFLA_BROADCAST, no_address, sizeof(no_address));
	nl_attr(w, IFLA_STATS, &stats, sizeof(stats));
	nl_attr(w, IFLA_STATS64, &stats64, sizeof(stats64));
	nl_end(w);
}

static void put_address(struct nl_writer *w, u8 family)
{
	const struct ifa_cacheinfo forever = {.ifa_prefered = 0xffffffff, .ifa_valid = 0xffffffff};
	struct ifaddrmsg *m = nl_begin(w, RTM_NEWADDR, sizeof(*m));
	m->ifa_family = family;
	m->ifa_prefixlen = family == K_AF_INET ? 8 : 128;
	m->ifa_flags = IFA_F_PERMANENT;
	m->ifa_scope = RT_SCOPE_HOST;
	m->ifa_index = INTERFACE_INDEX;
	if (family == K_AF_INET) {
		nl_attr(w, IFA_ADDRESS, inet_loopback4.b + 12, 4);
		nl_attr(w, IFA_LOCAL, inet_loopback4.b + 12, 4);
		nl_attr(w, IFA_LABEL, INTERFACE_NAME, sizeof(INTERFACE_NAME));
	} else {
		nl_attr(w, IFA_ADDRESS, inet_loopback6.b, 16);
	}
	nl_attr(w, IFA_CACHEINFO, &forever, sizeof(forever));
	attr_u32(w, IFA_FLAGS, IFA_F_PERMANENT);
	nl_end(w);
}

/* dst NULL: the route that covers all loopback addresses. */
static void put_route(struct nl_writer *w, u8 family, const u8 *dst)
{
	static const u8 net4[4] = {127};
	struct rtmsg *m = nl_begin(w, RTM_NEWROUTE, sizeof(*m));
	m->rtm_family = family;
	m->rtm_dst_len = family == K_AF_INET ? (dst ? 32 : 8) : 128;
	m->rtm_table = RT_TABLE_LOCAL;
	m->rtm_protocol = RTPROT_KERNEL;
	m->rtm_scope = family == K_AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_LOCAL;
	attr_u32(w, RTA_TABLE, RT_TABLE_LOCAL);
	if (family == K_AF_INET) {
		nl_attr(w, RTA_DST, dst ? dst : net4, 4);
		nl_attr(w, RTA_PREFSRC, inet_loopback4.b + 12, 4);
	} else {
		nl_attr(w, RTA_DST, inet_loopback6.b, 16);
	}
	attr_u32(w, RTA_OIF, INTERFACE_INDEX);
	nl_end(w);
}

/* ---- requests ---- */

/* The attribute of this type behind the fixed part, or NULL. */
static const void *find_attr(const struct nlmsghdr *h, u32 fixed, u16 type, u32 *len)
{
	u32 at = NLMSG_SPACE(fixed);
	while (at + NLA_HDRLEN <= h->nlmsg_len) {
		struct nlattr a;
		memcpy(&a, (const u8 *)h + at, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > h->nlmsg_len - at)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*len = a.nla_len - NLA_HDRLEN;
			return (const u8 *)h + at + NLA_HDRLEN;
		}
		at += NLA_ALIGN(a.nla_len);
	}
	return NULL;
}

static int get_link(const struct nlmsghdr *h, struct nl_writer *w)
{
	struct ifinfomsg m;
	u32 len;
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return -EINVAL;
	memcpy(&m, NLMSG_DATA(h), sizeof(m));
	const char *name = find_attr(h, sizeof(m), IFLA_IFNAME, &len);
	if (m.ifi_index <= 0 && !name)
		return -EINVAL;
	bool ours = m.ifi_index > 0 ? m.ifi_index == INTERFACE_INDEX
				    : len >= 2 && !strncmp(name, INTERFACE_NAME, len) && (len == 2 || !name[2]);
	if (!ours)
		return -ENODEV;
	put_link(w);
	return 0;
}

static int get_route(const struct nlmsghdr *h, struct nl_writer *w)
{
	struct rtmsg m;
	u32 len;
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return -EINVAL;
	memcpy(&m, NLMSG_DATA(h), sizeof(m));
	const u8 *dst = find_attr(h, sizeof(m), RTA_DST, &len);
	if (m.rtm_family == K_AF_INET && dst && len == 4 && dst[0] == 127)
		put_route(w, K_AF_INET, dst);
	else if (m.rtm_family == K_AF_INET6 && dst && len == 16 && !memcmp(dst, &inet_loopback6, 16))
		put_route(w, K_AF_INET6, dst);
	else
		return -ENETUNREACH;
	return 0;
}

static int dump(const struct nlmsghdr *h, struct nl_writer *w)
{
	u8 family = h->nlmsg_len > NLMSG_HDRLEN ? *(const u8 *)NLMSG_DATA(h) : 0;
	bool v4 = family == K_AF_UNSPEC || family == K_AF_INET, v6 = family == K_AF_UNSPEC || family == K_AF_INET6;
	w->flags = NLM_F_MULTI;
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		put_link(w);
		break;
	case RTM_GETADDR:
		if (v4)
			put_address(w, K_AF_INET);
		if (v6)
			put_address(w, K_AF_INET6);
		break;
	case RTM_GETROUTE:
		if (v4)
			put_route(w, K_AF_INET, NULL);
		if (v6)
			put_route(w, K_AF_INET6, NULL);
		break;
	case RTM_GETNEIGH:
	case RTM_GETRULE:
	case RTM_GETQDISC:
	case RTM_GETADDRLABEL:
	case RTM_GETNETCONF:
		break; /* nothing there */
	default:
		return -EOPNOTSUPP;
	}
	done(w);
	return 0;
}

int rtnetlink_answer(const struct nlmsghdr *h, struct nl_writer *w)
{
	if (h->nlmsg_type < RTM_BASE || h->nlmsg_type > RTM_MAX)
		return -EOPNOTSUPP;
	if ((h->nlmsg_type & 3) != 2) /* RTM_NEW*, RTM_DEL*, RTM_SET* */
		return -EPERM;
	if ((h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump(h, w);
	if (h->nlmsg_type == RTM_GETLINK)
		return get_link(h, w);
	if (h->nlmsg_type == RTM_GETROUTE)
		return get_route(h, w);
	return -EOPNOTSUPP;
}
