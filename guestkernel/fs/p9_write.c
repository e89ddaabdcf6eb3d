/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns what goes from the guest to the server's files: writes and the dirty pages of shared mappings.
 *
 * A write is sent at once but not waited for: the server handles messages in order, so that whatever is asked
 * afterwards sees it. Its failure is told by the next write, fsync or close. Those wait for all writes of the file.
 */
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

#define CHUNK_PAGES 64u /* of one Twrite */

static void write_complete(struct p9_req *req)
{
	struct inode *inode = req->arg;
	struct p9_node *node = p9_node(inode);
	struct p9_reader reply = p9_reply(req);
	int r = req->error;
	if (!r && p9_get(&reply, 4) != req->bytes)
		r = -EIO;
	if (r)
		node->write_error = r;
	node->writes--;
	inode_put(inode);
}

/* The pages (references and array) go into a Twrite; also on failure. */
static int send_pages(struct inode *inode, struct page **pages, u32 count, u64 pos, u32 bytes)
{
	struct p9_node *node = p9_node(inode);
	struct p9_req *req = p9_new(p9_conn(inode), P9_TWRITE, 64);
	if (!req) {
		for (u32 i = 0; i < count; i++)
			page_put(pages[i]);
		kfree(pages);
		return -ENOMEM;
	}
	p9_put32(req, node->wfid);
	p9_put64(req, pos);
	p9_put32(req, bytes);
	p9_attach_pages(req, pages, count, (u32)(pos % PAGE_SIZE), bytes);
	req->complete = write_complete;
	req->arg = inode;
	node->writes++;
	inode_get(inode);
	p9_touch(inode);
	p9_submit(req);
	return 0;
}

static bool few_writes(void *arg)
{
	return ((struct p9_node *)arg)->writes < P9_WRITES_LIMIT;
}

static bool no_writes(void *arg)
{
	return ((struct p9_node *)arg)->writes == 0;
}

static int take_error(struct p9_node *node)
{
	int r = node->write_error;
	node->write_error = 0;
	return r;
}

int p9_write_settle(struct inode *inode)
{
	return p9_wait_until(p9_conn(inode), no_writes, p9_node(inode));
}

int p9_write_wait(struct inode *inode)
{
	int r = p9_write_settle(inode);
	return r ? r : take_error(p9_node(inode));
}

int p9_write_ready(struct inode *inode)
{
	int r = p9_wait_until(p9_conn(inode), few_writes, p9_node(inode));
	return r ? r : take_error(p9_node(inode));
}

/* Fills fresh pages from the program; returns bytes, and the pages in use. */
static long copy_in(struct uio *uio, u64 pos, u32 bytes, struct page **pages, u32 *count)
{
	u32 done = 0;
	while (done < bytes) {
		u32 in = (u32)((pos + done) % PAGE_SIZE), n = MIN((u32)PAGE_SIZE - in, bytes - done);
		struct page *page = page_alloc(0, 0);
		if (!page)
			return done ? (long)done : -ENOMEM;
		size_t moved = uio_copy_from(uio, (u8 *)page_virt(page) + in, n);
		if (!moved) {
			page_put(page);
			return done ? (long)done : -EFAULT;
		}
		pages[(*count)++] = page;
		done += (u32)moved;
		if (moved < n)
			break;
	}
	return (long)done;
}

/* The written bytes [in, in + n) of one page become the cache's, where it has the page or they are all of it. */
static void update_cache(struct inode *inode, u64 index, struct page *page, u32 in, u32 n)
{
	struct page *old = p9_cached(inode, index);
	u64 start = index * PAGE_SIZE;
	if (old) {
		memcpy((u8 *)page_virt(old) + in, (u8 *)page_virt(page) + in, n);
		return;
	}
	bool whole = n == PAGE_SIZE || (in == 0 && start + n >= inode->size) || start >= inode->size;
	if (!whole)
		return;
	memset(page_virt(page), 0, in);
	memset((u8 *)page_virt(page) + in + n, 0, PAGE_SIZE - in - n);
	page_get(page);
	p9_cache_insert(inode, index, page); /* without it, it is read again */
}

long p9_write_chunk(struct inode *inode, struct uio *uio, u64 pos)
{
	u32 in = (u32)(pos % PAGE_SIZE), count = 0;
	u32 bytes = (u32)MIN(uio->left, (u64)MIN(CHUNK_PAGES * (u32)PAGE_SIZE, p9_msize(p9_conn(inode)) - 64) - in);
	long r = p9_write_ready(inode);
	if (r)
		return r;
	struct page **pages = kcalloc(CHUNK_PAGES + 1, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	long n = copy_in(uio, pos, bytes, pages, &count);
	if (n < 0) {
		kfree(pages);
		return n;
	}
	p9_discard_reads(inode, pos / PAGE_SIZE, PAGE_UP(pos + (u64)n) / PAGE_SIZE);
	u64 at = pos, end = pos + (u64)n;
	for (u32 i = 0; i < count; i++) {
		u32 from = (u32)(at % PAGE_SIZE), part = (u32)MIN(PAGE_SIZE - from, end - at);
		update_cache(inode, at / PAGE_SIZE, pages[i], from, part);
		at += part;
	}
	inode->size = MAX(inode->size, end);
	p9_node(inode)->written += (u64)n;
	inode_changed(inode);
	r = send_pages(inode, pages, count, pos, (u32)n);
	return r ? r : n;
}

/* Takes the first run of dirty pages out of the set: unmapped, so that the next write to one is seen. */
static u32 take_dirty(struct inode *inode, u64 *first, struct page **pages)
{
	struct p9_node *node = p9_node(inode);
	u64 index = 0;
	u32 n = 0;
	if (!radix_next(&node->dirty, &index))
		return 0;
	*first = index;
	while (n < CHUNK_PAGES && (pages[n] = radix_remove(&node->dirty, index + n)))
		n++;
	mm_unmap_inode_range(inode, index, index + n);
	return n;
}

int p9_write_back(struct inode *inode, bool sleep)
{
	struct p9_node *node = p9_node(inode);
	int r = 0;
	while (!r && node->dirty.count) {
		u64 first = 0;
		struct page **pages = kcalloc(CHUNK_PAGES, sizeof(*pages));
		u32 n = pages ? take_dirty(inode, &first, pages) : 0;
		if (!pages)
			return -ENOMEM;
		u64 pos = first * PAGE_SIZE, end = MIN(pos + n * PAGE_SIZE, inode->size);
		if (pos >= end || node->wfid == P9_NOFID) { /* cut off meanwhile */
			for (u32 i = 0; i < n; i++)
				page_put(pages[i]);
			kfree(pages);
			continue;
		}
		r = send_pages(inode, pages, n, pos, (u32)(end - pos));
		if (!r)
			inode_changed(inode);
		if (!r && sleep)
			r = p9_wait_until(p9_conn(inode), few_writes, node);
	}
	return r;
}
