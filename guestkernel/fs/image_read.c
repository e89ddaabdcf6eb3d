/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns how an image is read: bytes by way of the pages of its file, and blocks that were unpacked, of which the ones
 * used last are kept (metadata, and the ends of files that stand together).
 */
#include "guestkernel/fs/image.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define KEPT_LIMIT (4ull << 20) /* bytes of one image's blocks ... */
#define KEPT_SHARE 32u		/* ... or of the memory, that part */

struct image_store {
	struct file *file;
	struct list all;    /* of stores */
	struct list blocks; /* the one used longest ago first */
	u64 kept, limit;    /* bytes */
};

static struct list stores = LIST_INIT(stores);

struct image_store *image_store_create(struct file *file)
{
	struct page_stats stats;
	struct image_store *store = kzalloc(sizeof(*store));
	if (!store)
		return NULL;
	page_stats(&stats);
	store->file = file;
	store->limit = MIN(KEPT_LIMIT, stats.total * PAGE_SIZE / KEPT_SHARE);
	list_init(&store->blocks);
	list_append(&stores, &store->all);
	return store;
}

static void put(struct image_block *block)
{
	if (--block->refs)
		return;
	kfree(block->data);
	kfree(block);
}

static void drop(struct image_store *store, struct image_block *block)
{
	list_remove(&block->link);
	store->kept -= block->bytes;
	put(block);
}

void image_store_destroy(struct image_store *store)
{
	while (!list_empty(&store->blocks))
		drop(store, list_first(&store->blocks, struct image_block, link));
	list_remove(&store->all);
	file_put(store->file);
	kfree(store);
}

struct file *image_file(const struct image *image)
{
	return image->store->file;
}

int image_refuse(struct image *image, const char *what)
{
	ksnprintf(image->refused, sizeof(image->refused), "%s", what);
	return -EOPNOTSUPP;
}

/* ---- bytes ---- */

int image_read(struct image *image, u64 offset, void *to, size_t n)
{
	struct inode *inode = image->store->file->inode;
	u8 *out = to;
	if (offset > image->bytes || n > image->bytes - offset)
		return -EUCLEAN;
	while (n) {
		u64 in = offset % PAGE_SIZE, here = MIN(n, PAGE_SIZE - in);
		struct page *page;
		int r = inode->ops->get_page(inode, offset / PAGE_SIZE, true, &page);
		if (r)
			return r;
		if (page) {
			memcpy(out, (u8 *)page_virt(page) + in, here);
			r = page_lost(page) ? -EIO : 0; /* or it may be zeroes */
			page_put(page);
			if (r)
				return r;
		} else {
			memset(out, 0, here);
		}
		out += here;
		offset += here;
		n -= here;
	}
	return 0;
}

/* ---- blocks ---- */

static struct image_block *find(struct image_store *store, u64 offset)
{
	for (struct list *at = store->blocks.prev; at != &store->blocks; at = at->prev) {
		struct image_block *block = list_entry(at, struct image_block, link);
		if (block->offset != offset)
			continue;
		list_remove(&block->link);
		list_append(&store->blocks, &block->link);
		block->refs++;
		return block;
	}
	return NULL;
}

/* Of an extent that ended earlier only a part may have been unpacked: that one gives way. */
static struct image_block *find_whole(struct image_store *store, u64 offset, u32 most)
{
	struct image_block *block = find(store, offset);
	if (!block || block->most >= most)
		return block;
	put(block);
	drop(store, block);
	return NULL;
}

static void take_block(void *arg, unsigned i, const u8 *data, u32 bytes)
{
	struct image_block *block = arg;
	memcpy(block->data + block->bytes, data, bytes);
	block->bytes += bytes;
}

/* In halves, because a reply has less room than the largest block. */
static int unpack(struct image *image, u64 offset, u32 packed, u32 algorithm, u32 most, struct image_block *block)
{
	struct inode *inode = image->store->file->inode;
	u32 half = MIN(most, IMAGE_BLOCK_MOST / 2);
	if (algorithm == UNPACK_STORED) {
		if (packed > most)
			return -EUCLEAN;
		block->bytes = packed;
		return image_read(image, offset, block->data, packed);
	}
	if (!inode->ops->unpack)
		return -EOPNOTSUPP;
	if (!packed || packed > UNPACK_PACKED_MAX || offset > image->bytes || packed > image->bytes - offset)
		return -EUCLEAN;
	struct unpack_request list[2] = {{offset, packed, algorithm, 0, half},
					 {offset, packed, algorithm, half, most - half}};
	int r = inode->ops->unpack(inode, list, 1, block, take_block);
	if (!r && block->bytes == half && most > half)
		r = inode->ops->unpack(inode, list + 1, 1, block, take_block);
	return r;
}

struct image_block *image_block_find(struct image *image, u64 offset)
{
	return find(image->store, offset);
}

static void keep(struct image_store *store, struct image_block *block)
{
	block->refs++;
	store->kept += block->bytes;
	list_append(&store->blocks, &block->link);
	while (store->kept > store->limit && list_first(&store->blocks, struct image_block, link) != block)
		drop(store, list_first(&store->blocks, struct image_block, link));
}

int image_block_get(struct image *image, u64 offset, u32 packed, u32 algorithm, u32 most, struct image_block **out)
{
	struct image_block *block = find_whole(image->store, offset, most), *same;
	if (block) {
		*out = block;
		return 0;
	}
	block = most > IMAGE_BLOCK_MOST ? NULL : kmalloc(sizeof(*block));
	if (!block)
		return most > IMAGE_BLOCK_MOST ? -EUCLEAN : -ENOMEM;
	*block =
	    (struct image_block){.refs = 1, .offset = offset, .packed = packed, .most = most, .data = kmalloc(most)};
	int r = block->data ? unpack(image, offset, packed, algorithm, most, block) : -ENOMEM;
	if (r) {
		put(block);
		return r;
	}
	same = find_whole(image->store, offset, most); /* somebody else did it meanwhile */
	if (same) {
		put(block);
		block = same;
	} else {
		keep(image->store, block);
	}
	*out = block;
	return 0;
}

void image_block_put(struct image *image, struct image_block *block)
{
	put(block);
}

u64 image_blocks_reclaim(u64 pages)
{
	struct image_store *store;
	struct image_block *block, *next;
	u64 bytes = 0;
	list_for_each (store, &stores, all)
		list_for_each_safe (block, next, &store->blocks, link) {
			if (bytes >= pages * PAGE_SIZE)
				return bytes / PAGE_SIZE;
			if (block->refs > 1)
				continue;
			bytes += block->bytes;
			drop(store, block);
		}
	return bytes / PAGE_SIZE;
}
