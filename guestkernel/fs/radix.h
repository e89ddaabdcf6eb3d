/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse array of pointers by 64-bit index: the page cache of a file. 64 slots a node; one entry at index 0 needs no
 * node.
 */
#ifndef GUESTKERNEL_FS_RADIX_H
#define GUESTKERNEL_FS_RADIX_H

#include "guestkernel/types.h"

struct radix {
	void *root;
	u32 height; /* levels of nodes; 0: root is the entry of index 0 */
	u64 count;  /* entries */
};

void *radix_get(const struct radix *r, u64 index);
/* Sets an entry (not NULL) and returns 0; -ENOMEM. An old entry is overwritten. */
int radix_set(struct radix *r, u64 index, void *entry);
/* Takes an entry out; NULL when there was none. */
void *radix_remove(struct radix *r, u64 index);
/* The first entry at or after *index, which is set to its place; NULL: none. */
void *radix_next(const struct radix *r, u64 *index);
/* Frees the nodes; the entries must be out or not matter. */
void radix_free(struct radix *r);

#endif
