/* SPDX-License-Identifier: Apache-2.0
 *
 * An executable of 100 MB: constants that are loaded, and read only when there is an argument (a byte of each page).
 */
#define BYTES 100000000

__asm__(".pushsection .rodata\n"
	".balign 4096\n"
	"big_data: .fill 12500000, 8, 0x0123456789abcdef\n"
	".popsection");
extern const volatile unsigned char big_data[];

int main(int argc, char **argv)
{
	(void)argv;
	unsigned long sum = 0;
	for (long at = 0; argc > 1 && at < BYTES; at += 4096)
		sum += big_data[at];
	return argc > 1 && sum != (BYTES + 4095) / 4096 * 0xeful;
}
