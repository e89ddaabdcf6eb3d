/* SPDX-License-Identifier: Apache-2.0
 *
 * Names: the tree of directory entries, found through one hash table.
 *
 * A dentry that stands for an existing name is hashed. In file systems without a backing store (sb->pinned) it holds
 * a reference of its own until the name is removed; elsewhere it goes with its last user.
 *
 * A layered file system (sb->layered) shows the names of another one below its own. What was changed is pinned: new
 * names, and entries without an inode in the places of names below that were removed or renamed. The others are looked
 * up below. DENTRY_LOWER belongs to the place rather than to what stands there.
 */
#ifndef GUESTKERNEL_FS_DENTRY_H
#define GUESTKERNEL_FS_DENTRY_H

#include "guestkernel/fs/vfs.h"

#define DENTRY_HASHED  1u
#define DENTRY_KEPT    4u  /* sb->keeps_names: the superblock has a reference */
#define DENTRY_DELETED 2u  /* the name was removed while in use */
#define DENTRY_PINNED  8u  /* sb->layered: holds a reference of its own; set before dentry_add(), or by dentry_pin() */
#define DENTRY_LOWER   16u /* sb->layered: the layer below has this name in this directory */
#define DENTRY_AHEAD   32u /* a file system has asked for it before anybody wanted it, */
#define DENTRY_NEWS    64u /* and learned something new */

struct dentry {
	u32 refs, flags;
	struct dentry *parent; /* a reference; itself for a root */
	struct inode *inode;   /* a reference; NULL: nothing has this name (yet, or hashed: known to be absent) */
	struct superblock *sb;
	struct list children;  /* in order of seq */
	struct dentry *cursor; /* the child where the last reader of this directory stopped, or NULL */
	struct list sibling;
	struct list kept; /* sb->unused */
	struct dentry *hash_next;
	u32 hash, len;
	u32 mounts;	     /* mounts that stand on it */
	u64 seq;	     /* position in a directory stream, never used again */
	u64 next_seq;	     /* for the next child */
	u64 asked, asked_ns; /* the file system's: when it asked for the name last */
	char *name;	     /* with NUL; short_name or kmalloc'ed */
	char short_name[32];
};

struct dentry *dentry_alloc_root(struct superblock *sb, struct inode *inode); /* takes over the inode; NULL: memory */
/* A new entry without an inode, not hashed; NULL: memory. */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t len);
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
/* The entry of a name, with a reference; asks the file system when there is no dentry. hint: LOOKUP_OPEN, LOOKUP_READ.
 * -ENOENT, -ENOMEM ... */
int dentry_lookup(struct dentry *parent, const char *name, size_t len, u32 hint, struct dentry **out);
/* What is known of a name, without a reference and without asking; its inode is NULL when the name is known to be
 * absent. */
struct dentry *dentry_cached(struct dentry *parent, const char *name, size_t len);
/* A name is known to be absent, where the file system keeps that (sb->keeps_absence). */
void dentry_note_absent(struct dentry *parent, const char *name, size_t len);
/* Drops up to n kept names that nobody uses. */
void dentry_shrink(struct superblock *sb, u32 n);
/* Makes the name exist: takes over the reference to inode, hashes d. */
void dentry_add(struct dentry *d, struct inode *inode);
/* The same for a name that was just made. Somebody else may have looked it up meanwhile and use that entry already:
 * then d goes, and the one that is there is returned, with d's reference. */
struct dentry *dentry_enter(struct dentry *d, struct inode *inode);
/* The name is gone; d lives on for those who use it. */
void dentry_delete(struct dentry *d);
/* Gives d another name; -ENOMEM before anything has changed. What stood there must be deleted afterwards or before. */
int dentry_move(struct dentry *d, struct dentry *new_parent, const char *name, size_t len);
int dentry_exchange(struct dentry *a, struct dentry *b);
/* Layered: the name is gone as by dentry_delete(), and what the layer below has of it is hidden. -ENOMEM before
 * anything has changed */
int dentry_hide(struct dentry *d);
/* Layered: the name stays until it is removed. */
void dentry_pin(struct dentry *d);
/* Is d below (or the same as) ancestor? */
bool dentry_below(const struct dentry *d, const struct dentry *ancestor);
bool dentry_has_children(const struct dentry *d);
/* Removes all names of a file system that is unmounted for good. */
void dentry_drop_tree(struct dentry *root);
/* Positions 0 and 1 of a readdir: `.` and `..`; false: emit has no more room. */
bool dentry_emit_dots(struct file *file, void *arg, emit_fn emit);
/* readdir of directories whose entries are all dentries. */
int dentry_readdir(struct file *file, void *arg, emit_fn emit);
s64 dentry_dir_seek(struct file *file, s64 offset, int whence);
/* Adds a child that the kernel makes itself (no permission checks); takes over inode. -EEXIST, -ENOMEM (inode is put)
 */
int dentry_make(struct dentry *parent, const char *name, struct inode *inode, struct dentry **out);

#endif
