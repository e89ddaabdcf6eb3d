/* SPDX-License-Identifier: Apache-2.0
 *
 * Decompresses single blocks, by zlib, liblzma, liblz4 and libzstd. What comes in is hostile. Needs no system call and
 * no memory but its own: each block's decoder begins anew in one arena of fixed size.
 */
#ifndef RUNNER_UNPACK_H
#define RUNNER_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "abi/unpack.h"

/* Decompresses packed[0..bytes) to plain, whose size is `room`; it may stop after `wanted` bytes (<= room). Returns how
 * many there are, -EUCLEAN (damaged, or larger than there is room), -ENOMEM (it wants a larger dictionary than a block
 * can use), -EOPNOTSUPP (no such algorithm). */
int64_t unpack_block(uint32_t algorithm /* enum unpack_algorithm */, const uint8_t *packed, size_t bytes,
		     uint8_t *plain, size_t wanted, size_t room);

#endif
