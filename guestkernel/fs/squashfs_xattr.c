/* SPDX-License-Identifier: Apache-2.0
 *
 * squashfs: extended attributes. A header names the table of their metadata, and lists the blocks of another one with
 * an entry for each set of attributes that some inode has: where in the former the set begins, and how many there are.
 * A value may stand elsewhere, to be shared; then a reference to it is in its place.
 */
#include "guestkernel/fs/squashfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"

#define HEADER_BYTES 16u
#define SET_BYTES    16u
#define ELSEWHERE    0x100u /* in the type */

static int cursor_at(struct image *image, u64 table, u64 ref, struct squashfs_cursor *at)
{
	*at = (struct squashfs_cursor){table + (ref >> 16), image->squashfs.end, ref & 0xffff};
	return ref >> 48 || at->offset >= SQUASHFS_META || at->block >= at->end ? -EUCLEAN : 0;
}

static int take_name(struct image *image, struct squashfs_cursor *at, u32 *type, char *name, u32 *name_len)
{
	u8 raw[4];
	int r = squashfs_take(image, at, raw, sizeof(raw));
	*type = image_le16(raw);
	*name_len = image_le16(raw + 2);
	if (r)
		return r;
	return *name_len > NAME_LIMIT ? -EUCLEAN : squashfs_take(image, at, name, *name_len);
}

/* Goes to the value, wherever it is: behind its size. */
static int find_value(struct image *image, struct squashfs_cursor *at, u32 type, u64 table,
		      struct squashfs_cursor *value, u32 *size)
{
	u8 raw[8];
	int r = squashfs_take(image, at, raw, 4);
	*value = *at;
	if (!r && type & ELSEWHERE) {
		r = image_le32(raw) == sizeof(raw) ? squashfs_take(image, at, raw, sizeof(raw)) : -EUCLEAN;
		if (!r)
			r = cursor_at(image, table, image_le64(raw), value);
		if (!r)
			r = squashfs_take(image, value, raw, 4);
	}
	*size = image_le32(raw);
	return r;
}

static int skip(struct image *image, struct squashfs_cursor *at, u32 bytes)
{
	u8 part[256];
	int r = 0;
	for (; !r && bytes; bytes -= MIN(bytes, (u32)sizeof(part)))
		r = squashfs_take(image, at, part, MIN(bytes, (u32)sizeof(part)));
	return r;
}

static int add_entry(struct image *image, struct squashfs_cursor *at, u64 table, struct image_xattrs *to)
{
	static const u8 spaces[] = {IMAGE_XATTR_USER, IMAGE_XATTR_TRUSTED, IMAGE_XATTR_SECURITY};
	struct squashfs_cursor value_at;
	char name[NAME_LIMIT];
	u32 type, name_len, size;
	u8 *value = NULL;
	int r = take_name(image, at, &type, name, &name_len);
	if (!r)
		r = find_value(image, at, type, table, &value_at, &size);
	if (r)
		return r;
	u32 space = type & ~ELSEWHERE;
	r = image_xattr_add(to, space < sizeof(spaces) ? spaces[space] : IMAGE_XATTR_OTHER, name, name_len, size,
			    &value);
	if (!r && value)
		r = squashfs_take(image, &value_at, value, size);
	else if (!r)
		r = skip(image, &value_at, size);
	if (!(type & ELSEWHERE))
		*at = value_at;
	return r;
}

int squashfs_xattrs(struct image *image, const struct image_inode *i, struct image_xattrs *to)
{
	u8 header[HEADER_BYTES], set[SET_BYTES];
	struct squashfs_cursor at;
	u64 number = i->xattrs - 1, list = image->squashfs.xattr_table;
	int r = image_read(image, list, header, sizeof(header));
	if (!r && number >= image_le32(header + 8))
		r = -EUCLEAN;
	if (!r)
		r = squashfs_table_entry(image, list + sizeof(header), number, set, sizeof(set));
	if (!r)
		r = cursor_at(image, image_le64(header), image_le64(set), &at);
	for (u32 n = r ? 0 : image_le32(set + 8); !r && n; n--)
		r = add_entry(image, &at, image_le64(header), to);
	return r;
}
