/* SPDX-License-Identifier: Apache-2.0
 *
 * The path walk, in steps: for calls that need the directory and the last name (create, remove, rename, open).
 */
#ifndef GUESTKERNEL_FS_NAMEI_H
#define GUESTKERNEL_FS_NAMEI_H

#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/vfs.h"

#define LOOKUP_PARENT	     8u	 /* stop before the last name */
#define LOOKUP_NO_XDEV	     16u /* RESOLVE_* of openat2(2) */
#define LOOKUP_NO_MAGICLINKS 32u
#define LOOKUP_NO_SYMLINKS   64u
#define LOOKUP_BENEATH	     128u
#define LOOKUP_IN_ROOT	     256u

enum last_type { LAST_NORMAL, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
	u32 flags;	  /* LOOKUP_* */
	struct path root; /* a reference */
	struct path at;	  /* a reference */
	unsigned links;	  /* symbolic links followed */
	const char *rest; /* what is still to walk */
	char *text;	  /* kmalloc'ed: holds rest after a symbolic link */
	bool empty;	  /* the whole name was empty */
	/* LOOKUP_PARENT */
	enum last_type type;
	const char *last;
	size_t last_len;
	bool trailing; /* slashes follow the last name */
};

/* Starts at dirfd (or the root). On success walk_end() must follow. */
int walk_begin(struct walk *w, int dirfd, const char *name, u32 flags);
/* Walks rest; w->at is the result (or the directory, with LOOKUP_PARENT). */
int walk_run(struct walk *w);
/* The last entry (LOOKUP_PARENT, LAST_NORMAL), across mounts: *out referenced; -ENOENT. */
int walk_last(struct walk *w, struct path *out);
/* Continues through a symbolic link: then walk_run() again. Takes over the reference of link. */
int walk_follow(struct walk *w, struct path *link);
void walk_end(struct walk *w);
/* walk_begin + walk_run with LOOKUP_PARENT. */
int walk_parent(struct walk *w, int dirfd, const char *name, u32 flags);
/* The same before the name is made, by create() or symlink() of the directory: -ENOENT also where it is left to them to
 * find out whether it exists. */
int walk_last_unless_told(struct walk *w, struct path *out);
/* For new names: -EEXIST when it exists; else *out is an entry without inode (a reference). Checks that the directory
 * may be written. */
#define NEW_DIRECTORY 1u /* may have trailing slashes */
#define NEW_TELLS     2u /* walk_last_unless_told() */
int walk_new(struct walk *w, u32 flags, struct dentry **out);
/* proc: what is to be made or moved there is -ENOENT by its lookup, before anybody asks who may write. */
bool tells_absence(const struct inode *dir);

/* path_lookup() with LOOKUP_* of both headers. */
int path_resolve(int dirfd, const char *name, u32 flags, struct path *out);

struct open_args {
	u32 flags, mode, lookup; /* O_*, permission bits, LOOKUP_NO_XDEV and so on */
	bool exec;		 /* execve: needs execute permission, regular files only */
};
int vfs_open(int dirfd, const char *name, const struct open_args *args, struct file **out);

#endif
