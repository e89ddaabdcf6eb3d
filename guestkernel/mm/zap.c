/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking pages out of address spaces: by range of addresses, and by range of a file. A page is freed only after the
 * translation is gone on every CPU.
 *
 * Who holds references: every leaf entry of a page table holds one on page_head() of its page, whether the leaf is 4
 * KiB or 2 MiB. When a 2 MiB leaf is split and nobody else has the block, the block is split too; otherwise the 512
 * small leaves hold 512 references on the head.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/region.h"

void rss_add(struct mm *mm, const struct page *head, long pages)
{
	if (head->flags & PAGE_F_CACHE)
		mm->file_pages += (u64)pages;
	else
		mm->anon_pages += (u64)pages;
	mm->rss_peak_pages = MAX(mm->rss_peak_pages, mm_rss_pages(mm));
}

u64 mm_rss_pages(const struct mm *mm)
{
	return mm->anon_pages + mm->file_pages;
}

void tables_count(struct mm *mm, long tables)
{
	mm->linked_tables += (u64)tables;
	mm->file_pages += (u64)tables * HUGE_SIZE / PAGE_SIZE;
	mm->rss_peak_pages = MAX(mm->rss_peak_pages, mm_rss_pages(mm));
}

void tables_unlink(struct mm *mm, u64 start, u64 end)
{
	if (mm->linked_tables && !mm->pt.dying)
		tables_count(mm, -(long)pt_unlink_range(&mm->pt, start, end));
}

struct gather {
	struct mm *mm;
	struct list pages; /* to be freed after the flush */
	bool keep_private;
	bool any;
};

static enum pt_action gather_leaf(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct gather *g = arg;
	struct page *page = page_head(page_of(pte.pa));

	if (g->keep_private && !(page->flags & PAGE_F_CACHE))
		return PT_KEEP;
	g->any = true;
	rss_add(g->mm, page, pte.huge ? -(long)(HUGE_SIZE / PAGE_SIZE) : -1);
	if (page_last(page) && !(page->flags & PAGE_F_CACHE))
		list_append(&g->pages, &page->link);
	else
		page_put(page);
	return PT_CLEAR;
}

static void release(struct gather *g)
{
	struct page *page, *next;

	list_for_each_safe (page, next, &g->pages, link) {
		list_remove(&page->link);
		page_put(page);
	}
}

void pages_unmap(struct mm *mm, u64 start, u64 end, bool keep_private)
{
	struct gather g = {.mm = mm, .pages = LIST_INIT(g.pages), .keep_private = keep_private};
	tables_unlink(mm, start, end);
	int r = pt_walk_range(&mm->pt, start, end, gather_leaf, &g);

	kassert(r == 0);
	if (g.any)
		pt_flush(&mm->pt, start, end);
	release(&g);
}

void pages_unmap_tables(struct mm *mm, u64 start, u64 end)
{
	struct gather g = {.mm = mm, .pages = LIST_INIT(g.pages)};
	tables_unlink(mm, start, end);
	int r = pt_walk_range(&mm->pt, start, end, gather_leaf, &g);
	struct vma *next = vma_find(mm, start);
	struct vma *prev = next			   ? vma_prev(next)
			   : list_empty(&mm->vmas) ? NULL
						   : list_last(&mm->vmas, struct vma, link);
	u64 free_start = prev ? prev->end : 0, free_end = next ? next->start : USER_END;

	kassert(r == 0);
	/* Only a range that had a whole table to itself can leave an empty one. Before the flush, which then covers the
	 * tables. */
	free_start = MAX(free_start, start & ~(HUGE_SIZE - 1));
	free_end = MIN(free_end, (end + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	if (((free_start + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1)) + HUGE_SIZE <= free_end)
		pt_free_range(&mm->pt, free_start, free_end);
	if (g.any)
		pt_flush(&mm->pt, start, end);
	release(&g);
}

void mm_reap(struct mm *mm)
{
	struct vma *vma;

	list_for_each (vma, &mm->vmas, link)
		if (!(vma->flags & (VMA_SHARED | VMA_FIXED_PAGES)))
			pages_unmap(mm, vma->start, vma->end, false);
}

static enum pt_action same_prot(void *arg, u64 va, struct pte pte, u32 *prot)
{
	return PT_SETPROT;
}

int huge_split_at(struct mm *mm, u64 addr)
{
	struct pte pte;

	if (!(addr & (HUGE_SIZE - 1)) || addr >= USER_END)
		return 0;
	pte = pt_lookup(&mm->pt, addr);
	if (!pte.present || !pte.huge)
		return 0;
	/* A walk that changes a part of it splits the leaf. */
	int r = pt_walk_range(&mm->pt, addr, addr + PAGE_SIZE, same_prot, NULL);

	if (r)
		return r;
	struct page *head = page_head(page_of(pte.pa));

	if (page_last(head))
		page_split(head);
	else
		head->refs += HUGE_SIZE / PAGE_SIZE - 1;
	return 0;
}

/* Unmaps file pages [first, end) from each VMA that has them. */
static void unmap_file(struct inode *inode, u64 first, u64 end, bool keep_private)
{
	struct vma *vma;

	if (!inode->mappings.next)
		return; /* never mapped */
	list_for_each (vma, &inode->mappings, inode_link) {
		u64 pages = (vma->end - vma->start) >> PAGE_SHIFT;
		u64 from = first > vma->pgoff ? first - vma->pgoff : 0;
		u64 to = end > vma->pgoff ? MIN(end - vma->pgoff, pages) : 0;

		if (from < to && !(vma->flags & VMA_FIXED_PAGES))
			pages_unmap(vma->mm, vma->start + (from << PAGE_SHIFT), vma->start + (to << PAGE_SHIFT),
				    keep_private);
	}
}

void mm_unmap_inode(struct inode *inode, u64 first_index)
{
	unmap_file(inode, first_index, ~0ull, false);
}

void mm_unmap_inode_range(struct inode *inode, u64 first, u64 end)
{
	unmap_file(inode, first, end, true);
}
