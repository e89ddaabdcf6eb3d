/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the tree of names and its hash table. Knows nothing of permissions and mounts.
 */
#include "guestkernel/fs/dentry.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

/* The table doubles when it holds twice as many entries as buckets; it begins small because memory that is never
 * touched costs the host nothing. */
#define HASH_START 256u
static struct dentry *first_table[HASH_START];
static struct dentry **table = first_table;
static u32 table_mask = HASH_START - 1;
static u32 table_entries;

static u32 hash_name(const struct dentry *parent, const char *name, size_t len)
{
	u64 h = (u64)parent >> 4;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (u8)name[i]) * 0x100000001b3ull;
	return (u32)(h ^ h >> 32);
}

static void table_grow(void)
{
	u32 size = (table_mask + 1) * 2;
	struct dentry **bigger = kcalloc(size, sizeof(*bigger));
	if (!bigger)
		return; /* longer chains are only slower */
	for (u32 i = 0; i <= table_mask; i++) {
		struct dentry *d = table[i];
		while (d) {
			struct dentry *next = d->hash_next;
			d->hash_next = bigger[d->hash & (size - 1)];
			bigger[d->hash & (size - 1)] = d;
			d = next;
		}
	}
	if (table != first_table)
		kfree(table);
	table = bigger;
	table_mask = size - 1;
}

static void hash_insert(struct dentry *d)
{
	if (table_entries > table_mask * 2 && table_mask < 131071)
		table_grow();
	d->hash = hash_name(d->parent, d->name, d->len);
	d->hash_next = table[d->hash & table_mask];
	table[d->hash & table_mask] = d;
	d->flags |= DENTRY_HASHED;
	table_entries++;
}

static void hash_remove(struct dentry *d)
{
	if (!(d->flags & DENTRY_HASHED))
		return;
	struct dentry **link = &table[d->hash & table_mask];
	while (*link != d)
		link = &(*link)->hash_next;
	*link = d->hash_next;
	d->flags &= ~DENTRY_HASHED;
	table_entries--;
}

static struct dentry *hash_find(const struct dentry *parent, const char *name, size_t len)
{
	u32 h = hash_name(parent, name, len);
	struct dentry *d = table[h & table_mask];
	while (d && !(d->hash == h && d->parent == parent && d->len == len && !memcmp(d->name, name, len)))
		d = d->hash_next;
	return d;
}

static int set_name(struct dentry *d, const char *name, size_t len)
{
	char *buf = d->short_name;
	if (len >= sizeof(d->short_name)) {
		buf = kmalloc(len + 1);
		if (!buf)
			return -ENOMEM;
	}
	memcpy(buf, name, len);
	buf[len] = 0;
	if (d->name && d->name != d->short_name)
		kfree(d->name);
	d->name = buf;
	d->len = (u32)len;
	return 0;
}

static struct dentry *alloc(struct superblock *sb, const char *name, size_t len)
{
	struct dentry *d = kzalloc(sizeof(*d));
	if (!d)
		return NULL;
	d->refs = 1;
	d->sb = sb;
	d->next_seq = 2; /* after . and .. */
	list_init(&d->children);
	list_init(&d->sibling);
	list_init(&d->kept);
	if (set_name(d, name, len)) {
		kfree(d);
		return NULL;
	}
	return d;
}

struct dentry *dentry_alloc_root(struct superblock *sb, struct inode *inode)
{
	struct dentry *d = alloc(sb, "/", 1);
	if (!d)
		return NULL;
	d->parent = d;
	d->inode = inode;
	return d;
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t len)
{
	struct dentry *d = alloc(parent->sb, name, len);
	if (!d)
		return NULL;
	d->parent = parent;
	dentry_get(parent);
	return d;
}

void dentry_get(struct dentry *d)
{
	d->refs++;
}

/* Out of the parent's list: before d has another parent. */
static void leave_parent(struct dentry *d)
{
	list_remove(&d->sibling);
	if (d->parent->cursor == d)
		d->parent->cursor = NULL;
}

void dentry_put(struct dentry *d)
{
	while (d && --d->refs == 0) { /* a loop: the parent may go too */
		struct dentry *parent = d->parent == d ? NULL : d->parent;
		hash_remove(d);
		leave_parent(d);
		if (d->inode)
			inode_put(d->inode);
		if (d->name != d->short_name)
			kfree(d->name);
		kfree(d);
		d = parent;
	}
}

/* ---- names that are kept ---- */

static void unkeep(struct dentry *d)
{
	if (!(d->flags & DENTRY_KEPT))
		return;
	d->flags &= ~DENTRY_KEPT;
	list_remove(&d->kept);
	d->sb->names--;
	dentry_put(d);
}

static bool is_pinned(const struct dentry *d)
{
	return d->sb->pinned || (d->flags & DENTRY_PINNED);
}

void dentry_pin(struct dentry *d)
{
	if (is_pinned(d))
		return;
	if (d->flags & DENTRY_KEPT) { /* the reference remains */
		d->flags &= ~DENTRY_KEPT;
		list_remove(&d->kept);
		d->sb->names--;
	} else {
		dentry_get(d);
	}
	d->flags |= DENTRY_PINNED;
}

/* Watches and locks belong to the inode, which must not be forgotten under them. */
static bool may_forget(const struct dentry *d)
{
	return d->refs == 1 && (!d->inode || (list_empty(&d->inode->watches) && !d->inode->locks));
}

void dentry_shrink(struct superblock *sb, u32 n)
{
	for (u32 tries = sb->names; n && tries; tries--) {
		struct dentry *d = list_first(&sb->unused, struct dentry, kept);
		if (may_forget(d)) {
			unkeep(d);
			n--;
		} else {
			list_remove(&d->kept);
			list_append(&sb->unused, &d->kept);
		}
	}
}

static void keep(struct dentry *d)
{
	struct superblock *sb = d->sb;
	dentry_get(d);
	d->flags |= DENTRY_KEPT;
	list_append(&sb->unused, &d->kept);
	if (++sb->names > sb->names_limit)
		dentry_shrink(sb, sb->names_limit / 16 + 1);
}

struct dentry *dentry_cached(struct dentry *parent, const char *name, size_t len)
{
	return hash_find(parent, name, len);
}

/* A kept name that is not true any more, with all below it. */
static void forget(struct dentry *d)
{
	dentry_drop_tree(d);
	dentry_delete(d);
}

/* 0: d, which gets a reference, still stands for what the name is; -EAGAIN: it did not, and is gone; -errno */
static int use_cached(struct dentry *d, u32 hint)
{
	const struct inode_ops *ops = d->inode ? d->inode->ops : d->parent->inode->ops;
	int ok = 1;
	dentry_get(d);
	if (d->inode && ops->valid)
		ok = ops->valid(d->inode);
	else if (ops->revalidate && !d->mounts)
		ok = ops->revalidate(d, hint);
	if (ok > 0 && !d->inode)
		ok = -ENOENT;
	if (ok > 0) {
		if (d->flags & DENTRY_KEPT) {
			list_remove(&d->kept);
			list_append(&d->sb->unused, &d->kept);
		}
		return 0;
	}
	if (!ok)
		forget(d);
	dentry_put(d);
	return ok ? ok : -EAGAIN;
}

void dentry_note_absent(struct dentry *parent, const char *name, size_t len)
{
	struct dentry *d =
	    parent->sb->keeps_absence && !hash_find(parent, name, len) ? dentry_alloc(parent, name, len) : NULL;
	if (!d)
		return;
	dentry_add(d, NULL);
	dentry_put(d);
}

/* Did somebody else enter the name meanwhile? Then *result is what the lookup comes to. */
static bool entered(struct dentry *parent, const char *name, size_t len, struct dentry **out, int *result)
{
	struct dentry *d = hash_find(parent, name, len);
	if (!d)
		return false;
	*result = d->inode ? 0 : -ENOENT;
	if (d->inode) {
		dentry_get(d);
		*out = d;
	}
	return true;
}

/* Asks a file system that may sleep: meanwhile somebody else may have entered the name. */
static int lookup_entry(struct dentry *parent, const char *name, size_t len, u32 hint, struct dentry **out)
{
	struct inode *inode;
	int known;
	int r = parent->inode->ops->lookup_entry(parent, name, len, hint, &inode);
	if (parent->sb->layered && (!r || r == -ENOENT) && entered(parent, name, len, out, &known)) {
		if (!r)
			inode_put(inode);
		return known;
	}
	if (r) {
		if (r == -ENOENT)
			dentry_note_absent(parent, name, len);
		return r;
	}
	struct dentry *d = hash_find(parent, name, len);
	if (d && d->inode == inode) {
		inode_put(inode);
		dentry_get(d);
		*out = d;
		return 0;
	}
	d = dentry_alloc(parent, name, len);
	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	if (parent->sb->layered)
		d->flags |= DENTRY_LOWER;
	dentry_add(d, inode);
	*out = d;
	return 0;
}

int dentry_lookup(struct dentry *parent, const char *name, size_t len, u32 hint, struct dentry **out)
{
	struct dentry *d = hash_find(parent, name, len);
	if (d) {
		int r = use_cached(d, hint);
		if (!r)
			*out = d;
		if (r != -EAGAIN)
			return r;
	}
	struct inode *inode;
	if (parent->inode->ops->lookup_entry)
		return lookup_entry(parent, name, len, hint, out);
	if (!parent->inode->ops->lookup)
		return -ENOENT;
	int r = parent->inode->ops->lookup(parent->inode, name, len, &inode);
	if (r)
		return r;
	d = dentry_alloc(parent, name, len);
	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	dentry_add(d, inode);
	*out = d;
	return 0;
}

static void link_to_parent(struct dentry *d)
{
	d->seq = d->parent->next_seq++;
	list_append(&d->parent->children, &d->sibling);
	hash_insert(d);
}

void dentry_add(struct dentry *d, struct inode *inode)
{
	struct dentry *old = d->sb->keeps_names ? hash_find(d->parent, d->name, d->len) : NULL;
	if (old) {
		d->flags |= old->flags & DENTRY_LOWER;
		forget(old); /* known to be absent, or entered while the file system slept */
	}
	d->inode = inode;
	link_to_parent(d);
	if (is_pinned(d))
		dentry_get(d);
	else if (d->sb->keeps_names)
		keep(d);
}

struct dentry *dentry_enter(struct dentry *d, struct inode *inode)
{
	struct dentry *there = d->sb->keeps_names ? hash_find(d->parent, d->name, d->len) : NULL;
	if (!there || there->inode != inode) {
		dentry_add(d, inode);
		return d;
	}
	dentry_get(there);
	inode_put(inode);
	dentry_put(d);
	return there;
}

void dentry_delete(struct dentry *d)
{
	if (!(d->flags & DENTRY_HASHED))
		return;
	hash_remove(d);
	leave_parent(d);
	d->flags |= DENTRY_DELETED;
	if (is_pinned(d))
		dentry_put(d);
	else
		unkeep(d);
}

/* An entry that hides what the layer below has at the place of d. */
static struct dentry *alloc_hiding(struct dentry *d)
{
	struct dentry *hiding = dentry_alloc(d->parent, d->name, d->len);
	if (hiding)
		hiding->flags |= DENTRY_PINNED | DENTRY_LOWER;
	return hiding;
}

int dentry_hide(struct dentry *d)
{
	struct dentry *hiding = alloc_hiding(d);
	if (!hiding)
		return -ENOMEM;
	dentry_add(hiding, NULL);
	dentry_put(hiding);
	return 0;
}

int dentry_move(struct dentry *d, struct dentry *new_parent, const char *name, size_t len)
{
	struct dentry *there = hash_find(new_parent, name, len), *hiding = NULL;
	u32 lower = there ? there->flags & DENTRY_LOWER : 0;
	if ((d->flags & DENTRY_LOWER) && !(hiding = alloc_hiding(d)))
		return -ENOMEM;
	hash_remove(d);
	if (set_name(d, name, len)) {
		hash_insert(d);
		dentry_put(hiding);
		return -ENOMEM;
	}
	if (there && !there->inode)
		dentry_delete(there);
	d->flags = (d->flags & ~DENTRY_LOWER) | lower;
	if (d->sb->layered)
		dentry_pin(d);
	leave_parent(d);
	struct dentry *old_parent = d->parent;
	d->parent = new_parent;
	dentry_get(new_parent);
	link_to_parent(d);
	if (hiding)
		dentry_add(hiding, NULL);
	dentry_put(hiding);
	dentry_put(old_parent);
	return 0;
}

int dentry_exchange(struct dentry *a, struct dentry *b)
{
	char name_a[NAME_LIMIT + 1];
	size_t len_a = a->len;
	memcpy(name_a, a->name, len_a);
	hash_remove(a);
	hash_remove(b);
	int r = set_name(a, b->name, b->len);
	if (!r && set_name(b, name_a, len_a)) {
		r = -ENOMEM;
		if (set_name(a, name_a,
			     len_a)) /* a's own name was freed: a short name always fits, a long one is lost */
			panic("out of memory while exchanging names");
	}
	if (!r) {
		struct dentry *parent = a->parent;
		u32 differ = (a->flags ^ b->flags) & DENTRY_LOWER;
		a->flags ^= differ;
		b->flags ^= differ;
		if (a->sb->layered) {
			dentry_pin(a);
			dentry_pin(b);
		}
		leave_parent(a);
		leave_parent(b);
		a->parent = b->parent;
		b->parent = parent;
		a->seq = a->parent->next_seq++;
		b->seq = b->parent->next_seq++;
		list_append(&a->parent->children, &a->sibling);
		list_append(&b->parent->children, &b->sibling);
	}
	hash_insert(a);
	hash_insert(b);
	return r;
}

bool dentry_below(const struct dentry *d, const struct dentry *ancestor)
{
	while (d != ancestor && d->parent != d)
		d = d->parent;
	return d == ancestor;
}

bool dentry_has_children(const struct dentry *d)
{
	return !list_empty(&d->children);
}

void dentry_drop_tree(struct dentry *root)
{
	struct dentry *d = root;
	for (;;) {
		if (dentry_has_children(d)) {
			d = list_first(&d->children, struct dentry, sibling);
			continue;
		}
		if (d == root)
			return;
		struct dentry *parent = d->parent;
		dentry_delete(d);
		d = parent;
	}
}

bool dentry_emit_dots(struct file *file, void *arg, emit_fn emit)
{
	const struct dentry *dir = file->path.dentry;
	if (file->pos == 0) {
		if (!emit(arg, ".", 1, dir->inode->ino, 4, 1))
			return false;
		file->pos = 1;
	}
	if (file->pos == 1) {
		if (!emit(arg, "..", 2, dir->parent->inode->ino, 4, 2))
			return false;
		file->pos = 2;
	}
	return true;
}

int dentry_readdir(struct file *file, void *arg, emit_fn emit)
{
	struct dentry *dir = file->path.dentry, *child;
	if (!dentry_emit_dots(file, arg, emit))
		return 0;
	/* A large directory is read in many calls: each goes on near where the last one stopped. */
	const struct dentry *from = dir->cursor && dir->cursor->seq < file->pos ? dir->cursor : NULL;
	for (struct list *at = from ? from->sibling.next : dir->children.next; at != &dir->children; at = at->next) {
		child = container_of(at, struct dentry, sibling);
		if (child->seq < file->pos)
			continue;
		if (!emit(arg, child->name, child->len, child->inode->ino, (child->inode->mode & K_S_IFMT) >> 12,
			  child->seq + 1))
			return 0;
		file->pos = child->seq + 1;
		dir->cursor = child;
	}
	return 0;
}

s64 dentry_dir_seek(struct file *file, s64 offset, int whence)
{
	if (whence != 0 && whence != 1)
		return -EINVAL;
	return file_seek_from(file, whence == 1 ? (s64)file->pos : 0, offset);
}

int dentry_make(struct dentry *parent, const char *name, struct inode *inode, struct dentry **out)
{
	struct dentry *d = NULL;
	int r = -EEXIST;
	if (!hash_find(parent, name, strlen(name))) {
		d = dentry_alloc(parent, name, strlen(name));
		r = d ? 0 : -ENOMEM;
	}
	if (r) {
		inode_put(inode);
		return r;
	}
	dentry_add(d, inode);
	if (out)
		*out = d;
	else
		dentry_put(d);
	return 0;
}
