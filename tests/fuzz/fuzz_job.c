/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's decoder of the JOB frame. What it accepts must be what it promises.
 * sources: initramfs/job.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "initramfs/job.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

static void check_path(const char *path)
{
	CHECK(path[0] == '/' && strlen(path) < WIRE_PATH_MAX);
	CHECK(!strstr(path, "/../") && !strstr(path, "/./"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *slots[WIRE_STRINGS_MAX + 2];
	char *payload = malloc(size + 1); /* malloc(0) may be NULL */
	const char *what;
	struct job job;
	struct job_file file;
	struct job_mount mount;
	uint32_t files = 0, mounts = 0;

	memcpy(payload, data, size);
	size_t count = job_vector_slots(payload, size);

	CHECK(count <= sizeof slots / sizeof *slots);
	if (count && job_decode(payload, size, slots, count, &job, &what) == 0) {
		check_path(job.workdir);
		check_path(job.home);
		if (job.header.flags & WIRE_JOB_SEARCH)
			CHECK(*job.program);
		else
			check_path(job.program);
		for (uint32_t i = 0; i < job.header.argc; i++)
			CHECK(job.argv[i] >= payload && job.argv[i] + strlen(job.argv[i]) < payload + size);
		CHECK(!job.argv[job.header.argc] && !job.envp[job.header.envc]);
		while (job_next_mount(&job, &mount)) {
			check_path(mount.path);
			CHECK(strlen(mount.prefetch) < WIRE_PREFETCH_MAX && !strchr(mount.prefetch, ','));
			mounts++;
		}
		CHECK(mounts == job.header.nmounts);
		while (job_next_file(&job, &file)) {
			check_path(file.path);
			CHECK(!file.target == (file.header.kind != WIRE_FILE_SYMLINK));
			CHECK(!file.target || *file.target);
			files++;
		}
		CHECK(files == job.header.nfiles);
	}
	free(payload);
	return 0;
}
