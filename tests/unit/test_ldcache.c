/* SPDX-License-Identifier: Apache-2.0
 * ld.so.cache: tables made here, and the host's own against ldconfig -p.
 * sources: runner/ldcache.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/ldcache.h"

struct row {
	int32_t flags;
	const char *name, *path;
	uint64_t hwcap;
};

/* Descending by version order, as ldconfig writes them. */
static const struct row rows[] = {
    {0x0303, "libz.so.1", "/lib/libz.so.1", 0},
    {0x0003, "libx.so.10", "/lib32/libx.so.10", 0},
    {0x0303, "libx.so.10", "/lib/v3/libx.so.10", 1ull << 62},
    {0x0303, "libx.so.10", "/lib/libx.so.10", 0},
    {0x0303, "libx.so.9", "/lib/libx.so.9", 0},
    {0x0303, "liba.so", "relative/liba.so", 0},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
}

/* Writes a cache; returns its size. */
static size_t make_cache(uint8_t *out)
{
	size_t strings = 48 + ROWS * 24;
	memset(out, 0, strings);
	memcpy(out, "glibc-ld.so.cache1.1", 20);
	put32(out + 20, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		uint8_t *entry = out + 48 + i * 24;
		put32(entry, (uint32_t)rows[i].flags);
		put32(entry + 4, (uint32_t)strings);
		strings += strlen(strcpy((char *)out + strings, rows[i].name)) + 1;
		put32(entry + 8, (uint32_t)strings);
		strings += strlen(strcpy((char *)out + strings, rows[i].path)) + 1;
		memcpy(entry + 16, &rows[i].hwcap, 8);
	}
	return strings;
}

static void libraries_are_found_by_name(void **state)
{
	uint8_t bytes[2048];
	size_t size = make_cache(bytes);
	struct ldcache cache;
	struct ldcache_hit hits[4];
	assert_int_equal(ldcache_open(bytes, size, &cache), 0);
	assert_int_equal(ldcache_find(&cache, "libz.so.1", hits, 4), 1);
	assert_string_equal(hits[0].path, "/lib/libz.so.1");
	assert_int_equal(ldcache_find(&cache, "libx.so.9", hits, 4), 1);
	assert_int_equal(ldcache_find(&cache, "libx.so.10", hits, 4), 2);
	assert_string_equal(hits[0].path, "/lib/v3/libx.so.10");
	assert_true(hits[0].variant);
	assert_string_equal(hits[1].path, "/lib/libx.so.10");
	assert_false(hits[1].variant);
	assert_int_equal(ldcache_find(&cache, "libx.so.10", hits, 1), 1);
	assert_int_equal(ldcache_find(&cache, "libx.so.010", hits, 4), 0);
	assert_int_equal(ldcache_find(&cache, "libx.so", hits, 4), 0);
	assert_int_equal(ldcache_find(&cache, "", hits, 4), 0);
}

static void relative_paths_are_not_believed(void **state)
{
	uint8_t bytes[2048];
	struct ldcache cache;
	struct ldcache_hit hits[4];
	size_t size = make_cache(bytes);
	assert_int_equal(ldcache_open(bytes, size, &cache), 0);
	assert_int_equal(ldcache_find(&cache, "liba.so", hits, 4), 0);
}

static void the_older_header_in_front_is_skipped(void **state)
{
	uint8_t bytes[4096] = "ld.so-1.7.0";
	struct ldcache cache;
	struct ldcache_hit hits[4];
	put32(bytes + 12, 3); /* 16 + 3 * 12 = 52, the new header is at 56 */
	size_t size = 56 + make_cache(bytes + 56);
	assert_int_equal(ldcache_open(bytes, size, &cache), 0);
	assert_int_equal(ldcache_find(&cache, "libz.so.1", hits, 4), 1);
	put32(bytes + 12, 0xffffffff);
	assert_int_equal(ldcache_open(bytes, size, &cache), -1);
}

static void other_files_are_refused(void **state)
{
	uint8_t bytes[2048];
	struct ldcache cache;
	size_t size = make_cache(bytes);
	assert_int_equal(ldcache_open(bytes, 0, &cache), -1);
	assert_int_equal(ldcache_open(bytes, 47, &cache), -1);
	assert_int_equal(ldcache_open("hello", 5, &cache), -1);
	put32(bytes + 20, ROWS + 100);
	assert_int_equal(ldcache_open(bytes, size, &cache), -1);
	put32(bytes + 20, UINT32_MAX);
	assert_int_equal(ldcache_open(bytes, size, &cache), -1);
}

static void cut_and_wild_strings_find_nothing(void **state)
{
	uint8_t bytes[2048];
	struct ldcache cache;
	struct ldcache_hit hits[4];
	size_t size = make_cache(bytes);
	for (size_t cut = 48 + ROWS * 24; cut < size; cut++) {
		uint8_t *copy = malloc(cut); /* exact, for the address sanitizer */
		memcpy(copy, bytes, cut);
		assert_int_equal(ldcache_open(copy, cut, &cache), 0);
		for (size_t i = 0; i < ROWS; i++)
			ldcache_find(&cache, rows[i].name, hits, 4);
		free(copy);
	}
	put32(bytes + 48 + 8, 0xfffffff0);
	assert_int_equal(ldcache_open(bytes, size, &cache), 0);
	assert_int_equal(ldcache_find(&cache, "libz.so.1", hits, 4), 0);
}

static void the_hosts_cache_agrees_with_ldconfig(void **state)
{
	FILE *file = fopen("/etc/ld.so.cache", "r");
	if (!file)
		skip();
	static uint8_t bytes[8 << 20];
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	struct ldcache cache;
	assert_int_equal(ldcache_open(bytes, size, &cache), 0);
	FILE *list = popen("/sbin/ldconfig -p", "r");
	char name[512], rest[512], path[512], line[2048];
	int compared = 0;
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, " %500s (%500[^)]) => %500s", name, rest, path) != 3 || strcmp(rest, "libc6,x86-64"))
			continue;
		struct ldcache_hit hits[8];
		size_t count = ldcache_find(&cache, name, hits, 8), found = 0;
		for (size_t i = 0; i < count; i++)
			found += !strcmp(hits[i].path, path);
		if (found != 1)
			fail_msg("%s => %s: found %zu times", name, path, found);
		compared++;
	}
	pclose(list);
	assert_true(compared > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(libraries_are_found_by_name),
	    cmocka_unit_test(relative_paths_are_not_believed),
	    cmocka_unit_test(the_older_header_in_front_is_skipped),
	    cmocka_unit_test(other_files_are_refused),
	    cmocka_unit_test(cut_and_wild_strings_find_nothing),
	    cmocka_unit_test(the_hosts_cache_agrees_with_ldconfig),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
