/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns how names are asked for at a 9P server: which go together in one round trip, which bring contents along, and how
 * long an answer is believed. All requests of a batch are sent before the first answer is waited for.
 *
 * Writable shares. What the host changes must be seen at open. Yet not each use of a name needs a question of its own:
 * an answer holds as long as no program here can know of anything that happened outside after it was asked for. Such
 * knowledge comes from the server, or by another connection with the host (vsock_news). So each question has a number,
 * and `known` is the number of the latest one whose answer told a program something new: answers to older ones count no
 * more, and none is believed for longer than P9_NAME_TTL_NS.
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/vsock.h"

#define BATCH_LEAST    4u
#define RISING_NAMES   5u	    /* in the order of names, one after the other, before more are expected */
#define BATCH_MOST     128u	    /* names in one round trip */
#define CONTENTS_NAMES 48u	    /* files whose contents come along */
#define CONTENTS_BYTES (192u << 10) /* of them all */
#define CONTENTS_ONE   (64u << 10)  /* of the one file that is to be opened */
#define SEARCH_MOST    512u	    /* names that are looked at to find what goes along */
#define PATH_NAMES     8u	    /* components of a path that are asked for together */
#define STORM_NAMES    4u	    /* attributes asked for one after the other, before directories are listed for it */
#define STORM_NS       20000000ull  /* and the longest pause between them */
#define READS_FEW      3u	    /* files of a directory opened, before the contents of others come along */

#pragma weak vsock_news /* unit tests have no device */

/* ---- what is believed ---- */

static u64 questions, known, told; /* told: what came by another way */

u64 p9_ask(void)
{
	return ++questions;
}

void p9_learn(u64 asked)
{
	known = MAX(known, asked);
}

void p9_doubt(void)
{
	known = told = ++questions;
}

static bool is_current(u64 asked, u64 asked_ns, bool opening)
{
	static u64 news;
	if (&vsock_news && news != vsock_news) {
		news = vsock_news;
		known = told = ++questions;
	}
	return asked && asked >= (opening ? known : told) && time_boot_ns() - asked_ns < P9_NAME_TTL_NS;
}

static void stamp(struct dentry *d, const struct p9_lookup *l)
{
	d->asked = l->asked;
	d->asked_ns = l->asked_ns;
}

/* ---- one lookup ---- */

/* Pages for up to `limit` bytes; without them nothing is told but attributes. */
static u32 attach(struct p9_req *req, u32 limit)
{
	u32 count = (limit + (u32)PAGE_SIZE - 1) / (u32)PAGE_SIZE, n = 0;
	struct page **pages = count && page_plenty(count) ? kcalloc(count, sizeof(*pages)) : NULL;
	while (pages && n < count && (pages[n] = page_alloc(0, 0)))
		n++;
	limit = MIN(limit, n * (u32)PAGE_SIZE);
	if (pages)
		p9_attach_pages(req, pages, n, 0, limit);
	return limit;
}

int p9_look_send(struct p9_conn *conn, u32 parent, const char *name, size_t len, bool keep, u32 limit,
		 struct p9_lookup *l)
{
	*l = (struct p9_lookup){.fid = keep ? p9_fid_alloc(conn) : P9_NOFID, .changes = p9_changes};
	if (keep && l->fid == P9_NOFID)
		return -ENFILE;
	l->req = p9_new(conn, P9_TLOOK, P9_SMALL);
	if (!l->req) {
		p9_fid_free(conn, l->fid);
		return -ENOMEM;
	}
	l->asked = p9_ask();
	l->asked_ns = time_boot_ns();
	limit = attach(l->req, MIN(limit, p9_msize(conn) - P9_SMALL));
	p9_put32(l->req, parent);
	p9_put32(l->req, l->fid);
	p9_put32(l->req, limit);
	p9_puts(l->req, name, len);
	p9_submit(l->req);
	return 0;
}

int p9_look_wait(struct p9_conn *conn, struct p9_lookup *l)
{
	int r = p9_wait(l->req);
	bool failed = l->req->done && l->req->error;
	if (!r) {
		struct p9_reader reply = p9_reply(l->req);
		r = reply.left < P9_LOOK_BYTES ? -EIO : p9_parse_attr(reply, &l->attr);
		l->told = !r && l->req->buf[P9_ATTR_BYTES];
		l->bytes = l->told ? l->req->bytes : 0;
	}
	if (failed)
		p9_fid_free(conn, l->fid); /* it never was */
	else if (r)
		p9_clunk(conn, l->fid);
	if (r) {
		p9_done(l->req);
		l->req = NULL;
	}
	return r;
}

void p9_look_end(struct p9_lookup *l)
{
	p9_done(l->req);
	l->req = NULL;
}

/* A symbolic link's target, NUL-terminated; NULL: it was not told. */
static char *target_of(const struct p9_lookup *l)
{
	u32 len = l->bytes;
	if (!l->told || !len || len >= MIN((u32)PATH_LIMIT, (u32)PAGE_SIZE) ||
	    memchr(page_virt(l->req->pages[0]), 0, len))
		return NULL;
	char *copy = kmalloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, page_virt(l->req->pages[0]), len);
	copy[len] = 0;
	return copy;
}

/* What came along with the attributes. */
static void take_contents(struct inode *inode, struct p9_lookup *l)
{
	struct p9_node *node = p9_node(inode);
	if (!l->told)
		return;
	if (inode_is(inode, K_S_IFREG)) {
		if (node->changes <= l->changes && !node->changed && l->bytes == inode->size &&
		    l->attr.qid.version == node->qid.version)
			p9_cache_enter(inode, l->req);
	} else if (inode_is(inode, K_S_IFLNK) && !node->target && (node->target = target_of(l))) {
		node->target_len = (u32)strlen(node->target);
	}
}

int p9_look_inode(struct superblock *sb, struct p9_lookup *l, struct inode **out)
{
	int r = p9_inode_get(sb, l->fid, &l->attr, l->changes, out);
	if (!r)
		take_contents(*out, l);
	p9_look_end(l);
	return r;
}

/* ---- names that become entries ---- */

struct dentry *p9_enter(struct dentry *dir, const char *name, size_t len, struct p9_lookup *l, int r, u32 flags)
{
	struct inode *inode = NULL;
	if ((r && r != -ENOENT) || (!r && p9_look_inode(dir->sb, l, &inode)))
		return NULL;
	struct dentry *d = dentry_cached(dir, name, len);
	if (!d && (d = dentry_alloc(dir, name, len))) {
		d->flags |= flags;
		stamp(d, l);
		dentry_add(d, inode);
		dentry_put(d);
		return d;
	}
	if (d && d->inode == inode)
		stamp(d, l);
	if (inode)
		inode_put(inode);
	return d;
}

struct ahead {
	struct p9_lookup lookup;
	struct dentry *d; /* a name that is known is asked again */
	u32 len;
	char name[NAME_LIMIT];
};

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* ---- how much is asked together ---- */

/* More when most of what came along last time was used, else less. A directory begins as the one before it went on. */
static u32 next_batch(struct p9_sb *p9, struct p9_node *dir)
{
	if (!dir->batch)
		dir->batch = MAX(p9->batch, BATCH_LEAST) / 2;
	if (dir->hits * 2 >= dir->ahead)
		dir->batch = MIN(dir->batch * 2, BATCH_MOST);
	else
		dir->batch = MAX(dir->batch / 2, BATCH_LEAST);
	p9->batch = dir->batch;
	dir->hits = dir->ahead = 0;
	return dir->batch;
}

/* Is the directory gone through in the order of names, not in that of its listing? */
static bool goes_by_name(const struct p9_node *dir)
{
	return dir->rising >= RISING_NAMES;
}

static void note_order(struct p9_node *dir, const char *name, size_t len)
{
	u32 n = MIN((u32)len, (u32)sizeof(dir->last));
	int order = memcmp(dir->last, name, MIN(n, dir->last_len));
	if (!order && n == dir->last_len)
		return; /* the same name, as far as is known */
	dir->rising = order < 0 || (!order && dir->last_len < n) ? dir->rising + 1 : 0;
	dir->last_len = n;
	memcpy(dir->last, name, n);
}

/* Somebody opens a file of the directory to read it, or not. */
static void note_hint(struct p9_sb *p9, struct p9_node *dir, u32 hint)
{
	if (!(hint & LOOKUP_READ))
		return;
	p9->storm = 0;
	dir->readers++;
}

/* Will others be read too? */
static bool reads_more(const struct p9_node *dir)
{
	return dir->readers >= READS_FEW;
}

/* Bytes of contents that each of n files may bring. */
static u32 contents_limit(const struct p9_node *dir, u32 hint, u32 *n)
{
	if (!(hint & LOOKUP_READ) || !reads_more(dir))
		return 0;
	*n = MIN(*n, CONTENTS_NAMES);
	return CONTENTS_BYTES / MAX(*n, BATCH_LEAST);
}

/* ---- new names ---- */

/* Sends lookups of names that the directory's listing has and nobody knows yet: whoever asks for one after the other
 * (find, git status) will want them. */
static u32 send_following(struct dentry *dir, const char *name, size_t len, u32 hint, struct ahead **out)
{
	struct p9_sb *p9 = dir->sb->data;
	u32 want = next_batch(p9, p9_node(dir->inode)), limit = contents_limit(p9_node(dir->inode), hint, &want),
	    sent = 0;
	struct p9_name *names = kmalloc(want * sizeof(*names));
	struct ahead *list = names ? kmalloc(want * sizeof(*list)) : NULL;
	struct p9_name from = {(const u8 *)name, (u32)len, 0};
	u32 n = list ? p9_dir_following(dir, from, goes_by_name(p9_node(dir->inode)), names, want) : 0;
	for (u32 i = 0; i < n; i++) { /* copied first: the listing may go while messages are sent */
		memcpy(list[i].name, names[i].text, names[i].len);
		list[i].len = names[i].len;
		list[i].d = NULL;
	}
	for (; sent < n; sent++) {
		bool link = names[sent].type == P9_DT_LNK && p9->cached, file = names[sent].type == P9_DT_REG;
		if (p9_look_send(p9->conn, p9_node(dir->inode)->fid, list[sent].name, list[sent].len, true,
				 link	? PATH_LIMIT
				 : file ? limit
					: 0,
				 &list[sent].lookup))
			break;
	}
	p9_node(dir->inode)->ahead = sent;
	kfree(names);
	*out = list;
	return sent;
}

/* Whether the directory is to be listed, because names are asked for one after the other. */
static bool is_storm(struct p9_sb *p9, u32 hint)
{
	u64 now = time_boot_ns();
	bool pause = now - p9->storm_ns > STORM_NS;
	p9->storm_ns = now;
	if (hint & LOOKUP_READ)
		return false;
	p9->storm = pause ? 1 : p9->storm + 1;
	return p9->storm > STORM_NAMES;
}

static int lookup_once(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out)
{
	struct p9_sb *p9 = dir->sb->data;
	struct p9_node *node = p9_node(dir->inode);
	struct ahead *list = NULL;
	struct p9_req *listing = NULL;
	struct p9_lookup l;
	u32 n = 0, limit = hint & LOOKUP_READ ? CONTENTS_ONE : p9->cached ? PATH_LIMIT : 0;
	int r = p9_look_send(p9->conn, node->fid, name, len, true, limit, &l);
	if (r)
		return r;
	note_hint(p9, node, hint);
	note_order(node, name, len);
	bool storm = is_storm(p9, hint);
	if (!list_empty(&node->chunks))
		n = send_following(dir, name, len, hint, &list);
	else if (storm)
		listing = p9_dir_list_send(dir->inode);
	r = p9_look_wait(p9->conn, &l);
	if (!p9->cached)
		p9_learn(l.asked);
	struct dentry *d = p9_enter(dir, name, len, &l, r, 0);
	if (!r && (!d || !d->inode))
		r = -ENOMEM;
	if (!r) {
		*out = d->inode;
		inode_get(*out);
	}
	for (u32 i = 0; i < n; i++)
		p9_enter(dir, list[i].name, list[i].len, &list[i].lookup, p9_look_wait(p9->conn, &list[i].lookup),
			 DENTRY_AHEAD | DENTRY_NEWS);
	if (listing)
		p9_dir_list_take(dir->inode, listing);
	kfree(list);
	return r;
}

int p9_lookup_entry(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out)
{
	int r = lookup_once(dir, name, len, hint, out);
	while (r == -ENFILE && p9_keep_fewer())
		r = lookup_once(dir, name, len, hint, out);
	return r;
}

/* ---- paths ---- */

/* Enters what was found for the components, each below the one before. */
static void enter_path(struct dentry *dir, struct ahead *list, u32 n)
{
	struct p9_conn *conn = p9_conn(dir->inode);
	dentry_get(dir);
	for (u32 i = 0; i < n; i++) {
		struct dentry *next = NULL;
		int r = p9_look_wait(conn, &list[i].lookup);
		if (dir && inode_is(dir->inode, K_S_IFDIR)) {
			next = p9_enter(dir, list[i].name, list[i].len, &list[i].lookup, r, 0);
			if (next && !next->inode)
				next = NULL;
			if (next)
				dentry_get(next);
		} else if (!r) {
			p9_clunk(conn, list[i].lookup.fid);
			p9_look_end(&list[i].lookup);
		}
		if (dir)
			dentry_put(dir);
		dir = next;
	}
	if (dir)
		dentry_put(dir);
}

void p9_lookup_ahead(struct dentry *dir, const char *path, u32 hint)
{
	struct p9_sb *p9 = dir->sb->data;
	struct ahead *list = kmalloc(PATH_NAMES * sizeof(*list));
	u32 parent = p9_node(dir->inode)->fid, n = 0;
	while (list && n < PATH_NAMES) {
		struct ahead *a = &list[n];
		while (*path == '/')
			path++;
		const char *end = path;
		while (*end && *end != '/')
			end++;
		size_t len = (size_t)(end - path);
		if (!len || len > NAME_LIMIT || is_dots(path, len))
			break;
		u32 limit = p9->cached ? PATH_LIMIT : 0;
		if (!*end && (hint & LOOKUP_READ))
			limit = CONTENTS_ONE;
		memcpy(a->name, path, len);
		a->len = (u32)len;
		if (p9_look_send(p9->conn, parent, a->name, len, true, limit, &a->lookup))
			break;
		parent = a->lookup.fid;
		path = end;
		n++;
	}
	if (n && !p9->cached)
		p9_learn(list[0].lookup.asked);
	enter_path(dir, list, n);
	kfree(list);
}

/* ---- names that are known ---- */

static bool name_is_current(const struct dentry *d, u32 hint)
{
	if (d->inode && !inode_is(d->inode, K_S_IFREG))
		return d->asked && time_boot_ns() - d->asked_ns < P9_NAME_TTL_NS;
	return (!d->inode || !p9_node(d->inode)->changed) && is_current(d->asked, d->asked_ns, hint & LOOKUP_OPEN);
}

/* Would reading the file ask for its contents? */
static bool lacks_contents(const struct inode *inode, u32 limit)
{
	const struct p9_node *node = p9_node(inode);
	return inode_is(inode, K_S_IFREG) && inode->size && inode->size <= limit && !node->pages.count &&
	       !node->changed && list_empty(&node->extents) && list_empty(&node->reads);
}

static bool is_dir(const struct dentry *d)
{
	return d->inode && inode_is(d->inode, K_S_IFDIR);
}

/* Shall this name be asked again along with d? */
static bool goes_along(const struct dentry *next, const struct dentry *d, u32 hint, u32 limit)
{
	if (next->mounts || is_dir(next) != is_dir(d) || (next->inode && inode_is(next->inode, K_S_IFLNK)))
		return false;
	if (next->inode && lacks_contents(next->inode, limit))
		return true;
	return !((struct p9_sb *)d->sb->data)->cached && !name_is_current(next, hint);
}

/* Up to `limit` names beside d, those behind it before those in front; by name: those after it in that order. */
static u32 beside(struct dentry *d, u32 hint, u32 contents, struct p9_name *names, u32 limit)
{
	struct dentry *dir = d->parent;
	struct list *at = &d->sibling;
	const struct p9_name from = {(const u8 *)d->name, d->len, 0};
	bool by_name = goes_by_name(p9_node(dir->inode));
	u32 n = 0, seen = 0;
	while ((by_name || n < limit) && seen++ < SEARCH_MOST) {
		at = at->next;
		if (at == &dir->children)
			at = at->next;
		struct dentry *next = container_of(at, struct dentry, sibling);
		if (at == &dir->children || next == d)
			break;
		struct p9_name name = {(const u8 *)next->name, next->len, 0};
		if ((by_name && p9_name_order(&name, &from) < 0) || !goes_along(next, d, hint, contents))
			continue;
		if (by_name)
			n = p9_name_insert(names, n, limit, name);
		else
			names[n++] = name;
	}
	return n;
}

/* d and what is asked along with it, each with a reference. 0: no memory */
static u32 collect(struct dentry *d, u32 hint, u32 want, u32 limit, struct ahead *list)
{
	struct p9_name *names = kmalloc(want * sizeof(*names));
	u32 n = names ? 1 + beside(d, hint, limit, names, want - 1) : 0;
	for (u32 i = 0; i < n; i++) {
		list[i].d = i ? dentry_cached(d->parent, (const char *)names[i - 1].text, names[i - 1].len) : d;
		dentry_get(list[i].d);
	}
	kfree(names);
	return n;
}

/* What the answer says of the name. 1: it stands for the same as before, 0: it does not, -errno */
static int compare(struct dentry *d, struct p9_lookup *l, int r, bool *changed)
{
	*changed = true;
	if (r == -ENOENT || r == -ENOTDIR || r == -ESTALE) {
		*changed = d->inode != NULL;
		return !d->inode;
	}
	if (r)
		return r;
	struct p9_node *node = d->inode ? p9_node(d->inode) : NULL;
	bool same = node && l->attr.qid.path == node->qid.path && !((l->attr.mode ^ d->inode->mode) & K_S_IFMT);
	if (same) {
		*changed = l->told || p9_attr_differs(d->inode, &l->attr);
		p9_refresh(d->inode, &l->attr, l->changes);
		take_contents(d->inode, l);
	}
	p9_look_end(l);
	return same;
}

/* Asks for the name again, and for others beside it. */
static int ask_again(struct dentry *d, u32 hint)
{
	struct p9_sb *p9 = d->sb->data;
	u32 want = next_batch(p9, p9_node(d->parent->inode)),
	    limit = contents_limit(p9_node(d->parent->inode), hint, &want), sent = 0;
	u32 parent = p9_node(d->parent->inode)->fid;
	struct ahead *list = kmalloc(want * sizeof(*list));
	if (!list)
		return -ENOMEM;
	u32 n = collect(d, hint, want, limit, list);
	for (; sent < n; sent++) {
		struct dentry *e = list[sent].d;
		u32 most = sent || !(hint & LOOKUP_READ) ? limit : CONTENTS_ONE;
		u32 bytes = e->inode && lacks_contents(e->inode, most) ? (u32)PAGE_UP(e->inode->size) : 0;
		if (p9_look_send(p9->conn, parent, e->name, e->len, false, bytes, &list[sent].lookup))
			break;
	}
	int result = sent ? 1 : -ENOMEM;
	for (u32 i = 0; i < n; i++) {
		struct dentry *e = list[i].d;
		bool changed = false;
		int same =
		    i < sent ? compare(e, &list[i].lookup, p9_look_wait(p9->conn, &list[i].lookup), &changed) : 0;
		if (i == 0 && sent)
			result = same;
		if (same > 0 && i < sent) {
			stamp(e, &list[i].lookup);
			if (i)
				e->flags |= DENTRY_AHEAD | (changed ? DENTRY_NEWS : 0);
		}
		if (i == 0 && sent && changed)
			p9_learn(list[i].lookup.asked);
		dentry_put(e);
	}
	p9_node(d->parent->inode)->ahead = n ? n - 1 : 0;
	kfree(list);
	return result;
}

int p9_revalidate(struct dentry *d, u32 hint)
{
	struct p9_sb *p9 = d->sb->data;
	bool fresh = p9->cached || name_is_current(d, hint);
	note_hint(p9, p9_node(d->parent->inode), hint);
	note_order(p9_node(d->parent->inode), d->name, d->len);
	if (d->flags & DENTRY_AHEAD) {
		if (fresh && (d->flags & DENTRY_NEWS))
			p9_learn(d->asked);
		p9_node(d->parent->inode)->hits += fresh;
		d->flags &= ~(DENTRY_AHEAD | DENTRY_NEWS);
	}
	if (hint & LOOKUP_GONE && d->inode && !inode_is(d->inode, K_S_IFDIR))
		return 1; /* the server says what it finds there */
	if (fresh && !(d->inode && (hint & LOOKUP_READ) && reads_more(p9_node(d->parent->inode)) &&
		       lacks_contents(d->inode, CONTENTS_BYTES / CONTENTS_NAMES)))
		return 1;
	int r = ask_again(d, hint);
	return p9->cached ? 1 : r;
}
