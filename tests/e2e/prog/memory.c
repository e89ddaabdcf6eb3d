/* SPDX-License-Identifier: Apache-2.0
 * Memory: `touch MIB` writes each page of that much, checks what it wrote and says so; `grow` takes all there is;
 * `spin` burns CPU for ever; `wait` says "ready" and sleeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int touch(size_t mib)
{
	size_t pages = mib * 256;
	size_t *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		puts("refused");
		return 3;
	}
	for (size_t i = 0; i < pages; i++)
		memory[i * 512] = i;
	for (size_t i = 0; i < pages; i++)
		if (memory[i * 512] != i)
			return 1;
	printf("touched %zu MiB\n", mib);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "touch") && argc == 3)
		return touch((size_t)atol(argv[2]));
	if (!strcmp(what, "grow"))
		for (size_t i = 0;; i++)
			if (touch(16))
				return 3;
	if (!strcmp(what, "spin")) {
		puts("ready");
		for (volatile unsigned long i = 0;; i++)
			;
	}
	if (!strcmp(what, "wait")) {
		puts("ready");
		for (;;)
			pause();
	}
	return 99;
}
