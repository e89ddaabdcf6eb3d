/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver's side of a split virtqueue, for tests: guest memory with guard pages, and functions that a test uses as a
 * good or a hostile driver.
 */
#ifndef TESTS_GUEST_RING_H
#define TESTS_GUEST_RING_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runner/memory.h"
#include "runner/virtqueue.h"

#define RING_F_NEXT	1
#define RING_F_WRITE	2
#define RING_F_INDIRECT 4

struct ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct ring_used {
	uint32_t id, len;
};

/* A queue of `size` entries whose three parts lie in consecutive pages from `base`. */
struct ring {
	struct guest_memory *memory;
	uint64_t base;
	uint16_t size;
	uint16_t free;	    /* next free descriptor; tests use the table as a stack */
	uint16_t avail_idx; /* entries made available */
	uint16_t used_seen;
};

/* Guest memory of `bytes` bytes (a multiple of 4096) between two pages that nobody may touch. */
static inline struct guest_memory ring_memory(uint64_t bytes)
{
	uint8_t *all = mmap(NULL, bytes + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED || mprotect(all + 4096, bytes, PROT_READ | PROT_WRITE))
		abort();
	return (struct guest_memory){.base = all + 4096, .size = bytes};
}

static inline void ring_memory_free(struct guest_memory *memory)
{
	munmap(memory->base - 4096, memory->size + 8192);
}

static inline struct ring_desc *ring_desc(const struct ring *ring, uint16_t i)
{
	return (struct ring_desc *)(ring->memory->base + ring->base) + i;
}

static inline uint16_t *ring_avail(const struct ring *ring)
{
	return (uint16_t *)(ring->memory->base + ring->base + 0x1000);
}

static inline uint16_t *ring_used(const struct ring *ring)
{
	return (uint16_t *)(ring->memory->base + ring->base + 0x2000);
}

static inline struct ring_used ring_used_elem(const struct ring *ring, uint16_t i)
{
	return ((struct ring_used *)(ring_used(ring) + 2))[i % ring->size];
}

static inline struct virtqueue ring_queue(const struct ring *ring)
{
	return (struct virtqueue){.desc = gpa(ring->base),
				  .driver = gpa(ring->base + 0x1000),
				  .device = gpa(ring->base + 0x2000),
				  .size = ring->size};
}

static inline void ring_set(struct ring *ring, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	*ring_desc(ring, i) = (struct ring_desc){.addr = addr, .len = len, .flags = flags, .next = next};
}

/* Makes the chain with this head available. */
static inline void ring_offer(struct ring *ring, uint16_t head)
{
	uint16_t *avail = ring_avail(ring);
	avail[2 + ring->avail_idx % ring->size] = head;
	__atomic_store_n(&avail[1], ++ring->avail_idx, __ATOMIC_RELEASE);
}

static inline uint16_t ring_used_idx(const struct ring *ring)
{
	return __atomic_load_n(&ring_used(ring)[1], __ATOMIC_ACQUIRE);
}

#endif
