/* SPDX-License-Identifier: Apache-2.0 */
#include "guestkernel/drv/vring.h"

#include "guestkernel/arch/arch.h"
#include "guestkernel/lib.h"

#define NONE 0xffff

void vring_init(struct vring *ring, const struct boot_queue *where)
{
	ring->desc = phys_to_virt(where->desc);
	ring->avail = phys_to_virt(where->driver);
	ring->used = phys_to_virt(where->device);
	ring->size = (u16)where->size;
	ring->free_head = 0;
	ring->free_count = ring->size;
	for (u16 i = 0; i < ring->size; i++)
		ring->desc[i].next = (u16)(i + 1);
}

int vring_add(struct vring *ring, const struct vring_piece *pieces, unsigned count, bool device_writes)
{
	if (count > ring->free_count)
		return -1;
	u16 head = ring->free_head, at = head;
	for (unsigned i = 0; i < count; i++) {
		struct vring_desc *d = &ring->desc[at];
		u16 next = d->next;
		d->addr = pieces[i].pa;
		d->len = pieces[i].len;
		d->flags = (u16)((i + 1 < count ? VRING_NEXT : 0) | (device_writes ? VRING_WRITE : 0));
		at = next;
	}
	ring->free_head = at;
	ring->free_count = (u16)(ring->free_count - count);
	ring->avail[2 + ring->avail_idx % ring->size] = head;
	ring->avail_idx++;
	return head;
}

void vring_publish(struct vring *ring)
{
	__atomic_store_n(&ring->avail[1], ring->avail_idx, __ATOMIC_RELEASE);
}

void vring_quiet(struct vring *ring)
{
	ring->avail[0] = 1; /* VIRTQ_AVAIL_F_NO_INTERRUPT */
}

bool vring_wants_notify(const struct vring *ring)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(ring->used[0] & 1);
}

int vring_take(struct vring *ring, u32 *len)
{
	if (__atomic_load_n(&ring->used[1], __ATOMIC_ACQUIRE) == ring->used_idx)
		return -1;
	const volatile u32 *elem = (const volatile u32 *)(ring->used + 2) + 2 * (ring->used_idx % ring->size);
	int head = (int)elem[0];
	*len = elem[1];
	ring->used_idx++;
	kassert((u32)head < ring->size); /* rings that the program has destroyed end the guest, not in a loop */
	u16 last = (u16)head, count = 1;
	while (ring->desc[last].flags & VRING_NEXT) {
		last = ring->desc[last].next;
		count++;
		kassert(last < ring->size && count <= ring->size);
	}
	ring->desc[last].next = ring->free_head;
	ring->free_head = (u16)head;
	ring->free_count = (u16)(ring->free_count + count);
	return head;
}
