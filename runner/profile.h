/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles: the options of `sandbox run` in a YAML file (docs/profiles.md). Reading happens while the command line is
 * read, before anything of a run exists; the file is hostile input. profile.c alone knows the YAML library.
 */
#ifndef RUNNER_PROFILE_H
#define RUNNER_PROFILE_H

#include "runner/buffer.h"
#include "runner/options.h"

#define PROFILE_BYTES_MAX  (1u << 20)
#define PROFILE_VALUES_MAX 32768u /* of all keys of one file together */

/* Takes the options that text[0..length) gives into *command, as options_take. `name` stands in errors: "NAME:LINE:
 * KEY: what is wrong". */
int profile_parse(struct command *command, const char *name, const char *text, size_t length, struct error *error);

/* The same of a profile given by name or path: `what` is a path when it has a slash or ends in .yaml or .yml, else it
 * is looked up: $XDG_CONFIG_HOME/sandbox/profiles (else ~/.config/...), /etc/sandbox/profiles,
 * PREFIX/share/sandbox/profiles, what is built in. Everything it takes from now on belongs to one source: see
 * run_spec.source. */
int profile_load(struct command *command, const char *what, struct error *error);

/* Appends the effective profile of *command: all options taken, in the format that profile_parse reads.
 * With --record without those that the record will tell of. */
int profile_print(const struct command *command, struct buffer *out, struct error *error);

/* Appends one key with its values; a sequence when `list`. Errors: a value that is not UTF-8, which YAML cannot hold.
 */
int profile_put(struct buffer *out, const char *key, const char *const *value, size_t count, bool list,
		struct error *error);

/* Appends one value of a sequence, behind its key. -1: it is not UTF-8, or no memory. */
int profile_put_item(struct buffer *out, const char *value);

/* The profiles that are built in: NAME NUL TEXT NUL, again and again. */
extern const char builtin_profiles[], builtin_profiles_end[];

#endif
