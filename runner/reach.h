/* SPDX-License-Identifier: Apache-2.0
 *
 * From --allow-read and --allow-write to the list that the files server keeps to (p9_reach.h), and the record of what
 * it has served, for --record.
 */
#ifndef RUNNER_REACH_H
#define RUNNER_REACH_H

#include "runner/error.h"
#include "runner/p9_session.h"
#include "runner/spec.h"

/* Sets the list and the record of *export, whose shares are open, and the places of the mounts' shares in them. Shares
 * of copies are wholly reachable and not noted. */
int reach_prepare(struct p9_export *export, const struct run_spec *spec, struct error *error);

#endif
