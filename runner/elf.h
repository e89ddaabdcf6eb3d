/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what the closure needs to know from an ELF64 file: the interpreter and the dynamic section. The file may be
 * hostile: every offset, size and count is checked against the file and against the bounds below.
 */
#ifndef RUNNER_ELF_H
#define RUNNER_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/arena.h"
#include "runner/error.h"
#include "runner/file_window.h"

#define ELF_PHDRS_MAX	512
#define ELF_DYNAMIC_MAX 4096 /* entries of the dynamic section */
#define ELF_NEEDED_MAX	1024 /* DT_NEEDED entries */
#define ELF_STRING_MAX	4096 /* bytes of a name or path with its NUL */

enum elf_identity {
	ELF_NATIVE,  /* ELF64, little-endian, x86-64, ET_EXEC or ET_DYN */
	ELF_NOT_ELF, /* no ELF magic */
	ELF_FOREIGN, /* another class, byte order, machine or type */
};

struct elf_info {
	const char *interp;		      /* PT_INTERP; NULL: none */
	bool dynamic;			      /* has PT_DYNAMIC */
	bool no_default_lib;		      /* DF_1_NODEFLIB */
	const char *soname, *rpath, *runpath; /* NULL: none */
	const char **needed;
	uint32_t needed_count;
};

/* Looks at the file header alone. With ELF_FOREIGN, *what (a static string) says for whom the file is. */
enum elf_identity elf_identify(struct file_window *file, const char **what);

/* Parses an ELF_NATIVE file; `name` is for messages. Strings live in the arena. Errors: STATUS_CANNOT_EXEC. */
int elf_parse(struct file_window *file, const char *name, struct arena *arena, struct elf_info *out,
	      struct error *error);

#endif
