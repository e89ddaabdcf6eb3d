/* SPDX-License-Identifier: Apache-2.0
 *
 * Physical memory: every 4 KiB frame has a struct page; frames are handed out in blocks of 2^order, and small objects
 * by kmalloc. Frames that were never used are known to be zero (the host gives them so) and cost the host nothing until
 * touched: recycled frames are preferred, and never-used frames are not zeroed again.
 */
#ifndef GUESTKERNEL_MM_PAGE_H
#define GUESTKERNEL_MM_PAGE_H

#include "guestkernel/arch/arch.h"
#include "guestkernel/list.h"
#include "guestkernel/types.h"

#define ORDER_HUGE 9  /* 2 MiB */
#define ORDER_MAX  12 /* 16 MiB: the largest block; free neighbours merge up to here */

struct inode;

struct page {
	u32 refs; /* owners: page tables, page cache, pipes, in-flight I/O; 0 = free */
	u8 order; /* of the block this is the head of */
	u8 flags; /* PAGE_F_* */
	u16 used; /* kmalloc: objects in use */
	union {
		struct list link; /* free block list, or the owner's */
		struct {
			struct inode *inode; /* page cache: whose page */
			u64 index;	     /* and which, in pages */
		};
	};
	void *free; /* kmalloc: first free object */
};
_Static_assert(sizeof(struct page) == 32, "one per frame");

#define PAGE_F_FREE  1u	 /* head of a block on a free list */
#define PAGE_F_ZERO  2u	 /* free, and its contents are known to be zero */
#define PAGE_F_CACHE 4u	 /* inode and index are valid; the page cache holds one of the references */
#define PAGE_F_HUGE  8u	 /* head of an allocated 2 MiB block that has not been split */
#define PAGE_F_TABLE 16u /* from the pool of page-table pages */
#define PAGE_F_SLAB  32u /* kmalloc's */

#define ALLOC_ZERO   1u /* contents are zero */
#define ALLOC_ATOMIC 2u /* may use the last reserve (page tables, signal delivery) */

/* Sets up the frame table: RAM [0, memory_bytes), of which [0, free_start) is in use and [0, first_bytes) is there; the
 * table and the first page tables are within that. Once, first of all. */
void page_init(u64 free_start, u64 first_bytes, u64 memory_bytes);
/* Is the caller one that may use the last reserve too, whatever it asks for? NULL: nobody is. */
extern bool (*page_reserve_user)(void);
/* A block of 2^order frames, refs = 1 on the head, or NULL. Naturally aligned. */
struct page *page_alloc(unsigned order, unsigned flags);
/* Called when memory is short: frees about so many frames of caches without sleeping, returns how many. NULL: none has
 * any. */
extern u64 (*page_reclaim)(u64 frames);
/* A zeroed frame for a page table, refs = 1, or NULL; may use the last reserve. Such frames stand together in few 2 MiB
 * blocks: a hypervisor that shadows page tables maps every 2 MiB page of the direct map that holds one in 4 KiB pieces.
 * page_put() gives it back to the pool. */
struct page *page_alloc_table(void);
struct page *page_of(paddr_t pa);
paddr_t page_addr(const struct page *page);
static inline void *page_virt(const struct page *page)
{
	return phys_to_virt(page_addr(page));
}
/* References count on the head of a block. page_head() finds it for any frame of a 2 MiB block (page_split() ends
 * that); every other frame is its own head. Boot memory (below free_start) is counted nowhere and never freed. */
struct page *page_head(struct page *page);
/* Both take a head. */
void page_get(struct page *page);
/* Drops one reference; the last frees the block. */
void page_put(struct page *page);
/* Splits a block with one reference into single frames with one reference each. */
void page_split(struct page *head);
/* Does the caller, who holds one reference, own a single page that nobody else sees (so that it may be written in
 * place)? */
bool page_exclusive(const struct page *page);
/* Is the caller's reference the last one, so that dropping it would free the page? */
bool page_last(const struct page *page);
/* Enters a page into the page cache (the caller's reference becomes the cache's) and takes it out again. */
void page_set_cache(struct page *page, struct inode *inode, u64 index);
void page_clear_cache(struct page *page);
/* Pages of the window of host files (boot_block.window_bytes): read-only, not counted as memory. The cache's reference
 * is made when a page is first wanted ... */
bool page_in_window(const struct page *page);
void page_enter_window(struct page *page, struct inode *inode, u64 index);
/* ... and dropped here, harmless where there is none. False: others still have the page. */
bool page_leave_window(struct page *page);
/* A page of the window behind the end of what the host's file still has: it reads as zero. Asked after its bytes were
 * copied, since the host looks only when they are touched. */
bool page_lost(const struct page *page);
/* Is there room to use memory generously (map ahead, 2 MiB pages) after taking n frames? */
bool page_plenty(u64 n);

struct page_stats {
	u64 total, free, peak_used, cache; /* frames; free includes those never used */
	u64 fresh;			   /* of the free ones: never touched since the start or since arch_discard() */
};
void page_stats(struct page_stats *stats);

/* Forgets all objects; page_init() calls it. */
void kmalloc_init(void);
/* Objects of any size up to 1 MiB; NULL when memory is out. kmalloc(0) is NULL. Aligned to 16 bytes. */
void *kmalloc(size_t bytes);
void *kzalloc(size_t bytes);
/* n * size, checked for overflow, zeroed. */
void *kcalloc(size_t n, size_t size);
void *krealloc(void *p, size_t bytes);
void kfree(void *p);
char *kstrdup(const char *s);

#endif
