/* SPDX-License-Identifier: Apache-2.0
 *
 * squashfs: where the contents of files are. Blocks stand one after another; the inode lists their sizes alone, so
 * where one begins is the sum of those before it. What is left at the end of a file may be part of a fragment block,
 * which many files share.
 */
#include "guestkernel/fs/squashfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define FRAGMENT_BYTES 16u
#define SIZES	       64u /* read together */

static int check_size(const struct image *image, u32 entry)
{
	u32 size = entry & (SQUASHFS_STORED - 1);
	return entry >> 25 || size > image->squashfs.block_bytes ? -EUCLEAN : 0;
}

/* Moves the inode's cursor to block n: where it begins in the image, and its entry in the list. */
static int seek_block(struct image *image, struct image_inode *i, u64 n)
{
	if (i->squashfs.cursor_block > n) {
		i->squashfs.cursor_block = 0;
		i->squashfs.cursor_start = i->squashfs.start;
		i->squashfs.cursor_list = i->squashfs.list;
		i->squashfs.cursor_offset = i->squashfs.list_offset;
	}
	/* Reading may sleep, and others move the cursor meanwhile: all is done in copies. */
	u64 block = i->squashfs.cursor_block, start = i->squashfs.cursor_start;
	struct squashfs_cursor at = {i->squashfs.cursor_list, image->squashfs.inode_end, i->squashfs.cursor_offset};
	while (block < n) {
		u8 raw[SIZES * 4];
		u64 count = MIN(n - block, (u64)SIZES);
		int r = squashfs_take(image, &at, raw, count * 4);
		for (u64 k = 0; !r && k < count; k++) {
			r = check_size(image, image_le32(raw + k * 4));
			start += image_le32(raw + k * 4) & (SQUASHFS_STORED - 1);
			if (start > image->bytes)
				r = -EUCLEAN;
		}
		if (r)
			return r;
		block += count;
	}
	i->squashfs.cursor_block = block;
	i->squashfs.cursor_start = start;
	i->squashfs.cursor_list = at.block;
	i->squashfs.cursor_offset = at.offset;
	return 0;
}

static int map_fragment(struct image *image, const struct image_inode *i, struct image_extent *e)
{
	u8 raw[FRAGMENT_BYTES];
	int r = squashfs_table_entry(image, image->squashfs.fragment_table, i->squashfs.fragment, raw, sizeof(raw));
	if (r)
		return r;
	u32 size = image_le32(raw + 8);
	if (check_size(image, size))
		return -EUCLEAN;
	e->offset = image_le64(raw);
	e->packed = size & (SQUASHFS_STORED - 1);
	if (size & SQUASHFS_STORED) {
		e->kind = IMAGE_PLAIN;
		if (i->squashfs.fragment_offset + e->length > e->packed ||
		    __builtin_add_overflow(e->offset, i->squashfs.fragment_offset, &e->offset))
			return -EUCLEAN;
		return 0;
	}
	e->kind = IMAGE_SHARED;
	e->algorithm = image->squashfs.algorithm;
	e->skip = i->squashfs.fragment_offset;
	e->whole = image->squashfs.block_bytes;
	return 0;
}

int squashfs_map(struct image *image, struct image_inode *i, u64 pos, struct image_extent *e)
{
	u32 bits = image->squashfs.block_bits;
	u64 n = pos >> bits;
	u8 raw[4];
	*e = (struct image_extent){.start = n << bits};
	e->length = MIN((u64)image->squashfs.block_bytes, i->size - e->start);
	if (i->squashfs.fragment != SQUASHFS_NO_FRAGMENT && n == i->size >> bits)
		return map_fragment(image, i, e);
	int r = seek_block(image, i, n);
	struct squashfs_cursor at = {i->squashfs.cursor_list, image->squashfs.inode_end, i->squashfs.cursor_offset};
	u64 start = i->squashfs.cursor_start;
	if (!r)
		r = squashfs_take(image, &at, raw, sizeof(raw));
	if (!r)
		r = check_size(image, image_le32(raw));
	if (r)
		return r;
	e->packed = image_le32(raw) & (SQUASHFS_STORED - 1);
	e->offset = start;
	e->algorithm = image->squashfs.algorithm;
	e->kind = !e->packed ? IMAGE_HOLE : image_le32(raw) & SQUASHFS_STORED ? IMAGE_PLAIN : IMAGE_PACKED;
	return e->kind == IMAGE_PLAIN && e->packed < e->length ? -EUCLEAN : 0;
}
