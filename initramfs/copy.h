/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of whole trees, into the guest before the program starts and out of it after its end. What both share: the
 * walk over the source, which follows no symbolic link.
 */
#ifndef AGENT_COPY_H
#define AGENT_COPY_H

#include <sys/stat.h>

#include "initramfs/agent.h"

/* What becomes of each entry. `path` is relative to the top, empty for the top itself; directories come before what
 * lies in them. Each returns 0 or a negative errno, which ends the walk. */
struct copy_sink {
	int (*regular)(const char *path, int fd, const struct stat *st); /* fd: open for reading */
	int (*directory)(const char *path, const struct stat *st);
	int (*directory_end)(const char *path, const struct stat *st); /* all that lies in it has been copied */
	int (*symlink)(const char *path, const char *target, const struct stat *st);
	int (*special)(const char *path, const struct stat *st); /* neither of these */
};

/* Walks the tree (or the one file) at `top`. On failure *where is the relative path at fault, in static memory. */
int copy_walk(const char *top, const struct copy_sink *sink, const char **where);

/* For a while between a read and a write. */
#define COPY_BUFFER_BYTES 65536
extern char copy_bytes[COPY_BUFFER_BYTES];

#endif
