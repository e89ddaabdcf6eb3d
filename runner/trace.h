/* SPDX-License-Identifier: Apache-2.0
 *
 * `run --trace`: takes the system call trace out of the guest's memory (abi/trace.h) and writes it to the file or
 * standard error that the user named. As long as the run makes it, but of bounded memory: one piece at a time. Text of
 * the guest reaches the file as printable characters only.
 */
#ifndef RUNNER_TRACE_H
#define RUNNER_TRACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/trace.h"
#include "runner/error.h"
#include "runner/memory.h"
#include "runner/syscalls.h"

struct trace {
	int fd;	       /* -1: no trace */
	bool terminal; /* fd is one, perhaps raw: lines end with CR LF */
	int error;     /* errno of the first write that failed; nothing is written after it */
	uint64_t tail; /* bytes taken */
	uint64_t lost; /* bytes that the guest overwrote before they were taken */
	gpa_t area;
	const struct guest_memory *memory;
	const atomic_int *ended; /* not 0: the machine has ended, a file that blocks is not waited for much longer */
	pthread_mutex_t lock;	 /* vCPU threads */
};

/* Which calls to show: those in `only` ("NAME,NAME..."), or all when it is NULL. -1: an unknown name. */
int trace_parse_only(const char *only, struct syscall_set *set, struct error *error);

/* Opens the file (NULL: standard error). Before confinement. */
int trace_open(struct trace *trace, const char *file, struct error *error);

/* The area is at `area` in the guest's memory. Before the guest runs. */
void trace_attach(struct trace *trace, const struct guest_memory *memory, gpa_t area, const atomic_int *ended);

/* Takes the lines that the guest has written; with `all` also what has been written of the next: the call in which the
 * guest waits. Any thread; only when fd is not -1. */
void trace_take(struct trace *trace, bool all);

/* After the machine's end: the rest, and the list of what the program asked for that is not there. 0, or -1 when
 * writing failed (errno). */
int trace_finish(struct trace *trace);

#endif
