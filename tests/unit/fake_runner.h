/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for the runner: speaks the protocol of abi/wire.h over Unix sockets with the real agent, which runs under
 * the kernel of the machine at hand, as an ordinary process or as pid 1 of its own namespaces.
 */
#ifndef TESTS_FAKE_RUNNER_H
#define TESTS_FAKE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/wire.h"

struct bytes {
	char *data;
	size_t length, room;
};

void bytes_add(struct bytes *bytes, const void *data, size_t length);
void bytes_add_string(struct bytes *bytes, const char *string); /* with its NUL */

struct fake_run {
	/* The job; fake_run_init gives each a usable value. */
	struct wire_job job;
	const char *hostname, *user, *workdir, *home, *program;
	const char **argv, **envp; /* NULL-terminated */
	struct bytes files, image;

	/* How to run it. */
	const char *root;     /* pid 1, in this directory as root; NULL: an ordinary process */
	struct bytes frame;   /* sent instead of the job's frame when not empty */
	bool end_control;     /* half-close the control stream behind the frame */
	size_t chunk;	      /* at most so many bytes in one send; 0: no limit */
	struct bytes input;   /* standard input */
	bool keep_input_open; /* do not half-close after it */
	const char *cue;      /* when standard output ends with this ... */
	struct bytes on_cue;  /* ... send this on the control stream, */
	bool hang_up;	      /* or close it, */
	bool close_output;    /* or close standard output */

	/* What happened. */
	bool started;
	int last;	    /* WIRE_EXIT, WIRE_FAIL, or 0: neither came */
	bool after_last;    /* bytes followed it */
	bool input_refused; /* the program's side of standard input was closed before all was sent */
	struct wire_exit exit;
	struct wire_fail fail;
	char text[4096];
	struct bytes output, errors; /* what had arrived when EXIT had */
	int status;		     /* of the agent, wait(2); pid 1 is ended by reboot(2) with SIGINT */

	char directory[64];
};

/* A job that runs argv[0] without files, with three streams, in a new temporary directory (run->directory). */
void fake_run_init(struct fake_run *run, const char *const *argv);
void fake_run_free(struct fake_run *run);

void fake_run_file(struct fake_run *run, const char *path, unsigned mode, const void *data, size_t size);
void fake_run_host_file(struct fake_run *run, const char *path, unsigned mode, const char *source);
void fake_run_directory(struct fake_run *run, const char *path, unsigned mode);
void fake_run_symlink(struct fake_run *run, const char *path, const char *target);

/* The job's frame as it would be sent. */
void fake_run_frame(struct fake_run *run, struct bytes *frame);

/* A frame to be added to on_cue. */
void add_signal(struct bytes *bytes, uint32_t signo);

/* Runs until the agent has ended; aborts the test when that takes longer than 30 s. */
void fake_run(struct fake_run *run);

#endif
