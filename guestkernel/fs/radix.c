/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the sparse array; knows nothing of what its entries are.
 */
#include "guestkernel/fs/radix.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define BITS	   6
#define SLOTS	   (1u << BITS)
#define MAX_HEIGHT 11 /* 64 bits of index */

struct node {
	void *slot[SLOTS];
};

static bool covers(u32 height, u64 index)
{
	return height * BITS >= 64 || index >> height * BITS == 0;
}

static u32 slot_of(u64 index, u32 level)
{
	return (u32)(index >> level * BITS) & (SLOTS - 1);
}

void *radix_get(const struct radix *r, u64 index)
{
	void *p = r->root;
	if (!covers(r->height, index))
		return NULL;
	for (u32 level = r->height; level-- > 0 && p;)
		p = ((struct node *)p)->slot[slot_of(index, level)];
	return p;
}

static int grow(struct radix *r, u64 index)
{
	while (!covers(r->height, index)) {
		if (r->root) {
			struct node *top = kzalloc(sizeof(*top));
			if (!top)
				return -ENOMEM;
			top->slot[0] = r->root;
			r->root = top;
		}
		r->height++;
	}
	return 0;
}

int radix_set(struct radix *r, u64 index, void *entry)
{
	if (grow(r, index))
		return -ENOMEM;
	void **p = &r->root;
	for (u32 level = r->height; level-- > 0;) {
		if (!*p)
			*p = kzalloc(sizeof(struct node));
		if (!*p)
			return -ENOMEM;
		p = &((struct node *)*p)->slot[slot_of(index, level)];
	}
	if (!*p)
		r->count++;
	*p = entry;
	return 0;
}

static bool node_empty(const struct node *n)
{
	for (u32 i = 0; i < SLOTS; i++)
		if (n->slot[i])
			return false;
	return true;
}

void *radix_remove(struct radix *r, u64 index)
{
	void **path[MAX_HEIGHT + 1];
	void **p = &r->root;
	u32 depth = 0;
	if (!covers(r->height, index))
		return NULL;
	for (u32 level = r->height; level-- > 0;) {
		if (!*p)
			return NULL;
		path[depth++] = p;
		p = &((struct node *)*p)->slot[slot_of(index, level)];
	}
	void *entry = *p;
	if (!entry)
		return NULL;
	*p = NULL;
	r->count--;
	while (depth && node_empty(*path[depth - 1])) {
		kfree(*path[--depth]);
		*path[depth] = NULL;
	}
	if (!r->root)
		r->height = 0;
	return entry;
}

void *radix_next(const struct radix *r, u64 *index)
{
	u64 i = *index;
	while (covers(r->height, i) && r->root) {
		void *p = r->root;
		u32 level = r->height;
		while (level > 0 && p) {
			level--;
			p = ((struct node *)p)->slot[slot_of(i, level)];
		}
		if (p) {
			*index = i;
			return p;
		}
		if (!r->height)
			return NULL;
		/* Nothing below this slot: on to the next slot of the same level. */
		u64 next = ((i >> level * BITS) + 1) << level * BITS;
		if (next <= i)
			return NULL;
		i = next;
	}
	return NULL;
}

static void free_node(void *p, u32 height)
{
	if (!p || !height)
		return;
	if (height > 1)
		for (u32 i = 0; i < SLOTS; i++)
			free_node(((struct node *)p)->slot[i], height - 1);
	kfree(p);
}

void radix_free(struct radix *r)
{
	free_node(r->root, r->height);
	*r = (struct radix){NULL, 0, 0};
}
