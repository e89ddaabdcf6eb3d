/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_NETLINK, protocol NETLINK_ROUTE: what getifaddrs(3) and ip(8) ask about interfaces (netlink(7), rtnetlink(7)).
 */
#ifndef GUESTKERNEL_NET_NETLINK_H
#define GUESTKERNEL_NET_NETLINK_H

#include "guestkernel/types.h"

struct socket;

/* socket(AF_NETLINK, SOCK_RAW or SOCK_DGRAM, NETLINK_ROUTE). -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM */
int netlink_create(int type, int protocol, struct socket **out);

#endif
