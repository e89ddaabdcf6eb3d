/* SPDX-License-Identifier: Apache-2.0
 * Profiles as files: refused or taken, never more; what is printed of one that was taken reads back to the same print.
 * sources: runner/options.c runner/syscalls.c runner/profile.c runner/profile_find.c runner/profile_print.c runner/builtin_profiles.S
 * runner/shares.c runner/rootfs.c runner/units.c runner/error.c
 * libs: -lyaml
 */
#include <assert.h>
#include <string.h>

#include "runner/profile.h"

/* The print of a profile; false when it is refused, or cannot be printed. */
static bool print_of(const char *text, size_t length, struct buffer *out)
{
	struct command command = {0};
	struct error error = {0};
	options_defaults(&command.run);
	int result = profile_parse(&command, "p", text, length, &error);
	if (result)
		assert(!strncmp(error.text, "p:", 2));
	else
		result = profile_print(&command, out, &error);
	options_free(&command);
	return !result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer first = {0}, second = {0};
	if (print_of((const char *)data, size, &first)) {
		assert(print_of((const char *)first.data, first.length, &second));
		assert(first.length == second.length && !memcmp(first.data, second.data, first.length));
	}
	buffer_free(&first);
	buffer_free(&second);
	return 0;
}
