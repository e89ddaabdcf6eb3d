/* SPDX-License-Identifier: Apache-2.0
 *
 * The mounts and copies that the caller asked for (--ro, --rw, --tmpfs, --overlay, --rootfs, --copy-in, --copy-out):
 * values to struct spec_mount and struct spec_copy, and what of the host the guest sees through them.
 */
#ifndef RUNNER_SHARES_H
#define RUNNER_SHARES_H

#include "runner/closure.h"
#include "runner/spec.h"

/* Takes the value of --ro, --rw or --overlay (HOST[:GUEST]) or --tmpfs (PATH[:SIZE]) into spec->mount. Returns NULL, or
 * what is wrong with it. shares_free() in both cases. */
const char *shares_add(struct run_spec *spec, enum spec_mount_kind kind, const char *value);

/* Whether the mount of this value (the pointer) is among those of the run: one of a later source may have replaced it.
 */
bool shares_holds(const struct run_spec *spec, const char *value);

/* The same with the value of --rootfs: a directory or an archive, by what it is. */
const char *shares_add_rootfs(struct run_spec *spec, const char *value);

/* The same with the value of --copy-in (HOST:GUEST) or --copy-out (GUEST:HOST) into spec->copy. */
const char *shares_add_copy(struct run_spec *spec, bool out, const char *value);

void shares_free(struct run_spec *spec);

/* The mount that an absolute, normal path of the guest lies in, or NULL: in the guest's own files. */
const struct spec_mount *shares_covering(const struct run_spec *spec, const char *guest);

/* Number of a share among the shares: its session, and its aname. */
unsigned shares_index(const struct run_spec *spec, const struct spec_mount *mount);

/* Number of a copy: copy-ins are shares after those of the mounts, copy-outs are counted by themselves. */
unsigned shares_copy_index(const struct run_spec *spec, const struct spec_copy *copy);

/* The caller's directory as the guest sees it: written to path[0..WIRE_PATH_MAX). False when it is in no share. */
bool shares_workdir(const struct run_spec *spec, char *path);

/* Takes out of the closure what stands in a share: it is there already, and a share is never written for this. Such
 * entries come after the others, closure->shared of them. */
void shares_drop(const struct run_spec *spec, struct closure *closure);

#endif
