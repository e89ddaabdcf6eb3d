/* SPDX-License-Identifier: Apache-2.0
 *
 * What of the shares a client reaches when --allow-read and --allow-write list it, and what it has reached, for
 * --record. Names below a fid are looked up in trees of the host's paths (path_tree.h); a path that is not listed, nor
 * on the way to one that is, is not there.
 */
#ifndef RUNNER_P9_REACH_H
#define RUNNER_P9_REACH_H

#include "runner/path_tree.h"

/* Flags of nodes of the list. */
enum {
	REACH_READ = 1,	      /* this: a file's contents, a directory's list of names */
	REACH_WRITE = 2,      /* this: its contents and attributes, and whether the name is there */
	REACH_READ_BELOW = 4, /* all beneath */
	REACH_WRITE_BELOW = 8,
};
#define REACH_ALL	   (REACH_READ | REACH_WRITE | REACH_READ_BELOW | REACH_WRITE_BELOW)
#define REACH_BELOW(flags) ((flags) & (REACH_READ_BELOW | REACH_WRITE_BELOW))

/* Flags of nodes of the record. */
enum {
	NOTED_READ = 1,	 /* contents or names were read */
	NOTED_WRITE = 2, /* changed, made or removed */
	NOTED_MADE = 4,	 /* the name was made during the run */
	NOTED_GONE = 8,	 /* and is not there any more; or was there before and is not */
	NOTED_TREE = 16, /* a directory that the run made, or moved with all that is in it */
	NOTED_OWN = 32,	 /* a place on which something is mounted: reachable without being listed */
};

struct p9_export;

/* Where a fid stands. */
struct p9_reach {
	uint32_t listed; /* node of the list; 0: below what is listed, or there is no list */
	uint32_t noted;	 /* node of the record; 0: there is no record */
	uint32_t rights; /* REACH_* of this file */
};

/* A file at an absolute path of the host: the root of a share. */
struct p9_reach p9_reach_at(const struct p9_export *export, const char *path);

/* A name in a directory: its rights, and not yet noted. -ENOENT: it is neither listed nor on the way. */
int p9_reach_step(const struct p9_export *export, const struct p9_reach *directory, const char *name,
		  struct p9_reach *out);

/* Whether a directory's list of names shows this one. */
bool p9_reach_shows(const struct p9_export *export, const struct p9_reach *directory, const char *name);

/* Notes that `name` in a directory was reached, and how (NOTED_*); *of becomes its place in the record. */
void p9_reach_note_name(const struct p9_export *export, const struct p9_reach *directory, const char *name,
			unsigned how, struct p9_reach *of);
/* The same of a file that was reached before. */
void p9_reach_note(const struct p9_export *export, const struct p9_reach *of, unsigned how);

#endif
