/* SPDX-License-Identifier: Apache-2.0
 *
 * What fault.c (pages that are missing) and cow.c (pages that may not be written yet) share.
 */
#ifndef GUESTKERNEL_MM_FAULT_H
#define GUESTKERNEL_MM_FAULT_H

#include "guestkernel/mm/region.h"

#define WINDOW_PAGES   64 /* most pages that one fault maps as 4 KiB */
#define ANON_PAGES     16 /* of a first anonymous fault; doubles while faults are sequential */
#define COPY_PAGES     4  /* copy-on-write: pages copied together; doubles while faults are sequential, */
#define COPY_MOST      16 /* up to this */
#define COPY_AHEAD     16 /* private writable file mappings up to this size are copied when they are populated */
#define POPULATE_LIMIT (4ul << 20)  /* mappings of code up to this size are populated when they are made */
#define AROUND_BYTES   (1ul << 20)  /* aligned stretch of a private mapping that a fault maps as far as it is cached */
#define LINK_BYTES     (16ul << 20) /* page tables of a file are linked so far before and behind the fault */
#define HUGE_MIN_BYTES (4ul << 20)  /* smaller VMAs get 2 MiB pages only by MADV_HUGEPAGE */
#define HUGE_PAGES     (HUGE_SIZE / PAGE_SIZE)

/* A stretch of up to WINDOW_PAGES pages inside one VMA. */
struct window {
	struct mm *mm;
	struct vma *vma;
	u64 start, end;
	u64 present; /* bit N: page N has an entry */
};

/* The aligned window of so many pages (a power of 2) around addr, cut to the VMA; all of a VMA that is not larger. */
struct window window_around(struct mm *mm, struct vma *vma, u64 addr, unsigned pages);
/* How many pages a fault at addr shall map or copy: `first`, and twice as many, up to `most`, each time that it is next
 * to what the VMA's last one did; 1 when memory is short. The caller then sets vma->near_end. */
unsigned pages_ahead(struct vma *vma, u64 addr, unsigned first, unsigned most);
/* A new page with the contents of the 4 KiB at pa; NULL: -ENOMEM. */
struct page *copy_of(paddr_t pa);
/* A write to a present page without write permission in a writable VMA: makes it writable, copied if others see it.
 * -ENOMEM */
int fault_write(struct mm *mm, struct vma *vma, u64 addr, struct pte pte);
/* Was the page at va among the first that needed fault_write() after earlier forks? */
bool mm_is_hot(const struct mm *mm, u64 va);
/* The child of a fork notes such pages where its parent does. */
void mm_share_hot(struct mm *mm, struct mm *child);
void mm_drop_hot(struct mm *mm);

#endif
