/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipes: a ring of page references. What splice moves between files and sockets is these references.
 */
#ifndef GUESTKERNEL_FS_PIPE_H
#define GUESTKERNEL_FS_PIPE_H

#include "guestkernel/fs/vfs.h"
#include "guestkernel/mm/page.h"

#define PIPE_BUF_BYTES 4096u /* PIPE_BUF: writes up to this are atomic */

struct pipe_buf {
	struct page *page; /* a reference (to the head of the block) */
	u32 offset, len;   /* bytes from the start of page */
	bool packet;	   /* O_DIRECT: a read takes no more than this buffer */
	bool mergeable;	   /* the page is the pipe's own: a later write may append */
};

struct pipe {
	struct pipe_buf *ring;
	u32 slots, head, used;		/* ring[head % slots] is the oldest; slots is a power of two */
	u32 readers, writers;		/* open file descriptions */
	u32 reader_opens, writer_opens; /* ever: what a blocking open(2) of a FIFO waits for */
	bool nameless; /* of pipe(2): /proc/PID/fd/N opens it again without waiting for the other side */
	u32 refs;      /* open file descriptions */
	bool busy;     /* somebody is inside a read or write that may sleep */
	struct wait_queue read_wait, write_wait, busy_wait;
	struct page *spare; /* a page of our own to write into next */
};

/* ---- for file operations splice_read and splice_write ---- */
/* Free slots. */
static inline u32 pipe_room(const struct pipe *pipe)
{
	return pipe->slots - pipe->used;
}
/* Appends a page; takes over the reference. offset + len lie within page's block. The caller has looked at pipe_room().
 */
void pipe_push_page(struct pipe *pipe, struct page *page, u32 offset, u32 len);
/* The oldest buffer, or NULL. Valid until the next operation on the pipe. */
const struct pipe_buf *pipe_peek(const struct pipe *pipe);
static inline const void *pipe_data(const struct pipe_buf *buf)
{
	return (const u8 *)page_virt(buf->page) + buf->offset;
}
/* Removes n bytes (at most its length) of the oldest buffer. */
void pipe_consume(struct pipe *pipe, u32 n);
/* Takes the oldest buffer out and gives its page (with the reference) if it is a single page that nobody else refers to
 * (so that it may become part of a file); else NULL, and the buffer stays. */
struct page *pipe_steal_page(struct pipe *pipe);

/* The pipe behind a file, or NULL. */
struct pipe *file_pipe(const struct file *file);
/* Keeps others out while the caller moves data and may sleep. */
void pipe_lock(struct pipe *pipe);
void pipe_unlock(struct pipe *pipe);
/* Sleeps (unlocked) until there is room, or data; nonblock: -EAGAIN. For room: -EPIPE (and SIGPIPE) without readers;
 * for data: 0 also at the end (pipe empty, no writers). Called and returns locked. -ERESTARTSYS */
int pipe_wait_room(struct pipe *pipe, bool nonblock);
int pipe_wait_data(struct pipe *pipe, bool nonblock);
void pipe_wake_readers(struct pipe *pipe);
void pipe_wake_writers(struct pipe *pipe);

/* open(2) of a FIFO's inode (or again of an anonymous pipe through /proc). */
int fifo_open(struct inode *inode, struct file *file);
/* F_SETPIPE_SZ, F_GETPIPE_SZ: bytes. */
long pipe_resize(struct pipe *pipe, u64 bytes);
u64 pipe_capacity(const struct pipe *pipe);

#endif
