/* SPDX-License-Identifier: Apache-2.0
 *
 * File systems in a file (EROFS, squashfs), read-only. A format (struct image_format) says what stands where; the image
 * file system (image_fs.c, image_file.c) makes inodes and pages of it. Formats are given whole structures of the image
 * by image_read() and image_block_get() alone, so they never leave it, and all that they take from it is hostile.
 *
 * Data that stands uncompressed and page-aligned in the image is not copied: the pages of the image's own file are the
 * file's. Compressed data is unpacked by the server of that file (Tunpack, docs/files.md).
 */
#ifndef GUESTKERNEL_FS_IMAGE_H
#define GUESTKERNEL_FS_IMAGE_H

#include "abi/unpack.h"
#include "guestkernel/fs/radix.h"
#include "guestkernel/fs/vfs.h"

struct image_inode {
	u64 ref; /* what the format finds it by */
	u64 ino, size, rdev;
	u32 mode, uid, gid, nlink;
	struct k_timespec mtime;
	/* Regular files: the first linear_bytes stand in the image as they are from linear_start on. */
	u64 linear_start, linear_bytes;
	u64 xattrs;	/* 0: none. EROFS: where they begin; squashfs: their number + 1 */
	u64 at;		/* where what follows the inode begins: inline data, indexes, the list of blocks */
	u32 fill_bytes; /* data that is not linear is best unpacked in pieces of this size; a power of 2 */
	union {
		struct {
			u64 start; /* of the blocks */
			u32 xattr_bytes;
			u32 layout, chunk_bits, cluster_bits;
			u8 algorithms; /* of the first kind of head, and of the second << 4 */
			bool chunk_indexes, compact_2b, big_cluster, big_second, interlaced;
			/* The last extent of a compressed file, when it is somewhere else. */
			enum { EROFS_TAIL_NONE, EROFS_TAIL_INLINE, EROFS_TAIL_FRAGMENT } tail;
			u32 tail_head;	/* inline: how it is compressed, enum cluster */
			u32 tail_bytes; /* inline: of what is compressed */
			u64 tail_start; /* where it begins in the file */
			u64 tail_at;	/* and in the image, or in the packed file */
		} erofs;
		struct {
			u64 start;  /* of the blocks; directories: of the listing's metadata block */
			u32 offset; /* in it */
			u32 fragment, fragment_offset, indexes;
			/* What follows the inode: the metadata block, and the place in it. */
			u64 list;
			u32 list_offset, cursor_offset;
			/* Where the last look at the block sizes got to: block, where it begins, its entry. */
			u64 cursor_block, cursor_start, cursor_list;
			/* Directories: the place in the listing of entry resume_entry, the next of whoever read last.
			 */
			u64 resume_entry, resume_block, resume_pos, resume_inodes;
			u32 resume_offset, resume_left, resume_ino;
		} squashfs;
	};
};

/* What a part of a file is. */
struct image_extent {
	enum {
		IMAGE_HOLE,
		IMAGE_PLAIN,
		IMAGE_PACKED,
		IMAGE_SHARED
	} kind;		   /* SHARED: PACKED together with other files */
	u64 start, length; /* bytes of the file */
	u64 offset;	   /* in the image */
	u32 packed;	   /* bytes there */
	u32 algorithm;	   /* enum unpack_algorithm */
	u32 skip;	   /* bytes of what comes out that are before this part */
	u32 whole;	   /* SHARED: bytes that may come out */
};

struct image {
	u64 bytes; /* of the image's file, whatever it says itself */
	const struct image_format *format;
	u64 root;	  /* reference */
	u64 inodes;	  /* for statfs */
	char refused[80]; /* what it needs and is not there, after -EOPNOTSUPP */
	union {
		struct {
			u32 block_bits, meta_block, xattr_block, lz4;
			struct k_timespec built;
			struct image_inode packed; /* the file that has fragments of others; size 0: there is none */
		} erofs;
		struct {
			u32 block_bytes, block_bits, algorithm, fragments, ids;
			u64 id_table, inode_table, dir_table, fragment_table, xattr_table, end;
			u64 inode_end, dir_end; /* of the tables */
		} squashfs;
	};
	struct image_store *store; /* image_read.c's */
};

struct image_xattrs;
struct image_format {
	/* Looks at the superblock. -EINVAL: it is none; -EUCLEAN: damaged; -EOPNOTSUPP: see image->refused; -EIO,
	 * -EINTR, -ENOMEM from reading, as in all that follow */
	int (*open)(struct image *image);
	/* -EUCLEAN */
	int (*inode)(struct image *image, u64 ref, struct image_inode *out);
	/* -ENOENT, -EUCLEAN */
	int (*lookup)(struct image *image, const struct image_inode *dir, const char *name, size_t len, u64 *ref);
	/* Entries from *pos (0: the first) on, without `.` and `..`, until emit refuses one. */
	int (*readdir)(struct image *image, struct image_inode *dir, u64 *pos, void *arg, emit_fn emit);
	/* The target of a symbolic link, inode->size bytes (1 to PATH_LIMIT - 1). */
	int (*target)(struct image *image, const struct image_inode *inode, char *target);
	/* Those of the inode, by image_xattr_add(). NULL: there are none */
	int (*xattrs)(struct image *image, const struct image_inode *inode, struct image_xattrs *to);
	/* What the file is at pos < inode->size; the extent holds pos. */
	int (*map)(struct image *image, struct image_inode *inode, u64 pos, struct image_extent *out);
};
extern const struct image_format erofs_format, squashfs_format;

/* ---- image_read.c ---- */

/* Bytes of the image. -EUCLEAN: not all of them are within it; -EIO, -EINTR, -ENOMEM. May sleep. */
int image_read(struct image *image, u64 offset, void *to, size_t n);

/* A block of the image as it comes out, kept for a while. */
struct image_block {
	u32 refs;
	u32 bytes;
	u64 offset;
	struct list link; /* the one used longest ago first */
	u8 *data;
	u32 packed; /* bytes in the image */
	u32 most;   /* bytes that it was asked for */
};
#define IMAGE_BLOCK_MOST (1u << 20) /* bytes of one */
/* The one at offset if it is kept, with a reference; NULL */
struct image_block *image_block_find(struct image *image, u64 offset);
/* The block of `packed` bytes at offset, of which at most `most` (<= IMAGE_BLOCK_MOST) come out; with a reference.
 * -EUCLEAN, -EIO, -EINTR, -ENOMEM. May sleep. */
int image_block_get(struct image *image, u64 offset, u32 packed, u32 algorithm, u32 most, struct image_block **out);
void image_block_put(struct image *image, struct image_block *block);
/* Sets image->refused; -EOPNOTSUPP. */
int image_refuse(struct image *image, const char *what);
/* Takes over a reference to the file. NULL: memory */
struct image_store *image_store_create(struct file *file);
void image_store_destroy(struct image_store *store);
struct file *image_file(const struct image *image);
/* Frees kept blocks of all images, about so many pages; returns how many. */
u64 image_blocks_reclaim(u64 pages);

/* ---- image_xattr.c: extended attributes ---- */

/* Namespaces by what both formats mean: ACLs (system.*) and others are not shown. */
enum image_namespace { IMAGE_XATTR_OTHER, IMAGE_XATTR_USER, IMAGE_XATTR_TRUSTED, IMAGE_XATTR_SECURITY };
/* Adds one; *value: where its `size` bytes are to be put, NULL: it is not shown. name_len <= NAME_LIMIT. -EUCLEAN: its
 * name is none, -E2BIG: more than an inode may have here, -ENOMEM */
int image_xattr_add(struct image_xattrs *to, enum image_namespace space, const char *name, size_t name_len, size_t size,
		    u8 **value);
/* inode_ops.xattrs */
int image_xattrs(struct inode *inode, bool change, struct list *temporary, struct list **out);

/* ---- numbers of the image, which are little-endian and stand anywhere ---- */

static inline u16 image_le16(const void *p)
{
	u16 v;
	__builtin_memcpy(&v, p, 2);
	return v;
}
static inline u32 image_le32(const void *p)
{
	u32 v;
	__builtin_memcpy(&v, p, 4);
	return v;
}
static inline u64 image_le64(const void *p)
{
	u64 v;
	__builtin_memcpy(&v, p, 8);
	return v;
}

/* ---- image_fs.c: inodes and instances ---- */

struct image_node { /* inode->data */
	struct image_inode i;
	struct inode *inode;
	struct image_node *hash_next;
	/* image_file.c */
	struct radix pages;
	struct list lru; /* of inodes with pages */
	u64 next;	 /* the page that would go on with what was last unpacked */
	u32 ahead;	 /* pages unpacked then */
};

static inline struct image_node *image_node(const struct inode *inode)
{
	return inode->data;
}
static inline struct image *image_of(const struct inode *inode)
{
	return inode->sb->data;
}

/* mount(2) of the file `source`, which lies on a tmpfs or a 9P share. -ENOTBLK: it is no such file; -EINVAL, -EUCLEAN,
 * -EOPNOTSUPP, -EIO, -EINTR, -ENOMEM; image_mount_error says more. */
int image_create(const struct image_format *format, const char *source, const char *options, struct superblock **out);
extern char image_mount_error[80]; /* of the last mount that failed so, or "" */

/* The file, which may have an image in it, has lost pages: mappings of the image's files fault again. Must not sleep.
 */
void image_lower_lost(const struct inode *lower);

/* ---- image_file.c: contents ---- */

extern const struct file_ops image_file_ops;
int image_get_page(struct inode *inode, u64 index, bool create, struct page **out);
void image_drop_pages(struct inode *inode);
/* Frees about so many pages that nobody maps, and kept blocks; returns how many. Never sleeps. */
u64 image_reclaim(u64 pages);

#endif
