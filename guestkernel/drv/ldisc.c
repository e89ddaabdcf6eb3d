/* SPDX-License-Identifier: Apache-2.0
 *
 * The input side of the line discipline: special characters, line editing, the queue that read(2) takes from.
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include "guestkernel/drv/ldisc.h"
#include "guestkernel/lib.h"

#define SIG_INT	 2
#define SIG_QUIT 3
#define SIG_TSTP 20

#define DISABLED 0    /* _POSIX_VDISABLE */
#define MARK	 0377 /* PARMRK */

static const struct k_termios default_termios = {
    .iflag = ICRNL | IXON,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc = {[VINTR] = 003,
	   [VQUIT] = 034,
	   [VERASE] = 0177,
	   [VKILL] = 025,
	   [VEOF] = 004,
	   [VMIN] = 1,
	   [VSTART] = 021,
	   [VSTOP] = 023,
	   [VSUSP] = 032,
	   [VREPRINT] = 022,
	   [VDISCARD] = 017,
	   [VWERASE] = 027,
	   [VLNEXT] = 026},
    .ispeed = 38400,
    .ospeed = 38400,
};

void ldisc_init(struct ldisc *l)
{
	memset(l, 0, sizeof(*l));
	l->termios = default_termios;
	l->out = (struct byte_ring){l->out_data, LDISC_OUT_BYTES, 0, 0};
	l->echo = (struct byte_ring){l->echo_data, LDISC_ECHO_BYTES, 0, 0};
}

/* ---- the queue ---- */

/* With EXTPROC somebody at the other end edits the lines. */
static bool canonical(const struct ldisc *l)
{
	return (l->termios.lflag & (ICANON | EXTPROC)) == ICANON;
}

static u8 at(const struct ldisc *l, u32 position)
{
	return l->in[position % LDISC_IN_BYTES];
}

static bool ends_line(const struct ldisc *l, u32 position)
{
	u32 i = position % LDISC_IN_BYTES;
	return l->line_end[i / 64] >> (i % 64) & 1;
}

static void set_line_end(struct ldisc *l, u32 position, bool on)
{
	u32 i = position % LDISC_IN_BYTES;
	u64 bit = 1ull << (i % 64);
	l->line_end[i / 64] = on ? l->line_end[i / 64] | bit : l->line_end[i / 64] & ~bit;
}

static void put(struct ldisc *l, u8 c)
{
	if (c == MARK && (l->termios.iflag & PARMRK))
		l->in[l->head++ % LDISC_IN_BYTES] = MARK;
	l->in[l->head++ % LDISC_IN_BYTES] = c;
}

static void end_line(struct ldisc *l, u8 c)
{
	l->in[l->head % LDISC_IN_BYTES] = c;
	set_line_end(l, l->head++, true);
	l->canon = l->head;
}

bool ldisc_can_receive(const struct ldisc *l)
{
	return l->head - l->tail <= LDISC_IN_BYTES - 4; /* a doubled mark, and a line's end */
}

/* A line that is too long loses what is typed last, so that its end can still be typed. */
static void bound_line(struct ldisc *l)
{
	while (canonical(l) && l->head - l->canon >= LDISC_LINE_BYTES)
		l->head--;
}

void ldisc_flush_input(struct ldisc *l)
{
	l->head = l->canon = l->tail = 0;
	memset(l->line_end, 0, sizeof(l->line_end));
	l->literal = l->erasing = false;
}

static void tell(struct ldisc *l, u8 bits)
{
	if (l->event)
		l->event(l, bits);
}

/* ---- flow control ---- */

static void start(struct ldisc *l)
{
	if (!l->stopped)
		return;
	l->stopped = false;
	ldisc_commit_echo(l);
	tell(l, TIOCPKT_START);
}

static void stop(struct ldisc *l)
{
	if (l->stopped)
		return;
	l->stopped = true;
	tell(l, TIOCPKT_STOP);
}

void ldisc_hold(struct ldisc *l, bool hold)
{
	if (hold == l->held)
		return;
	l->held = hold;
	if (hold)
		stop(l);
	else
		start(l);
}

static void restart_on_any(struct ldisc *l)
{
	if (l->stopped && !l->held && (l->termios.iflag & IXON) && (l->termios.iflag & IXANY))
		start(l);
}

/* ---- special characters ---- */

static bool is_special(const struct ldisc *l, u8 c, int which)
{
	return c != DISABLED && c == l->termios.cc[which];
}

/* The same for those that IEXTEN brings. */
static bool is_extended(const struct ldisc *l, u8 c, int which)
{
	return (l->termios.lflag & IEXTEN) && is_special(l, c, which);
}

static bool flow_control(struct ldisc *l, u8 c)
{
	if (!(l->termios.iflag & IXON))
		return false;
	if (is_special(l, c, VSTART)) {
		if (!l->held)
			start(l);
		return true;
	}
	if (is_special(l, c, VSTOP)) {
		stop(l);
		return true;
	}
	return false;
}

static bool typed_signal(struct ldisc *l, u8 c)
{
	int sig = !(l->termios.lflag & ISIG) ? 0
		  : is_special(l, c, VINTR)  ? SIG_INT
		  : is_special(l, c, VQUIT)  ? SIG_QUIT
		  : is_special(l, c, VSUSP)  ? SIG_TSTP
					     : 0;
	if (!sig)
		return false;
	if (l->signal)
		l->signal(l, sig);
	if (!(l->termios.lflag & NOFLSH)) {
		ldisc_flush_output(l);
		ldisc_flush_input(l);
		tell(l, TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	}
	if ((l->termios.iflag & IXON) && !l->held)
		start(l);
	if (l->termios.lflag & ECHO)
		ldisc_echo(l, c);
	return true;
}

/* ---- line editing ---- */

static void echo_typed(struct ldisc *l, u8 c)
{
	if (!(l->termios.lflag & ECHO))
		return;
	ldisc_finish_erasing(l);
	if (l->canon == l->head)
		l->line_column = l->column;
	ldisc_echo(l, c);
}

/* KILL where the screen cannot show it: the line stays, and the character is shown. */
static bool kill_whole_line(struct ldisc *l)
{
	u32 lflag = l->termios.lflag;
	if ((lflag & ECHO) && (lflag & ECHOK) && (lflag & ECHOKE) && (lflag & ECHOE))
		return false;
	l->head = l->canon;
	if (lflag & ECHO) {
		ldisc_finish_erasing(l);
		ldisc_echo(l, l->termios.cc[VKILL]);
		if (lflag & ECHOK)
			ldisc_echo_raw(l, '\n');
	}
	return true;
}

static bool is_word(u8 c)
{
	return (c >= '0' && c <= '9') || ldisc_is_upper(c) || ldisc_is_lower(c) || c == '_';
}

/* Start of the last character of the line: of several bytes with IUTF8. False: only continuation bytes are left. */
static bool last_character(const struct ldisc *l, u32 *start_at)
{
	u32 i = l->head;
	do
		i--;
	while (ldisc_is_continuation(l, at(l, i), IUTF8) && i != l->canon);
	*start_at = i;
	return !ldisc_is_continuation(l, at(l, i), IUTF8);
}

enum erase_kind { ERASE_ONE, ERASE_WORD, ERASE_LINE };

static void erase(struct ldisc *l, enum erase_kind kind)
{
	bool in_word = false;
	u32 first;
	if (l->head == l->canon || (kind == ERASE_LINE && kill_whole_line(l)))
		return;
	while (l->head != l->canon && last_character(l, &first)) {
		if (kind == ERASE_WORD && in_word && !is_word(at(l, first)))
			break;
		in_word |= is_word(at(l, first));
		u32 length = l->head - first;
		l->head = first;
		if (l->termios.lflag & ECHO)
			ldisc_echo_erase(l, first, length, kind == ERASE_ONE);
		if (kind == ERASE_ONE)
			break;
	}
	if (l->head == l->canon && (l->termios.lflag & ECHO))
		ldisc_finish_erasing(l);
}

static void take_literally_next(struct ldisc *l)
{
	l->literal = true;
	if (!(l->termios.lflag & ECHO))
		return;
	ldisc_finish_erasing(l);
	if (l->termios.lflag & ECHOCTL) {
		ldisc_echo_raw(l, '^');
		ldisc_echo_raw(l, '\b');
	}
}

static void reprint(struct ldisc *l, u8 c)
{
	ldisc_finish_erasing(l);
	ldisc_echo(l, c);
	ldisc_echo_raw(l, '\n');
	for (u32 i = l->canon; i != l->head; i++)
		ldisc_echo(l, at(l, i));
}

static bool edit(struct ldisc *l, u8 c)
{
	if (is_special(l, c, VERASE))
		erase(l, ERASE_ONE);
	else if (is_special(l, c, VKILL))
		erase(l, ERASE_LINE);
	else if (is_extended(l, c, VWERASE))
		erase(l, ERASE_WORD);
	else if (is_extended(l, c, VLNEXT))
		take_literally_next(l);
	else if (is_extended(l, c, VREPRINT) && (l->termios.lflag & ECHO))
		reprint(l, c);
	else
		return false;
	return true;
}

static bool complete(struct ldisc *l, u8 c)
{
	if (c == '\n') {
		if (l->termios.lflag & (ECHO | ECHONL))
			ldisc_echo_raw(l, '\n');
	} else if (is_special(l, c, VEOF)) {
		c = DISABLED;
	} else if (is_special(l, c, VEOL) || is_extended(l, c, VEOL2)) {
		echo_typed(l, c);
	} else {
		return false;
	}
	end_line(l, c);
	return true;
}

/* ---- a typed byte ---- */

static void receive(struct ldisc *l, u8 c)
{
	u32 iflag = l->termios.iflag;
	if (iflag & ISTRIP)
		c &= 0x7f;
	if ((iflag & IUCLC) && (l->termios.lflag & IEXTEN) && ldisc_is_upper(c))
		c += 'a' - 'A';
	if (l->termios.lflag & EXTPROC) {
		put(l, c);
		return;
	}
	if (l->literal) {
		l->literal = false;
		restart_on_any(l);
		echo_typed(l, c);
		put(l, c);
		return;
	}
	if (flow_control(l, c) || typed_signal(l, c))
		return;
	restart_on_any(l);
	bool newline = false; /* a return that became one; a newline that is typed is a control character in raw mode */
	if (c == '\r') {
		if (iflag & IGNCR)
			return;
		if (iflag & ICRNL) {
			c = '\n';
			newline = true;
		}
	} else if (c == '\n' && (iflag & INLCR)) {
		c = '\r';
	}
	if (canonical(l) && (edit(l, c) || complete(l, c)))
		return;
	if (newline && (l->termios.lflag & ECHO)) {
		ldisc_finish_erasing(l);
		ldisc_echo_raw(l, c);
	} else {
		echo_typed(l, c);
	}
	put(l, c);
}

u32 ldisc_receive(struct ldisc *l, const u8 *bytes, u32 n)
{
	u32 i;
	for (i = 0; i < n && ldisc_can_receive(l); i++) {
		bound_line(l);
		receive(l, bytes[i]);
	}
	bound_line(l);
	ldisc_commit_echo(l);
	return i;
}

/* ---- what the program reads ---- */

bool ldisc_readable(const struct ldisc *l, u32 least)
{
	return canonical(l) ? l->canon != l->tail : l->head - l->tail >= MAX(least, 1u);
}

static u32 read_line(struct ldisc *l, u8 *buf, u32 n, bool *line_end)
{
	u32 done = 0;
	while (l->tail != l->canon && !*line_end) {
		u8 c = at(l, l->tail);
		bool end = ends_line(l, l->tail), end_of_file = end && c == DISABLED;
		if (done == n && !end_of_file) /* an end of file right behind goes with what was read */
			break;
		if (!end_of_file)
			buf[done++] = c;
		set_line_end(l, l->tail++, false);
		*line_end = end;
	}
	return done;
}

u32 ldisc_read(struct ldisc *l, u8 *buf, u32 n, bool *line_end)
{
	u32 done = 0;
	*line_end = false;
	if (canonical(l))
		return read_line(l, buf, n, line_end);
	while (done < n && l->tail != l->head)
		buf[done++] = at(l, l->tail++);
	l->canon = l->tail;
	return done;
}

u32 ldisc_input_bytes(const struct ldisc *l)
{
	u32 bytes = (canonical(l) ? l->canon : l->head) - l->tail;
	if (canonical(l))
		for (u32 i = l->tail; i != l->canon; i++)
			bytes -= ends_line(l, i) && at(l, i) == DISABLED;
	return bytes;
}

void ldisc_set_termios(struct ldisc *l, const struct k_termios *termios)
{
	u32 changed = l->termios.lflag ^ termios->lflag;
	bool had_flow = l->termios.iflag & IXON;
	l->termios = *termios;
	if (changed & (ICANON | EXTPROC)) {
		memset(l->line_end, 0, sizeof(l->line_end));
		l->canon = l->tail;
		if (canonical(l) && l->head != l->tail) {
			set_line_end(l, l->head - 1, true);
			l->canon = l->head;
		}
		l->literal = l->erasing = false;
	}
	if (had_flow && !(termios->iflag & IXON) && !l->held)
		start(l); /* nothing could be typed any more that starts it */
}
