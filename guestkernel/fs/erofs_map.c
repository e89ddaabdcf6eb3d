/* SPDX-License-Identifier: Apache-2.0
 *
 * EROFS: where the data of compressed files is. A file is cut into logical clusters of one size (lcluster, mostly a
 * block). Each has an entry: a head says where in it an extent begins, and which physical cluster (pcluster) that
 * extent is compressed into; the others say how far back their head is. An extent ends where the next one begins.
 * Entries have 8 bytes in the full index; in the compact one they are packed, 2 in 8 bytes or 16 in 32, together with
 * the number of one block from which those of all heads of the pack follow.
 *
 * The last extent may be elsewhere: right behind the index (an inline tail), or, uncompressed or not, within another
 * file that has such ends of many (a fragment in the packed file), which may be all that there is of a file.
 */
#include "guestkernel/fs/erofs.h"
#include "guestkernel/lib.h"

#define HEADER_BYTES	  8u
#define FULL_BYTES	  8u	     /* of an entry */
#define FULL_PADDING	  8u	     /* between the header and a full index */
#define BLOCKS_GIVEN	  (1u << 11) /* in place of a distance: how many blocks the pcluster has */
#define PACK_MOST	  16u
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
#define COMPACT_BITS_LEAST 12u
#define COMPACT_BITS_MOST  14u

/* By what the headers of files and the superblock count; LZ4 is padded or not. */
static const u8 algorithms[] = {0, UNPACK_MICROLZMA, UNPACK_DEFLATE, UNPACK_ZSTD_PADDED};

enum cluster { CLUSTER_PLAIN = 0, CLUSTER_HEAD = 1, CLUSTER_NEXT = 2, CLUSTER_HEAD2 = 3 };

struct entry {
	enum cluster type;
	u32 offset;   /* heads: where in the lcluster the extent begins */
	u32 distance; /* others: lclusters back to the head */
	u32 blocks;   /* others: blocks of the pcluster; 0: not told here */
	u64 block;    /* heads: of the pcluster */
};

static u64 clusters_of(const struct image_inode *i)
{
	return (i->size + (1ull << i->erofs.cluster_bits) - 1) >> i->erofs.cluster_bits;
}

/* ---- the full index ---- */

static int full_entry(struct image *image, const struct image_inode *i, u64 n, struct entry *e)
{
	u8 raw[8];
	int r = image_read(image, i->at + n * sizeof(raw), raw, sizeof(raw));
	if (r)
		return r;
	*e = (struct entry){.type = image_le16(raw) & 3};
	if (e->type == CLUSTER_NEXT) {
		e->distance = image_le16(raw + 4);
		if (e->distance & BLOCKS_GIVEN) {
			e->blocks = e->distance & (BLOCKS_GIVEN - 1);
			e->distance = 1;
		}
		return 0;
	}
	e->offset = image_le16(raw + 2);
	e->block = image_le32(raw + 4);
	return 0;
}

/* ---- the compact index ---- */

/* A pack: `count` entries of the same number of bits, then the number of a block. */
struct pack {
	u32 count, low_bits, bits;
	u64 at; /* where it stands */
	u32 bytes;
	u8 raw[36]; /* and what reading four bytes at the last entry may touch */
};

static u32 packed_bits(const struct pack *p, u32 k, enum cluster *type)
{
	u32 at = k * p->bits, v = image_le32(p->raw + at / 8) >> at % 8;
	*type = v >> p->low_bits & 3;
	return v & ((1u << p->low_bits) - 1);
}

/* Entries of 4 bytes come first, up to a multiple of 32 bytes, then as many of 2 bytes as fill packs, then the rest. */
static void locate_pack(const struct image_inode *i, u64 n, struct pack *p, u32 *k)
{
	u64 total = clusters_of(i), first = (32 - i->at % 32) / 4 % 8, at = i->at;
	u64 small = i->erofs.compact_2b && first < total ? (total - first) / 16 * 16 : 0;
	bool is_small = n >= first && n - first < small;
	if (is_small) {
		at += first * 4;
		n -= first;
	} else if (n >= first) {
		at += first * 4 + small * 2;
		n -= first + small;
	}
	p->bytes = is_small ? 32 : 8;
	p->count = is_small ? 16 : 2;
	p->low_bits = MAX(i->erofs.cluster_bits, COMPACT_BITS_LEAST);
	p->bits = (p->bytes - 4) * 8 / p->count;
	p->at = at + n / p->count * p->bytes;
	*k = (u32)(n % p->count);
}

static int read_pack(struct image *image, const struct image_inode *i, u64 n, struct pack *p, u32 *k)
{
	locate_pack(i, n, p, k);
	memset(p->raw, 0, sizeof(p->raw));
	if (p->low_bits + 2 > p->bits)
		return -EUCLEAN;
	return image_read(image, p->at, p->raw, p->bytes);
}

/* How many blocks the pclusters of the pack have that begin before entry k. */
static int blocks_before(const struct image_inode *i, const struct pack *p, u32 k, u64 *blocks)
{
	enum cluster type;
	u32 low;
	*blocks = 0;
	while (k) {
		low = packed_bits(p, --k, &type);
		if (type != CLUSTER_NEXT) {
			++*blocks;
		} else if (!i->erofs.big_cluster) {
			/* Its head, if it is in the pack, has one block; what is between belongs to it. */
			if (!low || low > k)
				break;
			k -= low;
			++*blocks;
		} else if (low & BLOCKS_GIVEN) {
			/* The one before is its head. */
			*blocks += low & (BLOCKS_GIVEN - 1);
			k -= k ? 1 : 0;
		} else {
			/* Goes on at the entry that tells the blocks, behind the head. */
			if (low <= 1)
				return -EUCLEAN;
			if (low - 2 > k)
				break;
			k -= low - 2;
		}
	}
	return 0;
}

static int compact_entry(struct image *image, const struct image_inode *i, u64 n, struct entry *e)
{
	struct pack p;
	enum cluster type;
	u32 k;
	u64 before;
	int r = read_pack(image, i, n, &p, &k);
	if (r)
		return r;
	u32 low = packed_bits(&p, k, &type);
	*e = (struct entry){.type = type};
	if (type != CLUSTER_NEXT) {
		e->offset = low;
		r = blocks_before(i, &p, k, &before);
		/* Without big clusters the number is that of the block before the pack's first. */
		e->block = (u64)image_le32(p.raw + p.count * p.bits / 8) + before + (i->erofs.big_cluster ? 0 : 1);
		return r;
	}
	if (low & BLOCKS_GIVEN) {
		e->blocks = low & (BLOCKS_GIVEN - 1);
		e->distance = 1;
		return i->erofs.big_cluster ? 0 : -EUCLEAN;
	}
	e->distance = low;
	if (k + 1 < p.count)
		return 0;
	/* The last of a pack tells the distance to the next head instead; the one before knows. */
	low = packed_bits(&p, k - 1, &type);
	e->distance = type != CLUSTER_NEXT ? 1 : low & BLOCKS_GIVEN ? 2 : low + 1;
	return 0;
}

/* ---- extents ---- */

static int get_entry(struct image *image, const struct image_inode *i, u64 n, struct entry *e)
{
	int r = i->erofs.layout == EROFS_COMPRESSED_FULL ? full_entry(image, i, n, e) : compact_entry(image, i, n, e);
	if (!r && e->type != CLUSTER_NEXT && e->offset >> i->erofs.cluster_bits)
		r = -EUCLEAN;
	return r;
}

/* The head of the extent that has pos; *n: its lcluster. */
static int find_head(struct image *image, const struct image_inode *i, u64 pos, u64 *n, struct entry *head)
{
	u32 bits = i->erofs.cluster_bits;
	*n = pos >> bits;
	int r = get_entry(image, i, *n, head);
	if (!r && head->type != CLUSTER_NEXT && (pos & ((1ull << bits) - 1)) < head->offset) {
		/* It begins behind pos: the extent before it is meant. */
		if (!*n)
			return -EUCLEAN;
		--*n;
		r = get_entry(image, i, *n, head);
	}
	while (!r && head->type == CLUSTER_NEXT) {
		if (!head->distance || head->distance > *n)
			return -EUCLEAN;
		*n -= head->distance;
		r = get_entry(image, i, *n, head);
	}
	return r;
}

/* Where the extent of the head in lcluster n ends, and the blocks of its pcluster. */
static int find_end(struct image *image, const struct image_inode *i, u64 n, const struct entry *head, u64 *end,
		    u32 *blocks)
{
	u32 bits = i->erofs.cluster_bits;
	u64 total = clusters_of(i), most = n + (EXTENT_MOST_BYTES >> bits) + 1;
	bool big = head->type == CLUSTER_HEAD ? i->erofs.big_cluster : i->erofs.big_second;
	struct entry e;
	*blocks = 1u << (bits - image->erofs.block_bits);
	for (u64 k = n + 1; k < total; k++) {
		int r = k > most ? -EUCLEAN : get_entry(image, i, k, &e);
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

/* Where the index ends. */
static u64 index_end(const struct image_inode *i)
{
	u64 total = clusters_of(i);
	struct pack p;
	u32 k;
	if (i->erofs.layout == EROFS_COMPRESSED_FULL)
		return i->at + total * FULL_BYTES;
	locate_pack(i, total - 1, &p, &k);
	return p.at + p.bytes;
}

/* What the header says of the last extent; field: its first four bytes. */
static int find_tail(struct image *image, struct image_inode *i, bool fragment, u32 field)
{
	struct entry head;
	u64 n, in = index_end(i) % (1ull << image->erofs.block_bits);
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
	i->erofs.tail_at = index_end(i);
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
	struct entry head;
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
