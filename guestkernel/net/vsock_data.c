/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of AF_VSOCK streams.
 *
 * Receive: a small payload is copied; the block of a larger one moves to the connection's queue, from where splice can
 * take its pages. Transmit: small writes are copied and queued; the pages of the writer of much go into the chain as
 * they are.
 */
#include "guestkernel/net/vsock_private.h"

#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/signal.h"
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#define RX_COPY_BYTES	2048	     /* payloads up to this are copied, their block is posted again */
#define TX_BYTES	(128u << 10) /* payload of one packet */
#define TX_COPY_BYTES	2048	     /* writes up to this are copied and queued */
#define SPLICE_NONBLOCK 2u

struct segment {
	struct list link;
	u8 *data;	    /* direct map */
	u32 offset, len;    /* what is left: data[offset, offset + len) */
	struct page *block; /* first of RX_PAGES single frames, or NULL when data is kmalloc'ed with the segment */
	u32 given;	    /* frames at the block's start that have been given away (splice) */
};

static struct page *tx_page; /* where the next bytes are copied to */
static u32 tx_page_used;

/* ---- receive ---- */

static void segment_free(struct segment *s)
{
	if (s->block)
		for (unsigned i = s->given; i < RX_PAGES; i++)
			page_put(s->block + i);
	kfree(s);
}

void vsock_drop_data(struct vsock *v)
{
	struct segment *seg, *next;
	list_for_each_safe (seg, next, &v->rx, link) {
		list_remove(&seg->link);
		segment_free(seg);
	}
}

/* The payload of a buffer joins the connection's queue. The block is replaced when it is kept. */
void vsock_receive_data(struct vsock *v, unsigned buffer, u32 len)
{
	if (!len || len > RX_BLOCK || v->shut_receive) {
		v->forwarded += len;
		return;
	}
	bool copy = len <= RX_COPY_BYTES;
	struct page *fresh = copy ? NULL : vsock_ring_alloc_block();
	if (!copy && !fresh)
		copy = true;
	struct segment *s = kmalloc(sizeof(*s) + (copy ? len : 0));
	if (!s) {
		vsock_closed(v, ENOMEM);
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
		memcpy(s->data, page_virt(vsock_ring_block(buffer)), len);
	} else {
		s->block = vsock_ring_block(buffer);
		s->data = page_virt(s->block);
		vsock_ring_replace_block(buffer, fresh);
	}
	list_append(&v->rx, &s->link);
	v->rx_bytes += len;
}

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
		vsock_send_control(v, VSOCK_OP_CREDIT_UPDATE, 0);
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
	int r = vsock_wait_for(v, v->rx_bytes || v->eof || v->shut_receive);
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

long vsock_recvmsg(struct socket *s, struct socket_msg *msg)
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
		u32 want = (u32)MIN((u64)seg->len, msg->uio->left), n;
		/* The copy may sleep; nobody else must find the segment meanwhile. */
		list_remove(&seg->link);
		v->rx_bytes -= seg->len;
		n = (u32)uio_copy_to(msg->uio, seg->data + seg->offset, want);
		list_push(&v->rx, &seg->link);
		v->rx_bytes += seg->len;
		if (n < seg->len)
			wake_up(&v->wait, EPOLLIN | EPOLLRDNORM);
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
long vsock_splice_read(struct socket *s, struct pipe *pipe, size_t len, u32 flags)
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

/* ---- transmit ---- */

u32 vsock_credit(const struct vsock *v)
{
	u32 in_flight = v->sent - v->peer_forwarded;
	return in_flight < v->peer_buffer ? v->peer_buffer - in_flight : 0;
}

/* Collects the pages of up to `limit` bytes of uio, as far as they are RAM, into pieces[1..]; returns the bytes and
 * counts pieces and pins. */
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
		if (pa >= boot->memory_bytes) { /* a host file's: no memory that the device may read */
			if (!uio->kernel)
				page_put(pins[--*pinned]);
			break;
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

/* Copies up to TX_COPY_BYTES and leaves them for the device's next look; returns bytes or -errno. */
static long send_copy(struct vsock *v, struct uio *uio, u32 limit)
{
	u32 want = (u32)MIN(uio->left, (u64)limit);
	vsock_ring_reclaim();
	if (!tx_page || tx_page_used + want > PAGE_SIZE) {
		struct page *fresh = page_alloc(0, 0);
		if (!fresh)
			return -ENOMEM;
		if (tx_page)
			page_put(tx_page);
		tx_page = fresh;
		tx_page_used = 0;
	}
	/* The copy may sleep: its place and its credit are taken before. */
	struct page *page = tx_page;
	u32 at = tx_page_used;
	page_get(page);
	tx_page_used += want;
	v->sent += want;
	u32 n = (u32)uio_copy_from(uio, (u8 *)page_virt(page) + at, want);
	v->sent -= want - n;
	struct vring_piece pieces[2] = {{0}, {page_addr(page) + at, n}};
	long r = n ? (long)n : -EFAULT;
	if (n && !vsock_send_packet(v, VSOCK_OP_RW, 0, pieces, 2, n, page)) {
		v->sent -= n;
		r = -EIO;
	}
	page_put(page);
	if (vsock_ring_full())
		vsock_flush();
	return r;
}

/* One packet with data; returns bytes or -errno. The device has taken it when this returns, so the pages are free
 * again. */
static long send_data(struct vsock *v, struct uio *uio)
{
	struct vring_piece pieces[TX_PIECES];
	struct page *pins[TX_PIECES];
	unsigned count = 1, pinned = 0;
	/* Finding the pages may sleep: the credit is taken before. */
	u32 limit = MIN(vsock_credit(v), TX_BYTES);
	v->sent += limit;
	u32 bytes = gather(uio, limit, pieces, &count, pins, &pinned);
	v->sent -= limit - bytes;
	long r = bytes;
	if (!bytes)
		return send_copy(v, uio, MIN(limit, TX_COPY_BYTES));
	if (!vsock_send_packet(v, VSOCK_OP_RW, 0, pieces, count, bytes, NULL)) {
		v->sent -= bytes;
		r = -EIO;
	} else {
		vsock_ring_finish();
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

long vsock_sendmsg(struct socket *s, struct socket_msg *msg)
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
		    (!vsock_credit(v) || v->state == CONNECTING))
			return total ? total : -EAGAIN;
		int r = vsock_wait_for(v, v->peer_deaf || v->shut_send || (v->state == CONNECTED && vsock_credit(v)));
		if (r)
			return total ? total : r;
		if (v->peer_deaf || v->shut_send)
			return total ? total : broken_pipe(msg->flags);
		u32 room = vsock_credit(v);
		long n = msg->uio->left <= TX_COPY_BYTES ? send_copy(v, msg->uio, room) : send_data(v, msg->uio);
		if (n < 0)
			return total ? total : n;
		total += n;
	}
	return total;
}
