/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame allocator: a buddy system over recycled frames, beside a range of frames that were never used. It knows
 * which free frames are zero, so that the host's memory is touched only when somebody writes.
 *
 *   boot memory | first page tables, frame table | low ones, used once -> | never used | <- used once, 2 MiB blocks |
 *   0         reserved                                             fresh_low     fresh_high              plugged
 * frame_count
 *
 * The same again in the rest of the RAM, behind `plugged`, which the host adds once the first part has nothing left.
 * Everything runs under the kernel lock.
 */
#include "guestkernel/mm/page.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/poison.h"

static struct page *frames;
static u64 frame_count, reserved;
static u64 window_frames; /* behind frame_count: pages of host files, which are never allocated */
static u64
    table_frames; /* of the frame table itself, which is mostly untouched: no part of the peak that is reported */
static u64 fresh_low, fresh_high, plugged;
static u64 free_count, peak_used, cache_count;

/* Free blocks by order: recycled ones, and those known to be zero. A block only merges with one of its kind. */
enum { DIRTY, ZERO, KINDS };
static struct list free_blocks[KINDS][ORDER_MAX + 1];
static u64 kind_frames[KINDS];
static u64 dirty_big_frames; /* in dirty blocks of 2 MiB or more */

/* Page-table pages: frames [table_next, table_end) of the newest 2 MiB block, and those that came back. */
static struct list table_free;
static u64 table_next, table_end;
static bool table_zero;

_Static_assert(sizeof(struct page) == BOOT_FRAME_BYTES, "frame table");

static u64 frame_of(const struct page *page)
{
	return (u64)(page - frames);
}
struct page *page_of(paddr_t pa)
{
	return &frames[pa >> PAGE_SHIFT];
}
paddr_t page_addr(const struct page *page)
{
	return frame_of(page) << PAGE_SHIFT;
}

void page_init(u64 free_start, u64 first_bytes, u64 memory_bytes)
{
	/* The first page tables stand before the frame table: where a hypervisor shadows page tables, no 2 MiB page of
	 * the direct map can show what is behind it whole if a page table is there. The runner has this memory ready
	 * (abi/boot.h). */
	reserved = table_next = PAGE_UP(free_start) >> PAGE_SHIFT;
	table_end = reserved + BOOT_FIRST_TABLES;
	table_zero = true;
	frame_count = memory_bytes >> PAGE_SHIFT;
	frames = phys_to_virt(table_end << PAGE_SHIFT);
	window_frames = boot->window_bytes >> PAGE_SHIFT;
	table_frames = PAGE_UP((frame_count + window_frames) * sizeof(struct page)) >> PAGE_SHIFT;
	fresh_low = table_end + table_frames;
	fresh_high = first_bytes >> PAGE_SHIFT;
	plugged = fresh_high;
	kassert(fresh_low <= fresh_high);
	free_count = frame_count - reserved - table_frames;
	peak_used = cache_count = dirty_big_frames = 0;
	for (int kind = 0; kind < KINDS; kind++) {
		kind_frames[kind] = 0;
		for (int order = 0; order <= ORDER_MAX; order++)
			list_init(&free_blocks[kind][order]);
	}
	list_init(&table_free);
	kmalloc_init();
}

/* ---- free blocks ---- */

static void block_insert(u64 frame, unsigned order, int kind)
{
	struct page *p = &frames[frame];

	p->refs = 0;
	p->order = (u8)order;
	p->flags = PAGE_F_FREE | (kind == ZERO ? PAGE_F_ZERO : 0);
	list_push(&free_blocks[kind][order], &p->link);
	kind_frames[kind] += 1ul << order;
	if (kind == DIRTY && order >= ORDER_HUGE)
		dirty_big_frames += 1ul << order;
}

static void block_remove(struct page *p)
{
	int kind = p->flags & PAGE_F_ZERO ? ZERO : DIRTY;

	list_remove(&p->link);
	kind_frames[kind] -= 1ul << p->order;
	if (kind == DIRTY && p->order >= ORDER_HUGE)
		dirty_big_frames -= 1ul << p->order;
	p->flags = 0;
}

/* Inserts a block, merged with its free neighbours of the same kind. */
static void block_free(u64 frame, unsigned order, int kind)
{
	u8 flags = PAGE_F_FREE | (kind == ZERO ? PAGE_F_ZERO : 0);

	for (; order < ORDER_MAX; order++) {
		u64 buddy = frame ^ (1ul << order);

		if (buddy < reserved || buddy + (1ul << order) > frame_count)
			break;
		if (frames[buddy].flags != flags || frames[buddy].order != order)
			break;
		block_remove(&frames[buddy]);
		frame &= ~(1ul << order);
	}
	block_insert(frame, order, kind);
}

/* Frees [start, end) in the largest aligned blocks. */
static void range_free(u64 start, u64 end, int kind)
{
	while (start < end) {
		unsigned order = 0;

		while (order < ORDER_MAX && !(start & (1ul << order)) && start + (2ul << order) <= end)
			order++;
		block_free(start, order, kind);
		start += 1ul << order;
	}
}

/* Takes a block of this kind, splitting a larger one; its first frame, or 0. */
static u64 block_take(unsigned order, int kind)
{
	unsigned have = order;

	while (have <= ORDER_MAX && list_empty(&free_blocks[kind][have]))
		have++;
	if (have > ORDER_MAX)
		return 0;

	struct page *p = list_first(&free_blocks[kind][have], struct page, link);
	u64 frame = frame_of(p);

	block_remove(p);
	while (have > order) {
		have--;
		block_insert(frame + (1ul << have), have, kind);
	}
	return frame;
}

/* The first part of the RAM has no such block: has the host add the rest. False when it has already. */
static bool add_rest(void)
{
	if (plugged == frame_count)
		return false;
	arch_want_memory();
	range_free(fresh_low, fresh_high, ZERO);
	fresh_low = plugged;
	fresh_high = plugged = frame_count;
	return true;
}

/* Takes never-used frames: small blocks from below, large ones from above, so that neither has to be aligned past the
 * other. */
static u64 fresh_take(unsigned order)
{
	u64 n = 1ul << order, start;

	if (order < ORDER_HUGE) {
		start = (fresh_low + n - 1) & ~(n - 1);
		if (start + n > fresh_high)
			return 0;
		range_free(fresh_low, start, ZERO);
		fresh_low = start + n;
		return start;
	}
	start = fresh_high >= n ? (fresh_high - n) & ~(n - 1) : 0;
	if (start < fresh_low)
		return 0;
	range_free(start + n, fresh_high, ZERO);
	fresh_high = start;
	return start;
}

/* Forgets which free blocks are zero, so that they merge with others. */
static void merge_kinds(void)
{
	for (unsigned order = 0; order <= ORDER_MAX; order++) {
		struct list *head = &free_blocks[ZERO][order];

		while (!list_empty(head)) {
			struct page *p = list_first(head, struct page, link);

			block_remove(p);
			block_free(frame_of(p), order, DIRTY);
		}
	}
}

/* Gives large recycled blocks back to the host, down to DISCARD_KEEP_BYTES. */
static void discard_surplus(void)
{
	for (unsigned order = ORDER_MAX; order >= ORDER_HUGE; order--) {
		struct list *head = &free_blocks[DIRTY][order];

		while (!list_empty(head) && dirty_big_frames > DISCARD_KEEP_BYTES >> PAGE_SHIFT) {
			struct page *p = list_last(head, struct page, link);

			block_remove(p);
			arch_discard(page_addr(p), PAGE_SIZE << order);
			block_free(frame_of(p), order, ZERO);
		}
	}
}

/* ---- page tables' pool ---- */

/* A frame of the pool; *zero tells whether it is known to be so. 0: the pool is empty. */
static u64 table_take(bool *zero)
{
	*zero = false;
	if (!list_empty(&table_free)) {
		struct page *p = list_first(&table_free, struct page, link);

		list_remove(&p->link);
		return frame_of(p);
	}
	if (table_next == table_end)
		return 0;
	*zero = table_zero;
	return table_next++;
}

static void table_refill(void)
{
	u64 n = 1ul << ORDER_HUGE, start = (fresh_low + n - 1) & ~(n - 1);

	table_zero = true;
	if (start + n > fresh_high && add_rest())
		start = (fresh_low + n - 1) & ~(n - 1);
	if (start + n <= fresh_high) { /* low, unlike other blocks of this size */
		range_free(fresh_low, start, ZERO);
		fresh_low = start + n;
	} else {
		start = block_take(ORDER_HUGE, DIRTY);
		table_zero = !start;
		if (!start)
			start = block_take(ORDER_HUGE, ZERO);
		if (!start)
			return;
	}
	table_next = start;
	table_end = start + n;
}

/* ---- allocation ---- */

static struct page *hand_out(u64 frame, unsigned order, u8 flags)
{
	struct page *p = &frames[frame];

	*p = (struct page){.refs = 1, .order = (u8)order, .flags = flags};
	mm_unpoison(page_virt(p), PAGE_SIZE << order);
	free_count -= 1ul << order;
	if (frame_count - free_count > peak_used) {
		peak_used = frame_count - free_count;
		shared->stats.page_peak = peak_used - table_frames;
	}
	return p;
}

bool (*page_reserve_user)(void);
u64 (*page_reclaim)(u64 frames);

static u64 kept_back(unsigned flags)
{
	return flags & ALLOC_ATOMIC || (page_reserve_user && page_reserve_user()) ? 0 : RESERVE_PAGES;
}

static bool enough(unsigned order, unsigned flags)
{
	u64 n = 1ul << order;

	return free_count >= n + RESERVE_PAGES || free_count >= n + kept_back(flags);
}

struct page *page_alloc(unsigned order, unsigned flags)
{
	bool zero = false;
	u64 frame;

	if (order > ORDER_MAX)
		return NULL;
	if (!enough(order, flags) && page_reclaim)
		page_reclaim(RECLAIM_PAGES + (1ul << order));
	if (!enough(order, flags))
		return NULL;
	frame = block_take(order, DIRTY);
	if (!frame) {
		zero = true;
		frame = block_take(order, ZERO);
	}
	if (!frame)
		frame = fresh_take(order);
	if (!frame && add_rest())
		frame = fresh_take(order);
	if (!frame && order == 0)
		frame = table_take(&zero);
	if (!frame && kind_frames[ZERO]) {
		merge_kinds();
		zero = false;
		frame = block_take(order, DIRTY);
	}
	if (!frame)
		return NULL;

	struct page *p = hand_out(frame, order, order == ORDER_HUGE ? PAGE_F_HUGE : 0);

	if (flags & ALLOC_ZERO && !zero)
		memset(page_virt(p), 0, PAGE_SIZE << order);
	return p;
}

/* Writes only where something is: a host that still shadows the page as a table traps each write, and most entries are
 * zero. */
static void table_clear(u64 *table)
{
	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*table); i++)
		if (table[i])
			table[i] = 0;
}

struct page *page_alloc_table(void)
{
	bool zero;
	u64 frame = table_take(&zero);

	if (!frame) {
		table_refill();
		frame = table_take(&zero);
	}
	if (!frame)
		return page_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);

	struct page *p = hand_out(frame, 0, PAGE_F_TABLE);

	if (!zero)
		table_clear(page_virt(p));
	return p;
}

/* ---- references ---- */

struct page *page_head(struct page *page)
{
	/* Inside a block only the head has references. */
	if (page->refs || frame_of(page) < reserved)
		return page;
	struct page *head = &frames[frame_of(page) & ~((1ul << ORDER_HUGE) - 1)];

	return head->flags & PAGE_F_HUGE ? head : page;
}

void page_get(struct page *page)
{
	if (frame_of(page) < reserved)
		return;
	kassert(page->refs > 0);
	page->refs++;
}

void page_put(struct page *page)
{
	u64 frame = frame_of(page);

	if (frame < reserved)
		return;
	kassert(page->refs > 0);
	if (--page->refs || frame >= frame_count)
		return;
	if (page->flags & PAGE_F_CACHE)
		cache_count--;
	free_count += 1ul << page->order;
	mm_poison(page_virt(page), PAGE_SIZE << page->order);
	if (page->flags & PAGE_F_TABLE) {
		list_push(&table_free, &page->link);
		return;
	}
	page->flags = 0;
	block_free(frame, page->order, DIRTY);
	if (dirty_big_frames > DISCARD_START_BYTES >> PAGE_SHIFT)
		discard_surplus();
}

void page_split(struct page *head)
{
	u64 n = 1ul << head->order;

	kassert(head->refs == 1);
	for (u64 i = 1; i < n; i++)
		head[i] = (struct page){.refs = 1};
	head->order = 0;
	head->flags &= (u8)~PAGE_F_HUGE;
}

bool page_last(const struct page *page)
{
	return page->refs == 1 && frame_of(page) >= reserved;
}

bool page_exclusive(const struct page *page)
{
	return page_last(page) && !(page->flags & (PAGE_F_CACHE | PAGE_F_HUGE));
}

void page_set_cache(struct page *page, struct inode *inode, u64 index)
{
	if (!(page->flags & PAGE_F_CACHE))
		cache_count++;
	page->flags |= PAGE_F_CACHE;
	page->inode = inode;
	page->index = index;
}

bool page_in_window(const struct page *page)
{
	return frame_of(page) >= frame_count;
}

bool page_lost(const struct page *page)
{
	const volatile struct shared_window *shown = phys_to_virt(BOOT_WINDOW_GPA);
	if (!page_in_window(page))
		return false;
	u64 i = frame_of(page) - frame_count;
	return i % WINDOW_UNIT_PAGES >= shown->pages[i / WINDOW_UNIT_PAGES];
}

void page_enter_window(struct page *page, struct inode *inode, u64 index)
{
	if (page->refs)
		return;
	*page = (struct page){.refs = 1, .flags = PAGE_F_CACHE, .inode = inode, .index = index};
}

bool page_leave_window(struct page *page)
{
	if (page->flags & PAGE_F_CACHE) {
		page->flags = 0;
		page->inode = NULL;
		page->refs--;
	}
	return !page->refs;
}

void page_clear_cache(struct page *page)
{
	if (page->flags & PAGE_F_CACHE)
		cache_count--;
	page->flags &= (u8)~PAGE_F_CACHE;
}

/* ---- figures ---- */

bool page_plenty(u64 n)
{
	return free_count > n + frame_count / 8 + RESERVE_PAGES;
}

void page_stats(struct page_stats *stats)
{
	*stats = (struct page_stats){
	    .total = frame_count,
	    .free = free_count,
	    .peak_used = peak_used,
	    .cache = cache_count,
	    .fresh = fresh_high - fresh_low + frame_count - plugged + kind_frames[ZERO] +
		     (table_zero ? table_end - table_next : 0),
	};
}
