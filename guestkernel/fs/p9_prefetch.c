/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the names of a read-only share that its mount says will be wanted at once: a program, its libraries, and what
 * their links lead to. They are looked up along with the beginning of the session, and their files begin to be mapped,
 * so that starting the program finds them here. A hint: what fails is looked up again when it is wanted.
 *
 * The list: PATH[:PATH]..., each relative to the share's root, after one letter for what its last name is expected to
 * be: f a file whose contents are wanted, l a symbolic link, n a name that is looked up only.
 */
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

#define NAMES_MAX 48u
#define NO_PARENT NAMES_MAX

struct wanted {
	u32 parent; /* index, or NO_PARENT: the root */
	u32 len;
	const char *name; /* in the list */
	bool contents;
	struct p9_lookup lookup;
	struct dentry *dentry; /* once it is known to exist; a reference */
};

struct p9_prefetch {
	struct p9_conn *conn;
	u32 root; /* fid */
	unsigned count;
	struct wanted name[NAMES_MAX];
};

/* The place of a name, which is looked up when it is new; NULL: there is no room, or no memory. */
static struct wanted *want(struct p9_prefetch *p, u32 parent, const char *name, u32 len)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->name[i].parent == parent && p->name[i].len == len && !memcmp(p->name[i].name, name, len))
			return &p->name[i];
	bool dots = name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
	if (p->count == NAMES_MAX || !len || len > NAME_LIMIT || dots)
		return NULL;
	struct wanted *w = &p->name[p->count];
	*w = (struct wanted){.parent = parent, .name = name, .len = len};
	u32 fid = parent == NO_PARENT ? p->root : p->name[parent].lookup.fid;
	if (p9_look_send(p->conn, fid, name, len, true, PATH_LIMIT, &w->lookup)) /* or its target */
		return NULL;
	p->count++;
	return w;
}

static void want_path(struct p9_prefetch *p, char kind, const char *path, const char *end)
{
	struct wanted *w = NULL;
	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path)) ?: end;
		w = want(p, w ? (u32)(w - p->name) : NO_PARENT, path, (u32)(slash - path));
		if (!w)
			return;
		path = slash + (slash < end);
	}
	if (w && kind == 'f')
		w->contents = true;
}

struct p9_prefetch *p9_prefetch_send(struct p9_conn *conn, u32 root, const char *list, size_t len)
{
	const char *list_end = list + len;
	struct p9_prefetch *p = len ? kmalloc(sizeof(*p)) : NULL;
	if (!p)
		return NULL;
	p->conn = conn;
	p->root = root;
	p->count = 0;
	while (list < list_end) {
		const char *end = memchr(list, ':', (size_t)(list_end - list)) ?: list_end;
		want_path(p, list[0], list + 1, end);
		list = end + (end < list_end);
	}
	return p;
}

/* Takes the answer for one name; `root` is NULL when there is no use for it. */
static void take(struct p9_prefetch *p, struct wanted *w, struct dentry *root)
{
	struct dentry *dir = w->parent == NO_PARENT ? root : p->name[w->parent].dentry;
	int r = p9_look_wait(p->conn, &w->lookup);
	if (dir && inode_is(dir->inode, K_S_IFDIR)) {
		w->dentry = p9_enter(dir, w->name, w->len, &w->lookup, r, 0);
		if (w->dentry && !w->dentry->inode)
			w->dentry = NULL;
		if (w->dentry)
			dentry_get(w->dentry);
	} else if (!r) {
		p9_clunk(p->conn, w->lookup.fid);
		p9_look_end(&w->lookup);
	}
}

void p9_prefetch_take(struct p9_prefetch *p, struct dentry *root)
{
	for (unsigned i = 0; p && i < p->count; i++)
		take(p, &p->name[i], root);
	for (unsigned i = 0; p && i < p->count; i++) {
		if (p->name[i].dentry && p->name[i].contents)
			p9_window_begin(p->name[i].dentry->inode);
		if (p->name[i].dentry)
			dentry_put(p->name[i].dentry);
	}
	kfree(p);
}
