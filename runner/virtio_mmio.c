/* SPDX-License-Identifier: Apache-2.0
 *
 * virtio-mmio registers. The status moves along a table of legal transitions; queues can be configured only between
 * FEATURES_OK and DRIVER_OK and only while they are not ready.
 */
#include "runner/virtio_mmio.h"

#include <string.h>

#define MAGIC  0x74726976u /* "virt" */
#define VENDOR 0x58424e53u /* "SNBX" */

enum {
	S_RESET = 0,
	S_ACKNOWLEDGED = VIRTIO_ACKNOWLEDGE,
	S_DRIVER = S_ACKNOWLEDGED | VIRTIO_DRIVER,
	S_FEATURES = S_DRIVER | VIRTIO_FEATURES_OK,
	S_LIVE = S_FEATURES | VIRTIO_DRIVER_OK,
};

/* Virtio 1.2, 3.1.1. Besides these: any state to reset, and any state to the same with FAILED. */
static const struct {
	uint8_t from, to;
} transitions[] = {
    {S_RESET, S_ACKNOWLEDGED},
    {S_ACKNOWLEDGED, S_DRIVER},
    {S_DRIVER, S_FEATURES},
    {S_FEATURES, S_LIVE},
};

void virtio_mmio_init(struct virtio_mmio *mmio, uint32_t device_id, uint64_t features, uint32_t queues,
		      const void *config, uint32_t config_bytes)
{
	*mmio = (struct virtio_mmio){
	    .device_id = device_id,
	    .queues = queues,
	    .config_bytes = config_bytes,
	    .features_offered = features | VIRTIO_F_VERSION_1,
	};
	memcpy(mmio->config, config, config_bytes);
}

static void reset(struct virtio_mmio *mmio)
{
	mmio->status = mmio->interrupt_status = 0;
	mmio->device_features_sel = mmio->driver_features_sel = mmio->queue_sel = 0;
	mmio->features = 0;
	for (uint32_t i = 0; i < VIRTIO_QUEUES_MAX; i++)
		virtqueue_reset(&mmio->queue[i]);
}

int virtio_mmio_handover(struct virtio_mmio *mmio, const struct guest_memory *memory, const struct boot_queue *queue,
			 uint32_t queues)
{
	if (mmio->status != S_RESET || queues != mmio->queues)
		return -1;
	for (uint32_t i = 0; i < queues; i++) {
		if (queue[i].size > VIRTQ_SIZE_MAX)
			break;
		mmio->queue[i] = (struct virtqueue){
		    .desc = gpa(queue[i].desc),
		    .driver = gpa(queue[i].driver),
		    .device = gpa(queue[i].device),
		    .size = (uint16_t)queue[i].size,
		};
		if (virtqueue_start(&mmio->queue[i], memory))
			break;
		if (i + 1 == queues) {
			mmio->features = mmio->features_offered;
			mmio->status = S_LIVE;
			return 0;
		}
	}
	reset(mmio);
	return -1;
}

bool virtio_mmio_live(const struct virtio_mmio *mmio)
{
	return mmio->status == S_LIVE;
}

void virtio_mmio_fail(struct virtio_mmio *mmio)
{
	if (!(mmio->status & VIRTIO_DRIVER_OK) || (mmio->status & VIRTIO_NEEDS_RESET))
		return;
	mmio->status |= VIRTIO_NEEDS_RESET;
	mmio->interrupt_status |= VIRTIO_INTERRUPT_CONFIG;
}

/* The queue that QueueSel names, or NULL. */
static struct virtqueue *selected(struct virtio_mmio *mmio)
{
	return mmio->queue_sel < mmio->queues ? &mmio->queue[mmio->queue_sel] : NULL;
}

static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint32_t read_register(const struct virtio_mmio *mmio, uint64_t offset)
{
	bool exists = mmio->queue_sel < mmio->queues;
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return mmio->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return half(mmio->features_offered, mmio->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return exists ? VIRTQ_SIZE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return exists && mmio->queue[mmio->queue_sel].ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return mmio->interrupt_status;
	case VIRTIO_MMIO_STATUS:
		return mmio->status;
	case VIRTIO_MMIO_SHM_LEN_LOW: /* all ones: no shared memory region (4.2.2) */
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	default: /* write-only, reserved; the configuration never changes: generation 0 */
		return 0;
	}
}

void virtio_mmio_read(const struct virtio_mmio *mmio, uint64_t offset, void *data, uint32_t length)
{
	memset(data, 0, length);
	if (offset >= VIRTIO_MMIO_CONFIG) {
		uint64_t at = offset - VIRTIO_MMIO_CONFIG;
		if (at <= mmio->config_bytes && length <= mmio->config_bytes - at)
			memcpy(data, mmio->config + at, length);
	} else if (length == 4 && offset % 4 == 0) {
		uint32_t value = read_register(mmio, offset);
		memcpy(data, &value, sizeof(value));
	}
}

static bool features_acceptable(const struct virtio_mmio *mmio)
{
	return (mmio->features & VIRTIO_F_VERSION_1) && !(mmio->features & ~mmio->features_offered);
}

static enum virtio_action write_status(struct virtio_mmio *mmio, uint32_t value)
{
	if (value == S_RESET) {
		reset(mmio);
		return VIRTIO_RESET;
	}
	if (value == (mmio->status | VIRTIO_FAILED)) {
		mmio->status = value;
		return VIRTIO_NOTHING;
	}
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].from != mmio->status || transitions[i].to != value)
			continue;
		/* The driver reads the status back and sees that FEATURES_OK did not stick. */
		if (value == S_FEATURES && !features_acceptable(mmio))
			return VIRTIO_NOTHING;
		mmio->status = value;
		return value == S_LIVE ? VIRTIO_START : VIRTIO_NOTHING;
	}
	return VIRTIO_NOTHING;
}

static void write_features(struct virtio_mmio *mmio, uint32_t value)
{
	if (mmio->status != S_DRIVER || mmio->driver_features_sel > 1)
		return;
	uint32_t shift = 32 * mmio->driver_features_sel;
	mmio->features = (mmio->features & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

static void write_half(gpa_t *address, uint32_t value, bool high)
{
	uint64_t keep = high ? 0xffffffffull : ~0xffffffffull;
	address->value = (address->value & keep) | (uint64_t)value << (high ? 32 : 0);
}

static void write_queue(struct virtio_mmio *mmio, const struct guest_memory *memory, uint64_t offset, uint32_t value)
{
	struct virtqueue *vq = selected(mmio);
	if (!vq)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY && value == 0) {
		virtqueue_reset(vq); /* the driver stops the queue; nothing is in flight between two calls */
		return;
	}
	if (mmio->status != S_FEATURES || vq->ready)
		return;
	bool high = offset & 4;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		vq->size = value <= VIRTQ_SIZE_MAX ? (uint16_t)value : 0;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		if (value == 1)
			virtqueue_start(vq, memory); /* a refusal shows in QueueReady */
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		write_half(&vq->desc, value, high);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		write_half(&vq->driver, value, high);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		write_half(&vq->device, value, high);
		break;
	default:
		break;
	}
}

static enum virtio_action write_notify(const struct virtio_mmio *mmio, uint32_t value, uint32_t *queue)
{
	if (!virtio_mmio_live(mmio) || value >= mmio->queues || !mmio->queue[value].ready)
		return VIRTIO_NOTHING;
	*queue = value;
	return VIRTIO_NOTIFY;
}

enum virtio_action virtio_mmio_write(struct virtio_mmio *mmio, const struct guest_memory *memory, uint64_t offset,
				     const void *data, uint32_t length, uint32_t *queue)
{
	uint32_t value;
	if (length != sizeof(value) || offset % 4 || offset >= VIRTIO_MMIO_CONFIG)
		return VIRTIO_NOTHING;
	memcpy(&value, data, sizeof(value));
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		return write_notify(mmio, value, queue);
	case VIRTIO_MMIO_STATUS:
		return write_status(mmio, value);
	case VIRTIO_MMIO_INTERRUPT_ACK:
		mmio->interrupt_status &= ~value;
		break;
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		mmio->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		mmio->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_features(mmio, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		mmio->queue_sel = value;
		break;
	default:
		write_queue(mmio, memory, offset, value);
		break;
	}
	return VIRTIO_NOTHING;
}
