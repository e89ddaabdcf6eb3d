/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as ld.so.cache: look-ups end, and what they find is an absolute path that ends within the file.
 * sources: runner/ldcache.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"libz.so.1", "libx.so.10", "libx.so.9", "liba.so", ""};
	struct ldcache cache;
	struct ldcache_hit hits[4];
	if (ldcache_open(data, size, &cache))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t count = ldcache_find(&cache, names[i], hits, 4);
		for (size_t k = 0; k < count; k++)
			if (hits[k].path[0] != '/' || strlen(hits[k].path) >= LDCACHE_PATH_MAX)
				abort();
	}
	return 0;
}
