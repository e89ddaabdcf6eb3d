/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that destroy the guest they run in, where they can: in the flat layout kernel memory is within reach of the
 * program. In the split layout each first step is a SIGSEGV. Addresses: docs/memory-map.md.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECT_MAP 0xffff888000000000ull
#define KERNEL_MAP 0xffffffff80000000ull

static void fill(uint64_t from, uint64_t to, int byte)
{
	for (uint64_t at = from; at < to; at++)
		*(volatile char *)(DIRECT_MAP + at) = (char)byte;
}

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "data")) /* behind the kernel's constants: its variables, stacks and everything else */
		fill(0x1a0000, 16 << 20, 0xcc);
	else if (!strcmp(what, "text"))
		*(volatile char *)(KERNEL_MAP + 0x100000) = 1;
	else if (!strcmp(what, "jump"))
		((void (*)(void))(KERNEL_MAP + 0x100500))();
	else if (!strcmp(what, "page-tables"))
		fill(0x40000, 0x60000, 0);
	else if (!strcmp(what, "descriptor-tables"))
		fill(0x4000, 0x5000, 0);
	else if (!strcmp(what, "shared-page"))
		fill(0x2000, 0x3000, 0xff);
	else if (!strcmp(what, "rings"))
		fill(0x20000, 0x30000, 0xff);
	else if (!strcmp(what, "noise"))
		for (unsigned seed = 7, i = 0; i < 1u << 22; i++, seed = seed * 1103515245 + 12345)
			*(volatile char *)(DIRECT_MAP + 0x1a0000 + (seed >> 4) % (32 << 20)) = (char)seed;
	else
		return 2;
	*(volatile int *)8 = 0; /* whatever is left has to deal with a fault */
	return 0;
}
