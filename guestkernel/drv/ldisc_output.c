/* SPDX-License-Identifier: Apache-2.0
 *
 * The output side of the line discipline: output processing (OPOST), echo, and the look of erasing.
 */
#include <asm/termbits.h>
#include "guestkernel/drv/ldisc.h"
#include "guestkernel/lib.h"

#define TAB 8u

/* ---- rings ---- */

static u32 ring_used(const struct byte_ring *r)
{
	return r->head - r->tail;
}

static u32 ring_room(const struct byte_ring *r)
{
	return r->size - ring_used(r);
}

/* All or nothing. */
static bool ring_put(struct byte_ring *r, const void *bytes, u32 n)
{
	if (ring_room(r) < n)
		return false;
	for (u32 i = 0; i < n; i++)
		r->data[r->head++ % r->size] = ((const u8 *)bytes)[i];
	return true;
}

/* Up to n bytes in at most two pieces. */
static u32 ring_fill(struct byte_ring *r, const u8 *bytes, u32 n)
{
	u32 done = 0;
	n = MIN(n, ring_room(r));
	while (done < n) {
		u32 at = r->head % r->size, piece = MIN(n - done, r->size - at);
		memcpy(r->data + at, bytes + done, piece);
		r->head += piece;
		done += piece;
	}
	return n;
}

static u32 ring_take(struct byte_ring *r, u8 *buf, u32 n)
{
	u32 done = 0;
	n = MIN(n, ring_used(r));
	while (done < n) {
		u32 at = r->tail % r->size, piece = MIN(n - done, r->size - at);
		memcpy(buf + done, r->data + at, piece);
		r->tail += piece;
		done += piece;
	}
	return n;
}

/* ---- output processing ---- */

static bool is_control(u8 c)
{
	return c < 0x20 || c == 0x7f;
}

static bool put_newline(struct ldisc *l, struct byte_ring *to)
{
	u32 oflag = l->termios.oflag;
	bool ok = oflag & ONLCR ? ring_put(to, "\r\n", 2) : ring_put(to, "\n", 1);
	if (ok && (oflag & (ONLCR | ONLRET)))
		l->column = 0;
	if (ok)
		l->line_column = l->column;
	return ok;
}

static bool put_return(struct ldisc *l, struct byte_ring *to)
{
	u32 oflag = l->termios.oflag;
	bool as_newline = oflag & OCRNL;
	if ((oflag & ONOCR) && !l->column)
		return true;
	if (!ring_put(to, as_newline ? "\n" : "\r", 1))
		return false;
	if (!as_newline || (oflag & ONLRET))
		l->line_column = l->column = 0;
	return true;
}

static bool put_tab(struct ldisc *l, struct byte_ring *to)
{
	u32 spaces = TAB - l->column % TAB;
	bool expand = (l->termios.oflag & TABDLY) == XTABS;
	if (!(expand ? ring_put(to, "        ", spaces) : ring_put(to, "\t", 1)))
		return false;
	l->column += spaces;
	return true;
}

/* One character through output processing; false: no place for it, nothing was done. */
static bool process(struct ldisc *l, struct byte_ring *to, u8 c)
{
	u32 oflag = l->termios.oflag;
	if (!(oflag & OPOST))
		return ring_put(to, &c, 1);
	switch (c) {
	case '\n':
		return put_newline(l, to);
	case '\r':
		return put_return(l, to);
	case '\t':
		return put_tab(l, to);
	}
	u8 shown = (oflag & OLCUC) && ldisc_is_lower(c) ? c - 'a' + 'A' : c;
	if (!ring_put(to, &shown, 1))
		return false;
	if (c == '\b')
		l->column -= l->column > 0;
	else if (!is_control(c) && !ldisc_is_continuation(l, c, IUTF8))
		l->column++;
	return true;
}

bool ldisc_can_write(const struct ldisc *l)
{
	return !l->stopped && !ring_used(&l->echo) && ring_room(&l->out) >= LDISC_OUT_UNIT;
}

u32 ldisc_write(struct ldisc *l, const u8 *bytes, u32 n)
{
	u32 done = 0;
	ldisc_commit_echo(l);
	if (!ldisc_can_write(l))
		return 0;
	if (!(l->termios.oflag & OPOST))
		return ring_fill(&l->out, bytes, n);
	while (done < n && process(l, &l->out, bytes[done]))
		done++;
	return done;
}

u32 ldisc_take_output(struct ldisc *l, u8 *buf, u32 n)
{
	n = ring_take(&l->out, buf, n);
	ldisc_commit_echo(l);
	return n;
}

u32 ldisc_output_bytes(const struct ldisc *l)
{
	return ring_used(&l->out);
}

void ldisc_flush_output(struct ldisc *l)
{
	l->out.tail = l->out.head;
	l->echo.tail = l->echo.head;
}

/* ---- echo: what finds no place is lost, as it is when nobody reads a terminal ---- */

void ldisc_commit_echo(struct ldisc *l)
{
	u8 piece[64];
	while (!l->stopped && ring_used(&l->echo) && ring_room(&l->out) >= sizeof(piece))
		ring_fill(&l->out, piece, ring_take(&l->echo, piece, sizeof(piece)));
}

void ldisc_echo_raw(struct ldisc *l, u8 c)
{
	process(l, &l->echo, c);
}

void ldisc_echo(struct ldisc *l, u8 c)
{
	u8 shown[2] = {'^', c ^ 0100};
	if (!(l->termios.lflag & ECHOCTL) || !is_control(c) || c == '\t')
		ldisc_echo_raw(l, c);
	else if (ring_put(&l->echo, shown, 2))
		l->column += 2;
}

void ldisc_finish_erasing(struct ldisc *l)
{
	if (l->erasing)
		ldisc_echo_raw(l, '/');
	l->erasing = false;
}

static void erase_column(struct ldisc *l)
{
	if (ring_put(&l->echo, "\b \b", 3))
		l->column -= l->column > 0;
}

/* How far the cursor goes back over a tab depends on what stands before it: back to the previous tab, or to the line's
 * start. */
static void erase_tab(struct ldisc *l, u32 at)
{
	u32 columns = 0;
	bool behind_tab = false;
	for (u32 i = at; i != l->canon && !behind_tab;) {
		u8 c = l->in[--i % LDISC_IN_BYTES];
		if (c == '\t')
			behind_tab = true;
		else if (is_control(c))
			columns += l->termios.lflag & ECHOCTL ? 2 : 0;
		else
			columns += !ldisc_is_continuation(l, c, IUTF8);
	}
	if (!behind_tab)
		columns += l->line_column;
	for (u32 i = TAB - columns % TAB; i; i--)
		if (ring_put(&l->echo, "\b", 1))
			l->column -= l->column > 0;
}

/* ECHOPRT: erased characters are printed between \ and /, as on paper. */
static void print_erased(struct ldisc *l, u32 at, u32 length)
{
	if (!l->erasing)
		ldisc_echo_raw(l, '\\');
	l->erasing = true;
	ldisc_echo(l, l->in[at % LDISC_IN_BYTES]);
	for (u32 i = 1; i < length; i++)
		ring_put(&l->echo, &l->in[(at + i) % LDISC_IN_BYTES], 1);
}

void ldisc_echo_erase(struct ldisc *l, u32 at, u32 length, bool one)
{
	u32 lflag = l->termios.lflag;
	u8 c = l->in[at % LDISC_IN_BYTES];
	if (lflag & ECHOPRT)
		print_erased(l, at, length);
	else if (one && !(lflag & ECHOE))
		ldisc_echo(l, l->termios.cc[VERASE]);
	else if (c == '\t')
		erase_tab(l, at);
	else if (!is_control(c) || (lflag & ECHOCTL)) {
		if (is_control(c))
			erase_column(l);
		erase_column(l);
	}
}
