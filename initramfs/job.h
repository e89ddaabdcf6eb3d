/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoder of the JOB frame (abi/wire.h): checks all of it and gives access to its parts. Pure; knows nothing of
 * files, processes or streams.
 */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "abi/wire.h"

struct job {
	struct wire_job header;	   /* checked: version, stdio kinds and combination, counts, umask, limits */
	const char *hostname;	   /* may be empty */
	const char *user;	   /* without ':', '/' and control characters; may be empty */
	char *workdir, *home;	   /* absolute, no `.` or `..` components, less than WIRE_PATH_MAX bytes */
	char *program;		   /* the same, or with WIRE_JOB_SEARCH any name that is not empty */
	char **argv, **envp;	   /* NULL-terminated; argv has at least one string */
	char *mounts, *mounts_end; /* what job_next_mount reads */
	char *files, *files_end;   /* what job_next_file reads */
};

struct job_mount {
	struct wire_mount header;
	char *path;	/* absolute, no `.` or `..` components */
	char *prefetch; /* without a comma; empty: none */
};

struct job_file {
	struct wire_file header;
	char *path;   /* absolute, no `.` or `..` components */
	char *target; /* of a symbolic link, never empty; else NULL */
};

/*
 * How many pointers job_decode needs for the payload's argument and environment vectors; 0 when the payload is too
 * short or its counts are out of bounds, so that there is nothing to decode.
 */
size_t job_vector_slots(const char *payload, size_t length);

/*
 * Decodes the payload of a JOB frame. *job points into payload, which must stay; slots[0..count) becomes argv and
 * envp and must have job_vector_slots() places. Returns 0, or -EPROTO (malformed), -EPROTONOSUPPORT (another
 * WIRE_VERSION) with *what naming the part at fault.
 */
int job_decode(char *payload, size_t length, char **slots, size_t count, struct job *job, const char **what);

/* Takes the next mount record off a job that job_decode accepted. Returns 1 and fills *mount, or 0 at the end. */
int job_next_mount(struct job *job, struct job_mount *mount);

/*
 * Takes the next file record off a job that job_decode accepted. Returns 1 and fills *file, or 0 at the end.
 */
int job_next_file(struct job *job, struct job_file *file);

#endif
