/* SPDX-License-Identifier: Apache-2.0
 *
 * What --stats says: one JSON object about a run that has ended. Numbers that the guest wrote are reported as such and
 * used for nothing else.
 */
#ifndef RUNNER_STATS_H
#define RUNNER_STATS_H

#include "runner/syscalls.h"
#include "runner/vcpu.h"

/* How a run ended, as a machine reads it. */
enum outcome {
	OUTCOME_EXIT,
	OUTCOME_SIGNAL,
	OUTCOME_OOM,
	OUTCOME_TIMEOUT,
	OUTCOME_GUEST_CRASH,
	OUTCOME_RUNNER,
	OUTCOME_NO_PROGRAM,
	OUTCOME_DENIED
};

struct run_stats {
	enum outcome outcome;
	int status;	      /* of the sandbox command */
	int code;	      /* exit code or signal number of the program */
	uint64_t start_ns;    /* CLOCK_MONOTONIC when the command began */
	uint64_t vm_ready_ns; /* VM made, guest memory prepared */
	uint64_t confined_ns; /* all threads confined */
	uint64_t teardown_ns; /* output drained, about to exit */
	struct control_report *report;
};

/* What the guest says of itself, read once. Moments in CLOCK_MONOTONIC, 0 when it did not come so far. */
struct stats_guest {
	struct shared_stats shared;
	uint64_t kernel_ns, agent_ns, exec_ns;
	struct syscall_set used, denied;
};
void stats_guest(struct machine *machine, struct stats_guest *guest);

/* Writes the object and a newline to fd. 0 or -1 (errno). */
int stats_write(int fd, struct machine *machine, const struct run_stats *stats);

#endif
