/* SPDX-License-Identifier: Apache-2.0
 *
 * EROFS: superblock, inodes, directories, and data that is not compressed (erofs_map.c has the other). Source: Linux,
 * Documentation/filesystems/erofs.rst, and the on-disk format of erofs-utils. What an image needs beyond this is
 * refused by its name at mount.
 *
 * Metadata lies in 32-byte slots behind meta_block; an inode's number (nid) is its slot. What belongs to the inode
 * follows it: xattrs (erofs_xattr.c), then inline data, chunk indexes, or the map of compressed clusters.
 */
#include "guestkernel/fs/erofs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"

#define SUPER_OFFSET 1024u
#define SUPER_BYTES  128u
#define MAGIC	     0xe0f5e1e2u
#define SLOT_BYTES   32u
#define DIRENT_BYTES 12u

#define COMPAT_CHECKSUM 1u

#define INCOMPAT_ZERO_PADDING 1u
#define INCOMPAT_BIG_CLUSTER  2u /* also: a list of what the algorithms need follows the superblock */
#define INCOMPAT_CHUNKS	      4u
#define INCOMPAT_DEVICES      8u /* or a second algorithm in a file */
#define INCOMPAT_INLINE_TAIL  0x10u
#define INCOMPAT_FRAGMENTS    0x20u /* or extents that share what is compressed */
#define INCOMPAT_KNOWN	      0x3fu
#define ALGORITHMS_KNOWN      0xfu

static const struct {
	u32 bit;
	const char *name;
} unsupported[] = {
    {0x40, "prefixes of extended attributes"},
    {0x80, "block numbers of 48 bits"},
    {0x100, "metadata in an inode (metabox)"},
};

/* ---- inodes ---- */

static void set_data(struct image *image, struct image_inode *i, u32 layout, u32 field)
{
	u32 bits = image->erofs.block_bits;
	i->fill_bytes = PAGE_SIZE;
	i->erofs.layout = layout;
	i->erofs.start = (u64)field << bits;
	if (layout == EROFS_FLAT_PLAIN)
		i->linear_bytes = i->size;
	else if (layout == EROFS_FLAT_INLINE)
		i->linear_bytes = i->size >> bits << bits;
	i->linear_start = i->erofs.start;
}

/* field: struct erofs's chunk info. */
static int set_chunks(struct image *image, struct image_inode *i, u32 field)
{
	u32 bits = (field & 31) + image->erofs.block_bits;
	if (field & 0xffc0 || bits > 40)
		return -EUCLEAN;
	i->erofs.chunk_bits = bits;
	i->erofs.chunk_indexes = field >> 5 & 1;
	i->at = (i->at + 7) & ~7ull;
	return 0;
}

static int read_inode(struct image *image, u64 nid, struct image_inode *i)
{
	u8 raw[64];
	u64 at;
	if (nid >> 56 ||
	    __builtin_add_overflow((u64)image->erofs.meta_block << image->erofs.block_bits, nid * SLOT_BYTES, &at))
		return -EUCLEAN;
	int r = image_read(image, at, raw, 32);
	if (r)
		return r;
	u32 format = image_le16(raw), xattrs = image_le16(raw + 2), field = image_le32(raw + 16);
	bool extended = format & 1;
	u32 layout = format >> 1 & 7, bytes = extended ? 64 : 32;
	if (format >> 4 || layout > EROFS_CHUNKS)
		return -EUCLEAN;
	if (extended && (r = image_read(image, at + 32, raw + 32, 32)))
		return r;
	i->ino = nid;
	i->mode = image_le16(raw + 4);
	i->size = extended ? image_le64(raw + 8) : image_le32(raw + 8);
	i->uid = extended ? image_le32(raw + 24) : image_le16(raw + 24);
	i->gid = extended ? image_le32(raw + 28) : image_le16(raw + 26);
	i->nlink = extended ? image_le32(raw + 44) : image_le16(raw + 6);
	i->mtime = image->erofs.built;
	if (extended)
		i->mtime = (struct k_timespec){(s64)image_le64(raw + 32), (s64)(image_le32(raw + 40) % 1000000000)};
	i->erofs.xattr_bytes = xattrs ? EROFS_XATTR_HEADER + (xattrs - 1) * 4 : 0;
	i->xattrs = xattrs ? at + bytes : 0;
	i->at = at + bytes + i->erofs.xattr_bytes;
	u32 type = i->mode & K_S_IFMT;
	if (type == K_S_IFCHR || type == K_S_IFBLK)
		i->rdev = field;
	if (type != K_S_IFREG && type != K_S_IFDIR && type != K_S_IFLNK)
		return 0;
	set_data(image, i, layout, field);
	if (layout == EROFS_CHUNKS)
		return set_chunks(image, i, field);
	return layout == EROFS_COMPRESSED_FULL || layout == EROFS_COMPRESSED ? erofs_map_open(image, i) : 0;
}

/* ---- superblock ---- */

/* CRC32-C without the final complement. */
static u32 crc32c(u32 crc, const u8 *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

/* Of the rest of the block that the superblock begins in, its own field taken as zero. */
static int check_sum(struct image *image, u32 wanted)
{
	static const u8 zero[4];
	u8 part[256];
	u64 at = SUPER_OFFSET, end = 1ull << image->erofs.block_bits;
	u32 crc = ~0u;
	if (end <= SUPER_OFFSET)
		end += SUPER_OFFSET;
	while (at < end) {
		u64 n = MIN(end - at, sizeof(part));
		int r = image_read(image, at, part, n);
		if (r)
			return r;
		if (at == SUPER_OFFSET)
			memcpy(part + 4, zero, 4);
		crc = crc32c(crc, part, n);
		at += n;
	}
	return crc == wanted ? 0 : -EUCLEAN;
}

static int check_features(struct image *image, u32 needed)
{
	for (unsigned i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (needed & unsupported[i].bit)
			return image_refuse(image, unsupported[i].name);
	if (needed & ~INCOMPAT_KNOWN)
		return image_refuse(image, "a feature that is newer than this kernel");
	return 0;
}

/* Algorithms are a bit each where there is a list of them: LZ4, LZMA, DEFLATE, zstd. */
static int check_algorithms(struct image *image, u32 needed, u16 algorithms)
{
	if (needed & INCOMPAT_BIG_CLUSTER && algorithms & ~ALGORITHMS_KNOWN)
		return image_refuse(image, "an unknown compression; make it with LZ4, LZMA, DEFLATE or zstd");
	return 0;
}

/* The file with fragments of others is none of theirs. */
static int open_packed(struct image *image, u64 nid)
{
	struct image_inode *packed = &image->erofs.packed;
	if (!nid)
		return 0;
	int r = read_inode(image, nid, packed);
	bool is_sane = (packed->mode & K_S_IFMT) == K_S_IFREG && packed->size >> 63 == 0;
	return !r && (!is_sane || packed->erofs.tail == EROFS_TAIL_FRAGMENT) ? -EUCLEAN : r;
}

static int open_super(struct image *image)
{
	u8 sb[SUPER_BYTES];
	int r = image_read(image, SUPER_OFFSET, sb, sizeof(sb));
	if (r)
		return r;
	if (image_le32(sb) != MAGIC)
		return -EINVAL;
	u32 compat = image_le32(sb + 8), needed = image_le32(sb + 80);
	image->erofs.block_bits = sb[12];
	if (sb[12] < 9 || sb[12] > 16)
		return -EUCLEAN;
	r = check_features(image, needed);
	if (!r)
		r = check_algorithms(image, needed, image_le16(sb + 84));
	if (!r && compat & COMPAT_CHECKSUM)
		r = check_sum(image, image_le32(sb + 4));
	if (!r && needed & INCOMPAT_DEVICES && image_le16(sb + 86))
		r = image_refuse(image, "more than one device");
	if (!r && sb[90])
		r = image_refuse(image, "directory blocks larger than blocks");
	if (r)
		return r;
	image->root = image_le16(sb + 14);
	image->inodes = image_le64(sb + 16);
	image->erofs.built = (struct k_timespec){(s64)image_le64(sb + 24), (s64)(image_le32(sb + 32) % 1000000000)};
	image->erofs.meta_block = image_le32(sb + 40);
	image->erofs.xattr_block = image_le32(sb + 44);
	image->erofs.lz4 = needed & INCOMPAT_ZERO_PADDING ? UNPACK_LZ4_PADDED : UNPACK_LZ4;
	return needed & INCOMPAT_FRAGMENTS ? open_packed(image, image_le64(sb + 96)) : 0;
}

/* ---- data that is not compressed ---- */

/* Indexes follow the inode: block numbers of 4 bytes, or 8 with a device before. All ones: a hole. */
static int map_chunk(struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e)
{
	u8 raw[8];
	u32 size = i->erofs.chunk_indexes ? 8 : 4;
	u64 chunk = pos >> i->erofs.chunk_bits, at;
	if (__builtin_add_overflow(i->at, chunk * size, &at) || chunk >> 58)
		return -EUCLEAN;
	int r = image_read(image, at, raw, size);
	if (r)
		return r;
	u32 block = image_le32(raw + size - 4);
	if (i->erofs.chunk_indexes && image_le16(raw + 2))
		return -EUCLEAN; /* another device: there is none */
	e->start = chunk << i->erofs.chunk_bits;
	e->length = MIN(1ull << i->erofs.chunk_bits, i->size - e->start);
	e->kind = block == ~0u ? IMAGE_HOLE : IMAGE_PLAIN;
	e->offset = (u64)block << image->erofs.block_bits;
	return 0;
}

int erofs_map(struct image *image, struct image_inode *i, u64 pos, struct image_extent *e)
{
	*e = (struct image_extent){.kind = IMAGE_PLAIN};
	if (pos < i->linear_bytes) {
		e->length = i->linear_bytes;
		e->offset = i->linear_start;
		return 0;
	}
	if (i->erofs.layout == EROFS_CHUNKS)
		return map_chunk(image, i, pos, e);
	if (i->erofs.layout != EROFS_FLAT_INLINE)
		return erofs_map_packed(image, i, pos, e);
	/* The last part of a block, behind the inode; both within one block. */
	u64 block = 1ull << image->erofs.block_bits;
	e->start = i->linear_bytes;
	e->length = i->size - i->linear_bytes;
	e->offset = i->at;
	return i->at % block + e->length > block ? -EUCLEAN : 0;
}

/* Reads contents of directories and links, which are never compressed. */
static int read_data(struct image *image, const struct image_inode *inode, u64 pos, u8 *to, u64 n)
{
	struct image_inode i = *inode;
	while (n) {
		struct image_extent e;
		int r = pos < i.size && n <= i.size - pos ? erofs_map(image, &i, pos, &e) : -EUCLEAN;
		if (!r && e.kind != IMAGE_PLAIN)
			r = -EUCLEAN;
		if (r)
			return r;
		u64 here = MIN(n, e.length - (pos - e.start));
		r = image_read(image, e.offset + (pos - e.start), to, here);
		if (r)
			return r;
		to += here;
		pos += here;
		n -= here;
	}
	return 0;
}

static int target(struct image *image, const struct image_inode *i, char *to)
{
	return read_data(image, i, 0, (u8 *)to, i->size);
}

/* ---- directories ---- */

/* One block of a directory: entries {nid[8] name offset[2] type[1] 0}, then their names. The first name's offset tells
 * how many entries there are; a name ends where the next begins, the last at a NUL or the block's end. */
struct dir_block {
	u64 pos; /* in the directory */
	u32 bytes, count;
	u8 *data;
};

static int read_block(struct image *image, const struct image_inode *dir, u64 number, struct dir_block *b)
{
	u32 bits = image->erofs.block_bits;
	b->pos = number << bits;
	b->bytes = (u32)MIN(1ull << bits, dir->size - b->pos);
	int r = read_data(image, dir, b->pos, b->data, b->bytes);
	if (r)
		return r;
	u32 first = b->bytes < DIRENT_BYTES ? 0 : image_le16(b->data + 8);
	b->count = first / DIRENT_BYTES;
	return !first || first % DIRENT_BYTES || first > b->bytes ? -EUCLEAN : 0;
}

static int entry_name(const struct dir_block *b, u32 n, const char **name, size_t *len)
{
	u32 from = image_le16(b->data + n * DIRENT_BYTES + 8);
	u32 to = n + 1 < b->count ? image_le16(b->data + (n + 1) * DIRENT_BYTES + 8) : b->bytes;
	if (from < b->count * DIRENT_BYTES || from >= to || to > b->bytes)
		return -EUCLEAN;
	*name = (const char *)b->data + from;
	*len = n + 1 < b->count ? to - from : strnlen(*name, to - from);
	return *len && *len <= NAME_LIMIT ? 0 : -EUCLEAN;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int r = memcmp(a, b, MIN(a_len, b_len));
	return r ? r : (a_len > b_len) - (a_len < b_len);
}

static u64 blocks_of(const struct image *image, const struct image_inode *dir)
{
	u64 block = 1ull << image->erofs.block_bits;
	return (dir->size + block - 1) / block;
}

static int find_in(const struct dir_block *b, const char *name, size_t len, u64 *nid)
{
	for (u32 n = 0; n < b->count; n++) {
		const char *text;
		size_t text_len;
		int r = entry_name(b, n, &text, &text_len);
		if (r)
			return r;
		if (text_len == len && !memcmp(text, name, len)) {
			*nid = image_le64(b->data + n * DIRENT_BYTES);
			return 0;
		}
	}
	return -ENOENT;
}

/* Names are sorted over the whole directory: the last block that does not begin behind the name has it. */
static int lookup_with(struct image *image, const struct image_inode *dir, const char *name, size_t len, u64 *nid,
		       struct dir_block *b)
{
	u64 low = 0, high = blocks_of(image, dir);
	while (low < high) {
		u64 middle = low + (high - low) / 2;
		const char *first;
		size_t first_len;
		int r = read_block(image, dir, middle, b);
		if (!r)
			r = entry_name(b, 0, &first, &first_len);
		if (r)
			return r;
		if (high - low == 1)
			return find_in(b, name, len, nid);
		if (compare(name, len, first, first_len) < 0)
			high = middle;
		else
			low = middle;
	}
	return -ENOENT;
}

static int lookup(struct image *image, const struct image_inode *dir, const char *name, size_t len, u64 *nid)
{
	struct dir_block b = {.data = kmalloc(1ul << image->erofs.block_bits)};
	int r = b.data ? lookup_with(image, dir, name, len, nid, &b) : -ENOMEM;
	kfree(b.data);
	return r;
}

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* False: no more of them now. *pos: the place of the entry that comes next, block's place + entry's place in it. */
static int list_block(const struct dir_block *b, u64 *pos, void *arg, emit_fn emit, bool *more)
{
	/* Types as in a directory entry of Linux, from what EROFS counts: file, directory, character, block, FIFO,
	 * socket, link. */
	static const u8 types[] = {0, 8, 4, 2, 6, 1, 12, 10};
	for (u32 n = (u32)(*pos - b->pos) / DIRENT_BYTES; n < b->count; n++) {
		const u8 *entry = b->data + n * DIRENT_BYTES;
		const char *name;
		size_t len;
		int r = entry_name(b, n, &name, &len);
		if (r)
			return r;
		u64 next = n + 1 < b->count ? b->pos + (n + 1) * DIRENT_BYTES : b->pos + b->bytes;
		unsigned type = entry[10] < sizeof(types) ? types[entry[10]] : 0;
		*more = is_dots(name, len) || emit(arg, name, len, image_le64(entry), type, next);
		if (!*more)
			return 0;
		*pos = next;
	}
	return 0;
}

static int readdir(struct image *image, struct image_inode *dir, u64 *pos, void *arg, emit_fn emit)
{
	struct dir_block b = {.data = kmalloc(1ul << image->erofs.block_bits)};
	int r = b.data ? 0 : -ENOMEM;
	bool more = true;
	while (!r && more && *pos < dir->size) {
		u64 before = *pos;
		r = read_block(image, dir, *pos >> image->erofs.block_bits, &b);
		if (!r)
			r = list_block(&b, pos, arg, emit, &more);
		if (!r && more && *pos == before)
			*pos = b.pos + b.bytes; /* a position that no entry has */
	}
	kfree(b.data);
	return r;
}

const struct image_format erofs_format = {
    .open = open_super,
    .inode = read_inode,
    .lookup = lookup,
    .readdir = readdir,
    .target = target,
    .xattrs = erofs_xattrs,
    .map = erofs_map,
};
