/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns open files of a 9P share: which fids are open, read, write, seek, fsync, close.
 */
#include <linux/fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define MAX_SIZE     0x7fffffffffffffffull
#define PROBE_BYTES  4096u   /* a read that is no more ... */
#define PROBED_BYTES 131072u /* ... of a file larger than this */

/* ---- fids ---- */

/* Sends what makes a new fid stand for the inode and opens it; *req is the Tlopen. */
static int open_send(struct inode *inode, u32 flags, u32 *fid, struct p9_req **req)
{
	struct p9_conn *conn = p9_conn(inode);
	struct p9_req *walk = p9_new(conn, P9_TWALK, P9_SMALL), *open = p9_new(conn, P9_TLOPEN, P9_SMALL);
	*fid = walk && open ? p9_fid_alloc(conn) : P9_NOFID;
	if (*fid == P9_NOFID) {
		int r = walk && open ? -ENFILE : -ENOMEM;
		kfree(walk);
		kfree(open);
		return r;
	}
	p9_put32(walk, p9_node(inode)->fid);
	p9_put32(walk, *fid);
	p9_put8(walk, 0);
	p9_put8(walk, 0);
	p9_put32(open, *fid);
	p9_put32(open, flags);
	p9_submit(walk);
	p9_done(walk);
	*req = open;
	return 0;
}

static int open_once(struct inode *inode, u32 flags, u32 *fid)
{
	struct p9_req *req;
	int r = open_send(inode, flags, fid, &req);
	if (r)
		return r;
	r = p9_call(req);
	p9_done(req);
	if (r)
		p9_clunk(p9_conn(inode), *fid);
	return r == -EBADF ? -ENFILE : r; /* there was no descriptor for the walk before it */
}

static int open_fid(struct inode *inode, u32 flags, u32 *fid)
{
	int r = open_once(inode, flags, fid);
	while (r == -ENFILE && p9_keep_fewer())
		r = open_once(inode, flags, fid);
	return r;
}

struct opening {
	struct inode *inode;
	u32 fid;
};

static void open_complete(struct p9_req *req)
{
	struct opening *o = req->arg;
	struct p9_node *node = p9_node(o->inode);
	node->opening--;
	if (req->error && node->rfid == o->fid) {
		node->rfid = P9_NOFID;
		node->open_error = req->error;
		p9_clunk(req->conn, o->fid);
	}
	inode_put(o->inode);
	kfree(o);
}

int p9_reading_fid(struct inode *inode, u32 *fid)
{
	struct p9_node *node = p9_node(inode);
	struct p9_req *req;
	if (node->rfid == P9_NOFID && node->wfid != P9_NOFID && node->wfid_reads) {
		*fid = node->wfid;
		return 0;
	}
	if (node->rfid == P9_NOFID) {
		struct opening *o = kmalloc(sizeof(*o));
		if (!o)
			return -ENOMEM;
		int r = open_send(inode, inode_is(inode, K_S_IFDIR) ? O_RDONLY | O_DIRECTORY : O_RDONLY, fid, &req);
		if (r) {
			kfree(o);
			return r;
		}
		*o = (struct opening){inode, *fid};
		inode_get(inode);
		node->rfid = *fid;
		node->opening++;
		node->open_error = 0;
		req->complete = open_complete;
		req->arg = o;
		p9_submit(req);
	}
	*fid = node->rfid;
	return *fid == P9_NOFID ? -EIO : 0;
}

static int writing_fid(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	u32 fid;
	bool reads = true;
	if (node->wfid != P9_NOFID)
		return 0;
	int r = open_fid(inode, O_RDWR, &fid);
	if (r == -EACCES) {
		reads = false;
		r = open_fid(inode, O_WRONLY, &fid);
	}
	if (r)
		return r;
	if (node->wfid != P9_NOFID) { /* somebody else did it meanwhile */
		p9_clunk(p9_conn(inode), fid);
		return 0;
	}
	node->wfid = fid;
	node->wfid_reads = reads;
	return 0;
}

static bool is_open(void *arg)
{
	return !((struct p9_node *)arg)->opening;
}

/* May the server refuse to open it for reading, though the guest's own checks have passed? Then better now than later.
 */
static int check_readable(struct inode *inode)
{
	u32 fid;
	if ((inode->mode & 0444) == 0444 && p9_sb(inode)->cached)
		return 0;
	if (p9_node(inode)->pages.count)
		return 0;
	int r = p9_reading_fid(inode, &fid);
	if (!r && (inode->mode & 0444) != 0444)
		r = p9_wait_until(p9_conn(inode), is_open, p9_node(inode));
	return r ? r : p9_node(inode)->open_error;
}

static void close_fids(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	p9_write_back(inode, false);
	p9_direct_close(inode);
	p9_clunk(p9_conn(inode), node->rfid);
	p9_clunk(p9_conn(inode), node->wfid);
	node->rfid = node->wfid = P9_NOFID;
	node->wfid_reads = false;
	node->open_error = 0;
}

int p9_open(struct inode *inode, struct file *file)
{
	struct p9_node *node = p9_node(inode);
	int r = 0;
	if (inode_is(inode, K_S_IFIFO))
		return -EACCES; /* nobody at the other end, and one of the host must not be waited for */
	if (!inode_is(inode, K_S_IFREG) && !inode_is(inode, K_S_IFDIR))
		return -ENXIO;
	node->opens++;
	file->ops = inode_is(inode, K_S_IFDIR) ? &p9_dir_ops : &p9_file_ops;
	if (file_writable(file))
		r = writing_fid(inode);
	else if (inode_is(inode, K_S_IFREG))
		r = check_readable(inode);
	if (r && --node->opens == 0)
		close_fids(inode);
	return r;
}

static void release(struct file *file)
{
	if (--p9_node(file->inode)->opens == 0)
		close_fids(file->inode);
}

/* ---- data ---- */

/* Where little is read of a large file, most likely a program or library is looked at before it is mapped; but not
 * where it goes on behind what was read before. */
static bool is_probe(const struct inode *inode, const struct uio *uio, u64 index)
{
	return (!index || index != p9_node(inode)->read_next) && uio->left <= PROBE_BYTES &&
	       inode->size > PROBED_BYTES && p9_mappable(inode);
}

static long read_pages(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	if (*pos >= inode->size)
		p9_update(inode, P9_ATTR_TTL_NS);
	while (uio->left && *pos < inode->size) {
		u64 index = *pos / PAGE_SIZE;
		struct page *page = p9_cached(inode, index);
		if (!page) {
			if (is_probe(inode, uio, index) && !p9_window_map(inode, index))
				continue;
			bool ended = false;
			long direct = p9_direct_read(inode, uio, *pos, &ended);
			if (direct < 0)
				return done ? (long)done : direct;
			if (direct && !p9_sb(inode)->cached)
				p9_learn(p9_ask());
			*pos += (u64)direct;
			done += (size_t)direct;
			if (ended) { /* it has become shorter */
				p9_update(inode, 0);
				break;
			}
			if (direct)
				continue;
			int r = p9_fill(inode, index, false);
			if (r == -EIO && !p9_update(inode, 0) && *pos >= inode->size)
				break; /* it has become shorter */
			if (r)
				return done ? (long)done : r;
			continue;
		}
		size_t offset = *pos & (PAGE_SIZE - 1);
		size_t n = MIN(MIN(PAGE_SIZE - offset, inode->size - *pos), uio->left);
		page_get(page); /* the copy may sleep */
		p9_read_ahead(inode, index);
		size_t moved = uio_copy_to(uio, (u8 *)page_virt(page) + offset, n);
		page_put(page);
		if (p9_window_gone(inode, index))
			return done ? (long)done : -EIO; /* what was copied may be zeroes */
		*pos += moved;
		done += moved;
		p9_node(inode)->read_next = *pos / PAGE_SIZE;
		if (moved < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static int sync_file(struct file *file)
{
	struct inode *inode = file->inode;
	struct p9_node *node = p9_node(inode);
	u32 fid = node->wfid;
	int r = p9_write_back(inode, true), waited = p9_write_wait(inode);
	if (!r)
		r = waited;
	if (!r && fid == P9_NOFID)
		r = p9_reading_fid(inode, &fid);
	struct p9_req *req = r ? NULL : p9_new(p9_conn(inode), P9_TFSYNC, 64);
	if (!r && !req)
		r = -ENOMEM;
	if (r)
		return r;
	p9_put32(req, fid);
	p9_put32(req, 0);
	r = p9_call(req);
	p9_done(req);
	return r;
}

static long write_at(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	long r = 0;
	if (!uio->left)
		return 0;
	if (*pos >= MAX_SIZE || uio->left > MAX_SIZE - *pos)
		return -EFBIG;
	inode_drop_suid(inode);
	while (uio->left) {
		r = p9_direct_write(inode, uio, *pos);
		if (!r)
			r = p9_write_chunk(inode, uio, *pos);
		if (r <= 0)
			break;
		*pos += (u64)r;
		done += (size_t)r;
	}
	/* O_SYNC holds this bit too. */
	if (done && (file->flags & O_DSYNC))
		r = sync_file(file);
	if (r < 0 && (!done || file->flags & O_DSYNC))
		return r;
	return (long)done;
}

/* Writing sleeps: without the turn that each appender takes, two would find the same end. */
static long append(struct file *file, struct uio *uio, u64 *pos)
{
	static struct wait_queue turns = WAIT_QUEUE_INIT(turns); /* of all files: few append at once */
	struct p9_node *node = p9_node(file->inode);
	long r = wait_event_interruptible(&turns, !node->appending, 0);
	if (r)
		return r;
	node->appending = true;
	p9_update(file->inode, P9_ATTR_TTL_NS);
	*pos = file->inode->size;
	r = write_at(file, uio, pos);
	node->appending = false;
	wake_up(&turns, 0);
	return r;
}

static long write_pages(struct file *file, struct uio *uio, u64 *pos)
{
	return file->flags & O_APPEND ? append(file, uio, pos) : write_at(file, uio, pos);
}

/* close(2): what was written is at the server, and its attributes are known again. */
static int flush(struct file *file)
{
	struct inode *inode = file->inode;
	struct p9_node *node = p9_node(inode);
	struct p9_attr attr;
	if (!file_writable(file) || (!node->writes && !node->dirty.count && !node->write_error && !node->direct))
		return 0;
	node->direct = false;
	int r = p9_write_back(inode, true);
	u64 changes = p9_changes;
	struct p9_req *req =
	    p9_attr_send(p9_conn(inode), node->fid); /* after the writes, so waiting for it is waiting for them */
	int r2 = p9_write_wait(inode);
	if (!p9_attr_wait(req, &attr))
		p9_refresh(inode, &attr, changes);
	return r ? r : r2;
}

static s64 seek(struct file *file, s64 offset, int whence)
{
	u64 size = file->inode->size;
	s64 base = 0;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = (s64)file->pos;
		break;
	case SEEK_END:
		p9_update(file->inode, P9_ATTR_TTL_NS);
		base = (s64)file->inode->size;
		break;
	case SEEK_DATA: /* holes are not told */
	case SEEK_HOLE:
		if (offset < 0 || (u64)offset >= size)
			return -ENXIO;
		offset = whence == SEEK_DATA ? offset : (s64)size;
		break;
	default:
		return -EINVAL;
	}
	return file_seek_from(file, base, offset);
}

/* Space cannot be reserved at the server; what is left is the size. */
static long fallocate(struct file *file, int mode, u64 offset, u64 len)
{
	int r = mode ? -EOPNOTSUPP : vfs_check_size_limit(file->inode, offset + len);
	if (r)
		return r;
	return offset + len > file->inode->size ? file->inode->ops->truncate(file->inode, offset + len) : 0;
}

/* Page references of the cache, one round's worth. */
static long splice_read(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	if (*pos >= inode->size)
		p9_update(inode, P9_ATTR_TTL_NS);
	while (done < len && *pos < inode->size && pipe_room(pipe)) {
		struct page *page = p9_cached(inode, *pos / PAGE_SIZE);
		if (!page) {
			int r = p9_fill(inode, *pos / PAGE_SIZE, false);
			if (r)
				return done ? (long)done : r;
			continue;
		}
		page_get(page);
		p9_read_ahead(inode, *pos / PAGE_SIZE);
		u32 offset = *pos & (PAGE_SIZE - 1);
		u32 n = (u32)MIN(MIN(PAGE_SIZE - offset, inode->size - *pos), len - done);
		pipe_push_page(pipe, page, offset, n);
		*pos += n;
		done += n;
	}
	return (long)done;
}

static long splice_write(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	size_t done = 0;
	long r = 0;
	if (file->flags & O_APPEND)
		*pos = file->inode->size;
	while (done < len && !(r = p9_write_ready(file->inode)) && pipe_peek(pipe)) {
		const struct pipe_buf *buf = pipe_peek(pipe);
		struct iov one;
		struct uio uio;
		uio_init_kernel(&uio, &one, (void *)pipe_data(buf), MIN(buf->len, len - done));
		r = p9_write_chunk(file->inode, &uio, *pos);
		if (r <= 0)
			break;
		pipe_consume(pipe, (u32)r);
		*pos += (u64)r;
		done += (size_t)r;
	}
	return done ? (long)done : r;
}

const struct file_ops p9_file_ops = {
    .read = read_pages,
    .write = write_pages,
    .seek = seek,
    .fsync = sync_file,
    .fallocate = fallocate,
    .splice_read = splice_read,
    .splice_write = splice_write,
    .release = release,
    .flush = flush,
};
