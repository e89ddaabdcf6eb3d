/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the window of host files: which units show what, and the pages of 9P files that are mapped there instead of
 * being read. Tmap (docs/files.md) has the host map a part of an open file; its pages are the host's page cache then,
 * read-only, and count as no memory of the guest.
 *
 * An extent is a part of one file in adjacent units. It goes when its file does, or when room is needed and nobody has
 * its pages mapped. Pages that a pipe still holds keep its units until they come back.
 */
#include "abi/boot.h"
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

#define CHUNK_UNITS 64u /* 4 MiB: most that one Tmap asks for */

#define TABLE_PAGES  (HUGE_SIZE / PAGE_SIZE)
#define CHUNK_TABLES (CHUNK_UNITS * WINDOW_UNIT_PAGES / TABLE_PAGES)

struct p9_extent {
	struct list link;    /* node->extents */
	struct list all;     /* the one mapped longest ago first */
	struct inode *inode; /* NULL: dropped, but others have pages of it */
	u64 index;	     /* of its first page in the file */
	u32 pages, unit;
	u32 waiters;	   /* who asked for it and sleeps */
	bool done, failed; /* the reply is here; the file could not be mapped */
	struct page
	    *tables[CHUNK_TABLES][2]; /* of its blocks of 512 pages, as constants and as code; NULL until wanted */
};

static struct list extents = LIST_INIT(extents);
static u64 in_use[WINDOW_UNITS_MAX / 64]; /* units */

static u32 window_units(void)
{
	return (u32)(boot->window_bytes / WINDOW_UNIT);
}

static u32 units_of(const struct p9_extent *e)
{
	return (e->pages + WINDOW_UNIT_PAGES - 1) / WINDOW_UNIT_PAGES;
}

static bool unit_used(u32 unit)
{
	return in_use[unit / 64] >> unit % 64 & 1;
}

static void set_used(u32 unit, u32 count, bool used)
{
	for (; count; unit++, count--)
		if (used)
			in_use[unit / 64] |= 1ull << unit % 64;
		else
			in_use[unit / 64] &= ~(1ull << unit % 64);
}

/* The page at a place of the extent, whether or not the file still has it. */
static struct page *page_at(const struct p9_extent *e, u32 i)
{
	return page_of(boot->memory_bytes + (u64)e->unit * WINDOW_UNIT + (u64)i * PAGE_SIZE);
}

static bool is_shown(const struct p9_extent *e, u32 i)
{
	return !page_lost(page_at(e, i));
}

/* ---- what is there ---- */

bool p9_mappable(const struct inode *inode)
{
	const struct p9_node *node = p9_node(inode);
	return boot->window_bytes && p9_sb(inode)->cached && inode_is(inode, K_S_IFREG) && !node->unmappable;
}

static struct p9_extent *extent_at(struct inode *inode, u64 index)
{
	struct p9_extent *e;
	list_for_each (e, &p9_node(inode)->extents, link)
		if (index >= e->index && index - e->index < e->pages)
			return e;
	return NULL;
}

struct page *p9_window_page(struct inode *inode, u64 index)
{
	struct p9_extent *e = list_empty(&p9_node(inode)->extents) ? NULL : extent_at(inode, index);
	if (!e || !e->done || !is_shown(e, (u32)(index - e->index)))
		return NULL;
	struct page *page = page_at(e, (u32)(index - e->index));
	page_enter_window(page, inode, index);
	return page;
}

bool p9_window_gone(struct inode *inode, u64 index)
{
	struct p9_extent *e = extent_at(inode, index);
	return e && e->done && !is_shown(e, (u32)(index - e->index));
}

/* ---- page tables that address spaces share ---- */

struct page *p9_window_table(struct inode *inode, u64 index, u32 prot)
{
	struct p9_extent *e = extent_at(inode, index);
	u64 first = e ? index - e->index : 0;
	if (!e || !e->done || e->failed || first % TABLE_PAGES || first + TABLE_PAGES > e->pages)
		return NULL;
	struct page **table = &e->tables[first / TABLE_PAGES][prot & PT_EXEC ? 1 : 0];
	if (*table)
		return *table;
	for (u64 i = first; i < first + TABLE_PAGES; i++)
		if (!is_shown(e, (u32)i))
			return NULL;
	for (u64 i = first; i < first + TABLE_PAGES; i++)
		page_enter_window(page_at(e, (u32)i), inode, e->index + i);
	*table = pt_make_table(page_addr(page_at(e, (u32)first)), prot);
	return *table;
}

static bool tables_linked(const struct p9_extent *e)
{
	for (unsigned i = 0; i < CHUNK_TABLES * 2; i++)
		if (e->tables[i / 2][i % 2] && e->tables[i / 2][i % 2]->refs > 1)
			return true;
	return false;
}

/* No address space that a program runs in has them linked any more. */
static void drop_tables(struct p9_extent *e)
{
	for (unsigned i = 0; i < CHUNK_TABLES * 2; i++) {
		if (e->tables[i / 2][i % 2])
			page_put(e->tables[i / 2][i % 2]);
		e->tables[i / 2][i % 2] = NULL;
	}
}

/* ---- dropping ---- */

static void free_extent(struct p9_extent *e)
{
	set_used(e->unit, units_of(e), false);
	list_remove(&e->link);
	list_remove(&e->all);
	kfree(e);
}

/* Gives up the cache's references; true when nobody else has any. */
static bool leave(struct p9_extent *e)
{
	bool free = true;
	drop_tables(e);
	for (u32 i = 0; i < e->pages; i++)
		free &= page_leave_window(page_at(e, i));
	return free;
}

/* The file has no use for it any more. */
static void drop_extent(struct p9_extent *e)
{
	list_remove(&e->link);
	e->inode = NULL;
	if (leave(e) && e->done && !e->waiters)
		free_extent(e);
}

void p9_window_drop(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	struct p9_extent *e, *next;
	list_for_each_safe (e, next, &node->extents, link) {
		if (inode->refs)
			mm_unmap_inode_range(inode, e->index, e->index + e->pages);
		drop_extent(e);
	}
}

/* Has anybody but the cache a page of it? */
static bool is_wanted(const struct p9_extent *e)
{
	if (!e->done || e->waiters || tables_linked(e))
		return true;
	for (u32 i = 0; i < e->pages; i++) {
		const struct page *page = page_at(e, i);
		if (page->refs > (page->flags & PAGE_F_CACHE ? 1u : 0u))
			return true;
	}
	return false;
}

/* Frees the extent that was mapped first of those that nobody uses; false: there is none. */
static bool evict_one(void)
{
	struct p9_extent *e, *next;
	list_for_each_safe (e, next, &extents, all) {
		if (is_wanted(e))
			continue;
		leave(e);
		free_extent(e);
		return true;
	}
	return false;
}

/* ---- mapping ---- */

/* A run of up to `want` free units: the first that is long enough, else the longest; 0: none is free. */
static u32 find_units(u32 want, u32 *unit)
{
	u32 best = 0, run = 0;
	for (u32 u = 0; u < window_units() && best < want; u++) {
		run = unit_used(u) ? 0 : run + 1;
		if (run > best) {
			best = run;
			*unit = u + 1 - run;
		}
	}
	return best;
}

static u32 take_units(u32 want, u32 *unit)
{
	u32 found;
	while ((found = find_units(want, unit)) < want && evict_one())
		;
	set_used(*unit, found, found != 0);
	return found;
}

static void map_complete(struct p9_req *req)
{
	struct p9_extent *e = req->arg;
	e->done = true;
	e->failed = req->error || !is_shown(e, 0);
	if (e->inode && e->failed) {
		p9_node(e->inode)->unmappable = true;
		list_remove(&e->link);
		e->inode = NULL;
	}
	if (!e->inode && !e->waiters && leave(e))
		free_extent(e);
}

/* Which part to map for a page: aligned in the file, cut where another extent begins. */
static u32 pages_wanted(struct inode *inode, u64 index, u64 *first)
{
	u64 chunk = CHUNK_UNITS * WINDOW_UNIT_PAGES, end = PAGE_UP(inode->size) / PAGE_SIZE;
	struct p9_extent *e;
	*first = index - index % chunk;
	end = MIN(end, *first + chunk);
	list_for_each (e, &p9_node(inode)->extents, link) {
		if (e->index > index)
			end = MIN(end, e->index);
		else
			*first = MAX(*first, e->index + e->pages);
	}
	return (u32)(end - *first);
}

/* Sends a Tmap for what surrounds the page. NULL: it cannot be mapped now. */
static struct p9_extent *begin(struct inode *inode, u32 fid, u64 index)
{
	u64 first;
	u32 pages = pages_wanted(inode, index, &first), unit = 0;
	struct p9_extent *e = kzalloc(sizeof(*e));
	struct p9_req *req = e ? p9_new(p9_conn(inode), P9_TMAP, P9_SMALL) : NULL;
	u32 units = req ? take_units((pages + WINDOW_UNIT_PAGES - 1) / WINDOW_UNIT_PAGES, &unit) : 0;
	if (!units) {
		kfree(e);
		kfree(req);
		return NULL;
	}
	if (units * WINDOW_UNIT_PAGES < pages) { /* less than was wanted, but with this page */
		u64 end = first + pages;
		if (index - first >= units * WINDOW_UNIT_PAGES)
			first = index;
		pages = (u32)MIN(end - first, (u64)units * WINDOW_UNIT_PAGES);
		u32 needed = (pages + WINDOW_UNIT_PAGES - 1) / WINDOW_UNIT_PAGES;
		set_used(unit + needed, units - needed, false);
	}
	*e = (struct p9_extent){.inode = inode, .index = first, .pages = pages, .unit = unit};
	list_append(&p9_node(inode)->extents, &e->link);
	list_append(&extents, &e->all);
	p9_put32(req, fid);
	p9_put64(req, first * PAGE_SIZE);
	p9_put64(req, MIN((u64)pages * PAGE_SIZE, inode->size - first * PAGE_SIZE));
	p9_put32(req, unit);
	req->complete = map_complete;
	req->arg = e;
	e->waiters++;
	p9_submit(req);
	return e;
}

static bool is_done(void *arg)
{
	return ((struct p9_extent *)arg)->done;
}

int p9_window_map(struct inode *inode, u64 index)
{
	u32 fid;
	int r = p9_mappable(inode) && index < PAGE_UP(inode->size) / PAGE_SIZE ? 0 : -EAGAIN;
	struct p9_extent *e = r ? NULL : extent_at(inode, index);
	if (e && e->done)
		return is_shown(e, (u32)(index - e->index)) ? 0 : -EIO;
	if (e) {
		e->waiters++;
	} else if (!r) {
		r = p9_reading_fid(inode, &fid);
		if (!r && !(e = begin(inode, fid, index)))
			r = -EAGAIN;
	}
	if (r)
		return r;
	r = p9_wait_until(p9_conn(inode), is_done, e);
	bool failed = e->done && e->failed;
	e->waiters--;
	if (!e->inode && e->done && !e->waiters && leave(e))
		free_extent(e);
	return r ? r : failed ? -EAGAIN : 0;
}

void p9_window_begin(struct inode *inode)
{
	u32 fid;
	if (!p9_mappable(inode) || !inode->size || extent_at(inode, 0) || p9_reading_fid(inode, &fid))
		return;
	struct p9_extent *e = begin(inode, fid, 0);
	if (e)
		e->waiters--; /* nobody yet: it is the file's */
}

/* ---- losses ---- */

void p9_window_lost(void)
{
	struct p9_extent *e;
	list_for_each (e, &extents, all) {
		bool any = false;
		if (!e->inode || !e->done)
			continue;
		for (u32 i = 0; i < e->pages; i++) {
			if (is_shown(e, i))
				continue;
			u64 end = e->index + MIN(e->pages, (i | (WINDOW_UNIT_PAGES - 1)) + 1);
			if (tables_linked(e))
				mm_unmap_inode_range(e->inode, e->index, e->index + e->pages);
			drop_tables(e);
			mm_unmap_inode_range(e->inode, e->index + i, end);
			overlay_lower_lost(e->inode, e->index + i, end);
			i |= WINDOW_UNIT_PAGES - 1;
			any = true;
		}
		if (any)
			image_lower_lost(e->inode);
	}
}
