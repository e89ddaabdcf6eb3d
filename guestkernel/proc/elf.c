/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing of ELF64 headers (System V ABI, chapters 4 and 5; x86-64 supplement). Every number is checked before it is
 * used; each header is read once.
 */
#include <linux/elf.h>
#include <linux/elf-em.h>
#include <linux/mman.h>
#include "guestkernel/lib.h"
#include "guestkernel/proc/elf.h"

static int check_header(const Elf64_Ehdr *h)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if ((h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_machine != EM_X86_64)
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum > ELF_HEADERS_LIMIT)
		return -ENOEXEC;
	return 0;
}

static u32 segment_prot(u32 flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static int add_segment(struct elf_image *image, const Elf64_Phdr *p)
{
	u64 end;

	if (!p->p_memsz)
		return 0;
	if (image->segments == ELF_SEGMENTS_LIMIT || p->p_filesz > p->p_memsz)
		return -ENOEXEC;
	if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) || end > USER_END)
		return -ENOEXEC;
	if (p->p_filesz && (p->p_offset % PAGE_SIZE != p->p_vaddr % PAGE_SIZE || p->p_offset > INT64_MAX - p->p_filesz))
		return -ENOEXEC;
	image->segment[image->segments++] =
	    (struct elf_segment){p->p_vaddr, p->p_offset, p->p_filesz, p->p_memsz, segment_prot(p->p_flags)};
	image->low = MIN(image->low, PAGE_DOWN(p->p_vaddr));
	image->high = MAX(image->high, PAGE_UP(end));
	if (!(p->p_align & (p->p_align - 1)) && p->p_align <= HUGE_SIZE)
		image->align = MAX(image->align, p->p_align);
	return 0;
}

static int read_interp(elf_read read, void *arg, const Elf64_Phdr *p, struct elf_image *image)
{
	long n;

	if (image->has_interp)
		return 0; /* Linux takes the first */
	if (p->p_filesz < 2 || p->p_filesz > ELF_INTERP_LIMIT || p->p_offset > INT64_MAX - ELF_INTERP_LIMIT)
		return -ENOEXEC;
	n = read(arg, image->interp, p->p_filesz, p->p_offset);
	if (n < 0)
		return (int)n;
	if ((u64)n != p->p_filesz || image->interp[n - 1])
		return -ENOEXEC;
	image->has_interp = true;
	return 0;
}

static int parse_one(elf_read read, void *arg, const Elf64_Phdr *p, struct elf_image *image)
{
	switch (p->p_type) {
	case PT_LOAD:
		return add_segment(image, p);
	case PT_INTERP:
		return read_interp(read, arg, p, image);
	case PT_GNU_STACK:
		image->exec_stack = p->p_flags & PF_X;
		return 0;
	default:
		return 0;
	}
}

/* Where the program headers end up in memory: inside the segment that covers their place in the file. */
static void locate_headers(struct elf_image *image, const Elf64_Ehdr *h)
{
	int i;

	for (i = 0; i < image->segments; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (h->e_phoff >= s->offset && h->e_phoff - s->offset < s->file_bytes) {
			image->headers_vaddr = s->vaddr + (h->e_phoff - s->offset);
			return;
		}
	}
}

int elf_parse(elf_read read, void *arg, struct elf_image *image)
{
	Elf64_Ehdr h;
	Elf64_Phdr phdr[8];
	unsigned i, n;
	long got;
	int error;

	memset(image, 0, sizeof(*image) - sizeof(image->interp));
	image->low = USER_END;
	image->align = PAGE_SIZE;
	got = read(arg, &h, sizeof(h), 0);
	if (got < 0)
		return (int)got;
	if (got != sizeof(h) || check_header(&h) || h.e_phoff > INT64_MAX - ELF_HEADERS_LIMIT * sizeof(phdr[0]))
		return -ENOEXEC;
	for (i = 0; i < h.e_phnum; i++) {
		if (!(i % ARRAY_SIZE(phdr))) {
			n = MIN(h.e_phnum - i, (unsigned)ARRAY_SIZE(phdr));
			got = read(arg, phdr, n * sizeof(phdr[0]), h.e_phoff + i * sizeof(phdr[0]));
			if (got != (long)(n * sizeof(phdr[0])))
				return got < 0 ? (int)got : -ENOEXEC;
		}
		error = parse_one(read, arg, &phdr[i % ARRAY_SIZE(phdr)], image);
		if (error)
			return error;
	}
	if (!image->segments)
		return -ENOEXEC;
	image->position_independent = h.e_type == ET_DYN;
	image->entry = h.e_entry;
	image->header_count = h.e_phnum;
	locate_headers(image, &h);
	return 0;
}
