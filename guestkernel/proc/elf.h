/* SPDX-License-Identifier: Apache-2.0
 *
 * ELF64 executables: a bounded parse of headers that nobody vouches for, and their mapping into an address space.
 */
#ifndef GUESTKERNEL_PROC_ELF_H
#define GUESTKERNEL_PROC_ELF_H

#include "guestkernel/types.h"

#define ELF_SEGMENTS_LIMIT 64	/* PT_LOAD segments: linkers make 4 to 6 */
#define ELF_HEADERS_LIMIT  1024 /* program headers in all: Linux takes 64 KiB of them */
#define ELF_INTERP_LIMIT   4096 /* PATH_MAX */

struct file;
struct mm;

/* Reads up to n bytes at an offset of the file; returns how many, or -errno. */
typedef long (*elf_read)(void *arg, void *buf, size_t n, u64 offset);

struct elf_segment {
	u64 vaddr, offset, file_bytes, memory_bytes;
	u32 prot; /* PROT_* */
};

struct elf_image {
	bool position_independent; /* ET_DYN: vaddrs are offsets from the base */
	u64 entry;
	u64 headers_vaddr; /* of the program headers in memory, 0: not mapped */
	u16 header_count;
	u64 low, high; /* page-aligned range of all segments */
	u64 align;     /* largest p_align, a power of two from PAGE_SIZE to 2 MiB */
	bool exec_stack;
	bool has_interp;
	int segments;
	struct elf_segment segment[ELF_SEGMENTS_LIMIT];
	char interp[ELF_INTERP_LIMIT];
};

/* -ENOEXEC: not an x86-64 ELF executable, or one that contradicts itself; -EIO and the like from `read`. */
int elf_parse(elf_read read, void *arg, struct elf_image *image);
/* Maps all segments with `base` added to their addresses; 0 or -errno. Unused ends of last pages are zero. */
int elf_map(struct mm *mm, struct file *file, const struct elf_image *image, u64 base);

#endif
