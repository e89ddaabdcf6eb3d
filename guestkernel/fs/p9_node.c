/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the inodes of a 9P share: which file of the server each stands for, its attributes, and when they are asked for
 * again. Two names of one file find the same inode by the qid's path.
 */
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

#define GETATTR_BASIC 0x7ffull

u64 p9_changes;

/* ---- attributes ---- */

struct p9_req *p9_attr_send(struct p9_conn *conn, u32 fid)
{
	struct p9_req *req = p9_new(conn, P9_TGETATTR, P9_SMALL);
	if (!req)
		return NULL;
	p9_put32(req, fid);
	p9_put64(req, GETATTR_BASIC);
	p9_submit(req);
	return req;
}

static struct k_timespec get_time(struct p9_reader *r)
{
	struct k_timespec t;
	t.sec = (s64)p9_get(r, 8);
	t.nsec = (s64)(p9_get(r, 8) % 1000000000);
	return t;
}

int p9_parse_attr(struct p9_reader r, struct p9_attr *a)
{
	if (r.left < P9_ATTR_BYTES)
		return -EIO;
	p9_get(&r, 8);
	a->qid = p9_get_qid(&r);
	a->mode = (u32)p9_get(&r, 4) & 0177777;
	a->uid = (u32)p9_get(&r, 4);
	a->gid = (u32)p9_get(&r, 4);
	u64 nlink = p9_get(&r, 8);
	a->nlink = (u32)MIN(nlink, 0xffffffffull);
	a->rdev = p9_get(&r, 8);
	a->size = p9_get(&r, 8);
	a->blksize = p9_get(&r, 8);
	a->blocks = p9_get(&r, 8);
	a->atime = get_time(&r);
	a->mtime = get_time(&r);
	a->ctime = get_time(&r);
	a->btime = get_time(&r);
	bool dir = (a->mode & K_S_IFMT) == K_S_IFDIR;
	return (s64)a->size < 0 || dir != ((a->qid.type & P9_QTDIR) != 0) ? -EIO : 0;
}

int p9_attr_wait(struct p9_req *req, struct p9_attr *attr)
{
	int r = req ? p9_wait(req) : -ENOMEM;
	if (!r)
		r = p9_parse_attr(p9_reply(req), attr);
	p9_done(req);
	return r;
}

/* ---- inodes ---- */

static struct p9_node **slot_of(struct p9_sb *p9, u64 path)
{
	return &p9->hash[(path ^ path >> 10 ^ path >> 32) % P9_HASH];
}

static struct p9_node *find(struct p9_sb *p9, const struct p9_attr *attr)
{
	struct p9_node *n = *slot_of(p9, attr->qid.path);
	while (n && (n->qid.path != attr->qid.path || ((n->inode->mode ^ attr->mode) & K_S_IFMT)))
		n = n->hash_next;
	return n;
}

static void set_attr(struct inode *inode, const struct p9_attr *a)
{
	struct p9_node *node = p9_node(inode);
	inode->mode = (inode->mode & K_S_IFMT) | (a->mode & 07777);
	inode->uid = a->uid;
	inode->gid = a->gid;
	inode->nlink = a->nlink;
	inode->rdev = a->rdev;
	inode->size = a->size;
	inode->atime = a->atime;
	inode->mtime = a->mtime;
	inode->ctime = a->ctime;
	inode->btime = a->btime;
	node->blocks = a->blocks;
	node->qid = a->qid;
	node->checked_ns = time_boot_ns();
}

static bool same_time(struct k_timespec a, struct k_timespec b)
{
	return a.sec == b.sec && a.nsec == b.nsec;
}

bool p9_attr_differs(const struct inode *inode, const struct p9_attr *attr)
{
	return attr->qid.version != p9_node(inode)->qid.version || attr->size != inode->size ||
	       !same_time(attr->mtime, inode->mtime) || !same_time(attr->ctime, inode->ctime);
}

bool p9_refresh(struct inode *inode, const struct p9_attr *attr, u64 changes)
{
	struct p9_node *node = p9_node(inode);
	if (node->changes > changes)
		return false; /* older than what was changed here since */
	bool other = attr->qid.version != node->qid.version || attr->size != inode->size ||
		     !same_time(attr->mtime, inode->mtime);
	u64 old_size = inode->size;
	bool ours = node->changed;
	set_attr(inode, attr);
	node->changed = false;
	if (!other)
		return true;
	if (!ours && inode_is(inode, K_S_IFREG))
		p9_cache_drop(inode, 0, ~0ull);
	else if (attr->size < old_size && inode_is(inode, K_S_IFREG))
		p9_cache_drop(inode, PAGE_UP(attr->size) / PAGE_SIZE, ~0ull);
	if (inode_is(inode, K_S_IFLNK)) {
		kfree((void *)node->target);
		node->target = NULL;
	}
	return true;
}

int p9_update(struct inode *inode, u64 ttl_ns)
{
	struct p9_node *node = p9_node(inode);
	struct p9_attr attr;
	if (p9_sb(inode)->cached || time_boot_ns() - node->checked_ns < ttl_ns)
		return 0;
	u64 changes = p9_changes, asked = p9_ask();
	int r = p9_attr_wait(p9_attr_send(p9_conn(inode), node->fid), &attr);
	if (!r && ((attr.mode ^ inode->mode) & K_S_IFMT))
		r = -EIO;
	if (!r && p9_attr_differs(inode, &attr))
		p9_learn(asked);
	if (!r)
		p9_refresh(inode, &attr, changes);
	return r;
}

void p9_touch(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	node->changes = ++p9_changes;
	node->changed = true;
}

int p9_inode_get(struct superblock *sb, u32 fid, const struct p9_attr *attr, u64 changes, struct inode **out)
{
	struct p9_sb *p9 = sb->data;
	struct p9_node *node = find(p9, attr);
	if (node) {
		inode_get(node->inode);
		p9_clunk(p9->conn, fid);
		if (!p9->cached)
			p9_refresh(node->inode, attr, changes);
		*out = node->inode;
		return 0;
	}
	node = kzalloc(sizeof(*node));
	struct inode *inode = node ? inode_alloc(sb, &p9_inode_ops, attr->mode) : NULL;
	if (!inode) {
		kfree(node);
		p9_clunk(p9->conn, fid);
		return -ENOMEM;
	}
	inode->data = node;
	inode->ino = attr->qid.path;
	node->inode = inode;
	node->fid = fid;
	node->rfid = node->wfid = P9_NOFID;
	list_init(&node->reads);
	list_init(&node->lru);
	list_init(&node->chunks);
	list_init(&node->extents);
	node->qid = attr->qid;
	set_attr(inode, attr);
	struct p9_node **slot = slot_of(p9, attr->qid.path);
	node->hash_next = *slot;
	*slot = node;
	*out = inode;
	return 0;
}

void p9_node_destroy(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	struct p9_sb *p9 = p9_sb(inode);
	struct p9_node **link = slot_of(p9, inode->ino);
	while (*link && *link != node)
		link = &(*link)->hash_next;
	if (*link)
		*link = node->hash_next;
	p9_cache_drop(inode, 0, ~0ull);
	radix_free(&node->pages);
	radix_free(&node->dirty);
	list_remove(&node->lru);
	p9_dir_forget(node);
	p9_clunk(p9->conn, node->rfid);
	p9_clunk(p9->conn, node->wfid);
	p9_clunk(p9->conn, node->fid);
	kfree((void *)node->target);
	kfree(node);
}
