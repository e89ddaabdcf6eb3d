/* SPDX-License-Identifier: Apache-2.0
 *
 * What --rootfs names: told by its type and first bytes, not by its name.
 */
#ifndef RUNNER_ROOTFS_H
#define RUNNER_ROOTFS_H

#include <stddef.h>
#include <stdint.h>

#include "runner/error.h"

enum rootfs_kind {
	ROOTFS_DIRECTORY,
	ROOTFS_TAR,   /* plain or compressed */
	ROOTFS_IMAGE, /* an EROFS or squashfs image */
};

enum rootfs_compression { ROOTFS_PLAIN, ROOTFS_GZIP, ROOTFS_XZ, ROOTFS_ZSTD };

/* Looks at the path. Returns NULL and *kind, or what is wrong with it, as the rest of a sentence. */
const char *rootfs_detect(const char *path, enum rootfs_kind *kind);

/* By the first bytes of a file. */
enum rootfs_compression rootfs_compression(const uint8_t *head, size_t length);

/* Decompresses the archive into memory: *memory is a descriptor, or -1 when the archive is a plain one. At most `limit`
 * bytes are unpacked. Errors: STATUS_RUNNER, naming the file. */
int rootfs_decompress(const char *path, uint64_t limit, int *memory, struct error *error);

#endif
