/* SPDX-License-Identifier: Apache-2.0
 *
 * vsock packets in descriptor chains.
 */
#include "runner/vsock_packet.h"

#include <stdatomic.h>
#include <string.h>

enum move { MOVE_GET, MOVE_PUT, MOVE_ZERO, MOVE_SKIP };

/* Walks over the first `bytes` bytes, copying in the direction asked for, and cuts them off. */
static void move(struct spans *spans, uint8_t *data, size_t bytes, enum move how)
{
	while (bytes) {
		struct iovec *front = spans->iov;
		size_t n = front->iov_len < bytes ? front->iov_len : bytes;
		if (how == MOVE_GET)
			memcpy(data, front->iov_base, n);
		else if (how == MOVE_PUT)
			memcpy(front->iov_base, data, n);
		else if (how == MOVE_ZERO)
			memset(front->iov_base, 0, n);
		if (how == MOVE_GET || how == MOVE_PUT)
			data += n;
		front->iov_base = (uint8_t *)front->iov_base + n;
		front->iov_len -= n;
		if (front->iov_len == 0) {
			spans->iov++;
			spans->count--;
		}
		spans->bytes -= n;
		bytes -= n;
	}
}

void spans_skip(struct spans *spans, size_t bytes)
{
	move(spans, NULL, bytes, MOVE_SKIP);
}

void spans_get(struct spans *spans, void *data, size_t bytes)
{
	move(spans, data, bytes, MOVE_GET);
	/* The source is shared with the guest: what was copied must not be read from there again. */
	atomic_signal_fence(memory_order_seq_cst);
}

void spans_put(struct spans *spans, const void *data, size_t bytes)
{
	move(spans, (uint8_t *)(uintptr_t)data, bytes, MOVE_PUT);
}

void spans_zero(struct spans *spans, size_t bytes)
{
	move(spans, NULL, bytes, MOVE_ZERO);
}

size_t spans_limit(struct spans *spans, size_t bytes, struct iovec **last)
{
	size_t count = 0, sum = 0, cut = 0;
	while (count < spans->count && sum < bytes)
		sum += spans->iov[count++].iov_len;
	if (sum > bytes) {
		cut = sum - bytes;
		spans->iov[count - 1].iov_len -= cut;
	}
	if (last)
		*last = spans->iov + (count ? count - 1 : 0);
	spans->count = count;
	spans->bytes = sum - cut;
	return cut;
}

bool vsock_packet_get(struct virtq_chain *chain, struct vsock_header *header, struct spans *payload)
{
	*payload = (struct spans){.iov = chain->iov, .count = chain->readable, .bytes = chain->readable_bytes};
	if (payload->bytes < sizeof(*header))
		return false;
	spans_get(payload, header, sizeof(*header));
	return header->len == payload->bytes;
}

bool vsock_packet_room(struct virtq_chain *chain, struct vsock_room *room)
{
	if (chain->writable_bytes <= VSOCK_HEADER_BYTES)
		return false;
	struct iovec *first = chain->iov + chain->readable;
	room->payload = (struct spans){.iov = first, .count = chain->writable, .bytes = chain->writable_bytes};
	size_t count = 0;
	for (size_t sum = 0; sum < VSOCK_HEADER_BYTES; sum += first[count++].iov_len)
		room->header_iov[count] = first[count];
	room->header = (struct spans){.iov = room->header_iov, .count = count, .bytes = SIZE_MAX};
	spans_limit(&room->header, VSOCK_HEADER_BYTES, NULL);
	spans_skip(&room->payload, VSOCK_HEADER_BYTES);
	return true;
}

void vsock_packet_put(struct vsock_room *room, const struct vsock_header *header)
{
	spans_put(&room->header, header, sizeof(*header));
}
