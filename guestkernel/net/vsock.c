/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_VSOCK streams over virtio (virtio 1.2, 5.10).
 *
 * Notifying the device leaves the guest, which costs tens of microseconds on some hosts. So most packets are only
 * queued: connection requests, credit, half-closes, and small writes, whose bytes are copied. They are in the available
 * ring at once, where the device finds them at its next tick (BOOT_TICK_NS) or at the end of the machine, however that
 * comes. A notification goes out when the CPU has nothing else to do (vsock_flush), when much is queued, and with large
 * writes. The device does its work inside the notification: when it returns, what it had to say stands in the used
 * rings.
 *
 * Receive: each posted chain is a header of its own and one block of RX_BLOCK bytes. A block whose payload is small is
 * copied and posted again; a larger one moves to the connection's queue, from where splice can take its pages.
 * Transmit: the pages of the writer of much go into the chain as they are.
 */
#include "guestkernel/net/vsock.h"

#include "guestkernel/drv/vring.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/net/socket.h"
#include "guestkernel/net/vsock_packet.h"
#include "guestkernel/proc/signal.h"
#include "abi/wire.h"
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#define AF_VSOCK	40
#define SPLICE_NONBLOCK 2u

struct sockaddr_vm { /* vsock(7) */
	u16 svm_family, svm_reserved;
	u32 svm_port, svm_cid;
	u8 zero[4];
};

#define RX_ORDER	 4
#define RX_PAGES	 (1u << RX_ORDER)
#define RX_BLOCK	 (PAGE_SIZE << RX_ORDER)
#define RX_BUFFERS	 40			     /* 2.5 MiB: more than two connections' credit */
#define RX_BUFFERS_FIRST (BOOT_RX_FRAMES / RX_PAGES) /* posted at boot: five answers, the job, a small program */
#define RX_COPY_BYTES	 2048			     /* payloads up to this are copied, their block is posted again */
#define RECEIVE_BUFFER	 (1u << 20)		     /* credit that each connection gives the host */
#define TX_HEADERS	 64
#define TX_PIECES	 34	      /* header + pages of one packet */
#define TX_BYTES	 (128u << 10) /* payload of one packet */
#define TX_COPY_BYTES	 2048	      /* writes up to this are copied and queued */
#define TX_QUEUED_BYTES	 (32u << 10)  /* copied bytes that may wait for the device */

enum state { NEW, CONNECTING, CONNECTED, CLOSED };

struct segment {
	struct list link;
	u8 *data;	    /* direct map */
	u32 offset, len;    /* what is left: data[offset, offset + len) */
	struct page *block; /* first of RX_PAGES single frames, or NULL when data is kmalloc'ed with the segment */
	u32 given;	    /* frames at the block's start that have been given away (splice) */
};

struct vsock {
	struct socket socket;
	struct list link;
	enum state state;
	u32 local_port, peer_port;
	int error;
	bool eof;	/* the peer sends no more */
	bool peer_deaf; /* the peer receives no more */
	bool shut_send, shut_receive;
	bool fifo;
	struct list rx;
	u32 rx_bytes;
	u32 forwarded, forwarded_told;
	u32 sent, peer_buffer, peer_forwarded;
	struct wait_queue wait;
};

static struct vring rx, tx;
static struct list sockets = LIST_INIT(sockets);
static struct vsock_header *rx_headers, *tx_headers;
static struct page *rx_blocks[RX_BUFFERS];
static unsigned rx_posted;		   /* how many exist */
static u16 rx_buffer_of[VSOCK_QUEUE_SIZE]; /* by head descriptor */
static u8 tx_header_of[VSOCK_QUEUE_SIZE];
static u64 tx_headers_free;
static struct page *tx_payload[TX_HEADERS]; /* a reference for copied bytes, or NULL */
static struct page *tx_page;		    /* where the next bytes are copied to */
static u32 tx_page_used, tx_queued;
static bool notify_wanted;
static u32 next_port = 0xf0000000;

static void notify(void)
{
	notify_wanted = false;
	tx_queued = 0;
	volatile u32 *reg = phys_to_virt(boot->vsock.mmio + VSOCK_MMIO_NOTIFY);
	*reg = VSOCK_TX;
}

/* ---- receive buffers ---- */

static void post_buffer(unsigned i)
{
	struct vring_piece pieces[2] = {
	    {virt_to_phys(&rx_headers[i]), VSOCK_HEADER_BYTES},
	    {page_addr(rx_blocks[i]), RX_BLOCK},
	};
	int head = vring_add(&rx, pieces, 2, true);
	kassert(head >= 0);
	rx_buffer_of[head] = (u16)i;
}

/* A block of RX_PAGES single frames. Past the first ones they come from 2 MiB blocks, which the host gives with one
 * fault: much data is arriving then. */
static struct page *alloc_block(void)
{
	static struct page *next;
	static unsigned left;
	struct page *block;

	if (rx_posted >= RX_BUFFERS_FIRST && !left) {
		next = page_alloc(ORDER_HUGE, 0);
		left = next ? HUGE_SIZE / RX_BLOCK : 0;
		if (next)
			page_split(next);
	}
	if (left) {
		left--;
		block = next;
		next += RX_PAGES;
		return block;
	}
	block = page_alloc(RX_ORDER, 0);
	if (block)
		page_split(block);
	return block;
}

/* A small machine gets along with fewer. */
static void add_buffers(unsigned count)
{
	for (; count && rx_posted < RX_BUFFERS; count--, rx_posted++) {
		rx_blocks[rx_posted] = alloc_block();
		if (!rx_blocks[rx_posted])
			return;
		post_buffer(rx_posted);
	}
}

void vsock_init(void)
{
	vring_init(&rx, &boot->vsock.queue[VSOCK_RX]);
	vring_init(&tx, &boot->vsock.queue[VSOCK_TX]);
	vring_quiet(&tx); /* who waits for room notifies, and looks */
	_Static_assert(BOOT_RX_FRAMES % RX_PAGES == 0, "receive buffers");
	rx_headers = page_virt(page_alloc(0, 0));
	tx_headers = page_virt(page_alloc(0, 0));
	_Static_assert(RX_BUFFERS * sizeof(struct vsock_header) <= PAGE_SIZE, "rx headers");
	tx_headers_free = ~0ull;
	add_buffers(RX_BUFFERS_FIRST);
	vring_publish(&rx);
}

static void segment_free(struct segment *s)
{
	if (s->block)
		for (unsigned i = s->given; i < RX_PAGES; i++)
			page_put(s->block + i);
	kfree(s);
}

/* ---- transmit ---- */

static void reclaim_tx(void)
{
	u32 len;
	int head;
	while ((head = vring_take(&tx, &len)) >= 0) {
		unsigned slot = tx_header_of[head];
		tx_headers_free |= 1ull << slot;
		if (tx_payload[slot])
			page_put(tx_payload[slot]);
		tx_payload[slot] = NULL;
	}
}

/* Queues one packet: header and payload pieces[1..count); `copied` is the page with the payload's copy, or NULL. False:
 * no room. */
static bool send_packet(struct vsock *v, u16 op, u32 flags, struct vring_piece *pieces, unsigned count, u32 bytes,
			struct page *copied)
{
	if (!tx_headers_free || tx.free_count < count) {
		notify();
		reclaim_tx();
		if (!tx_headers_free || tx.free_count < count)
			return false;
	}
	unsigned slot = (unsigned)__builtin_ctzll(tx_headers_free);
	struct vsock_header *h = &tx_headers[slot];
	*h = (struct vsock_header){
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
	v->forwarded_told = v->forwarded;
	pieces[0] = (struct vring_piece){virt_to_phys(h), VSOCK_HEADER_BYTES};
	int head = vring_add(&tx, pieces, count, false);
	tx_headers_free &= ~(1ull << slot);
	tx_header_of[head] = (u8)slot;
	if (copied)
		page_get(copied);
	tx_payload[slot] = copied;
	vring_publish(&tx);
	notify_wanted = true;
	if (unlikely(boot->trace) && bytes)
		notify(); /* output stands where it was written, among the lines of the trace */
	return true;
}

static void send_control(struct vsock *v, u16 op, u32 flags)
{
	struct vring_piece piece[1];
	send_packet(v, op, flags, piece, 1, 0, NULL);
}

bool vsock_flush(void)
{
	if (notify_wanted)
		notify();
	return vsock_poll();
}

/* ---- receive ---- */

static struct vsock *find(u32 local_port, u32 peer_port)
{
	struct vsock *v;
	list_for_each (v, &sockets, link)
		if (v->local_port == local_port && v->peer_port == peer_port)
			return v;
	return NULL;
}

static void closed(struct vsock *v, int error)
{
	v->state = CLOSED;
	v->eof = v->peer_deaf = true;
	if (!v->error)
		v->error = error;
}

/* The payload of buffer i joins the connection's queue. The block is replaced when it is kept. */
static void receive_data(struct vsock *v, unsigned i, u32 len)
{
	if (!len || len > RX_BLOCK || v->shut_receive) {
		v->forwarded += len;
		return;
	}
	bool copy = len <= RX_COPY_BYTES;
	struct page *fresh = copy ? NULL : alloc_block();
	if (!copy && !fresh)
		copy = true;
	struct segment *s = kmalloc(sizeof(*s) + (copy ? len : 0));
	if (!s) {
		closed(v, ENOMEM);
		for (unsigned n = 0; fresh && n < RX_PAGES; n++)
			page_put(fresh + n);
		return;
	}
	s->offset = 0;
	s->len = len;
	s->block = NULL;
	s->given = 0;
	if (copy) {
		s->data = (u8 *)(s + 1);
		memcpy(s->data, page_virt(rx_blocks[i]), len);
	} else {
		s->block = rx_blocks[i];
		s->data = page_virt(s->block);
		rx_blocks[i] = fresh;
	}
	list_append(&v->rx, &s->link);
	v->rx_bytes += len;
}

static void receive_packet(unsigned i)
{
	struct vsock_header h = rx_headers[i];
	struct vsock *v = find(h.dst_port, h.src_port);
	if (!v)
		return;
	v->peer_buffer = h.buf_alloc;
	v->peer_forwarded = h.fwd_cnt;
	u32 events = EPOLLOUT | EPOLLWRNORM;
	switch (h.op) {
	case VSOCK_OP_RESPONSE:
		if (v->state == CONNECTING)
			v->state = CONNECTED;
		break;
	case VSOCK_OP_RW:
		receive_data(v, i, h.len);
		events |= EPOLLIN | EPOLLRDNORM;
		break;
	case VSOCK_OP_SHUTDOWN:
		v->peer_deaf |= (h.flags & VSOCK_SHUTDOWN_RECEIVE) != 0;
		v->eof |= (h.flags & VSOCK_SHUTDOWN_SEND) != 0;
		events |= EPOLLIN | EPOLLRDHUP | EPOLLHUP;
		break;
	case VSOCK_OP_RST:
		closed(v, v->state == CONNECTING ? ECONNREFUSED : v->eof ? 0 : ECONNRESET);
		events |= EPOLLIN | EPOLLHUP | EPOLLERR;
		break;
	case VSOCK_OP_CREDIT_REQUEST:
		send_control(v, VSOCK_OP_CREDIT_UPDATE, 0);
		break;
	default:
		break;
	}
	wake_up(&v->wait, events);
}

bool vsock_poll(void)
{
	bool any = false;
	u32 len;
	int head;
	reclaim_tx();
	while ((head = vring_take(&rx, &len)) >= 0) {
		unsigned i = rx_buffer_of[head];
		receive_packet(i);
		post_buffer(i);
		any = true;
	}
	if (any) {
		vring_publish(&rx);
		/* The device wants to know about buffers only when it has run out of them. */
		if (vring_wants_notify(&rx)) {
			add_buffers(RX_BUFFERS);
			vring_publish(&rx);
			notify_wanted = true;
		}
	}
	return any;
}

/* ---- file operations ---- */

static struct vsock *vsock_of(struct socket *s)
{
	return container_of(s, struct vsock, socket);
}

/* Sleeps until cond, looking at the device first. */
#define wait_for(v, cond)                                                                                              \
	({                                                                                                             \
		int wait_for_result = 0;                                                                               \
		if (!(cond))                                                                                           \
			vsock_poll();                                                                                  \
		if (!(cond))                                                                                           \
			wait_for_result = wait_event_interruptible(&(v)->wait, cond, 0);                               \
		wait_for_result;                                                                                       \
	})

static void consumed(struct vsock *v, struct segment *s, u32 n)
{
	s->offset += n;
	s->len -= n;
	v->rx_bytes -= n;
	v->forwarded += n;
	if (!s->len) {
		list_remove(&s->link);
		segment_free(s);
	}
	if (v->forwarded - v->forwarded_told >= RECEIVE_BUFFER / 2)
		send_control(v, VSOCK_OP_CREDIT_UPDATE, 0);
}

/* 0 when there is data, 1 at the end of the stream, else -errno. */
static int wait_readable(struct vsock *v, u32 flags, bool dontwait)
{
	if (v->state == NEW)
		return -ENOTCONN;
	if (!v->rx_bytes)
		vsock_poll();
	if (!v->rx_bytes && !v->eof && ((flags & O_NONBLOCK) || dontwait))
		return -EAGAIN;
	int r = wait_for(v, v->rx_bytes || v->eof || v->shut_receive);
	if (r)
		return r;
	if (v->rx_bytes)
		return 0;
	if (v->error && !v->fifo) {
		r = -v->error;
		v->error = 0;
		return r;
	}
	return 1;
}

static long vsock_recvmsg(struct socket *s, struct socket_msg *msg)
{
	struct vsock *v = vsock_of(s);
	if (!msg->uio->left)
		return 0;
	int r = wait_readable(v, s->file->flags, msg->flags & 0x40 /* MSG_DONTWAIT */);
	if (r)
		return r < 0 ? r : 0;
	long total = 0;
	while (msg->uio->left && !list_empty(&v->rx)) {
		struct segment *seg = list_first(&v->rx, struct segment, link);
		u32 want = (u32)MIN((u64)seg->len, msg->uio->left);
		u32 n = (u32)uio_copy_to(msg->uio, seg->data + seg->offset, want);
		if (msg->flags & 0x02 /* MSG_PEEK */)
			return n ? (long)n : -EFAULT;
		if (n)
			consumed(v, seg, n);
		total += n;
		if (n < want)
			return total ? total : -EFAULT;
	}
	return total;
}

/* Moves whole frames of the receive queue into a pipe, without touching the data. */
static long vsock_splice_read(struct socket *s, struct pipe *pipe, size_t len, u32 flags)
{
	struct vsock *v = vsock_of(s);
	int r = wait_readable(v, s->file->flags, flags & SPLICE_NONBLOCK);
	if (r)
		return r < 0 ? r : 0;
	long total = 0;
	while (len && pipe_room(pipe) && !list_empty(&v->rx)) {
		struct segment *seg = list_first(&v->rx, struct segment, link);
		struct page *page;
		u32 at = seg->offset % PAGE_SIZE, n = (u32)MIN((u64)seg->len, len);
		if (seg->block) {
			n = MIN(n, (u32)PAGE_SIZE - at);
			page = seg->block + seg->offset / PAGE_SIZE;
			if (at + n == PAGE_SIZE || n == seg->len)
				seg->given = seg->offset / PAGE_SIZE + 1; /* our reference goes along */
			else
				page_get(page);
		} else {
			page = page_alloc(0, 0);
			if (!page)
				return total ? total : -ENOMEM;
			memcpy(page_virt(page), seg->data + seg->offset, n);
			at = 0;
		}
		pipe_push_page(pipe, page, at, n);
		consumed(v, seg, n);
		len -= n;
		total += n;
	}
	return total;
}

/* Collects the pages of up to `limit` bytes of uio into pieces[1..]; returns the bytes and counts pieces and pins. */
static u32 gather(struct uio *uio, u32 limit, struct vring_piece *pieces, unsigned *count, struct page **pins,
		  unsigned *pinned)
{
	u32 bytes = 0;
	while (uio->left && bytes < limit && *count < TX_PIECES) {
		const struct iov *iov = uio->iov;
		if (uio->offset == iov->len) {
			uio->iov++, uio->count--, uio->offset = 0;
			continue;
		}
		u64 addr = iov->base + uio->offset;
		u64 n = MIN(iov->len - uio->offset, (u64)(limit - bytes));
		n = MIN(n, PAGE_SIZE - (addr & (PAGE_SIZE - 1)));
		paddr_t pa;
		if (uio->kernel) {
			pa = virt_to_phys((void *)addr);
		} else {
			if (user_pin(current->mm, addr, false, &pins[*pinned], &pa))
				break;
			(*pinned)++;
		}
		if (*count > 1 && pieces[*count - 1].pa + pieces[*count - 1].len == pa)
			pieces[*count - 1].len += (u32)n;
		else
			pieces[(*count)++] = (struct vring_piece){pa, (u32)n};
		bytes += (u32)n;
		uio->offset += n;
		uio->left -= n;
	}
	return bytes;
}

static u32 credit(const struct vsock *v)
{
	u32 in_flight = v->sent - v->peer_forwarded;
	return in_flight < v->peer_buffer ? v->peer_buffer - in_flight : 0;
}

/* Copies up to TX_COPY_BYTES and leaves them for the device's next look; returns bytes or -errno. */
static long send_copy(struct vsock *v, struct uio *uio, u32 limit)
{
	u32 want = (u32)MIN(uio->left, (u64)limit);
	reclaim_tx();
	if (!tx_page || tx_page_used + want > PAGE_SIZE) {
		struct page *fresh = page_alloc(0, 0);
		if (!fresh)
			return -ENOMEM;
		if (tx_page)
			page_put(tx_page);
		tx_page = fresh;
		tx_page_used = 0;
	}
	u32 n = (u32)uio_copy_from(uio, (u8 *)page_virt(tx_page) + tx_page_used, want);
	if (!n)
		return -EFAULT;
	struct vring_piece pieces[2] = {{0}, {page_addr(tx_page) + tx_page_used, n}};
	if (!send_packet(v, VSOCK_OP_RW, 0, pieces, 2, n, tx_page))
		return -EIO;
	tx_page_used += n;
	tx_queued += n;
	v->sent += n;
	if (tx_queued > TX_QUEUED_BYTES)
		vsock_flush();
	return n;
}

/* One packet with data; returns bytes or -errno. The device has taken it when this returns, so the pages are free
 * again. */
static long send_data(struct vsock *v, struct uio *uio)
{
	struct vring_piece pieces[TX_PIECES];
	struct page *pins[TX_PIECES];
	unsigned count = 1, pinned = 0;
	u32 bytes = gather(uio, MIN(credit(v), TX_BYTES), pieces, &count, pins, &pinned);
	long r = bytes;
	if (!bytes)
		return -EFAULT;
	if (!send_packet(v, VSOCK_OP_RW, 0, pieces, count, bytes, NULL)) {
		r = -EIO;
	} else {
		v->sent += bytes;
		notify();
		reclaim_tx();
		/* The device works inside the notification; one that does not is waited for. */
		while (tx.used_idx != tx.avail_idx) {
			sched_yield_cpu();
			reclaim_tx();
		}
		vsock_poll();
	}
	while (pinned)
		page_put(pins[--pinned]);
	return r;
}

static long broken_pipe(u32 msg_flags)
{
	if (!(msg_flags & 0x4000 /* MSG_NOSIGNAL */))
		signal_broken_pipe();
	return -EPIPE;
}

static long vsock_sendmsg(struct socket *s, struct socket_msg *msg)
{
	struct vsock *v = vsock_of(s);
	long total = 0;
	if (v->state == NEW)
		return -ENOTCONN;
	if (!msg->uio->left)
		return 0;
	while (msg->uio->left) {
		vsock_poll();
		bool dontwait = (s->file->flags & O_NONBLOCK) || (msg->flags & 0x40);
		if (dontwait && v->state != CLOSED && !v->peer_deaf && !v->shut_send &&
		    (!credit(v) || v->state == CONNECTING))
			return total ? total : -EAGAIN;
		int r = wait_for(v, v->peer_deaf || v->shut_send || (v->state == CONNECTED && credit(v)));
		if (r)
			return total ? total : r;
		if (v->peer_deaf || v->shut_send)
			return total ? total : broken_pipe(msg->flags);
		u32 room = credit(v);
		long n = msg->uio->left <= TX_COPY_BYTES ? send_copy(v, msg->uio, room) : send_data(v, msg->uio);
		if (n < 0)
			return total ? total : n;
		total += n;
	}
	return total;
}

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
	if ((v->state == CONNECTED && credit(v)) || v->peer_deaf || v->state == CLOSED)
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
	send_control(v, VSOCK_OP_REQUEST, 0);
	if (s->file->flags & O_NONBLOCK)
		return -EINPROGRESS;
	int r = wait_for(v, v->state != CONNECTING);
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
	send_control(v, VSOCK_OP_SHUTDOWN, flags);
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
		send_control(v, VSOCK_OP_SHUTDOWN, 3);
	struct segment *seg, *next;
	list_for_each_safe (seg, next, &v->rx, link) {
		list_remove(&seg->link);
		segment_free(seg);
	}
	list_remove(&v->link);
	kfree(v);
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
