/* SPDX-License-Identifier: Apache-2.0
 * From notes to a profile: the grain of each path, and that what is written can be read.
 * sources: runner/record.c runner/path_tree.c runner/options.c runner/syscalls.c runner/profile.c runner/profile_find.c
 * runner/profile_print.c runner/builtin_profiles.S runner/shares.c runner/rootfs.c runner/units.c runner/error.c
 * libs: -lyaml
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/p9_reach.h"
#include "runner/profile.h"
#include "runner/record.h"

static char file[64];
static struct path_tree *paths;
static struct record record;
static struct syscall_set used;
static struct error error;

static int setup(void **state)
{
	strcpy(file, "/tmp/record-XXXXXX");
	close(mkstemp(file));
	paths = path_tree_new();
	record = (struct record){.fd = -1};
	used = (struct syscall_set){0};
	error = (struct error){0};
	assert_non_null(paths);
	assert_int_equal(record_open(&record, file, "memory: 64M\n", &error), 0);
	return 0;
}

static int teardown(void **state)
{
	munmap(paths, sizeof(*paths));
	munmap(record.paths, sizeof(*record.paths));
	buffer_free(&record.text);
	close(record.fd);
	return unlink(file);
}

static void note(const char *path, unsigned how)
{
	paths->node[path_tree_add_path(paths, path)].flags |= how;
}

/* What was written between the head and the system calls. */
static const char *written(void)
{
	static char text[PROFILE_BYTES_MAX + 1];
	if (record_write(&record, paths, &used, &error))
		fail_msg("%s", error.text);
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = 0;
	assert_memory_equal(text, "memory: 64M\n", 12);
	char *calls = strstr(text, "allow-syscall:");
	assert_non_null(calls);
	*calls = 0;
	return text + 12;
}

static void what_was_used_is_listed_itself(void **state)
{
	note("/usr/bin/cat", NOTED_READ);
	note("/usr/bin/dir", 0);	/* looked at */
	note("/usr/share", NOTED_READ); /* its names were read */
	note("/usr/share/doc/file", NOTED_READ);
	note("/home/out", NOTED_WRITE);
	assert_string_equal(written(), "allow-read:\n  - /usr/bin/cat\n  - /usr/bin/dir\n  - /usr/share\n"
				       "  - /usr/share/doc/file\nallow-write:\n  - /home/out\n");
}

static void a_directory_that_was_made_is_listed_whole(void **state)
{
	note("/w/made", NOTED_WRITE | NOTED_MADE | NOTED_TREE);
	note("/w/made/below/file", NOTED_WRITE | NOTED_MADE);
	note("/w/made/read", NOTED_READ);
	note("/w/other", NOTED_WRITE | NOTED_MADE);
	assert_string_equal(written(), "allow-write:\n  - /w/made/\n  - /w/other\n");
}

static void a_directory_with_temporary_files_is_listed_whole(void **state)
{
	note("/w/dir/tmp.123", NOTED_WRITE | NOTED_MADE | NOTED_GONE);
	note("/w/dir/read", NOTED_READ);
	note("/w/file", NOTED_WRITE | NOTED_GONE); /* was there before */
	assert_string_equal(written(), "allow-write:\n  - /w/dir/\n  - /w/file\n");
}

static void the_root_alone_is_not_all(void **state)
{
	note("/", NOTED_READ);
	note("/etc", 0);
	assert_string_equal(written(), "allow-read:\n  - /.\n  - /etc\n");
}

static void places_of_mounts_are_not_listed(void **state)
{
	note("/dev", NOTED_OWN);
	note("/tmp", NOTED_OWN | NOTED_READ);
	note("/etc", 0);
	assert_string_equal(written(), "allow-read:\n  - /tmp\n  - /etc\n");
}

static void names_survive(void **state)
{
	struct command command = {0};
	static const char *const names[] = {"/a b", "/a: #", "/\"quoted\" \\", "/new\nline", "/\xc3\xa4", "/true",
					    "/-",   "/~"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		note(names[i], NOTED_READ);
	const char *text = written();
	assert_int_equal(profile_parse(&command, "p", text, strlen(text), &error), 0);
	assert_int_equal(command.run.reach_count, 8);
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(command.run.reach[i].path, names[i]);
	options_free(&command);
}

static void system_calls_by_name(void **state)
{
	char text[512] = "";
	assert_null(syscalls_add(&used, "read,fork"));
	used.bits[BOOT_CALLS / 64 - 1] |= 1ull << 63; /* one without a name */
	assert_int_equal(record_write(&record, NULL, &used, &error), 0);
	int fd = open(file, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text, "memory: 64M\nallow-syscall:\n  - read\n  - rt_sigreturn\n  - fork\n  - exit\n"
				  "  - restart_syscall\n  - exit_group\n");
}

static void what_is_not_utf8_is_told(void **state)
{
	note("/a\xff", NOTED_READ);
	assert_int_equal(record_write(&record, paths, &used, &error), -1);
	assert_non_null(strstr(error.text, "1 paths are not UTF-8"));
}

static void more_than_a_profile_holds_is_told(void **state)
{
	char path[600];
	for (unsigned i = 0; i < 8000; i++) {
		snprintf(path, sizeof(path), "/%0200u", i);
		note(path, NOTED_READ);
	}
	size_t capacity = record.text.capacity;
	assert_int_equal(record_write(&record, paths, &used, &error), -1);
	assert_non_null(strstr(error.text, "more than a profile"));
	assert_int_equal(record.text.capacity, capacity);
}

static void a_full_tree_is_told(void **state)
{
	paths->full = true;
	assert_int_equal(record_write(&record, paths, &used, &error), -1);
	assert_non_null(strstr(error.text, "more paths"));
}

/* The files server may be the guest's. */
static void a_hostile_tree_is_survived(void **state)
{
	uint32_t x = 1;
	note("/a/b", NOTED_READ);
	paths->nodes = PATH_TREE_NODES;
	paths->text_bytes = PATH_TREE_TEXT;
	for (unsigned i = 0; i < sizeof(*paths) / 4 - 3; i++)
		((uint32_t *)paths)[3 + i] = x = x * 1664525 + 1013904223;
	paths->full = false;
	for (unsigned i = 1; i < PATH_TREE_NODES; i += 3)
		paths->node[i].parent %= i + 1;
	record_write(&record, paths, &used, &error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_was_used_is_listed_itself, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_directory_that_was_made_is_listed_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_directory_with_temporary_files_is_listed_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_root_alone_is_not_all, setup, teardown),
	    cmocka_unit_test_setup_teardown(places_of_mounts_are_not_listed, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_survive, setup, teardown),
	    cmocka_unit_test_setup_teardown(system_calls_by_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_not_utf8_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(more_than_a_profile_holds_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_full_tree_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_hostile_tree_is_survived, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
