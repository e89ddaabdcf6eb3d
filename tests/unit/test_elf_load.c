/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's ELF parser: what it accepts, and that it refuses what contradicts itself.
 * sources: guestkernel/proc/elf.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/elf.h>
#include <linux/mman.h>
#include "guestkernel/proc/elf.h"

/* A file in memory: header, program headers behind it, then nothing. */
struct elf_file {
	Elf64_Ehdr h;
	Elf64_Phdr p[80];
	char text[4096];
	size_t bytes; /* that the file has */
};

static struct elf_file file;
static struct elf_image image;

static long read_file(void *arg, void *buf, size_t n, u64 offset)
{
	struct elf_file *f = arg;

	if (offset >= f->bytes)
		return 0;
	n = n < f->bytes - offset ? n : f->bytes - offset;
	memcpy(buf, (char *)f + offset, n);
	return (long)n;
}

static int parse(void)
{
	memset(&image, 0x5a, sizeof(image)); /* nothing may rely on what was there */
	return elf_parse(read_file, &file, &image);
}

/* A valid program: text at 0x400000 with the headers, data with bss at 0x402000. */
static int setup(void **state)
{
	memset(&file, 0, sizeof(file));
	memcpy(file.h.e_ident, ELFMAG, SELFMAG);
	file.h.e_ident[EI_CLASS] = ELFCLASS64;
	file.h.e_ident[EI_DATA] = ELFDATA2LSB;
	file.h.e_type = ET_EXEC;
	file.h.e_machine = EM_X86_64;
	file.h.e_entry = 0x400100;
	file.h.e_phoff = offsetof(struct elf_file, p);
	file.h.e_phentsize = sizeof(Elf64_Phdr);
	file.h.e_phnum = 3;
	file.p[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				 .p_flags = PF_R | PF_X,
				 .p_vaddr = 0x400000,
				 .p_filesz = 0x1234,
				 .p_memsz = 0x1234,
				 .p_align = 0x1000};
	file.p[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				 .p_flags = PF_R | PF_W,
				 .p_vaddr = 0x402234,
				 .p_offset = 0x1234,
				 .p_filesz = 0x10,
				 .p_memsz = 0x3000,
				 .p_align = 0x1000};
	file.p[2] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
	file.bytes = sizeof(file);
	return 0;
}

static void a_static_program_is_described(void **state)
{
	assert_int_equal(parse(), 0);
	assert_int_equal(image.segments, 2);
	assert_int_equal(image.low, 0x400000);
	assert_int_equal(image.high, 0x406000);
	assert_int_equal(image.entry, 0x400100);
	assert_int_equal(image.headers_vaddr, 0x400000 + offsetof(struct elf_file, p));
	assert_int_equal(image.segment[0].prot, PROT_READ | PROT_EXEC);
	assert_int_equal(image.segment[1].prot, PROT_READ | PROT_WRITE);
	assert_false(image.has_interp);
	assert_false(image.exec_stack);
	assert_false(image.position_independent);
}

static void an_interpreter_is_found(void **state)
{
	static const char path[] = "/lib64/ld-linux-x86-64.so.2";

	file.h.e_type = ET_DYN;
	strcpy(file.text, path);
	file.p[2] =
	    (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct elf_file, text), .p_filesz = sizeof(path)};
	assert_int_equal(parse(), 0);
	assert_true(image.has_interp && image.position_independent);
	assert_string_equal(image.interp, path);
	file.p[2].p_filesz--; /* no NUL */
	assert_int_equal(parse(), -ENOEXEC);
	file.p[2].p_filesz = 0;
	assert_int_equal(parse(), -ENOEXEC);
	file.p[2].p_filesz = 5000;
	assert_int_equal(parse(), -ENOEXEC);
	file.p[2].p_filesz = sizeof(path);
	file.p[2].p_offset = ~0ull;
	assert_int_equal(parse(), -ENOEXEC);
}

#define refuses(change)                                                                                                \
	do {                                                                                                           \
		setup(NULL);                                                                                           \
		change;                                                                                                \
		assert_int_equal(parse(), -ENOEXEC);                                                                   \
	} while (0)

static void wrong_headers_are_refused(void **state)
{
	refuses(file.h.e_ident[0] = 0);
	refuses(file.h.e_ident[EI_CLASS] = ELFCLASS32);
	refuses(file.h.e_ident[EI_DATA] = ELFDATA2MSB);
	refuses(file.h.e_machine = EM_AARCH64);
	refuses(file.h.e_type = ET_REL);
	refuses(file.h.e_phentsize = 32);
	refuses(file.h.e_phnum = 0);
	refuses(file.h.e_phnum = ELF_HEADERS_LIMIT + 1);
	refuses(file.h.e_phnum = 1000);
	refuses(file.h.e_phoff = ~0ull - 10);
	refuses(file.h.e_phoff = INT64_MAX);
	refuses(file.p[0].p_type = file.p[1].p_type = PT_NULL);
	for (size_t n = 0; n < offsetof(struct elf_file, p[3]); n++)
		refuses(file.bytes = n);
}

static void wrong_segments_are_refused(void **state)
{
	refuses(file.p[0].p_filesz = file.p[0].p_memsz + 1);
	refuses(file.p[0].p_memsz = ~0ull);
	refuses(file.p[0].p_vaddr = USER_END);
	refuses(file.p[0].p_vaddr = ~0ull - 0xfff);
	refuses(file.p[0].p_memsz = USER_END - 0x400000 + 1);
	refuses(file.p[1].p_offset++);
	refuses((file.p[1].p_offset = INT64_MAX - 15, file.p[1].p_vaddr = 0xfff0));
	refuses({
		file.h.e_phnum = 70;
		for (int i = 0; i < 70; i++)
			file.p[i] = file.p[0];
	});
}

static void odd_but_harmless_things_pass(void **state)
{
	file.p[1].p_align = 3; /* not a power of two: ignored */
	file.p[2].p_flags |= PF_X;
	file.p[0].p_align = 1ull << 40;
	assert_int_equal(parse(), 0);
	assert_int_equal(image.align, PAGE_SIZE);
	assert_true(image.exec_stack);
	file.p[0].p_align = HUGE_SIZE;
	file.p[1].p_filesz = 0; /* bss alone: its offset does not matter */
	file.p[1].p_offset = 77;
	assert_int_equal(parse(), 0);
	assert_int_equal(image.align, HUGE_SIZE);
	file.p[1].p_memsz = 0;
	assert_int_equal(parse(), 0);
	assert_int_equal(image.segments, 1);
	file.h.e_phoff = 0x100000; /* mapped by no segment, but not in the file either */
	assert_int_equal(parse(), -ENOEXEC);
}

static long failing_read(void *arg, void *buf, size_t n, u64 offset)
{
	return offset ? -EIO : read_file(&file, buf, n, offset);
}

static void read_errors_are_passed_on(void **state)
{
	assert_int_equal(elf_parse(failing_read, NULL, &image), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_static_program_is_described, setup),
	    cmocka_unit_test_setup(an_interpreter_is_found, setup),
	    cmocka_unit_test_setup(wrong_headers_are_refused, setup),
	    cmocka_unit_test_setup(wrong_segments_are_refused, setup),
	    cmocka_unit_test_setup(odd_but_harmless_things_pass, setup),
	    cmocka_unit_test_setup(read_errors_are_passed_on, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
