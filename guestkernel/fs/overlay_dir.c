/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the listing of an overlay's directories: first the names below in their order, less what is hidden, then those
 * that only the overlay has.
 *
 * Positions: 0 `.`, 1 `..`, then the names below by number, then UPPER_FIRST + seq of a dentry. Positions below are
 * opaque and may use all bits, so they are counted: going back means reading from the start again.
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/overlay.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define LOWER_FIRST 2u
#define UPPER_FIRST (1ull << 40)

struct listing {	    /* file->data */
	struct file *lower; /* NULL: nothing is below */
	u64 next;	    /* position of the name that the lower directory gives next */
	u64 limit;	    /* seq of entries made after the listing began */
};

/* What takes the names of the lower directory. */
struct taker {
	struct file *file;
	void *arg;
	emit_fn emit;
	bool full;
};

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

static bool take_lower(void *arg, const char *name, size_t len, u64 ino, unsigned type, u64 next_pos)
{
	struct taker *t = arg;
	struct listing *l = t->file->data;
	if (is_dots(name, len))
		return true;
	if (l->next < t->file->pos) { /* on the way back to a position */
		l->next++;
		return true;
	}
	struct dentry *d = dentry_cached(t->file->path.dentry, name, len);
	bool hidden = d && !d->inode;
	if (d && d->inode) {
		ino = d->inode->ino;
		type = (d->inode->mode & K_S_IFMT) >> 12;
	}
	if (!hidden && !t->emit(t->arg, name, len, ino, type, l->next + 1)) {
		t->full = true;
		return false;
	}
	t->file->pos = ++l->next;
	return true;
}

static int list_lower(struct taker *t)
{
	struct listing *l = t->file->data;
	if (!l->lower || overlay_node(t->file->inode)->removed)
		return 0;
	if (l->next > t->file->pos) {
		l->lower->pos = 0;
		l->next = LOWER_FIRST;
	}
	return l->lower->ops->readdir(l->lower, t, take_lower);
}

/* The first entry of the overlay's own at or after a position. */
static struct dentry *upper_from(const struct dentry *dir, u64 seq, u64 limit)
{
	struct dentry *d;
	list_for_each (d, &dir->children, sibling) {
		if (d->seq >= limit)
			return NULL;
		if (d->seq >= seq && d->inode && !(d->flags & DENTRY_LOWER))
			return d;
	}
	return NULL;
}

static bool list_upper(struct taker *t)
{
	struct listing *l = t->file->data;
	struct dentry *dir = t->file->path.dentry, *d;
	/* Giving an entry out may sleep, so the place is found again by its number. */
	while ((d = upper_from(dir, t->file->pos - UPPER_FIRST, l->limit))) {
		u64 next = UPPER_FIRST + d->seq + 1;
		if (!t->emit(t->arg, d->name, d->len, d->inode->ino, (d->inode->mode & K_S_IFMT) >> 12, next))
			return false;
		t->file->pos = next;
	}
	return true;
}

static bool list_dots(struct taker *t)
{
	struct dentry *dir = t->file->path.dentry;
	if (t->file->pos == 0) {
		if (!t->emit(t->arg, ".", 1, dir->inode->ino, 4, 1))
			return false;
		t->file->pos = 1;
	}
	if (t->file->pos == 1) {
		if (!t->emit(t->arg, "..", 2, dir->parent->inode->ino, 4, 2))
			return false;
		t->file->pos = 2;
	}
	return true;
}

static int begin(struct file *file)
{
	struct listing *l = file->data;
	if (!l) {
		struct overlay_node *node = overlay_node(file->inode);
		struct file *lower = NULL;
		int r =
		    node->lower && !node->removed ? overlay_open_lower(file->inode, O_RDONLY | O_DIRECTORY, &lower) : 0;
		if (!r && !file->data && !(file->data = kzalloc(sizeof(*l))))
			r = -ENOMEM;
		l = file->data;
		if (r || l->lower) { /* or somebody else did it meanwhile */
			if (lower)
				file_put(lower);
			return r;
		}
		*l = (struct listing){lower, LOWER_FIRST, file->path.dentry->next_seq};
	}
	if (!file->pos)
		l->limit = file->path.dentry->next_seq;
	return 0;
}

static int readdir(struct file *file, void *arg, emit_fn emit)
{
	struct taker t = {file, arg, emit, false};
	int r = begin(file);
	if (r || !list_dots(&t))
		return r;
	if (file->pos < UPPER_FIRST) {
		r = list_lower(&t);
		if (r || t.full)
			return r;
		file->pos = UPPER_FIRST;
	}
	list_upper(&t);
	return 0;
}

static void release(struct file *file)
{
	struct listing *l = file->data;
	if (l && l->lower)
		file_put(l->lower);
	kfree(l);
}

static int sync_dir(struct file *file)
{
	return 0;
}

const struct file_ops overlay_dir_ops = {
    .readdir = readdir,
    .seek = dentry_dir_seek,
    .fsync = sync_dir,
    .release = release,
};

/* ---- is there anything ---- */

struct search {
	struct dentry *dir;
	bool found;
};

static bool take_any(void *arg, const char *name, size_t len, u64 ino, unsigned type, u64 next_pos)
{
	struct search *s = arg;
	if (is_dots(name, len))
		return true;
	struct dentry *d = dentry_cached(s->dir, name, len);
	s->found = !d || d->inode;
	return !s->found;
}

int overlay_empty(struct dentry *d)
{
	struct search s = {d, false};
	struct dentry *child;
	struct file *lower;
	if (overlay_node(d->inode)->lower && !overlay_node(d->inode)->removed) {
		int r = overlay_open_lower(d->inode, O_RDONLY | O_DIRECTORY, &lower);
		if (r)
			return r;
		r = lower->ops->readdir(lower, &s, take_any);
		file_put(lower);
		if (r)
			return r;
	}
	/* Last, because until here it may have slept. */
	list_for_each (child, &d->children, sibling)
		s.found |= child->inode != NULL;
	return s.found ? -ENOTEMPTY : 0;
}
