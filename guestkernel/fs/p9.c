/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns instances of the 9P file system: mount options, the session's beginning and end, statfs.
 */
#include <linux/fcntl.h>
#include <linux/magic.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define V9FS_SUPER_MAGIC 0x01021997u
#define MSIZE_LIMIT	 (1u << 20)
#define NAMES_LEAST	 16u

struct options {
	u32 in, out, msize;
	bool cached;
	char aname[64];
	const char *prefetch; /* in the text, prefetch_len bytes; NULL: none */
	size_t prefetch_len;
};

/* ---- superblock ---- */

static void statfs(struct superblock *sb, struct statfs_info *info)
{
	struct p9_sb *p9 = sb->data;
	struct p9_req *req = sb->root ? p9_new(p9->conn, P9_TSTATFS, P9_SMALL) : NULL;
	if (!req)
		return;
	p9_put32(req, p9_node(sb->root->inode)->fid);
	if (!p9_call(req)) {
		struct p9_reader r = p9_reply(req);
		p9_get(&r, 4);
		u64 bsize = p9_get(&r, 4), blocks = p9_get(&r, 8), bfree = p9_get(&r, 8);
		p9_get(&r, 8); /* bavail */
		info->files = p9_get(&r, 8);
		info->ffree = p9_get(&r, 8);
		u64 per_page = bsize && bsize < PAGE_SIZE ? PAGE_SIZE / bsize : 1, times = MAX(bsize / PAGE_SIZE, 1ull);
		info->blocks = blocks * times / per_page;
		info->bfree = bfree * times / per_page;
	}
	p9_done(req);
}

static void options_text(struct superblock *sb, char *buf, size_t size)
{
	ksnprintf(buf, size, "%s", ((struct p9_sb *)sb->data)->options);
}

static struct p9_sb *shares;

bool p9_keep_fewer(void)
{
	bool some = false;
	for (struct p9_sb *p9 = shares, *next; p9; p9 = next) {
		struct superblock *sb = p9->sb;
		superblock_get(sb);
		sb->names_limit = MAX(MIN(sb->names_limit, sb->names) / 4 * 3, NAMES_LEAST);
		u32 names = sb->names;
		if (names > sb->names_limit)
			dentry_shrink(sb, names - sb->names_limit);
		some |= sb->names < names;
		next = p9->next;
		superblock_put(sb);
	}
	return some;
}

static void destroy(struct superblock *sb)
{
	struct p9_sb *p9 = sb->data;
	if (!p9)
		return;
	struct p9_sb **link = &shares;
	while (*link && *link != p9)
		link = &(*link)->next;
	if (*link)
		*link = p9->next;
	if (p9->conn)
		p9_conn_destroy(p9->conn);
	kfree(p9);
}

static const struct super_ops p9_super_ops = {"9p", V9FS_SUPER_MAGIC, statfs, options_text, .destroy = destroy};

/* ---- mount options ---- */

static bool number(const char *s, size_t len, u32 *value)
{
	u64 n = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || n > 0xffffffffull)
			return false;
		n = n * 10 + (u64)(s[i] - '0');
	}
	*value = (u32)n;
	return len && n <= 0xffffffffull;
}

static bool is(const char *s, size_t len, const char *text)
{
	return len == strlen(text) && !memcmp(s, text, len);
}

static bool parse_option(const char *s, size_t len, struct options *o)
{
	const char *eq = memchr(s, '=', len);
	size_t key = eq ? (size_t)(eq - s) : len, n = eq ? len - key - 1 : 0;
	const char *value = eq ? eq + 1 : "";
	if (is(s, key, "trans"))
		return is(value, n, "fd");
	if (is(s, key, "version"))
		return is(value, n, "9p2000.L");
	if (is(s, key, "rfdno"))
		return number(value, n, &o->in);
	if (is(s, key, "wfdno"))
		return number(value, n, &o->out);
	if (is(s, key, "msize"))
		return number(value, n, &o->msize) && o->msize >= P9_MSIZE_LEAST;
	if (is(s, key, "cache")) {
		o->cached = is(value, n, "loose") || is(value, n, "fscache");
		return o->cached || is(value, n, "none") || is(value, n, "mmap") || is(value, n, "readahead");
	}
	if (is(s, key, "access"))
		return is(value, n, "any") || is(value, n, "client") || is(value, n, "user");
	if (is(s, key, "prefetch")) {
		o->prefetch = value;
		o->prefetch_len = n;
		return true;
	}
	if (!is(s, key, "aname"))
		return false;
	if (n >= sizeof(o->aname))
		return false;
	memcpy(o->aname, value, n);
	o->aname[n] = 0;
	return true;
}

static int parse_options(const char *text, struct options *o)
{
	*o = (struct options){.in = P9_NOFID, .out = P9_NOFID, .msize = MSIZE_LIMIT};
	while (*text) {
		size_t len = 0;
		while (text[len] && text[len] != ',')
			len++;
		if (len && !parse_option(text, len, o))
			return -EINVAL;
		text += len;
		text += *text == ',';
	}
	o->msize = MIN(o->msize, MSIZE_LIMIT);
	return o->in > 0x7fffffff || o->out > 0x7fffffff ? -EINVAL : 0;
}

/* ---- mount ---- */

static int connect_files(const struct options *o, struct p9_conn **conn)
{
	struct file *in = fd_get((int)o->in), *out = fd_get((int)o->out);
	int r = in && out ? 0 : -EBADF;
	if (!r && (!file_readable(in) || !file_writable(out) || !in->ops->poll || !out->ops->poll))
		r = -EINVAL; /* not streams that can be waited for */
	if (!r && !(*conn = p9_conn_create(in, out, o->msize)))
		r = -ENOMEM;
	if (r && in)
		file_put(in);
	if (r && out)
		file_put(out);
	return r;
}

/* Tversion, Tattach and Tgetattr of the root in one go, and lookups of the names that will be wanted. */
static int begin_session(struct superblock *sb, const struct options *o, struct inode **root,
			 struct p9_prefetch **prefetch)
{
	struct p9_sb *p9 = sb->data;
	struct p9_attr attr;
	struct p9_req *version = p9_version_send(p9->conn), *req = p9_new(p9->conn, P9_TATTACH, P9_SMALL);
	u32 fid = p9_fid_alloc(p9->conn);
	if (!version || !req) {
		p9_done(version);
		kfree(req);
		return -ENOMEM;
	}
	p9_put32(req, fid);
	p9_put32(req, P9_NOFID);
	p9_puts(req, "", 0);
	p9_puts(req, o->aname, strlen(o->aname));
	p9_put32(req, 0);
	p9_submit(req);
	struct p9_req *attr_req = p9_attr_send(p9->conn, fid);
	if (o->prefetch && o->cached)
		*prefetch = p9_prefetch_send(p9->conn, fid, o->prefetch, o->prefetch_len);
	int r = p9_version_wait(version), r2 = p9_wait(req);
	p9_done(req);
	int r3 = p9_attr_wait(attr_req, &attr);
	r = r ? r : r2 ? r2 : r3;
	return r ? r : p9_inode_get(sb, fid, &attr, p9_changes, root);
}

int p9_create(const char *text, struct superblock **out)
{
	struct options o;
	struct page_stats stats;
	struct inode *root = NULL;
	struct p9_prefetch *prefetch = NULL;
	int r = parse_options(text, &o);
	if (r)
		return r;
	struct superblock *sb = superblock_alloc(&p9_super_ops);
	struct p9_sb *p9 = sb ? sb->data = kzalloc(sizeof(*p9)) : NULL;
	r = p9 ? connect_files(&o, &p9->conn) : -ENOMEM;
	if (!r) {
		p9->cached = o.cached;
		r = begin_session(sb, &o, &root, &prefetch);
	}
	if (!r) {
		page_stats(&stats);
		sb->keeps_names = true;
		sb->keeps_absence = true;
		sb->names_limit = (u32)MIN((u64)P9_NAMES_LIMIT, stats.total / 2);
		ksnprintf(p9->options, sizeof(p9->options), ",access=any,cache=%s,msize=%u,trans=fd,aname=%s",
			  o.cached ? "loose" : "mmap", p9_msize(p9->conn), o.aname);
	}
	if (!r && !(sb->root = dentry_alloc_root(sb, root))) {
		inode_put(root);
		r = -ENOMEM;
	}
	p9_prefetch_take(prefetch, r ? NULL : sb->root);
	if (r) {
		if (sb)
			superblock_put(sb);
		return r;
	}
	p9->sb = sb;
	p9->next = shares;
	shares = p9;
	*out = sb;
	return 0;
}
