/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an ELF file: the reader says what it is and gives strings that end, or an error with a text.
 * sources: runner/elf.c runner/file_window.c runner/error.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
	if (text && strlen(text) >= ELF_STRING_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file_window window;
	struct arena arena = {0};
	struct elf_info info;
	struct error error = {0};
	const char *what;
	file_window_memory(&window, data, size);
	if (elf_identify(&window, &what) == ELF_NATIVE) {
		if (elf_parse(&window, "input", &arena, &info, &error)) {
			if (!error.status || !error.text[0])
				abort();
		} else {
			check(info.interp);
			check(info.soname);
			check(info.rpath);
			check(info.runpath);
			for (uint32_t i = 0; i < info.needed_count; i++)
				check(info.needed[i]);
		}
	}
	arena_free(&arena);
	return 0;
}
