/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapping of parsed ELF segments: file pages private, the rest of the last page zeroed, further pages anonymous.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/elf.h"

/* Up to here a segment's pages are mapped at once; each fault that this saves costs tens of microseconds on some hosts.
 */
#define POPULATE_LIMIT (4ul << 20)

static int map_file_part(struct mm *mm, struct file *file, const struct elf_segment *s, u64 base)
{
	u64 start = PAGE_DOWN(base + s->vaddr), end = PAGE_UP(base + s->vaddr + s->file_bytes);
	long r = mm_mmap(mm, start, end - start, s->prot, MAP_PRIVATE | MAP_FIXED, file, s->offset >> PAGE_SHIFT);

	if (r < 0)
		return (int)r;
	if (end - start <= POPULATE_LIMIT)
		mm_populate(mm, start, end - start, true); /* only saves faults: failing is no error */
	return 0;
}

/* The file's bytes behind the segment must not show up in its bss. */
static int zero_tail(struct mm *mm, u64 from)
{
	static const u8 zeros[PAGE_SIZE];
	u64 n = PAGE_UP(from) - from;

	return n ? mm_copy_to(mm, from, zeros, n) : 0;
}

static int map_segment(struct mm *mm, struct file *file, const struct elf_segment *s, u64 base)
{
	u64 file_end = base + s->vaddr + s->file_bytes, end = PAGE_UP(base + s->vaddr + s->memory_bytes);
	u64 anon = s->file_bytes ? PAGE_UP(file_end) : PAGE_DOWN(base + s->vaddr);
	long r;
	int error;

	if (s->file_bytes) {
		error = map_file_part(mm, file, s, base);
		if (!error && s->memory_bytes > s->file_bytes && (s->prot & PROT_WRITE))
			error = zero_tail(mm, file_end);
		if (error)
			return error;
	}
	if (end <= anon)
		return 0;
	r = mm_mmap(mm, anon, end - anon, s->prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	return r < 0 ? (int)r : 0;
}

int elf_map(struct mm *mm, struct file *file, const struct elf_image *image, u64 base)
{
	int i, error;

	for (i = 0; i < image->segments; i++) {
		error = map_segment(mm, file, &image->segment[i], base);
		if (error)
			return error;
	}
	return 0;
}
