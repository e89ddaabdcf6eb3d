/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once: a list of blocks, filled from the front.
 */
#ifndef RUNNER_ARENA_H
#define RUNNER_ARENA_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 16384 /* bytes; larger requests get a block of their own */

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) unsigned char bytes[];
};

struct arena {
	struct arena_block *blocks;
};

/* `size` uninitialised bytes, aligned to 16, or NULL when memory is short. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
	if (size > (size_t)1 << 40)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	struct arena_block *block = arena->blocks;
	if (!block || block->size - block->used < size) {
		size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		*block = (struct arena_block){.next = arena->blocks, .size = room};
		arena->blocks = block;
	}
	void *memory = block->bytes + block->used;
	block->used += size;
	return memory;
}

/* A NUL-terminated copy of `length` bytes, or NULL. */
static inline char *arena_copy(struct arena *arena, const char *bytes, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, bytes, length);
	copy[length] = 0;
	return copy;
}

static inline void arena_free(struct arena *arena)
{
	for (struct arena_block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	arena->blocks = NULL;
}

#endif
