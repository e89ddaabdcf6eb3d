/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's ELF parser on arbitrary files: what it accepts must be consistent enough to be mapped without further
 * checks.
 * sources: guestkernel/proc/elf.c tests/unit/arch_stub.c
 */
#include <stdlib.h>
#include <string.h>
#include "guestkernel/proc/elf.h"

struct input {
	const uint8_t *data;
	size_t size;
};

static long read_input(void *arg, void *buf, size_t n, u64 offset)
{
	const struct input *in = arg;

	if (offset > INT64_MAX)
		abort(); /* a file position that no file has */
	if (offset >= in->size)
		return 0;
	n = n < in->size - offset ? n : in->size - offset;
	memcpy(buf, in->data + offset, n);
	return (long)n;
}

#define demand(condition)                                                                                              \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf_image image;
	struct input in = {data, size};

	if (elf_parse(read_input, &in, &image))
		return 0;
	demand(image.segments > 0 && image.segments <= ELF_SEGMENTS_LIMIT);
	demand(image.low % PAGE_SIZE == 0 && image.high % PAGE_SIZE == 0 && image.low < image.high &&
	       image.high <= PAGE_UP(USER_END));
	demand(image.align >= PAGE_SIZE && image.align <= HUGE_SIZE && !(image.align & (image.align - 1)));
	demand(!image.has_interp || memchr(image.interp, 0, sizeof(image.interp)));
	for (int i = 0; i < image.segments; i++) {
		const struct elf_segment *s = &image.segment[i];

		demand(s->memory_bytes && s->file_bytes <= s->memory_bytes);
		demand(s->vaddr >= image.low && s->vaddr + s->memory_bytes <= image.high &&
		       s->vaddr + s->memory_bytes > s->vaddr);
		demand(!s->file_bytes || s->offset % PAGE_SIZE == s->vaddr % PAGE_SIZE);
		demand(!(s->prot & ~7u));
	}
	return 0;
}
