/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending and receiving on AF_UNIX sockets. Data goes straight into the receiver's queue; the sender's SO_SNDBUF limits
 * how much of it may wait there.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/scm.h"
#include "guestkernel/net/unix.h"
#include <linux/eventpoll.h>

#define READABLE (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND)
#define WRITABLE (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)

void unix_packet_free(struct packet *p)
{
	unix_name_put(p->unix_from);
	packet_free(p);
}

void unix_purge(struct packet_queue *q)
{
	struct packet *p;
	while ((p = packet_first(q))) {
		packet_unlink(q, p);
		unix_packet_free(p);
	}
}

/* ---- room: writers stop when the queue is full and go on when it is half empty, so that they do not wake for every
 * byte ---- */

static bool half_empty(const struct unix_sock *from, u32 bytes, u32 count)
{
	return bytes <= from->socket.options.sndbuf / 2 && count <= SOCKET_DATAGRAMS_LIMIT / 2;
}

bool unix_has_room(const struct unix_sock *from, const struct unix_sock *to)
{
	return half_empty(from, to->rx.bytes, to->rx.count);
}

static bool full(const struct unix_sock *from, const struct unix_sock *to)
{
	return to->rx.bytes >= from->socket.options.sndbuf || to->rx.count >= SOCKET_DATAGRAMS_LIMIT;
}

/* Tells writers that u's queue, which held this much, has become shorter. */
static void drained(struct unix_sock *u, u32 bytes, u32 count)
{
	struct unix_sock *sender;
	if (u->socket.type != K_SOCK_DGRAM) {
		if (u->peer && !half_empty(u->peer, bytes, count) && unix_has_room(u->peer, u))
			wake_up(&u->peer->write_wait, WRITABLE);
		return;
	}
	list_for_each (sender, &u->senders, sender_link)
		if (!half_empty(sender, bytes, count) && unix_has_room(sender, u))
			wake_up(&sender->write_wait, WRITABLE);
	wake_up(&u->room_wait, 0);
}

/* ---- sending ---- */

static void stamp(struct packet *p, struct unix_sock *from, const struct unix_sock *to, struct scm *scm)
{
	p->has_cred = scm->has_cred || from->socket.options.passcred || to->socket.options.passcred;
	if (p->has_cred)
		p->cred = scm->cred;
	p->files = scm->files;
	scm->files = NULL;
	if (p->files)
		unix_inflight_add(p->files);
	p->unix_from = NULL;
}

/* Why nothing can be sent to the peer of a connected socket, or 0. */
static int stream_obstacle(const struct unix_sock *u)
{
	if (u->shut & K_SHUT_WR)
		return -EPIPE;
	if (!u->peer)
		return -ENOTCONN;
	return u->peer->dead || (u->peer->shut & K_SHUT_RD) ? -EPIPE : 0;
}

static int wait_stream_room(struct unix_sock *u, const struct socket_timer *timer)
{
	int r = stream_obstacle(u);
	if (r || !full(u, u->peer))
		return r;
	r = socket_wait(&u->write_wait, stream_obstacle(u) || unix_has_room(u, u->peer), timer);
	return r ? r : stream_obstacle(u);
}

static long send_stream(struct unix_sock *u, struct socket_msg *msg, struct scm *scm)
{
	struct socket_timer timer = socket_send_timer(&u->socket, msg->flags);
	long sent = 0;
	int r = msg->uio->left ? 0 : stream_obstacle(u);
	while (msg->uio->left) {
		r = wait_stream_room(u, &timer);
		if (r)
			break;
		u32 room = u->socket.options.sndbuf - u->peer->rx.bytes;
		u32 n = (u32)MIN((u64)MIN(room, STREAM_CHUNK), msg->uio->left);
		struct packet *p = packet_from_uio(msg->uio, n, false, &r);
		if (!p)
			break;
		r = stream_obstacle(u); /* copying may have slept */
		if (r) {
			packet_free(p);
			break;
		}
		sent += p->len;
		stamp(p, u, u->peer, scm);
		packet_push_stream(&u->peer->rx, p);
		wake_up(&u->peer->read_wait, READABLE);
	}
	if (sent || !r)
		return sent;
	return r == -EPIPE ? socket_broken_pipe(msg->flags) : r;
}

/* Whom a datagram goes to; with a reference. */
static int dgram_target(struct unix_sock *u, const struct socket_msg *msg, struct unix_sock **out)
{
	bool named = msg->name && u->socket.type == K_SOCK_DGRAM;
	if (named)
		return unix_find(msg->name, msg->name_len, K_SOCK_DGRAM, out);
	if (!u->peer)
		return -ENOTCONN;
	*out = u->peer;
	unix_get(u->peer);
	return 0;
}

static int dgram_obstacle(struct unix_sock *u, struct unix_sock *to)
{
	if (u->socket.error)
		return socket_take_error(&u->socket);
	if (u->shut & K_SHUT_WR)
		return -EPIPE;
	if (to->dead) {
		if (u->socket.type == K_SOCK_SEQPACKET)
			return -EPIPE;
		if (u->peer == to) {
			unix_disconnect(u);
			u->state = UNIX_CLOSED;
		}
		return -ECONNREFUSED;
	}
	if (to->shut & K_SHUT_RD)
		return -EPIPE;
	return u->socket.type == K_SOCK_DGRAM && to->peer && to->peer != u ? -EPERM : 0;
}

static int wait_dgram_room(struct unix_sock *u, struct unix_sock *to, struct socket_msg *msg)
{
	struct socket_timer timer = socket_send_timer(&u->socket, msg->flags);
	bool connected = u->socket.type != K_SOCK_DGRAM;
	struct wait_queue *q = connected ? &u->write_wait : &to->room_wait;
	int r = 0;
	while (full(u, to)) {
		r = dgram_obstacle(u, to);
		if (r)
			return r;
		/* Only what dgram_obstacle() answers may end the wait without room: else this would spin. */
		r = socket_wait(q, unix_has_room(u, to) || to->dead || (u->shut & K_SHUT_WR) || (to->shut & K_SHUT_RD),
				&timer);
		if (r)
			return r;
	}
	return dgram_obstacle(u, to);
}

static long send_dgram(struct unix_sock *u, struct socket_msg *msg, struct scm *scm)
{
	struct unix_sock *to;
	u64 len = msg->uio->left;
	int r = dgram_target(u, msg, &to);
	if (r)
		return r;
	if (len > u->socket.options.sndbuf - 32)
		r = -EMSGSIZE;
	if (!r && u->socket.options.passcred)
		r = unix_autobind(u);
	struct packet *p = r ? NULL : packet_from_uio(msg->uio, (u32)len, true, &r);
	if (p) {
		r = wait_dgram_room(u, to, msg);
		if (r) {
			packet_free(p);
		} else {
			stamp(p, u, to, scm);
			p->unix_from = unix_name_get(u->name);
			p->wall_ns = time_wall_ns();
			packet_push(&to->rx, p);
			wake_up(&to->read_wait, READABLE);
		}
	}
	unix_put(to);
	return r ? r : (long)len;
}

static int check_send(const struct unix_sock *u, const struct socket_msg *msg)
{
	if (msg->flags & K_MSG_OOB)
		return -EOPNOTSUPP;
	if (u->socket.type == K_SOCK_STREAM) {
		if (msg->name && msg->name_len)
			return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
		return u->peer || (u->shut & K_SHUT_WR) ? 0 : -ENOTCONN;
	}
	if (u->socket.type == K_SOCK_DGRAM && (u->shut & K_SHUT_WR))
		return -EPIPE;
	return u->socket.type == K_SOCK_SEQPACKET && u->state != UNIX_CONNECTED ? -ENOTCONN : 0;
}

long unix_sendmsg(struct socket *s, struct socket_msg *msg)
{
	struct unix_sock *u = unix_of(s);
	struct scm scm;
	int r = scm_parse(msg, &scm);
	if (r)
		return r;
	long n = check_send(u, msg);
	if (!n)
		n = s->type == K_SOCK_STREAM ? send_stream(u, msg, &scm) : send_dgram(u, msg, &scm);
	scm_files_free(scm.files);
	unix_gc_when_many();
	return n;
}

/* ---- receiving ---- */

static void copy_name(struct socket_msg *msg, const struct unix_name *name)
{
	msg->name_len = msg->name && name ? unix_name_copy(name, msg->name) : 0;
}

/* Hands the descriptors of a packet to the receiver: the same ones, or (peek) more references. */
static void take_files(struct socket_msg *msg, struct packet *p)
{
	if (!p->files)
		return;
	if (msg->flags & K_MSG_PEEK) {
		msg->files = scm_files_copy(p->files);
		return;
	}
	unix_inflight_remove(p->files);
	msg->files = p->files;
	p->files = NULL;
}

/* The packet at `skip` bytes from the front of the queue; *skip becomes the offset into it. NULL: there is none yet. */
static struct packet *packet_at(const struct packet_queue *q, u32 *skip)
{
	struct packet *p;
	list_for_each (p, &q->packets, link) {
		if (*skip < p->len)
			return p;
		*skip -= p->len;
	}
	return NULL;
}

struct stream_read {
	struct unix_sock *u;
	struct socket_msg *msg;
	struct socket_timer timer;
	u64 target; /* bytes at which it does not wait any more */
	u32 peek;   /* bytes looked at, with MSG_PEEK */
	long copied;
	bool has_cred, cred_told;
	struct k_ucred cred;
};

/* 0: go on; 1: the end of this call; -errno. The read lock is given up meanwhile. */
static int wait_stream(struct stream_read *r)
{
	struct unix_sock *u = r->u;
	u32 seen = r->peek;
	if ((u64)r->copied >= r->target)
		return 1;
	if (u->socket.error)
		return r->copied ? 1 : socket_take_error(&u->socket);
	if (u->shut & K_SHUT_RD)
		return 1;
	sleep_unlock(&u->read_lock);
	int error =
	    socket_wait(&u->read_wait, u->rx.bytes > seen || u->socket.error || (u->shut & K_SHUT_RD), &r->timer);
	sleep_lock(&u->read_lock);
	return error;
}

/* Does this packet come from another sender than what was already read? Then it is for the next call. */
static bool other_sender(struct stream_read *r, const struct packet *p)
{
	if (!r->u->socket.options.passcred)
		return false;
	if (!r->cred_told) {
		r->cred_told = true;
		r->has_cred = p->has_cred;
		r->cred = p->cred;
		scm_put_cred(r->msg, &p->cred, p->has_cred);
		return false;
	}
	return r->has_cred != p->has_cred || memcmp(&r->cred, &p->cred, sizeof(r->cred)) != 0;
}

/* Copies from one packet. 0: go on; 1: done; -EFAULT. */
static int read_packet(struct stream_read *r, struct packet *p, u32 skip)
{
	struct unix_sock *u = r->u;
	u32 want = (u32)MIN((u64)(p->len - skip), r->msg->uio->left), bytes = u->rx.bytes, count = u->rx.count;
	u32 n = (u32)uio_copy_to(r->msg->uio, p->data + p->offset + skip, want);
	if (n < want && !n)
		return r->copied ? 1 : -EFAULT;
	take_files(r->msg, p);
	r->copied += n;
	if (r->msg->flags & K_MSG_PEEK) {
		r->peek += n;
	} else {
		packet_consume(&u->rx, p, n);
		if (!p->len) {
			packet_unlink(&u->rx, p);
			unix_packet_free(p);
		}
		if (u->peek_offset > 0)
			u->peek_offset = MAX(0, u->peek_offset - (s32)n);
		drained(u, bytes, count);
	}
	return n < want || r->msg->files;
}

static long recv_stream(struct unix_sock *u, struct socket_msg *msg)
{
	struct stream_read r = {.u = u, .msg = msg, .timer = socket_receive_timer(&u->socket, msg->flags)};
	u64 want = msg->uio->left;
	u32 start = msg->flags & K_MSG_PEEK && u->peek_offset > 0 ? (u32)u->peek_offset : 0;
	int end = 0;
	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (msg->flags & K_MSG_OOB)
		return -EINVAL;
	r.target = MAX(msg->flags & K_MSG_WAITALL ? want : MIN(want, (u64)u->socket.options.rcvlowat), 1ull);
	r.peek = start;
	sleep_lock(&u->read_lock);
	while (!end && !want &&
	       !packet_at(&u->rx, &(u32){r.peek})) /* who asks for nothing waits for something all the same */
		end = wait_stream(&r);
	while (!end && msg->uio->left) {
		u32 skip = r.peek;
		struct packet *p = packet_at(&u->rx, &skip);
		if (!p)
			end = wait_stream(&r);
		else if (other_sender(&r, p))
			break;
		else
			end = read_packet(&r, p, skip);
		if (r.copied && (msg->flags & K_MSG_PEEK) && !packet_at(&u->rx, &(u32){r.peek}))
			break;
	}
	if (msg->flags & K_MSG_PEEK && u->peek_offset >= 0)
		u->peek_offset += (s32)r.copied;
	sleep_unlock(&u->read_lock);
	if (r.copied)
		copy_name(msg, u->peer ? u->peer->name : NULL);
	else
		msg->name_len = 0;
	return r.copied || end >= 0 ? r.copied : end;
}

static int wait_dgram(struct unix_sock *u, const struct socket_timer *timer)
{
	while (!u->rx.count) {
		if (u->socket.error)
			return socket_take_error(&u->socket);
		if (u->shut & K_SHUT_RD)
			return timer->nonblock && u->socket.type == K_SOCK_DGRAM ? -EAGAIN : 1;
		sleep_unlock(&u->read_lock);
		int r = socket_wait(&u->read_wait, u->rx.count || u->socket.error || (u->shut & K_SHUT_RD), timer);
		sleep_lock(&u->read_lock);
		if (r)
			return r;
	}
	return 0;
}

static long read_dgram(struct unix_sock *u, struct socket_msg *msg, struct packet *p)
{
	u32 bytes = u->rx.bytes, count = u->rx.count, len = p->len;
	u32 want = (u32)MIN((u64)len, msg->uio->left);
	bool peek = msg->flags & K_MSG_PEEK;
	u32 n = (u32)uio_copy_to(msg->uio, p->data, want);
	if (n < want)
		return -EFAULT;
	if (want < len)
		msg->out_flags |= K_MSG_TRUNC;
	copy_name(msg, p->unix_from);
	socket_put_timestamp(&u->socket, msg, p->wall_ns);
	if (u->socket.options.passcred)
		scm_put_cred(msg, &p->cred, p->has_cred);
	take_files(msg, p);
	if (!peek) {
		packet_unlink(&u->rx, p);
		unix_packet_free(p);
		drained(u, bytes, count);
	}
	return msg->flags & K_MSG_TRUNC ? len : want;
}

static long recv_dgram(struct unix_sock *u, struct socket_msg *msg)
{
	struct socket_timer timer = socket_receive_timer(&u->socket, msg->flags);
	if (u->socket.type == K_SOCK_SEQPACKET && u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (msg->flags & K_MSG_OOB)
		return -EOPNOTSUPP;
	sleep_lock(&u->read_lock);
	long r = wait_dgram(u, &timer);
	if (!r)
		r = read_dgram(u, msg, packet_first(&u->rx));
	else
		msg->name_len = 0, r = r > 0 ? 0 : r;
	sleep_unlock(&u->read_lock);
	return r;
}

long unix_recvmsg(struct socket *s, struct socket_msg *msg)
{
	struct unix_sock *u = unix_of(s);
	if (msg->flags & K_MSG_ERRQUEUE)
		return -EAGAIN;
	return s->type == K_SOCK_STREAM ? recv_stream(u, msg) : recv_dgram(u, msg);
}
