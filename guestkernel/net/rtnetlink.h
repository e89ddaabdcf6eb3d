/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to NETLINK_ROUTE requests: what there is to tell about the loopback interface.
 */
#ifndef GUESTKERNEL_NET_RTNETLINK_H
#define GUESTKERNEL_NET_RTNETLINK_H

#include <linux/netlink.h>
#include "guestkernel/types.h"

#define RTNETLINK_REPLY_MAX 4096 /* bytes of one answer */

/* A message under construction. */
struct nl_writer {
	u8 *buf;
	u32 used, size;
	u32 pid, seq; /* of the request */
	u16 flags;    /* of each message */
};

/* Begins a message with a fixed part of this size, zeroed; returns where it is. nl_end() completes it. */
void *nl_begin(struct nl_writer *w, u16 type, u32 fixed);
void nl_attr(struct nl_writer *w, u16 type, const void *data, u32 len);
void nl_end(struct nl_writer *w);

/* Writes the answer to a request (h->nlmsg_len bytes, checked). Dumps end with NLMSG_DONE. 0, or the error that the
 * acknowledgement tells: -EPERM for changes, -EOPNOTSUPP, -ENODEV, -EINVAL, -ENETUNREACH */
int rtnetlink_answer(const struct nlmsghdr *h, struct nl_writer *w);

#endif
