/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/virtqueue.c
 *
 * A virtqueue over guest memory that the input fills: placement, rings and descriptors. Whatever comes out must lie in
 * RAM.
 *
 * Input: u16 desc, driver, device in units of 2 bytes, u16 size, u8 rounds, then the memory's contents.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/virtqueue.h"

#define MEMORY 0x4000u

struct input {
	uint16_t desc, driver, device, size;
	uint8_t rounds;
} __attribute__((packed));

static void check(const struct guest_memory *memory, const struct virtq_chain *chain)
{
	uint64_t readable = 0, writable = 0;
	if (chain->readable + chain->writable == 0 || chain->readable + chain->writable > VIRTQ_SIZE_MAX)
		abort();
	for (int i = 0; i < chain->readable + chain->writable; i++) {
		const uint8_t *base = chain->iov[i].iov_base;
		size_t length = chain->iov[i].iov_len;
		if (base < memory->base || length == 0 || length > memory->size - (size_t)(base - memory->base))
			abort();
		*(i < chain->readable ? &readable : &writable) += length;
	}
	if (readable != chain->readable_bytes || writable != chain->writable_bytes)
		abort();
	if (readable + writable > VIRTQ_CHAIN_BYTES_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *ram;
	struct input input;
	if (!ram)
		ram = aligned_alloc(4096, MEMORY);
	if (size < sizeof(input))
		return 0;
	memcpy(&input, data, sizeof(input));
	data += sizeof(input);
	size -= sizeof(input);
	memset(ram, 0, MEMORY);
	memcpy(ram, data, size < MEMORY ? size : MEMORY);
	struct guest_memory memory = {.base = ram, .size = MEMORY};
	struct virtqueue vq = {.desc = gpa(input.desc * 2ull),
			       .driver = gpa(input.driver * 2ull),
			       .device = gpa(input.device * 2ull),
			       .size = input.size};
	if (virtqueue_start(&vq, &memory))
		return 0;
	virtqueue_want_notify(&vq, &memory, false);
	for (int i = 0; i < input.rounds; i++) {
		struct virtq_chain chain;
		if (virtqueue_pop(&vq, &memory, &chain) <= 0)
			break;
		check(&memory, &chain);
		for (int s = chain.readable; s < chain.readable + chain.writable; s++)
			memset(chain.iov[s].iov_base, i, chain.iov[s].iov_len);
		if (i % 5 == 4)
			virtqueue_unpop(&vq);
		else
			virtqueue_push(&vq, &memory, chain.head, chain.writable_bytes);
		if (i % 3 == 0)
			virtqueue_publish(&vq, &memory);
	}
	virtqueue_publish(&vq, &memory);
	return 0;
}
