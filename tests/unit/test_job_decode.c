/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's decoder of the JOB frame: gives back what was encoded, refuses everything malformed.
 * sources: initramfs/job.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "initramfs/job.h"

static struct wire_job header;
static char strings[16384]; /* behind the header */
static size_t strings_length;

static struct job job;
static char *slots[64];
static const char *what;
static char *payload; /* exactly as long as the job, so that the sanitizer sees a read beyond it */

static void add(const void *bytes, size_t length)
{
	assert_true(strings_length + length <= sizeof strings);
	memcpy(strings + strings_length, bytes, length);
	strings_length += length;
}

static void add_string(const char *string)
{
	add(string, strlen(string) + 1);
}

static void add_file(uint32_t kind, uint32_t mode, uint64_t size, const char *path, const char *target)
{
	struct wire_file file = {
	    .kind = kind,
	    .mode = mode,
	    .uid = 1,
	    .gid = 2,
	    .size = size,
	    .mtime_ns = -1,
	    .path_len = (uint32_t)strlen(path) + 1,
	    .link_len = target ? (uint32_t)strlen(target) + 1 : 0,
	};

	add(&file, sizeof file);
	add_string(path);
	if (target)
		add_string(target);
	header.nfiles++;
}

static void begin(void)
{
	header = (struct wire_job){.version = WIRE_VERSION, .stdio = {1, 1, 1}, .argc = 2, .envc = 1};
	strings_length = 0;
}

static void add_strings(const char *host, const char *user, const char *workdir, const char *home, const char *program)
{
	begin();
	add_string(host);
	add_string(user);
	add_string(workdir);
	add_string(home);
	add_string(program);
	add_string("zero");
	add_string("one");
	add_string("NAME=value");
}

static int setup(void **state)
{
	add_strings("host", "user", "/work", "/home/user", "/bin/prog");
	return 0;
}

static int teardown(void **state)
{
	free(payload);
	payload = NULL;
	return 0;
}

static int decode_first(size_t length)
{
	static char whole[sizeof header + sizeof strings];

	memcpy(whole, &header, sizeof header);
	memcpy(whole + sizeof header, strings, strings_length);
	free(payload);
	payload = malloc(length ? length : 1);
	memcpy(payload, whole, length);
	what = NULL;
	size_t count = job_vector_slots(payload, length);

	assert_true(count <= sizeof slots / sizeof *slots);
	int ret = job_decode(payload, length, slots, count, &job, &what);

	if (ret)
		assert_non_null(what);
	return ret;
}

static int decode(void)
{
	return decode_first(sizeof header + strings_length);
}

static void all_parts_come_back(void **state)
{
	struct job_file file;

	header.uid = 1000;
	header.rlimit_mask = 1;
	header.rlimit[0] = (struct wire_rlimit){5, 6};
	add_file(WIRE_FILE_REGULAR, 0755, 12345, "/bin/prog", NULL);
	add_file(WIRE_FILE_SYMLINK, 0777, 0, "/lib", "usr/lib");
	add_file(WIRE_FILE_DIRECTORY, 01777, 0, "/tmp", NULL);
	assert_int_equal(decode(), 0);
	assert_int_equal(job.header.uid, 1000);
	assert_int_equal(job.header.rlimit[0].hard, 6);
	assert_string_equal(job.hostname, "host");
	assert_string_equal(job.user, "user");
	assert_string_equal(job.workdir, "/work");
	assert_string_equal(job.home, "/home/user");
	assert_string_equal(job.program, "/bin/prog");
	assert_string_equal(job.argv[0], "zero");
	assert_string_equal(job.argv[1], "one");
	assert_null(job.argv[2]);
	assert_string_equal(job.envp[0], "NAME=value");
	assert_null(job.envp[1]);
	assert_int_equal(job_next_file(&job, &file), 1);
	assert_string_equal(file.path, "/bin/prog");
	assert_int_equal(file.header.size, 12345);
	assert_int_equal(file.header.mtime_ns, -1);
	assert_null(file.target);
	assert_int_equal(job_next_file(&job, &file), 1);
	assert_string_equal(file.path, "/lib");
	assert_string_equal(file.target, "usr/lib");
	assert_int_equal(job_next_file(&job, &file), 1);
	assert_int_equal(file.header.mode, 01777);
	assert_int_equal(job_next_file(&job, &file), 0);
}

static void every_truncation_is_refused(void **state)
{
	add_file(WIRE_FILE_REGULAR, 0755, 1, "/bin/prog", NULL);
	add_file(WIRE_FILE_SYMLINK, 0777, 0, "/lib", "usr/lib");
	for (size_t length = 0; length < sizeof header + strings_length; length++)
		assert_int_equal(decode_first(length), -EPROTO);
	assert_int_equal(decode(), 0);
}

static void bytes_behind_the_job_are_refused(void **state)
{
	add("", 1);
	assert_int_equal(decode(), -EPROTO);
}

static void other_version_is_told_apart(void **state)
{
	header.version++;
	assert_int_equal(decode(), -EPROTONOSUPPORT);
}

static void bad_header_fields_are_refused(void **state)
{
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		setup(state);                                                                                          \
		change;                                                                                                \
		assert_int_equal(decode(), -EPROTO);                                                                   \
	} while (0)
	REFUSED(header.flags = 2);
	REFUSED(header.nmounts = 1);
	REFUSED(header.nmounts = WIRE_MOUNTS_MAX + 1);
	REFUSED(header.umask = 01000);
	REFUSED(header.argc = 0);
	REFUSED(header.argc = 4);
	REFUSED(header.argc = WIRE_STRINGS_MAX + 1);
	REFUSED(header.argc = UINT32_MAX);
	REFUSED(header.envc = UINT32_MAX);
	REFUSED((header.argc = 1u << 31, header.envc = 1u << 31));
	REFUSED((header.argc = WIRE_STRINGS_MAX, header.envc = 1));
	REFUSED(header.nfiles = 1);
	REFUSED(header.nfiles = WIRE_FILES_MAX + 1);
	REFUSED(header.rlimit_mask = 1u << WIRE_RLIMITS);
	REFUSED((header.rlimit_mask = 2, header.rlimit[1].soft = 1));
}

static const char *prefetch = "nusr:fusr/bin/true";

static void add_mount(struct wire_mount mount, const char *path)
{
	if (!mount.path_len)
		mount.path_len = (uint32_t)strlen(path) + 1;
	add(&mount, sizeof mount);
	add_string(path);
	if (mount.prefetch_len)
		add_string(prefetch);
	header.nmounts++;
}

static void mounts_come_back(void **state)
{
	struct job_mount mount;

	setup(state);
	add_mount((struct wire_mount){.kind = WIRE_MOUNT_SHARE, .flags = WIRE_MOUNT_READONLY, .share = 15}, "/");
	add_mount((struct wire_mount){.kind = WIRE_MOUNT_TMPFS, .size = 1 << 20}, "/a/b");
	add_mount((struct wire_mount){.kind = WIRE_MOUNT_SHARE, .prefetch_len = (uint32_t)strlen(prefetch) + 1}, "/c");
	assert_int_equal(decode(), 0);
	assert_int_equal(job_next_mount(&job, &mount), 1);
	assert_int_equal(mount.header.share, 15);
	assert_string_equal(mount.path, "/");
	assert_string_equal(mount.prefetch, "");
	assert_int_equal(job_next_mount(&job, &mount), 1);
	assert_int_equal(mount.header.size, 1 << 20);
	assert_string_equal(mount.path, "/a/b");
	assert_int_equal(job_next_mount(&job, &mount), 1);
	assert_string_equal(mount.path, "/c");
	assert_string_equal(mount.prefetch, prefetch);
	assert_int_equal(job_next_mount(&job, &mount), 0);
}

static void bad_mounts_are_refused(void **state)
{
	static const struct wire_mount share = {.kind = WIRE_MOUNT_SHARE}, tmpfs = {.kind = WIRE_MOUNT_TMPFS};
#define BAD_MOUNT(base, path, change)                                                                                  \
	do {                                                                                                           \
		struct wire_mount mount = base;                                                                        \
		setup(state);                                                                                          \
		change;                                                                                                \
		add_mount(mount, path);                                                                                \
		assert_int_equal(decode(), -EPROTO);                                                                   \
	} while (0)
	BAD_MOUNT(share, "/a", mount.kind = 0);
	BAD_MOUNT(share, "/a", mount.kind = WIRE_MOUNT_COPY_OUT + 1);
	BAD_MOUNT(share, "/a", mount.kind = WIRE_MOUNT_IMAGE);
	BAD_MOUNT(share, "/a", mount.flags = 4);
	BAD_MOUNT(share, "/a", mount.share = WIRE_FILES_SESSIONS_MAX);
	BAD_MOUNT(share, "/a", mount.size = 1);
	BAD_MOUNT(tmpfs, "/a", mount.kind = WIRE_MOUNT_TAR);
	BAD_MOUNT(share, "/", (mount.kind = WIRE_MOUNT_COPY_OUT, mount.flags = WIRE_MOUNT_READONLY));
	BAD_MOUNT(tmpfs, "/a", mount.share = 1);
	BAD_MOUNT(tmpfs, "/a", mount.flags = WIRE_MOUNT_READONLY);
	BAD_MOUNT(tmpfs, "/a", mount.path_len = 2);
	BAD_MOUNT(tmpfs, "/a", mount.path_len = 4);
	BAD_MOUNT(tmpfs, "/a", mount.path_len = WIRE_PATH_MAX + 1);
	BAD_MOUNT(tmpfs, "a", mount.size = 1);
	BAD_MOUNT(tmpfs, "", mount.size = 1);
	BAD_MOUNT(tmpfs, "/a/..", mount.size = 1);
	BAD_MOUNT(tmpfs, "/./a", mount.size = 1);
	uint32_t length = (uint32_t)strlen(prefetch) + 1;
	BAD_MOUNT(tmpfs, "/a", mount.prefetch_len = length);
	BAD_MOUNT(share, "/a", mount.reserved = 1);
	BAD_MOUNT(share, "/a", mount.prefetch_len = 1);
	BAD_MOUNT(share, "/a", mount.prefetch_len = length - 1);
	BAD_MOUNT(share, "/a", mount.prefetch_len = length + 1);
	BAD_MOUNT(share, "/a", mount.prefetch_len = WIRE_PREFETCH_MAX + 1);
	prefetch = "na,rw";
	BAD_MOUNT(share, "/a", mount.prefetch_len = 6);
}

static void bad_stdio_is_refused(void **state)
{
	static const uint8_t bad[][4] = {{3, 1, 1, 0}, {1, 3, 1, 0}, {5, 1, 1, 0}, {1, 1, 255, 0}, {4, 1, 1, 0},
					 {1, 4, 4, 0}, {1, 1, 4, 0}, {4, 1, 4, 0}, {1, 1, 1, 1}};
	static const uint8_t good[][4] = {{0, 0, 0, 0}, {1, 2, 3, 0}, {4, 4, 4, 0}, {2, 0, 3, 0},
					  {4, 4, 1, 0}, {4, 4, 2, 0}, {4, 4, 0, 0}};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memcpy(header.stdio, bad[i], 4);
		assert_int_equal(decode(), -EPROTO);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		memcpy(header.stdio, good[i], 4);
		assert_int_equal(decode(), 0);
	}
}

static void bad_strings_are_refused(void **state)
{
	static char name65[WIRE_HOSTNAME_MAX + 1], path4096[WIRE_PATH_MAX + 1];
	static const char *const bad[] = {"",	     "relative", "/.",	 "/..", "/a/..",
					  "/a/../b", "/a/.",	 "/./a", "//.", path4096};
	static const char *const good[] = {"/", "/...", "/.a", "/a.", "/..a/b..", "/a//b", "/a/"};

	memset(name65, 'x', WIRE_HOSTNAME_MAX);
	memset(path4096, '/', WIRE_PATH_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		add_strings("h", "u", bad[i], "/", "/p");
		assert_int_equal(decode(), -EPROTO);
		add_strings("h", "u", "/", bad[i], "/p");
		assert_int_equal(decode(), -EPROTO);
		add_strings("h", "u", "/", "/", bad[i]);
		assert_int_equal(decode(), -EPROTO);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		add_strings("", "", good[i], good[i], good[i]);
		assert_int_equal(decode(), 0);
	}
	add_strings(name65, "u", "/", "/", "/p");
	assert_int_equal(decode(), -EPROTO);
	add_strings(name65 + 1, "u", "/", "/", "/p");
	assert_int_equal(decode(), 0);
	add_strings("h", "a:b", "/", "/", "/p");
	assert_int_equal(decode(), -EPROTO);
	add_strings("h", "a\nb", "/", "/", "/p");
	assert_int_equal(decode(), -EPROTO);
}

static int decode_one_file(uint32_t kind, uint32_t mode, uint64_t size, const char *path, const char *target)
{
	setup(NULL);
	add_file(kind, mode, size, path, target);
	return decode();
}

static void bad_file_records_are_refused(void **state)
{
	assert_int_equal(decode_one_file(0, 0644, 0, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(4, 0644, 0, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 010000, 0, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 0644, INT64_MAX, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 0644, UINT64_MAX, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_DIRECTORY, 0755, 1, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_SYMLINK, 0777, 1, "/f", "t"), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_SYMLINK, 0777, 0, "/f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_SYMLINK, 0777, 0, "/f", ""), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 0644, 0, "/f", "t"), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 0644, 0, "f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 0644, 0, "/a/../f", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_REGULAR, 0644, 0, "", NULL), -EPROTO);
	assert_int_equal(decode_one_file(WIRE_FILE_SYMLINK, 0777, 0, "/f", "../any//thing"), 0);
}

/* The offset of the first record's field, changed after the fact. */
static void bad_lengths_in_records_are_refused(void **state)
{
	static const uint32_t lengths[] = {0, 1, 2, 4, 6, 7, WIRE_PATH_MAX, WIRE_PATH_MAX + 1, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (int field = 0; field < 2; field++) {
			setup(state);
			size_t at = strings_length + (field ? offsetof(struct wire_file, link_len)
							    : offsetof(struct wire_file, path_len));

			add_file(WIRE_FILE_SYMLINK, 0777, 0, "/abc", "/abc"); /* both 5 with the NUL */
			memcpy(strings + at, &lengths[i], 4);
			assert_int_equal(decode(), -EPROTO);
		}
	setup(state); /* a NUL inside */
	size_t record = strings_length;

	add_file(WIRE_FILE_REGULAR, 0644, 0, "/abc", NULL);
	strings[record + sizeof(struct wire_file) + 2] = 0;
	assert_int_equal(decode(), -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_parts_come_back),
	    TEST(every_truncation_is_refused),
	    TEST(bytes_behind_the_job_are_refused),
	    TEST(other_version_is_told_apart),
	    TEST(bad_header_fields_are_refused),
	    TEST(mounts_come_back),
	    TEST(bad_mounts_are_refused),
	    TEST(bad_stdio_is_refused),
	    TEST(bad_strings_are_refused),
	    TEST(bad_file_records_are_refused),
	    TEST(bad_lengths_in_records_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
