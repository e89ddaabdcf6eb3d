/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of an address space's VMAs: found by address, and free ranges by length, in logarithmic time. Knows nothing
 * of what the mappings mean.
 */
#ifndef GUESTKERNEL_MM_VMA_H
#define GUESTKERNEL_MM_VMA_H

#include "guestkernel/mm/vm.h"

/* First VMA with end > addr, or NULL. */
struct vma *vma_find(const struct mm *mm, u64 addr);
/* The neighbours by address, or NULL. */
struct vma *vma_next(const struct vma *vma);
struct vma *vma_prev(const struct vma *vma);
/* [vma->start, vma->end) must be free. */
void vma_insert(struct mm *mm, struct vma *vma);
/* Takes it out; the caller frees it. */
void vma_remove(struct vma *vma);
/* New bounds; they must stay clear of the neighbours. */
void vma_resize(struct vma *vma, u64 start, u64 end);
/* Is [start, end) free, guard gaps of stacks above included? */
bool vma_range_free(const struct mm *mm, u64 start, u64 end);
/* Start of the highest free range of `length` bytes within [low, high), or 0. Page-aligned all. */
u64 vma_find_gap(const struct mm *mm, u64 length, u64 low, u64 high);

#endif
