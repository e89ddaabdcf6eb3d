/* SPDX-License-Identifier: Apache-2.0
 *
 * EROFS: where the data of compressed files is. A file is cut into logical clusters of one size (lcluster, mostly a
 * block). Each has an entry: a head says where in it an extent begins, and which physical cluster (pcluster) that
 * extent is compressed into; the others say how far back their head is. An extent ends where the next one begins.
 * Entries have 8 bytes in the full index; in the compact one they are packed, 2 in 8 bytes or 16 in 32, together with
 * the number of one block from which those of all heads of the pack follow.
 */
#include "guestkernel/fs/erofs.h"
#include "guestkernel/lib.h"

#define HEADER_BYTES	  8u
#define FULL_PADDING	  8u	     /* between the header and a full index */
#define BLOCKS_GIVEN	  (1u << 11) /* in place of a distance: how many blocks the pcluster has */
#define PACK_MOST	  16u
#define EXTENT_MOST_BYTES UNPACK_PLAIN_MAX
#define PIECE_BYTES	  (32 * PAGE_SIZE) /* unpacked together */

#define ADVISE_COMPACT_2B  1u
#define ADVISE_BIG_CLUSTER 2u
#define ADVISE_BIG_SECOND  4u /* of a second algorithm's, which is not there */
#define ADVISE_INTERLACED  0x10u
#define ADVISE_KNOWN	   (ADVISE_COMPACT_2B | ADVISE_BIG_CLUSTER | ADVISE_BIG_SECOND | ADVISE_INTERLACED)

enum cluster { CLUSTER_PLAIN = 0, CLUSTER_HEAD = 1, CLUSTER_NEXT = 2, CLUSTER_HEAD2 = 3 };

struct entry {
	enum cluster type;
	u32 offset;   /* heads: where in the lcluster the extent begins */
	u32 distance; /* others: lclusters back to the head */
	u32 blocks;   /* others: blocks of the pcluster; 0: not told here */
	u64 block;    /* heads: of the pcluster */
};

int erofs_map_open(struct image *image, struct image_inode *i)
{
	u8 raw[HEADER_BYTES];
	i->at = (i->at + 7) & ~7ull;
	int r = image_read(image, i->at, raw, sizeof(raw));
	if (r)
		return r;
	u32 advise = image_le16(raw + 4), algorithms = raw[6], bits = raw[7];
	if (advise & ~ADVISE_KNOWN || algorithms & 15 || bits & 0x80)
		return -EOPNOTSUPP;
	i->erofs.cluster_bits = image->erofs.block_bits + (bits & 7);
	i->erofs.compact_2b = advise & ADVISE_COMPACT_2B;
	i->erofs.big_cluster = advise & ADVISE_BIG_CLUSTER;
	i->erofs.interlaced = advise & ADVISE_INTERLACED;
	i->at += HEADER_BYTES + (i->erofs.layout == EROFS_COMPRESSED_FULL ? FULL_PADDING : 0);
	i->fill_bytes = PIECE_BYTES;
	if (i->erofs.cluster_bits > 16 || (i->erofs.layout == EROFS_COMPRESSED && bits & 7))
		return -EOPNOTSUPP;
	return 0;
}

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
	u8 raw[36]; /* and what reading four bytes at the last entry may touch */
};

static u32 packed_bits(const struct pack *p, u32 k, enum cluster *type)
{
	u32 at = k * p->bits, v = image_le32(p->raw + at / 8) >> at % 8;
	*type = v >> p->low_bits & 3;
	return v & ((1u << p->low_bits) - 1);
}

/* Entries of 4 bytes come first, up to a multiple of 32 bytes, then as many of 2 bytes as fill packs, then the rest. */
static int read_pack(struct image *image, const struct image_inode *i, u64 n, struct pack *p, u32 *k)
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
	u32 bytes = is_small ? 32 : 8;
	p->count = is_small ? 16 : 2;
	p->low_bits = i->erofs.cluster_bits;
	p->bits = (bytes - 4) * 8 / p->count;
	*k = (u32)(n % p->count);
	memset(p->raw, 0, sizeof(p->raw));
	if (is_small && p->low_bits > 12)
		return -EUCLEAN;
	return image_read(image, at + n / p->count * bytes, p->raw, bytes);
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
	if (!r && e->type == CLUSTER_HEAD2)
		r = -EUCLEAN; /* a second algorithm: there is none */
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
		if (k == n + 1 && head->type == CLUSTER_HEAD && i->erofs.big_cluster) {
			if (!e.blocks)
				return -EUCLEAN;
			*blocks = e.blocks;
		}
	}
	*end = i->size;
	return 0;
}

/* Not compressed: the extent's bytes from the beginning of a block on, or each at its own place in the block. */
static int map_plain(const struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e)
{
	u64 block = 1ull << image->erofs.block_bits, in = e->start % block;
	e->kind = IMAGE_PLAIN;
	if (e->length > block)
		return -EUCLEAN;
	if (!i->erofs.interlaced)
		return 0;
	u64 edge = e->start - in + block;
	if (pos >= edge) {
		e->length = e->start + e->length - edge;
		e->start = edge;
	} else {
		e->offset += in;
		e->length = MIN(e->length, edge - e->start);
	}
	return 0;
}

int erofs_map_packed(struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e)
{
	struct entry head;
	u64 n, end = 0;
	u32 blocks;
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
	if (head.type == CLUSTER_PLAIN)
		return map_plain(image, i, pos, e);
	e->kind = IMAGE_PACKED;
	e->packed = blocks << image->erofs.block_bits;
	e->algorithm = image->erofs.algorithm;
	return 0;
}
