/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads /etc/ld.so.cache, the index of libraries that ldconfig(8) makes and glibc's dynamic linker looks into: the
 * "glibc-ld.so.cache1.1" format, alone or behind the older one. Hostile contents find nothing.
 */
#ifndef RUNNER_LDCACHE_H
#define RUNNER_LDCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LDCACHE_BYTES_MAX (64u << 20)
#define LDCACHE_PATH_MAX  4096u /* bytes with the NUL */

struct ldcache {
	const uint8_t *bytes; /* of the new format's header */
	size_t size;
	uint32_t count;
};

struct ldcache_hit {
	const char *path; /* absolute, NUL-terminated, points into the cache */
	bool variant;	  /* for CPUs with certain features only: the linker in the guest decides whether to take it */
};

/* Checks the header; `bytes` must outlive *out. Returns 0, or -1 when this is not a cache that we can read. */
int ldcache_open(const void *bytes, size_t size, struct ldcache *out);

/* Finds the x86-64 libraries of that name, in the order of the cache: at most `max` hits, returns how many. */
size_t ldcache_find(const struct ldcache *cache, const char *name, struct ldcache_hit *hits, size_t max);

#endif
