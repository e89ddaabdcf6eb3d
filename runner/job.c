/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/job.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>

#include "runner/prefetch.h"
#include "runner/shares.h"

/* What a program finds on a Debian system, but for core files: nothing could collect them. */
static const struct {
	int resource;
	uint64_t soft, hard;
} limits[] = {
    {RLIMIT_NOFILE, 1024, 1048576},
    {RLIMIT_STACK, 8ull << 20, UINT64_MAX},
    {RLIMIT_CORE, 0, 0},
};

struct encoder {
	struct buffer *out;
	struct error *error;
	size_t start; /* of the frame */
};

static int put(struct encoder *encoder, const void *bytes, size_t length)
{
	if (buffer_append(encoder->out, bytes, length))
		return error_set(encoder->error, STATUS_RUNNER, "out of memory while encoding the job");
	return 0;
}

static int put_string(struct encoder *encoder, const char *text)
{
	return put(encoder, text, strlen(text) + 1);
}

/* A string of a bounded kind; `what` names it. */
static int put_bounded(struct encoder *encoder, const char *what, const char *text, size_t max)
{
	if (strlen(text) >= max)
		return error_set(encoder->error, STATUS_RUNNER, "%s is longer than %zu bytes", what, max - 1);
	return put_string(encoder, text);
}

static int put_file(struct encoder *encoder, const struct closure_entry *entry)
{
	struct wire_file file = {.kind = entry->kind,
				 .mode = entry->mode,
				 .uid = entry->uid,
				 .gid = entry->gid,
				 .size = entry->kind == WIRE_FILE_REGULAR ? entry->size : 0,
				 .mtime_ns = entry->mtime_ns,
				 .path_len = (uint32_t)strlen(entry->path) + 1};
	if (entry->kind == WIRE_FILE_SYMLINK)
		file.link_len = (uint32_t)strlen(entry->target) + 1;
	if (file.path_len > WIRE_PATH_MAX || file.link_len > WIRE_PATH_MAX)
		return error_set(encoder->error, STATUS_RUNNER, "a path is longer than %u bytes: %.200s",
				 WIRE_PATH_MAX - 1, entry->path);
	if (put(encoder, &file, sizeof(file)) || put_string(encoder, entry->path))
		return -1;
	return file.link_len ? put_string(encoder, entry->target) : 0;
}

static int put_mount(struct encoder *encoder, const struct run_spec *spec, const struct closure *closure,
		     const char *workdir, const struct spec_mount *mount)
{
	struct stat st;
	char prefetch[WIRE_PREFETCH_MAX];
	struct wire_mount wire = {
	    .kind = WIRE_MOUNT_TMPFS, .size = mount->size, .path_len = (uint32_t)strlen(mount->guest) + 1};
	if (mount->kind != SPEC_TMPFS) {
		wire.kind = mount->kind == SPEC_OVERLAY ? WIRE_MOUNT_OVERLAY
			    : mount->kind == SPEC_TAR	? WIRE_MOUNT_TAR
			    : mount->kind == SPEC_IMAGE ? WIRE_MOUNT_IMAGE
							: WIRE_MOUNT_SHARE;
		wire.share = shares_index(spec, mount);
		wire.flags = mount->kind == SPEC_RW ? 0 : WIRE_MOUNT_READONLY;
		if (!stat(mount->host, &st) && !S_ISDIR(st.st_mode))
			wire.flags |= WIRE_MOUNT_FILE;
	}
	prefetch_list(spec, closure, workdir, mount, prefetch, sizeof(prefetch));
	wire.prefetch_len = *prefetch ? (uint32_t)strlen(prefetch) + 1 : 0;
	if (put(encoder, &wire, sizeof(wire)) || put_string(encoder, mount->guest))
		return -1;
	return *prefetch ? put_string(encoder, prefetch) : 0;
}

static int put_copy(struct encoder *encoder, const struct run_spec *spec, const struct spec_copy *copy)
{
	struct stat st;
	struct wire_mount wire = {.kind = copy->out ? WIRE_MOUNT_COPY_OUT : WIRE_MOUNT_COPY_IN,
				  .share = shares_copy_index(spec, copy),
				  .path_len = (uint32_t)strlen(copy->guest) + 1};
	if (!copy->out) {
		wire.flags = WIRE_MOUNT_READONLY;
		if (!stat(copy->host, &st) && !S_ISDIR(st.st_mode))
			wire.flags |= WIRE_MOUNT_FILE;
	}
	return put(encoder, &wire, sizeof(wire)) || put_string(encoder, copy->guest) ? -1 : 0;
}

static int put_header(struct encoder *encoder, const struct run_spec *spec, const struct environment *environment,
		      uint32_t files, const struct job_stdio *stdio)
{
	struct wire_job job = {.version = WIRE_VERSION,
			       .flags = spec->rootfs ? WIRE_JOB_SEARCH : 0,
			       .uid = spec->uid,
			       .gid = spec->gid,
			       .umask = spec->umask,
			       .argc = (uint32_t)spec->argc,
			       .envc = (uint32_t)environment->count,
			       .nfiles = files,
			       .nmounts = spec->mount_count + spec->copy_count,
			       .disk_bytes = spec->disk_bytes,
			       .stdio = {stdio->kind[0], stdio->kind[1], stdio->kind[2], 0},
			       .rows = stdio->rows,
			       .cols = stdio->cols};
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		job.rlimit_mask |= 1u << limits[i].resource;
		job.rlimit[limits[i].resource] = (struct wire_rlimit){limits[i].soft, limits[i].hard};
	}
	return put(encoder, &job, sizeof(job));
}

static int put_strings(struct encoder *encoder, const struct run_spec *spec, const struct environment *environment,
		       const struct closure *closure, const char *workdir)
{
	if (put_bounded(encoder, "--hostname", spec->hostname, WIRE_HOSTNAME_MAX) ||
	    put_bounded(encoder, "the user's name", environment->user, WIRE_PATH_MAX) ||
	    put_bounded(encoder, "--workdir", workdir, WIRE_PATH_MAX) ||
	    put_bounded(encoder, "the home directory", environment->home, WIRE_PATH_MAX) ||
	    put_bounded(encoder, "the path of the program", closure->exec_path, WIRE_PATH_MAX))
		return -1;
	for (size_t i = 0; i < spec->argc; i++)
		if (put_string(encoder, spec->argv[i]))
			return -1;
	for (size_t i = 0; i < environment->count; i++)
		if (put_string(encoder, environment->vars[i]))
			return -1;
	return 0;
}

static int check_counts(const struct run_spec *spec, const struct environment *environment, size_t files,
			struct error *error)
{
	if (spec->argc > WIRE_STRINGS_MAX || environment->count > WIRE_STRINGS_MAX - spec->argc)
		return error_set(error, STATUS_RUNNER, "more than %u arguments and environment variables",
				 WIRE_STRINGS_MAX);
	if (files > WIRE_FILES_MAX)
		return error_set(error, STATUS_RUNNER, "the program needs more than %u files", WIRE_FILES_MAX);
	return 0;
}

/* Fills in the frame's header, which the length of the payload belongs to. */
static int close_frame(struct encoder *encoder)
{
	size_t payload = encoder->out->length - encoder->start - sizeof(struct wire_frame);
	if (payload > WIRE_FRAME_MAX)
		return error_set(encoder->error, STATUS_RUNNER,
				 "arguments, environment and paths together exceed %u MiB", WIRE_FRAME_MAX >> 20);
	struct wire_frame frame = {.type = WIRE_JOB, .length = (uint32_t)payload};
	memcpy(encoder->out->data + encoder->start, &frame, sizeof(frame));
	return 0;
}

int job_encode(const struct run_spec *spec, const struct environment *environment, const struct closure *closure,
	       const struct job_stdio *stdio, struct buffer *out, struct error *error)
{
	struct encoder encoder = {.out = out, .error = error, .start = out->length};
	char shared[WIRE_PATH_MAX];
	const char *workdir = spec->workdir ? spec->workdir : shares_workdir(spec, shared) ? shared : environment->home;
	if (check_counts(spec, environment, closure->count, error) ||
	    put(&encoder, &(struct wire_frame){0}, sizeof(struct wire_frame)) ||
	    put_header(&encoder, spec, environment, (uint32_t)closure->count, stdio) ||
	    put_strings(&encoder, spec, environment, closure, workdir))
		return -1;
	for (unsigned i = 0; i < spec->mount_count; i++)
		if (put_mount(&encoder, spec, closure, workdir, &spec->mount[i]))
			return -1;
	for (unsigned i = 0; i < spec->copy_count; i++)
		if (put_copy(&encoder, spec, &spec->copy[i]))
			return -1;
	for (size_t i = 0; i < closure->count; i++)
		if (put_file(&encoder, &closure->entries[i]))
			return -1;
	return close_frame(&encoder);
}
