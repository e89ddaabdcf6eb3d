/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the contents of files in images. Data that stands in the image as it is comes from the pages of the image's
 * file, without a copy where it is page-aligned; the rest is unpacked into pages of the file's own, many together,
 * which are kept as long as memory lasts.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/page_cache.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define BATCH	    32u		 /* compressed blocks asked for together */
#define COUNT_MOST  (512u << 10) /* bytes of one answer */
#define FILL_PAGES  256u	 /* most that are unpacked together ... */
#define AHEAD_PAGES 128u	 /* ... and when a file is read in sequence */

static struct list lru = LIST_INIT(lru); /* nodes with pages, the one filled longest ago first */
static unsigned busy;			 /* a radix tree is being changed: its allocations must not reclaim */

/* ---- own pages ---- */

void image_drop_pages(struct inode *inode)
{
	struct image_node *node = image_node(inode);
	u64 index = 0;
	while (radix_next(&node->pages, &index))
		page_cache_drop(&node->pages, &node->lru, index);
	radix_free(&node->pages);
	list_remove(&node->lru);
}

/* Takes over the reference. */
static int insert(struct inode *inode, u64 index, struct page *page)
{
	struct image_node *node = image_node(inode);
	if (radix_get(&node->pages, index)) {
		page_put(page);
		return 0;
	}
	busy++;
	int r = page_cache_insert(&node->pages, &node->lru, &lru, inode, index, page);
	busy--;
	return r;
}

u64 image_reclaim(u64 pages)
{
	struct image_node *node, *next;
	u64 done;
	if (busy)
		return 0;
	done = image_blocks_reclaim(pages);
	list_for_each_safe (node, next, &lru, lru) {
		u64 index = 0;
		struct page *page;
		for (; done < pages && (page = radix_next(&node->pages, &index)); index++) {
			if (!page_last(page))
				continue;
			page_cache_drop(&node->pages, &node->lru, index);
			done++;
		}
		if (done >= pages)
			break;
	}
	return done;
}

/* ---- unpacking ---- */

struct fill {
	struct inode *inode;
	u64 first; /* page */
	u32 count;
	struct page *pages[FILL_PAGES]; /* zeroed; NULL: is there, or no memory */
	/* Compressed blocks that wait to be asked for, and where in the file what comes out goes. */
	struct unpack_request request[BATCH];
	u64 place[BATCH];
	u32 got[BATCH];
	u32 requests;
};

/* Puts a part of the file into its pages. */
static void scatter(struct fill *f, u64 pos, const u8 *data, u64 n)
{
	while (n) {
		u64 in = pos % PAGE_SIZE, here = MIN(n, PAGE_SIZE - in);
		struct page *page = f->pages[pos / PAGE_SIZE - f->first];
		if (page)
			memcpy((u8 *)page_virt(page) + in, data, here);
		pos += here;
		data += here;
		n -= here;
	}
}

static void take_block(void *arg, unsigned i, const u8 *data, u32 bytes)
{
	struct fill *f = arg;
	f->got[i] = bytes;
	scatter(f, f->place[i], data, bytes);
}

/* Asks for what has been collected. A block that gives less than the file says is damaged. */
static int flush(struct fill *f)
{
	struct inode *file = image_file(image_of(f->inode))->inode;
	u32 n = f->requests;
	f->requests = 0;
	if (!n)
		return 0;
	int r = file->ops->unpack ? file->ops->unpack(file, f->request, n, f, take_block) : -EOPNOTSUPP;
	for (u32 i = 0; !r && i < n; i++)
		if (f->got[i] != f->request[i].count)
			r = -EUCLEAN;
	return r;
}

static int add_packed(struct fill *f, const struct image_extent *e, u64 pos, u64 n)
{
	struct image *image = image_of(f->inode);
	u64 skip = e->skip + (pos - e->start);
	if (!e->packed || e->packed > UNPACK_PACKED_MAX || e->offset > image->bytes ||
	    e->packed > image->bytes - e->offset || skip > UNPACK_PLAIN_MAX || n > UNPACK_PLAIN_MAX - skip)
		return -EUCLEAN;
	while (n) {
		u32 here = (u32)MIN(n, (u64)COUNT_MOST);
		int r = f->requests == BATCH ? flush(f) : 0;
		if (r)
			return r;
		f->place[f->requests] = pos;
		f->request[f->requests++] =
		    (struct unpack_request){e->offset, e->packed, e->algorithm, (u32)skip, here};
		pos += here;
		skip += here;
		n -= here;
	}
	return 0;
}

static int add_shared(struct fill *f, const struct image_extent *e, u64 pos, u64 n)
{
	struct image *image = image_of(f->inode);
	struct image_block *block;
	u64 skip = e->skip + (pos - e->start);
	int r = image_block_get(image, e->offset, e->packed, e->algorithm, e->whole, &block);
	if (r)
		return r;
	if (skip > block->bytes || n > block->bytes - skip)
		r = -EUCLEAN;
	else
		scatter(f, pos, block->data + skip, n);
	image_block_put(image, block);
	return r;
}

static int add_plain(struct fill *f, u64 offset, u64 pos, u64 n)
{
	while (n) {
		u64 in = pos % PAGE_SIZE, here = MIN(n, PAGE_SIZE - in);
		struct page *page = f->pages[pos / PAGE_SIZE - f->first];
		int r = page ? image_read(image_of(f->inode), offset, (u8 *)page_virt(page) + in, here) : 0;
		if (r)
			return r;
		offset += here;
		pos += here;
		n -= here;
	}
	return 0;
}

static int add_extents(struct fill *f)
{
	struct image *image = image_of(f->inode);
	struct image_inode *i = &image_node(f->inode)->i;
	u64 pos = f->first * PAGE_SIZE, end = MIN(pos + f->count * PAGE_SIZE, i->size);
	int r = 0;
	while (!r && pos < end) {
		struct image_extent e;
		r = image->format->map(image, i, pos, &e);
		if (r)
			return r;
		if (pos < e.start || pos - e.start >= e.length)
			return -EUCLEAN;
		u64 n = MIN(e.length - (pos - e.start), end - pos);
		if (e.kind == IMAGE_PLAIN)
			r = add_plain(f, e.offset + (pos - e.start), pos, n);
		else if (e.kind == IMAGE_PACKED)
			r = add_packed(f, &e, pos, n);
		else if (e.kind == IMAGE_SHARED)
			r = add_shared(f, &e, pos, n);
		pos += n;
	}
	return r ? r : flush(f);
}

/* Which pages to unpack for this one: a whole piece, more when the file is read in sequence. */
static void choose(struct fill *f, u64 index)
{
	struct image_node *node = image_node(f->inode);
	u64 piece = MAX(node->i.fill_bytes / PAGE_SIZE, 1u), end = PAGE_UP(node->i.size) / PAGE_SIZE;
	u64 count = MIN(piece, (u64)FILL_PAGES), first = index - index % count;
	if (count > 1 && first && first == node->next)
		count = MAX(count, MIN((u64)node->ahead * 2, (u64)AHEAD_PAGES) / count * count);
	if (!page_plenty(count) && count > 1) {
		image_reclaim(count);
		if (!page_plenty(count)) {
			first = index;
			count = 1;
		}
	}
	f->first = first;
	f->count = (u32)MIN(count, end - first);
}

static int unpack_around(struct inode *inode, u64 index)
{
	struct image_node *node = image_node(inode);
	struct fill *f = kzalloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->inode = inode;
	choose(f, index);
	for (u32 i = 0; i < f->count; i++)
		if (!radix_get(&node->pages, f->first + i))
			f->pages[i] = page_alloc(0, ALLOC_ZERO);
	int r = f->pages[index - f->first] || radix_get(&node->pages, index) ? add_extents(f) : -ENOMEM;
	for (u32 i = 0; i < f->count; i++) {
		if (f->pages[i] && r)
			page_put(f->pages[i]);
		else if (f->pages[i])
			r = insert(inode, f->first + i, f->pages[i]);
	}
	node->next = f->first + f->count;
	node->ahead = f->count;
	kfree(f);
	return r;
}

/* ---- pages ---- */

/* The page of the image's file that is this page of the file, if one is: *place is its number there. */
static bool stands_there(const struct image_inode *i, const struct image_extent *e, u64 index, u64 *place)
{
	u64 pos = index * PAGE_SIZE, end = MIN(pos + PAGE_SIZE, i->size);
	if (e->kind != IMAGE_PLAIN || pos < e->start || e->start + e->length < end)
		return false;
	u64 offset = e->offset + (pos - e->start);
	*place = offset / PAGE_SIZE;
	return offset % PAGE_SIZE == 0;
}

static struct image_extent linear(const struct image_inode *i)
{
	return (struct image_extent){.kind = IMAGE_PLAIN, .length = i->linear_bytes, .offset = i->linear_start};
}

int image_get_page(struct inode *inode, u64 index, bool create, struct page **out)
{
	struct image_node *node = image_node(inode);
	struct image *image = image_of(inode);
	struct inode *file = image_file(image)->inode;
	struct image_extent e = linear(&node->i);
	u64 place;
	*out = NULL;
	if (index >= PAGE_UP(inode->size) / PAGE_SIZE)
		return -EIO;
	struct page *page = radix_get(&node->pages, index);
	if (page) {
		page_get(page);
		*out = page;
		return 0;
	}
	if (stands_there(&node->i, &e, index, &place))
		return file->ops->get_page(file, place, create, out);
	if (!create)
		return 0;
	int r = image->format->map(image, &node->i, index * PAGE_SIZE, &e);
	if (!r && stands_there(&node->i, &e, index, &place)) {
		r = file->ops->get_page(file, place, true, out);
		if (r || *out)
			return r;
	}
	for (int tries = 0; !r && tries < 3; tries++) {
		r = unpack_around(inode, index);
		page = radix_get(&node->pages, index);
		if (!r && page) {
			page_get(page);
			*out = page;
			return 0;
		}
	}
	return r ? r : -ENOMEM; /* taken away again each time */
}

/* ---- open files ---- */

/* Bytes at pos straight from the image's file; 0: that is not how they stand there. */
static long read_through(struct inode *inode, struct uio *uio, u64 pos)
{
	struct image *image = image_of(inode);
	struct image_inode *i = &image_node(inode)->i;
	struct file *file = image_file(image);
	struct image_extent e = linear(i);
	int r = pos < i->linear_bytes ? 0 : image->format->map(image, i, pos, &e);
	if (r || e.kind != IMAGE_PLAIN)
		return r;
	if (pos < e.start || pos - e.start >= e.length)
		return -EUCLEAN;
	u64 offset = e.offset + (pos - e.start), n = MIN(MIN(e.length - (pos - e.start), i->size - pos), uio->left);
	u64 rest = uio->left - n;
	uio->left = n;
	long done = file->ops->read(file, uio, &offset);
	uio->left += rest;
	return done ? done : offset < image->bytes ? -EIO : -EUCLEAN; /* its file, or it, ends before */
}

static long read_file(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	while (uio->left && *pos < inode->size) {
		struct page *page = radix_get(&image_node(inode)->pages, *pos / PAGE_SIZE);
		long r = page ? 0 : read_through(inode, uio, *pos);
		if (!page && !r)
			r = image_get_page(inode, *pos / PAGE_SIZE, true, &page);
		else if (page)
			page_get(page);
		if (r < 0)
			return done ? (long)done : r;
		if (page) {
			u64 in = *pos % PAGE_SIZE, n = MIN(MIN(PAGE_SIZE - in, inode->size - *pos), uio->left);
			r = (long)uio_copy_to(uio, (u8 *)page_virt(page) + in, n);
			bool lost = page_lost(page);
			page_put(page);
			if (lost)
				return done ? (long)done : -EIO; /* what was copied may be zeroes */
			if ((u64)r < n) {
				*pos += (u64)r;
				done += (size_t)r;
				return done ? (long)done : -EFAULT;
			}
		}
		*pos += (u64)r;
		done += (size_t)r;
	}
	return (long)done;
}

static long splice_read(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	while (done < len && *pos < inode->size && pipe_room(pipe)) {
		struct page *page;
		int r = image_get_page(inode, *pos / PAGE_SIZE, true, &page);
		if (r)
			return done ? (long)done : r;
		u32 in = (u32)(*pos % PAGE_SIZE);
		u32 n = (u32)MIN(MIN(PAGE_SIZE - in, inode->size - *pos), len - done);
		if (!pipe_room(pipe)) { /* others wrote while it slept */
			page_put(page);
			break;
		}
		pipe_push_page(pipe, page, in, n);
		*pos += n;
		done += n;
	}
	return (long)done;
}

static s64 seek(struct file *file, s64 offset, int whence)
{
	u64 size = file->inode->size;
	s64 base = whence == SEEK_CUR ? (s64)file->pos : whence == SEEK_END ? (s64)size : 0;
	if (whence == SEEK_DATA || whence == SEEK_HOLE) { /* holes are not told */
		if (offset < 0 || (u64)offset >= size)
			return -ENXIO;
		offset = whence == SEEK_DATA ? offset : (s64)size;
	} else if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) {
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &offset))
		return -EOVERFLOW;
	if (offset < 0)
		return -EINVAL;
	return (s64)(file->pos = (u64)offset);
}

static int sync_file(struct file *file)
{
	return 0;
}

const struct file_ops image_file_ops = {
    .read = read_file,
    .seek = seek,
    .fsync = sync_file,
    .splice_read = splice_read,
};
