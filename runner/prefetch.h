/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program will want of a share at once: its own file, its libraries, the links to them, its directory. The
 * guest's kernel asks for all of it together (docs/files.md). A hint alone; knows nothing of the wire.
 */
#ifndef RUNNER_PREFETCH_H
#define RUNNER_PREFETCH_H

#include <stddef.h>

#include "runner/closure.h"
#include "runner/spec.h"

/* Writes the list for a mount as the mount option `prefetch` has it, at most `size` bytes with its NUL; what does not
 * fit is left out. Empty where nothing is kept: shares that are writable, and with --record, which would take it for
 * what the program reads. `workdir`: of the program in the guest. */
void prefetch_list(const struct run_spec *spec, const struct closure *closure, const char *workdir,
		   const struct spec_mount *mount, char *list, size_t size);

#endif
