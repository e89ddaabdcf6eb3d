/* SPDX-License-Identifier: Apache-2.0
 *
 * Split virtqueue, device side. Guest memory is read with single atomic loads only, so that the compiler cannot
 * read a value a second time after it was checked.
 */
#include "runner/virtqueue.h"

#include <string.h>

/* virtio 1.2, 2.7.5, 2.7.6, 2.7.8 */
enum { DESC_F_NEXT = 1, DESC_F_WRITE = 2, DESC_F_INDIRECT = 4 };
enum { AVAIL_F_NO_INTERRUPT = 1 };
enum { USED_F_NO_NOTIFY = 1 };

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct virtq_avail {
	uint16_t flags, idx;
	uint16_t ring[];
};

struct virtq_used_elem {
	uint32_t id, len;
};

struct virtq_used {
	uint16_t flags, idx;
	struct virtq_used_elem ring[];
};

_Static_assert(sizeof(struct virtq_desc) == 16 && sizeof(struct virtq_used_elem) == 8, "virtio 1.2, 2.7");

/* The three parts were found to lie in RAM by virtqueue_start, and RAM does not change. */
static struct virtq_desc *desc_table(const struct virtqueue *vq, const struct guest_memory *memory)
{
	return memory_range(memory, vq->desc, sizeof(struct virtq_desc) * vq->size);
}

static struct virtq_avail *avail_ring(const struct virtqueue *vq, const struct guest_memory *memory)
{
	return memory_range(memory, vq->driver, sizeof(struct virtq_avail) + sizeof(uint16_t) * vq->size);
}

static struct virtq_used *used_ring(const struct virtqueue *vq, const struct guest_memory *memory)
{
	return memory_range(memory, vq->device, sizeof(struct virtq_used) + sizeof(struct virtq_used_elem) * vq->size);
}

int virtqueue_start(struct virtqueue *vq, const struct guest_memory *memory)
{
	if (vq->size == 0 || vq->size > VIRTQ_SIZE_MAX || (vq->size & (vq->size - 1)))
		return -1;
	if (vq->desc.value % 16 || vq->driver.value % 2 || vq->device.value % 4)
		return -1;
	if (!desc_table(vq, memory) || !avail_ring(vq, memory) || !used_ring(vq, memory))
		return -1;
	vq->next_avail = vq->next_used = vq->published = 0;
	vq->broken = vq->quiet = false;
	vq->ready = true;
	return 0;
}

void virtqueue_reset(struct virtqueue *vq)
{
	*vq = (struct virtqueue){0};
}

static bool usable(const struct virtqueue *vq)
{
	return vq->ready && !vq->broken;
}

static int broken(struct virtqueue *vq)
{
	vq->broken = true;
	return -1;
}

/* Entries that the driver has made available and the device has not taken; may exceed the size when it lies. */
static uint16_t outstanding(const struct virtqueue *vq, const struct guest_memory *memory)
{
	uint16_t idx = __atomic_load_n(&avail_ring(vq, memory)->idx, __ATOMIC_ACQUIRE);
	return (uint16_t)(idx - vq->next_avail);
}

bool virtqueue_available(const struct virtqueue *vq, const struct guest_memory *memory)
{
	return usable(vq) && outstanding(vq, memory) != 0;
}

static struct virtq_desc load_desc(const struct virtq_desc *from)
{
	return (struct virtq_desc){
	    .addr = __atomic_load_n(&from->addr, __ATOMIC_RELAXED),
	    .len = __atomic_load_n(&from->len, __ATOMIC_RELAXED),
	    .flags = __atomic_load_n(&from->flags, __ATOMIC_RELAXED),
	    .next = __atomic_load_n(&from->next, __ATOMIC_RELAXED),
	};
}

/* Adds one descriptor (already a private copy) to the snapshot; false when it breaks a rule. */
static bool add_span(struct virtq_chain *chain, const struct guest_memory *memory, const struct virtq_desc *desc)
{
	bool write = desc->flags & DESC_F_WRITE;
	uint32_t room = VIRTQ_CHAIN_BYTES_MAX - chain->readable_bytes - chain->writable_bytes;
	if (desc->flags & DESC_F_INDIRECT) /* not negotiated */
		return false;
	if (!write && chain->writable)
		return false;
	if (desc->len == 0 || desc->len > room)
		return false;
	void *host = memory_range(memory, gpa(desc->addr), desc->len);
	if (!host)
		return false;
	chain->iov[chain->readable + chain->writable] = (struct iovec){.iov_base = host, .iov_len = desc->len};
	if (write) {
		chain->writable++;
		chain->writable_bytes += desc->len;
	} else {
		chain->readable++;
		chain->readable_bytes += desc->len;
	}
	return true;
}

int virtqueue_pop(struct virtqueue *vq, const struct guest_memory *memory, struct virtq_chain *chain)
{
	if (!usable(vq))
		return vq->broken ? -1 : 0;
	uint16_t waiting = outstanding(vq, memory);
	if (waiting == 0)
		return 0;
	if (waiting > vq->size)
		return broken(vq);

	const struct virtq_desc *table = desc_table(vq, memory);
	uint16_t slot = vq->next_avail & (vq->size - 1);
	uint16_t index = __atomic_load_n(&avail_ring(vq, memory)->ring[slot], __ATOMIC_RELAXED);
	chain->head = index;
	chain->readable = chain->writable = 0;
	chain->readable_bytes = chain->writable_bytes = 0;
	for (;;) {
		/* As many descriptors as the table holds and still no end: a loop. */
		if (index >= vq->size || chain->readable + chain->writable == vq->size)
			return broken(vq);
		struct virtq_desc desc = load_desc(&table[index]);
		if (!add_span(chain, memory, &desc))
			return broken(vq);
		if (!(desc.flags & DESC_F_NEXT))
			break;
		index = desc.next;
	}
	vq->next_avail++;
	return 1;
}

void virtqueue_unpop(struct virtqueue *vq)
{
	vq->next_avail--;
}

void virtqueue_push(struct virtqueue *vq, const struct guest_memory *memory, uint16_t head, uint32_t written)
{
	if (!usable(vq))
		return;
	struct virtq_used_elem *elem = &used_ring(vq, memory)->ring[vq->next_used & (vq->size - 1)];
	__atomic_store_n(&elem->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, written, __ATOMIC_RELAXED);
	vq->next_used++;
}

bool virtqueue_publish(struct virtqueue *vq, const struct guest_memory *memory)
{
	if (!usable(vq) || vq->published == vq->next_used)
		return false;
	__atomic_store_n(&used_ring(vq, memory)->idx, vq->next_used, __ATOMIC_RELEASE);
	vq->published = vq->next_used;
	/* The index must be visible before the flag is read: the driver clears the flag, then looks at the index. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(__atomic_load_n(&avail_ring(vq, memory)->flags, __ATOMIC_RELAXED) & AVAIL_F_NO_INTERRUPT);
}

void virtqueue_want_notify(struct virtqueue *vq, const struct guest_memory *memory, bool want)
{
	if (!usable(vq) || vq->quiet == !want)
		return;
	vq->quiet = !want;
	__atomic_store_n(&used_ring(vq, memory)->flags, want ? 0 : USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
