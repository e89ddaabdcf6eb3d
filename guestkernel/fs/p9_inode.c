/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the operations on names and attributes of a 9P share: which messages each is. All messages of an operation are
 * sent together where none depends on another's answer; then it waits once.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

#define LONG_MESSAGE	  (PATH_LIMIT + 2 * NAME_LIMIT + 64)
#define UNLINK_DIRECTORY  0x200u
#define SETATTR_MODE	  1u
#define SETATTR_UID	  2u
#define SETATTR_GID	  4u
#define SETATTR_SIZE	  8u
#define SETATTR_ATIME	  0x10u
#define SETATTR_MTIME	  0x20u
#define SETATTR_ATIME_SET 0x80u
#define SETATTR_MTIME_SET 0x100u

/* ---- names ---- */

static void dir_changed(struct inode *dir)
{
	struct p9_node *node = p9_node(dir);
	p9_touch(dir);
	inode_changed(dir);
	node->checked_ns = 0;
}

static struct p9_req *name_req(struct inode *dir, u8 type, const char *name, size_t len)
{
	struct p9_req *req = p9_new(p9_conn(dir), type, LONG_MESSAGE);
	if (!req)
		return NULL;
	p9_put32(req, p9_node(dir)->fid);
	p9_puts(req, name, len);
	return req;
}

/* The name was there before: d, which was to be its entry, is not. */
static void enter_existing(struct inode *dir, struct dentry *d, struct p9_lookup *l)
{
	struct dentry *old = dentry_cached(d->parent, d->name, d->len);
	p9_learn(l->asked);
	if (old && !old->inode)
		dentry_delete(old);
	p9_enter(d->parent, d->name, d->len, l, 0, 0);
}

/* Sends what makes a name, then looks it up. */
static int make_and_find(struct inode *dir, struct dentry *d, struct p9_req *make, struct inode **out)
{
	struct p9_lookup l;
	if (!make)
		return -ENOMEM;
	p9_submit(make);
	int r2 = p9_look_send(p9_conn(dir), p9_node(dir)->fid, d->name, d->len, true, 0, &l);
	int r = p9_wait(make);
	p9_done(make);
	if (r != -EEXIST)
		dir_changed(dir);
	if (!r2)
		r2 = p9_look_wait(p9_conn(dir), &l);
	while (!r && r2 == -ENFILE && p9_keep_fewer()) {
		r2 = p9_look_send(p9_conn(dir), p9_node(dir)->fid, d->name, d->len, true, 0, &l);
		if (!r2)
			r2 = p9_look_wait(p9_conn(dir), &l);
	}
	if (r == -EEXIST && !r2) {
		enter_existing(dir, d, &l);
		return r;
	}
	if (r)
		p9_doubt(); /* something else has the name */
	if (r && !r2) {
		p9_clunk(p9_conn(dir), l.fid);
		p9_look_end(&l);
	}
	if (!r)
		r = r2;
	if (r)
		return r;
	d->asked = l.asked;
	d->asked_ns = l.asked_ns;
	l.changes = p9_changes;
	return p9_look_inode(dir->sb, &l, out);
}

/* A new file is open at once: the fid that made it is what its open file will use. */
static int create_once(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	struct p9_conn *conn = p9_conn(dir);
	struct p9_req *walk = p9_new(conn, P9_TWALK, P9_SMALL), *req = p9_new(conn, P9_TLCREATE, P9_SMALL);
	u32 fid = walk && req ? p9_fid_alloc(conn) : P9_NOFID;
	if (fid == P9_NOFID) {
		kfree(walk);
		kfree(req);
		return -ENOMEM;
	}
	p9_put32(walk, p9_node(dir)->fid);
	p9_put32(walk, fid);
	p9_put8(walk, 0);
	p9_put8(walk, 0);
	p9_submit(walk);
	p9_done(walk);
	p9_put32(req, fid);
	p9_puts(req, d->name, d->len);
	p9_put32(req, O_RDWR | O_CREAT | O_EXCL);
	p9_put32(req, mode & 07777);
	p9_put32(req, fs_gid());
	int r = make_and_find(dir, d, req, out);
	struct p9_node *node = r ? NULL : p9_node(*out);
	if (node && node->wfid == P9_NOFID && inode_is(*out, K_S_IFREG)) {
		node->wfid = fid;
		node->wfid_reads = true;
	} else {
		p9_clunk(conn, fid);
	}
	return r == -EBADF ? -ENFILE : r; /* there was no descriptor for the walk before it */
}

static int create_file(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	int r = create_once(dir, d, mode, out);
	while (r == -ENFILE && p9_keep_fewer())
		r = create_once(dir, d, mode, out);
	return r;
}

static int create(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, struct inode **out)
{
	if (!d)
		return -EOPNOTSUPP;
	if ((mode & K_S_IFMT) == K_S_IFREG)
		return create_file(dir, d, mode, out);
	bool is_dir = (mode & K_S_IFMT) == K_S_IFDIR;
	struct p9_req *req = name_req(dir, is_dir ? P9_TMKDIR : P9_TMKNOD, d->name, d->len);
	if (!req)
		return -ENOMEM;
	p9_put32(req, is_dir ? mode & 07777 : mode);
	if (!is_dir) {
		p9_put32(req, (u32)(rdev >> 8 & 0xfff));
		p9_put32(req, (u32)((rdev & 0xff) | (rdev >> 12 & 0xfff00)));
	}
	p9_put32(req, fs_gid());
	return make_and_find(dir, d, req, out);
}

static int symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out)
{
	struct p9_req *req = name_req(dir, P9_TSYMLINK, d->name, d->len);
	if (!req)
		return -ENOMEM;
	p9_puts(req, target, strlen(target));
	p9_put32(req, fs_gid());
	return make_and_find(dir, d, req, out);
}

/* Submits a change of `inode` and asks for its attributes along with it: the times that the server gives are those that
 * everybody will see. 1: it has them; 0: done, but they are not known; -errno */
static int call_and_refresh(struct p9_req *req, struct inode *inode)
{
	struct p9_attr attr;
	p9_submit(req);
	struct p9_req *ask = p9_attr_send(p9_conn(inode), p9_node(inode)->fid);
	u64 changes = p9_node(inode)->changes = ++p9_changes;
	int r = p9_wait(req), r2 = p9_attr_wait(ask, &attr);
	p9_done(req);
	if (r)
		p9_doubt(); /* somebody else was there */
	if (r || r2)
		return r;
	return p9_refresh(inode, &attr, changes);
}

static int link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct p9_req *req = p9_new(p9_conn(dir), P9_TLINK, P9_SMALL);
	if (!req)
		return -ENOMEM;
	p9_put32(req, p9_node(dir)->fid);
	p9_put32(req, p9_node(inode)->fid);
	p9_puts(req, d->name, d->len);
	int r = call_and_refresh(req, inode);
	if (r < 0)
		return r;
	if (!r)
		inode->nlink++;
	dir_changed(dir);
	return 0;
}

static int remove_name(struct inode *dir, struct dentry *d, u32 flags)
{
	struct p9_req *req = name_req(dir, P9_TUNLINKAT, d->name, d->len);
	if (!req)
		return -ENOMEM;
	p9_put32(req, flags);
	int r = call_and_refresh(req, d->inode);
	if (r < 0)
		return r;
	if (!r)
		d->inode->nlink = flags || !d->inode->nlink ? 0 : d->inode->nlink - 1;
	dir_changed(dir);
	return 0;
}

static int unlink(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, 0);
}

static int remove_dir(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, UNLINK_DIRECTORY);
}

static int rename_name(struct inode *old_dir, struct dentry *d, struct inode *new_dir, const char *name, size_t len,
		       struct inode *replaced, u32 flags)
{
	if (flags & RENAME_EXCHANGE)
		return -EINVAL; /* no message for it */
	struct p9_req *req = name_req(old_dir, P9_TRENAMEAT, d->name, d->len);
	if (!req)
		return -ENOMEM;
	p9_put32(req, p9_node(new_dir)->fid);
	p9_puts(req, name, len);
	int r = call_and_refresh(req, d->inode);
	if (r < 0)
		return r;
	if (replaced) {
		replaced->nlink = inode_is(replaced, K_S_IFDIR) || !replaced->nlink ? 0 : replaced->nlink - 1;
		p9_touch(replaced);
	}
	dir_changed(old_dir);
	dir_changed(new_dir);
	return 0;
}

/* ---- attributes ---- */

/* The target in the reply of a Treadlink, NUL-terminated; NULL: there is none. */
static char *link_target(const struct p9_req *req)
{
	struct p9_reader reply = p9_reply(req);
	u32 len = 0;
	const u8 *target = p9_gets(&reply, &len);
	char *copy = !target || len >= PATH_LIMIT || memchr(target, 0, len) ? NULL : kmalloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, target, len);
	copy[len] = 0;
	return copy;
}

static long readlink(struct inode *inode, char *buf, size_t size)
{
	struct p9_node *node = p9_node(inode);
	if (!inode_is(inode, K_S_IFLNK))
		return -EINVAL;
	if (!node->target) {
		struct p9_req *req = p9_new(p9_conn(inode), P9_TREADLINK, LONG_MESSAGE);
		if (!req)
			return -ENOMEM;
		p9_put32(req, node->fid);
		int r = p9_call(req);
		char *copy = r ? NULL : link_target(req);
		p9_done(req);
		if (r || !copy)
			return r ? r : -EIO;
		kfree((void *)node->target);
		node->target = copy;
		node->target_len = (u32)strlen(copy);
	}
	size_t n = MIN((size_t)node->target_len, size);
	memcpy(buf, node->target, n);
	return (long)n;
}

static int send_setattr(struct inode *inode, u32 fid, u32 valid, const struct attr *a, u64 size)
{
	struct p9_req *req = p9_new(p9_conn(inode), P9_TSETATTR, P9_SMALL);
	if (!req)
		return -ENOMEM;
	p9_put32(req, fid);
	p9_put32(req, valid);
	p9_put32(req, a->mode & 07777);
	p9_put32(req, a->uid);
	p9_put32(req, a->gid);
	p9_put64(req, size);
	p9_put64(req, (u64)a->atime.sec);
	p9_put64(req, (u64)a->atime.nsec);
	p9_put64(req, (u64)a->mtime.sec);
	p9_put64(req, (u64)a->mtime.nsec);
	p9_touch(inode);
	return call_and_refresh(req, inode);
}

static int setattr(struct inode *inode, const struct attr *attr)
{
	u32 valid = 0;
	if ((attr->valid & ATTR_UID) && attr->uid != inode->uid)
		valid |= SETATTR_UID;
	if ((attr->valid & ATTR_GID) && attr->gid != inode->gid)
		valid |= SETATTR_GID;
	if (attr->valid & ATTR_MODE)
		valid |= SETATTR_MODE;
	if (attr->valid & ATTR_ATIME)
		valid |= SETATTR_ATIME | SETATTR_ATIME_SET;
	if (attr->valid & ATTR_MTIME)
		valid |= SETATTR_MTIME | SETATTR_MTIME_SET;
	/* What changes nothing is not sent, and shows no time of change that the server does not know. */
	return valid ? send_setattr(inode, p9_node(inode)->fid, valid, attr, 0) : attr->valid != 0;
}

static int truncate(struct inode *inode, u64 size)
{
	static const struct attr none;
	struct p9_node *node = p9_node(inode);
	u32 fid = node->wfid != P9_NOFID ? node->wfid : node->fid;
	if ((s64)size < 0)
		return -EFBIG;
	u64 old = inode->size;
	int r = send_setattr(inode, fid, SETATTR_SIZE, &none, size);
	if (r < 0)
		return r;
	inode->size = size;
	if (size >= old)
		return 0;
	u64 first = PAGE_UP(size) / PAGE_SIZE;
	mm_unmap_inode(inode, first);
	p9_cache_drop(inode, first, ~0ull);
	p9_discard_reads(inode, size / PAGE_SIZE, ~0ull);
	struct page *last = size & (PAGE_SIZE - 1) ? p9_cached(inode, size / PAGE_SIZE) : NULL;
	if (last)
		memset((u8 *)page_virt(last) + (size & (PAGE_SIZE - 1)), 0, PAGE_SIZE - (size & (PAGE_SIZE - 1)));
	return 0;
}

static int getattr(struct inode *inode, struct k_stat *st)
{
	struct p9_node *node = p9_node(inode);
	int r = p9_update(inode, P9_ATTR_TTL_NS);
	st->mode = inode->mode;
	st->uid = inode->uid;
	st->gid = inode->gid;
	st->nlink = inode->nlink;
	st->size = (s64)inode->size;
	st->atime = inode->atime.sec;
	st->atime_nsec = inode->atime.nsec;
	st->mtime = inode->mtime.sec;
	st->mtime_nsec = inode->mtime.nsec;
	st->ctime = inode->ctime.sec;
	st->ctime_nsec = inode->ctime.nsec;
	st->blocks = (s64)(node->changed && inode_is(inode, K_S_IFREG) ? (inode->size + 511) / 512 : node->blocks);
	return r;
}

const struct inode_ops p9_inode_ops = {
    .lookup_entry = p9_lookup_entry,
    .lookup_ahead = p9_lookup_ahead,
    .revalidate = p9_revalidate,
    .create_tells = true,
    .create = create,
    .symlink = symlink,
    .link = link,
    .unlink = unlink,
    .rmdir = remove_dir,
    .rename_name = rename_name,
    .readlink = readlink,
    .open = p9_open,
    .truncate = truncate,
    .setattr = setattr,
    .getattr = getattr,
    .get_page = p9_get_page,
    .unpack = p9_unpack,
    .get_table = p9_window_table,
    .page_dirty = p9_page_dirty,
    .destroy = p9_node_destroy,
};
