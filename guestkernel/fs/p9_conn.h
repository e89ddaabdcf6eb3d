/* SPDX-License-Identifier: Apache-2.0
 *
 * A 9P2000.L session over a stream file: requests, tags, fids. Replies are taken from the stream by whoever waits;
 * nothing here sleeps but p9_wait() and p9_wait_until(). The server is not trusted: what it sends wrongly ends the
 * session with -EIO for all.
 */
#ifndef GUESTKERNEL_FS_P9_CONN_H
#define GUESTKERNEL_FS_P9_CONN_H

#include "guestkernel/fs/vfs.h"

enum p9_type { /* of requests; a reply has the number after it */
	       P9_RLERROR = 7,
	       P9_TSTATFS = 8,
	       P9_TLOPEN = 12,
	       P9_TLCREATE = 14,
	       P9_TSYMLINK = 16,
	       P9_TMKNOD = 18,
	       P9_TREADLINK = 22,
	       P9_TGETATTR = 24,
	       P9_TSETATTR = 26,
	       P9_TREADDIR = 40,
	       P9_TFSYNC = 50,
	       P9_TLINK = 70,
	       P9_TMKDIR = 72,
	       P9_TRENAMEAT = 74,
	       P9_TUNLINKAT = 76,
	       P9_TVERSION = 100,
	       P9_TATTACH = 104,
	       P9_TWALK = 110,
	       P9_TREAD = 116,
	       P9_TWRITE = 118,
	       P9_TCLUNK = 120,
	       P9_TMAP = 180,
	       P9_TLEND = 182,
	       P9_TUNPACK = 184,
	       P9_TLOOK = 186,
};

#define P9_NOFID       0xffffffffu
#define P9_NOTAG       0xffffu
#define P9_TAGS	       256		   /* requests under way */
#define P9_FIDS	       65536u		   /* numbers; the server has no more */
#define P9_HEADER      7u		   /* size[4] type[1] tag[2] */
#define P9_IO_PAGES    128u		   /* most pages of one Tread or Twrite */
#define P9_MSIZE_LEAST 8192u		   /* a page and its header */
#define P9_SMALL       320u		   /* request and reply bytes of most messages */
#define P9_ATTR_BYTES  153u		   /* of a file's attributes in a reply */
#define P9_LOOK_BYTES  (P9_ATTR_BYTES + 1) /* of Rlook before the contents */

struct p9_conn;
struct p9_req {
	struct list link; /* waiting to be sent */
	struct p9_conn *conn;
	u16 tag;
	u8 type;
	bool tagged, sent, done;
	bool orphan;   /* nobody waits for it: freed when it is done */
	bool writing;  /* part of the write to the stream that is under way */
	int error;     /* once done: 0 or -errno */
	u32 cap, len;  /* bytes of buf; of the request, then of the reply's body in it */
	u32 out;       /* bytes that were sent */
	bool overflow; /* the request did not fit */
	u32 head;      /* Tread, Tlook: bytes of the reply before its data */
	/* Tread, Tlook: where the data goes; Twrite: where it comes from, from `offset` of the first on. References. */
	struct page **pages;
	u32 count, offset, bytes;
	/* Instead of a waiter: called when it is done, in any thread, must not sleep; the request is freed after it. */
	void (*complete)(struct p9_req *req);
	void *arg;
	u8 *buf;
};

/* A session over these files (references are taken over on success); no message is sent yet. NULL: memory. */
struct p9_conn *p9_conn_create(struct file *in, struct file *out, u32 msize);
/* Ends it; requests under way complete with -EIO. */
void p9_conn_destroy(struct p9_conn *conn);
u32 p9_msize(const struct p9_conn *conn);
/* Tversion, the first request (NULL: no memory); what follows may be sent before its answer has come: the server
 * answers in order. */
struct p9_req *p9_version_send(struct p9_conn *conn);
/* -EIO, -EPROTONOSUPPORT, -EINTR */
int p9_version_wait(struct p9_req *req);

/* A request with room for `cap` bytes of message and of the reply's body; NULL: memory. */
struct p9_req *p9_new(struct p9_conn *conn, u8 type, u32 cap);
void p9_put8(struct p9_req *req, u8 v);
void p9_put32(struct p9_req *req, u32 v);
void p9_put64(struct p9_req *req, u64 v);
void p9_puts(struct p9_req *req, const char *s, size_t len);
/* Pages for data: `bytes` from or to `offset` of the first. The array and the references are taken over. */
void p9_attach_pages(struct p9_req *req, struct page **pages, u32 count, u32 offset, u32 bytes);
/* Queues it. What has `complete` set belongs to the session from here on. Small requests leave when somebody waits or
 * several have come together, so that one write of the stream carries them all; reads and writes leave at once. */
void p9_submit(struct p9_req *req);
/* Sleeps until the reply is there: 0, the server's -errno, -EIO (session broken), -EINTR (the thread is killed). */
int p9_wait(struct p9_req *req);
/* Submits, waits. */
int p9_call(struct p9_req *req);
/* Sleeps until cond(arg), which replies make true; -EIO when the session is broken, -EINTR */
int p9_wait_until(struct p9_conn *conn, bool (*cond)(void *arg), void *arg);
/* The caller has no more use for it, whatever its state; NULL is harmless. */
void p9_done(struct p9_req *req);

/* A free fid number, or P9_NOFID. */
u32 p9_fid_alloc(struct p9_conn *conn);
/* It never came to stand for anything. */
void p9_fid_free(struct p9_conn *conn, u32 fid);
/* Tclunk, without waiting; the number is free again when the server has answered. P9_NOFID is harmless. */
void p9_clunk(struct p9_conn *conn, u32 fid);

/* The reply's body, read with bounds. */
struct p9_reader {
	const u8 *p;
	u32 left;
	bool bad; /* it ended too early */
};
struct p9_reader p9_reply(const struct p9_req *req);
u64 p9_get(struct p9_reader *r, unsigned bytes);  /* little-endian, 1 to 8 bytes; 0 when bad */
const u8 *p9_gets(struct p9_reader *r, u32 *len); /* string[s]; NULL when bad */

struct p9_qid {
	u8 type;
	u32 version;
	u64 path;
};
#define P9_QTDIR     0x80u
#define P9_QTSYMLINK 0x02u
struct p9_qid p9_get_qid(struct p9_reader *r);

#endif
