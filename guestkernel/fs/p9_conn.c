/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns a 9P session: what is queued, which tag is whose, and the message that is being received. Knows nothing of
 * inodes.
 *
 * Whoever waits moves the session on: sends what the stream takes and receives what it has, for all. Both run without
 * sleeping under the kernel lock, so there is no role of a reader to hand over, and a killed waiter leaves nothing
 * behind but a request without an owner, which its reply frees.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/p9_conn.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/vsock.h"

#pragma weak vsock_ask /* unit tests have no device */
#pragma weak vsock_quiet

#define IOV_PAGES  32  /* pages that one read of the stream names */
#define IOV_SEND   64  /* pieces that one write of it names */
#define TOGETHER   64  /* requests that one write of the stream carries */
#define ASKS	   4   /* notifications that wait for an answer, before who waits goes to sleep */
#define QUEUE_MANY 200 /* small requests that may wait for somebody to wait */

struct p9_conn {
	struct file *in, *out;
	u32 msize;
	bool broken;
	struct p9_req *tags[P9_TAGS];
	struct list queue;	/* to be sent, in order */
	unsigned queued;	/* requests on it */
	bool sending;		/* a write is under way (it may yield) */
	struct wait_queue wait; /* something is done */
	/* the message that is being received */
	u8 head[P9_HEADER];
	u32 head_len;
	struct p9_req *receiving;
	u32 body, body_len; /* bytes it has, bytes that are here */
	bool body_error;    /* Rlerror */
	u64 *fids;	    /* bitmap: in use */
	u32 fid_hint;
};

struct p9_conn *p9_conn_create(struct file *in, struct file *out, u32 msize)
{
	struct p9_conn *conn = kzalloc(sizeof(*conn));
	u64 *fids = kcalloc(P9_FIDS / 64, sizeof(u64));
	if (!conn || !fids) {
		kfree(conn);
		kfree(fids);
		return NULL;
	}
	conn->in = in;
	conn->out = out;
	conn->msize = msize;
	conn->fids = fids;
	list_init(&conn->queue);
	wait_queue_init(&conn->wait);
	in->flags |= O_NONBLOCK; /* who waits does it here, deaf to signals that do not kill */
	out->flags |= O_NONBLOCK;
	if (vsock_quiet)
		vsock_quiet(in);
	return conn;
}

u32 p9_msize(const struct p9_conn *conn)
{
	return conn->msize;
}

/* ---- requests ---- */

static void req_free(struct p9_req *req)
{
	for (u32 i = 0; i < req->count; i++)
		if (req->pages[i])
			page_put(req->pages[i]);
	kfree(req->pages);
	kfree(req);
}

struct p9_req *p9_new(struct p9_conn *conn, u8 type, u32 cap)
{
	struct p9_req *req = kmalloc(sizeof(*req) + cap);
	if (!req)
		return NULL;
	*req = (struct p9_req){.conn = conn, .type = type, .cap = cap, .len = P9_HEADER, .buf = (u8 *)(req + 1)};
	req->head = type == P9_TREAD ? 4 : type == P9_TLOOK ? P9_LOOK_BYTES : 0;
	list_init(&req->link);
	return req;
}

static void put(struct p9_req *req, const void *data, size_t n)
{
	if (n > req->cap - req->len) {
		req->overflow = true;
		return;
	}
	memcpy(req->buf + req->len, data, n);
	req->len += (u32)n;
}

void p9_put8(struct p9_req *req, u8 v)
{
	put(req, &v, 1);
}

void p9_put32(struct p9_req *req, u32 v)
{
	put(req, &v, 4);
}

void p9_put64(struct p9_req *req, u64 v)
{
	put(req, &v, 8);
}

void p9_puts(struct p9_req *req, const char *s, size_t len)
{
	u16 n = (u16)len;
	if (len > 0xffff)
		req->overflow = true;
	put(req, &n, 2);
	put(req, s, n);
}

void p9_attach_pages(struct p9_req *req, struct page **pages, u32 count, u32 offset, u32 bytes)
{
	req->pages = pages;
	req->count = count;
	req->offset = offset;
	req->bytes = bytes;
}

static void leave_queue(struct p9_req *req)
{
	if (list_empty(&req->link))
		return;
	list_remove(&req->link);
	req->conn->queued--;
}

/* It is done: tells its owner, or frees it when it has none. */
static void finish(struct p9_req *req, int error)
{
	struct p9_conn *conn = req->conn;
	leave_queue(req);
	if (req->tagged)
		conn->tags[req->tag] = NULL;
	req->tagged = false;
	req->done = true;
	req->error = error;
	if (req->writing)
		return; /* send_some() goes on with it */
	if (req->complete)
		req->complete(req);
	if (req->complete || req->orphan)
		req_free(req);
}

static void break_session(struct p9_conn *conn)
{
	if (conn->broken)
		return;
	conn->broken = true;
	conn->receiving = NULL;
	for (unsigned i = 0; i < P9_TAGS; i++)
		if (conn->tags[i])
			finish(conn->tags[i], -EIO);
	while (!list_empty(&conn->queue))
		finish(list_first(&conn->queue, struct p9_req, link), -EIO);
	wake_up(&conn->wait, EPOLLIN);
}

void p9_conn_destroy(struct p9_conn *conn)
{
	break_session(conn);
	file_put(conn->in);
	file_put(conn->out);
	kfree(conn->fids);
	kfree(conn);
}

/* ---- sending ---- */

/* Adds the pieces of what is left of the message, as far as there is room; returns their bytes. */
static u64 add_pieces(struct p9_req *req, struct iov *iov, unsigned *n)
{
	u64 bytes = 0;
	bool payload = req->type == P9_TWRITE;
	u32 at = req->out;
	if (at < req->len) {
		iov[(*n)++] = (struct iov){(u64)(uintptr_t)(req->buf + at), req->len - at};
		bytes += req->len - at;
		at = req->len;
	}
	u32 done = at - req->len;
	while (payload && done < req->bytes && *n < IOV_SEND) {
		u32 pos = req->offset + done, in = pos % PAGE_SIZE;
		u32 len = MIN((u32)PAGE_SIZE - in, req->bytes - done);
		iov[(*n)++] = (struct iov){(u64)(uintptr_t)page_virt(req->pages[pos / PAGE_SIZE]) + in, len};
		bytes += len;
		done += len;
	}
	return bytes;
}

static u32 message_size(const struct p9_req *req)
{
	return req->len + (req->type == P9_TWRITE ? req->bytes : 0);
}

static bool give_tag(struct p9_req *req)
{
	struct p9_conn *conn = req->conn;
	if (req->tagged)
		return true;
	for (u16 i = 0; i < P9_TAGS; i++) {
		if (conn->tags[i])
			continue;
		u32 size = message_size(req);
		u16 tag = req->type == P9_TVERSION ? P9_NOTAG : i;
		conn->tags[i] = req;
		req->tag = i;
		req->tagged = true;
		memcpy(req->buf, &size, 4);
		req->buf[4] = req->type;
		memcpy(req->buf + 5, &tag, 2);
		return true;
	}
	return false;
}

/* The first requests of the queue that have tags, and the pieces of what is left of them. */
static unsigned collect(struct p9_conn *conn, struct p9_req **batch, struct iov *iov, unsigned *pieces, u64 *bytes)
{
	struct p9_req *req;
	unsigned n = 0;
	*pieces = 0;
	*bytes = 0;
	list_for_each (req, &conn->queue, link) {
		if (n == TOGETHER || *pieces >= IOV_SEND || !give_tag(req))
			break;
		batch[n++] = req;
		req->writing = true;
		u64 some = add_pieces(req, iov, pieces);
		*bytes += some;
		if (req->out + some < message_size(req))
			break;
	}
	return n;
}

/* Writes some of what is queued; 1: there may be more to do, 0: the stream takes no more now, or no request has a tag,
 * -errno */
static int send_some(struct p9_conn *conn)
{
	struct p9_req *batch[TOGETHER];
	struct iov iov[IOV_SEND];
	unsigned pieces, n;
	u64 bytes, pos = 0;
	n = collect(conn, batch, iov, &pieces, &bytes);
	if (!n)
		return 0;
	struct uio uio = {.iov = iov, .count = pieces, .left = bytes, .kernel = true};
	conn->sending = true;
	long r = file_write(conn->out, &uio, &pos);
	conn->sending = false;
	u64 left = r > 0 ? (u64)r : 0;
	for (unsigned i = 0; i < n; i++) {
		struct p9_req *req = batch[i];
		req->writing = false;
		if (req->done) { /* the session broke meanwhile */
			finish(req, req->error);
			r = -EIO;
			continue;
		}
		u32 took = (u32)MIN(left, (u64)(message_size(req) - req->out));
		req->out += took;
		left -= took;
		if (req->out == message_size(req)) {
			leave_queue(req);
			req->sent = true;
		}
	}
	if (r < 0)
		return r == -EAGAIN ? 0 : (int)r;
	return r > 0;
}

static void send_all(struct p9_conn *conn)
{
	while (!conn->sending && !conn->broken && !list_empty(&conn->queue)) {
		int r = send_some(conn);
		if (r < 0)
			break_session(conn);
		if (r <= 0)
			return;
	}
}

void p9_submit(struct p9_req *req)
{
	struct p9_conn *conn = req->conn;
	list_append(&conn->queue, &req->link);
	conn->queued++;
	bool soon = req->type == P9_TREAD || req->type == P9_TWRITE || conn->queued > QUEUE_MANY;
	if (req->overflow || message_size(req) > conn->msize)
		finish(req, -ENAMETOOLONG);
	else if (conn->broken)
		finish(req, -EIO);
	else if (soon)
		send_all(conn);
}

/* ---- receiving ---- */

static bool begin_body(struct p9_conn *conn)
{
	u32 size;
	u16 tag;
	u8 type = conn->head[4];
	memcpy(&size, conn->head, 4);
	memcpy(&tag, conn->head + 5, 2);
	bool untagged = tag == P9_NOTAG;
	if (untagged)
		tag = 0;
	struct p9_req *req = tag < P9_TAGS ? conn->tags[tag] : NULL;
	if (!req || !req->sent || untagged != (req->type == P9_TVERSION))
		return false;
	if (size < P9_HEADER || size > conn->msize)
		return false;
	conn->body = size - P9_HEADER;
	conn->body_len = 0;
	conn->body_error = type == P9_RLERROR;
	conn->receiving = req;
	if (conn->body_error)
		return conn->body == 4;
	if (type != req->type + 1)
		return false;
	if (req->head)
		return conn->body >= req->head && conn->body - req->head <= req->bytes;
	return conn->body <= req->cap;
}

static int error_of(struct p9_req *req)
{
	u32 code;
	memcpy(&code, req->buf, 4);
	return code && code < 512 ? -(int)code : -EIO;
}

/* The whole reply is here. */
static bool end_body(struct p9_conn *conn)
{
	struct p9_req *req = conn->receiving;
	u32 count = 0;
	conn->receiving = NULL;
	conn->head_len = 0;
	req->len = conn->body;
	if (conn->body_error) {
		finish(req, error_of(req));
		wake_up(&conn->wait, EPOLLIN);
		return true;
	}
	if (req->type == P9_TREAD) {
		memcpy(&count, req->buf, 4);
		if (count != conn->body - 4)
			return false;
	}
	if (req->head)
		req->bytes = conn->body - req->head;
	finish(req, 0);
	wake_up(&conn->wait, EPOLLIN);
	return true;
}

/* Where the next bytes go. */
static unsigned room_for(struct p9_conn *conn, struct iov *iov, u64 *bytes)
{
	struct p9_req *req = conn->receiving;
	unsigned n = 0;
	*bytes = 0;
	if (!req) {
		iov[n++] =
		    (struct iov){(u64)(uintptr_t)(conn->head + conn->head_len), *bytes = P9_HEADER - conn->head_len};
		return n;
	}
	u32 at = conn->body_len;
	u32 plain = req->head && !conn->body_error ? req->head : conn->body;
	if (at < plain) {
		iov[n++] = (struct iov){(u64)(uintptr_t)(req->buf + at), plain - at};
		*bytes = plain - at;
		at = plain;
	}
	while (at < conn->body && n < IOV_PAGES) {
		u32 pos = at - plain, in = pos % PAGE_SIZE, len = MIN((u32)PAGE_SIZE - in, conn->body - at);
		iov[n++] = (struct iov){(u64)(uintptr_t)page_virt(req->pages[pos / PAGE_SIZE]) + in, len};
		*bytes += len;
		at += len;
	}
	return n;
}

/* After r more bytes; false: the server does not speak the protocol. */
static bool advance(struct p9_conn *conn, u32 r)
{
	if (!conn->receiving) {
		conn->head_len += r;
		if (conn->head_len < P9_HEADER)
			return true;
		if (!begin_body(conn))
			return false;
	} else {
		conn->body_len += r;
	}
	return conn->body_len < conn->body || end_body(conn);
}

static void receive_all(struct p9_conn *conn)
{
	while (!conn->broken) {
		struct iov iov[IOV_PAGES];
		u64 bytes, pos = 0;
		unsigned n = room_for(conn, iov, &bytes);
		struct uio uio = {.iov = iov, .count = n, .left = bytes, .kernel = true};
		long r = file_read(conn->in, &uio, &pos);
		if (r == -EAGAIN)
			return;
		if (r <= 0 || !advance(conn, (u32)r)) {
			break_session(conn);
			return;
		}
	}
}

/* ---- waiting ---- */

struct waiter {
	struct poll_table table;
	struct wait_entry on[5];
	unsigned count;
};

static void add_queue(struct poll_table *table, struct wait_queue *q)
{
	struct waiter *w = container_of(table, struct waiter, table);
	if (w->count < ARRAY_SIZE(w->on))
		wait_add(q, &w->on[w->count++]);
}

static void move_on(struct p9_conn *conn)
{
	send_all(conn);
	receive_all(conn);
	send_all(conn); /* a reply gave its tag back */
}

int p9_wait_until(struct p9_conn *conn, bool (*cond)(void *arg), void *arg)
{
	int r = 0;
	while (!cond(arg) && !r) {
		struct waiter w = {.table.add = add_queue};
		move_on(conn);
		if (cond(arg))
			break;
		if (conn->broken)
			return -EIO;
		add_queue(&w.table, &conn->wait);
		file_poll(conn->in, &w.table);
		if (!list_empty(&conn->queue))
			file_poll(conn->out, &w.table);
		/* Others may keep the CPU busy, and the answer is wanted. */
		for (unsigned asks = 0; vsock_ask && asks < ASKS && !cond(arg) && !conn->broken; asks++) {
			bool came = vsock_ask();
			move_on(conn);
			if (!came)
				break;
		}
		if (!cond(arg) && !conn->broken)
			r = sched_sleep_killable();
		while (w.count)
			wait_remove(&w.on[--w.count]);
	}
	return r;
}

static bool is_done(void *arg)
{
	return ((struct p9_req *)arg)->done;
}

int p9_wait(struct p9_req *req)
{
	int r = p9_wait_until(req->conn, is_done, req);
	return req->done ? req->error : r;
}

int p9_call(struct p9_req *req)
{
	p9_submit(req);
	return p9_wait(req);
}

void p9_done(struct p9_req *req)
{
	if (!req)
		return;
	if (req->done && !req->writing)
		req_free(req);
	else
		req->orphan = true;
}

/* ---- fids ---- */

u32 p9_fid_alloc(struct p9_conn *conn)
{
	for (u32 n = 0; n < P9_FIDS / 64; n++) {
		u32 i = (conn->fid_hint + n) % (P9_FIDS / 64);
		if (conn->fids[i] == ~0ull)
			continue;
		u32 bit = (u32)__builtin_ctzll(~conn->fids[i]);
		conn->fids[i] |= 1ull << bit;
		conn->fid_hint = i;
		return i * 64 + bit;
	}
	return P9_NOFID;
}

void p9_fid_free(struct p9_conn *conn, u32 fid)
{
	if (fid >= P9_FIDS)
		return;
	conn->fids[fid / 64] &= ~(1ull << fid % 64);
}

static void clunked(struct p9_req *req)
{
	p9_fid_free(req->conn, (u32)(uintptr_t)req->arg);
}

void p9_clunk(struct p9_conn *conn, u32 fid)
{
	if (fid == P9_NOFID || conn->broken)
		return;
	struct p9_req *req = p9_new(conn, P9_TCLUNK, 16);
	if (!req)
		return; /* the number stays in use: rather that than two files under one */
	p9_put32(req, fid);
	req->complete = clunked;
	req->arg = (void *)(uintptr_t)fid;
	p9_submit(req);
}

/* ---- replies ---- */

struct p9_reader p9_reply(const struct p9_req *req)
{
	return (struct p9_reader){req->buf, req->len, false};
}

u64 p9_get(struct p9_reader *r, unsigned bytes)
{
	u64 v = 0;
	if (bytes > r->left) {
		r->bad = true;
		r->left = 0;
		return 0;
	}
	memcpy(&v, r->p, bytes);
	r->p += bytes;
	r->left -= bytes;
	return v;
}

const u8 *p9_gets(struct p9_reader *r, u32 *len)
{
	*len = (u32)p9_get(r, 2);
	if (r->bad || *len > r->left) {
		r->bad = true;
		return NULL;
	}
	const u8 *s = r->p;
	r->p += *len;
	r->left -= *len;
	return s;
}

struct p9_qid p9_get_qid(struct p9_reader *r)
{
	struct p9_qid qid;
	qid.type = (u8)p9_get(r, 1);
	qid.version = (u32)p9_get(r, 4);
	qid.path = p9_get(r, 8);
	return qid;
}

static const char version[] = "9P2000.L";

struct p9_req *p9_version_send(struct p9_conn *conn)
{
	struct p9_req *req = p9_new(conn, P9_TVERSION, P9_SMALL);
	if (!req)
		return NULL;
	p9_put32(req, conn->msize);
	p9_puts(req, version, sizeof(version) - 1);
	p9_submit(req);
	return req;
}

int p9_version_wait(struct p9_req *req)
{
	struct p9_conn *conn = req->conn;
	int r = p9_wait(req);
	if (!r) {
		struct p9_reader reply = p9_reply(req);
		u32 msize = (u32)p9_get(&reply, 4), len;
		const u8 *text = p9_gets(&reply, &len);
		if (reply.bad || msize < P9_MSIZE_LEAST || msize > conn->msize)
			r = -EIO;
		else if (len != sizeof(version) - 1 || memcmp(text, version, len))
			r = -EPROTONOSUPPORT;
		conn->msize = r ? conn->msize : msize;
	}
	p9_done(req);
	return r;
}
