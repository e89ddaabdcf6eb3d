/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtio device below the vsock sockets: its rings, packet headers and buffers. Knows nothing of connections.
 *
 * Notifying the device leaves the guest, which costs tens of microseconds on some hosts. So most packets are only
 * queued: connection requests, credit, half-closes, and small writes, whose bytes are copied. They are in the available
 * ring at once, where the device finds them at its next tick (BOOT_TICK_NS) or at the end of the machine, however that
 * comes. A notification goes out when the CPU has nothing else to do (vsock_flush), when much is queued, and with large
 * writes. The device does its work inside the notification: when it returns, what it had to say stands in the used
 * rings.
 *
 * Receive: each posted chain is a header of its own and one block of RX_BLOCK bytes, posted again when the packet has
 * been looked at; whoever keeps the block puts another in its place.
 */
#include "guestkernel/net/vsock_ring.h"

#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/proc/sched.h"
#include "abi/boot.h"

#define RX_BUFFERS	 40			     /* 2.5 MiB: more than two connections' credit */
#define RX_BUFFERS_FIRST (BOOT_RX_FRAMES / RX_PAGES) /* posted at boot: five answers, the job, a small program */
#define TX_HEADERS	 64
#define TX_QUEUED_BYTES	 (32u << 10) /* copied bytes that may wait for the device */

static struct vring rx, tx;
static struct vsock_header *rx_headers, *tx_headers;
static struct page *rx_blocks[RX_BUFFERS];
static unsigned rx_posted;		   /* how many exist */
static u16 rx_buffer_of[VSOCK_QUEUE_SIZE]; /* by head descriptor */
static u8 tx_header_of[VSOCK_QUEUE_SIZE];
static u64 tx_headers_free;
static struct page *tx_payload[TX_HEADERS]; /* a reference for copied bytes, or NULL */
static u32 tx_queued;
static bool notify_wanted;

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
struct page *vsock_ring_alloc_block(void)
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
		rx_blocks[rx_posted] = vsock_ring_alloc_block();
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

struct page *vsock_ring_block(unsigned buffer)
{
	return rx_blocks[buffer];
}

void vsock_ring_replace_block(unsigned buffer, struct page *fresh)
{
	rx_blocks[buffer] = fresh;
}

/* ---- transmit ---- */

void vsock_ring_reclaim(void)
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

bool vsock_ring_send(const struct vsock_header *header, struct vring_piece *pieces, unsigned count, struct page *copied)
{
	if (!tx_headers_free || tx.free_count < count) {
		notify();
		vsock_ring_reclaim();
		if (!tx_headers_free || tx.free_count < count)
			return false;
	}
	unsigned slot = (unsigned)__builtin_ctzll(tx_headers_free);
	struct vsock_header *h = &tx_headers[slot];
	*h = *header;
	pieces[0] = (struct vring_piece){virt_to_phys(h), VSOCK_HEADER_BYTES};
	int head = vring_add(&tx, pieces, count, false);
	tx_headers_free &= ~(1ull << slot);
	tx_header_of[head] = (u8)slot;
	if (copied)
		page_get(copied);
	tx_payload[slot] = copied;
	vring_publish(&tx);
	notify_wanted = true;
	if (unlikely(boot->trace) && h->len)
		notify(); /* output stands where it was written, among the lines of the trace */
	if (copied)
		tx_queued += h->len;
	return true;
}

bool vsock_ring_full(void)
{
	return tx_queued > TX_QUEUED_BYTES;
}

void vsock_ring_finish(void)
{
	notify();
	vsock_ring_reclaim();
	/* The device works inside the notification; one that does not is waited for. */
	while (tx.used_idx != tx.avail_idx) {
		sched_yield_cpu();
		vsock_ring_reclaim();
	}
}

bool vsock_flush(void)
{
	if (notify_wanted)
		notify();
	return vsock_poll();
}

bool vsock_ask(void)
{
	volatile u32 *waits = &shared->cpu[arch_cpu()].waits;

	*waits = sched_runnable() == 1;
	notify();
	*waits = 0;
	return vsock_poll();
}

bool vsock_poll(void)
{
	bool any = false;
	u32 len;
	int head;
	vsock_ring_reclaim();
	while ((head = vring_take(&rx, &len)) >= 0) {
		unsigned i = rx_buffer_of[head];
		vsock_receive(&rx_headers[i], i);
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
