/* SPDX-License-Identifier: Apache-2.0
 *
 * Page faults: which page belongs at an address, and what to map around it while we are here. A fault can cost
 * tens of microseconds (ring 0 in software), mapping one more page well under one, so each fault
 * does the work of many where memory allows.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/fault.h"
#include "guestkernel/mm/region.h"
#include "guestkernel/proc/process.h"

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>

static enum pt_action note_present(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct window *w = arg;

	w->present |= pte.huge ? ~0ull : 1ull << ((va - w->start) >> PAGE_SHIFT);
	return PT_KEEP;
}

struct window window_around(struct mm *mm, struct vma *vma, u64 addr, unsigned pages)
{
	u64 bytes = pages * PAGE_SIZE, base = addr & ~(bytes - 1);
	struct window w = {mm, vma, MAX(base, vma->start), MIN(base + bytes, vma->end), 0};

	if (vma->end - vma->start <= bytes) {
		w.start = vma->start;
		w.end = vma->end;
	}

	return w;
}

struct span {
	u64 start, end;
};

static void window_look(struct window *w)
{
	/* Only a 2 MiB page can make a walk fail, and none can cross an aligned window's edge inside its VMA. */
	pt_walk_range(&w->mm->pt, w->start, w->end, note_present, w);
}

/* Maps the window's pages (pages[i] may be NULL), each with a reference that the mapping takes over. What could not be
 * mapped is put back. -ENOMEM */
static int window_map(struct window *w, struct page **pages, u32 prot)
{
	unsigned n = (unsigned)((w->end - w->start) >> PAGE_SHIFT);
	paddr_t addrs[WINDOW_PAGES] = {0};
	int r;

	for (unsigned i = 0; i < n; i++)
		addrs[i] = pages[i] ? page_addr(pages[i]) : 0;
	r = pt_map_batch(&w->mm->pt, w->start, addrs, (int)n, prot);
	for (unsigned i = 0; i < n; i++) {
		if (!pages[i])
			continue;
		if (r) {
			struct pte pte = pt_lookup(&w->mm->pt, w->start + i * PAGE_SIZE);

			if (!pte.present || pte.pa != addrs[i]) {
				page_put(pages[i]);
				continue;
			}
		}
		rss_add(w->mm, pages[i], 1);
	}
	return r;
}

/* ---- anonymous memory ---- */

static bool wants_huge(const struct vma *vma, u64 base)
{
	if (vma->file || vma->flags & (VMA_NOHUGE | VMA_GROWSDOWN | VMA_STACK | VMA_FIXED_PAGES))
		return false;
	if (base < vma->start || base + HUGE_SIZE > vma->end)
		return false;
	return vma->flags & VMA_HUGE || vma->end - vma->start > HUGE_MIN_BYTES;
}

static enum pt_action note_any(void *arg, u64 va, struct pte pte, u32 *prot)
{
	*(bool *)arg = true;
	return PT_KEEP;
}

/* Maps a 2 MiB page over addr where that makes sense; did it? */
static bool fault_huge(struct mm *mm, struct vma *vma, u64 addr)
{
	u64 base = addr & ~(HUGE_SIZE - 1);
	bool taken = false;
	struct page *page;

	if (!wants_huge(vma, base) || !page_plenty(HUGE_PAGES))
		return false;
	pt_walk_range(&mm->pt, base, base + HUGE_SIZE, note_any, &taken);
	if (taken)
		return false;
	page = page_alloc(ORDER_HUGE, ALLOC_ZERO);
	if (!page)
		return false;
	if (pt_map(&mm->pt, base, page_addr(page), HUGE_SIZE, prot_to_pt(vma->prot))) {
		page_put(page);
		return false;
	}
	rss_add(mm, page, HUGE_PAGES);
	return true;
}

unsigned pages_ahead(struct vma *vma, u64 addr, unsigned first, unsigned most)
{
	u64 slack = first * PAGE_SIZE, low = vma->near_end - vma->near_pages * PAGE_SIZE;
	bool sequential = addr >= low - slack && addr < vma->near_end + slack;

	vma->near_pages = sequential ? MAX(MIN(vma->near_pages * 2, most), first) : first;
	return page_plenty(vma->near_pages) ? vma->near_pages : 1;
}

static int fault_anon(struct mm *mm, struct vma *vma, u64 addr)
{
	struct page *pages[WINDOW_PAGES] = {NULL};

	if (fault_huge(mm, vma, addr))
		return 0;
	struct window w = window_around(mm, vma, addr, pages_ahead(vma, addr, ANON_PAGES, WINDOW_PAGES));
	u64 here = (addr - w.start) >> PAGE_SHIFT;

	pages[here] = page_alloc(0, ALLOC_ZERO);
	if (!pages[here])
		return -ENOMEM;
	window_look(&w);
	for (u64 i = 0; i < (w.end - w.start) >> PAGE_SHIFT; i++)
		if (i != here && !(w.present & 1ull << i))
			pages[i] = page_alloc(0, ALLOC_ZERO);
	vma->near_end = w.end;
	return window_map(&w, pages, prot_to_pt(vma->prot));
}

/* ---- files ---- */

struct page *copy_of(paddr_t pa)
{
	struct page *copy = page_alloc(0, 0);

	if (copy)
		memcpy(page_virt(copy), phys_to_virt(pa), PAGE_SIZE);
	return copy;
}

static u64 file_index(const struct vma *vma, u64 addr)
{
	return vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
}

static bool beyond_end(const struct inode *inode, u64 index)
{
	return index >= PAGE_UP(inode->size) >> PAGE_SHIFT;
}

/* Protection for page-cache pages: those of private mappings are copied before they are written, and some files want to
 * know of the first write. */
static u32 cache_prot(const struct vma *vma)
{
	bool direct = vma->flags & VMA_SHARED && !vma_tracks_writes(vma);

	return prot_to_pt(vma->prot) & (direct ? ~0u : ~PT_WRITE);
}

/* Links the tables that the file keeps of 2 MiB blocks of a mapping that cannot be written to, around addr. Has it its
 * page now? */
static bool link_tables(struct mm *mm, struct vma *vma, u64 addr)
{
	struct inode *inode = vma->file->inode;
	u64 low = addr > LINK_BYTES ? addr - LINK_BYTES : 0, end = MIN(vma->end, addr + LINK_BYTES);
	u64 va = (MAX(vma->start, low) + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);

	if (!inode->ops->get_table || !vma->prot || vma->prot & PROT_WRITE || file_index(vma, va) % HUGE_PAGES)
		return false;
	for (; va + HUGE_SIZE <= end; va += HUGE_SIZE) {
		struct page *table = inode->ops->get_table(inode, file_index(vma, va), prot_to_pt(vma->prot));

		if (table && !pt_link(&mm->pt, va, table))
			tables_count(mm, 1);
	}
	return pt_lookup(&mm->pt, addr).present;
}

/* Maps what the page cache has of the window; the page at addr (NULL: none) was found before and comes with a
 * reference. Pages of `copies_wanted` (a part of the window, perhaps empty) become private copies, as `found` is
 * already when it lies there. */
static int map_cached(struct window *w, u64 addr, struct page *found, struct span copies_wanted)
{
	struct page *shared_pages[WINDOW_PAGES] = {NULL}, *copies[WINDOW_PAGES] = {NULL};
	struct inode *inode = w->vma->file->inode;
	bool any_copy = copies_wanted.end > copies_wanted.start;
	int r;

	window_look(w);
	for (u64 va = w->start; va < w->end; va += PAGE_SIZE) {
		u64 i = (va - w->start) >> PAGE_SHIFT;
		bool copy = va >= copies_wanted.start && va < copies_wanted.end;
		struct page *page = NULL;

		if (found && va == addr) {
			(copy ? copies : shared_pages)[i] = found;
			continue;
		}
		if (w->present & 1ull << i || beyond_end(inode, file_index(w->vma, va)))
			continue;
		if (inode->ops->get_page(inode, file_index(w->vma, va), false, &page) || !page)
			continue;
		if (copy && page_plenty(COPY_PAGES)) {
			copies[i] = copy_of(page_addr(page));
			if (copies[i] && page_lost(page)) {
				page_put(copies[i]);
				copies[i] = NULL;
			}
			page_put(page);
		} else {
			shared_pages[i] = page;
		}
	}
	r = window_map(w, shared_pages, cache_prot(w->vma));
	int r2 = any_copy ? window_map(w, copies, prot_to_pt(w->vma->prot)) : 0;

	return r ? r : r2;
}

/* Programs jump far in their code and constants: of what is in the page cache more is mapped than one window. */
static void map_around(struct mm *mm, struct vma *vma, u64 addr)
{
	u64 start = MAX(addr & ~(AROUND_BYTES - 1), vma->start), end = MIN((addr | (AROUND_BYTES - 1)) + 1, vma->end);

	for (u64 va = start; va < end; va = (va | (WINDOW_PAGES * PAGE_SIZE - 1)) + 1) {
		struct window w = window_around(mm, vma, va, WINDOW_PAGES);

		if (!pt_lookup(&mm->pt, va).present && map_cached(&w, 0, NULL, (struct span){0, 0}))
			return; /* it only saves faults */
	}
}

static int fault_file(struct mm *mm, struct vma *vma, u64 addr, u32 access, int *signo, int *code)
{
	struct file *file = vma->file;
	u64 index = file_index(vma, addr), generation = mm->generation;
	bool copied = access & PT_WRITE && !(vma->flags & VMA_SHARED);
	struct page *page = NULL;
	int r = -EFAULT;

	file_get(file); /* reading may sleep, and the mapping may go */
	if (!beyond_end(file->inode, index))
		r = file->inode->ops->get_page(file->inode, index, true, &page);
	if (!r && (generation != mm->generation || pt_lookup(&mm->pt, addr).present)) { /* slept: look again */
		if (page)
			page_put(page);
		file_put(file);
		return 0;
	}
	if (r || !page || beyond_end(file->inode, index)) {
		if (page)
			page_put(page);
		file_put(file);
		*signo = SIGBUS;
		*code = BUS_ADRERR;
		return r == -ENOMEM ? -ENOMEM : -EFAULT;
	}
	file_put(file);
	if (link_tables(mm, vma, addr)) {
		page_put(page);
		return 0;
	}
	if (copied) {
		struct page *copy = copy_of(page_addr(page));
		bool lost = page_lost(page);

		page_put(page);
		if (!copy)
			return -ENOMEM;
		page = copy;
		if (lost) {
			page_put(copy);
			*signo = SIGBUS;
			*code = BUS_ADRERR;
			return -EFAULT;
		}
	}
	struct window w = window_around(mm, vma, addr, WINDOW_PAGES);
	struct span copies = {0, 0};

	if (copied) {
		u64 bytes = pages_ahead(vma, addr, COPY_PAGES, COPY_MOST) * PAGE_SIZE;

		copies.start = addr & ~(bytes - 1);
		copies.end = vma->near_end = copies.start + bytes;
	}
	r = map_cached(&w, addr, page, copies);
	if (!r && !(access & PT_WRITE) && !(vma->flags & VMA_SHARED))
		map_around(mm, vma, addr);
	return r;
}

int mm_populate(struct mm *mm, u64 start, u64 length, bool copy)
{
	u64 end = start + length;
	int r = 0;

	for (struct vma *vma = vma_find(mm, start); !r && vma && vma->start < end; vma = vma_next(vma)) {
		u64 from = MAX(start, vma->start), to = MIN(end, vma->end);

		if (!vma->file || vma->flags & VMA_FIXED_PAGES || !vma->prot || !vma->file->inode->ops->get_page)
			continue;
		bool copied = copy && !(vma->flags & VMA_SHARED) && vma->prot & PROT_WRITE &&
			      vma->end - vma->start <= COPY_AHEAD * PAGE_SIZE;

		for (u64 va = from; !r && va < to; va = (va | (WINDOW_PAGES * PAGE_SIZE - 1)) + 1) {
			struct window w = window_around(mm, vma, va, WINDOW_PAGES);

			if ((va == from || !(va & (HUGE_SIZE - 1))) && link_tables(mm, vma, va)) {
				va |= HUGE_SIZE - 1;
				continue;
			}
			w.start = MAX(w.start, from);
			w.end = MIN(w.end, to);
			r = map_cached(&w, 0, NULL, copied ? (struct span){w.start, w.end} : (struct span){0, 0});
		}
	}
	return r;
}

/* ---- stacks ---- */

static bool may_start_at(struct vma *vma, u64 start)
{
	struct vma *prev = vma_prev(vma);

	if (start < MMAP_MIN || vma->end - start > current_rlimit(RLIMIT_STACK))
		return false;
	/* The gap keeps a runaway stack from reaching other data; an inaccessible neighbour does as well. */
	if (prev && prev->prot && !(prev->flags & VMA_GROWSDOWN) ? prev->end + STACK_GUARD > start
								 : prev && prev->end > start)
		return false;
	return limits_allow(vma->mm, (vma->start - start) >> PAGE_SHIFT, vma->prot, vma->flags, NULL);
}

/* Extends a stack down to addr, with room for some more pages if it may. */
static bool grow_stack(struct vma *vma, u64 addr)
{
	u64 start = addr & ~(ANON_PAGES * PAGE_SIZE - 1);

	if (!may_start_at(vma, start)) {
		start = PAGE_DOWN(addr);
		if (!may_start_at(vma, start))
			return false;
	}
	if (vma->flags & VMA_LOCKED)
		vma->mm->locked_pages += (vma->start - start) >> PAGE_SHIFT;
	vma_resize(vma, start, vma->end);
	vma->mm->generation++;
	return true;
}

static struct vma *vma_for(struct mm *mm, u64 addr)
{
	struct vma *vma = addr < USER_END ? vma_find(mm, addr) : NULL;

	if (!vma || vma->start <= addr)
		return vma;
	return vma->flags & VMA_GROWSDOWN && grow_stack(vma, addr) ? vma : NULL;
}

/* ---- entry ---- */

int mm_fault(struct mm *mm, u64 addr, u32 access, int *signo, int *code)
{
	struct vma *vma = vma_for(mm, addr);
	struct pte pte;
	u32 prot;
	int r;

	*signo = SIGSEGV;
	*code = SEGV_MAPERR;
	if (!vma)
		return -EFAULT;
	prot = prot_to_pt(vma->prot);
	*code = SEGV_ACCERR;
	if (access & ~prot || !prot)
		return -EFAULT;
	addr = PAGE_DOWN(addr);
	pte = pt_lookup(&mm->pt, addr);
	if (pte.present && !(access & ~pte.prot)) { /* mapped meanwhile, or a stale translation */
		pt_flush_here(&mm->pt, addr, addr + PAGE_SIZE);
		return 0;
	}
	if (vma->flags & VMA_FIXED_PAGES) {
		*signo = SIGBUS;
		*code = BUS_ADRERR;
		return -EFAULT;
	}
	if (pte.present) {
		kassert(access & PT_WRITE); /* entries have all that their VMA allows, but for copy-on-write */
		r = fault_write(mm, vma, addr, pte);
		if (r == -EIO) {
			*signo = SIGBUS;
			*code = BUS_ADRERR;
		}
		return r;
	}
	if (vma->file)
		return fault_file(mm, vma, addr, access, signo, code);
	return fault_anon(mm, vma, addr);
}

/* Faults one page in; retries while memory can be found. */
static int prefault_page(struct mm *mm, u64 va, u32 access)
{
	int signo, code, r;

	do {
		r = mm_fault(mm, va, access, &signo, &code);
	} while (r == -ENOMEM && mm_wait_memory());
	return r;
}

int mm_prefault(struct mm *mm, u64 start, u64 length, bool write)
{
	u64 end = start + PAGE_UP(length), va = start;

	while (va < end) {
		struct vma *vma = vma_find(mm, va);

		if (!vma || vma->start > va)
			return -ENOMEM;
		bool cow = (vma->prot & PROT_WRITE) && !(vma->flags & VMA_SHARED);
		u32 access = write || cow ? PT_WRITE : PT_READ;
		struct pte pte = pt_lookup(&mm->pt, va);

		if (!vma->prot && !write) { /* nothing to do for PROT_NONE */
			va = vma->end;
			continue;
		}
		if (!pte.present || access & ~pte.prot) {
			int r = prefault_page(mm, va, access);

			if (r)
				return r;
			pte = pt_lookup(&mm->pt, va);
			if (!pte.present || access & ~pte.prot)
				continue; /* the fault slept and found the mapping changed */
		}
		va = pte.huge ? (va | (HUGE_SIZE - 1)) + 1 : va + PAGE_SIZE;
	}
	return 0;
}
