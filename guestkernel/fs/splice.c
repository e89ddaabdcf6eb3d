/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns splice, tee, vmsplice and what sendfile and copy_file_range are made of. Files without splice operations are
 * read and written through pages of the pipe.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/inotify.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/fs/splice.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/vm.h"

#ifndef SPLICE_F_MOVE
#define SPLICE_F_MOVE	  1u
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_MORE	  4u
#define SPLICE_F_GIFT	  8u
#endif

/* ---- one direction, pipe locked ---- */

/* read(2) into fresh pages; at most one call that may block. */
static long read_into_pipe(struct file *in, struct pipe *pipe, u64 *pos, size_t len)
{
	size_t done = 0;
	while (done < len && pipe_room(pipe)) {
		struct page *page = page_alloc(0, 0);
		struct iov one;
		struct uio uio;
		if (!page)
			return done ? (long)done : -ENOMEM;
		size_t n = MIN(len - done, PAGE_SIZE);
		uio_init_kernel(&uio, &one, page_virt(page), n);
		long r = file_read(in, &uio, pos);
		if (r <= 0) {
			page_put(page);
			return done ? (long)done : r;
		}
		pipe_push_page(pipe, page, 0, (u32)r);
		done += (size_t)r;
		if ((size_t)r < n || !in->ops->seek)
			break; /* more might block */
	}
	return (long)done;
}

static long fill_pipe(struct file *in, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	if (!in->ops->splice_read)
		return read_into_pipe(in, pipe, pos, len);
	long n = in->ops->splice_read(in, pipe, pos, len, flags);
	if (n > 0 && inotify_watches && in->path.dentry)
		inotify_path(&in->path, IN_ACCESS_EVENT);
	return n;
}

static long write_from_pipe(struct file *out, struct pipe *pipe, u64 *pos, size_t len)
{
	size_t done = 0;
	while (done < len && pipe_peek(pipe)) {
		const struct pipe_buf *buf = pipe_peek(pipe);
		struct iov one;
		struct uio uio;
		size_t n = MIN((u64)buf->len, len - done);
		uio_init_kernel(&uio, &one, (void *)pipe_data(buf), n);
		long r = file_write(out, &uio, pos);
		if (r <= 0)
			return done ? (long)done : r;
		pipe_consume(pipe, (u32)r);
		done += (size_t)r;
		if ((size_t)r < n)
			break;
	}
	return (long)done;
}

static long drain_pipe(struct pipe *pipe, struct file *out, u64 *pos, size_t len, u32 flags)
{
	if (!out->ops->splice_write)
		return write_from_pipe(out, pipe, pos, len);
	long n = file_write_room(out, *pos, len);
	if (n > 0)
		n = out->ops->splice_write(out, pipe, pos, (size_t)n, flags);
	if (n > 0 && inotify_watches && out->path.dentry)
		inotify_path(&out->path, IN_MODIFY_EVENT);
	return n;
}

/* ---- splice ---- */

static bool nonblocking(const struct file *pipe_file, u32 flags)
{
	return (flags & SPLICE_F_NONBLOCK) || (pipe_file->flags & O_NONBLOCK);
}

static long file_to_pipe(struct file *in, u64 *pos, struct file *out, size_t len, u32 flags)
{
	struct pipe *pipe = file_pipe(out);
	pipe_lock(pipe);
	long r = pipe_wait_room(pipe, nonblocking(out, flags));
	if (!r)
		r = fill_pipe(in, pipe, pos, len, flags);
	pipe_unlock(pipe);
	if (r > 0)
		pipe_wake_readers(pipe);
	return r;
}

static long pipe_to_file(struct file *in, struct file *out, u64 *pos, size_t len, u32 flags)
{
	struct pipe *pipe = file_pipe(in);
	size_t done = 0;
	long r;
	pipe_lock(pipe);
	do {
		r = pipe_wait_data(pipe, nonblocking(in, flags) || done);
		if (!r && !pipe_peek(pipe))
			break; /* the end */
		if (!r)
			r = drain_pipe(pipe, out, pos, len - done, flags);
		if (r > 0)
			done += (size_t)r;
	} while (r > 0 && done < len);
	pipe_unlock(pipe);
	if (done)
		pipe_wake_writers(pipe);
	return done ? (long)done : r;
}

/* Moves (or for tee: shares) buffers; both pipes are locked by the caller in turn, without sleeping in between. */
static size_t move_buffers(struct pipe *from, struct pipe *to, size_t len, bool share)
{
	size_t done = 0;
	for (u32 i = 0; done < len && pipe_room(to) && (share ? i < from->used : from->used > 0); i++) {
		const struct pipe_buf *buf =
		    share ? &from->ring[(from->head + i) & (from->slots - 1)] : pipe_peek(from);
		u32 n = (u32)MIN((u64)buf->len, len - done);
		page_get(buf->page);
		pipe_push_page(to, buf->page, buf->offset, n);
		if (!share)
			pipe_consume(from, n);
		done += n;
	}
	return done;
}

static long pipe_to_pipe(struct file *in, struct file *out, size_t len, u32 flags, bool share)
{
	struct pipe *from = file_pipe(in), *to = file_pipe(out);
	size_t done = 0;
	long r;
	if (from == to)
		return -EINVAL;
	do {
		pipe_lock(from);
		r = pipe_wait_data(from, nonblocking(in, flags));
		pipe_unlock(from);
		if (r || !from->used)
			return r;
		pipe_lock(to);
		r = pipe_wait_room(to, nonblocking(out, flags));
		pipe_unlock(to);
		if (r)
			return r;
		if (!from->busy && !to->busy)
			done = move_buffers(from, to, len, share);
		else
			sched_yield_cpu();
	} while (!done);
	pipe_wake_readers(to);
	if (!share)
		pipe_wake_writers(from);
	return (long)done;
}

static bool seekable(const struct file *file)
{
	return file_has_position(file);
}

long splice_files(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, size_t len, u32 flags)
{
	struct pipe *from = file_pipe(in), *to = file_pipe(out);
	if (!file_readable(in) || !file_writable(out))
		return -EBADF;
	if ((from && in_pos) || (to && out_pos))
		return -ESPIPE;
	if (from && to)
		return pipe_to_pipe(in, out, len, flags, false);
	int r = from ? file_check_span(out, out_pos ? *out_pos : out->pos, len)
		     : file_check_span(in, in_pos ? *in_pos : in->pos, len);
	if (from) {
		if (out_pos && !seekable(out))
			return -EINVAL;
		if (r || out->flags & O_APPEND)
			return -EINVAL;
		return pipe_to_file(in, out, out_pos ? out_pos : &out->pos, len, flags);
	}
	if (!to)
		return -EINVAL;
	if (r || (in_pos && !seekable(in)))
		return -EINVAL;
	if (!in->ops->splice_read && !in->ops->read)
		return -EINVAL;
	return file_to_pipe(in, in_pos ? in_pos : &in->pos, out, len, flags);
}

/* Does its own waiting as splice does, but consumes nothing. */
long splice_tee(struct file *in, struct file *out, size_t len, u32 flags)
{
	if (!file_readable(in) || !file_writable(out))
		return -EBADF;
	if (!file_pipe(in) || !file_pipe(out))
		return -EINVAL;
	return pipe_to_pipe(in, out, len, flags, true);
}

/* ---- sendfile, copy_file_range ---- */

static long write_all(struct file *pipe_out, struct file *out, u64 *pos, size_t n)
{
	struct pipe *pipe = file_pipe(pipe_out);
	size_t done = 0;
	while (done < n) {
		struct pipe *to = file_pipe(out);
		long r;
		if (to) {
			pipe_lock(to);
			r = pipe_wait_room(to, out->flags & O_NONBLOCK);
			if (!r) {
				r = (long)move_buffers(pipe, to, n - done, false);
				pipe_unlock(to);
				pipe_wake_readers(to);
			} else {
				pipe_unlock(to);
			}
		} else {
			r = out->flags & O_APPEND ? write_from_pipe(out, pipe, pos, n - done)
						  : drain_pipe(pipe, out, pos, n - done, 0);
		}
		if (r <= 0)
			return done ? (long)done : r;
		done += (size_t)r;
	}
	return (long)done;
}

/* What was read but could not be written goes back: the input's position. */
static void throw_away(struct pipe *pipe)
{
	while (pipe_peek(pipe))
		pipe_consume(pipe, pipe_peek(pipe)->len);
}

long splice_direct(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, size_t len)
{
	struct file *pipe_in, *pipe_out;
	size_t done = 0;
	long r = pipe_create(&pipe_out, &pipe_in, 0);
	if (r)
		return r;
	struct pipe *pipe = file_pipe(pipe_in);
	while (done < len) {
		u64 before = *in_pos;
		r = fill_pipe(in, pipe, in_pos, MIN(len - done, PIPE_PAGES * PAGE_SIZE), 0);
		if (r <= 0)
			break;
		size_t got = (size_t)r;
		r = write_all(pipe_out, out, out_pos, got);
		if (r > 0)
			done += (size_t)r;
		if (r < (long)got) {
			*in_pos = before + (u64)MAX(r, 0);
			throw_away(pipe);
			break;
		}
	}
	file_put(pipe_in);
	file_put(pipe_out);
	return done ? (long)done : r;
}

/* ---- vmsplice ---- */

static long user_to_pipe(struct file *file, struct uio *uio, u32 flags)
{
	struct pipe *pipe = file_pipe(file);
	size_t done = 0;
	long r = 0;
	pipe_lock(pipe);
	while (uio->left) {
		r = pipe_wait_room(pipe, nonblocking(file, flags) || done);
		if (r)
			break;
		while (uio->offset == uio->iov->len) { /* skip what is done and what is empty */
			uio->iov++;
			uio->count--;
			uio->offset = 0;
		}
		u64 addr = uio->iov->base + uio->offset;
		size_t n = MIN(MIN(PAGE_SIZE - (addr & (PAGE_SIZE - 1)), uio->iov->len - uio->offset), uio->left);
		struct page *page;
		paddr_t pa;
		if (user_pin(current->mm, addr, false, &page, &pa)) {
			r = -EFAULT;
			break;
		}
		if (!pipe_room(pipe) || !pipe->readers) { /* pinning slept */
			page_put(page);
			continue;
		}
		pipe_push_page(pipe, page, (u32)(pa - page_addr(page)), (u32)n);
		uio->offset += n;
		uio->left -= n;
		done += n;
	}
	pipe_unlock(pipe);
	if (done)
		pipe_wake_readers(pipe);
	return done ? (long)done : r;
}

long splice_user(struct file *file, struct uio *uio, u32 flags)
{
	if (!file_pipe(file))
		return -EBADF;
	if (!uio->left)
		return 0;
	if (file_writable(file))
		return user_to_pipe(file, uio, flags);
	u32 before = file->flags;
	if (flags & SPLICE_F_NONBLOCK)
		file->flags |= O_NONBLOCK;
	long r = file_read(file, uio, &file->pos);
	file->flags = before;
	return r;
}
