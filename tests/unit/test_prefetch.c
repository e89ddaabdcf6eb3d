/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of what a program will want of a share.
 * sources: runner/prefetch.c runner/shares.c runner/rootfs.c runner/units.c runner/error.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "abi/wire.h"
#include "runner/prefetch.h"
#include "runner/shares.h"

#define POINTS "ndev:nproc:nsys:ntmp:nrun"

static struct run_spec spec;
static struct closure_entry entries[64];
static struct closure closure;
static char list[WIRE_PREFETCH_MAX];

static int setup(void **state)
{
	spec = (struct run_spec){0};
	closure = (struct closure){.entries = entries};
	return 0;
}

static void mount_at(enum spec_mount_kind kind, const char *guest)
{
	spec.mount[spec.mount_count++] = (struct spec_mount){.kind = kind, .host = "/", .guest = guest};
}

static void shared(uint32_t kind, const char *path)
{
	entries[closure.count + closure.shared++] = (struct closure_entry){.kind = kind, .path = path, .fd = -1};
}

static const char *list_of(unsigned mount)
{
	prefetch_list(&spec, &closure, "/home/me", &spec.mount[mount], list, sizeof(list));
	return list;
}

static void a_root_gets_the_guests_own_places_and_the_program(void **state)
{
	mount_at(SPEC_RO, "/");
	assert_string_equal(list_of(0), POINTS ":nhome/me");
	shared(WIRE_FILE_SYMLINK, "/bin");
	shared(WIRE_FILE_REGULAR, "/usr/bin/true");
	assert_string_equal(list_of(0), POINTS ":lbin:fusr/bin/true:netc/ld.so.preload:fetc/ld.so.cache:nhome/me");
}

static void each_share_gets_its_own(void **state)
{
	mount_at(SPEC_OVERLAY, "/usr");
	mount_at(SPEC_RO, "/usr/lib");
	mount_at(SPEC_RO, "/home");
	shared(WIRE_FILE_REGULAR, "/usr/bin/true");
	shared(WIRE_FILE_REGULAR, "/usr/lib/libc.so");
	shared(WIRE_FILE_REGULAR, "/elsewhere");
	assert_string_equal(list_of(0), "fbin/true");
	assert_string_equal(list_of(1), "flibc.so");
	assert_string_equal(list_of(2), "nme");
}

static void writable_shares_and_recordings_get_none(void **state)
{
	mount_at(SPEC_RW, "/");
	shared(WIRE_FILE_REGULAR, "/usr/bin/true");
	assert_string_equal(list_of(0), "");
	spec.mount[0].kind = SPEC_RO;
	spec.record_file = "record";
	assert_string_equal(list_of(0), "");
}

static void names_that_the_option_cannot_say_are_left_out(void **state)
{
	mount_at(SPEC_RO, "/s");
	shared(WIRE_FILE_REGULAR, "/s/a,b");
	shared(WIRE_FILE_REGULAR, "/s/a:b");
	shared(WIRE_FILE_REGULAR, "/s/good");
	shared(WIRE_FILE_DIRECTORY, "/s/dir");
	assert_string_equal(list_of(0), "fgood");
}

static void the_list_is_bounded(void **state)
{
	static char path[50][201];
	mount_at(SPEC_RO, "/");
	for (unsigned i = 0; i < 50; i++) {
		memset(path[i], 'x', 200);
		path[i][0] = '/';
		path[i][1] = (char)('0' + i);
		shared(WIRE_FILE_REGULAR, path[i]);
	}
	assert_true(strlen(list_of(0)) < sizeof(list));
	assert_true(strlen(list) > sizeof(list) - 202);
	for (unsigned size = 1; size < 300; size++) {
		memset(list, '!', sizeof(list));
		prefetch_list(&spec, &closure, "/home/me", &spec.mount[0], list, size);
		assert_true(strlen(list) < size);
		assert_int_equal(list[size], '!');
	}
}

static void what_is_dropped_stays_known(void **state)
{
	mount_at(SPEC_RO, "/s");
	const char *const paths[] = {"/s/1", "/2", "/s/3", "/s/4", "/5"};
	for (unsigned i = 0; i < 5; i++)
		entries[i] = (struct closure_entry){.kind = WIRE_FILE_REGULAR, .path = paths[i], .size = 1, .fd = -1};
	closure.count = closure.bytes = 5;
	shares_drop(&spec, &closure);
	assert_int_equal(closure.count, 2);
	assert_int_equal(closure.shared, 3);
	assert_int_equal(closure.bytes, 2);
	assert_string_equal(entries[0].path, "/2");
	assert_string_equal(entries[1].path, "/5");
	list_of(0);
	assert_int_equal(strlen(list), strlen("f1:f3:f4"));
	assert_non_null(strstr(list, "f1"));
	assert_non_null(strstr(list, "f3"));
	assert_non_null(strstr(list, "f4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_root_gets_the_guests_own_places_and_the_program, setup),
	    cmocka_unit_test_setup(each_share_gets_its_own, setup),
	    cmocka_unit_test_setup(writable_shares_and_recordings_get_none, setup),
	    cmocka_unit_test_setup(names_that_the_option_cannot_say_are_left_out, setup),
	    cmocka_unit_test_setup(the_list_is_bounded, setup),
	    cmocka_unit_test_setup(what_is_dropped_stays_known, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
