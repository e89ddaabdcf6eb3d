/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of /proc/net, between the two that make them.
 */
#ifndef GUESTKERNEL_NET_PROC_NET_H
#define GUESTKERNEL_NET_PROC_NET_H

#include "guestkernel/fs/procfs.h"

struct socket_counts {
	unsigned tcp[2], udp[2]; /* by family: AF_INET, AF_INET6 */
	unsigned established, time_wait, local;
};
void proc_net_count(struct socket_counts *c);

/* proc_net_stats.c */
void proc_net_arp(struct text *t, const struct proc_ref *ref);
void proc_net_dev(struct text *t, const struct proc_ref *ref);
void proc_net_if_inet6(struct text *t, const struct proc_ref *ref);
void proc_net_igmp(struct text *t, const struct proc_ref *ref);
void proc_net_ipv6_route(struct text *t, const struct proc_ref *ref);
void proc_net_netlink(struct text *t, const struct proc_ref *ref);
void proc_net_netstat(struct text *t, const struct proc_ref *ref);
void proc_net_nothing(struct text *t, const struct proc_ref *ref);
void proc_net_packet(struct text *t, const struct proc_ref *ref);
void proc_net_raw(struct text *t, const struct proc_ref *ref);
void proc_net_raw6(struct text *t, const struct proc_ref *ref);
void proc_net_route(struct text *t, const struct proc_ref *ref);
void proc_net_snmp(struct text *t, const struct proc_ref *ref);
void proc_net_sockstat(struct text *t, const struct proc_ref *ref);
void proc_net_sockstat6(struct text *t, const struct proc_ref *ref);

#define PROC_NET_STATS                                                                                                 \
	{.name = "arp", .mode = PROC_FILE, .show = proc_net_arp},                                                      \
	    {.name = "dev", .mode = PROC_FILE, .show = proc_net_dev},                                                  \
	    {.name = "dev_mcast", .mode = PROC_FILE, .show = proc_net_nothing},                                        \
	    {.name = "icmp", .mode = PROC_FILE, .show = proc_net_raw},                                                 \
	    {.name = "icmp6", .mode = PROC_FILE, .show = proc_net_raw6},                                               \
	    {.name = "if_inet6", .mode = PROC_FILE, .show = proc_net_if_inet6},                                        \
	    {.name = "igmp", .mode = PROC_FILE, .show = proc_net_igmp},                                                \
	    {.name = "ipv6_route", .mode = PROC_FILE, .show = proc_net_ipv6_route},                                    \
	    {.name = "netlink", .mode = PROC_FILE, .show = proc_net_netlink},                                          \
	    {.name = "netstat", .mode = PROC_FILE, .show = proc_net_netstat},                                          \
	    {.name = "packet", .mode = PROC_FILE, .show = proc_net_packet},                                            \
	    {.name = "raw", .mode = PROC_FILE, .show = proc_net_raw},                                                  \
	    {.name = "raw6", .mode = PROC_FILE, .show = proc_net_raw6},                                                \
	    {.name = "route", .mode = PROC_FILE, .show = proc_net_route},                                              \
	    {.name = "snmp", .mode = PROC_FILE, .show = proc_net_snmp},                                                \
	    {.name = "sockstat", .mode = PROC_FILE, .show = proc_net_sockstat},                                        \
	{                                                                                                              \
		.name = "sockstat6", .mode = PROC_FILE, .show = proc_net_sockstat6                                     \
	}

#endif
