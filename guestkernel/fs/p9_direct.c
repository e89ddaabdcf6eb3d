/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns reads and writes that pass the page cache by: the server lends the open file to the runner (Tlend,
 * docs/files.md), which then moves bytes between the file and the program's pages while this CPU waits. Only for what
 * is large, and only where the cache has no page of it, so that the cache never has to be corrected.
 *
 * From the look at the page tables to the end of the request nothing sleeps: so pages need no reference, and neither
 * they nor the cache can change under it.
 */
#include "abi/boot.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/process.h"

#define FILE_LEAST  (1u << 20) /* bytes of a file that is read so: smaller ones are worth keeping */
#define READ_LEAST  (64u << 10)
#define WRITE_LEAST (64u << 10)
#define WRITE_FIRST (256u << 10) /* of the first write to a file, or of those before it together */
#define MOST	    (1u << 20)	 /* bytes of one request: the kernel is locked meanwhile */
#define TRIES	    3

struct slot {
	struct inode *inode; /* NULL: nobody's, or the owner has gone before the answer came */
	u64 used;	     /* when last, by `uses` */
	bool write;	     /* the file is open for writing */
	bool asked;	     /* a Tlend is under way */
	bool lent;
};

static struct slot slots[FILE_IO_SLOTS];
static u64 uses;

/* ---- lending ---- */

static struct slot *find_slot(const struct inode *inode, bool write)
{
	bool reads = p9_node(inode)->wfid_reads;
	for (unsigned i = 0; i < FILE_IO_SLOTS; i++)
		if (slots[i].inode == inode && (slots[i].write == write || (!write && reads)))
			return &slots[i];
	return NULL;
}

/* One that is free, else the one used longest ago; NULL: all are being asked for. */
static struct slot *choose_slot(void)
{
	struct slot *best = NULL;
	for (unsigned i = 0; i < FILE_IO_SLOTS; i++) {
		struct slot *s = &slots[i];
		if (!s->asked && !s->lent)
			return s;
		if (!s->asked && (!best || s->used < best->used))
			best = s;
	}
	return best;
}

static void return_complete(struct p9_req *req)
{
	struct slot *s = req->arg;
	s->asked = false;
}

/* The runner is to close the file. Not waited for. */
static void return_slot(struct p9_conn *conn, struct slot *s)
{
	struct p9_req *req = p9_new(conn, P9_TLEND, 64);
	*s = (struct slot){.asked = req != NULL}; /* without memory it stays open until the slot is wanted again */
	if (!req)
		return;
	p9_put32(req, P9_NOFID);
	p9_put32(req, (u32)(s - slots));
	req->complete = return_complete;
	req->arg = s;
	p9_submit(req);
}

struct lending {
	struct inode *inode;
	struct slot *slot;
};

static void lend_complete(struct p9_req *req)
{
	struct lending *l = req->arg;
	struct slot *s = l->slot;
	struct p9_node *node = p9_node(l->inode);
	node->lending--;
	s->asked = false;
	s->lent = !req->error;
	if (req->error) {
		node->unlendable = true;
		s->inode = NULL;
	} else if (!s->inode) {
		return_slot(req->conn, s);
	}
	inode_put(l->inode);
	kfree(l);
}

static bool nothing_asked(void *arg)
{
	return !((struct p9_node *)arg)->lending;
}

/* Has the file lent; sleeps. 0: find_slot() may find it */
static int lend(struct inode *inode, bool write)
{
	struct p9_node *node = p9_node(inode);
	struct slot *s = find_slot(inode, write);
	u32 fid = node->wfid;
	if (s && s->lent)
		return 0;
	if (node->unlendable || (!s && !(s = choose_slot())))
		return -EAGAIN;
	if (!s->asked) {
		int r = write ? 0 : p9_reading_fid(inode, &fid);
		struct lending *l = r ? NULL : kmalloc(sizeof(*l));
		struct p9_req *req = l ? p9_new(p9_conn(inode), P9_TLEND, 64) : NULL;
		if (!req || s->asked) { /* p9_reading_fid() may have slept */
			kfree(l);
			kfree(req);
			return -EAGAIN;
		}
		*s = (struct slot){.inode = inode, .write = write || fid == node->wfid, .asked = true};
		*l = (struct lending){inode, s};
		inode_get(inode);
		node->lending++;
		p9_put32(req, fid);
		p9_put32(req, (u32)(s - slots));
		req->complete = lend_complete;
		req->arg = l;
		p9_submit(req);
	}
	return p9_wait_until(p9_conn(inode), nothing_asked, node);
}

void p9_direct_close(struct inode *inode)
{
	p9_node(inode)->unlendable = false;
	p9_node(inode)->written = 0;
	for (unsigned i = 0; i < FILE_IO_SLOTS; i++) {
		if (slots[i].inode != inode)
			continue;
		slots[i].inode = NULL;
		if (slots[i].lent)
			return_slot(p9_conn(inode), &slots[i]);
	}
}

/* ---- requests ---- */

/* User address and length of the buffer that is next. */
static u64 next_buffer(struct uio *uio, u64 *addr)
{
	while (uio->count && uio->offset == uio->iov->len) {
		uio->iov++;
		uio->count--;
		uio->offset = 0;
	}
	*addr = uio->count ? uio->iov->base + uio->offset : 0;
	return uio->count ? MIN(uio->iov->len - uio->offset, uio->left) : 0;
}

/* How many bytes from pos on, at most `limit`, the cache has nothing of. What the window shows is the host's own. */
static u64 uncached(const struct inode *inode, u64 pos, u64 limit)
{
	u64 index = pos / PAGE_SIZE;
	if (!radix_next(&p9_node(inode)->pages, &index))
		return limit;
	return index * PAGE_SIZE <= pos ? 0 : MIN(limit, index * PAGE_SIZE - pos);
}

struct transfer {
	struct inode *inode;
	struct file_io *io; /* a page */
	u64 addr, pos;
	u64 limit; /* bytes */
	u32 least; /* fewer go the other way */
	bool write;
};

/* Enters the part of the buffer for which the cache has nothing; sleeps for pages that are not there. Returns bytes, at
 * least `least`, or 0. */
static u32 prepare(const struct transfer *t)
{
	const struct inode *inode = t->inode;
	for (unsigned tries = 0;; tries++) {
		u64 there = inode->size > t->pos ? inode->size - t->pos : 0;
		u64 want = uncached(inode, t->pos, MIN(t->write ? t->limit : MIN(t->limit, there), (u64)MOST));
		if (want < t->least || p9_node(inode)->writes)
			return 0;
		u64 got = user_frames(t->addr, want, !t->write, t->io->frame);
		if (got == want || (tries == TRIES && got >= t->least))
			return (u32)got;
		u64 start = (t->addr + got) & ~(PAGE_SIZE - 1);
		if (tries == TRIES || mm_prefault(current->mm, start, PAGE_UP(t->addr + want) - start, !t->write))
			return 0;
	}
}

/* Never sleeps. Bytes, -errno; 0 with *asked 0: not this way. */
static long run(const struct transfer *t, u32 bytes, u32 *asked)
{
	struct slot *s = find_slot(t->inode, t->write);
	struct file_io *io = t->io;
	if (!s || !s->lent)
		return *asked = 0;
	s->used = ++uses;
	io->slot = (u32)(s - slots);
	io->write = t->write;
	io->offset = t->pos;
	io->first = (u32)(t->addr % PAGE_SIZE);
	io->bytes = bytes;
	io->result = -EBADF;
	arch_file_io(virt_to_phys(io));
	s64 r = *(volatile s64 *)&io->result;
	if (r == -EBADF) { /* the runner has another opinion */
		p9_node(t->inode)->unlendable = true;
		*s = (struct slot){0};
	}
	if (r == -EBADF || r == -EFAULT || r == -EINTR)
		return *asked = 0;
	return r > (s64)bytes ? -EIO : (long)r;
}

/* Has the file lent, and moves what can be; *asked: how many bytes that would be. */
static long move(struct transfer *t, u32 *asked)
{
	struct page *page = page_alloc(0, 0);
	if (!page)
		return 0;
	t->io = page_virt(page);
	u32 bytes = lend(t->inode, t->write) ? 0 : prepare(t);
	if (bytes && t->write)
		p9_discard_reads(t->inode, t->pos / PAGE_SIZE, PAGE_UP(t->pos + bytes) / PAGE_SIZE);
	*asked = bytes;
	long r = bytes ? run(t, bytes, asked) : 0;
	page_put(page);
	return r;
}

bool p9_direct_likely(const struct inode *inode)
{
	return inode->size >= FILE_LEAST && !p9_node(inode)->unlendable;
}

bool p9_direct_ready(struct inode *inode)
{
	return p9_direct_likely(inode) && !p9_write_settle(inode) && !lend(inode, false);
}

long p9_direct_pages(struct inode *inode, u64 index, struct page **pages, u32 count)
{
	struct transfer t = {.inode = inode, .pos = index * PAGE_SIZE};
	struct page *page = page_alloc(0, 0);
	u32 asked;
	if (!page)
		return 0;
	t.io = page_virt(page);
	for (u32 i = 0; i < count; i++)
		t.io->frame[i] = (u32)(page_addr(pages[i]) / PAGE_SIZE);
	long r = run(&t, count * (u32)PAGE_SIZE, &asked);
	page_put(page);
	return r;
}

long p9_direct_read(struct inode *inode, struct uio *uio, u64 pos, bool *ended)
{
	struct transfer t = {.inode = inode, .pos = pos, .least = READ_LEAST};
	if (uio->kernel || !p9_direct_likely(inode))
		return 0;
	t.limit = next_buffer(uio, &t.addr);
	if (t.limit < READ_LEAST || uncached(inode, pos, READ_LEAST) < READ_LEAST || p9_write_settle(inode))
		return 0;
	u32 asked = 0;
	long r = move(&t, &asked);
	*ended = r >= 0 && r < asked;
	if (r > 0)
		uio_skip(uio, (u64)r);
	return r;
}

/* Is so much written that the file is worth being asked for? */
static bool is_stream(const struct inode *inode, u64 bytes)
{
	return bytes >= WRITE_FIRST || p9_node(inode)->written >= WRITE_FIRST || find_slot(inode, true);
}

long p9_direct_write(struct inode *inode, struct uio *uio, u64 pos)
{
	struct transfer t = {.inode = inode, .pos = pos, .least = WRITE_LEAST, .write = true};
	if (uio->kernel || p9_node(inode)->unlendable)
		return 0;
	t.limit = next_buffer(uio, &t.addr);
	if (t.limit < WRITE_LEAST || !is_stream(inode, t.limit) || uncached(inode, pos, WRITE_LEAST) < WRITE_LEAST)
		return 0;
	u32 asked = 0;
	long r = p9_write_wait(inode);
	if (!r)
		r = move(&t, &asked);
	if (r <= 0)
		return r;
	uio_skip(uio, (u64)r);
	inode->size = MAX(inode->size, pos + (u64)r);
	p9_node(inode)->direct = true;
	p9_touch(inode);
	inode_changed(inode);
	return r;
}
