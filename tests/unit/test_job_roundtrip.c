/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runner encodes as a job is what the agent decodes.
 * sources: runner/job.c runner/prefetch.c runner/shares.c runner/rootfs.c runner/units.c runner/error.c initramfs/job.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "initramfs/job.h"
#include "runner/job.h"

static void the_agent_decodes_what_the_runner_encodes(void **state)
{
	char *argv[] = {"prog", "", "two", NULL};
	const char *vars[] = {"PATH=/bin", "EMPTY="};
	struct run_spec spec = {.program = "prog",
				.argv = argv,
				.argc = 3,
				.hostname = "host",
				.uid = 1000,
				.gid = 100,
				.mount = {{.kind = SPEC_RO, .host = "/", .guest = "/"},
					  {.kind = SPEC_TMPFS, .guest = "/t", .size = 4096},
					  {.kind = SPEC_RW, .host = "/dev/null", .guest = "/f"}},
				.mount_count = 3};
	struct environment environment = {.user = "me", .home = "/home/me", .vars = vars, .count = 2};
	struct closure_entry entries[] = {
	    {.kind = WIRE_FILE_SYMLINK, .mode = 0777, .path = "/lib64", .target = "usr/lib64", .fd = -1},
	    {.kind = WIRE_FILE_REGULAR,
	     .mode = 0755,
	     .uid = 7,
	     .size = 5000,
	     .mtime_ns = 42,
	     .path = "/usr/lib64/ld.so",
	     .fd = -1},
	    {.kind = WIRE_FILE_DIRECTORY, .mode = 0700, .size = 4096, .path = "/data", .fd = -1},
	    /* in the share */
	    {.kind = WIRE_FILE_SYMLINK, .path = "/bin", .target = "usr/bin", .fd = -1},
	    {.kind = WIRE_FILE_REGULAR, .size = 1, .path = "/usr/bin/prog", .fd = -1},
	};
	struct closure closure = {.entries = entries, .count = 3, .shared = 2, .exec_path = "/usr/bin/prog"};
	struct job_stdio stdio = {.kind = {WIRE_STDIO_STREAM, WIRE_STDIO_NULL, WIRE_STDIO_STDOUT}};
	struct buffer out = {0};
	struct error error = {0};
	struct wire_frame frame;
	struct job_file file;
	struct job_mount mount;
	static const char hint[] = "ndev:nproc:nsys:ntmp:nrun:lbin:fusr/bin/prog:netc/ld.so.preload:"
				   "fetc/ld.so.cache:nusr";
	static const struct wire_mount mounts[] = {{WIRE_MOUNT_SHARE, WIRE_MOUNT_READONLY, 0, 2, 0, sizeof hint, 0},
						   {WIRE_MOUNT_TMPFS, 0, 0, 3, 4096, 0, 0},
						   {WIRE_MOUNT_SHARE, WIRE_MOUNT_FILE, 1, 3, 0, 0, 0}};
	char *slots[16];
	const char *what = NULL;
	struct job job;
	char cwd[WIRE_PATH_MAX];

	/* Somewhere in the share: /tmp, where the tests may run, stays the guest's own. */
	assert_int_equal(chdir("/usr"), 0);
	assert_int_equal(job_encode(&spec, &environment, &closure, &stdio, &out, &error), 0);
	memcpy(&frame, out.data, sizeof frame);
	assert_int_equal(frame.type, WIRE_JOB);
	assert_int_equal(frame.length, out.length - sizeof frame);
	char *payload = (char *)out.data + sizeof frame;
	size_t count = job_vector_slots(payload, frame.length);

	assert_int_equal(count, 7);
	assert_int_equal(job_decode(payload, frame.length, slots, count, &job, &what), 0);
	assert_int_equal(job.header.uid, 1000);
	assert_int_equal(job.header.gid, 100);
	assert_int_equal(job.header.stdio[2], WIRE_STDIO_STDOUT);
	assert_string_equal(job.hostname, "host");
	assert_string_equal(job.user, "me");
	assert_string_equal(job.workdir, getcwd(cwd, sizeof cwd)); /* it is in a share */
	assert_string_equal(job.home, "/home/me");
	assert_string_equal(job.program, "/usr/bin/prog");
	assert_string_equal(job.argv[1], "");
	assert_string_equal(job.argv[2], "two");
	assert_string_equal(job.envp[1], "EMPTY=");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(job_next_mount(&job, &mount), 1);
		assert_memory_equal(&mount.header, &mounts[i], sizeof mounts[i]);
		assert_string_equal(mount.path, spec.mount[i].guest);
		assert_string_equal(mount.prefetch, i ? "" : hint);
	}
	assert_int_equal(job_next_mount(&job, &mount), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(job_next_file(&job, &file), 1);
		assert_string_equal(file.path, entries[i].path);
		assert_int_equal(file.header.kind, entries[i].kind);
		assert_int_equal(file.header.mode, entries[i].mode);
	}
	assert_int_equal(job_next_file(&job, &file), 0);
	free(out.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_agent_decodes_what_the_runner_encodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
