/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the cached contents of 9P files: reads that fill them, read-ahead, and giving them up when memory is short.
 *
 * A read under way belongs to nobody: its reply enters the pages, in whatever thread takes it. Who wants a page waits
 * until it is there or the read has ended.
 */
#include "abi/boot.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/fs/page_cache.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

#define WINDOW_FIRST 32u  /* pages of a first read: small files come whole */
#define MAPPED_PAGES 32u  /* pages around a fault */
#define RECLAIM_STEP 512u /* pages that are given up together */
#define BEHIND_SHARE 8u	  /* of the memory: files from this size on leave no pages behind ... */
#define BEHIND_PAGES 256u /* ... of those read last */

struct p9_read {
	struct list link; /* node->reads */
	struct inode *inode;
	u64 index;
	u32 count, refs;
	bool done, discard;
	int error;
};

static struct list lru = LIST_INIT(lru); /* inodes with pages, least recently read first */
static unsigned busy;			 /* a radix tree is being changed: its allocations must not reclaim */

static void read_put(struct p9_read *read)
{
	if (--read->refs == 0)
		kfree(read);
}

struct page *p9_cached(struct inode *inode, u64 index)
{
	struct page *page = p9_window_page(inode, index);
	return page ? page : radix_get(&p9_node(inode)->pages, index);
}

/* Leaves memory for others: the rest of the kernel is generous only while an eighth is free. */
static void make_room(u64 pages)
{
	if (!page_plenty(pages + RECLAIM_STEP))
		p9_reclaim(pages + RECLAIM_STEP);
}

int p9_cache_insert(struct inode *inode, u64 index, struct page *page)
{
	struct p9_node *node = p9_node(inode);
	busy++;
	int r = page_cache_insert(&node->pages, &node->lru, &lru, inode, index, page);
	busy--;
	return r;
}

void p9_cache_drop(struct inode *inode, u64 first, u64 end)
{
	struct p9_node *node = p9_node(inode);
	u64 index = first;
	struct page *page;
	p9_discard_reads(inode, first, end);
	p9_window_drop(inode);
	if (!node->pages.count)
		return;
	if (inode->refs)
		mm_unmap_inode_range(inode, first, end);
	while ((page = radix_next(&node->dirty, &index)) && index < end) {
		radix_remove(&node->dirty, index);
		page_put(page);
	}
	index = first;
	while (radix_next(&node->pages, &index) && index < end)
		page_cache_drop(&node->pages, &node->lru, index);
}

void p9_discard_reads(struct inode *inode, u64 first, u64 end)
{
	struct p9_read *read;
	list_for_each (read, &p9_node(inode)->reads, link)
		if (read->index < end && first < read->index + read->count)
			read->discard = true;
}

void p9_cache_enter(struct inode *inode, struct p9_req *req)
{
	for (u32 i = 0; i < req->count && i * PAGE_SIZE < req->bytes; i++) {
		struct page *page = req->pages[i];
		u32 here = MIN(req->bytes - i * (u32)PAGE_SIZE, (u32)PAGE_SIZE);
		if (p9_cached(inode, i))
			continue;
		memset((u8 *)page_virt(page) + here, 0, PAGE_SIZE - here);
		req->pages[i] = NULL;
		if (p9_cache_insert(inode, i, page))
			return;
	}
}

/* ---- giving memory back ---- */

static u64 reclaim_inode(struct p9_node *node, u64 pages)
{
	u64 done = 0, index = node->reclaim_from;
	struct page *page;
	while (done < pages && (page = radix_next(&node->pages, &index))) {
		if (page_last(page)) {
			page_cache_drop(&node->pages, &node->lru, index);
			done++;
		}
		index++;
	}
	node->reclaim_from = done < pages ? 0 : index;
	return done;
}

u64 p9_reclaim(u64 pages)
{
	struct p9_node *node, *next;
	u64 done = 0;
	if (busy)
		return 0;
	busy++;
	list_for_each_safe (node, next, &lru, lru) {
		done += reclaim_inode(node, pages - done);
		if (done >= pages)
			break;
	}
	busy--;
	return done;
}

/* ---- reads ---- */

/* The first `bytes` of what these pages have were read: they enter the cache, where it has none, and leave the array.
 */
static int enter_pages(struct inode *inode, u64 index, struct page **pages, u32 count, u32 bytes)
{
	int error = 0;
	for (u32 i = 0; i * PAGE_SIZE < bytes; i++) {
		struct page *page = pages[i];
		u32 here = MIN(bytes - i * (u32)PAGE_SIZE, (u32)PAGE_SIZE);
		if (p9_cached(inode, index + i))
			continue;
		if (here < PAGE_SIZE)
			memset((u8 *)page_virt(page) + here, 0, PAGE_SIZE - here);
		pages[i] = NULL;
		int r = p9_cache_insert(inode, index + i, page);
		if (r)
			error = r;
	}
	if (!error && bytes < count * PAGE_SIZE && index * PAGE_SIZE + bytes < inode->size)
		p9_node(inode)->checked_ns = 0; /* it has become shorter */
	return error;
}

/* The reply of a read, or its failure: its pages enter the cache. */
static void read_complete(struct p9_req *req)
{
	struct p9_read *read = req->arg;
	struct inode *inode = read->inode;
	u32 bytes = req->error ? 0 : req->bytes;
	read->done = true;
	read->error = req->error;
	if (!p9_sb(inode)->cached)
		p9_learn(p9_ask());
	list_remove(&read->link);
	int r = read->discard ? 0 : enter_pages(inode, read->index, req->pages, req->count, bytes);
	if (r)
		read->error = r;
	if (!read->error && bytes < req->count * PAGE_SIZE && read->index * PAGE_SIZE + bytes < inode->size)
		p9_node(inode)->checked_ns = 0; /* it has become shorter */
	read_put(read);
	inode_put(inode);
}

static struct p9_read *read_covering(struct p9_node *node, u64 index)
{
	struct p9_read *read;
	list_for_each (read, &node->reads, link)
		if (index >= read->index && index < read->index + read->count)
			return read;
	return NULL;
}

/* How many pages from index on are neither there nor under way. */
static u32 missing(struct inode *inode, u64 index, u32 limit)
{
	u64 end = PAGE_UP(inode->size) / PAGE_SIZE;
	u32 n = 0;
	limit = MIN(limit, (u32)MIN((u64)P9_IO_PAGES, (p9_msize(p9_conn(inode)) - 24) / PAGE_SIZE));
	limit = MAX(limit, 1u);
	while (n < limit && index + n < end && !p9_cached(inode, index + n) &&
	       !read_covering(p9_node(inode), index + n))
		n++;
	return n;
}

static struct page **alloc_pages(u32 *count)
{
	struct page **pages = kcalloc(*count, sizeof(*pages));
	u32 n = 0;
	make_room(*count);
	while (pages && n < *count && (pages[n] = page_alloc(0, 0)))
		n++;
	if (!n) {
		kfree(pages);
		return NULL;
	}
	*count = n;
	return pages;
}

static void free_pages(struct page **pages, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (pages[i])
			page_put(pages[i]);
	kfree(pages);
}

/* A file that would take much of the memory while it is read in sequence: what lies behind is given up, so that the
 * same few pages are filled over and over. */
static void drop_behind(struct inode *inode, u64 index)
{
	struct p9_node *node = p9_node(inode);
	struct page *page;
	if (inode->size < boot->memory_bytes / BEHIND_SHARE)
		return;
	for (u64 i = index > BEHIND_PAGES ? index - BEHIND_PAGES : 0; i < index; i++)
		if ((page = radix_get(&node->pages, i)) && page_last(page))
			page_cache_drop(&node->pages, &node->lru, i);
}

/* Reads count pages from the lent file; never sleeps. -EAGAIN: they have to be asked for */
static int read_direct(struct inode *inode, u64 index, u32 count)
{
	drop_behind(inode, index);
	struct page **pages = alloc_pages(&count);
	if (!pages)
		return -ENOMEM;
	long bytes = p9_direct_pages(inode, index, pages, count);
	int r = bytes > 0 ? enter_pages(inode, index, pages, count, (u32)bytes) : bytes < 0 ? (int)bytes : -EAGAIN;
	free_pages(pages, count);
	if (r)
		return r;
	struct p9_node *node = p9_node(inode);
	node->ra_pages = count;
	node->ra_next = index + count;
	return 0;
}

/* Begins to read count pages; the fid is open. *out (NULL: not wanted) gets a reference to the read, which may be done.
 */
static int read_start(struct inode *inode, u32 fid, u64 index, u32 count, struct p9_read **out)
{
	struct p9_node *node = p9_node(inode);
	struct page **pages = alloc_pages(&count);
	if (!pages)
		return -ENOMEM;
	struct p9_read *read = kzalloc(sizeof(*read));
	struct p9_req *req = read ? p9_new(p9_conn(inode), P9_TREAD, 64) : NULL;
	if (!req) {
		kfree(read);
		free_pages(pages, count);
		return -ENOMEM;
	}
	u32 bytes = MIN(count * (u32)PAGE_SIZE, p9_msize(p9_conn(inode)) - 24);
	*read = (struct p9_read){.inode = inode, .index = index, .count = count, .refs = out ? 2 : 1};
	inode_get(inode);
	list_append(&node->reads, &read->link);
	p9_put32(req, fid);
	p9_put64(req, index * PAGE_SIZE);
	p9_put32(req, bytes);
	p9_attach_pages(req, pages, count, 0, bytes);
	req->complete = read_complete;
	req->arg = read;
	if (out)
		*out = read;
	p9_submit(req);
	return 0;
}

static bool read_done(void *arg)
{
	return ((struct p9_read *)arg)->done;
}

static u32 first_window(struct p9_node *node, u64 index)
{
	if (index != node->ra_next || !index)
		return WINDOW_FIRST;
	return MIN(MAX(node->ra_pages, WINDOW_FIRST) * 2, P9_IO_PAGES);
}

/* Where to begin for a page that a fault wants: somewhat before it. */
static u64 mapped_start(struct inode *inode, u64 index)
{
	u64 start = index & ~(u64)(MAPPED_PAGES - 1);
	while (start < index && missing(inode, start, (u32)(index - start + 1)) != index - start + 1)
		start++;
	return start;
}

/* Goes on where the last read ended, and not with the first one, which brings small files whole. */
static bool in_sequence(const struct p9_node *node, u64 index)
{
	return index && index == node->ra_next;
}

int p9_fill(struct inode *inode, u64 index, bool mapped)
{
	struct p9_node *node = p9_node(inode);
	u32 fid;
	bool direct = !mapped && in_sequence(node, index) && p9_direct_ready(inode);
	for (unsigned tries = 0;; tries++) {
		int r = 0;
		if (index >= PAGE_UP(inode->size) / PAGE_SIZE)
			return -EIO;
		if (p9_cached(inode, index))
			return 0;
		struct p9_read *read = read_covering(node, index);
		if (!read) {
			r = p9_reading_fid(inode, &fid);
			if (!r && (p9_cached(inode, index) || read_covering(node, index)))
				continue;
			u64 start = mapped && index != node->ra_next ? mapped_start(inode, index) : index;
			u32 n = missing(inode, start,
					mapped && start != node->ra_next ? MAPPED_PAGES : first_window(node, index));
			if (!r && n && direct && !node->writes) {
				r = read_direct(inode, start, n);
				direct = false;
				if (!r)
					continue;
				r = r == -EAGAIN ? 0 : r;
			}
			if (!r && n)
				r = read_start(inode, fid, start, n, &read);
			if (r)
				return r;
			if (!n)
				continue;
			node->ra_pages = n;
			node->ra_mark = start;
			node->ra_next = start + n;
		} else {
			read->refs++;
		}
		r = p9_wait_until(p9_conn(inode), read_done, read);
		if (!r)
			r = read->error && node->open_error ? node->open_error : read->error;
		/* There was no descriptor to open it with, or for the walk before that. */
		if (read->error && (r == -ENFILE || r == -EBADF) && p9_keep_fewer()) {
			read_put(read);
			tries = 0;
			continue;
		}
		if (!r && !read->discard && tries > 2)
			r = -EIO; /* it ends before this page, whatever the attributes say */
		read_put(read);
		if (r)
			return r;
	}
}

void p9_read_ahead(struct inode *inode, u64 index)
{
	struct p9_node *node = p9_node(inode);
	if (index != node->ra_mark || !node->ra_next || node->ra_next * PAGE_SIZE >= inode->size)
		return;
	if (p9_direct_likely(inode))
		return; /* it is there as soon as it is wanted */
	u32 fid = node->wfid_reads && node->rfid == P9_NOFID ? node->wfid : node->rfid;
	u32 n = missing(inode, node->ra_next, MIN(MAX(node->ra_pages, WINDOW_FIRST) * 2, P9_IO_PAGES));
	if (!n || fid == P9_NOFID || !page_plenty(n) || read_start(inode, fid, node->ra_next, n, NULL))
		return;
	node->ra_pages = n;
	node->ra_mark = node->ra_next;
	node->ra_next += n;
}

int p9_get_page(struct inode *inode, u64 index, bool create, struct page **out)
{
	*out = NULL;
	if (index >= PAGE_UP(inode->size) / PAGE_SIZE)
		return -EIO;
	if (create && !p9_cached(inode, index)) {
		int r = p9_window_map(inode, index);
		if (r == -EAGAIN)
			r = p9_fill(inode, index, true);
		if (r)
			return r;
	}
	*out = p9_cached(inode, index);
	if (*out)
		page_get(*out);
	return *out || !create ? 0 : -EIO;
}

int p9_page_dirty(struct inode *inode, u64 index)
{
	struct p9_node *node = p9_node(inode);
	struct page *page = p9_cached(inode, index);
	if (!page || radix_get(&node->dirty, index))
		return 0;
	page_get(page);
	busy++;
	int r = radix_set(&node->dirty, index, page);
	busy--;
	if (r)
		page_put(page);
	else
		p9_touch(inode);
	return r;
}
