/* SPDX-License-Identifier: Apache-2.0
 *
 * Source: System V ABI, chapters 4 and 5; elf(5).
 */
#include "runner/elf.h"

#include <elf.h>
#include <string.h>

/* Addresses in the dynamic section become file offsets through these. */
struct segments {
	uint32_t count;
	Elf64_Phdr load[ELF_PHDRS_MAX];
};

struct dynamic {
	uint64_t strtab, strsz;
	bool has_strtab, has_strsz, has_soname, has_rpath, has_runpath;
	uint64_t soname, rpath, runpath; /* offsets in the string table */
	uint64_t flags_1;
	uint32_t needed_count;
	uint64_t needed[ELF_NEEDED_MAX];
};

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_386:
		return "32-bit x86";
	case EM_ARM:
		return "32-bit ARM";
	case EM_AARCH64:
		return "64-bit ARM (aarch64)";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "64-bit POWER";
	case EM_S390:
		return "IBM Z";
	case EM_BPF:
		return "BPF";
	default:
		return "another machine";
	}
}

enum elf_identity elf_identify(struct file_window *file, const char **what)
{
	Elf64_Ehdr header;
	memset(&header, 0, sizeof(header));
	*what = "";
	if (file_window_read(file, 0, header.e_ident, SELFMAG) || memcmp(header.e_ident, ELFMAG, SELFMAG))
		return ELF_NOT_ELF;
	/* e_machine is at the same place in both classes, and a 32-bit header is shorter. */
	if (file_window_read(file, 0, &header, offsetof(Elf64_Ehdr, e_version)))
		return ELF_FOREIGN;
	*what = header.e_machine == EM_X86_64 ? "x32" : machine_name(header.e_machine);
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64)
		return ELF_FOREIGN;
	*what = header.e_type == ET_REL	   ? "the linker (an object file)"
		: header.e_type == ET_CORE ? "debuggers (a core dump)"
					   : "no known use";
	return header.e_type == ET_EXEC || header.e_type == ET_DYN ? ELF_NATIVE : ELF_FOREIGN;
}

/* Offset in the file of `address`, and how many bytes of its segment follow there; 0 when no segment holds it. */
static uint64_t file_offset(const struct segments *segments, uint64_t address, uint64_t *offset)
{
	for (uint32_t i = 0; i < segments->count; i++) {
		const Elf64_Phdr *load = &segments->load[i];
		if (address >= load->p_vaddr && address - load->p_vaddr < load->p_filesz) {
			*offset = load->p_offset + (address - load->p_vaddr);
			return load->p_filesz - (address - load->p_vaddr);
		}
	}
	return 0;
}

static int bad(struct error *error, const char *name, const char *why)
{
	return error_set(error, STATUS_CANNOT_EXEC, "%s: broken ELF file: %s", name, why);
}

/* A copy in the arena of the string at offset..end of the file. */
static const char *copy_string(struct file_window *file, uint64_t offset, uint64_t end, struct arena *arena)
{
	char text[ELF_STRING_MAX];
	long length = file_window_string(file, offset, end, text, sizeof(text));
	return length < 0 ? NULL : arena_copy(arena, text, (size_t)length);
}

static int check_load(const struct file_window *file, const Elf64_Phdr *load, const char *name, struct error *error)
{
	uint64_t end;
	if (load->p_filesz > load->p_memsz)
		return bad(error, name, "a segment is larger in the file than in memory");
	if (load->p_offset > file->size || load->p_filesz > file->size - load->p_offset)
		return bad(error, name, "a segment lies outside the file (truncated?)");
	if (__builtin_add_overflow(load->p_vaddr, load->p_memsz, &end) || end >> 47)
		return bad(error, name, "a segment lies outside the address space");
	return 0;
}

/* Reads the program headers: checks the segments, copies the interpreter's path, finds the dynamic section. */
static int read_phdrs(struct file_window *file, const char *name, struct arena *arena, struct segments *segments,
		      Elf64_Phdr *dynamic, struct elf_info *out, struct error *error)
{
	Elf64_Ehdr header;
	if (file_window_read(file, 0, &header, sizeof(header)))
		return bad(error, name, "the header is truncated");
	if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > ELF_PHDRS_MAX)
		return bad(error, name, "no program headers, or too many, or of the wrong size");
	uint64_t end;
	if (__builtin_add_overflow(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr), &end) || end > file->size)
		return bad(error, name, "the program headers lie outside the file");
	for (uint32_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr phdr;
		if (file_window_read(file, header.e_phoff + i * sizeof(phdr), &phdr, sizeof(phdr)))
			return bad(error, name, "the program headers cannot be read");
		if (phdr.p_type == PT_LOAD) {
			if (check_load(file, &phdr, name, error))
				return -1;
			segments->load[segments->count++] = phdr;
		} else if (phdr.p_type == PT_DYNAMIC) {
			*dynamic = phdr;
			out->dynamic = true;
		} else if (phdr.p_type == PT_INTERP && !out->interp) {
			if (phdr.p_offset > file->size || phdr.p_filesz > file->size - phdr.p_offset)
				return bad(error, name, "the interpreter's path lies outside the file");
			out->interp = copy_string(file, phdr.p_offset, phdr.p_offset + phdr.p_filesz, arena);
			if (!out->interp || !*out->interp)
				return bad(error, name, "the interpreter's path is empty or does not end");
		}
	}
	return segments->count ? 0 : bad(error, name, "nothing to load");
}

static int note_entry(const Elf64_Dyn *entry, struct dynamic *dynamic)
{
	uint64_t value = entry->d_un.d_val;
	switch (entry->d_tag) {
	case DT_STRTAB:
		dynamic->strtab = value;
		dynamic->has_strtab = true;
		break;
	case DT_STRSZ:
		dynamic->strsz = value;
		dynamic->has_strsz = true;
		break;
	case DT_SONAME:
		dynamic->soname = value;
		dynamic->has_soname = true;
		break;
	case DT_RPATH:
		dynamic->rpath = value;
		dynamic->has_rpath = true;
		break;
	case DT_RUNPATH:
		dynamic->runpath = value;
		dynamic->has_runpath = true;
		break;
	case DT_FLAGS_1:
		dynamic->flags_1 = value;
		break;
	case DT_NEEDED:
		if (dynamic->needed_count == ELF_NEEDED_MAX)
			return -1;
		dynamic->needed[dynamic->needed_count++] = value;
		break;
	default:
		break;
	}
	return 0;
}

/* Only offsets are collected here: strings lie elsewhere in the file, and each jump costs the window. */
static int read_dynamic(struct file_window *file, const char *name, const Elf64_Phdr *phdr, struct dynamic *dynamic,
			struct error *error)
{
	uint64_t count = phdr->p_filesz / sizeof(Elf64_Dyn);
	if (phdr->p_offset > file->size || phdr->p_filesz > file->size - phdr->p_offset)
		return bad(error, name, "the dynamic section lies outside the file");
	if (count > ELF_DYNAMIC_MAX)
		count = ELF_DYNAMIC_MAX;
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Dyn entry;
		if (file_window_read(file, phdr->p_offset + i * sizeof(entry), &entry, sizeof(entry)))
			return bad(error, name, "the dynamic section cannot be read");
		if (entry.d_tag == DT_NULL)
			return 0;
		if (note_entry(&entry, dynamic))
			return error_set(error, STATUS_CANNOT_EXEC, "%s: needs more than %d libraries", name,
					 ELF_NEEDED_MAX);
	}
	return bad(error, name, "the dynamic section does not end");
}

static int read_strings(struct file_window *file, const char *name, const struct segments *segments,
			const struct dynamic *dynamic, struct arena *arena, struct elf_info *out, struct error *error)
{
	if (!dynamic->needed_count && !dynamic->has_soname && !dynamic->has_rpath && !dynamic->has_runpath)
		return 0;
	uint64_t start = 0, room = file_offset(segments, dynamic->strtab, &start);
	if (!dynamic->has_strtab || !dynamic->has_strsz || !room || dynamic->strsz > room)
		return bad(error, name, "the string table lies outside the file");
	uint64_t end = start + dynamic->strsz;
	const struct {
		bool present;
		uint64_t offset;
		const char **to;
	} single[] = {{dynamic->has_soname, dynamic->soname, &out->soname},
		      {dynamic->has_rpath, dynamic->rpath, &out->rpath},
		      {dynamic->has_runpath, dynamic->runpath, &out->runpath}};
	for (size_t i = 0; i < sizeof(single) / sizeof(*single); i++) {
		if (!single[i].present)
			continue;
		if (single[i].offset >= dynamic->strsz ||
		    !(*single[i].to = copy_string(file, start + single[i].offset, end, arena)))
			return bad(error, name, "a name lies outside the string table");
	}
	out->needed = arena_alloc(arena, dynamic->needed_count * sizeof(*out->needed) + 1);
	for (uint32_t i = 0; out->needed && i < dynamic->needed_count; i++) {
		if (dynamic->needed[i] >= dynamic->strsz ||
		    !(out->needed[i] = copy_string(file, start + dynamic->needed[i], end, arena)) || !*out->needed[i])
			return bad(error, name, "the name of a needed library lies outside the string table");
		out->needed_count = i + 1;
	}
	return out->needed ? 0 : error_set(error, STATUS_RUNNER, "out of memory");
}

int elf_parse(struct file_window *file, const char *name, struct arena *arena, struct elf_info *out,
	      struct error *error)
{
	struct segments segments;
	struct dynamic dynamic;
	Elf64_Phdr phdr = {0};
	segments.count = 0;
	memset(&dynamic, 0, offsetof(struct dynamic, needed));
	*out = (struct elf_info){0};
	if (read_phdrs(file, name, arena, &segments, &phdr, out, error))
		return -1;
	if (!out->dynamic)
		return 0;
	if (read_dynamic(file, name, &phdr, &dynamic, error))
		return -1;
	out->no_default_lib = dynamic.flags_1 & DF_1_NODEFLIB;
	return read_strings(file, name, &segments, &dynamic, arena, out, error);
}
