/* SPDX-License-Identifier: Apache-2.0
 *
 * Path walks on the host that take symbolic links one at a time and remember what stood where: the guest needs the
 * same links at the same places. Each path component costs one readlink(2) the first time and none later.
 */
#ifndef RUNNER_WALK_H
#define RUNNER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "runner/arena.h"

#define WALK_LINKS_MAX 40 /* symbolic links in one walk, as in Linux */

struct elf_info;

/* What stands at one path whose parents are no symbolic links. */
struct walk_node {
	const char *path;
	const char *target; /* symbolic link; else NULL */
	int error;	    /* errno: nothing usable is here; else 0 */
	bool sent;	    /* the closure has an entry for it */
	/* A file that the closure has opened. */
	int fd; /* -1: not open */
	struct stat stat;
	const struct elf_info *info; /* its dynamic section once parsed */
};

struct walk {
	struct arena *arena;
	struct walk_node **table; /* open addressing, a power of two */
	size_t count, capacity;
	uint32_t probes_left; /* readlinks before the walk refuses (E2BIG) */
	/* The last walk: links followed, and directories left by `..`, which must exist in the guest too. */
	struct walk_node *passed[2 * WALK_LINKS_MAX];
	size_t passed_count;
};

void walk_init(struct walk *walk, struct arena *arena, uint32_t probes);

/* Follows the absolute `path` to its end; the last component too is followed when it is a link. Returns 0 and the node
 * of the real path, or an errno: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ENOMEM, E2BIG. The file itself may
 * still be anything but a link. */
int walk_resolve(struct walk *walk, const char *path, struct walk_node **out);

/* Calls `visit` for every node. */
void walk_each(struct walk *walk, void (*visit)(struct walk_node *));

void walk_free(struct walk *walk);

#endif
