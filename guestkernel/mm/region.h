/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of mm/ that implement one system call each share: VMAs with their files, and the pages of ranges.
 */
#ifndef GUESTKERNEL_MM_REGION_H
#define GUESTKERNEL_MM_REGION_H

#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vma.h"

/* ---- region.c: VMAs ---- */

/* A VMA outside of any address space, with its own reference to file; NULL: -ENOMEM. */
struct vma *vma_create(u32 prot, u32 flags, struct file *file, u64 pgoff, const char *name);
void vma_destroy(struct vma *vma);
/* Puts it into mm at [start, end), which must be free, joins it with equal neighbours and returns what it became. */
struct vma *vma_place(struct mm *mm, struct vma *vma, u64 start, u64 end);
/* Joins it with equal neighbours; returns what it became. */
struct vma *vma_merge(struct vma *vma);
/* Makes [start, end) begin and end at VMA boundaries (holes are fine), splitting VMAs and 2 MiB pages. -ENOMEM */
int range_isolate(struct mm *mm, u64 start, u64 end);
/* Removes all mappings in [start, end). -ENOMEM, with nothing changed that a program sees */
int range_unmap(struct mm *mm, u64 start, u64 end);
/* Is it a shared mapping of a file that wants to see the first write to each page? */
bool vma_tracks_writes(const struct vma *vma);
/* Lets the files of shared mappings in [start, end) take what was written to them. Sleeps; before range_unmap(), which
 * must not. */
void range_write_back(struct mm *mm, u64 start, u64 end);
/* Sets and clears flags of all VMAs in [start, end), splitting at the edges. -ENOMEM */
int range_set_flags(struct mm *mm, u64 start, u64 end, u32 set, u32 clear);
/* Is [start, end) mapped without holes? */
bool range_mapped(struct mm *mm, u64 start, u64 end);
/* Is start page-aligned and [start, start + length rounded up) within user space? *end is set. */
bool range_valid(u64 start, u64 length, u64 *end);
/* May `pages` more be mapped (RLIMIT_AS; RLIMIT_DATA when they are private, writable and no stack)? */
bool limits_allow(struct mm *mm, u64 pages, u32 prot, u32 flags, const struct file *file);
/* The current process's soft limit, RLIMIT_*. */
u64 current_rlimit(unsigned which);
static inline bool vma_is_data(u32 prot, u32 flags)
{
	return (prot & PROT_WRITE) && !(flags & (VMA_SHARED | VMA_GROWSDOWN));
}
/* PT_* of a VMA's pages when nothing forbids writing. */
u32 prot_to_pt(u32 prot);

/* ---- zap.c: pages ---- */

/* Counts pages that were mapped into mm (negative: unmapped). */
void rss_add(struct mm *mm, const struct page *head, long pages);
/* Counts linked tables (pt_link()) of mm (negative: unlinked), and their pages. */
void tables_count(struct mm *mm, long tables);
/* Takes linked tables out of [start, end), before entries there change; what of them is still mapped is faulted in
 * again. */
void tables_unlink(struct mm *mm, u64 start, u64 end);
/* Unmaps the pages of [start, end); page-cache pages alone when keep_private. No 2 MiB page may cross the edges. */
void pages_unmap(struct mm *mm, u64 start, u64 end, bool keep_private);
/* The same for a range that has no VMA any more: empty page tables go too. */
void pages_unmap_tables(struct mm *mm, u64 start, u64 end);
/* Splits the 2 MiB page that addr lies inside (not at its start), if any. -ENOMEM */
int huge_split_at(struct mm *mm, u64 addr);

#endif
