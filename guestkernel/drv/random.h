/* SPDX-License-Identifier: Apache-2.0
 *
 * The generator behind random_bytes() (lib.h).
 */
#ifndef GUESTKERNEL_DRV_RANDOM_H
#define GUESTKERNEL_DRV_RANDOM_H

#include "guestkernel/types.h"

/* One block of ChaCha20 (RFC 8439, 2.3) with a 64-bit counter and a zero nonce. */
void chacha20_block(const u32 key[8], u64 counter, u32 out[16]);

#endif
