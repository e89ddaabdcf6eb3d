/* SPDX-License-Identifier: Apache-2.0
 * The ELF reader, with files made here byte by byte: good ones, and each way of lying.
 * sources: runner/elf.c runner/file_window.c runner/error.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/elf.h"

#define BASE 0x400000

/* A dynamic program in one segment: header, program headers, interpreter, dynamic section, strings. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr load, interp, dynamic;
	char interp_path[32];
	Elf64_Dyn entries[9];
	char strings[64];
};

static const char strings[] = "\0liba.so\0libb.so\0$ORIGIN/r\0/run\0self.so";
enum { LIBA = 1, LIBB = 9, RPATH = 17, RUNPATH = 27, SELF = 32 };

static struct image make(void)
{
	struct image image = {
	    .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		       .e_type = ET_DYN,
		       .e_machine = EM_X86_64,
		       .e_version = EV_CURRENT,
		       .e_phoff = offsetof(struct image, load),
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 3},
	    .load = {.p_type = PT_LOAD,
		     .p_vaddr = BASE,
		     .p_filesz = sizeof(struct image),
		     .p_memsz = sizeof(struct image)},
	    .interp = {.p_type = PT_INTERP, .p_offset = offsetof(struct image, interp_path), .p_filesz = 32},
	    .dynamic = {.p_type = PT_DYNAMIC,
			.p_offset = offsetof(struct image, entries),
			.p_filesz = sizeof(((struct image *)0)->entries)},
	    .interp_path = "/lib64/ld-linux-x86-64.so.2",
	    .entries = {{DT_NEEDED, {LIBA}},
			{DT_NEEDED, {LIBB}},
			{DT_SONAME, {SELF}},
			{DT_RPATH, {RPATH}},
			{DT_RUNPATH, {RUNPATH}},
			{DT_STRTAB, {BASE + offsetof(struct image, strings)}},
			{DT_STRSZ, {sizeof(strings)}},
			{DT_FLAGS_1, {DF_1_NODEFLIB}},
			{DT_NULL, {0}}},
	};
	memcpy(image.strings, strings, sizeof(strings));
	return image;
}

static struct arena arena;
static struct elf_info info;
static struct error error;

/* Parses the first `size` bytes from a block of exactly that size, so that the address sanitizer sees each overrun. */
static int parse_cut(const struct image *image, size_t size)
{
	struct file_window window;
	const char *what;
	uint8_t *copy = malloc(size + !size);
	memcpy(copy, image, size);
	file_window_memory(&window, copy, size);
	arena_free(&arena);
	error = (struct error){0};
	int result = elf_identify(&window, &what) == ELF_NATIVE ? elf_parse(&window, "x", &arena, &info, &error) : -2;
	free(copy);
	return result;
}

static int parse(const struct image *image)
{
	return parse_cut(image, sizeof(*image));
}

static void refuse(const struct image *image, const char *part)
{
	assert_int_equal(parse(image), -1);
	assert_int_equal(error.status, STATUS_CANNOT_EXEC);
	if (!strstr(error.text, part))
		fail_msg("%s", error.text);
}

static void a_dynamic_program(void **state)
{
	struct image image = make();
	assert_int_equal(parse(&image), 0);
	assert_string_equal(info.interp, "/lib64/ld-linux-x86-64.so.2");
	assert_true(info.dynamic && info.no_default_lib);
	assert_int_equal(info.needed_count, 2);
	assert_string_equal(info.needed[0], "liba.so");
	assert_string_equal(info.needed[1], "libb.so");
	assert_string_equal(info.soname, "self.so");
	assert_string_equal(info.rpath, "$ORIGIN/r");
	assert_string_equal(info.runpath, "/run");
}

static void a_static_program(void **state)
{
	struct image image = make();
	image.header.e_phnum = 1;
	image.header.e_type = ET_EXEC;
	assert_int_equal(parse(&image), 0);
	assert_null(info.interp);
	assert_false(info.dynamic);
	assert_int_equal(info.needed_count, 0);
}

static void from_a_descriptor_through_the_window(void **state)
{
	struct image image = make();
	struct file_window window;
	const uint64_t far = 100000;
	int fd = memfd_create("x", MFD_CLOEXEC);
	assert_true(fd >= 0);
	/* The strings far behind the rest. */
	image.load.p_filesz = image.load.p_memsz = far + sizeof(image.strings);
	image.entries[5].d_un.d_val = BASE + far;
	assert_int_equal(pwrite(fd, &image, sizeof(image), 0), sizeof(image));
	assert_int_equal(pwrite(fd, image.strings, sizeof(image.strings), (off_t)far), sizeof(image.strings));
	file_window_fd(&window, fd, far + sizeof(image.strings));
	assert_int_equal(elf_parse(&window, "x", &arena, &info, &error), 0);
	assert_string_equal(info.needed[1], "libb.so");
	/* The file shrinks after its size was taken. */
	assert_int_equal(ftruncate(fd, 4096), 0);
	file_window_fd(&window, fd, far + sizeof(image.strings));
	assert_int_equal(elf_parse(&window, "x", &arena, &info, &error), -1);
	close(fd);
}

static void identities(void **state)
{
	struct file_window window;
	const char *what;
	struct image image = make();
	file_window_memory(&window, "#!/bin/sh\n", 10);
	assert_int_equal(elf_identify(&window, &what), ELF_NOT_ELF);
	file_window_memory(&window, "", 0);
	assert_int_equal(elf_identify(&window, &what), ELF_NOT_ELF);
	file_window_memory(&window, ELFMAG, 4);
	assert_int_equal(elf_identify(&window, &what), ELF_FOREIGN);
	static const struct {
		size_t offset;
		uint8_t value;
		const char *what;
	} foreign[] = {{EI_CLASS, ELFCLASS32, "x32"},
		       {EI_DATA, ELFDATA2MSB, ""},
		       {offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, "aarch64"},
		       {offsetof(Elf64_Ehdr, e_machine), EM_386, "32-bit x86"},
		       {offsetof(Elf64_Ehdr, e_type), ET_REL, "object file"},
		       {offsetof(Elf64_Ehdr, e_type), ET_CORE, "core dump"}};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		struct image copy = image;
		((uint8_t *)&copy)[foreign[i].offset] = foreign[i].value;
		file_window_memory(&window, &copy, sizeof(copy));
		assert_int_equal(elf_identify(&window, &what), ELF_FOREIGN);
		assert_non_null(strstr(what, foreign[i].what));
	}
}

static void every_truncation_is_an_error(void **state)
{
	struct image image = make();
	for (size_t size = 0; size < sizeof(image); size++)
		assert_true(parse_cut(&image, size) < 0);
}

static void lying_headers(void **state)
{
	struct image image = make();
	image.header.e_phentsize = 32;
	refuse(&image, "program headers");
	image = make();
	image.header.e_phnum = 0;
	refuse(&image, "program headers");
	image.header.e_phnum = PN_XNUM;
	refuse(&image, "program headers");
	image = make();
	image.header.e_phoff = UINT64_MAX - 8;
	refuse(&image, "outside the file");
	image = make();
	image.load.p_type = PT_NULL;
	refuse(&image, "nothing to load");
}

static void lying_segments(void **state)
{
	struct image image = make();
	image.load.p_memsz--;
	refuse(&image, "larger in the file");
	image = make();
	image.load.p_offset = 1;
	refuse(&image, "outside the file");
	image = make();
	image.load.p_offset = UINT64_MAX;
	refuse(&image, "outside the file");
	image = make();
	image.load.p_vaddr = UINT64_MAX - 16;
	refuse(&image, "address space");
	image = make();
	image.load.p_vaddr = 1ull << 47;
	refuse(&image, "address space");
}

static void lying_interpreters(void **state)
{
	struct image image = make();
	image.interp.p_offset = UINT64_MAX;
	refuse(&image, "interpreter");
	image = make();
	image.interp.p_filesz = 5;
	refuse(&image, "interpreter");
	image = make();
	image.interp.p_filesz = 0;
	refuse(&image, "interpreter");
	image = make();
	image.interp_path[0] = 0;
	refuse(&image, "interpreter");
}

static void lying_dynamic_sections(void **state)
{
	struct image image = make();
	image.dynamic.p_offset = UINT64_MAX - 4;
	refuse(&image, "dynamic section");
	image = make();
	image.dynamic.p_filesz = 3 * sizeof(Elf64_Dyn);
	refuse(&image, "does not end");
	image = make();
	image.entries[5].d_un.d_val = 0;
	refuse(&image, "string table");
	image = make();
	image.entries[5].d_un.d_val = UINT64_MAX;
	refuse(&image, "string table");
	image = make();
	image.entries[6].d_un.d_val = UINT64_MAX;
	refuse(&image, "string table");
	image = make();
	image.entries[5].d_tag = DT_DEBUG;
	refuse(&image, "string table");
	for (int i = 0; i < 5; i++) {
		image = make();
		image.entries[i].d_un.d_val = i % 2 ? UINT64_MAX : sizeof(strings);
		refuse(&image, "outside the string table");
	}
	image = make();
	image.entries[6].d_un.d_val = LIBA + 3; /* ends within the first name */
	refuse(&image, "outside the string table");
}

static void too_many_needs(void **state)
{
	const size_t count = ELF_NEEDED_MAX + 2, at = sizeof(struct image);
	size_t size = at + count * sizeof(Elf64_Dyn);
	struct image *image = calloc(1, size);
	*image = make();
	Elf64_Dyn *entries = (Elf64_Dyn *)(image + 1);
	for (size_t i = 0; i < count - 1; i++)
		entries[i] = (Elf64_Dyn){DT_NEEDED, {LIBA}};
	image->dynamic.p_offset = at;
	image->dynamic.p_filesz = count * sizeof(Elf64_Dyn);
	assert_int_equal(parse_cut(image, size), -1);
	assert_non_null(strstr(error.text, "1024 libraries"));
	free(image);
}

static void no_changed_byte_crashes(void **state)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	for (size_t at = 0; at < sizeof(struct image); at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			struct image image = make();
			((uint8_t *)&image)[at] = values[i];
			parse(&image);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dynamic_program),
	    cmocka_unit_test(a_static_program),
	    cmocka_unit_test(from_a_descriptor_through_the_window),
	    cmocka_unit_test(identities),
	    cmocka_unit_test(every_truncation_is_an_error),
	    cmocka_unit_test(lying_headers),
	    cmocka_unit_test(lying_segments),
	    cmocka_unit_test(lying_interpreters),
	    cmocka_unit_test(lying_dynamic_sections),
	    cmocka_unit_test(too_many_needs),
	    cmocka_unit_test(no_changed_byte_crashes),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
