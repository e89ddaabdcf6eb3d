/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors of UDP that come back as ICMP messages: SO_ERROR, and the error queue of ip(7) and ipv6(7). There is one such
 * error on loopback, a port where nobody is. In the queue stands a packet with the start of the datagram that failed;
 * its sender is who refused it.
 */
#include <linux/eventpoll.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"

#define QUOTED_V4	  520 /* bytes of payload that the ICMP message brings: 576 less its headers and the datagram's */
#define QUOTED_V6	  1184 /* the same of 1280 */
#define ERROR_COST	  256  /* bytes of bookkeeping that count against SO_RCVBUF */
#define CMSG_IP_RECVERR	  11
#define CMSG_V6_RECVERR	  25
#define ICMP_HOPS	  64
#define ICMP_TOS	  0xc0 /* IPTOS_PREC_INTERNETCONTROL */
#define OFFENDER_BYTES_V4 16
#define OFFENDER_BYTES_V6 28

/* struct sock_extended_err; <linux/errqueue.h> wants the C library's time. */
struct k_extended_err {
	u32 error;
	u8 origin, type, code, pad;
	u32 info, data;
};
#define ORIGIN_ICMP  2
#define ORIGIN_ICMP6 3

static bool wants_queue(const struct inet_sock *i, bool v4)
{
	return i->option[v4 ? OPT_IP_RECVERR : OPT_V6_RECVERR];
}

/* Without room or memory the queue does not learn of it; SO_ERROR does. */
static void queue(struct inet_sock *i, const struct packet *sent, const struct inet_end *to,
		  const struct inet_addr *source)
{
	u32 len = MIN(sent->len, (u32)(inet_is_v4(&to->addr) ? QUOTED_V4 : QUOTED_V6));
	struct packet *p;

	if ((u64)i->errors.bytes + (u64)i->errors.count * ERROR_COST >= i->socket.options.rcvbuf)
		return;
	p = packet_alloc(len, true);
	if (!p)
		return;
	memcpy(p->data, sent->data + sent->offset, len);
	memcpy(p->inet.from, to->addr.b, 16);
	memcpy(p->inet.to, source->b, 16);
	p->inet.from_port = to->port;
	p->inet.hops = ICMP_HOPS;
	p->inet.traffic_class = inet_is_v4(&to->addr) ? ICMP_TOS : 0;
	p->wall_ns = time_wall_ns();
	packet_push(&i->errors, p);
}

void udp_refused(struct inet_sock *i, const struct packet *sent, const struct inet_end *to,
		 const struct inet_addr *source)
{
	bool queued = wants_queue(i, inet_is_v4(&to->addr));

	if (!queued && !i->connected)
		return;
	if (queued)
		queue(i, sent, to, source);
	i->socket.error = ECONNREFUSED;
	wake_up(&i->read_wait, EPOLLERR);
}

void udp_forget_errors(struct inet_sock *i)
{
	packet_queue_purge(&i->errors);
}

/* struct sock_extended_err, and behind it the address of who refused. */
static void put_error(const struct inet_sock *i, struct socket_msg *msg, const struct packet *p)
{
	struct inet_end offender = {.port = 0};
	bool v4 = false, v6_socket = i->socket.family == K_AF_INET6;
	struct {
		struct k_extended_err error;
		u8 offender[OFFENDER_BYTES_V6];
	} report = {.error = {.error = ECONNREFUSED}};

	memcpy(offender.addr.b, p->inet.from, 16);
	v4 = inet_is_v4(&offender.addr);
	report.error.origin = v4 ? ORIGIN_ICMP : ORIGIN_ICMP6;
	report.error.type = v4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
	report.error.code = v4 ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH;
	inet_format(i->socket.family, &offender, report.offender);
	socket_put_cmsg(msg, v6_socket ? K_IPPROTO_IPV6 : K_IPPROTO_IP, v6_socket ? CMSG_V6_RECVERR : CMSG_IP_RECVERR,
			&report, sizeof(report.error) + (v6_socket ? OFFENDER_BYTES_V6 : OFFENDER_BYTES_V4));
}

long udp_recv_error(struct inet_sock *i, struct socket_msg *msg)
{
	struct packet *p = packet_first(&i->errors);
	struct inet_end failed;
	u32 len;
	size_t n;

	if (!p)
		return -EAGAIN;
	packet_unlink(&i->errors, p);
	/* The next one's turn has come; with the last one the socket has no error any more. */
	i->socket.error = i->errors.count ? ECONNREFUSED : 0;
	len = (u32)MIN((u64)p->len, msg->uio->left);
	if (len < p->len)
		msg->out_flags |= K_MSG_TRUNC;
	n = uio_copy_to(msg->uio, p->data, len);
	if (n == len) {
		socket_put_timestamp(&i->socket, msg, p->wall_ns);
		failed.port = p->inet.from_port;
		memcpy(failed.addr.b, p->inet.from, 16);
		if (msg->name)
			msg->name_len = inet_format(i->socket.family, &failed, msg->name);
		udp_put_info(i, msg, p);
		put_error(i, msg, p);
		msg->out_flags |= K_MSG_ERRQUEUE;
	}
	packet_free(p);
	return n == len ? (long)len : -EFAULT;
}
