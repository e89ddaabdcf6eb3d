/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtio-mmio transport, version 2 (virtio 1.2, 4.2): registers, status and feature negotiation of one device.
 * Plain data; a register write that concerns the device behind comes back as an action that the caller carries out.
 * Knows nothing of the device's own protocol, of threads or of KVM.
 */
#ifndef RUNNER_VIRTIO_MMIO_H
#define RUNNER_VIRTIO_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"
#include "runner/memory.h"
#include "runner/virtqueue.h"

#define VIRTIO_MMIO_BYTES 0x200 /* size of the register window */
#define VIRTIO_QUEUES_MAX 4
#define VIRTIO_CONFIG_MAX 16 /* bytes of device configuration */

#define VIRTIO_F_VERSION_1 (1ull << 32)

/* Register offsets (virtio 1.2, table 4.1). */
enum virtio_mmio_register {
	VIRTIO_MMIO_MAGIC = 0x000,
	VIRTIO_MMIO_VERSION = 0x004,
	VIRTIO_MMIO_DEVICE_ID = 0x008,
	VIRTIO_MMIO_VENDOR_ID = 0x00c,
	VIRTIO_MMIO_DEVICE_FEATURES = 0x010,
	VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014,
	VIRTIO_MMIO_DRIVER_FEATURES = 0x020,
	VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024,
	VIRTIO_MMIO_QUEUE_SEL = 0x030,
	VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034,
	VIRTIO_MMIO_QUEUE_NUM = 0x038,
	VIRTIO_MMIO_QUEUE_READY = 0x044,
	VIRTIO_MMIO_QUEUE_NOTIFY = 0x050,
	VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,
	VIRTIO_MMIO_INTERRUPT_ACK = 0x064,
	VIRTIO_MMIO_STATUS = 0x070,
	VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,
	VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,
	VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090,
	VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094,
	VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0,
	VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4,
	VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0,
	VIRTIO_MMIO_SHM_LEN_HIGH = 0x0b4,
	VIRTIO_MMIO_SHM_BASE_LOW = 0x0b8,
	VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc,
	VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,
	VIRTIO_MMIO_CONFIG = 0x100,
};

/* Bits of the status register (virtio 1.2, 2.1). */
enum virtio_status {
	VIRTIO_ACKNOWLEDGE = 1,
	VIRTIO_DRIVER = 2,
	VIRTIO_DRIVER_OK = 4,
	VIRTIO_FEATURES_OK = 8,
	VIRTIO_NEEDS_RESET = 64,
	VIRTIO_FAILED = 128,
};

/* Bits of the interrupt status register. */
enum { VIRTIO_INTERRUPT_USED = 1, VIRTIO_INTERRUPT_CONFIG = 2 };

struct virtio_mmio {
	/* What the device is; set once. */
	uint32_t device_id, queues, config_bytes;
	uint64_t features_offered;
	uint8_t config[VIRTIO_CONFIG_MAX];
	/* What the driver has done; cleared by a reset. */
	uint32_t status, interrupt_status;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t features;
	struct virtqueue queue[VIRTIO_QUEUES_MAX];
};

/* What a register write asks of the device behind the transport. */
enum virtio_action {
	VIRTIO_NOTHING,
	VIRTIO_START,  /* DRIVER_OK: the queues are live */
	VIRTIO_NOTIFY, /* the driver made entries available in queue *queue, which is live */
	VIRTIO_RESET,  /* all queues are gone: drop every state that came from the driver */
};

/* Makes a device in reset. queues <= VIRTIO_QUEUES_MAX, config_bytes <= VIRTIO_CONFIG_MAX; features without VERSION_1,
 * which is always offered and required. */
void virtio_mmio_init(struct virtio_mmio *mmio, uint32_t device_id, uint64_t features, uint32_t queues,
		      const void *config, uint32_t config_bytes);

/* Puts the device into DRIVER_OK with the queues given, as if a driver had negotiated all features offered. The device
 * must be in reset. -1 when a queue does not fit into RAM (the device is in reset again). */
int virtio_mmio_handover(struct virtio_mmio *mmio, const struct guest_memory *memory, const struct boot_queue *queue,
			 uint32_t queues);

/* A read of `length` bytes at `offset` of the window. Registers answer 4-byte aligned reads, the configuration any
 * within it; everything else reads as zero. */
void virtio_mmio_read(const struct virtio_mmio *mmio, uint64_t offset, void *data, uint32_t length);

/* A write of `length` bytes. Illegal ones (unknown register, wrong size, wrong state) change nothing. */
enum virtio_action virtio_mmio_write(struct virtio_mmio *mmio, const struct guest_memory *memory, uint64_t offset,
				     const void *data, uint32_t length, uint32_t *queue);

/* Whether the driver has the device running: DRIVER_OK, neither failed nor waiting for a reset. */
bool virtio_mmio_live(const struct virtio_mmio *mmio);

/* The driver broke a rule: asks it for a reset (virtio 1.2, 2.1.2); the device is not live until then. */
void virtio_mmio_fail(struct virtio_mmio *mmio);

#endif
