/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the contents of an overlay's regular files: tmpfs's pages where there are some, else those of the file below. A
 * page becomes the overlay's own before it changes; mappings that showed the one below lose it then and fault again.
 */
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

static struct page *own(const struct inode *inode, u64 index)
{
	return radix_get(&overlay_node(inode)->upper.pages, index);
}

/* Does the page below show at this place? */
static bool shows_lower(const struct inode *inode, u64 index)
{
	return index * PAGE_SIZE < overlay_node(inode)->lower_bytes && !own(inode, index);
}

static u64 pages_of(u64 bytes)
{
	return PAGE_UP(bytes) / PAGE_SIZE;
}

/* The page below, with a reference. May sleep. */
static int lower_page(struct inode *inode, u64 index, bool create, struct page **out)
{
	struct inode *lower = overlay_node(inode)->lower->inode;
	if (!lower->ops->get_page)
		return -EIO;
	return lower->ops->get_page(lower, index, create, out);
}

/* Puts a page of the overlay's own where the one below showed; takes over the reference. */
static int replace(struct inode *inode, u64 index, struct page *page)
{
	int r = tmpfs_insert_page(inode, index, page);
	if (!r)
		mm_unmap_inode_range(inode, index, index + 1);
	return r;
}

/* Copies the page below if it shows. -ENOSPC, -ENOMEM, -EIO */
static int own_page(struct inode *inode, u64 index)
{
	struct page *from, *copy;
	if (!shows_lower(inode, index))
		return 0;
	int r = lower_page(inode, index, true, &from);
	if (r)
		return r;
	if (!shows_lower(inode, index)) { /* meanwhile */
		if (from)
			page_put(from);
		return 0;
	}
	copy = page_alloc(0, from ? 0 : ALLOC_ZERO);
	if (copy && from)
		memcpy(page_virt(copy), page_virt(from), PAGE_SIZE);
	bool lost = from && page_lost(from);
	if (from)
		page_put(from);
	if (!copy)
		return -ENOMEM;
	if (lost) {
		page_put(copy);
		return -EIO;
	}
	u64 left = overlay_node(inode)->lower_bytes - index * PAGE_SIZE;
	if (left < PAGE_SIZE)
		memset((u8 *)page_virt(copy) + left, 0, PAGE_SIZE - left);
	return replace(inode, index, copy);
}

static int own_range(struct inode *inode, u64 pos, u64 end)
{
	int r = 0;
	end = MIN(end, overlay_node(inode)->lower_bytes);
	for (u64 i = pos / PAGE_SIZE; !r && i * PAGE_SIZE < end; i++)
		r = own_page(inode, i);
	return r;
}

/* The pages of a range that will only be written to in part. */
static int own_edges(struct inode *inode, u64 pos, u64 end)
{
	int r = pos & (PAGE_SIZE - 1) || end - pos < PAGE_SIZE ? own_page(inode, pos / PAGE_SIZE) : 0;
	return !r && end & (PAGE_SIZE - 1) ? own_page(inode, end / PAGE_SIZE) : r;
}

/* ---- open files ---- */

int overlay_open_file(struct inode *inode, struct file *file)
{
	struct overlay_node *node = overlay_node(inode);
	struct file *lower;
	file->ops = &overlay_file_ops;
	node->opens++;
	if (!node->lower_bytes || node->lower_file)
		return 0;
	int r = overlay_open_lower(inode, O_RDONLY, &lower);
	if (r)
		node->opens--;
	else if (node->lower_file)
		file_put(lower); /* somebody else did it meanwhile */
	else
		node->lower_file = lower;
	return r;
}

static void release(struct file *file)
{
	struct overlay_node *node = overlay_node(file->inode);
	struct file *lower = node->lower_file;
	if (--node->opens || !lower)
		return;
	node->lower_file = NULL;
	file_put(lower);
}

/* ---- read ---- */

/* How many bytes from pos on are all below, or all are not. */
static u64 run_length(const struct inode *inode, u64 pos, u64 limit, bool *lower)
{
	struct overlay_node *node = overlay_node(inode);
	u64 index = pos / PAGE_SIZE, end = MIN(inode->size, pos + limit);
	*lower = node->lower_file && pos < node->lower_bytes && shows_lower(inode, index);
	if (*lower) {
		if (radix_next(&node->upper.pages, &index))
			end = MIN(end, index * PAGE_SIZE);
		return MIN(end, node->lower_bytes) - pos;
	}
	if (pos >= node->lower_bytes)
		return end - pos;
	while (index * PAGE_SIZE < end && index * PAGE_SIZE < node->lower_bytes && !shows_lower(inode, index))
		index++;
	return (shows_lower(inode, index) ? MIN(end, index * PAGE_SIZE) : end) - pos;
}

static long read_file(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	if (!(file->flags & O_NOATIME))
		inode_touch_atime(&file->path, inode);
	while (uio->left && *pos < inode->size) {
		bool lower;
		u64 n = run_length(inode, *pos, uio->left, &lower), rest = uio->left - n;
		struct file *from = lower ? overlay_node(inode)->lower_file : file;
		const struct file_ops *ops = lower ? from->ops : &tmpfs_file_ops;
		uio->left = n;
		long r = ops->read(from, uio, pos);
		uio->left += rest;
		if (r <= 0)
			return done ? (long)done : r;
		done += (size_t)r;
	}
	return (long)done;
}

/* ---- write ---- */

static long write_file(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	u64 from = file->flags & O_APPEND ? inode->size : *pos, end;
	if (uio->left && !__builtin_add_overflow(from, uio->left, &end)) {
		int r = own_edges(inode, from, end);
		if (r)
			return r;
	}
	overlay_changed(inode);
	long n = tmpfs_file_ops.write(file, uio, pos);
	if (n > 0 && overlay_node(inode)->lower_bytes > *pos - (u64)n)
		mm_unmap_inode_range(inode, (*pos - (u64)n) / PAGE_SIZE, pages_of(*pos));
	return n;
}

int overlay_truncate(struct inode *inode, u64 size)
{
	struct overlay_node *node = overlay_node(inode);
	int r = size < node->lower_bytes && size & (PAGE_SIZE - 1) ? own_page(inode, size / PAGE_SIZE) : 0;
	if (!r)
		r = tmpfs_truncate(inode, size);
	if (r)
		return r;
	overlay_changed(inode);
	node->lower_bytes = MIN(node->lower_bytes, size);
	return 0;
}

/* Whole pages [first, last) become zeros. */
static int clear_pages(struct inode *inode, u64 first, u64 last)
{
	int r = 0;
	for (u64 i = first; !r && i < last && shows_lower(inode, i); i++) {
		struct page *zero = page_alloc(0, ALLOC_ZERO);
		r = zero ? replace(inode, i, zero) : -ENOMEM;
	}
	return r;
}

/* tmpfs gives pages back, and the file below would show there: what it covers stays as zeros. */
static long punch_hole(struct file *file, int mode, u64 offset, u64 len)
{
	struct inode *inode = file->inode;
	struct overlay_node *node = overlay_node(inode);
	u64 end = offset + len, first = pages_of(offset), covered = MIN(end / PAGE_SIZE, pages_of(node->lower_bytes));
	int r = own_edges(inode, offset, end);
	for (u64 i = first; !r && i < covered; i++) {
		struct page *page = own(inode, i);
		if (page)
			memset(page_virt(page), 0, PAGE_SIZE);
		else
			r = clear_pages(inode, i, i + 1);
	}
	if (r)
		return r;
	/* The parts of pages at the edges, and what is behind all that is below. */
	if (first * PAGE_SIZE > offset)
		tmpfs_file_ops.fallocate(file, mode, offset, MIN(first * PAGE_SIZE, end) - offset);
	u64 from = MAX(MAX(covered, first) * PAGE_SIZE, offset);
	return from < end ? tmpfs_file_ops.fallocate(file, mode, from, end - from) : 0;
}

static long file_fallocate(struct file *file, int mode, u64 offset, u64 len)
{
	struct inode *inode = file->inode;
	overlay_changed(inode);
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) && offset < overlay_node(inode)->lower_bytes)
		return punch_hole(file, mode, offset, len);
	if (!(mode & ~FALLOC_FL_KEEP_SIZE)) {
		int r = own_range(inode, offset, offset + len);
		if (r)
			return r;
	}
	return tmpfs_file_ops.fallocate(file, mode, offset, len);
}

static s64 file_seek(struct file *file, s64 offset, int whence)
{
	struct inode *inode = file->inode;
	u64 below = MIN(overlay_node(inode)->lower_bytes, inode->size);
	if ((whence != SEEK_DATA && whence != SEEK_HOLE) || offset < 0 || (u64)offset >= below)
		return tmpfs_file_ops.seek(file, offset, whence);
	/* Holes below are not told. */
	if (whence == SEEK_HOLE) {
		if (below == inode->size || below & (PAGE_SIZE - 1))
			return file->pos = inode->size;
		return tmpfs_file_ops.seek(file, (s64)below, SEEK_HOLE);
	}
	file->pos = (u64)offset;
	return offset;
}

/* ---- splice ---- */

static long file_splice_read(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	while (done < len && *pos < inode->size && pipe_room(pipe)) {
		bool lower;
		u64 n = run_length(inode, *pos, len - done, &lower);
		struct file *from = lower ? overlay_node(inode)->lower_file : file;
		const struct file_ops *ops = lower ? from->ops : &tmpfs_file_ops;
		if (!ops->splice_read)
			return done ? (long)done : -EINVAL;
		long r = ops->splice_read(from, pipe, pos, n, flags);
		if (r <= 0)
			return done ? (long)done : r;
		done += (size_t)r;
	}
	return (long)done;
}

static long file_splice_write(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct inode *inode = file->inode;
	const struct pipe_buf *buf;
	size_t done = 0;
	long n = 0;
	/* A buffer at a time: which pages it will touch is known. */
	while (done < len && (buf = pipe_peek(pipe))) {
		size_t here = MIN((size_t)buf->len, len - done);
		int r = own_range(inode, *pos, *pos + here);
		if (r)
			return done ? (long)done : r;
		overlay_changed(inode);
		n = tmpfs_file_ops.splice_write(file, pipe, pos, here, flags);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done ? (long)done : n;
}

static int file_fsync(struct file *file)
{
	return 0;
}

const struct file_ops overlay_file_ops = {
    .read = read_file,
    .write = write_file,
    .seek = file_seek,
    .fsync = file_fsync,
    .fallocate = file_fallocate,
    .splice_read = file_splice_read,
    .splice_write = file_splice_write,
    .release = release,
};

/* ---- mappings ---- */

int overlay_get_page(struct inode *inode, u64 index, bool create, struct page **out)
{
	*out = NULL;
	if (index >= pages_of(inode->size))
		return -EIO;
	if (shows_lower(inode, index)) {
		int r = lower_page(inode, index, create, out);
		if (shows_lower(inode, index))
			return r;
		if (*out) /* another stands there meanwhile */
			page_put(*out);
	}
	return tmpfs_get_page(inode, index, create, out);
}

int overlay_page_dirty(struct inode *inode, u64 index)
{
	overlay_changed(inode);
	if (own(inode, index))
		return 0;
	int r = own_page(inode, index);
	return r ? r : 1;
}
