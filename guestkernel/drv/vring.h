/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver's side of a split virtqueue (virtio 1.2, 2.7) that the runner handed over live.
 */
#ifndef GUESTKERNEL_DRV_VRING_H
#define GUESTKERNEL_DRV_VRING_H

#include "abi/boot.h"
#include "guestkernel/types.h"

struct vring_desc {
	u64 addr;
	u32 len;
	u16 flags, next;
};
#define VRING_NEXT  1u
#define VRING_WRITE 2u

struct vring {
	struct vring_desc *desc;
	volatile u16 *avail; /* flags, idx, ring[] */
	volatile u16 *used;  /* flags, idx, {u32 id, len}[] */
	u16 size, avail_idx, used_idx;
	u16 free_head, free_count;
};

struct vring_piece {
	u64 pa;
	u32 len;
};

void vring_init(struct vring *ring, const struct boot_queue *where);
/* Puts a chain of pieces into the available ring (seen by the device at vring_publish); returns its head, or -1 when
 * there is no room. */
int vring_add(struct vring *ring, const struct vring_piece *pieces, unsigned count, bool device_writes);
void vring_publish(struct vring *ring);
/* Asks the device for no interrupts on this ring. */
void vring_quiet(struct vring *ring);
/* Whether the device asks to be notified of what was published (virtio 1.2, 2.7.10). */
bool vring_wants_notify(const struct vring *ring);
/* The next chain that the device is done with: its head, or -1. *len: bytes written. The descriptors are free again. */
int vring_take(struct vring *ring, u32 *len);

#endif
