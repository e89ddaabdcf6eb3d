/* SPDX-License-Identifier: Apache-2.0
 *
 * Guest memory as the runner sees it. A guest-physical address is a struct, so that nothing can dereference it;
 * memory_range() is the one place where an address and a length from the guest become a host pointer.
 */
#ifndef RUNNER_MEMORY_H
#define RUNNER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t value;
} gpa_t;

static inline gpa_t gpa(uint64_t value)
{
	return (gpa_t){value};
}

/* All RAM of the guest: one range from guest-physical 0. */
struct guest_memory {
	uint8_t *base; /* host mapping */
	uint64_t size; /* bytes, a multiple of 2 MiB */
};

/* The host address of [address, address + length), or NULL when any byte lies outside RAM or the sum wraps.
 * length may be 0 (any address within or at the end of RAM). The bytes may change under the reader at any time: copy
 * once, check the copy. */
static inline void *memory_range(const struct guest_memory *memory, gpa_t address, uint64_t length)
{
	if (length > memory->size || address.value > memory->size - length)
		return NULL;
	return memory->base + address.value;
}

#endif
