/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns pipes and FIFOs: the ring, blocking, packets, open and close. splice(2) is in splice.c.
 */
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/signal.h"

static const struct file_ops pipe_ops;

/* ---- the ring ---- */

static struct pipe_buf *newest(struct pipe *p)
{
	return &p->ring[(p->head + p->used - 1) & (p->slots - 1)];
}

static struct pipe_buf *oldest(const struct pipe *p)
{
	return &p->ring[p->head & (p->slots - 1)];
}

void pipe_push_page(struct pipe *p, struct page *page, u32 offset, u32 len)
{
	kassert(p->used < p->slots);
	p->used++;
	*newest(p) = (struct pipe_buf){.page = page, .offset = offset, .len = len};
}

const struct pipe_buf *pipe_peek(const struct pipe *p)
{
	return p->used ? oldest(p) : NULL;
}

/* Drops the oldest buffer without its page. */
static void advance(struct pipe *p)
{
	p->head++;
	p->used--;
}

void pipe_consume(struct pipe *p, u32 n)
{
	struct pipe_buf *buf = oldest(p);
	buf->offset += n;
	buf->len -= n;
	if (buf->len)
		return;
	/* A page of our own is kept for the next write: most pipes go round with one. */
	if (!p->spare && buf->mergeable && page_exclusive(buf->page))
		p->spare = buf->page;
	else
		page_put(buf->page);
	advance(p);
}

struct page *pipe_steal_page(struct pipe *p)
{
	struct page *page = oldest(p)->page;
	if (!page_exclusive(page) || (page->flags & PAGE_F_CACHE))
		return NULL;
	advance(p);
	return page;
}

static struct pipe *pipe_new(void)
{
	struct pipe *p = kzalloc(sizeof(*p));
	if (!p)
		return NULL;
	p->ring = kcalloc(PIPE_PAGES, sizeof(*p->ring));
	if (!p->ring) {
		kfree(p);
		return NULL;
	}
	p->slots = PIPE_PAGES;
	wait_queue_init(&p->read_wait);
	wait_queue_init(&p->write_wait);
	wait_queue_init(&p->busy_wait);
	return p;
}

static void pipe_free(struct pipe *p)
{
	while (p->used) {
		page_put(oldest(p)->page);
		advance(p);
	}
	if (p->spare)
		page_put(p->spare);
	kfree(p->ring);
	kfree(p);
}

u64 pipe_capacity(const struct pipe *p)
{
	return p->slots * PAGE_SIZE;
}

long pipe_resize(struct pipe *p, u64 bytes)
{
	u64 slots = 1;
	if (bytes > 1ull << 31)
		return -EINVAL;
	while (slots * PAGE_SIZE < bytes)
		slots *= 2;
	if (slots > p->slots && slots > PIPE_PAGES_LIMIT && !fs_capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (slots < p->used)
		return -EBUSY;
	struct pipe_buf *ring = kcalloc(slots, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (u32 i = 0; i < p->used; i++)
		ring[i] = p->ring[(p->head + i) & (p->slots - 1)];
	kfree(p->ring);
	p->ring = ring;
	p->head = 0;
	bool more = slots > p->slots;
	p->slots = (u32)slots;
	if (more)
		pipe_wake_writers(p);
	return (long)pipe_capacity(p);
}

/* ---- waiting ---- */

void pipe_lock(struct pipe *p)
{
	struct wait_entry entry = {0};
	if (likely(!p->busy)) {
		p->busy = true;
		return;
	}
	wait_add(&p->busy_wait, &entry);
	while (p->busy)
		sched_sleep(false, 0);
	wait_remove(&entry);
	p->busy = true;
}

void pipe_unlock(struct pipe *p)
{
	p->busy = false;
	wake_up(&p->busy_wait, 0);
}

void pipe_wake_readers(struct pipe *p)
{
	wake_up(&p->read_wait, EPOLLIN | EPOLLRDNORM);
}

void pipe_wake_writers(struct pipe *p)
{
	wake_up(&p->write_wait, EPOLLOUT | EPOLLWRNORM);
}

int pipe_wait_room(struct pipe *p, bool nonblock)
{
	for (;;) {
		if (!p->readers) {
			signal_broken_pipe();
			return -EPIPE;
		}
		if (pipe_room(p))
			return 0;
		if (nonblock)
			return -EAGAIN;
		pipe_unlock(p);
		int r = wait_event_interruptible(&p->write_wait, pipe_room(p) || !p->readers, 0);
		pipe_lock(p);
		if (r && !pipe_room(p) && p->readers)
			return r;
	}
}

int pipe_wait_data(struct pipe *p, bool nonblock)
{
	for (;;) {
		if (p->used || !p->writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		pipe_unlock(p);
		int r = wait_event_interruptible(&p->read_wait, p->used || !p->writers, 0);
		pipe_lock(p);
		if (r && !p->used && p->writers)
			return r;
	}
}

/* ---- read and write ---- */

static long pipe_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct pipe *p = file->data;
	size_t done = 0;
	if (!uio->left)
		return 0;
	pipe_lock(p);
	long r = pipe_wait_data(p, file->flags & O_NONBLOCK);
	bool was_full = !pipe_room(p);
	while (!r && uio->left && p->used) {
		struct pipe_buf *buf = oldest(p);
		u32 n = (u32)MIN((u64)buf->len, uio->left);
		bool packet = buf->packet;
		size_t moved = uio_copy_to(uio, pipe_data(buf), n);
		done += moved;
		if (moved < n) {
			pipe_consume(p, (u32)moved);
			r = -EFAULT;
			break;
		}
		pipe_consume(p, packet ? buf->len : n); /* the rest of a packet is lost: pipe(2) */
		if (packet)
			break;
	}
	pipe_unlock(p);
	if (was_full && pipe_room(p))
		pipe_wake_writers(p);
	if (done)
		inode_touch_atime(&file->path, file->inode);
	return done ? (long)done : r;
}

/* Appends what fits to the newest page if it is ours; returns bytes moved or -EFAULT. */
static long append(struct pipe *p, struct uio *uio, size_t n)
{
	struct pipe_buf *buf = newest(p);
	if (!n || !p->used || !buf->mergeable || buf->offset + buf->len + n > PAGE_SIZE)
		return 0;
	if (!page_exclusive(buf->page))
		return 0; /* tee(2) gave it to another pipe */
	size_t moved = uio_copy_from(uio, (u8 *)page_virt(buf->page) + buf->offset + buf->len, n);
	buf->len += (u32)moved;
	return moved < n ? -EFAULT : (long)moved;
}

/* Writes one new buffer; there is a free slot. Returns bytes or -errno. */
static long write_buffer(struct pipe *p, struct uio *uio, bool packet)
{
	size_t n = MIN(uio->left, PAGE_SIZE);
	struct page *page = p->spare ? p->spare : page_alloc(0, 0);
	p->spare = NULL;
	if (!page)
		return -ENOMEM;
	size_t moved = uio_copy_from(uio, page_virt(page), n);
	if (moved < n || !p->readers) { /* a fault, or the reader went away while we slept */
		if (p->spare)
			page_put(page);
		else
			p->spare = page;
		return moved < n ? -EFAULT : -EPIPE;
	}
	pipe_push_page(p, page, 0, (u32)n);
	newest(p)->packet = packet;
	newest(p)->mergeable = !packet;
	return (long)n;
}

static long pipe_write(struct file *file, struct uio *uio, u64 *pos)
{
	struct pipe *p = file->data;
	bool packet = file->flags & O_DIRECT, unreported = false;
	size_t done = 0;
	long r = 0;
	if (!uio->left)
		return 0;
	pipe_lock(p);
	if (p->readers && !packet) {
		/* What is not a whole page goes behind the last one, so that small writes share pages. */
		size_t part = uio->left & (PAGE_SIZE - 1);
		r = append(p, uio, part);
		done = r > 0 ? (size_t)r : 0;
		unreported = done;
	}
	while (r >= 0 && uio->left) {
		if (!pipe_room(p) && unreported) {
			pipe_wake_readers(p);
			unreported = false;
		}
		r = pipe_wait_room(p, file->flags & O_NONBLOCK);
		if (!r)
			r = write_buffer(p, uio, packet);
		if (r > 0) {
			done += (size_t)r;
			unreported = true;
		}
	}
	pipe_unlock(p);
	if (unreported)
		pipe_wake_readers(p);
	if (done)
		inode_changed(file->inode);
	return done ? (long)done : r;
}

static u32 pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *p = file->data;
	u32 events = 0;
	if (file_readable(file)) {
		poll_wait(table, &p->read_wait);
		if (p->used)
			events |= EPOLLIN | EPOLLRDNORM;
		/* A FIFO that no writer has opened yet is not at its end. */
		if (!p->writers && (!inode_is(file->inode, K_S_IFIFO) || p->writer_opens != (u32)file->pos))
			events |= EPOLLHUP;
	}
	if (file_writable(file)) {
		poll_wait(table, &p->write_wait);
		if (pipe_room(p))
			events |= EPOLLOUT | EPOLLWRNORM;
		if (!p->readers)
			events |= EPOLLERR;
	}
	return events;
}

static long pipe_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct pipe *p = file->data;
	int n = 0;
	if (cmd != FIONREAD)
		return -ENOTTY;
	for (u32 i = 0; i < p->used; i++)
		n += (int)p->ring[(p->head + i) & (p->slots - 1)].len;
	return put_user(user(arg), n);
}

/* ---- open and close ---- */

static void pipe_release(struct file *file)
{
	struct pipe *p = file->data;
	if (file_readable(file) && --p->readers == 0)
		wake_up(&p->write_wait, EPOLLOUT | EPOLLWRNORM | EPOLLERR);
	if (file_writable(file) && --p->writers == 0)
		wake_up(&p->read_wait, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
	if (--p->refs == 0) {
		file->inode->pipe = NULL;
		pipe_free(p);
	}
}

static const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .async = async_nobody,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

struct pipe *file_pipe(const struct file *file)
{
	return file->ops == &pipe_ops ? file->data : NULL;
}

static void attach(struct pipe *p, struct file *file)
{
	p->refs++;
	file->ops = &pipe_ops;
	file->data = p;
	if (file_readable(file)) {
		file->pos = p->writers || p->nameless ? ~0u : p->writer_opens; /* see pipe_poll() */
		p->readers++;
		p->reader_opens++;
	}
	if (file_writable(file)) {
		p->writers++;
		p->writer_opens++;
	}
}

int pipe_create(struct file **read_end, struct file **write_end, u32 flags)
{
	struct pipe *p = pipe_new();
	struct inode *inode = p ? anon_inode(K_S_IFIFO | 0600) : NULL;
	struct file *in = inode ? file_alloc(&pipe_ops, inode, O_RDONLY | (flags & O_NONBLOCK)) : NULL;
	struct file *out = in ? file_alloc(&pipe_ops, inode, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT))) : NULL;
	if (!out) {
		if (in) {
			in->flags |= O_PATH; /* nothing to release */
			file_put(in);
		}
		if (inode)
			inode_put(inode);
		if (p)
			pipe_free(p);
		return inode ? -ENFILE : -ENOMEM;
	}
	inode->pipe = p;
	p->nameless = true;
	attach(p, in);
	attach(p, out);
	in->pos = ~0u;
	inode_put(inode);
	*read_end = in;
	*write_end = out;
	return 0;
}

/* Waits for the other side as fifo(7) says; the file is attached. */
static int wait_partner(struct pipe *p, struct file *file)
{
	u32 seen;
	if (p->nameless || (file_readable(file) && file_writable(file)))
		return 0;
	if (file_readable(file)) {
		if (p->writers || (file->flags & O_NONBLOCK))
			return 0;
		seen = p->writer_opens;
		return wait_event_interruptible(&p->read_wait, p->writer_opens != seen, 0);
	}
	if (p->readers)
		return 0;
	if (file->flags & O_NONBLOCK)
		return -ENXIO;
	seen = p->reader_opens;
	return wait_event_interruptible(&p->write_wait, p->reader_opens != seen, 0);
}

int fifo_open(struct inode *inode, struct file *file)
{
	const struct file_ops *before = file->ops;
	if (!inode->pipe)
		inode->pipe = pipe_new();
	struct pipe *p = inode->pipe;
	if (!p)
		return -ENOMEM;
	if (!file_readable(file) && !p->readers && !p->nameless && (file->flags & O_NONBLOCK)) {
		if (!p->refs) {
			inode->pipe = NULL;
			pipe_free(p);
		}
		return -ENXIO;
	}
	attach(p, file);
	wake_up(&p->read_wait, 0);
	wake_up(&p->write_wait, 0);
	int r = wait_partner(p, file);
	if (r) {
		pipe_release(file);
		file->ops = before;
	}
	return r;
}
