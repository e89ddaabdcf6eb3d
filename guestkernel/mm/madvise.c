/* SPDX-License-Identifier: Apache-2.0
 *
 * madvise(2).
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/region.h"

#include <linux/falloc.h>

/* Newer than the oldest UAPI headers that we build with. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* Gives pages of [start, end), inside one VMA, up: they read as zero or as the file's again. */
static int drop(struct vma *vma, u64 start, u64 end)
{
	int r = huge_split_at(vma->mm, start);

	if (!r)
		r = huge_split_at(vma->mm, end);
	if (!r)
		pages_unmap(vma->mm, start, end, false);
	return r;
}

static int advise_dontneed(struct vma *vma, u64 start, u64 end, int advice)
{
	if (vma->flags & VMA_FIXED_PAGES || (vma->flags & VMA_LOCKED && advice != MADV_DONTNEED_LOCKED))
		return -EINVAL;
	return drop(vma, start, end);
}

/* The program can do without the contents. Taking small pieces at once would cost faults when it uses them again, so
 * only large ones go while there is plenty of memory. */
static int advise_free(struct vma *vma, u64 start, u64 end)
{
	if (vma->file || vma->flags & (VMA_SHARED | VMA_FIXED_PAGES | VMA_LOCKED))
		return -EINVAL;
	if (end - start < HUGE_SIZE && page_plenty(0))
		return 0;
	return drop(vma, start, end);
}

/* Punches a hole into the file under a shared mapping. */
static int advise_remove(struct vma *vma, u64 start, u64 end)
{
	struct file *file = vma->file;
	u64 offset;

	if (vma->flags & VMA_LOCKED || !file)
		return -EINVAL;
	if (!(vma->flags & VMA_SHARED) || vma->flags & VMA_NOWRITE)
		return -EACCES;
	if (!file->ops->fallocate)
		return -EINVAL;
	offset = (vma->pgoff << PAGE_SHIFT) + (start - vma->start);
	file_get(file);
	int r = (int)file->ops->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, end - start);

	file_put(file);
	return r;
}

/* The part of one VMA; `vma` may be gone afterwards. */
static int advise(struct mm *mm, struct vma *vma, u64 start, u64 end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return advise_dontneed(vma, start, end, advice);
	case MADV_FREE:
		return advise_free(vma, start, end);
	case MADV_REMOVE:
		return advise_remove(vma, start, end);
	case MADV_WILLNEED:
		return vma->file ? mm_populate(mm, start, end - start, false) : 0;
	case MADV_DONTFORK:
		return range_set_flags(mm, start, end, VMA_DONTFORK, 0);
	case MADV_DOFORK:
		return range_set_flags(mm, start, end, 0, VMA_DONTFORK);
	case MADV_WIPEONFORK:
		if (vma->file || vma->flags & VMA_SHARED)
			return -EINVAL;
		return range_set_flags(mm, start, end, VMA_WIPEONFORK, 0);
	case MADV_KEEPONFORK:
		return range_set_flags(mm, start, end, 0, VMA_WIPEONFORK);
	case MADV_HUGEPAGE:
		return range_set_flags(mm, start, end, VMA_HUGE, VMA_NOHUGE);
	case MADV_NOHUGEPAGE:
		return range_set_flags(mm, start, end, VMA_NOHUGE, VMA_HUGE);
	case MADV_DONTDUMP:
		return range_set_flags(mm, start, end, VMA_NODUMP, 0);
	case MADV_DODUMP:
		return range_set_flags(mm, start, end, 0, VMA_NODUMP);
	default: /* hints about order of access, swapping, merging: nothing to do */
		return 0;
	}
}

static bool known(int advice)
{
	switch (advice) {
	case MADV_NORMAL ... MADV_DONTNEED:
	case MADV_FREE ... MADV_DOFORK:
	case MADV_MERGEABLE ... MADV_KEEPONFORK:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED:
	case MADV_COLLAPSE:
		return true;
	default:
		return false;
	}
}

/* Up to the first hole (-ENOMEM) or mapping that may not be accessed so (-EINVAL). */
static int populate(struct mm *mm, u64 start, u64 end, bool write)
{
	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		u64 stop;
		int r;

		if (!vma || vma->start > start)
			return -ENOMEM;
		if (!(vma->prot & (write ? PROT_WRITE : PROT_READ)))
			return -EINVAL;
		stop = MIN(end, vma->end);
		r = mm_prefault(mm, start, stop - start, write);
		if (r)
			return r;
		start = stop;
	}
	return 0;
}

int mm_madvise(struct mm *mm, u64 start, u64 length, int advice)
{
	u64 end, next;
	int hole = 0, r = 0;

	if (!known(advice))
		return -EINVAL;
	if (start & ~PAGE_MASK || (length && !PAGE_UP(length)) || start + PAGE_UP(length) < start)
		return -EINVAL;
	if (!length)
		return 0;
	if (!range_valid(start, length, &end))
		return -ENOMEM;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate(mm, start, end, advice == MADV_POPULATE_WRITE);
	while (start < end && !r) {
		struct vma *vma = vma_find(mm, start);

		if (!vma || vma->start >= end) {
			hole = -ENOMEM;
			break;
		}
		if (vma->start > start) { /* as on Linux: the rest is done, then the hole reported */
			hole = -ENOMEM;
			start = vma->start;
		}
		next = MIN(vma->end, end);
		r = advise(mm, vma, start, next, advice);
		start = next;
	}
	return r ? r : hole;
}
