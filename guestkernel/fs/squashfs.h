/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of squashfs share. Metadata is a sequence of blocks that hold 8 KiB each once unpacked; a place in it
 * is a reference: the block's offset in its table shifted by 16, and the byte in what comes out.
 */
#ifndef GUESTKERNEL_FS_SQUASHFS_H
#define GUESTKERNEL_FS_SQUASHFS_H

#include "guestkernel/fs/image.h"

#define SQUASHFS_META	     8192u
#define SQUASHFS_NO_FRAGMENT 0xffffffffu
#define SQUASHFS_STORED	     (1u << 24) /* in the size of a data block: it is not compressed */

/* A place in a table of metadata. Copying one remembers it. */
struct squashfs_cursor {
	u64 block;  /* where the metadata block begins in the image */
	u64 end;    /* of the table */
	u32 offset; /* in the block as it comes out */
};

/* The next n bytes; moves on. -EUCLEAN: the table ends before, or is damaged; what image_block_get() says */
int squashfs_take(struct image *image, struct squashfs_cursor *at, void *to, size_t n);

/* The n-th entry of `size` bytes in a table whose metadata blocks are listed at `list`, 8 bytes each. */
int squashfs_table_entry(struct image *image, u64 list, u64 n, void *to, u32 size);

/* squashfs_dir.c */
int squashfs_lookup(struct image *image, const struct image_inode *dir, const char *name, size_t len, u64 *ref);
int squashfs_readdir(struct image *image, struct image_inode *dir, u64 *pos, void *arg, emit_fn emit);

/* squashfs_map.c */
int squashfs_map(struct image *image, struct image_inode *i, u64 pos, struct image_extent *e);

/* squashfs_xattr.c */
int squashfs_xattrs(struct image *image, const struct image_inode *i, struct image_xattrs *to);

#endif
