/* SPDX-License-Identifier: Apache-2.0
 *
 * What -v says of a run, on standard error, in lines that begin with `sandbox: `. Uses write(2) alone: it runs under
 * the I/O thread's filter.
 */
#ifndef RUNNER_VERBOSE_H
#define RUNNER_VERBOSE_H

#include <stdint.h>

#include "policy/policy.h"
#include "runner/stats.h"

/* All is ready, the guest has not begun: what runs, in which machine, under which confinement. */
void verbose_start(const struct machine *machine, const char *path, uint32_t files, const struct policy_report *policy);

/* The end, whether or not the machine ever ran: how, and where the time went. */
void verbose_end(struct machine *machine, const struct run_stats *stats);

#endif
