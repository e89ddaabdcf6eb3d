/* SPDX-License-Identifier: Apache-2.0
 *
 * mlock(2), mincore(2), msync(2): nothing is ever swapped or written back, so these fault in, look, and check.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/region.h"
#include "guestkernel/mm/uaccess.h"

int mm_mlock(struct mm *mm, u64 start, u64 length, bool lock)
{
	u64 end;
	int r;

	/* Unlike others, these calls round the start down; and a length that overflows when rounded up is none. */
	length = PAGE_UP(length + (start & ~PAGE_MASK));
	start = PAGE_DOWN(start);
	if (!length)
		return 0;
	if (start + length < start)
		return -EINVAL;
	if (!range_valid(start, length, &end))
		return -ENOMEM;
	r = range_set_flags(mm, start, end, lock ? VMA_LOCKED : 0, lock ? 0 : VMA_LOCKED);
	if (r)
		return r;
	if (!range_mapped(mm, start, end))
		return -ENOMEM;
	if (lock && mm_prefault(mm, start, end - start, false))
		return -EAGAIN;
	return 0;
}

static bool resident(struct mm *mm, const struct vma *vma, u64 va)
{
	struct inode *inode = vma->file ? vma->file->inode : NULL;
	struct page *page = NULL;

	if (pt_lookup(&mm->pt, va).present)
		return true;
	if (!inode || !inode->ops || !inode->ops->get_page)
		return false;
	u64 index = vma->pgoff + ((va - vma->start) >> PAGE_SHIFT);

	if (index >= PAGE_UP(inode->size) >> PAGE_SHIFT || inode->ops->get_page(inode, index, false, &page) || !page)
		return false;
	page_put(page);
	return true;
}

int mm_mincore(struct mm *mm, u64 start, u64 length, user_ptr vec)
{
	u64 end;
	u8 out[256];

	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (!range_valid(start, length, &end))
		return -ENOMEM;
	while (start < end) {
		unsigned n = 0;

		for (; n < sizeof(out) && start < end; start += PAGE_SIZE) {
			struct vma *vma = vma_find(mm, start);

			if (!vma || vma->start > start)
				return -ENOMEM;
			out[n++] = resident(mm, vma, start);
		}
		if (copy_to_user(vec, out, n))
			return -EFAULT;
		vec = user_add(vec, n);
	}
	return 0;
}

bool vma_tracks_writes(const struct vma *vma)
{
	const struct inode *inode = vma->file ? vma->file->inode : NULL;

	return vma->flags & VMA_SHARED && inode && inode->ops && inode->ops->page_dirty;
}

void range_write_back(struct mm *mm, u64 start, u64 end)
{
	struct vma *vma;

	while (start < end && (vma = vma_find(mm, start)) && vma->start < end) {
		struct file *file = vma->file;

		start = vma->end;
		if (vma->flags & VMA_NOWRITE || !vma_tracks_writes(vma) || !file->ops->flush)
			continue;
		file_get(file);
		file->ops->flush(file); /* the next fsync or close tells of a failure */
		file_put(file);
	}
}

int mm_msync(struct mm *mm, u64 start, u64 length, int flags)
{
	int hole = 0;
	u64 end;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || (flags & MS_ASYNC && flags & MS_SYNC) ||
	    start & ~PAGE_MASK)
		return -EINVAL;
	length = PAGE_UP(length);
	if (!length)
		return 0;
	if (!range_valid(start, length, &end))
		return -ENOMEM;
	while (start < end) {
		struct vma *vma = vma_find(mm, start);

		if (!vma || vma->start >= end)
			return -ENOMEM;
		if (vma->start > start)
			hole = -ENOMEM;
		if (flags & MS_INVALIDATE && vma->flags & VMA_LOCKED)
			return -EBUSY;
		start = vma->end;
		struct file *file = vma->file;

		if (flags & MS_SYNC && file && vma->flags & VMA_SHARED && file->ops->fsync) {
			file_get(file); /* fsync may sleep */
			int r = file->ops->fsync(file);

			file_put(file);
			if (r)
				return r;
		}
	}
	return hole;
}
