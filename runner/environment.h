/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the program is in the guest and what its environment holds: the user's name and home directory, and a clean
 * environment (PATH, HOME, LANG, TERM) with the caller's -e on top.
 */
#ifndef RUNNER_ENVIRONMENT_H
#define RUNNER_ENVIRONMENT_H

#include "runner/arena.h"
#include "runner/error.h"
#include "runner/spec.h"

struct environment {
	const char *user;  /* the host's name for spec->uid, or "user" */
	const char *home;  /* absolute; /root for uid 0, else /home/NAME */
	const char **vars; /* "NAME=VALUE" */
	size_t count;
	struct arena arena; /* owns the strings that had to be made */
};

/* Fills *out from the options and the caller's environment `caller` (NULL-terminated, such as environ; it must outlive
 * *out). `-e NAME` of a variable that the caller does not have adds nothing. Reads /etc/passwd for uids other than 0.
 * Errors: STATUS_RUNNER when memory is short. environment_free() in any case. */
int environment_build(const struct run_spec *spec, char *const caller[], struct environment *out, struct error *error);

/* The value of `name` in the guest, or NULL. */
const char *environment_get(const struct environment *environment, const char *name);

/* The name of `uid` in a passwd(5) file, copied to name[0..size). Returns 0, or -1 when there is no plain name
 * (letters, digits, `-`, `_`, `.`) for it. Name service modules are not asked. */
int passwd_name(const char *file, uint32_t uid, char *name, size_t size);

void environment_free(struct environment *environment);

#endif
