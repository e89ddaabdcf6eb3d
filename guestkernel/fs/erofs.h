/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of EROFS share.
 */
#ifndef GUESTKERNEL_FS_EROFS_H
#define GUESTKERNEL_FS_EROFS_H

#include "guestkernel/fs/image.h"
#include "guestkernel/mm/page.h"

enum erofs_layout { /* of an inode's data */
		    EROFS_FLAT_PLAIN = 0,
		    EROFS_COMPRESSED_FULL = 1, /* an index of 8 bytes for each cluster */
		    EROFS_FLAT_INLINE = 2,
		    EROFS_COMPRESSED = 3, /* indexes of 2 or 4 bytes */
		    EROFS_CHUNKS = 4,
};

/* erofs_index.c: of a compressed file, cut into logical clusters of one size. */

enum erofs_cluster { CLUSTER_PLAIN = 0, CLUSTER_HEAD = 1, CLUSTER_NEXT = 2, CLUSTER_HEAD2 = 3 };

struct erofs_entry {
	enum erofs_cluster type;
	u32 offset;   /* heads: where in the lcluster the extent begins */
	u32 distance; /* others: lclusters back to the head */
	u32 blocks;   /* others: blocks of the pcluster; 0: not told here */
	u64 block;    /* heads: of the pcluster */
};

u64 erofs_clusters(const struct image_inode *i);
/* The entry of cluster n. -EUCLEAN */
int erofs_entry_get(struct image *image, const struct image_inode *i, u64 n, struct erofs_entry *e);
/* Where the index ends in the image; the file is not empty. */
u64 erofs_index_end(const struct image_inode *i);

/* erofs_map.c: compressed files. */

/* Reads the head of the map; i->at is behind the inode before and at the indexes after. -EUCLEAN, -EOPNOTSUPP */
int erofs_map_open(struct image *image, struct image_inode *i);
/* What a compressed file is at pos. */
int erofs_map_packed(struct image *image, const struct image_inode *i, u64 pos, struct image_extent *e);

/* erofs_xattr.c */
#define EROFS_XATTR_HEADER 12u
int erofs_xattrs(struct image *image, const struct image_inode *i, struct image_xattrs *to);

/* erofs.c: what any file is at pos. */
int erofs_map(struct image *image, struct image_inode *i, u64 pos, struct image_extent *e);

#endif
