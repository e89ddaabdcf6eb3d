/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of the initramfs: accepts what writers of the format produce, refuses everything else.
 * sources: guestkernel/fs/cpio.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guestkernel/fs/cpio.h"

#define REG	  0100000u
#define DIRECTORY 0040000u
#define LNK	  0120000u
#define CHR	  0020000u

static char archive[65536];
static size_t length;

static struct cpio_entry seen[16];
static int seen_count;

static int record(void *context, const struct cpio_entry *entry)
{
	assert_true(seen_count < 16);
	seen[seen_count++] = *entry;
	return 0;
}

static int setup(void **state)
{
	memset(archive, 0, sizeof archive);
	length = 0;
	seen_count = 0;
	return 0;
}

static void add_raw(const char *name, size_t namesize, unsigned mode, unsigned nlink, const void *data, size_t size)
{
	length += (size_t)sprintf(archive + length, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 7u,
				  mode, 11u, 12u, nlink, 13u, (unsigned)size, 0u, 0u, 4u, 5u, (unsigned)namesize, 0u);
	memset(archive + length, 0, namesize + 4);
	memcpy(archive + length, name, strlen(name) < namesize ? strlen(name) : namesize);
	length = (length + namesize + 3) & ~(size_t)3;
	if (size)
		memcpy(archive + length, data, size);
	length = (length + size + 3) & ~(size_t)3;
}

static void add(const char *name, unsigned mode, const char *data)
{
	add_raw(name, strlen(name) + 1, mode, 1, data, strlen(data));
}

static void add_trailer(void)
{
	add("TRAILER!!!", 0, "");
}

static int parse(void)
{
	/* A copy of exactly this size, so that the sanitizer sees a read beyond the end. */
	char *exact = malloc(length ? length : 1);
	int ret;

	memcpy(exact, archive, length);
	seen_count = 0;
	ret = cpio_parse(exact, length, record, NULL);
	free(exact);
	return ret;
}

static void entries_arrive_in_order_with_all_fields(void **state)
{
	add_raw("dir", 4, DIRECTORY | 0755, 2, "", 0);
	add("dir/file", REG | 0644, "hello");
	add("dir/link", LNK | 0777, "file");
	add("null", CHR | 0666, "");
	add_trailer();
	assert_int_equal(cpio_parse(archive, length, record, NULL), 0);
	assert_int_equal(seen_count, 4);
	assert_string_equal(seen[0].name, "dir");
	assert_int_equal(seen[0].mode, DIRECTORY | 0755);
	assert_string_equal(seen[1].name, "dir/file");
	assert_int_equal(seen[1].name_length, 8);
	assert_int_equal(seen[1].uid, 11);
	assert_int_equal(seen[1].gid, 12);
	assert_int_equal(seen[1].mtime, 13);
	assert_int_equal(seen[1].size, 5);
	assert_memory_equal(archive + seen[1].data, "hello", 5);
	assert_null(seen[1].target);
	assert_int_equal(seen[2].size, 4);
	assert_memory_equal(seen[2].target, "file", 4);
	assert_int_equal(seen[3].rdev_major, 4);
	assert_int_equal(seen[3].rdev_minor, 5);
}

static void name_padded_with_nuls_aligns_the_contents(void **state)
{
	add_raw("init", 4096 - 110, REG | 0755, 1, "x", 1);
	add_trailer();
	assert_int_equal(parse(), 0);
	assert_int_equal(seen[0].data, 4096);
	assert_int_equal(seen[0].name_length, 4);
}

static void zeros_may_follow_the_trailer_and_nothing_else(void **state)
{
	add_trailer();
	length += 300;
	assert_int_equal(parse(), 0);
	archive[length - 1] = 1;
	assert_int_equal(parse(), CPIO_MALFORMED);
}

static void every_truncation_is_malformed(void **state)
{
	add("a", REG | 0644, "data");
	add("b", LNK | 0777, "a");
	add_trailer();
	for (size_t whole = length; length-- > 0;) {
		if (length >= whole - 1) /* padding behind the trailer's name */
			continue;
		assert_int_equal(parse(), CPIO_MALFORMED);
	}
}

static void entries_before_a_malformed_one_are_visited(void **state)
{
	add("a", REG | 0644, "");
	assert_int_equal(parse(), CPIO_MALFORMED);
	assert_int_equal(seen_count, 1);
}

static int refuse(void *context, const struct cpio_entry *entry)
{
	return *(int *)context;
}

static void the_visitors_error_is_returned(void **state)
{
	int error = -12;

	add("a", REG | 0644, "");
	assert_int_equal(cpio_parse(archive, length, refuse, &error), -12);
}

static void bad_names_are_malformed(void **state)
{
	static const char *const names[] = {"/a", "a//b", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a/", "/", ""};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		setup(state);
		add(names[i], DIRECTORY | 0755, "");
		add_trailer();
		assert_int_equal(parse(), CPIO_MALFORMED);
	}
	static const char *const good[] = {".", "...", "..a", "a/.b", ".a", "a..", "a/b/c"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		setup(state);
		add(good[i], DIRECTORY | 0755, "");
		add_trailer();
		assert_int_equal(parse(), 0);
	}
}

static void name_must_end_in_its_field(void **state)
{
	add_raw("abcd", 4, REG | 0644, 1, "", 0);
	add_trailer();
	assert_int_equal(parse(), CPIO_MALFORMED);
	setup(state);
	add_raw("", 0, REG | 0644, 1, "", 0);
	add_trailer();
	assert_int_equal(parse(), CPIO_MALFORMED);
	setup(state);
	add_raw("ab", 8, REG | 0644, 1, "", 0);
	archive[110 + 5] = 'x'; /* more after the NUL */
	add_trailer();
	assert_int_equal(parse(), CPIO_MALFORMED);
}

static void bad_types_are_malformed(void **state)
{
	static const struct {
		unsigned mode, nlink;
		const char *data;
	} bad[] = {
	    {0644, 1, ""},	 {0140755, 1, ""},  {REG | 0644, 2, ""},  {DIRECTORY | 0755, 2, "x"},
	    {LNK | 0777, 1, ""}, {0010644, 1, "x"}, {CHR | 0644, 1, "x"}, {REG | 0200000, 1, ""},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		setup(state);
		add_raw("a", 2, bad[i].mode, bad[i].nlink, bad[i].data, strlen(bad[i].data));
		add_trailer();
		assert_int_equal(parse(), CPIO_MALFORMED);
	}
	setup(state);
	add_raw("a", 2, LNK | 0777, 1, "b\0c", 3);
	add_trailer();
	assert_int_equal(parse(), CPIO_MALFORMED);
	setup(state);
	add(".", REG | 0644, "");
	add_trailer();
	assert_int_equal(parse(), CPIO_MALFORMED);
}

/* Field n of the first header: 8 digits from 6 + 8 * n. */
static void sizes_beyond_the_archive_are_malformed(void **state)
{
	static const char *const sizes[] = {"ffffffff", "FFFFFFFC", "7fffffff", "00001000",
					    "0000000g", "-0000001", " 0000001"};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int f = 6; f <= 11; f += 5) { /* c_filesize, c_namesize */
			setup(state);
			add("a", REG | 0644, "data");
			add_trailer();
			memcpy(archive + 6 + 8 * f, sizes[i], 8);
			assert_int_equal(parse(), CPIO_MALFORMED);
		}
}

static void other_formats_are_malformed(void **state)
{
	static const char *const magics[] = {"070702", "070707", "\x1f\x8b", ""};

	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		setup(state);
		add("a", REG | 0644, "data");
		add_trailer();
		memcpy(archive, magics[i], strlen(magics[i]) + 1);
		assert_int_equal(parse(), CPIO_MALFORMED);
	}
	length = 0;
	assert_int_equal(parse(), CPIO_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(entries_arrive_in_order_with_all_fields, setup),
	    cmocka_unit_test_setup(name_padded_with_nuls_aligns_the_contents, setup),
	    cmocka_unit_test_setup(zeros_may_follow_the_trailer_and_nothing_else, setup),
	    cmocka_unit_test_setup(every_truncation_is_malformed, setup),
	    cmocka_unit_test_setup(entries_before_a_malformed_one_are_visited, setup),
	    cmocka_unit_test_setup(the_visitors_error_is_returned, setup),
	    cmocka_unit_test_setup(bad_names_are_malformed, setup),
	    cmocka_unit_test_setup(name_must_end_in_its_field, setup),
	    cmocka_unit_test_setup(bad_types_are_malformed, setup),
	    cmocka_unit_test_setup(sizes_beyond_the_archive_are_malformed, setup),
	    cmocka_unit_test_setup(other_formats_are_malformed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
