/* SPDX-License-Identifier: Apache-2.0
 *
 * squashfs: directories. A listing is a sequence of headers, each with up to 256 entries whose inodes lie in one
 * metadata block; names are sorted. Large directories have an index of some headers by their first names.
 */
#include "guestkernel/fs/squashfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

#define HEADER_BYTES  12u
#define ENTRY_BYTES   8u
#define INDEX_BYTES   12u
#define ENTRIES_MOST  256u
#define LISTING_EXTRA 3u /* of the size: for `.` and `..`, which are not in the listing */

/* A way through a listing. */
struct listing {
	struct squashfs_cursor at;
	u64 pos, end; /* bytes from the listing's beginning */
	u32 left;     /* entries behind the header */
	u64 block;    /* of their inodes */
	u32 ino;
	char name[NAME_LIMIT + 1];
	/* of the last entry */
	u32 len, type, entry_ino;
	u64 ref;
};

static int begin(struct image *image, const struct image_inode *dir, struct listing *l)
{
	u64 table = image->squashfs.dir_table, length = image->squashfs.dir_end - table;
	*l = (struct listing){.end = dir->size > LISTING_EXTRA ? dir->size - LISTING_EXTRA : 0};
	l->at = (struct squashfs_cursor){table + dir->squashfs.start, image->squashfs.dir_end, dir->squashfs.offset};
	return l->end && dir->squashfs.start >= length ? -EUCLEAN : 0;
}

static int take(struct image *image, struct listing *l, void *to, u32 n)
{
	if (n > l->end - l->pos)
		return -EUCLEAN;
	l->pos += n;
	return squashfs_take(image, &l->at, to, n);
}

static int take_header(struct image *image, struct listing *l)
{
	u8 raw[HEADER_BYTES];
	int r = take(image, l, raw, sizeof(raw));
	if (r)
		return r;
	l->left = image_le32(raw) + 1;
	l->block = image_le32(raw + 4);
	l->ino = image_le32(raw + 8);
	return !l->left || l->left > ENTRIES_MOST ? -EUCLEAN : 0;
}

/* The next entry; -ENOENT: there are no more. */
static int next(struct image *image, struct listing *l)
{
	u8 raw[ENTRY_BYTES];
	int r = 0;
	if (l->pos >= l->end)
		return l->left ? -EUCLEAN : -ENOENT;
	if (!l->left)
		r = take_header(image, l);
	if (!r)
		r = take(image, l, raw, sizeof(raw));
	if (r)
		return r;
	l->left--;
	l->len = image_le16(raw + 6) + 1u;
	l->type = image_le16(raw + 4);
	l->entry_ino = l->ino + (u32)(s32)(s16)image_le16(raw + 2);
	l->ref = l->block << 16 | image_le16(raw);
	return l->len > NAME_LIMIT ? -EUCLEAN : take(image, l, l->name, l->len);
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int r = memcmp(a, b, MIN(a_len, b_len));
	return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* Goes to the last header of the index that does not begin behind the name. */
static int skip_ahead(struct image *image, const struct image_inode *dir, const char *name, size_t len,
		      struct listing *l)
{
	struct squashfs_cursor at = {dir->squashfs.list, image->squashfs.inode_end, dir->squashfs.list_offset};
	u64 table = image->squashfs.dir_table;
	for (u32 n = 0; n < dir->squashfs.indexes; n++) {
		u8 raw[INDEX_BYTES];
		char first[NAME_LIMIT + 1];
		int r = squashfs_take(image, &at, raw, sizeof(raw));
		u64 pos = image_le32(raw), start = image_le32(raw + 4);
		u32 first_len = image_le32(raw + 8) + 1;
		if (!r &&
		    (!first_len || first_len > NAME_LIMIT || pos >= l->end || start >= image->squashfs.dir_end - table))
			r = -EUCLEAN;
		if (!r)
			r = squashfs_take(image, &at, first, first_len);
		if (r)
			return r;
		if (compare(first, first_len, name, len) > 0)
			return 0;
		l->pos = pos;
		l->at.block = table + start;
		l->at.offset = (u32)((dir->squashfs.offset + pos) % SQUASHFS_META);
	}
	return 0;
}

int squashfs_lookup(struct image *image, const struct image_inode *dir, const char *name, size_t len, u64 *ref)
{
	struct listing l;
	int r = begin(image, dir, &l);
	if (!r)
		r = skip_ahead(image, dir, name, len, &l);
	while (!r && !(r = next(image, &l))) {
		int order = compare(l.name, l.len, name, len);
		if (order > 0)
			return -ENOENT;
		if (!order) {
			*ref = l.ref;
			return 0;
		}
	}
	return r;
}

/* Goes to where the last reader stopped, if that is not behind `pos`; which entry is there. */
static u64 resume(const struct image_inode *dir, u64 pos, struct listing *l)
{
	if (!dir->squashfs.resume_entry || dir->squashfs.resume_entry > pos)
		return 0;
	l->at.block = dir->squashfs.resume_block;
	l->at.offset = dir->squashfs.resume_offset;
	l->pos = dir->squashfs.resume_pos;
	l->left = dir->squashfs.resume_left;
	l->block = dir->squashfs.resume_inodes;
	l->ino = dir->squashfs.resume_ino;
	return dir->squashfs.resume_entry;
}

static void remember(struct image_inode *dir, u64 entry, const struct listing *l)
{
	dir->squashfs.resume_entry = entry;
	dir->squashfs.resume_block = l->at.block;
	dir->squashfs.resume_offset = l->at.offset;
	dir->squashfs.resume_pos = l->pos;
	dir->squashfs.resume_left = l->left;
	dir->squashfs.resume_inodes = l->block;
	dir->squashfs.resume_ino = l->ino;
}

/* Positions count entries. */
int squashfs_readdir(struct image *image, struct image_inode *dir, u64 *pos, void *arg, emit_fn emit)
{
	/* Types as in a directory entry of Linux, from those of inodes. */
	static const u8 types[] = {0, 4, 8, 10, 6, 2, 1, 12};
	struct listing l, before;
	int r = begin(image, dir, &l);
	u64 n = r ? 0 : resume(dir, *pos, &l);
	for (before = l; !r && !(r = next(image, &l)); n++, before = l) {
		if (n < *pos)
			continue;
		unsigned type = l.type < sizeof(types) ? types[l.type] : 0;
		if (!emit(arg, l.name, l.len, l.entry_ino, type, n + 1)) {
			remember(dir, n, &before);
			return 0;
		}
		*pos = n + 1;
	}
	return r == -ENOENT ? 0 : r;
}
