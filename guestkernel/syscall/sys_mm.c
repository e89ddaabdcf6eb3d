/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls on the caller's own address space.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/region.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#include <linux/capability.h>
#include <linux/resource.h>

/* ---- locking ---- */

/* May the caller lock so many more pages? */
static int may_lock(struct mm *mm, u64 pages, int error_over)
{
	u64 limit = current_rlimit(RLIMIT_MEMLOCK);

	if (cred_has_cap(CAP_IPC_LOCK) || limit == K_RLIM_INFINITY)
		return 0;
	if (!limit)
		return -EPERM;
	return mm->locked_pages + pages > limit >> PAGE_SHIFT ? -error_over : 0;
}

static long lock_range(u64 start, u64 length)
{
	u64 pages = (PAGE_UP(length + (start & ~PAGE_MASK))) >> PAGE_SHIFT;
	int r = may_lock(current->mm, pages, ENOMEM);

	return r ? r : mm_mlock(current->mm, start, length, true);
}

SYSCALL(mlock)
{
	return lock_range(a, b);
}

SYSCALL(mlock2)
{
	return c & ~(u64)MLOCK_ONFAULT ? -EINVAL : lock_range(a, b);
}

SYSCALL(munlock)
{
	return mm_mlock(current->mm, a, b, false);
}

/* Locks or unlocks what is mapped now. */
static int lock_current(struct mm *mm, bool lock)
{
	int r = range_set_flags(mm, 0, USER_END, lock ? VMA_LOCKED : 0, lock ? 0 : VMA_LOCKED);
	u64 at = 0;

	while (!r && lock) {
		struct vma *vma = vma_find(mm, at);

		if (!vma)
			break;
		at = vma->end;
		mm_prefault(mm, vma->start, vma->end - vma->start, false);
	}
	return r;
}

SYSCALL(mlockall)
{
	struct mm *mm = current->mm;
	int r;

	if (!a || a & ~(u64)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || a == MCL_ONFAULT)
		return -EINVAL;
	r = may_lock(mm, a & MCL_CURRENT ? mm->total_pages - mm->locked_pages : 0, ENOMEM);
	if (r)
		return r;
	mm->future_flags = a & MCL_FUTURE ? VMA_LOCKED : 0;
	return a & MCL_CURRENT ? lock_current(mm, true) : 0;
}

SYSCALL(munlockall)
{
	current->mm->future_flags = 0;
	return lock_current(current->mm, false);
}

/* ---- mapping ---- */

#define AHEAD_BYTES (64 * PAGE_SIZE) /* larger mappings wait for their first fault */

/* Flags that MAP_SHARED_VALIDATE lets pass; others are ignored, as they always were, with the old types. */
#define MAP_KNOWN                                                                                                      \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |           \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE)

/* The beginning of a small mapping is nearly always written at once (the head of an allocation, a program's bss): maps
 * what the fault would. */
static void map_ahead(struct mm *mm, u64 addr, u64 length, u32 prot, u32 flags)
{
	const u32 relevant = MAP_TYPE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE | MAP_GROWSDOWN;

	if (length && (flags & relevant) == (MAP_PRIVATE | MAP_ANONYMOUS) && prot & PROT_WRITE &&
	    length <= AHEAD_BYTES && page_plenty(AHEAD_BYTES / PAGE_SIZE))
		mm_prefault(mm, addr, 1, true); /* only saves a fault: failing is no error */
}

SYSCALL(brk)
{
	struct mm *mm = current->mm;
	u64 old = mm->brk, new = mm_brk(mm, a);

	if (new > old)
		map_ahead(mm, PAGE_UP(old), PAGE_UP(new) - PAGE_UP(old), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS);
	return (long)new;
}

SYSCALL(mmap)
{
	u64 addr = a, length = b, prot = c, flags = d, offset = f;
	struct file *file = NULL;
	long r;

	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if (flags & MAP_HUGETLB)
		return -ENOMEM; /* no pages are set aside for hugetlbfs */
	if (flags & MAP_LOCKED || current->mm->future_flags & VMA_LOCKED) {
		r = length > USER_END ? -ENOMEM : may_lock(current->mm, PAGE_UP(length) >> PAGE_SHIFT, EAGAIN);
		if (r)
			return r;
	}
	if (!(flags & MAP_ANONYMOUS)) {
		file = fd_get((int)e);
		if (!file)
			return -EBADF;
		if (offset > INT64_MAX || (length <= USER_END && offset > INT64_MAX - PAGE_UP(length))) {
			file_put(file);
			return -EOVERFLOW;
		}
	}
	if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE && (!file || flags & ~(u64)MAP_KNOWN))
		r = file ? -EOPNOTSUPP : -EINVAL;
	else
		r = mm_mmap(current->mm, addr, length, (u32)prot, (u32)flags, file, file ? offset >> PAGE_SHIFT : 0);
	if (file)
		file_put(file);
	if (r > 0)
		map_ahead(current->mm, (u64)r, length, (u32)prot, (u32)flags);
	return r;
}

SYSCALL(munmap)
{
	return mm_munmap(current->mm, a, b);
}

SYSCALL(mprotect)
{
	return c >> 32 ? -EINVAL : mm_mprotect(current->mm, a, b, (u32)c);
}

/* There are no protection keys: -1, "the same as mprotect", is the only one that may be given. */
SYSCALL(pkey_mprotect)
{
	return (int)d != -1 || c >> 32 ? -EINVAL : mm_mprotect(current->mm, a, b, (u32)c);
}

SYSCALL(mremap)
{
	return d >> 32 ? -EINVAL : mm_mremap(current->mm, a, b, c, (u32)d, e);
}

/* As Linux emulates it: the part of a shared file mapping is mapped anew with another offset. */
SYSCALL(remap_file_pages)
{
	struct mm *mm = current->mm;
	u64 start = PAGE_DOWN(a), length = PAGE_DOWN(b), pgoff = d;
	struct vma *vma;
	long r;

	if (c || !length || start >= USER_END || length > USER_END - start || pgoff + (length >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	vma = vma_find(mm, start);
	if (!vma || vma->start > start || vma->end < start + length || !(vma->flags & VMA_SHARED) || !vma->file)
		return -EINVAL;
	struct file *file = vma->file;

	file_get(file);
	r = mm_mmap(mm, start, length, vma->prot, MAP_SHARED | MAP_FIXED | ((u32)e & MAP_NONBLOCK) | MAP_POPULATE, file,
		    pgoff);
	file_put(file);
	return r < 0 ? r : 0;
}

/* ---- advice, state ---- */

SYSCALL(madvise)
{
	return mm_madvise(current->mm, a, b, (int)c);
}

SYSCALL(mincore)
{
	return mm_mincore(current->mm, a, b, user(c));
}

SYSCALL(msync)
{
	return mm_msync(current->mm, a, b, (int)c);
}
