/* SPDX-License-Identifier: Apache-2.0
 *
 * The files server: one process for all shares of a run, which speaks 9P over one socket a session with the guest. The
 * runner passes bytes and looks into none of them; what the guest can do to files it can do to this process alone.
 */
#ifndef RUNNER_FILES_SERVER_H
#define RUNNER_FILES_SERVER_H

#include <sys/types.h>

#include "runner/error.h"
#include "runner/spec.h"

struct files_server {
	unsigned sessions;		     /* one for each share and copy-out; 0: no server */
	unsigned copies;		     /* copy-outs */
	int socket[WIRE_FILES_SESSIONS_MAX]; /* the runner's ends */
	int window;  /* from where files come that are lent or mapped (runner/dax.h); -1: none */
	bool mapped; /* there are some to be mapped */
	int status;  /* pipe, not blocking: the server tells that it is confined, or why not; then of copy-outs */
	pid_t pid;
	struct path_tree *record; /* with --record: what the server notes (p9_reach.h), not to be trusted; else NULL */
};

/* Opens the shared trees of *spec and forks the server, when there are any. Before the first thread is made;
 * descriptors 0 to 2 are taken. Errors: STATUS_RUNNER, naming the option and the path. */
int files_server_start(struct files_server *server, const struct run_spec *spec, struct error *error);

/* Waits until the server has given up what it does not need. */
int files_server_confined(struct files_server *server, struct error *error);

/* After the guest's end: how the copy-outs went. -1: the first failure; a guest that did not finish one is one. */
int files_server_copied(struct files_server *server, const struct run_spec *spec, struct error *error);

#endif
