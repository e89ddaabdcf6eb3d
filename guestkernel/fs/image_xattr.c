/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns what is common to extended attributes of images: names, and how many an inode may have. They are read anew for
 * each question and not kept: few ask, and a hostile image could have more than there is memory. Capabilities of files
 * (security.capability) are shown, and mean nothing here.
 */
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

#define BYTES_LIMIT (128u << 10) /* of an inode's names and values: as much as Linux makes of one of each */

struct image_xattrs {
	struct list *list;
	size_t bytes;
};

int image_xattr_add(struct image_xattrs *to, enum image_namespace space, const char *name, size_t name_len, size_t size,
		    u8 **value)
{
	static const char *const prefixes[] = {NULL, "user.", "trusted.", "security."};
	char full[NAME_LIMIT + sizeof("security.")];
	struct xattr *x;
	*value = NULL;
	to->bytes += sizeof(*x) + name_len + size;
	if (to->bytes > BYTES_LIMIT)
		return -E2BIG;
	if (space == IMAGE_XATTR_OTHER)
		return 0;
	size_t prefix_len = strlen(prefixes[space]);
	if (!name_len || prefix_len + name_len > NAME_LIMIT || memchr(name, 0, name_len))
		return -EUCLEAN;
	memcpy(full, prefixes[space], prefix_len);
	memcpy(full + prefix_len, name, name_len);
	full[prefix_len + name_len] = 0;
	int r = xattr_append(to->list, full, size, &x);
	if (!r)
		*value = x->value;
	return r;
}

int image_xattrs(struct inode *inode, bool change, struct list *temporary, struct list **out)
{
	struct image *image = image_of(inode);
	struct image_xattrs to = {.list = temporary};
	*out = temporary;
	if (change)
		return -EROFS;
	return image_node(inode)->i.xattrs ? image->format->xattrs(image, &image_node(inode)->i, &to) : 0;
}
