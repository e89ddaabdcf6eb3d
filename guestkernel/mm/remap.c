/* SPDX-License-Identifier: Apache-2.0
 *
 * mremap(2): resizing in place, moving pages without copying them.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/region.h"

struct mover {
	struct mm *mm;
	u64 from, to;
	int error;
};

static enum pt_action move_leaf(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct mover *m = arg;

	if (!m->error)
		m->error = pt_map(&m->mm->pt, va - m->from + m->to, pte.pa, pte.huge ? HUGE_SIZE : PAGE_SIZE, pte.prot);
	return m->error ? PT_KEEP : PT_CLEAR;
}

/* Moves all entries of [from, from + length) to `to`, where nothing is mapped; on -ENOMEM they are back in place. */
static int pages_move(struct mm *mm, u64 from, u64 to, u64 length)
{
	struct mover m = {mm, from, to, 0}, back = {mm, to, from, 0};

	tables_unlink(mm, from, from + length);
	if ((from ^ to) & (HUGE_SIZE - 1)) /* 2 MiB pages cannot stay what they are */
		for (u64 va = from & ~(HUGE_SIZE - 1); va < from + length; va += HUGE_SIZE)
			m.error = m.error ? m.error : huge_split_at(mm, va + PAGE_SIZE);
	if (m.error)
		return m.error;
	pt_walk_range(&mm->pt, from, from + length, move_leaf, &m);
	if (m.error) {
		pt_walk_range(&mm->pt, to, to + length, move_leaf, &back); /* the tables are still there */
		kassert(!back.error);
		pt_flush(&mm->pt, to, to + length);
	}
	pt_flush(&mm->pt, from, from + length);
	return m.error;
}

static int grow_in_place(struct vma *vma, u64 new_end)
{
	struct mm *mm = vma->mm;
	u64 old_end = vma->end, pages = (new_end - old_end) >> PAGE_SHIFT;

	if (new_end > USER_END || !vma_range_free(mm, old_end, new_end))
		return -EBUSY;
	if (!limits_allow(mm, pages, vma->prot, vma->flags, vma->file))
		return -ENOMEM;
	vma_resize(vma, vma->start, new_end);
	mm->generation++;
	if (vma->flags & VMA_LOCKED) {
		mm->locked_pages += pages;
		mm_prefault(mm, old_end, new_end - old_end, false);
	}
	vma_merge(vma_find(mm, old_end));
	return 0;
}

/* Where the moved mapping goes; with MREMAP_FIXED what was there is unmapped. */
static int move_target(struct mm *mm, u64 old, u64 new_len, u32 flags, u64 *addr)
{
	if (flags & MREMAP_FIXED)
		return range_unmap(mm, *addr, *addr + new_len);
	/* Congruent to the old address, so that 2 MiB pages move whole. */
	u64 slack = new_len >= HUGE_SIZE ? HUGE_SIZE : 0;

	*addr = vma_find_gap(mm, new_len + slack, MMAP_MIN, mm->mmap_top);
	if (*addr && slack)
		*addr += (old - *addr) & (HUGE_SIZE - 1);
	if (!*addr)
		*addr = vma_find_gap(mm, new_len, MMAP_MIN, USER_END);
	return *addr ? 0 : -ENOMEM;
}

/* Moves [old, old + old_len), inside one VMA, to a mapping of new_len >= old_len bytes. old_len 0: a second mapping of
 * the same (shared) pages. */
static long move(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags, u64 addr)
{
	struct vma *vma, *copy;
	int r = old_len ? range_isolate(mm, old, old + old_len) : 0;

	if (!r)
		r = move_target(mm, old, new_len, flags, &addr);
	if (r)
		return r;
	vma = vma_find(mm, old);
	if (mm->count >= VMA_LIMIT)
		return -ENOMEM;
	if (!limits_allow(mm, (flags & MREMAP_DONTUNMAP ? new_len : new_len - old_len) >> PAGE_SHIFT, vma->prot,
			  vma->flags, vma->file))
		return -ENOMEM;
	copy = vma_create(vma->prot, vma->flags, vma->file, vma->pgoff, vma->name);
	if (!copy)
		return -ENOMEM;
	if (vma->file)
		copy->pgoff += (old - vma->start) >> PAGE_SHIFT;
	vma_place(mm, copy, addr, addr + new_len);
	r = pages_move(mm, old, addr, old_len);
	if (!r && !(flags & MREMAP_DONTUNMAP) && old_len)
		r = range_unmap(mm, old, old + old_len);
	if (r) {
		range_unmap(mm, addr, addr + new_len);
		return r;
	}
	vma = vma_find(mm, addr);
	if (vma->flags & VMA_LOCKED)
		mm_prefault(mm, addr, new_len, false);
	return (long)addr;
}

static int check_arguments(u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr)
{
	if (flags & ~(u32)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || old & ~PAGE_MASK || !new_len)
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && old_len != new_len)
		return -EINVAL;
	if (old >= USER_END || old_len > USER_END - old)
		return -EFAULT;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) /* else it is at least a wish, and is looked at */
		return 0;
	if (new_addr & ~PAGE_MASK || new_addr > USER_END || new_len > USER_END - new_addr)
		return -EINVAL;
	if (flags & MREMAP_FIXED && new_addr < MMAP_MIN)
		return -EINVAL;
	return new_addr < old + old_len && old < new_addr + new_len ? -EINVAL : 0;
}

long mm_mremap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr)
{
	struct vma *vma;
	int r;

	if (old_len > USER_END || new_len > USER_END)
		return -EINVAL;
	old_len = PAGE_UP(old_len);
	new_len = PAGE_UP(new_len);
	r = check_arguments(old, old_len, new_len, flags, new_addr);
	if (r)
		return r;
	vma = vma_find(mm, old);
	if (!vma || vma->start > old)
		return -EFAULT;
	if (!old_len && !(vma->flags & VMA_SHARED && flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && (vma->file || vma->flags & VMA_SHARED))
		return -EINVAL;
	if (old_len > new_len) { /* the tail goes in any case, and may lie in several VMAs */
		r = range_unmap(mm, old + new_len, old + old_len);
		if (r)
			return r;
		old_len = new_len;
		vma = vma_find(mm, old);
	}
	if (old_len == new_len && !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return (long)old;
	if (old + old_len > vma->end || (new_len > old_len && vma->flags & VMA_FIXED_PAGES))
		return -EFAULT;
	if (old_len && old + old_len == vma->end && !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
		r = grow_in_place(vma, old + new_len);
		if (r != -EBUSY)
			return r ? r : (long)old;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	return move(mm, old, old_len, new_len, flags, new_addr);
}
