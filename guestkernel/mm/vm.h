/* SPDX-License-Identifier: Apache-2.0
 *
 * Address spaces: a set of VMAs over a page table, demand paging, copy-on-write.
 */
#ifndef GUESTKERNEL_MM_VM_H
#define GUESTKERNEL_MM_VM_H

#include <linux/mman.h>
#include <asm/mman.h>
#include "guestkernel/arch/arch.h"
#include "guestkernel/list.h"
#include "guestkernel/types.h"

struct file;
struct inode;
struct page;
struct mm;

/* One mapping: [start, end), page-aligned, non-overlapping, sorted. */
struct vma {
	u64 start, end;
	u32 prot;	   /* PROT_READ | PROT_WRITE | PROT_EXEC */
	u32 flags;	   /* VMA_* */
	struct file *file; /* a reference, or NULL for anonymous */
	u64 pgoff;	   /* of start in the file, in pages */
	const char *name;  /* "[stack]", "[heap]", "[vdso]" or NULL: static strings */
	struct mm *mm;
	struct list link;	  /* mm.vmas, sorted by address */
	struct list inode_link;	  /* inode.mappings of the file's inode */
	struct vma *left, *right; /* index (mm/vma.c): an AVL tree by address */
	int height;
	u32 near_pages; /* what the last fault mapped or copied ends at near_end: faults that follow each other do more
			 */
	u64 near_end;
	u64 max_gap; /* the longest free range that ends at a VMA of this subtree, in bytes */
};
#define VMA_SHARED	1u
#define VMA_GROWSDOWN	2u
#define VMA_NOHUGE	4u
#define VMA_LOCKED	8u
#define VMA_DONTFORK	16u
#define VMA_WIPEONFORK	32u
#define VMA_HUGE	64u  /* MADV_HUGEPAGE */
#define VMA_FIXED_PAGES 128u /* vdso: pages mapped at creation, never faulted, never COW */
#define VMA_NORESERVE	256u
#define VMA_NOWRITE	512u  /* shared file mapping that may not become writable: opened read-only, or sealed */
#define VMA_NODUMP	1024u /* MADV_DONTDUMP */
#define VMA_STACK	2048u /* MAP_STACK: no 2 MiB pages */

/* Pages that were written to first after a fork, by either side: the next fork copies them at once. Shared by an
 * address space and those forked from it, until they exec. */
#define HOT_PAGES 16
struct hot_pages {
	u32 refs;
	u64 va[HOT_PAGES];
	unsigned next, left; /* slot of the next, and how many more may be added until the next fork */
};

struct mm {
	u32 refs;
	struct pagetable pt;
	struct list vmas;
	struct vma *root;
	unsigned count;
	u64 total_pages; /* in VMAs */
	u64 total_peak_pages;
	u64 anon_pages, file_pages; /* resident */
	u64 linked_tables;	    /* see pt_link(); their pages count as resident */
	u64 rss_peak_pages;
	u64 brk_start, brk;
	u64 mmap_top; /* searches for free ranges go down from here */
	u64 stack_top, arg_start, arg_end, env_start, env_end;
	u64 vdso;
	struct file *exe;      /* a reference */
	u64 auxv[64];	       /* as put on the stack; pairs, for /proc/PID/auxv */
	u64 locked_pages;      /* of VMAs with VMA_LOCKED */
	u32 future_flags;      /* VMA_LOCKED after mlockall(MCL_FUTURE) */
	u64 generation;	       /* changes with every change of the VMA set: a fault that slept looks again */
	struct hot_pages *hot; /* a reference; NULL: never forked */
};

/* An empty address space; mmap_top is chosen at random below the stack's zone. NULL: -ENOMEM. */
#define STACK_ZONE  (32ul << 30)      /* bytes below USER_END that are left to the stack and its randomisation */
#define STACK_GUARD (256 * PAGE_SIZE) /* bytes kept free below a VMA_GROWSDOWN mapping: Linux's stack_guard_gap */
#define MMAP_MIN    65536ul	      /* lowest address without CAP_SYS_RAWIO: vm.mmap_min_addr */
struct mm *mm_create(void);
void mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* the last frees everything */
/* fork(2): a copy with copy-on-write pages; NULL: -ENOMEM. */
struct mm *mm_clone(struct mm *mm);

/* mmap(2) after the arguments were decoded: length > 0; flags MAP_*; file may be NULL; returns the address or -errno.
 * Handles MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_POPULATE, MAP_STACK, MAP_NORESERVE, address hints, limits.
 */
long mm_mmap(struct mm *mm, u64 addr, u64 length, u32 prot, u32 flags, struct file *file, u64 pgoff);
int mm_munmap(struct mm *mm, u64 start, u64 length);
int mm_mprotect(struct mm *mm, u64 start, u64 length, u32 prot);
long mm_mremap(struct mm *mm, u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr);
int mm_madvise(struct mm *mm, u64 start, u64 length, int advice);
int mm_msync(struct mm *mm, u64 start, u64 length, int flags);
int mm_mincore(struct mm *mm, u64 start, u64 length, user_ptr vec);
int mm_mlock(struct mm *mm, u64 start, u64 length, bool lock);
/* brk(2): returns the new (or unchanged) break. */
u64 mm_brk(struct mm *mm, u64 addr);
struct vma *mm_find(struct mm *mm, u64 addr); /* first VMA with end > addr, or NULL */

/* A page fault of the program (or uaccess) at addr. access: PT_READ, PT_WRITE or PT_EXEC. 0: mapped, try again;
 * else the signal to deliver: *signo SIGSEGV or SIGBUS with *code SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR and result
 * -EFAULT; -ENOMEM: out of memory (the caller runs the OOM killer and retries). Maps neighbours ahead (fault-around)
 * and 2 MiB pages where a VMA covers them. */
int mm_fault(struct mm *mm, u64 addr, u32 access, int *signo, int *code);
/* Maps pages that are already in the page cache of the file mappings in [start, start + length), without faults;
 * with `copy`, those of small private writable mappings as copies, since they will be written. Anonymous memory is left
 * alone. -ENOMEM */
int mm_populate(struct mm *mm, u64 start, u64 length, bool copy);
/* Faults all pages of [start, start + length) in: to be written where the VMA is writable and private or `write` is
 * set, else to be read. -ENOMEM, -EFAULT (a page that would raise a signal), -EINTR. */
int mm_prefault(struct mm *mm, u64 start, u64 length, bool write);
/* Removes the pages of a file from all address spaces that map it (truncate): pages from index first on, private copies
 * too. */
void mm_unmap_inode(struct inode *inode, u64 first_index);
/* The same for pages [first, end) but private copies stay (hole punched). */
void mm_unmap_inode_range(struct inode *inode, u64 first, u64 end);
/* For a driver's or the vDSO's pages: maps single frames (with a reference each) into a VMA_FIXED_PAGES mapping, read
 * and perhaps execute only. The range must be free. -ENOMEM, -EEXIST */
int mm_map_fixed_pages(struct mm *mm, u64 addr, struct page *const *pages, unsigned n, u32 prot, const char *name);
/* Frees the private pages of a dying process ahead of its end: what still runs of it may see zeroes. */
void mm_reap(struct mm *mm);
u64 mm_rss_pages(const struct mm *mm);
/* After -ENOMEM: kills the largest process if none is dying, and lets others run. false: the current process itself is
 * dying. */
bool mm_wait_memory(void);

#endif
