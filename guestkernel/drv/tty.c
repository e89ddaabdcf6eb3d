/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading, writing and waiting at both ends of a pseudo-terminal. What the bytes mean is the line discipline's
 * business.
 */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/drv/tty.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define CHUNK                                                                                                          \
	1024u /* bytes moved at a time: they pass over the kernel stack, so that a fault in user memory can sleep */
#define READABLE (EPOLLIN | EPOLLRDNORM)
#define WRITABLE (EPOLLOUT | EPOLLWRNORM)

struct tty *tty_of(const struct file *file)
{
	return file->ops == &tty_slave_ops || file->ops == &tty_master_ops ? file->data : NULL;
}

void tty_get(struct tty *tty)
{
	tty->refs++;
}

void tty_put(struct tty *tty)
{
	if (!--tty->refs)
		kfree(tty);
}

static void wake(struct tty *tty, u32 input, u32 output)
{
	struct ldisc *l = &tty->ldisc;
	if (ldisc_readable(l, 1))
		wake_up(&tty->read_wait, READABLE | input);
	if (ldisc_can_write(l))
		wake_up(&tty->write_wait, WRITABLE);
	if (ldisc_output_bytes(l) || tty->packet_status)
		wake_up(&tty->master_read_wait, READABLE | output | (tty->packet_status ? EPOLLPRI : 0));
	if (ldisc_can_receive(l))
		wake_up(&tty->master_write_wait, WRITABLE);
}

void tty_wake(struct tty *tty)
{
	wake(tty, WAKE_QUIETLY, WAKE_QUIETLY);
}

void tty_hang_up(struct tty *tty)
{
	if (tty->hung_up)
		return;
	tty->hung_up = true;
	wake_up(&tty->read_wait, READABLE | EPOLLHUP | EPOLLERR);
	wake_up(&tty->write_wait, WRITABLE | EPOLLHUP | EPOLLERR);
	tty_leave_session(tty);
}

/* ---- reading the slave ---- */

struct patience {
	bool canonical;
	u32 least;    /* bytes that the read waits for */
	u64 gap_ns;   /* then no longer than this after the last byte, 0: as long as it takes */
	u64 deadline; /* ns since boot, 0: none */
	bool look_only;
};

/* VMIN and VTIME, POSIX.1-2017 11.1.7. */
static struct patience patience_of(const struct tty *tty)
{
	const struct k_termios *t = &tty->ldisc.termios;
	u64 time_ns = t->cc[VTIME] * 100000000ull;
	struct patience p = {.canonical = t->lflag & ICANON, .least = 1};
	if (p.canonical)
		return p;
	if (t->cc[VMIN]) {
		p.least = t->cc[VMIN];
		p.gap_ns = time_ns;
	} else if (time_ns) {
		p.deadline = time_boot_ns() + time_ns;
	} else {
		p.look_only = true;
	}
	return p;
}

/* Moves what is there; *end: a line is complete. Bytes or -EFAULT. */
static long take_input(struct tty *tty, struct uio *uio, bool *end)
{
	u8 chunk[CHUNK];
	long done = 0;
	*end = false;
	while (uio->left && !*end && ldisc_readable(&tty->ldisc, 1)) {
		u32 n = ldisc_read(&tty->ldisc, chunk, (u32)MIN(uio->left, CHUNK), end);
		tty_wake(tty);
		if (uio_copy_to(uio, chunk, n) < n)
			return done ? done : -EFAULT;
		done += n;
	}
	return done;
}

/* 0: look again; 1: the read is over with what it has; -errno. */
static int wait_input(struct tty *tty, const struct file *file, const struct patience *p)
{
	if (tty->hung_up || p->look_only)
		return 1;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	int r = sched_sleep(true, p->deadline);
	return r == -ETIMEDOUT ? 1 : r;
}

static long slave_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct tty *tty = file->data;
	struct wait_entry entry = {0};
	long done = 0, r = 0;
	bool end = false;
	if (tty->hung_up || !uio->left)
		return 0;
	r = tty_check_background(tty, SIGTTIN);
	if (r)
		return r;
	struct patience p = patience_of(tty);
	wait_add(&tty->read_wait, &entry);
	while (uio->left && !end && !r) {
		if (!ldisc_readable(&tty->ldisc, 1)) {
			r = wait_input(tty, file, &p);
			continue;
		}
		r = take_input(tty, uio, &end);
		if (r < 0)
			break;
		done += r;
		r = p.canonical || done >= (long)p.least;
		if (p.gap_ns)
			p.deadline = time_boot_ns() + p.gap_ns;
	}
	wait_remove(&entry);
	return done || r >= 0 ? done : r;
}

/* ---- writing the slave ---- */

/* All of the chunk, sleeping where there is no place: bytes, or -errno when it was none. */
static long write_chunk(struct tty *tty, const struct file *file, const u8 *bytes, u32 n)
{
	u32 done = 0;
	int r = 0;
	while (!r) {
		if (tty->hung_up) {
			r = -EIO;
			break;
		}
		done += ldisc_write(&tty->ldisc, bytes + done, n - done);
		wake(tty, WAKE_QUIETLY, 0);
		if (done == n)
			break;
		r = file->flags & O_NONBLOCK
			? -EAGAIN
			: wait_event_interruptible(&tty->write_wait, ldisc_can_write(&tty->ldisc) || tty->hung_up, 0);
	}
	return done ? (long)done : r;
}

static int lock_writer(struct tty *tty, const struct file *file)
{
	if (tty->writing && (file->flags & O_NONBLOCK))
		return -EAGAIN;
	int r = tty->writing ? wait_event_interruptible(&tty->write_wait, !tty->writing, 0) : 0;
	if (!r)
		tty->writing = true;
	return r;
}

static long slave_write(struct file *file, struct uio *uio, u64 *pos)
{
	struct tty *tty = file->data;
	u8 chunk[CHUNK];
	long done = 0, r = tty->hung_up ? -EIO : 0;
	if (!r && (tty->ldisc.termios.lflag & TOSTOP))
		r = tty_check_background(tty, SIGTTOU);
	if (!r)
		r = lock_writer(tty, file);
	if (r)
		return r;
	while (uio->left) {
		u32 want = (u32)MIN(uio->left, CHUNK), n = (u32)uio_copy_from(uio, chunk, want);
		r = n ? write_chunk(tty, file, chunk, n) : -EFAULT;
		if (r > 0)
			done += r;
		if (r < (long)want)
			break;
	}
	tty->writing = false;
	wake_up(&tty->write_wait, 0);
	return done ? done : r;
}

static u32 slave_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = file->data;
	const struct k_termios *t = &tty->ldisc.termios;
	u32 events = 0, least = t->cc[VTIME] || !t->cc[VMIN] ? 1 : t->cc[VMIN];
	poll_wait(table, &tty->read_wait);
	poll_wait(table, &tty->write_wait);
	if (tty->hung_up)
		return READABLE | WRITABLE | EPOLLERR | EPOLLHUP;
	if (ldisc_readable(&tty->ldisc, least))
		events |= READABLE;
	if (ldisc_can_write(&tty->ldisc))
		events |= WRITABLE;
	return events;
}

static void slave_release(struct file *file)
{
	struct tty *tty = file->data;
	if (!--tty->slaves) {
		tty->slave_gone = true;
		tty->exclusive[0] = false;
		wake_up(&tty->master_read_wait, EPOLLHUP | READABLE);
	}
	tty_put(tty);
}

/* ---- the master ---- */

/* The byte before everything that is read in packet mode: ioctl_tty(2). */
static int read_packet_head(struct tty *tty, struct uio *uio)
{
	u8 head = tty->packet_status;
	tty->packet_status = 0;
	return uio_copy_to(uio, &head, 1) < 1 ? -EFAULT : head;
}

static long take_output(struct tty *tty, struct uio *uio)
{
	u8 chunk[CHUNK];
	long done = 0;
	if (tty->packet) {
		int head = read_packet_head(tty, uio);
		if (head)
			return head < 0 ? head : 1;
		done = 1;
	}
	while (uio->left && ldisc_output_bytes(&tty->ldisc)) {
		u32 n = ldisc_take_output(&tty->ldisc, chunk, (u32)MIN(uio->left, CHUNK));
		tty_wake(tty);
		if (uio_copy_to(uio, chunk, n) < n)
			return done ? done : -EFAULT;
		done += n;
	}
	return done;
}

static bool has_output(const struct tty *tty)
{
	return ldisc_output_bytes(&tty->ldisc) || tty->packet_status;
}

static long master_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct tty *tty = file->data;
	if (!uio->left)
		return 0;
	while (!has_output(tty)) {
		if (tty->slave_gone)
			return -EIO;
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		int r = wait_event_interruptible(&tty->master_read_wait, has_output(tty) || tty->slave_gone, 0);
		if (r)
			return r;
	}
	return take_output(tty, uio);
}

static long type_chunk(struct tty *tty, const struct file *file, const u8 *bytes, u32 n)
{
	u32 done = 0;
	int r = 0;
	while (!r) {
		done += ldisc_receive(&tty->ldisc, bytes + done, n - done);
		wake(tty, 0, 0);
		if (done == n)
			break;
		r = file->flags & O_NONBLOCK
			? -EAGAIN
			: wait_event_interruptible(&tty->master_write_wait, ldisc_can_receive(&tty->ldisc), 0);
	}
	return done ? (long)done : r;
}

static long master_write(struct file *file, struct uio *uio, u64 *pos)
{
	struct tty *tty = file->data;
	u8 chunk[CHUNK];
	long done = 0, r = 0;
	while (uio->left) {
		u32 want = (u32)MIN(uio->left, CHUNK), n = (u32)uio_copy_from(uio, chunk, want);
		r = n ? type_chunk(tty, file, chunk, n) : -EFAULT;
		if (r > 0)
			done += r;
		if (r < (long)want)
			break;
	}
	return done ? done : r;
}

static u32 master_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = file->data;
	u32 events = 0;
	poll_wait(table, &tty->master_read_wait);
	poll_wait(table, &tty->master_write_wait);
	if (has_output(tty))
		events |= READABLE;
	if (tty->packet_status)
		events |= EPOLLPRI;
	if (tty->slave_gone)
		events |= EPOLLHUP;
	if (ldisc_can_receive(&tty->ldisc))
		events |= WRITABLE;
	return events;
}

static void master_release(struct file *file)
{
	struct tty *tty = file->data;
	list_remove(&tty->link);
	tty_hang_up(tty);
	pty_remove_name(tty);
	tty_put(tty);
}

/* Whom O_ASYNC signals when nobody was named. */
static int first_owner(struct file *file)
{
	const struct tty *tty = file->data;
	return tty->pgrp ? -tty->pgrp : current->process->pid;
}

const struct file_ops tty_slave_ops = {.read = slave_read,
				       .write = slave_write,
				       .poll = slave_poll,
				       .async = first_owner,
				       .ioctl = tty_ioctl,
				       .release = slave_release};
const struct file_ops tty_master_ops = {.read = master_read,
					.write = master_write,
					.poll = master_poll,
					.async = first_owner,
					.ioctl = tty_ioctl,
					.release = master_release};
