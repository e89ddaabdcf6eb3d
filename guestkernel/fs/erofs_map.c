/* SPDX-License-Identifier: Apache-2.0
 *
 * EROFS: where the data of compressed files is. An extent begins where the entry of its head in the index
 * (erofs_index.c) says, and ends where the next one begins.
 *
 * The last extent may be elsewhere: right behind the index (an inline tail), or, uncompressed or not, within another
 * file that has such ends of many (a fragment in the packed file), which may be all that there is of a file.
 */
#include "guestkernel/fs/erofs.h"
#include "guestkernel/lib.h"

#define HEADER_BYTES	  8u
#define FULL_PADDING	  8u /* between the header and a full index */
#define EXTENT_MOST_BYTES UNPACK_PLAIN_MAX
#define PIECE_BYTES	  (32 * PAGE_SIZE) /* unpacked together */

#define ADVISE_COMPACT_2B  1u /* of a full index: it is a list of extents, which no other feature allows here */
#define ADVISE_BIG_CLUSTER 2u
#define ADVISE_BIG_SECOND  4u
#define ADVISE_INLINE_TAIL 8u
#define ADVISE_INTERLACED  0x10u
#define ADVISE_FRAGMENT	   0x20u
#define ADVISE_KNOWN	   0x3fu
#define ALL_FRAGMENT	   (1ull << 63) /* the header is an offset in the packed file */
#define COMPACT_BITS_MOST  14u

/* By what the headers of files and the superblock count; LZ4 is padded or not. */
static const u8 algorithms[] = {0, UNPACK_MICROLZMA, UNPACK_DEFLATE, UNPACK_ZSTD_PADDED};

/* ---- extents ---- */

/* The head of the extent that has pos; *n: its lcluster. */
static int find_head(struct image *image, const struct image_inode *i, u64 pos, u64 *n, struct erofs_entry *head)
{
	u32 bits = i->erofs.cluster_bits;
	*n = pos >> bits;
	int r = erofs_entry_get(image, i, *n, head);
	if (!r && head->type != CLUSTER_NEXT && (pos & ((1ull << bits) - 1)) < head->offset) {
		/* It begins behind pos: the extent before it is meant. */
		if (!*n)
			return -EUCLEAN;
		--*n;
		r = erofs_entry_get(image, i, *n, head);
	}
	u64 least = *n - MIN(*n, (u64)(EXTENT_MOST_BYTES >> bits) + 1);
	while (!r && head->type == CLUSTER_NEXT) {
		if (!head->distance || head->distance > *n - least)
			return -EUCLEAN;
		*n -= head->distance;
		r = erofs_entry_get(image, i, *n, head);
	}
	return r;
}

/* Where the extent of the head in lcluster n ends, and the blocks of its pcluster. */
static int find_end(struct image *image, const struct image_inode *i, u64 n, const struct erofs_entry *head, u64 *end,
		    u32 *blocks)
{
	u32 bits = i->erofs.cluster_bits;
	u64 total = erofs_clusters(i), most = n + (EXTENT_MOST_BYTES >> bits) + 1;
	bool big = head->type == CLUSTER_HEAD ? i->erofs.big_cluster : i->erofs.big_second;
	struct erofs_entry e;
	*blocks = 1u << (bits - image->erofs.block_bits);
	for (u64 k = n + 1; k < total; k++) {
		int r = k > most ? -EUCLEAN : erofs_entry_get(image, i, k, &e);
		if (r)
			return r;
		if (e.type != CLUSTER_NEXT) {
			*end = MIN((k << bits) + e.offset, i->size);
			return 0;
		}
		if (k == n + 1 && big) {
			if (!e.blocks)
				return -EUCLEAN;
			*blocks = e.blocks;
		}
	}
	*end = i->size;
	return 0;
}

/* Not compressed: the extent's bytes from the beginning of a block on; or rather what is in its first block of the file
 * at the end of the pcluster, and the rest from the beginning on. */
static int map_plain(const struct image *image, bool interlaced, u64 pos, struct image_extent *e)
{
	u64 block = 1ull << image->erofs.block_bits, first = block - e->start % block;
	e->kind = IMAGE_PLAIN;
	if (e->length > e->packed)
		return -EUCLEAN;
	if (!interlaced)
		return 0;
	u64 edge = e->start + first;
	if (pos >= edge) {
		e->length = e->start + e->length - edge;
		e->start = edge;
	} else {
		e->offset += e->packed - first;
		e->length = MIN(e->length, first);
	}
	return 0;
}

/* e: where what is compressed stands, and what of the file it is. */
static int map_cluster(const struct image *image, const struct image_inode *i, u32 head, bool interlaced, u64 pos,
		       struct image_extent *e)
{
	u32 which = head == CLUSTER_HEAD2 ? i->erofs.algorithms >> 4 : i->erofs.algorithms & 15;
	if (head == CLUSTER_PLAIN)
		return map_plain(image, interlaced, pos, e);
	e->kind = IMAGE_PACKED;
	e->algorithm = which ? algorithms[which] : image->erofs.lz4;
	return 0;
}

/* ---- tails ---- */

/* The part of the packed file, as this file's own. What comes out of a block there is wanted by many files. */
static int map_fragment(struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e)
{
	struct image_inode *packed = &image->erofs.packed;
	u64 start = i->erofs.tail_start, at = i->erofs.tail_at;
	if (at > packed->size || i->size - start > packed->size - at)
		return -EUCLEAN;
	int r = erofs_map(image, packed, at + (pos - start), e);
	if (r)
		return r;
	u64 before = e->start < at ? at - e->start : 0;
	if (e->kind == IMAGE_PACKED && e->length <= IMAGE_BLOCK_MOST) {
		e->kind = IMAGE_SHARED;
		e->whole = (u32)e->length;
	}
	if (e->kind == IMAGE_PLAIN)
		e->offset += before;
	else
		e->skip = (u32)before;
	e->start = start + (e->start + before - at);
	e->length = MIN(e->length - before, i->size - e->start);
	return 0;
}

static int map_tail(struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e)
{
	if (i->erofs.tail == EROFS_TAIL_FRAGMENT)
		return map_fragment(image, i, pos, e);
	e->start = i->erofs.tail_start;
	e->length = i->size - e->start;
	e->offset = i->erofs.tail_at;
	e->packed = i->erofs.tail_bytes;
	return map_cluster(image, i, i->erofs.tail_head, false, pos, e);
}

/* What the header says of the last extent; field: its first four bytes. */
static int find_tail(struct image *image, struct image_inode *i, bool fragment, u32 field)
{
	struct erofs_entry head;
	u64 n, in = erofs_index_end(i) % (1ull << image->erofs.block_bits);
	int r = find_head(image, i, i->size - 1, &n, &head);
	if (r)
		return r;
	i->erofs.tail_start = (n << i->erofs.cluster_bits) + head.offset;
	if (i->erofs.tail_start >= i->size)
		return -EUCLEAN;
	if (fragment) {
		i->erofs.tail = EROFS_TAIL_FRAGMENT;
		i->erofs.tail_at = field | (i->erofs.layout == EROFS_COMPRESSED_FULL ? head.block << 32 : 0);
		return 0;
	}
	i->erofs.tail = EROFS_TAIL_INLINE;
	i->erofs.tail_head = head.type;
	i->erofs.tail_at = erofs_index_end(i);
	i->erofs.tail_bytes = field >> 16;
	return !i->erofs.tail_bytes || in + i->erofs.tail_bytes > 1ull << image->erofs.block_bits ? -EUCLEAN : 0;
}

/* ---- files ---- */

static int set_header(struct image *image, struct image_inode *i, u32 advise, u32 which, u32 bits)
{
	bool full = i->erofs.layout == EROFS_COMPRESSED_FULL;
	if (advise & ~ADVISE_KNOWN || (full && advise & ADVISE_COMPACT_2B) || bits & 0x70 ||
	    (which & 15) >= ARRAY_SIZE(algorithms) || which >> 4 >= ARRAY_SIZE(algorithms))
		return -EOPNOTSUPP;
	i->erofs.cluster_bits = image->erofs.block_bits + (bits & 15);
	i->erofs.algorithms = (u8)which;
	i->erofs.compact_2b = advise & ADVISE_COMPACT_2B;
	i->erofs.big_cluster = advise & ADVISE_BIG_CLUSTER;
	i->erofs.big_second = advise & ADVISE_BIG_SECOND;
	i->erofs.interlaced = advise & ADVISE_INTERLACED;
	i->at += HEADER_BYTES + (full ? FULL_PADDING : 0);
	return i->erofs.cluster_bits > (full ? 16 : COMPACT_BITS_MOST) ? -EOPNOTSUPP : 0;
}

int erofs_map_open(struct image *image, struct image_inode *i)
{
	u8 raw[HEADER_BYTES];
	i->at = (i->at + 7) & ~7ull;
	int r = image_read(image, i->at, raw, sizeof(raw));
	if (r)
		return r;
	i->fill_bytes = PIECE_BYTES;
	if (image_le64(raw) & ALL_FRAGMENT) {
		i->erofs.tail = EROFS_TAIL_FRAGMENT;
		i->erofs.tail_at = image_le64(raw) & ~ALL_FRAGMENT;
		return 0;
	}
	u32 advise = image_le16(raw + 4), tail = advise & (ADVISE_INLINE_TAIL | ADVISE_FRAGMENT);
	r = set_header(image, i, advise, raw[6], raw[7]);
	if (r || !tail || !i->size)
		return r;
	return find_tail(image, i, tail & ADVISE_FRAGMENT, image_le32(raw));
}

int erofs_map_packed(struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e)
{
	struct erofs_entry head;
	u64 n, end = 0;
	u32 blocks;
	if (i->erofs.tail && pos >= i->erofs.tail_start)
		return map_tail(image, i, pos, e);
	int r = find_head(image, i, pos, &n, &head);
	if (!r)
		r = find_end(image, i, n, &head, &end, &blocks);
	if (r)
		return r;
	e->start = (n << i->erofs.cluster_bits) + head.offset;
	if (end <= e->start || pos < e->start || pos >= end)
		return -EUCLEAN;
	e->length = end - e->start;
	e->offset = head.block << image->erofs.block_bits;
	e->packed = blocks << image->erofs.block_bits;
	return map_cluster(image, i, head.type, i->erofs.interlaced, pos, e);
}
