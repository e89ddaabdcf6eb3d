/* SPDX-License-Identifier: Apache-2.0
 *
 * mprotect(2).
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/region.h"

struct reprotect {
	u32 prot;
	bool shared;
	bool removed; /* what some entry allowed before is no longer allowed */
};

static enum pt_action reprotect_leaf(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct reprotect *p = arg;
	const struct page *page = page_head(page_of(pte.pa));
	u32 wanted = p->prot;

	/* Private pages that others see become writable only by a fault that copies them. */
	if (!p->shared && !(pte.huge ? page_last(page) : page_exclusive(page)))
		wanted &= ~PT_WRITE;
	if (wanted == pte.prot)
		return PT_KEEP;
	/* Where more is allowed than a TLB knows, the fault settles it: most often none comes. */
	p->removed |= (pte.prot & ~wanted) != 0;
	*prot = wanted;
	return PT_SETPROT;
}

static int protect_vma(struct vma *vma, u32 prot)
{
	struct mm *mm = vma->mm;
	u64 pages = (vma->end - vma->start) >> PAGE_SHIFT;
	struct reprotect p = {.prot = prot_to_pt(prot), .shared = vma->flags & VMA_SHARED && !vma_tracks_writes(vma)};

	if (prot & PROT_WRITE && vma->flags & VMA_NOWRITE)
		return -EACCES;
	if (vma_is_data(prot, vma->flags) && !vma_is_data(vma->prot, vma->flags)) {
		mm->total_pages -= pages; /* they are mapped already: only their kind changes */
		bool allowed = limits_allow(mm, pages, prot, vma->flags, vma->file);

		mm->total_pages += pages;
		if (!allowed)
			return -ENOMEM;
	}
	vma->prot = prot;
	mm->generation++;
	tables_unlink(mm, vma->start, vma->end);
	pt_walk_range(&mm->pt, vma->start, vma->end, reprotect_leaf, &p);
	if (p.removed)
		pt_flush(&mm->pt, vma->start, vma->end);
	return 0;
}

/* PROT_GROWSDOWN: the change reaches down to where the stack begins. */
static int extend_down(struct mm *mm, u64 *start)
{
	struct vma *vma = vma_find(mm, *start);

	if (!vma || vma->start > *start)
		return -ENOMEM;
	if (!(vma->flags & VMA_GROWSDOWN))
		return -EINVAL;
	*start = vma->start;
	return 0;
}

int mm_mprotect(struct mm *mm, u64 start, u64 length, u32 prot)
{
	u64 end, done;
	int r = 0;

	if (start & ~PAGE_MASK || prot & PROT_GROWSUP ||
	    prot & ~(u32)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN))
		return -EINVAL;
	if (!length)
		return 0;
	if (!range_valid(start, length, &end))
		return -ENOMEM;
	if (prot & PROT_GROWSDOWN)
		r = extend_down(mm, &start);
	if (!r)
		r = range_isolate(mm, start, end);
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	done = start;
	for (struct vma *vma = vma_find(mm, start); !r && vma && vma->start < end; vma = vma_next(vma)) {
		if (vma->start > done)
			return -ENOMEM;
		if (vma->prot != prot)
			r = protect_vma(vma, prot);
		if (!r) {
			vma = vma_merge(vma);
			done = vma->end;
		}
	}
	return r || done >= end ? r : -ENOMEM;
}
