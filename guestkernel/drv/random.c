/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers: ChaCha20 (RFC 8439) keyed by the seed of the boot block. After each request the key is replaced by
 * output of its own (fast key erasure), so that what was handed out cannot be computed from what is in memory.
 */
#include "guestkernel/drv/random.h"
#include "guestkernel/arch/arch.h"
#include "guestkernel/lib.h"

bool arch_hardware_random(u64 *value) __attribute__((weak)); /* RDRAND, where there is one */

static u32 key[8];
static bool seeded;

static u32 rotate(u32 x, int n)
{
	return x << n | x >> (32 - n);
}

static void quarter(u32 *a, u32 *b, u32 *c, u32 *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

void chacha20_block(const u32 k[8], u64 counter, u32 out[16])
{
	const u32 start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, k[0], k[1],	   k[2],
			       k[3],	   k[4],       k[5],	   k[6],       k[7], (u32)counter, (u32)(counter >> 32),
			       0,	   0};
	int i;

	memcpy(out, start, sizeof(start));
	for (i = 0; i < 10; i++) {
		quarter(&out[0], &out[4], &out[8], &out[12]);
		quarter(&out[1], &out[5], &out[9], &out[13]);
		quarter(&out[2], &out[6], &out[10], &out[14]);
		quarter(&out[3], &out[7], &out[11], &out[15]);
		quarter(&out[0], &out[5], &out[10], &out[15]);
		quarter(&out[1], &out[6], &out[11], &out[12]);
		quarter(&out[2], &out[7], &out[8], &out[13]);
		quarter(&out[3], &out[4], &out[9], &out[14]);
	}
	for (i = 0; i < 16; i++)
		out[i] += start[i];
}

/* Stirs the time and the processor's own generator into the key. */
static void stir(void)
{
	u64 value = arch_tsc();

	key[0] ^= (u32)value;
	key[1] ^= (u32)(value >> 32);
	if (arch_hardware_random && arch_hardware_random(&value)) {
		key[2] ^= (u32)value;
		key[3] ^= (u32)(value >> 32);
	}
}

static void seed(void)
{
	u32 half[16];
	int i;

	memcpy(key, boot->seed, sizeof(key));
	chacha20_block(key, 0, half);
	for (i = 0; i < 8; i++) {
		u32 word;

		memcpy(&word, boot->seed + 32 + 4 * i, sizeof(word));
		key[i] = half[i] ^ word;
	}
	seeded = true;
}

void random_bytes(void *buf, size_t n)
{
	u32 out[16], next[16];
	u64 counter = 1;
	u8 *p = buf;

	if (!seeded)
		seed();
	stir();
	chacha20_block(key, 0, next);
	for (; n; counter++) {
		size_t part = MIN(n, sizeof(out));

		chacha20_block(key, counter, out);
		memcpy(p, out, part);
		p += part;
		n -= part;
	}
	memcpy(key, next, sizeof(key));
	memset(out, 0, sizeof(out));
	memset(next, 0, sizeof(next));
}
