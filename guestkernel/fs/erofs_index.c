/* SPDX-License-Identifier: Apache-2.0
 *
 * EROFS: the index of a compressed file. A file is cut into logical clusters of one size (lcluster, mostly a
 * block). Each has an entry: a head says where in it an extent begins, and which physical cluster (pcluster) that
 * extent is compressed into; the others say how far back their head is.
 * Entries have 8 bytes in the full index; in the compact one they are packed, 2 in 8 bytes or 16 in 32, together with
 * the number of one block from which those of all heads of the pack follow.
 */
#include "guestkernel/fs/erofs.h"
#include "guestkernel/lib.h"

#define FULL_BYTES	   8u	      /* of an entry */
#define BLOCKS_GIVEN	   (1u << 11) /* in place of a distance: how many blocks the pcluster has */
#define COMPACT_BITS_LEAST 12u

u64 erofs_clusters(const struct image_inode *i)
{
	return (i->size + (1ull << i->erofs.cluster_bits) - 1) >> i->erofs.cluster_bits;
}

/* ---- the full index ---- */

static int full_entry(struct image *image, const struct image_inode *i, u64 n, struct erofs_entry *e)
{
	u8 raw[8];
	int r = image_read(image, i->at + n * sizeof(raw), raw, sizeof(raw));
	if (r)
		return r;
	*e = (struct erofs_entry){.type = image_le16(raw) & 3};
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

static u32 packed_bits(const struct pack *p, u32 k, enum erofs_cluster *type)
{
	u32 at = k * p->bits, v = image_le32(p->raw + at / 8) >> at % 8;
	*type = v >> p->low_bits & 3;
	return v & ((1u << p->low_bits) - 1);
}

/* Entries of 4 bytes come first, up to a multiple of 32 bytes, then as many of 2 bytes as fill packs, then the rest. */
static void locate_pack(const struct image_inode *i, u64 n, struct pack *p, u32 *k)
{
	u64 total = erofs_clusters(i), first = (32 - i->at % 32) / 4 % 8, at = i->at;
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
	enum erofs_cluster type;
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

static int compact_entry(struct image *image, const struct image_inode *i, u64 n, struct erofs_entry *e)
{
	struct pack p;
	enum erofs_cluster type;
	u32 k;
	u64 before;
	int r = read_pack(image, i, n, &p, &k);
	if (r)
		return r;
	u32 low = packed_bits(&p, k, &type);
	*e = (struct erofs_entry){.type = type};
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

/* ---- either ---- */

int erofs_entry_get(struct image *image, const struct image_inode *i, u64 n, struct erofs_entry *e)
{
	int r = i->erofs.layout == EROFS_COMPRESSED_FULL ? full_entry(image, i, n, e) : compact_entry(image, i, n, e);
	if (!r && e->type != CLUSTER_NEXT && e->offset >> i->erofs.cluster_bits)
		r = -EUCLEAN;
	return r;
}

u64 erofs_index_end(const struct image_inode *i)
{
	u64 total = erofs_clusters(i);
	struct pack p;
	u32 k;
	if (i->erofs.layout == EROFS_COMPRESSED_FULL)
		return i->at + total * FULL_BYTES;
	locate_pack(i, total - 1, &p, &k);
	return p.at + p.bytes;
}
