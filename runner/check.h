/* SPDX-License-Identifier: Apache-2.0
 *
 * `sandbox check`: can this host run microVMs, in which layout, with which confinement, and how to fix what is missing.
 */
#ifndef RUNNER_CHECK_H
#define RUNNER_CHECK_H

/* Prints the findings to standard output, one line each; more detail with verbose > 0. Returns 0 when a program can
 * be run, else STATUS_RUNNER. */
int check_command(unsigned verbose);

#endif
