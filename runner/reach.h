/* SPDX-License-Identifier: Apache-2.0
 *
 * From --allow-read and --allow-write to the list that the files server keeps to (p9_reach.h), and the record of what
 * it has served, for --record.
 */
#ifndef RUNNER_REACH_H
#define RUNNER_REACH_H

#include "policy/policy.h"
#include "runner/error.h"
#include "runner/p9_session.h"
#include "runner/spec.h"

/* Sets the list and the record of *export, whose shares are open, and the places of the mounts' shares in them. Shares
 * of copies are wholly reachable and not noted. */
int reach_prepare(struct p9_export *export, const struct run_spec *spec, struct error *error);

/* The trees to which Landlock is to confine the server of *export: the shares, or what of them is listed. Opens
 * descriptors and allocates *tree, with room for SPEC_MOUNTS_MAX more. */
int reach_trees(const struct p9_export *export, struct policy_tree **tree, size_t *count, struct error *error);

#endif
