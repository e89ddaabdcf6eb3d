/* SPDX-License-Identifier: Apache-2.0
 *
 * VMAs with their files: creation, splitting, joining, removal of ranges, limits.
 */
#include "guestkernel/mm/region.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"

#include <linux/resource.h>

u32 prot_to_pt(u32 prot)
{
	/* The hardware has no write-only or execute-only pages. */
	return (prot & (PROT_READ | PROT_WRITE | PROT_EXEC) ? PT_READ : 0) | (prot & PROT_WRITE ? PT_WRITE : 0) |
	       (prot & PROT_EXEC ? PT_EXEC : 0);
}

struct vma *vma_create(u32 prot, u32 flags, struct file *file, u64 pgoff, const char *name)
{
	struct vma *vma = kzalloc(sizeof(*vma));

	if (!vma)
		return NULL;
	vma->prot = prot;
	vma->flags = flags;
	vma->pgoff = pgoff;
	vma->name = name;
	list_init(&vma->link);
	list_init(&vma->inode_link);
	vma->file = file;
	if (file)
		file_get(file);
	return vma;
}

void vma_destroy(struct vma *vma)
{
	list_remove(&vma->inode_link);
	if (vma->file && vma->file->ops->unmapped)
		vma->file->ops->unmapped(vma->file);
	if (vma->file)
		file_put(vma->file);
	kfree(vma);
}

static bool mergeable(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->prot != b->prot || a->flags != b->flags || a->file != b->file ||
	    a->name != b->name)
		return false;
	if (a->flags & (VMA_GROWSDOWN | VMA_FIXED_PAGES))
		return false;
	return !a->file || a->pgoff + ((a->end - a->start) >> PAGE_SHIFT) == b->pgoff;
}

/* Joins a and the VMA after it. */
static void absorb_next(struct vma *a, struct vma *b)
{
	u64 end = b->end;

	if (!a->near_pages) {
		a->near_pages = b->near_pages;
		a->near_end = b->near_end;
	}
	vma_remove(b);
	vma_resize(a, a->start, end);
	vma_destroy(b);
}

struct vma *vma_merge(struct vma *vma)
{
	struct vma *prev = vma_prev(vma), *next = vma_next(vma);

	if (next && mergeable(vma, next))
		absorb_next(vma, next);
	if (prev && mergeable(prev, vma)) {
		absorb_next(prev, vma);
		return prev;
	}
	return vma;
}

static void vma_link_inode(struct vma *vma)
{
	if (!vma->file || !vma->file->inode)
		return;
	if (!vma->file->inode->mappings.next)
		list_init(&vma->file->inode->mappings);
	list_append(&vma->file->inode->mappings, &vma->inode_link);
}

struct vma *vma_place(struct mm *mm, struct vma *vma, u64 start, u64 end)
{
	vma->start = start;
	vma->end = end;
	vma_insert(mm, vma);
	vma_link_inode(vma);
	mm->generation++;
	if (vma->flags & VMA_LOCKED)
		mm->locked_pages += (end - start) >> PAGE_SHIFT;
	return vma_merge(vma);
}

/* Splits the VMA at addr, strictly inside it. */
static int vma_split(struct vma *vma, u64 addr)
{
	struct mm *mm = vma->mm;
	struct vma *upper;
	u64 end = vma->end;

	if (mm->count >= VMA_LIMIT)
		return -ENOMEM;
	upper = vma_create(vma->prot, vma->flags, vma->file, vma->pgoff, vma->name);
	if (!upper)
		return -ENOMEM;
	if (vma->file)
		upper->pgoff += (addr - vma->start) >> PAGE_SHIFT;
	vma_resize(vma, vma->start, addr);
	upper->start = addr;
	upper->end = end;
	vma_insert(mm, upper);
	vma_link_inode(upper);
	mm->generation++;
	return 0;
}

static int split_at(struct mm *mm, u64 addr)
{
	struct vma *vma = vma_find(mm, addr);

	return vma && vma->start < addr ? vma_split(vma, addr) : 0;
}

int range_isolate(struct mm *mm, u64 start, u64 end)
{
	/* Pages first: a failure then leaves no 2 MiB page across two VMAs. */
	int r = huge_split_at(mm, start);

	if (!r)
		r = huge_split_at(mm, end);
	if (!r)
		r = split_at(mm, start);
	if (!r)
		r = split_at(mm, end);
	return r;
}

int range_unmap(struct mm *mm, u64 start, u64 end)
{
	struct list gone = LIST_INIT(gone);
	struct vma *vma = vma_find(mm, start), *next;
	int r;

	if (!vma || vma->start >= end)
		return 0;
	r = range_isolate(mm, start, end);
	if (r)
		return r;
	for (vma = vma_find(mm, start); vma && vma->start < end; vma = next) {
		next = vma_next(vma);
		vma_remove(vma);
		list_append(&gone, &vma->link);
		if (vma->flags & VMA_LOCKED)
			mm->locked_pages -= (vma->end - vma->start) >> PAGE_SHIFT;
	}
	mm->generation++;
	pages_unmap_tables(mm, start, end);
	list_for_each_safe (vma, next, &gone, link) {
		list_remove(&vma->link);
		vma_destroy(vma);
	}
	return 0;
}

int range_set_flags(struct mm *mm, u64 start, u64 end, u32 set, u32 clear)
{
	int r = range_isolate(mm, start, end);

	for (struct vma *vma = vma_find(mm, start); !r && vma && vma->start < end; vma = vma_next(vma)) {
		u32 flags = (vma->flags & ~clear) | set;
		u64 pages = (vma->end - vma->start) >> PAGE_SHIFT;

		if ((flags ^ vma->flags) & VMA_LOCKED)
			mm->locked_pages += flags & VMA_LOCKED ? pages : -pages;
		vma->flags = flags;
		vma = vma_merge(vma);
	}
	return r;
}

bool range_mapped(struct mm *mm, u64 start, u64 end)
{
	for (struct vma *vma = vma_find(mm, start); vma && vma->start <= start; vma = vma_next(vma)) {
		if (vma->end >= end)
			return true;
		start = vma->end;
	}
	return start >= end;
}

bool range_valid(u64 start, u64 length, u64 *end)
{
	if (start & ~PAGE_MASK || start > USER_END || length > USER_END - start)
		return false;
	*end = start + PAGE_UP(length);
	return true;
}

u64 current_rlimit(unsigned which)
{
	return current && current->process ? current->process->rlimit[which].cur : K_RLIM_INFINITY;
}

static u64 data_pages(struct mm *mm)
{
	struct vma *vma;
	u64 pages = 0;

	list_for_each (vma, &mm->vmas, link)
		if (vma_is_data(vma->prot, vma->flags))
			pages += (vma->end - vma->start) >> PAGE_SHIFT;
	return pages;
}

bool limits_allow(struct mm *mm, u64 pages, u32 prot, u32 flags, const struct file *file)
{
	u64 as = current_rlimit(RLIMIT_AS), data = current_rlimit(RLIMIT_DATA);

	if (pages > USER_END >> PAGE_SHIFT || mm->total_pages + pages > as >> PAGE_SHIFT)
		return false;
	if (vma_is_data(prot, flags)) {
		struct page_stats stats;

		if (data != K_RLIM_INFINITY && data_pages(mm) + pages > data >> PAGE_SHIFT)
			return false;
		/* Overcommit as Linux's default: only what could never be backed is refused. */
		page_stats(&stats);
		if (!(flags & VMA_NORESERVE) && pages > stats.total)
			return false;
	}
	return true;
}
