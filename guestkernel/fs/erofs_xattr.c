/* SPDX-License-Identifier: Apache-2.0
 *
 * EROFS: extended attributes. Behind the inode: a header, the numbers of those that it shares with other inodes (their
 * place in an area of the image, in units of 4 bytes), then its own. An entry has the lengths of name and value, a
 * number that stands for the beginning of the name, the rest of the name, the value.
 */
#include "guestkernel/fs/erofs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"

#define SHARED_COUNT 4u /* in the header: a byte */
#define ENTRY_BYTES  4u
#define UNIT	     4u

/* The entry at *at, which ends at `end` at the latest; *at: the next one. */
static int add_entry(struct image *image, u64 *at, u64 end, struct image_xattrs *to)
{
	static const u8 spaces[] = {[1] = IMAGE_XATTR_USER, [4] = IMAGE_XATTR_TRUSTED, [6] = IMAGE_XATTR_SECURITY};
	u8 raw[ENTRY_BYTES], *value;
	char name[NAME_LIMIT];
	int r = end - *at < sizeof(raw) ? -EUCLEAN : image_read(image, *at, raw, sizeof(raw));
	if (r)
		return r;
	u32 name_len = raw[0], size = image_le16(raw + 2), bytes = ENTRY_BYTES + name_len + size;
	if (name_len > sizeof(name) || bytes > end - *at)
		return -EUCLEAN;
	r = image_read(image, *at + ENTRY_BYTES, name, name_len);
	if (!r)
		r = image_xattr_add(to, raw[1] < sizeof(spaces) ? spaces[raw[1]] : IMAGE_XATTR_OTHER, name, name_len,
				    size, &value);
	if (!r && value)
		r = image_read(image, *at + ENTRY_BYTES + name_len, value, size);
	*at += MIN((bytes + UNIT - 1) / UNIT * UNIT, end - *at);
	return r;
}

static int add_shared(struct image *image, u64 at, u32 count, struct image_xattrs *to)
{
	int r = 0;
	for (u32 n = 0; !r && n < count; n++) {
		u8 raw[UNIT];
		r = image_read(image, at + n * UNIT, raw, sizeof(raw));
		u64 place = ((u64)image->erofs.xattr_block << image->erofs.block_bits) + (u64)image_le32(raw) * UNIT;
		if (!r && place >= image->bytes)
			r = -EUCLEAN;
		if (!r)
			r = add_entry(image, &place, image->bytes, to);
	}
	return r;
}

int erofs_xattrs(struct image *image, const struct image_inode *i, struct image_xattrs *to)
{
	u8 header[EROFS_XATTR_HEADER];
	u64 at = i->xattrs, end = at + i->erofs.xattr_bytes;
	int r = image_read(image, at, header, sizeof(header));
	u32 count = header[SHARED_COUNT];
	if (r)
		return r;
	at += sizeof(header);
	if (count > (end - at) / UNIT)
		return -EUCLEAN;
	r = add_shared(image, at, count, to);
	at += count * UNIT;
	while (!r && at < end)
		r = add_entry(image, &at, end, to);
	return r;
}
