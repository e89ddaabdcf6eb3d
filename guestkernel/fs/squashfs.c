/* SPDX-License-Identifier: Apache-2.0
 *
 * squashfs 4.0: superblock, metadata blocks, inodes. Source: Linux, Documentation/filesystems/squashfs.rst, and the
 * format's public description (squashfs-tools-ng, doc/format.adoc). The export table is ignored.
 */
#include "guestkernel/fs/squashfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

#define MAGIC	    0x73717368u
#define SUPER_BYTES 96u
#define META_STORED 0x8000u
#define NO_TABLE    (~0ull)
#define ID_BYTES    4u
#define NO_XATTRS   0xffffffffu

enum type {
	DIRECTORY = 1,
	REGULAR,
	LINK,
	BLOCK_DEVICE,
	CHARACTER_DEVICE,
	FIFO,
	SOCKET,
	EXTENDED = 7, /* added to the above */
};

/* ---- metadata ---- */

/* The block that begins at *at, unpacked; *at: where the next one begins. */
static int get_block(struct image *image, u64 *at, u64 end, struct image_block **out)
{
	u8 raw[2];
	if (*at > end || end - *at < sizeof(raw))
		return -EUCLEAN;
	*out = image_block_find(image, *at + sizeof(raw));
	if (*out) {
		*at += sizeof(raw) + (*out)->packed;
		return 0;
	}
	int r = image_read(image, *at, raw, sizeof(raw));
	u32 size = image_le16(raw) & ~META_STORED;
	if (r)
		return r;
	if (!size || size > SQUASHFS_META || size > end - *at - sizeof(raw))
		return -EUCLEAN;
	u32 algorithm = image_le16(raw) & META_STORED ? UNPACK_STORED : image->squashfs.algorithm;
	r = image_block_get(image, *at + sizeof(raw), size, algorithm, SQUASHFS_META, out);
	*at += sizeof(raw) + size;
	return r;
}

int squashfs_take(struct image *image, struct squashfs_cursor *at, void *to, size_t n)
{
	u8 *out = to;
	while (n) {
		struct image_block *block;
		u64 next = at->block;
		int r = get_block(image, &next, at->end, &block);
		if (r)
			return r;
		u32 here = at->offset < block->bytes ? (u32)MIN(n, (size_t)(block->bytes - at->offset)) : 0;
		bool whole = block->bytes == SQUASHFS_META;
		memcpy(out, block->data + at->offset, here);
		image_block_put(image, block);
		out += here;
		n -= here;
		at->offset += here;
		if (at->offset >= SQUASHFS_META) {
			at->block = next;
			at->offset = 0;
		} else if (n && !whole) {
			return -EUCLEAN; /* only the last block of a table is short */
		}
	}
	return 0;
}

int squashfs_table_entry(struct image *image, u64 list, u64 n, void *to, u32 size)
{
	u8 raw[8];
	u64 per_block = SQUASHFS_META / size;
	int r = image_read(image, list + n / per_block * sizeof(raw), raw, sizeof(raw));
	struct squashfs_cursor at = {image_le64(raw), image->squashfs.end, (u32)(n % per_block * size)};
	return r ? r : squashfs_take(image, &at, to, size);
}

/* ---- superblock ---- */

static int check_compression(struct image *image, u32 compression)
{
	static const u8 algorithms[] = {
	    [1] = UNPACK_ZLIB, [2] = UNPACK_LZMA_ALONE, [4] = UNPACK_XZ, [5] = UNPACK_LZ4, [6] = UNPACK_ZSTD};
	if (compression == 3)
		return image_refuse(image, "LZO compression; make it with gzip, xz, lz4 or zstd");
	if (compression >= sizeof(algorithms) || !algorithms[compression])
		return image_refuse(image, "an unknown compression; make it with gzip, xz, lz4 or zstd");
	image->squashfs.algorithm = algorithms[compression];
	return 0;
}

/* Tables lie in a known order, each before the next. */
static int check_tables(struct image *image)
{
	u64 ids = (u64)image->squashfs.ids * ID_BYTES, lists = (ids + SQUASHFS_META - 1) / SQUASHFS_META * 8;
	u64 fragments = ((u64)image->squashfs.fragments * 16 + SQUASHFS_META - 1) / SQUASHFS_META * 8;
	u64 end = image->squashfs.end, id = image->squashfs.id_table, fragment = image->squashfs.fragment_table;
	if (end > image->bytes || end < SUPER_BYTES || id >= end || !ids || end - id < lists)
		return -EUCLEAN;
	if (image->squashfs.inode_table >= image->squashfs.dir_table || image->squashfs.dir_table >= end)
		return -EUCLEAN;
	if (image->squashfs.fragments && (fragment >= end || end - fragment < fragments))
		return -EUCLEAN;
	image->squashfs.inode_end = image->squashfs.dir_table;
	image->squashfs.dir_end =
	    fragment != NO_TABLE && fragment > image->squashfs.dir_table && fragment < id ? fragment : id;
	return image->squashfs.dir_table <= image->squashfs.dir_end ? 0 : -EUCLEAN;
}

static int open_super(struct image *image)
{
	u8 sb[SUPER_BYTES];
	int r = image_read(image, 0, sb, sizeof(sb));
	if (r)
		return r;
	if (image_le32(sb) != MAGIC)
		return -EINVAL;
	if (image_le16(sb + 28) != 4 || image_le16(sb + 30))
		return image_refuse(image, "another version of squashfs than 4.0");
	r = check_compression(image, image_le16(sb + 20));
	if (r)
		return r;
	u32 block = image_le32(sb + 12), bits = image_le16(sb + 22);
	if (bits < 12 || bits > 20 || block != 1u << bits)
		return -EUCLEAN;
	image->inodes = image_le32(sb + 4);
	image->root = image_le64(sb + 32);
	image->squashfs.block_bytes = block;
	image->squashfs.block_bits = bits;
	image->squashfs.fragments = image_le32(sb + 16);
	image->squashfs.ids = image_le16(sb + 26);
	image->squashfs.end = image_le64(sb + 40);
	image->squashfs.id_table = image_le64(sb + 48);
	image->squashfs.xattr_table = image_le64(sb + 56);
	image->squashfs.inode_table = image_le64(sb + 64);
	image->squashfs.dir_table = image_le64(sb + 72);
	image->squashfs.fragment_table = image_le64(sb + 80);
	return check_tables(image);
}

/* ---- inodes ---- */

static int read_id(struct image *image, u32 n, u32 *id)
{
	u8 raw[ID_BYTES];
	if (n >= image->squashfs.ids)
		return -EUCLEAN;
	int r = squashfs_table_entry(image, image->squashfs.id_table, n, raw, sizeof(raw));
	*id = image_le32(raw);
	return r;
}

static void set_xattrs(const struct image *image, struct image_inode *i, const u8 *number)
{
	if (image_le32(number) != NO_XATTRS && image->squashfs.xattr_table != NO_TABLE)
		i->xattrs = (u64)image_le32(number) + 1;
}

static int read_directory(struct image *image, struct squashfs_cursor *at, bool extended, struct image_inode *i)
{
	u8 raw[24];
	int r = squashfs_take(image, at, raw, extended ? 24 : 16);
	if (r)
		return r;
	i->nlink = image_le32(raw + (extended ? 0 : 4));
	i->size = extended ? image_le32(raw + 4) : image_le16(raw + 8);
	i->squashfs.start = image_le32(raw + (extended ? 8 : 0));
	i->squashfs.offset = image_le16(raw + (extended ? 18 : 10));
	i->squashfs.indexes = extended ? image_le16(raw + 16) : 0;
	if (extended)
		set_xattrs(image, i, raw + 20);
	return i->squashfs.offset < SQUASHFS_META ? 0 : -EUCLEAN;
}

static int read_fragment(struct image *image, struct image_inode *i)
{
	u32 tail = (u32)(i->size & (image->squashfs.block_bytes - 1));
	if (i->squashfs.fragment == SQUASHFS_NO_FRAGMENT)
		return 0;
	if (i->squashfs.fragment >= image->squashfs.fragments ||
	    i->squashfs.fragment_offset > image->squashfs.block_bytes - tail)
		return -EUCLEAN;
	return 0;
}

static int read_regular(struct image *image, struct squashfs_cursor *at, bool extended, struct image_inode *i)
{
	u8 raw[40];
	int r = squashfs_take(image, at, raw, extended ? 40 : 16);
	if (r)
		return r;
	const u8 *rest = raw + (extended ? 28 : 4); /* fragment, its offset */
	i->squashfs.start = extended ? image_le64(raw) : image_le32(raw);
	i->size = extended ? image_le64(raw + 8) : image_le32(raw + 12);
	i->nlink = extended ? image_le32(raw + 24) : 1;
	i->squashfs.fragment = image_le32(rest);
	i->squashfs.fragment_offset = image_le32(rest + 4);
	i->fill_bytes = image->squashfs.block_bytes;
	i->squashfs.cursor_start = i->squashfs.start;
	if (extended)
		set_xattrs(image, i, raw + 36);
	return read_fragment(image, i);
}

/* at: in front of a link's target, which it is to stay at. */
static int read_link_xattrs(struct image *image, struct squashfs_cursor at, struct image_inode *i)
{
	u8 raw[4];
	char *target = i->size < PATH_LIMIT ? kmalloc(PATH_LIMIT) : NULL;
	if (!target)
		return i->size < PATH_LIMIT ? -ENOMEM : -EUCLEAN;
	int r = squashfs_take(image, &at, target, i->size);
	kfree(target);
	if (!r)
		r = squashfs_take(image, &at, raw, sizeof(raw));
	if (!r)
		set_xattrs(image, i, raw);
	return r;
}

static int read_other(struct image *image, struct squashfs_cursor *at, enum type type, bool extended,
		      struct image_inode *i)
{
	u8 raw[8];
	bool small = type == FIFO || type == SOCKET;
	int r = squashfs_take(image, at, raw, small ? 4 : 8);
	if (r)
		return r;
	i->nlink = image_le32(raw);
	if (type == LINK)
		i->size = image_le32(raw + 4);
	else if (!small)
		i->rdev = image_le32(raw + 4);
	if (!extended)
		return 0;
	if (type == LINK)
		return read_link_xattrs(image, *at, i);
	r = squashfs_take(image, at, raw, 4);
	if (!r)
		set_xattrs(image, i, raw);
	return r;
}

static int read_inode(struct image *image, u64 ref, struct image_inode *i)
{
	static const u32 modes[] = {
	    [DIRECTORY] = K_S_IFDIR,	    [REGULAR] = K_S_IFREG, [LINK] = K_S_IFLNK,	 [BLOCK_DEVICE] = K_S_IFBLK,
	    [CHARACTER_DEVICE] = K_S_IFCHR, [FIFO] = K_S_IFIFO,	   [SOCKET] = K_S_IFSOCK};
	u8 raw[16];
	u64 table = image->squashfs.inode_table;
	if (ref >> 48 || (ref & 0xffff) >= SQUASHFS_META || ref >> 16 >= image->squashfs.inode_end - table)
		return -EUCLEAN;
	struct squashfs_cursor at = {table + (ref >> 16), image->squashfs.inode_end, ref & 0xffff};
	int r = squashfs_take(image, &at, raw, sizeof(raw));
	if (r)
		return r;
	u32 type = image_le16(raw);
	bool extended = type > EXTENDED;
	type -= extended ? EXTENDED : 0;
	if (type < DIRECTORY || type > SOCKET)
		return -EUCLEAN;
	i->mode = modes[type] | (image_le16(raw + 2) & 07777);
	i->mtime = (struct k_timespec){image_le32(raw + 8), 0};
	i->ino = image_le32(raw + 12);
	r = read_id(image, image_le16(raw + 4), &i->uid);
	if (!r)
		r = read_id(image, image_le16(raw + 6), &i->gid);
	if (!r)
		r = type == DIRECTORY ? read_directory(image, &at, extended, i)
		    : type == REGULAR ? read_regular(image, &at, extended, i)
				      : read_other(image, &at, type, extended, i);
	/* What follows: the sizes of blocks, a directory's index, a link's target. */
	i->squashfs.list = at.block;
	i->squashfs.list_offset = i->squashfs.cursor_offset = at.offset;
	i->squashfs.cursor_list = at.block;
	return r;
}

static int target(struct image *image, const struct image_inode *i, char *to)
{
	struct squashfs_cursor at = {i->squashfs.list, image->squashfs.inode_end, i->squashfs.list_offset};
	return squashfs_take(image, &at, to, i->size);
}

const struct image_format squashfs_format = {
    .open = open_super,
    .inode = read_inode,
    .lookup = squashfs_lookup,
    .readdir = squashfs_readdir,
    .target = target,
    .xattrs = squashfs_xattrs,
    .map = squashfs_map,
};
