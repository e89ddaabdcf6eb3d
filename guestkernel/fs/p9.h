/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the 9P file system share: its inodes and instances. docs/files.md has the messages.
 */
#ifndef GUESTKERNEL_FS_P9_H
#define GUESTKERNEL_FS_P9_H

#include "guestkernel/fs/p9_conn.h"
#include "guestkernel/fs/radix.h"

#define P9_HASH		1024u
#define P9_NAME_TTL_NS	30000000ull  /* how long a writable share's names are taken for unchanged, at most */
#define P9_ATTR_TTL_NS	100000000ull /* the same for what fstat(2) and a read at the end of the file tell */
#define P9_NAMES_LIMIT	32768u	     /* cached names of one share: each holds a descriptor of the server */
#define P9_WRITES_LIMIT 16u	     /* writes under way for one file */
#define P9_CHUNK	32768u	     /* bytes of one Rreaddir */

struct p9_attr {
	struct p9_qid qid;
	u32 mode, uid, gid, nlink;
	u64 rdev, size, blksize, blocks;
	struct k_timespec atime, mtime, ctime, btime;
};

struct p9_sb {		    /* sb->data */
	struct p9_sb *next; /* of all shares */
	struct p9_conn *conn;
	struct superblock *sb;
	bool cached; /* cache=loose: nobody else changes anything */
	/* p9_look.c: what programs do with names one after the other */
	u32 batch; /* of the directory that was used last */
	u32 storm; /* lookups for attributes one after the other */
	u64 storm_ns;
	struct p9_node *hash[P9_HASH];
	char options[128];
};

struct p9_node { /* inode->data */
	struct p9_node *hash_next;
	struct inode *inode;
	u32 fid; /* never opened: to walk from */
	struct p9_qid qid;
	u64 checked_ns; /* when the attributes came */
	u64 blocks;
	u32 opens;	/* open files ... */
	u32 rfid, wfid; /* ... and what they use; P9_NOFID until needed */
	bool wfid_reads;
	u32 opening;	/* Tlopen under way for rfid */
	int open_error; /* the last one failed */
	/* contents (p9_cache.c) */
	struct radix pages, dirty; /* pages; the dirty ones are in both, each with a reference */
	struct list reads;	   /* struct p9_read under way */
	struct list lru;	   /* of inodes with pages */
	u64 reclaim_from;
	u64 read_next;	      /* where the last read(2) ended */
	u64 ra_mark, ra_next; /* read-ahead: the page that starts the next one, what it will read */
	u32 ra_pages;
	u32 writes;	     /* under way */
	int write_error;     /* of one that nobody waited for */
	u64 changes;	     /* p9_changes when it was last changed from here */
	bool changed;	     /* since the attributes came, so that new ones tell nothing of others' changes */
	struct list extents; /* struct p9_extent: what the window has of it (p9_window.c) */
	bool unmappable;
	bool unlendable; /* p9_direct.c: the server or the runner says no, until it is closed */
	bool direct;	 /* was written to that way since its attributes were asked for */
	u32 lending;	 /* Tlend under way */
	bool appending;	 /* one at a time finds the end and writes there */
	u64 written;	 /* bytes by Twrite since it was opened */
	/* directories (p9_dir.c) */
	struct list chunks;
	u32 batch, ahead, hits; /* names to ask for together; of the last ones: how many, and how many were used */
	u32 rising;		/* names used one after the other, each behind the last in the order of names */
	u32 last_len;		/* the last one, or its beginning */
	u8 last[24];
	u32 readers;	    /* files that were opened for reading */
	const char *target; /* symbolic link, once read */
	u32 target_len;
};

static inline struct p9_node *p9_node(const struct inode *inode)
{
	return inode->data;
}
static inline struct p9_sb *p9_sb(const struct inode *inode)
{
	return inode->sb->data;
}
static inline struct p9_conn *p9_conn(const struct inode *inode)
{
	return p9_sb(inode)->conn;
}

/* ---- p9.c ---- */

/* mount(2): options trans=fd,rfdno=N,wfdno=N,version=9p2000.L,msize=N,aname=TEXT,cache=none|mmap|loose,access=any.
 * The descriptors are those of the caller. -EINVAL, -EBADF, -ENOMEM, -EIO, what the server says */
int p9_create(const char *options, struct superblock **out);
/* The server is out of descriptors, which all shares have in common: each keeps fewer names from now on.
 * false: there were few. May sleep. */
bool p9_keep_fewer(void);

/* ---- p9_node.c: inodes and attributes ---- */

extern const struct inode_ops p9_inode_ops; /* p9_inode.c */

/* Sends Tgetattr of a fid; p9_attr_wait() takes the reply (NULL: no memory). */
struct p9_req *p9_attr_send(struct p9_conn *conn, u32 fid);
int p9_attr_wait(struct p9_req *req, struct p9_attr *attr);
/* The inode that a fid (taken over, also on failure) and its attributes stand for, referenced. */
int p9_inode_get(struct superblock *sb, u32 fid, const struct p9_attr *attr, u64 changes, struct inode **out);
/* The attributes at the start of a reply; -EIO */
int p9_parse_attr(struct p9_reader reply, struct p9_attr *attr);
/* Do they tell of a change of the file? */
bool p9_attr_differs(const struct inode *inode, const struct p9_attr *attr);
extern u64 p9_changes; /* counts what was changed from here: attributes asked for before a change are out of date */
/* New attributes of the same file came; changes: p9_changes when they were asked for. False: something was changed from
 * here since, so they do not count. */
bool p9_refresh(struct inode *inode, const struct p9_attr *attr, u64 changes);
/* Asks for the attributes when those that are here are older than ttl_ns. */
int p9_update(struct inode *inode, u64 ttl_ns);
/* Something of it was changed from here. */
void p9_touch(struct inode *inode);
void p9_node_destroy(struct inode *inode);

/* ---- p9_look.c: lookups ---- */

/* The number of a question that is about to be asked. */
u64 p9_ask(void);
/* The answer to this question told a program something new of a writable share: earlier answers count no more. */
void p9_learn(u64 asked);
/* A change failed: names are not what they were thought to be, so no earlier answer counts. */
void p9_doubt(void);

struct p9_lookup {
	struct p9_req *req;
	u32 fid;	     /* P9_NOFID: none is wanted */
	u64 changes;	     /* p9_changes when it was sent */
	u64 asked, asked_ns; /* p9_ask(), and when */
	struct p9_attr attr;
	bool told; /* the pages of req hold all `bytes` of the file, or of the link's target */
	u32 bytes;
};
/* Sends Tlook without waiting. keep: the name gets a fid; limit: contents up to so many bytes are wanted. -ENOMEM,
 * -ENFILE */
int p9_look_send(struct p9_conn *conn, u32 parent, const char *name, size_t len, bool keep, u32 limit,
		 struct p9_lookup *l);
/* Waits: 0, the server's error, -EIO; on failure fid and request are gone. */
int p9_look_wait(struct p9_conn *conn, struct p9_lookup *l);
/* The request goes. */
void p9_look_end(struct p9_lookup *l);
/* p9_inode_get() for what a lookup has found, its contents included; the request goes. */
int p9_look_inode(struct superblock *sb, struct p9_lookup *l, struct inode **out);
/* inode_ops */
int p9_lookup_entry(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out);
void p9_lookup_ahead(struct dentry *dir, const char *path, u32 hint);
int p9_revalidate(struct dentry *d, u32 hint);
/* What was found for a name, or that nothing was (r: 0 or -ENOENT), becomes a dentry unless there is one; flags: DENTRY_*.
 * Takes over what the lookup has. Returns the dentry without a reference, or NULL. */
struct dentry *p9_enter(struct dentry *dir, const char *name, size_t len, struct p9_lookup *l, int r, u32 flags);

/* ---- p9_prefetch.c: names that the mount says will be wanted ---- */

struct p9_prefetch;
/* Sends lookups of the list's names from the fid of the root, whose Tattach may be under way. The list must stay until
 * the answers are taken. NULL: nothing to do, or no memory. */
struct p9_prefetch *p9_prefetch_send(struct p9_conn *conn, u32 root, const char *list, size_t len);
/* Takes the answers and begins to map files; root: NULL when the session has failed. Frees it; NULL is harmless. */
void p9_prefetch_take(struct p9_prefetch *prefetch, struct dentry *root);

/* ---- p9_dir.c ---- */

extern const struct file_ops p9_dir_ops;
void p9_dir_forget(struct p9_node *node);
/* Begins to list a directory of which nothing is known; NULL: it cannot be done. p9_dir_list_take() waits for it and
 * keeps what it tells, for p9_dir_following() only. */
struct p9_req *p9_dir_list_send(struct inode *dir);
void p9_dir_list_take(struct inode *dir, struct p9_req *req);
#define P9_DT_REG 8u
#define P9_DT_LNK 10u
struct p9_name {
	const u8 *text; /* not NUL-terminated */
	u32 len;
	u8 type; /* P9_DT_* */
};
/* Adds a name to n names in their order (memcmp), of which the first `limit` are kept; returns how many there are. */
u32 p9_name_insert(struct p9_name *names, u32 n, u32 limit, struct p9_name name);
int p9_name_order(const struct p9_name *a, const struct p9_name *b);
/* Up to `limit` names of the listing that have no dentry: those after `name`, then those before it. by_name: those
 * after it in the order of names. */
u32 p9_dir_following(struct dentry *dir, struct p9_name name, bool by_name, struct p9_name *names, u32 limit);

/* ---- p9_file.c ---- */

extern const struct file_ops p9_file_ops;
int p9_open(struct inode *inode, struct file *file);
/* A fid that is open for reading, or on its way: requests with it may be sent at once. -ENOMEM, -ENFILE, -EINTR */
int p9_reading_fid(struct inode *inode, u32 *fid);

/* ---- p9_window.c: files that are mapped rather than read ---- */

/* May the file be mapped into the window? */
bool p9_mappable(const struct inode *inode);
/* inode_ops.get_table */
struct page *p9_window_table(struct inode *inode, u64 index, u32 prot);
/* The page of the window that shows this page of the file, without a reference; NULL: none does. */
struct page *p9_window_page(struct inode *inode, u64 index);
/* Is the page in a part of the file that was mapped, and has been lost? */
bool p9_window_gone(struct inode *inode, u64 index);
/* Has what surrounds the page mapped; sleeps. 0: look again; -EAGAIN: it is to be read instead; -EINTR, -EIO */
int p9_window_map(struct inode *inode, u64 index);
/* Begins to have the file's first part mapped, where it can be, without waiting for it. */
void p9_window_begin(struct inode *inode);
/* The file's pages leave the window, mapped ones too. */
void p9_window_drop(struct inode *inode);
/* The runner says that files have become shorter. Never sleeps. */
void p9_window_lost(void);

/* ---- p9_direct.c: large reads and writes without the page cache ---- */

/* Bytes that were moved, which may be less than there are; -errno; 0: it has to go the other way. Sleep. */
long p9_direct_read(struct inode *inode, struct uio *uio, u64 pos, bool *ended); /* the file has no more */
long p9_direct_write(struct inode *inode, struct uio *uio, u64 pos);
/* For the cache. Is the file so large that its pages will be read this way? */
bool p9_direct_likely(const struct inode *inode);
/* If so, has it lent and its writes done; sleeps. */
bool p9_direct_ready(struct inode *inode);
/* Reads pages from index on, after p9_direct_ready() if that was true. Never sleeps. Bytes, -errno; 0: not this way. */
long p9_direct_pages(struct inode *inode, u64 index, struct page **pages, u32 count);
/* The fids are about to be clunked. */
void p9_direct_close(struct inode *inode);
/* ---- p9_unpack.c ---- */

/* inode_ops.unpack: the server decompresses (Tunpack). */
int p9_unpack(struct inode *inode, const struct unpack_request *list, unsigned n, void *arg,
	      void (*take)(void *arg, unsigned i, const u8 *data, u32 bytes));

/* ---- p9_cache.c, p9_write.c: the page cache ---- */

struct page *p9_cached(struct inode *inode, u64 index);
int p9_get_page(struct inode *inode, u64 index, bool create, struct page **out);
/* Reads the page and what is likely wanted next; 0 when it was there or came, -EIO beyond the end. */
int p9_fill(struct inode *inode, u64 index, bool mapped);
/* At a page that is there: begins to read what follows when the file is read in sequence. */
void p9_read_ahead(struct inode *inode, u64 index);
/* Enters a page (takes over the reference, also on failure) where none is. */
int p9_cache_insert(struct inode *inode, u64 index, struct page *page);
/* The reply of a Tlook, which has the whole file, becomes the cache's where it has nothing. */
void p9_cache_enter(struct inode *inode, struct p9_req *req);
/* Reads that are under way for the pages [first, end) will not enter the cache. */
void p9_discard_reads(struct inode *inode, u64 first, u64 end);
/* Drops pages [first, end), mapped ones too. */
void p9_cache_drop(struct inode *inode, u64 first, u64 end);
/* Shared mappings are about to write to a page. */
int p9_page_dirty(struct inode *inode, u64 index);
/* Frees about so many clean pages that nobody maps; returns how many. Never sleeps. */
u64 p9_reclaim(u64 pages);

/* Waits until another write may be sent; tells the error of an earlier one. */
int p9_write_ready(struct inode *inode);
/* Sends up to one chunk of a write; returns bytes, -errno. */
long p9_write_chunk(struct inode *inode, struct uio *uio, u64 pos);
/* Sends dirty pages of shared mappings; sleep: with bounded requests under way. */
int p9_write_back(struct inode *inode, bool sleep);
/* Waits for all writes under way; their error stays. -EIO, -EINTR */
int p9_write_settle(struct inode *inode);
/* The same; returns and forgets their error. */
int p9_write_wait(struct inode *inode);

#endif
