/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_NETLINK sockets: requests in, answers queued at once (netlink(7)). What the answers say is in rtnetlink.c.
 */
#include "guestkernel/net/netlink.h"

#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/net/packet.h"
#include "guestkernel/net/rtnetlink.h"
#include "guestkernel/net/scm.h"
#include "guestkernel/net/socket.h"
#include "guestkernel/proc/process.h"

#define SOL_NETLINK_LEVEL 270
#define REQUEST_MAX	  32768 /* bytes of one send */

struct k_sockaddr_nl {
	u16 family, pad;
	u32 pid, groups;
};

struct netlink_sock {
	struct socket socket;
	struct list link;
	u32 pid, groups; /* pid 0: not bound */
	bool cap_ack;
	struct packet_queue rx;
	struct sleep_lock read_lock;
	struct wait_queue read_wait;
};

static struct list sockets = LIST_INIT(sockets);

static struct netlink_sock *netlink_of(struct socket *s)
{
	return container_of(s, struct netlink_sock, socket);
}

/* ---- names ---- */

/* Each protocol has its own numbers. */
static bool pid_taken(int protocol, u32 pid)
{
	struct netlink_sock *n;
	list_for_each (n, &sockets, link)
		if (n->socket.protocol == protocol && n->pid == pid)
			return true;
	return false;
}

static void autobind(struct netlink_sock *n)
{
	static u32 next = (u32)-4097;
	u32 pid = (u32)current->process->pid;
	if (n->pid)
		return;
	while (pid_taken(n->socket.protocol, pid))
		pid = next--;
	n->pid = pid;
}

static int parse(const void *addr, u32 len, struct k_sockaddr_nl *nl)
{
	if (len < sizeof(*nl))
		return -EINVAL;
	memcpy(nl, addr, sizeof(*nl));
	return nl->family == K_AF_NETLINK ? 0 : -EINVAL;
}

static int netlink_bind(struct socket *s, const void *addr, u32 len)
{
	struct netlink_sock *n = netlink_of(s);
	struct k_sockaddr_nl nl;
	int r = parse(addr, len, &nl);
	if (r)
		return r;
	if (n->pid && nl.pid != n->pid)
		return -EINVAL;
	if (!n->pid && nl.pid && pid_taken(s->protocol, nl.pid))
		return -EADDRINUSE;
	if (nl.pid)
		n->pid = nl.pid;
	autobind(n);
	n->groups = nl.groups; /* nothing ever changes: no message comes */
	return 0;
}

static int netlink_connect(struct socket *s, const void *addr, u32 len)
{
	struct k_sockaddr_nl nl;
	u16 family;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == K_AF_UNSPEC)
		return 0;
	int r = parse(addr, len, &nl);
	if (r)
		return r;
	if (nl.pid || nl.groups)
		return -EPERM;
	autobind(netlink_of(s));
	return 0;
}

static int netlink_getname(struct socket *s, void *addr, bool peer)
{
	struct netlink_sock *n = netlink_of(s);
	struct k_sockaddr_nl nl = {.family = K_AF_NETLINK};
	if (!peer) {
		nl.pid = n->pid;
		nl.groups = n->groups;
	}
	memcpy(addr, &nl, sizeof(nl));
	return sizeof(nl);
}

/* ---- requests and answers ---- */

static void queue(struct netlink_sock *n, const void *data, u32 len)
{
	struct packet *p = n->rx.bytes + len > n->socket.options.rcvbuf ? NULL : packet_alloc(len, true);
	if (!p) {
		n->socket.error = ENOBUFS;
		return;
	}
	memcpy(p->data, data, len);
	packet_push(&n->rx, p);
}

static void acknowledge(struct netlink_sock *n, const struct nlmsghdr *h, int error, struct nl_writer *w)
{
	u32 payload = error && !n->cap_ack ? MIN(h->nlmsg_len - NLMSG_HDRLEN, 1024u) : 0;
	w->used = 0;
	w->flags = payload == h->nlmsg_len - NLMSG_HDRLEN ? 0 : NLM_F_CAPPED;
	struct nlmsgerr *e = nl_begin(w, NLMSG_ERROR, (u32)sizeof(*e) + payload);
	e->error = error;
	memcpy(&e->msg, h, sizeof(*h) + payload);
	nl_end(w);
	queue(n, w->buf, w->used);
}

static void serve(struct netlink_sock *n, const struct nlmsghdr *h, u8 *buf)
{
	struct nl_writer w = {buf, 0, RTNETLINK_REPLY_MAX, n->pid, h->nlmsg_seq, 0};
	int error = 0;
	if ((h->nlmsg_flags & NLM_F_REQUEST) && h->nlmsg_type >= NLMSG_MIN_TYPE) {
		/* NETLINK_SOCK_DIAG knows no family, as a Linux without those modules: programs then read /proc/net. */
		error = n->socket.protocol == NETLINK_ROUTE ? rtnetlink_answer(h, &w) : -ENOENT;
		if (!error && w.used) {
			queue(n, buf, w.used);
			if (w.flags & NLM_F_MULTI)
				return; /* NLMSG_DONE is the acknowledgement */
		}
	}
	if (error || (h->nlmsg_flags & NLM_F_ACK))
		acknowledge(n, h, error, &w);
}

static void serve_all(struct netlink_sock *n, const u8 *data, u32 len, u8 *buf)
{
	u32 at = 0;
	while (len - at >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const void *)(data + at);
		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > len - at)
			break;
		serve(n, h, buf);
		if (NLMSG_ALIGN(h->nlmsg_len) > len - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	if (n->rx.count || n->socket.error)
		wake_up(&n->read_wait, EPOLLIN | EPOLLRDNORM);
}

static long netlink_sendmsg(struct socket *s, struct socket_msg *msg)
{
	struct netlink_sock *n = netlink_of(s);
	struct k_sockaddr_nl nl = {0};
	u32 len = (u32)msg->uio->left;
	int r = 0;
	if (msg->flags & K_MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->name && (r = parse(msg->name, msg->name_len, &nl)))
		return r;
	if (nl.pid || nl.groups)
		return nl.groups ? -EPERM : -ECONNREFUSED; /* nobody but the kernel is there */
	if (msg->uio->left > REQUEST_MAX)
		return -EMSGSIZE;
	if (!len)
		return 0;
	autobind(n);
	struct packet *p = packet_from_uio(msg->uio, len, true, &r);
	if (!p)
		return r;
	u8 *buf = kmalloc(RTNETLINK_REPLY_MAX);
	if (buf)
		serve_all(n, p->data, len, buf);
	kfree(buf);
	packet_free(p);
	return buf ? (long)len : -ENOBUFS;
}

static int wait_answer(struct netlink_sock *n, const struct socket_timer *timer)
{
	while (!n->rx.count) {
		if (n->socket.error)
			return socket_take_error(&n->socket);
		sleep_unlock(&n->read_lock);
		int r = socket_wait(&n->read_wait, n->rx.count || n->socket.error, timer);
		sleep_lock(&n->read_lock);
		if (r)
			return r;
	}
	return 0;
}

static long read_answer(struct netlink_sock *n, struct socket_msg *msg)
{
	struct packet *p = packet_first(&n->rx);
	u32 len = p->len, want = (u32)MIN((u64)len, msg->uio->left);
	u32 copied = (u32)uio_copy_to(msg->uio, p->data, want);
	const struct k_sockaddr_nl kernel = {.family = K_AF_NETLINK};
	if (want < len)
		msg->out_flags |= K_MSG_TRUNC;
	if (msg->name) {
		memcpy(msg->name, &kernel, sizeof(kernel));
		msg->name_len = sizeof(kernel);
	}
	if (n->socket.options.passcred)
		scm_put_cred(msg, &(struct k_ucred){0, 0, 0}, true);
	if (!(msg->flags & K_MSG_PEEK)) {
		packet_unlink(&n->rx, p);
		packet_free(p);
	}
	if (copied < want)
		return -EFAULT;
	return msg->flags & K_MSG_TRUNC ? len : want;
}

static long netlink_recvmsg(struct socket *s, struct socket_msg *msg)
{
	struct netlink_sock *n = netlink_of(s);
	struct socket_timer timer = socket_receive_timer(s, msg->flags);
	msg->name_len = 0;
	if (msg->flags & K_MSG_OOB)
		return -EOPNOTSUPP;
	sleep_lock(&n->read_lock);
	long r = wait_answer(n, &timer);
	if (!r)
		r = read_answer(n, msg);
	sleep_unlock(&n->read_lock);
	return r;
}

/* ---- the rest ---- */

static u32 netlink_poll(struct socket *s, struct poll_table *table)
{
	struct netlink_sock *n = netlink_of(s);
	if (table)
		poll_wait(table, &n->read_wait);
	return EPOLLOUT | EPOLLWRNORM | (n->rx.count ? EPOLLIN | EPOLLRDNORM : 0u) | (s->error ? EPOLLERR : 0u);
}

static int netlink_setsockopt(struct socket *s, int level, int name, const void *value, u32 len)
{
	int v = 0;
	if (len >= sizeof(v))
		memcpy(&v, value, sizeof(v));
	if (level == SOL_SOCKET && name == SO_PASSCRED) {
		s->options.passcred = v != 0;
		return len < sizeof(v) ? -EINVAL : 0;
	}
	if (level != SOL_NETLINK_LEVEL)
		return -ENOPROTOOPT;
	switch (name) {
	case NETLINK_CAP_ACK:
		netlink_of(s)->cap_ack = v != 0;
		return 0;
	case NETLINK_ADD_MEMBERSHIP:
	case NETLINK_DROP_MEMBERSHIP:
	case NETLINK_PKTINFO:
	case NETLINK_BROADCAST_ERROR:
	case NETLINK_NO_ENOBUFS:
	case NETLINK_EXT_ACK:
	case NETLINK_GET_STRICT_CHK:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static long netlink_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct netlink_sock *n = netlink_of(s);
	int bytes = n->rx.count ? (int)packet_first(&n->rx)->len : 0;
	return cmd == FIONREAD ? put_user(user(arg), bytes) : interface_ioctl(cmd, arg);
}

static void netlink_release(struct socket *s)
{
	struct netlink_sock *n = netlink_of(s);
	list_remove(&n->link);
	packet_queue_purge(&n->rx);
	kfree(n);
}

static const struct socket_ops netlink_ops = {
    .connect = netlink_connect,
    .bind = netlink_bind,
    .getname = netlink_getname,
    .sendmsg = netlink_sendmsg,
    .recvmsg = netlink_recvmsg,
    .setsockopt = netlink_setsockopt,
    .poll = netlink_poll,
    .ioctl = netlink_ioctl,
    .release = netlink_release,
};

int netlink_create(int type, int protocol, struct socket **out)
{
	if (type != K_SOCK_RAW && type != K_SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG)
		return -EPROTONOSUPPORT;
	struct netlink_sock *n = kzalloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	socket_init(&n->socket, &netlink_ops, K_AF_NETLINK, type, protocol);
	packet_queue_init(&n->rx);
	sleep_lock_init(&n->read_lock);
	wait_queue_init(&n->read_wait);
	list_append(&sockets, &n->link);
	*out = &n->socket;
	return 0;
}
