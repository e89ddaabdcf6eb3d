/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_VSOCK stream sockets: connections, their state and options (virtio 1.2, 5.10.6).
 */
#include "guestkernel/net/vsock_private.h"

#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/signal.h"
#include "abi/wire.h"
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#define AF_VSOCK 40

struct sockaddr_vm { /* vsock(7) */
	u16 svm_family, svm_reserved;
	u32 svm_port, svm_cid;
	u8 zero[4];
};

static struct list sockets = LIST_INIT(sockets);
u64 vsock_news;
static u32 next_port = 0xf0000000;

/* ---- packets ---- */

bool vsock_send_packet(struct vsock *v, u16 op, u32 flags, struct vring_piece *pieces, unsigned count, u32 bytes,
		       struct page *copied)
{
	struct vsock_header header = (struct vsock_header){
	    .src_cid = boot->vsock.guest_cid,
	    .dst_cid = WIRE_HOST_CID,
	    .src_port = v->local_port,
	    .dst_port = v->peer_port,
	    .len = bytes,
	    .type = VSOCK_TYPE_STREAM,
	    .op = op,
	    .flags = flags,
	    .buf_alloc = RECEIVE_BUFFER,
	    .fwd_cnt = v->forwarded,
	};
	if (!vsock_ring_send(&header, pieces, count, copied))
		return false;
	v->forwarded_told = v->forwarded;
	return true;
}

void vsock_send_control(struct vsock *v, u16 op, u32 flags)
{
	struct vring_piece piece[1];
	vsock_send_packet(v, op, flags, piece, 1, 0, NULL);
}

static struct vsock *find(u32 local_port, u32 peer_port)
{
	struct vsock *v;
	list_for_each (v, &sockets, link)
		if (v->local_port == local_port && v->peer_port == peer_port)
			return v;
	return NULL;
}

void vsock_closed(struct vsock *v, int error)
{
	v->state = CLOSED;
	v->eof = v->peer_deaf = true;
	if (!v->error)
		v->error = error;
}

void vsock_receive(const struct vsock_header *header, unsigned buffer)
{
	struct vsock_header h = *header;
	struct vsock *v = find(h.dst_port, h.src_port);
	if (!v)
		return;
	vsock_news += !v->quiet;
	v->peer_buffer = h.buf_alloc;
	v->peer_forwarded = h.fwd_cnt;
	u32 events = EPOLLOUT | EPOLLWRNORM;
	switch (h.op) {
	case VSOCK_OP_RESPONSE:
		if (v->state == CONNECTING)
			v->state = CONNECTED;
		break;
	case VSOCK_OP_RW:
		vsock_receive_data(v, buffer, h.len);
		events |= EPOLLIN | EPOLLRDNORM;
		break;
	case VSOCK_OP_SHUTDOWN:
		v->peer_deaf |= (h.flags & VSOCK_SHUTDOWN_RECEIVE) != 0;
		v->eof |= (h.flags & VSOCK_SHUTDOWN_SEND) != 0;
		events |= EPOLLIN | EPOLLRDHUP | EPOLLHUP;
		break;
	case VSOCK_OP_RST:
		vsock_closed(v, v->state == CONNECTING ? ECONNREFUSED : v->eof ? 0 : ECONNRESET);
		events |= EPOLLIN | EPOLLHUP | EPOLLERR;
		break;
	case VSOCK_OP_CREDIT_REQUEST:
		vsock_send_control(v, VSOCK_OP_CREDIT_UPDATE, 0);
		break;
	default:
		break;
	}
	wake_up(&v->wait, events);
}

/* ---- file operations ---- */

static u32 vsock_poll_state(struct socket *s, struct poll_table *table)
{
	struct vsock *v = vsock_of(s);
	poll_wait(table, &v->wait);
	vsock_poll();
	u32 events = 0;
	if (v->rx_bytes || v->eof || v->shut_receive)
		events |= EPOLLIN | EPOLLRDNORM;
	if (v->eof && !v->fifo)
		events |= EPOLLRDHUP;
	if (v->state == CLOSED || (v->fifo && v->eof))
		events |= EPOLLHUP;
	if (v->error || (v->fifo && v->peer_deaf))
		events |= EPOLLERR;
	if ((v->state == CONNECTED && vsock_credit(v)) || v->peer_deaf || v->state == CLOSED)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static int vsock_connect(struct socket *s, const void *addr, u32 len)
{
	struct vsock *v = vsock_of(s);
	struct sockaddr_vm vm;
	if (len < sizeof(vm))
		return -EINVAL;
	memcpy(&vm, addr, sizeof(vm));
	if (vm.svm_family != AF_VSOCK)
		return -EAFNOSUPPORT;
	/* The channel to the host is the agent's alone (and of what it starts before it drops its rights). */
	if (!cred_has_cap(21 /* CAP_SYS_ADMIN */))
		return -EPERM;
	if (v->state == CONNECTING)
		return -EALREADY;
	if (v->state != NEW)
		return -EISCONN;
	if (vm.svm_cid != WIRE_HOST_CID)
		return -ENODEV;
	v->peer_port = vm.svm_port;
	v->state = CONNECTING;
	vsock_send_control(v, VSOCK_OP_REQUEST, 0);
	if (s->file->flags & O_NONBLOCK)
		return -EINPROGRESS;
	int r = vsock_wait_for(v, v->state != CONNECTING);
	if (r)
		return r;
	r = v->state == CLOSED ? -v->error : 0;
	v->error = 0;
	return r;
}

static int vsock_getname(struct socket *s, void *addr, bool peer)
{
	struct vsock *v = vsock_of(s);
	if (peer && v->state != CONNECTED)
		return -ENOTCONN;
	struct sockaddr_vm vm = {.svm_family = AF_VSOCK};
	vm.svm_cid = peer ? (u32)WIRE_HOST_CID : (u32)boot->vsock.guest_cid;
	vm.svm_port = peer ? v->peer_port : v->local_port;
	memcpy(addr, &vm, sizeof(vm));
	return sizeof(vm);
}

static int vsock_shutdown(struct socket *s, int how)
{
	struct vsock *v = vsock_of(s);
	if (how < 0 || how > 2)
		return -EINVAL;
	if (v->state != CONNECTED)
		return -ENOTCONN;
	u32 flags = how == 0 ? VSOCK_SHUTDOWN_RECEIVE : how == 1 ? VSOCK_SHUTDOWN_SEND : 3;
	v->shut_receive |= (flags & VSOCK_SHUTDOWN_RECEIVE) != 0;
	v->shut_send |= (flags & VSOCK_SHUTDOWN_SEND) != 0;
	vsock_send_control(v, VSOCK_OP_SHUTDOWN, flags);
	wake_up(&v->wait, EPOLLIN | EPOLLOUT);
	return 0;
}

static int vsock_setsockopt(struct socket *s, int level, int name, const void *value, u32 len)
{
	struct vsock *v = vsock_of(s);
	if (level != AF_VSOCK || name != WIRE_SO_FIFO)
		return -ENOPROTOOPT;
	v->fifo = true;
	s->file->inode->mode = K_S_IFIFO | 0600;
	file_make_reopenable(s->file);
	return 0;
}

static int vsock_getsockopt(struct socket *s, int level, int name, void *value, u32 *len)
{
	struct vsock *v = vsock_of(s);
	if (level != 1 /* SOL_SOCKET */ || name != 4 /* SO_ERROR */ || *len < 4)
		return -ENOPROTOOPT;
	memcpy(value, &v->error, 4);
	v->error = 0;
	*len = 4;
	return 0;
}

static long vsock_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	if (cmd != FIONREAD)
		return -ENOTTY;
	int n = (int)vsock_of(s)->rx_bytes;
	return put_user(user(arg), n);
}

static void vsock_release(struct socket *s)
{
	struct vsock *v = vsock_of(s);
	if (v->state == CONNECTED || v->state == CONNECTING)
		vsock_send_control(v, VSOCK_OP_SHUTDOWN, 3);
	vsock_drop_data(v);
	list_remove(&v->link);
	kfree(v);
}

static const struct socket_ops vsock_ops;

void vsock_quiet(struct file *file)
{
	struct socket *s = socket_of(file);
	if (s && s->ops == &vsock_ops)
		vsock_of(s)->quiet = true;
}

static const struct socket_ops vsock_ops = {
    .connect = vsock_connect,
    .getname = vsock_getname,
    .sendmsg = vsock_sendmsg,
    .recvmsg = vsock_recvmsg,
    .splice_read = vsock_splice_read,
    .shutdown = vsock_shutdown,
    .setsockopt = vsock_setsockopt,
    .getsockopt = vsock_getsockopt,
    .poll = vsock_poll_state,
    .ioctl = vsock_ioctl,
    .release = vsock_release,
};

int vsock_create(int type, int protocol, struct socket **out)
{
	if (type != 1 /* SOCK_STREAM */)
		return -ESOCKTNOSUPPORT;
	if (protocol && protocol != AF_VSOCK)
		return -EPROTONOSUPPORT;
	struct vsock *v = kzalloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->socket.ops = &vsock_ops;
	v->local_port = next_port++;
	list_init(&v->rx);
	wait_queue_init(&v->wait);
	list_append(&sockets, &v->link);
	*out = &v->socket;
	return 0;
}
