/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop of the I/O thread: epoll over a fixed set of descriptors, each with a callback, and a way to wake it
 * from other threads. Everything is set up before confinement; running it allocates nothing and opens nothing. Knows
 * nothing of what the descriptors are.
 */
#ifndef RUNNER_LOOP_H
#define RUNNER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/error.h"

#define LOOP_WATCHES_MAX 48

/* Called on the I/O thread with the EPOLL* bits that occurred. */
typedef void loop_callback(void *context, uint32_t events);

struct loop_watch {
	loop_callback *callback; /* NULL: free */
	void *context;
};

struct loop {
	int epoll, wake; /* descriptors; -1 when closed */
	bool stopped;	 /* atomic */
	struct loop_watch watch[LOOP_WATCHES_MAX];
};

/* Opens the epoll and event descriptors. `callback` (may be NULL) runs on the I/O thread after loop_wake; several wakes
 * may come as one. */
int loop_init(struct loop *loop, loop_callback *callback, void *context, struct error *error);

/* Watches fd for the EPOLL* bits in `events` (EPOLLET for edges). Returns 0, 1 when the kind of file never blocks and
 * cannot be watched (a regular file), or -1. The descriptor leaves the set when its last duplicate is closed. */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_callback *callback, void *context, struct error *error);

/* From any thread, also in a signal handler: run the wake callback soon. */
void loop_wake(struct loop *loop);

/* From any thread: loop_run returns after the callbacks that are running now. */
void loop_stop(struct loop *loop);

/* Waits for events and calls back, until loop_stop or until `done` (may be NULL), which is asked before the first wait
 * and after each round of callbacks, says true. -1 only when epoll itself fails. */
int loop_run(struct loop *loop, bool (*done)(void *context), void *context, struct error *error);

void loop_close(struct loop *loop);

#endif
