/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal line discipline (N_TTY): what happens to a byte between the keyboard and read(2), and between write(2)
 * and the screen. Plain data and functions over it: knows no processes, files, or waiting, so it is tested on the host
 * as it is. Sources: POSIX.1-2017 chapter 11, termios(3).
 */
#ifndef GUESTKERNEL_DRV_LDISC_H
#define GUESTKERNEL_DRV_LDISC_H

#include "guestkernel/types.h"

#define LDISC_IN_BYTES	 8192u	/* typed and not yet read; a power of two */
#define LDISC_OUT_BYTES	 16384u /* written and not yet taken by the master; a power of two */
#define LDISC_ECHO_BYTES 2048u	/* echo that waits for a place in the output; a power of two */
#define LDISC_LINE_BYTES 4096u	/* one canonical line with its end: termios(3) */
#define LDISC_OUT_UNIT	 8u	/* most bytes that one written byte becomes (a tab) */

/* struct termios2 of Linux; the first 36 bytes are what TCGETS calls struct termios. */
struct k_termios {
	u32 iflag, oflag, cflag, lflag;
	u8 line, cc[19];
	u32 ispeed, ospeed; /* baud */
};
_Static_assert(sizeof(struct k_termios) == 44, "termios2");
#define K_TERMIOS_BYTES 36

struct byte_ring {
	u8 *data;
	u32 size, head, tail; /* free-running; size is a power of two */
};

struct ldisc {
	struct k_termios termios;
	/* Input. [tail, canon) are complete lines in canonical mode, [canon, head) the line being edited. */
	u32 head, canon, tail; /* free-running */
	u8 in[LDISC_IN_BYTES];
	u64 line_end[LDISC_IN_BYTES / 64]; /* this byte ends a line; a 0 that does is a typed end of file */
	bool literal;			   /* the next character is taken as it is (LNEXT) */
	bool erasing;			   /* between \ and / of ECHOPRT */
	/* Output. */
	struct byte_ring out, echo;
	u8 out_data[LDISC_OUT_BYTES], echo_data[LDISC_ECHO_BYTES];
	u32 column;	 /* of the cursor, as far as it can be known */
	u32 line_column; /* where the line being edited began */
	bool stopped;	 /* by the STOP character */
	bool held;	 /* by TCXONC */
	/* A signal was typed (SIGINT, SIGQUIT, SIGTSTP). Must not call back. */
	void (*signal)(struct ldisc *l, int sig);
	/* Queued bytes were thrown away, or output stopped or goes on: TIOCPKT_* bits. */
	void (*event)(struct ldisc *l, u8 bits);
};

/* A terminal as Linux sets it up: canonical, echo, 38400 baud, erase ^?. Callbacks may be set afterwards. */
void ldisc_init(struct ldisc *l);

/* Changes the settings; queued input is kept and becomes one line, or bytes. */
void ldisc_set_termios(struct ldisc *l, const struct k_termios *termios);

/* Types n bytes; returns how many were taken: fewer when the input queue is full. */
u32 ldisc_receive(struct ldisc *l, const u8 *bytes, u32 n);
bool ldisc_can_receive(const struct ldisc *l);

/* Writes n bytes to the screen; returns how many were taken: fewer when the output is full or stopped. */
u32 ldisc_write(struct ldisc *l, const u8 *bytes, u32 n);
bool ldisc_can_write(const struct ldisc *l);

/* Is there a line, or are there at least `least` bytes when not canonical? */
bool ldisc_readable(const struct ldisc *l, u32 least);
/* Takes up to n bytes; of at most one line when canonical, and *line_end tells that it is complete (0 bytes and
 * *line_end: end of file). n > 0. */
u32 ldisc_read(struct ldisc *l, u8 *buf, u32 n, bool *line_end);
/* Bytes that read(2) would give in all (FIONREAD). */
u32 ldisc_input_bytes(const struct ldisc *l);

/* The master's side: takes up to n bytes of output. */
u32 ldisc_take_output(struct ldisc *l, u8 *buf, u32 n);
u32 ldisc_output_bytes(const struct ldisc *l);

/* Throws away what is queued. */
void ldisc_flush_input(struct ldisc *l);
void ldisc_flush_output(struct ldisc *l);
/* TCXONC: holds output back, whatever is typed, and lets it go on. */
void ldisc_hold(struct ldisc *l, bool hold);

/* ---- ldisc_output.c, for ldisc.c ---- */
static inline bool ldisc_is_continuation(const struct ldisc *l, u8 c, u32 iutf8)
{
	return (l->termios.iflag & iutf8) && (c & 0xc0) == 0x80;
}
/* Letters of ISO 8859-1, as terminals that know one case and words see them; \327 and \367 are signs. */
static inline bool ldisc_is_upper(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0300 && c <= 0336 && c != 0327);
}
static inline bool ldisc_is_lower(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0337 && c != 0367);
}
void ldisc_commit_echo(struct ldisc *l);    /* as much echo as has a place goes to the output */
void ldisc_echo(struct ldisc *l, u8 c);	    /* one typed character, ^X for control characters */
void ldisc_echo_raw(struct ldisc *l, u8 c); /* one character through output processing */
void ldisc_finish_erasing(struct ldisc *l);
/* Takes the character that stood at input position `at` (length bytes) off the screen; one: by ERASE, not as part of a
 * word or line. */
void ldisc_echo_erase(struct ldisc *l, u32 at, u32 length, bool one);

#endif
