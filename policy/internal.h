/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of policy.c, one file each. Not for use outside policy/ and its tests.
 */
#ifndef POLICY_INTERNAL_H
#define POLICY_INTERNAL_H

#include "runner/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empties all capability sets of this thread (capabilities(7)); *bounding tells whether the bounding set could be
 * emptied too. */
int policy_drop_capabilities(bool *bounding, struct error *error);

/* struct landlock_ruleset_attr of the newest ABI known here; older kernels take a shorter one. */
struct policy_landlock_rights {
	uint64_t fs, net, scoped;
};
/* Every right that ABI version `abi` can take away. errata: bits of LANDLOCK_CREATE_RULESET_ERRATA. */
struct policy_landlock_rights policy_landlock_rights(int abi, unsigned errata, size_t *size);
/* Enforces a ruleset without rules on this thread. no_new_privs must be set. *abi is 0 when there is no Landlock. */
int policy_apply_landlock(int *abi, struct error *error);
struct policy_tree;
/* The same, with rules for these trees: reading, and where they are writable everything but making devices, FIFOs and
 * sockets. */
int policy_apply_landlock_trees(int *abi, const struct policy_tree *trees, size_t count, struct error *error);

/* Process-wide limits (setrlimit(2)); descriptors: one more than the highest that stays open. */
int policy_apply_limits(unsigned descriptors, struct error *error);

/* Closes every descriptor but keep[0..count), count <= POLICY_KEEP_MAX. Returns the highest number kept plus one, or
 * -1. */
int policy_close_descriptors(const int *keep, size_t count, size_t *open, struct error *error);

/* Installs the SIGSYS handler that names the refused call and ends the process with STATUS_RUNNER. */
int policy_report_refusals(struct error *error);
/* Installs the SIGBUS handler that ends the process with STATUS_RUNNER and ERROR_MEMORY_LOST. */
int policy_report_lost_memory(struct error *error);
/* What the handler calls this thread. text: a string literal. */
void policy_name_thread(const char *text);

#endif
