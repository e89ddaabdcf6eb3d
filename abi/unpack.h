/* SPDX-License-Identifier: Apache-2.0
 *
 * Tunpack, our addition to 9P2000.L (docs/files.md): the guest's kernel has a block of an image decompressed by the files
 * server. What is compressed how, and its bounds.
 */
#ifndef ABI_UNPACK_H
#define ABI_UNPACK_H

enum unpack_algorithm {
	UNPACK_STORED = 0, /* not compressed: never asked of the server */
	UNPACK_ZLIB = 1,
	UNPACK_XZ = 2, /* a whole .xz stream */
	UNPACK_LZ4 = 3, /* one block without a frame */
	UNPACK_ZSTD = 4, /* whole frames */
	UNPACK_LZMA_ALONE = 6, /* a whole .lzma stream */
	/* Behind zero bytes, as EROFS has them: */
	UNPACK_LZ4_PADDED = 5,
	UNPACK_MICROLZMA = 7, /* what liblzma calls so */
	UNPACK_DEFLATE = 8, /* without zlib's header */
	UNPACK_ZSTD_PADDED = 9,
};

#define UNPACK_PACKED_MAX (1u << 20) /* bytes of a compressed block: squashfs's largest block, EROFS's largest cluster */
#define UNPACK_PLAIN_MAX (16u << 20) /* bytes from the beginning of what comes out that can be had */

#endif
