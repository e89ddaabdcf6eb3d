/* SPDX-License-Identifier: Apache-2.0
 *
 * Copy-on-write: the first write to a page that others may see, 4 KiB or 2 MiB.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/fault.h"

bool mm_is_hot(const struct mm *mm, u64 va)
{
	for (unsigned i = 0; mm->hot && i < HOT_PAGES; i++)
		if (mm->hot->va[i] == va)
			return true;
	return false;
}

static void note_hot(struct mm *mm, u64 va)
{
	struct hot_pages *hot = mm->hot;

	if (!hot || !hot->left || mm_is_hot(mm, va))
		return;
	hot->left--;
	hot->va[hot->next++ % HOT_PAGES] = va;
}

void mm_share_hot(struct mm *mm, struct mm *child)
{
	if (!mm->hot)
		mm->hot = kzalloc(sizeof(*mm->hot));
	if (!mm->hot)
		return; /* it only saves faults */
	mm->hot->refs = mm->hot->refs ? mm->hot->refs + 1 : 2;
	mm->hot->left = HOT_PAGES / 2;
	child->hot = mm->hot;
}

void mm_drop_hot(struct mm *mm)
{
	if (mm->hot && !--mm->hot->refs)
		kfree(mm->hot);
	mm->hot = NULL;
}

static enum pt_action make_writable(void *arg, u64 va, struct pte pte, u32 *prot)
{
	if (!page_exclusive(page_head(page_of(pte.pa))))
		return PT_KEEP;
	*prot |= PT_WRITE;
	return PT_SETPROT;
}

/* Replaces the entry at va by a copy of its page; *old is the page whose reference is to be dropped after the flush.
 * -ENOMEM; -EIO: the host has lost it */
static int copy_entry(struct mm *mm, struct vma *vma, u64 va, struct pte pte, struct page **old)
{
	struct page *head = page_head(page_of(pte.pa)), *copy = copy_of(pte.pa);

	if (!copy)
		return -ENOMEM;
	if (page_lost(head)) {
		page_put(copy);
		return -EIO;
	}
	if (pt_map(&mm->pt, va, page_addr(copy), PAGE_SIZE, prot_to_pt(vma->prot))) {
		page_put(copy);
		return -ENOMEM;
	}
	rss_add(mm, copy, 1);
	rss_add(mm, head, -1);
	*old = head;
	return 0;
}

static int write_small(struct mm *mm, struct vma *vma, u64 addr, struct pte pte)
{
	struct page *old[COPY_MOST] = {NULL};
	unsigned n = 0;

	note_hot(mm, addr);
	if (page_exclusive(page_head(page_of(pte.pa)))) {
		/* The other sharers have gone; very likely from the neighbours too. */
		struct window all = window_around(mm, vma, addr, WINDOW_PAGES);

		pt_walk_range(&mm->pt, all.start, all.end, make_writable, NULL);
		pt_flush_here(&mm->pt, all.start, all.end);
		return 0;
	}
	int r = copy_entry(mm, vma, addr, pte, &old[n++]);

	if (r)
		return r;
	struct window w = window_around(mm, vma, addr, pages_ahead(vma, addr, COPY_PAGES, COPY_MOST));

	vma->near_end = w.end;
	for (u64 va = w.start; va < w.end && page_plenty(COPY_PAGES); va += PAGE_SIZE) {
		pte = pt_lookup(&mm->pt, va);
		if (va == addr || !pte.present || pte.prot & PT_WRITE || page_exclusive(page_head(page_of(pte.pa))))
			continue;
		if (copy_entry(mm, vma, va, pte, &old[n]))
			break;
		n++;
	}
	pt_flush(&mm->pt, w.start, w.end);
	while (n > 0)
		page_put(old[--n]);
	return 0;
}

static int write_huge(struct mm *mm, struct vma *vma, u64 addr, struct pte pte)
{
	u64 base = addr & ~(HUGE_SIZE - 1);
	struct page *head = page_head(page_of(pte.pa)), *copy;
	int r;

	if (page_last(head)) {
		r = pt_map(&mm->pt, base, pte.pa, HUGE_SIZE, prot_to_pt(vma->prot));
		pt_flush_here(&mm->pt, base, base + HUGE_SIZE);
		return r;
	}
	copy = page_plenty(HUGE_PAGES) ? page_alloc(ORDER_HUGE, 0) : NULL;
	if (!copy) {
		r = huge_split_at(mm, base + PAGE_SIZE);
		return r ? r : write_small(mm, vma, addr, pt_lookup(&mm->pt, addr));
	}
	memcpy(page_virt(copy), phys_to_virt(pte.pa), HUGE_SIZE);
	r = pt_map(&mm->pt, base, page_addr(copy), HUGE_SIZE, prot_to_pt(vma->prot));
	if (r) {
		page_put(copy);
		return r;
	}
	pt_flush(&mm->pt, base, base + HUGE_SIZE);
	page_put(head);
	return 0;
}

int fault_write(struct mm *mm, struct vma *vma, u64 addr, struct pte pte)
{
	if (vma->flags & VMA_SHARED) {
		int r = 0;

		if (vma_tracks_writes(vma))
			r = vma->file->inode->ops->page_dirty(vma->file->inode,
							      vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT));
		if (r)
			return MIN(r, 0);
		r = pt_map(&mm->pt, addr, pte.pa, PAGE_SIZE, prot_to_pt(vma->prot));

		pt_flush_here(&mm->pt, addr, addr + PAGE_SIZE);
		return r;
	}
	return pte.huge ? write_huge(mm, vma, addr, pte) : write_small(mm, vma, addr, pte);
}
