/* SPDX-License-Identifier: Apache-2.0
 *
 * Mounts an image from memory on the kernel of fs_stub.h: its file is one of the tmpfs root, with the real decompressor
 * where the server would be.
 */
#ifndef TESTS_IMAGE_MOUNT_H
#define TESTS_IMAGE_MOUNT_H

#include <stddef.h>
#include "guestkernel/types.h"

/* Puts the image into `img` of the working directory and mounts it on `m`, both are made; what mount(2) says. */
long image_mount(const char *type, const u8 *data, size_t size);
/* From now on bytes of it change between two looks at it, which ones depends on the seed; 0: no more. What is
 * compressed stays. */
void image_changes(u32 seed);
/* Unmounts and removes both. */
void image_unmount(void);

/* Looks at what is below `m`: names, attributes, targets, contents, bounded. Sums up what it saw. */
struct image_walk {
	unsigned entries, files, errors;
	u64 bytes;
	u32 sum; /* of contents */
	u32 xattrs, xattr_sum;
};
void image_walk(const char *path, unsigned depth, struct image_walk *walk);

/* For fuzz targets: starts the kernel once, mounts the image if it can be, looks at all, unmounts. */
void image_try(const char *type, const u8 *data, size_t size);

#endif
