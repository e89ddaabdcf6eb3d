/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the listings of a 9P share's directories: what Rreaddir told, kept for the run when nobody else changes the
 * share, else until the directory is read from its start again.
 *
 * An entry in a chunk: qid[13] offset[8] type[1] name[s]; `offset` is where the entry after it begins.
 */
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define ENTRY_MOST 288u	      /* an answer with room for another entry is the last one */
#define KEEP_BYTES (4u << 20) /* of one directory's listing that is kept: some 100,000 names */

struct chunk {
	struct list link;
	u64 from; /* offset that it was asked for with */
	u32 len;
	u32 refs; /* the directory's, and a reader's: what it gives entries to may sleep */
	bool last;
	u8 data[];
};

struct entry {
	struct p9_qid qid;
	u64 next;
	u8 type;
	const u8 *name;
	u32 len;
};

static void chunk_put(struct chunk *c)
{
	if (--c->refs == 0)
		kfree(c);
}

void p9_dir_forget(struct p9_node *node)
{
	struct chunk *c, *next;
	list_for_each_safe (c, next, &node->chunks, link) {
		list_remove(&c->link);
		chunk_put(c);
	}
}

/* The next entry of a chunk; false: the end, or nonsense. */
static bool next_entry(struct p9_reader *r, struct entry *e)
{
	if (!r->left)
		return false;
	e->qid = p9_get_qid(r);
	e->next = p9_get(r, 8);
	e->type = (u8)p9_get(r, 1);
	e->name = p9_gets(r, &e->len);
	return !r->bad;
}

static bool good_name(const struct entry *e)
{
	return e->len && e->len <= 255 && !memchr(e->name, '/', e->len) && !memchr(e->name, 0, e->len);
}

static struct p9_reader chunk_reader(const struct chunk *c)
{
	return (struct p9_reader){c->data, c->len, false};
}

/* Asks for the entries from an offset on. */
static int fetch_send(struct inode *dir, u64 from, struct p9_req **out)
{
	u32 fid, count = MIN(P9_CHUNK, p9_msize(p9_conn(dir)) - 32);
	int r = p9_reading_fid(dir, &fid);
	struct p9_req *req = r ? NULL : p9_new(p9_conn(dir), P9_TREADDIR, count + 4);
	if (!req)
		return r ? r : -ENOMEM;
	p9_put32(req, fid);
	p9_put64(req, from);
	p9_put32(req, count);
	p9_submit(req);
	*out = req;
	return 0;
}

static int fetch_take(struct inode *dir, u64 from, struct p9_req *req, struct chunk **out)
{
	int r = p9_wait(req);
	if (r && p9_node(dir)->open_error)
		r = p9_node(dir)->open_error;
	struct p9_reader reply = p9_reply(req);
	u32 len = r ? 0 : (u32)p9_get(&reply, 4);
	struct chunk *c = NULL;
	if (!r && (reply.bad || len != reply.left))
		r = -EIO;
	if (!r && !(c = kmalloc(sizeof(*c) + len)))
		r = -ENOMEM;
	if (!r) {
		*c = (struct chunk){.from = from, .len = len, .refs = 1, .last = len + ENTRY_MOST <= req->cap - 4};
		list_init(&c->link);
		memcpy(c->data, reply.p, len);
		*out = c;
	}
	p9_done(req);
	return r;
}

static int fetch(struct inode *dir, u64 from, struct chunk **out)
{
	struct p9_req *req;
	u64 asked = p9_ask();
	int r = fetch_send(dir, from, &req);
	if (!r)
		r = fetch_take(dir, from, req, out);
	if (!p9_sb(dir)->cached)
		p9_learn(asked);
	return r;
}

/* A chunk that has the entry at offset `from`, and a reader that stands there. */
static bool find_kept(struct p9_node *node, u64 from, struct chunk **out, struct p9_reader *r)
{
	struct chunk *c;
	struct entry e;
	list_for_each (c, &node->chunks, link) {
		*out = c;
		*r = chunk_reader(c);
		if (c->from == from)
			return true;
		while (next_entry(r, &e))
			if (e.next == from && (r->left || c->last))
				return true;
	}
	return false;
}

static void keep(struct inode *dir, struct chunk *c)
{
	struct p9_node *node = p9_node(dir);
	struct chunk *old;
	u32 bytes = 0;
	list_for_each (old, &node->chunks, link)
		bytes += old->len;
	if (bytes > KEEP_BYTES)
		p9_dir_forget(node);
	list_append(&node->chunks, &c->link);
}

/* Gives entries to emit; 1: the buffer is full, 0: the end of the chunk, -EIO */
static int emit_chunk(struct file *file, struct p9_reader *r, void *arg, emit_fn emit)
{
	struct entry e;
	while (next_entry(r, &e)) {
		if (!good_name(&e))
			return -EIO;
		u64 ino = e.qid.path;
		if (e.len == 2 && e.name[0] == '.' && e.name[1] == '.')
			ino = file->path.dentry->parent->inode->ino;
		if (!emit(arg, (const char *)e.name, e.len, ino, e.type, e.next))
			return 1;
		file->pos = e.next;
	}
	return r->bad ? -EIO : 0;
}

static int readdir(struct file *file, void *arg, emit_fn emit)
{
	struct inode *dir = file->inode;
	struct p9_node *node = p9_node(dir);
	if (file->pos == 0 && !p9_sb(dir)->cached)
		p9_dir_forget(node);
	for (;;) {
		struct chunk *c;
		struct p9_reader r;
		u64 from = file->pos;
		if (!find_kept(node, from, &c, &r)) {
			int error = fetch(dir, from, &c);
			if (error)
				return error;
			r = chunk_reader(c);
			keep(dir, c);
		}
		if (!r.left)
			return 0;
		c->refs++;
		int full = emit_chunk(file, &r, arg, emit);
		chunk_put(c);
		if (full)
			return full < 0 ? full : 0;
		if (file->pos == from)
			return -EIO; /* offsets that lead nowhere */
	}
}

static void close_fid(struct p9_node *node, struct p9_conn *conn)
{
	p9_clunk(conn, node->rfid);
	node->rfid = P9_NOFID;
	node->open_error = 0;
}

struct p9_req *p9_dir_list_send(struct inode *dir)
{
	struct p9_req *req;
	return fetch_send(dir, 0, &req) ? NULL : req;
}

void p9_dir_list_take(struct inode *dir, struct p9_req *req)
{
	struct p9_node *node = p9_node(dir);
	struct chunk *c;
	int r = fetch_take(dir, 0, req, &c);
	if (!r && list_empty(&node->chunks))
		keep(dir, c);
	else if (!r)
		chunk_put(c);
	if (!node->opens)
		close_fid(node, p9_conn(dir));
}

int p9_name_order(const struct p9_name *a, const struct p9_name *b)
{
	int order = memcmp(a->text, b->text, MIN(a->len, b->len));
	return order ? order : (int)a->len - (int)b->len;
}

u32 p9_name_insert(struct p9_name *names, u32 n, u32 limit, struct p9_name name)
{
	if (n == limit) {
		if (!limit || p9_name_order(&names[n - 1], &name) <= 0)
			return n;
		n--;
	}
	u32 at = n;
	for (; at && p9_name_order(&names[at - 1], &name) > 0; at--)
		names[at] = names[at - 1];
	names[at] = name;
	return n + 1;
}

/* Is it a name that nobody knows yet? */
static bool is_unknown(struct dentry *dir, const struct entry *e)
{
	bool dots = e->name[0] == '.' && (e->len == 1 || (e->len == 2 && e->name[1] == '.'));
	return good_name(e) && !dots && !dentry_cached(dir, (const char *)e->name, e->len);
}

static struct p9_name name_of(const struct entry *e)
{
	return (struct p9_name){e->name, e->len, e->type};
}

/* Adds the entries of a listing from the reader on, up to the one called `name`. */
static u32 add_names(struct dentry *dir, struct p9_reader *r, struct p9_name name, struct p9_name *names, u32 limit)
{
	struct entry e;
	u32 n = 0;
	while (n < limit && next_entry(r, &e) && (e.len != name.len || memcmp(e.name, name.text, name.len))) {
		if (is_unknown(dir, &e))
			names[n++] = name_of(&e);
	}
	return n;
}

static u32 following_by_name(struct dentry *dir, struct p9_name name, struct p9_name *names, u32 limit)
{
	struct p9_node *node = p9_node(dir->inode);
	struct chunk *c;
	struct entry e;
	u32 n = 0;
	list_for_each (c, &node->chunks, link) {
		struct p9_reader r = chunk_reader(c);
		while (next_entry(&r, &e)) {
			struct p9_name next = name_of(&e);
			bool near = n < limit || (limit && p9_name_order(&next, &names[n - 1]) < 0);
			if (near && p9_name_order(&next, &name) > 0 && is_unknown(dir, &e))
				n = p9_name_insert(names, n, limit, next);
		}
	}
	return n;
}

static u32 following_listed(struct dentry *dir, struct p9_name name, struct p9_name *names, u32 limit)
{
	struct p9_node *node = p9_node(dir->inode);
	struct chunk *c;
	struct entry e;
	u32 n = 0;
	bool found = false;
	list_for_each (c, &node->chunks, link) {
		struct p9_reader r = chunk_reader(c);
		while (!found && next_entry(&r, &e))
			found = e.len == name.len && !memcmp(e.name, name.text, name.len);
		if (found)
			n += add_names(dir, &r, name, names + n, limit - n);
	}
	list_for_each (c, &node->chunks, link) {
		struct p9_reader r = chunk_reader(c);
		u32 more = found ? add_names(dir, &r, name, names + n, limit - n) : 0;
		n += more;
		if (r.left)
			break; /* the name itself, or enough */
	}
	return n;
}

u32 p9_dir_following(struct dentry *dir, struct p9_name name, bool by_name, struct p9_name *names, u32 limit)
{
	return (by_name ? following_by_name : following_listed)(dir, name, names, limit);
}

static void release(struct file *file)
{
	struct p9_node *node = p9_node(file->inode);
	if (--node->opens == 0)
		close_fid(node, p9_conn(file->inode));
}

static int sync_dir(struct file *file)
{
	struct inode *dir = file->inode;
	u32 fid;
	int r = p9_reading_fid(dir, &fid);
	struct p9_req *req = r ? NULL : p9_new(p9_conn(dir), P9_TFSYNC, 64);
	if (!req)
		return r ? r : -ENOMEM;
	p9_put32(req, fid);
	p9_put32(req, 0);
	r = p9_call(req);
	p9_done(req);
	return r;
}

const struct file_ops p9_dir_ops = {
    .readdir = readdir,
    .seek = dentry_dir_seek,
    .fsync = sync_dir,
    .release = release,
};
