/* SPDX-License-Identifier: Apache-2.0
 *
 * The device's side of one split virtqueue (virtio 1.2, 2.7). The rings lie in guest memory and the driver is hostile:
 * a descriptor chain leaves here only as a snapshot, each of its descriptors read once and checked. The state is plain
 * data. Knows nothing of what the buffers mean, of transports or of interrupts.
 */
#ifndef RUNNER_VIRTQUEUE_H
#define RUNNER_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runner/memory.h"

#define VIRTQ_SIZE_MAX	      256	 /* entries; also the longest chain, so that a chain fits one readv */
#define VIRTQ_CHAIN_BYTES_MAX (1u << 30) /* bytes of one chain, readable and writable part together */

struct virtqueue {
	gpa_t desc, driver, device; /* descriptor table, available ring, used ring */
	uint16_t size;		    /* entries, a power of two */
	uint16_t next_avail;	    /* available entries taken so far, modulo 2^16 */
	uint16_t next_used;	    /* used entries written so far */
	uint16_t published;	    /* used entries that the driver has been shown */
	bool quiet;		    /* the driver is asked not to notify */
	bool ready;
	bool broken; /* the driver broke a rule: nothing is read or written any more before a reset */
};

/* A validated chain. The pointers are into guest memory: good for bytes only, which may change at any time. */
struct virtq_chain {
	uint16_t head;
	uint16_t readable, writable; /* spans: readable ones first in iov, then writable ones */
	uint32_t readable_bytes, writable_bytes;
	struct iovec iov[VIRTQ_SIZE_MAX];
};

/* Takes the queue into use. Fails (-1, queue unchanged) unless size is a power of two up to VIRTQ_SIZE_MAX and the
 * three parts are aligned (16, 2 and 4 bytes) and lie within RAM. */
int virtqueue_start(struct virtqueue *vq, const struct guest_memory *memory);

/* Forgets all of the queue's state. */
void virtqueue_reset(struct virtqueue *vq);

/* Whether an entry is available. False also for a queue that is broken or not ready. */
bool virtqueue_available(const struct virtqueue *vq, const struct guest_memory *memory);

/* Takes the next chain: 1 and *chain, 0 when there is none, -1 when the queue is broken (now or since earlier).
 * Rejected: more available entries than the queue has, an index outside the table, loops, indirect descriptors,
 * empty or out-of-RAM buffers, a readable buffer after a writable one, more than VIRTQ_CHAIN_BYTES_MAX. */
int virtqueue_pop(struct virtqueue *vq, const struct guest_memory *memory, struct virtq_chain *chain);

/* Gives the chain of the last virtqueue_pop back as if it had not been taken. */
void virtqueue_unpop(struct virtqueue *vq);

/* Notes a chain as used, with `written` bytes in its writable part. The driver sees it after virtqueue_publish. */
void virtqueue_push(struct virtqueue *vq, const struct guest_memory *memory, uint16_t head, uint32_t written);

/* Shows all pushed entries to the driver. True when there were some and the driver wants to be interrupted. */
bool virtqueue_publish(struct virtqueue *vq, const struct guest_memory *memory);

/* Asks the driver to notify, or not to, when it makes entries available. After asking for it look at
 * virtqueue_available() once more: entries that came before the driver saw the wish are not notified. */
void virtqueue_want_notify(struct virtqueue *vq, const struct guest_memory *memory, bool want);

#endif
