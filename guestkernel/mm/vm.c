/* SPDX-License-Identifier: Apache-2.0
 *
 * Address spaces: life, mmap, munmap, brk.
 */
#include "guestkernel/mm/vm.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/fault.h"
#include "guestkernel/mm/region.h"
#include "guestkernel/proc/process.h"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/personality.h>
#include <linux/resource.h>

#define F_SEAL_WRITES	  (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define MMAP_RANDOM_PAGES (1ul << 26) /* 256 GiB: the stack and mappings still share their top-level tables */

static const char heap_name[] = "[heap]";

/* ---- life ---- */

struct mm *mm_create(void)
{
	struct mm *mm = kzalloc(sizeof(*mm));
	u64 random = 0;

	if (!mm)
		return NULL;
	if (pt_create(&mm->pt)) {
		kfree(mm);
		return NULL;
	}
	mm->refs = 1;
	list_init(&mm->vmas);
	if (!(current && current->process && current->process->personality & ADDR_NO_RANDOMIZE))
		random_bytes(&random, sizeof(random));
	mm->mmap_top = USER_END - STACK_ZONE - (random % MMAP_RANDOM_PAGES) * PAGE_SIZE;
	return mm;
}

void mm_get(struct mm *mm)
{
	mm->refs++;
}

void mm_put(struct mm *mm)
{
	struct vma *vma, *next;

	kassert(mm->refs > 0);
	if (--mm->refs)
		return;
	mm->pt.dying = true;
	pages_unmap(mm, 0, USER_END, false);
	list_for_each_safe (vma, next, &mm->vmas, link)
		vma_destroy(vma);
	if (mm->exe)
		file_put(mm->exe);
	pt_destroy(&mm->pt);
	mm_drop_hot(mm);
	kfree(mm);
}

struct vma *mm_find(struct mm *mm, u64 addr)
{
	return vma_find(mm, addr);
}

/* ---- where a mapping goes ---- */

static u64 mmap_min(void)
{
	return current && current->process && cred_has_cap(CAP_SYS_RAWIO) ? 0 : MMAP_MIN;
}

static u64 find_free(struct mm *mm, u64 length, u32 flags)
{
	u64 slack = length >= 2 * HUGE_SIZE ? HUGE_SIZE - PAGE_SIZE : 0, addr;

	if (flags & MAP_32BIT)
		return vma_find_gap(mm, length, 0x40000000, 0x80000000);
	/* Large ones start at a multiple of 2 MiB, so that large pages fit. */
	addr = vma_find_gap(mm, length + slack, MMAP_MIN, mm->mmap_top);
	if (addr)
		return slack ? (addr + slack) & ~(HUGE_SIZE - 1) : addr;
	addr = vma_find_gap(mm, length, MMAP_MIN, mm->mmap_top);
	return addr ? addr : vma_find_gap(mm, length, MMAP_MIN, USER_END);
}

/* Decides the address: 0 and *addr, or -errno. Nothing is unmapped yet. */
static int choose_address(struct mm *mm, u64 *addr, u64 length, u32 flags)
{
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (*addr & ~PAGE_MASK)
			return -EINVAL;
		if (*addr > USER_END || length > USER_END - *addr)
			return -ENOMEM;
		if (*addr < mmap_min())
			return -EPERM;
		struct vma *vma = vma_find(mm, *addr);

		if (flags & MAP_FIXED_NOREPLACE && vma && vma->start < *addr + length)
			return -EEXIST;
		return 0;
	}
	u64 hint = PAGE_DOWN(*addr);

	if (hint) {
		hint = MAX(hint, MMAP_MIN);
		if (hint < USER_END && length <= USER_END - hint && vma_range_free(mm, hint, hint + length)) {
			*addr = hint;
			return 0;
		}
	}
	*addr = find_free(mm, length, flags);
	return *addr ? 0 : -ENOMEM;
}

/* ---- mmap ---- */

/* May this file be mapped so? Sets VMA_NOWRITE where writing may never be allowed. */
static int check_file(const struct file *file, u32 prot, u32 *vma_flags)
{
	u32 mode = file->flags & O_ACCMODE;
	const struct inode *inode = file->inode;

	if (mode == O_WRONLY || (*vma_flags & VMA_SHARED && prot & PROT_WRITE && mode != O_RDWR))
		return -EACCES;
	if (!file->ops->mmap &&
	    (!inode || !inode->ops || !inode->ops->get_page || (inode->mode & K_S_IFMT) != K_S_IFREG))
		return -ENODEV;
	if (!(*vma_flags & VMA_SHARED))
		return 0;
	if (prot & PROT_WRITE && inode && inode->seals & F_SEAL_WRITES)
		return -EPERM;
	if (mode != O_RDWR || (inode && inode->seals & F_SEAL_WRITES))
		*vma_flags |= VMA_NOWRITE;
	return 0;
}

static u32 vma_flags_of(const struct mm *mm, u32 flags)
{
	u32 type = flags & MAP_TYPE;

	return (type == MAP_PRIVATE ? 0 : VMA_SHARED) | (flags & MAP_GROWSDOWN ? VMA_GROWSDOWN : 0) |
	       (flags & MAP_NORESERVE ? VMA_NORESERVE : 0) | (flags & MAP_LOCKED ? VMA_LOCKED : 0) |
	       (flags & MAP_STACK ? VMA_STACK : 0) | mm->future_flags;
}

/* Makes and places the VMA; [addr, addr + length) is free. */
static int map_region(struct mm *mm, u64 addr, u64 length, u32 prot, u32 vma_flags, struct file *file, u64 pgoff)
{
	struct vma *vma = vma_create(prot, vma_flags, file, pgoff, NULL);
	int r;

	if (!vma)
		return -ENOMEM;
	vma->start = addr;
	vma->end = addr + length;
	if (file && file->ops->mmap) {
		r = file->ops->mmap(file, vma);
		if (r) {
			vma_destroy(vma);
			return r;
		}
	}
	vma_place(mm, vma, addr, addr + length);
	return 0;
}

static int check_type(u32 flags)
{
	u32 type = flags & MAP_TYPE;

	return type == MAP_PRIVATE || type == MAP_SHARED || type == MAP_SHARED_VALIDATE ? 0 : -EINVAL;
}

/* Code, or data that a dynamic loader maps (it says MAP_DENYWRITE, which nobody else does): all of it is used soon.
 * Failing is no error, this only saves faults. */
static void populate_program(struct mm *mm, u64 addr, u64 length, u32 prot, u32 flags)
{
	bool loader = flags & MAP_DENYWRITE && prot & PROT_WRITE;

	if ((flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_EXEC || loader) && length <= POPULATE_LIMIT)
		mm_populate(mm, addr, length, loader);
}

/* The part of mm_mmap() after the file is known: everything that needs no reference to be dropped. */
static long place_mapping(struct mm *mm, u64 addr, u64 length, u32 prot, u32 flags, struct file *file, u64 pgoff)
{
	u32 vma_flags = vma_flags_of(mm, flags);
	int r = file ? check_file(file, prot, &vma_flags) : 0;

	if (!r && file && flags & MAP_GROWSDOWN) /* shared memory is a file too */
		r = -EINVAL;
	if (!r && flags & MAP_FIXED)
		range_write_back(mm, addr, addr + length);
	if (!r)
		r = choose_address(mm, &addr, length, flags);
	if (!r && flags & MAP_FIXED)
		r = range_unmap(mm, addr, addr + length);
	if (r)
		return r;
	if (mm->count >= VMA_LIMIT || !limits_allow(mm, length >> PAGE_SHIFT, prot, vma_flags, file))
		return -ENOMEM;
	r = map_region(mm, addr, length, prot, vma_flags, file, pgoff);
	if (r)
		return r;
	if (file)
		populate_program(mm, addr, length, prot, flags);
	if (vma_flags & VMA_LOCKED || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		mm_prefault(mm, addr, length, false); /* as far as it goes: mmap(2) does not fail for it */
	return (long)addr;
}

long mm_mmap(struct mm *mm, u64 addr, u64 length, u32 prot, u32 flags, struct file *file, u64 pgoff)
{
	struct file *shmem = NULL;
	int r = check_type(flags);
	long result;

	if (r)
		return r;
	if (!length)
		return -EINVAL;
	if (length > USER_END)
		return -ENOMEM;
	length = PAGE_UP(length);
	if (file && pgoff + (length >> PAGE_SHIFT) > 1ull << (63 - PAGE_SHIFT))
		return -EOVERFLOW;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (!file && (flags & MAP_TYPE) != MAP_PRIVATE) {
		r = shmem_file_create(length, &shmem);
		if (r)
			return r;
		file = shmem;
		pgoff = 0;
	}
	result = place_mapping(mm, addr, length, prot, flags, file, pgoff);
	if (shmem)
		file_put(shmem);
	return result;
}

int mm_munmap(struct mm *mm, u64 start, u64 length)
{
	u64 end;

	if (!length || !range_valid(start, length, &end))
		return -EINVAL;
	range_write_back(mm, start, end);
	return range_unmap(mm, start, end);
}

int mm_map_fixed_pages(struct mm *mm, u64 addr, struct page *const *pages, unsigned n, u32 prot, const char *name)
{
	u64 end = addr + (u64)n * PAGE_SIZE;
	struct vma *vma;

	if (!vma_range_free(mm, addr, end))
		return -EEXIST;
	vma = vma_create(prot, VMA_FIXED_PAGES, NULL, 0, name);
	if (!vma)
		return -ENOMEM;
	vma_place(mm, vma, addr, end);
	for (unsigned i = 0; i < n; i++) {
		int r = pt_map(&mm->pt, addr + i * PAGE_SIZE, page_addr(pages[i]), PAGE_SIZE, prot_to_pt(prot));

		if (r) {
			range_unmap(mm, addr, end);
			return r;
		}
		page_get(pages[i]);
		rss_add(mm, pages[i], 1);
	}
	return 0;
}

/* ---- brk ---- */

static bool grow_heap(struct mm *mm, u64 from, u64 to)
{
	struct vma *vma;
	u32 flags = mm->future_flags;

	if (to > USER_END || !vma_range_free(mm, from, to) || mm->count >= VMA_LIMIT)
		return false;
	if (!limits_allow(mm, (to - from) >> PAGE_SHIFT, PROT_READ | PROT_WRITE, flags, NULL))
		return false;
	vma = vma_create(PROT_READ | PROT_WRITE, flags, NULL, 0, heap_name);
	if (!vma)
		return false;
	vma_place(mm, vma, from, to);
	if (flags & VMA_LOCKED)
		mm_prefault(mm, from, to - from, false);
	return true;
}

u64 mm_brk(struct mm *mm, u64 addr)
{
	u64 old = PAGE_UP(mm->brk), new;

	if (addr < mm->brk_start || addr > USER_END)
		return mm->brk;
	if (current_rlimit(RLIMIT_DATA) != K_RLIM_INFINITY && addr - mm->brk_start > current_rlimit(RLIMIT_DATA))
		return mm->brk;
	new = PAGE_UP(addr);
	if (new > old && !grow_heap(mm, old, new))
		return mm->brk;
	if (new < old && range_unmap(mm, new, old))
		return mm->brk;
	mm->brk = addr;
	return addr;
}
