/* SPDX-License-Identifier: Apache-2.0
 *
 * `sandbox run`: one program in one microVM.
 */
#ifndef RUNNER_RUN_H
#define RUNNER_RUN_H

#include "runner/error.h"
#include "runner/spec.h"

/* Runs the program of *spec to its end. Returns the exit status of the whole command (the program's own, 128 + N for
 * signal N, or enum exit_status). When *error has a text afterwards (text[0] != 0), the caller prints it; statuses of
 * the program leave it empty. */
int run_command(const struct run_spec *spec, struct error *error);

#endif
