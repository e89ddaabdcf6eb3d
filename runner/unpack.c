/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/unpack.h"

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_initStaticDCtx */
#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <zlib.h>
#include <zstd.h>

#define DICTIONARY_BYTES (8u << 20)			 /* EROFS's most; squashfs's is 1 MiB */
#define ARENA_BYTES	 (DICTIONARY_BYTES + (1u << 20)) /* and the decoder's state */

static _Alignas(64) uint8_t arena[ARENA_BYTES];
static size_t arena_used;

static void *allocate(void *unused, size_t count, size_t size)
{
	if (size && count > ARENA_BYTES / size)
		return NULL;
	size_t bytes = (count * size + 63) & ~(size_t)63;
	if (bytes > ARENA_BYTES - arena_used)
		return NULL;
	void *memory = arena + arena_used;
	arena_used += bytes;
	return memory;
}

static void *allocate_zlib(void *unused, unsigned count, unsigned size)
{
	return allocate(unused, count, size);
}

/* All is given up when the next block begins. */
static void release(void *unused, void *memory) {}

/* bits: of the window; negative: there is no header (zlib.h) */
static int64_t unpack_zlib(const uint8_t *packed, size_t bytes, uint8_t *plain, size_t wanted, int bits)
{
	z_stream z = {.zalloc = allocate_zlib,
		      .zfree = release,
		      .next_in = (Bytef *)(uintptr_t)packed,
		      .avail_in = (unsigned)bytes};
	if (inflateInit2(&z, bits) != Z_OK)
		return -ENOMEM;
	z.next_out = plain;
	z.avail_out = (unsigned)wanted;
	int r = inflate(&z, Z_FINISH);
	return r == Z_STREAM_END || !z.avail_out ? (int64_t)(wanted - z.avail_out) : -EUCLEAN;
}

/* Each of liblzma's formats begins in its own way. */
static lzma_ret begin_lzma(lzma_stream *z, uint32_t algorithm, size_t bytes, size_t wanted)
{
	size_t dictionary = wanted < DICTIONARY_BYTES ? wanted : DICTIONARY_BYTES;
	if (algorithm == UNPACK_XZ)
		return lzma_stream_decoder(z, ARENA_BYTES, 0);
	if (algorithm == UNPACK_LZMA_ALONE)
		return lzma_alone_decoder(z, ARENA_BYTES);
	/* Nothing reaches back further than to the beginning, so the size with which it was packed need not be known.
	 */
	return lzma_microlzma_decoder(z, bytes, wanted, false, (uint32_t)dictionary);
}

static int64_t unpack_lzma(uint32_t algorithm, const uint8_t *packed, size_t bytes, uint8_t *plain, size_t wanted)
{
	static const lzma_allocator allocator = {allocate, release, NULL};
	lzma_stream z = LZMA_STREAM_INIT;
	z.allocator = &allocator;
	if (begin_lzma(&z, algorithm, bytes, wanted) != LZMA_OK)
		return -ENOMEM;
	z.next_in = packed;
	z.avail_in = bytes;
	z.next_out = plain;
	z.avail_out = wanted;
	lzma_ret r = lzma_code(&z, LZMA_FINISH);
	if (r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR)
		return -ENOMEM;
	return r == LZMA_STREAM_END || !z.avail_out ? (int64_t)(wanted - z.avail_out) : -EUCLEAN;
}

static int64_t unpack_lz4(const uint8_t *packed, size_t bytes, uint8_t *plain, size_t wanted)
{
	int n = LZ4_decompress_safe_partial((const char *)packed, (char *)plain, (int)bytes, (int)wanted, (int)wanted);
	return n < 0 ? -EUCLEAN : n;
}

static int64_t unpack_zstd(const uint8_t *packed, size_t bytes, uint8_t *plain, size_t room)
{
	ZSTD_DCtx *z = ZSTD_initStaticDCtx(arena, sizeof(arena));
	if (!z)
		return -ENOMEM;
	size_t n = ZSTD_decompressDCtx(z, plain, room, packed, bytes);
	return ZSTD_isError(n) ? -EUCLEAN : (int64_t)n;
}

static bool is_padded(uint32_t algorithm)
{
	return algorithm == UNPACK_LZ4_PADDED || algorithm == UNPACK_MICROLZMA || algorithm == UNPACK_DEFLATE ||
	       algorithm == UNPACK_ZSTD_PADDED;
}

int64_t unpack_block(uint32_t algorithm, const uint8_t *packed, size_t bytes, uint8_t *plain, size_t wanted,
		     size_t room)
{
	arena_used = 0;
	while (is_padded(algorithm) && bytes > 1 && !*packed) {
		packed++;
		bytes--;
	}
	switch (algorithm) {
	case UNPACK_ZLIB:
		return unpack_zlib(packed, bytes, plain, wanted, MAX_WBITS);
	case UNPACK_DEFLATE:
		return unpack_zlib(packed, bytes, plain, wanted, -MAX_WBITS);
	case UNPACK_XZ:
	case UNPACK_LZMA_ALONE:
	case UNPACK_MICROLZMA:
		return unpack_lzma(algorithm, packed, bytes, plain, wanted);
	case UNPACK_LZ4:
	case UNPACK_LZ4_PADDED:
		return unpack_lz4(packed, bytes, plain, wanted);
	case UNPACK_ZSTD:
	case UNPACK_ZSTD_PADDED:
		return unpack_zstd(packed, bytes, plain, room);
	default:
		return -EOPNOTSUPP;
	}
}
