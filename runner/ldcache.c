/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout (glibc 2.2 and later): header, `count` entries sorted downwards by name, strings. Offsets of strings count
 * from the header. The order of names is that of version numbers: runs of digits compare as numbers.
 */
#include "runner/ldcache.h"

#include <string.h>

#define NEW_MAGIC   "glibc-ld.so.cache1.1"
#define OLD_MAGIC   "ld.so-1.7.0"
#define OLD_ENTRY   12u
#define OLD_HEADER  16u
#define FLAG_X86_64 0x0303 /* an ELF library for libc 6, 64-bit x86 */

struct header {
	char magic[20];
	uint32_t count;
	uint32_t string_bytes;
	uint8_t flags, pad[3];
	uint32_t extension;
	uint32_t unused[3];
};

struct entry {
	int32_t flags;
	uint32_t key, value; /* string offsets: name, path */
	uint32_t os_version;
	uint64_t hwcap; /* 0: for any CPU */
};
_Static_assert(sizeof(struct header) == 48 && sizeof(struct entry) == 24, "format of ld.so.cache");

int ldcache_open(const void *bytes, size_t size, struct ldcache *out)
{
	const uint8_t *start = bytes;
	struct header header;
	*out = (struct ldcache){0};
	if (size > OLD_HEADER && !memcmp(start, OLD_MAGIC, sizeof(OLD_MAGIC) - 1)) {
		uint32_t old;
		memcpy(&old, start + 12, sizeof(old));
		uint64_t skip = (OLD_HEADER + (uint64_t)old * OLD_ENTRY + 7) & ~7ull;
		if (skip > size)
			return -1;
		start += skip;
		size -= skip;
	}
	if (size < sizeof(header) || size > LDCACHE_BYTES_MAX)
		return -1;
	memcpy(&header, start, sizeof(header));
	if (memcmp(header.magic, NEW_MAGIC, sizeof(header.magic)))
		return -1;
	if (header.count > (size - sizeof(header)) / sizeof(struct entry))
		return -1;
	*out = (struct ldcache){.bytes = start, .size = size, .count = header.count};
	return 0;
}

static struct entry entry_at(const struct ldcache *cache, uint32_t index)
{
	struct entry entry;
	memcpy(&entry, cache->bytes + sizeof(struct header) + (size_t)index * sizeof(entry), sizeof(entry));
	return entry;
}

/* The string at an offset, or "" when it does not end within the file. */
static const char *string_at(const struct ldcache *cache, uint32_t offset)
{
	if (offset >= cache->size)
		return "";
	const char *text = (const char *)cache->bytes + offset;
	size_t room = cache->size - offset;
	return memchr(text, 0, room < LDCACHE_PATH_MAX ? room : LDCACHE_PATH_MAX) ? text : "";
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Compares two runs of digits as numbers of any length and moves both pointers behind them. */
static int compare_numbers(const char **a, const char **b)
{
	while (**a == '0' && digit((*a)[1]))
		++*a;
	while (**b == '0' && digit((*b)[1]))
		++*b;
	size_t la = strspn(*a, "0123456789"), lb = strspn(*b, "0123456789");
	int order = la != lb ? (la > lb ? 1 : -1) : memcmp(*a, *b, la);
	*a += la;
	*b += lb;
	return order;
}

static int compare_names(const char *a, const char *b)
{
	while (*a) {
		if (digit(*a) != digit(*b))
			return digit(*a) ? 1 : -1;
		if (digit(*a)) {
			int order = compare_numbers(&a, &b);
			if (order)
				return order;
		} else if (*a != *b) {
			return (signed char)*a - (signed char)*b;
		} else {
			a++;
			b++;
		}
	}
	return (signed char)*a - (signed char)*b;
}

/* The first entry whose name does not come before `name` in the (descending) table. */
static uint32_t lower_bound(const struct ldcache *cache, const char *name)
{
	uint32_t low = 0, high = cache->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_names(string_at(cache, entry_at(cache, middle).key), name) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t ldcache_find(const struct ldcache *cache, const char *name, struct ldcache_hit *hits, size_t max)
{
	size_t found = 0;
	for (uint32_t i = lower_bound(cache, name); i < cache->count && found < max; i++) {
		struct entry entry = entry_at(cache, i);
		if (compare_names(string_at(cache, entry.key), name))
			break;
		const char *path = string_at(cache, entry.value);
		if (entry.flags == FLAG_X86_64 && path[0] == '/' && !strcmp(string_at(cache, entry.key), name))
			hits[found++] = (struct ldcache_hit){.path = path, .variant = entry.hwcap != 0};
	}
	return found;
}
