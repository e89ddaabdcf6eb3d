/* SPDX-License-Identifier: Apache-2.0
 *
 * ioctl(2) of terminals (ioctl_tty(2)): settings, window size, queues, packet mode.
 */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <linux/capability.h>
#include "guestkernel/drv/tty.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/lib.h"

#define N_TTY_NUMBER 0
#define FLUSH_INPUT  0 /* TCIFLUSH, TCOFLUSH, TCIOFLUSH */
#define FLUSH_OUTPUT 1
#define FLUSH_BOTH   2
#define STOP_OUTPUT  0 /* TCOOFF, TCOON, TCIOFF, TCION */
#define START_OUTPUT 1
#define STOP_INPUT   2
#define START_INPUT  3

/* struct termio */
struct k_termio {
	u16 iflag, oflag, cflag, lflag;
	u8 line, cc[8];
};

/* ---- settings ---- */

static u32 baud(u32 cflag)
{
	static const u32 low[16] = {0,	 50,   75,   110,  134,	 150,  200,   300,
				    600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
	static const u32 high[16] = {0,	      57600,   115200,	230400,	 460800,  500000,  576000,  921600,
				     1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
	u32 code = cflag & CBAUD;
	return code & CBAUDEX ? high[code & 15] : low[code & 15];
}

/* TCSETA*: the low halves of the flags and the first control characters; what it does not name stays. */
static int read_old_settings(struct k_termios *t, u64 arg)
{
	struct k_termio old;
	if (get_user(old, user(arg)))
		return -EFAULT;
	t->iflag = (t->iflag & ~0xffffu) | old.iflag;
	t->oflag = (t->oflag & ~0xffffu) | old.oflag;
	t->cflag = (t->cflag & ~0xffffu) | old.cflag;
	t->lflag = (t->lflag & ~0xffffu) | old.lflag;
	memcpy(t->cc, old.cc, sizeof(old.cc));
	return 0;
}

static u32 mix(u32 now, u32 was, u32 fixed)
{
	return (was & fixed) | (now & ~fixed);
}

/* TIOCSLCKTRMIOS: what is locked stays as it was. */
static void keep_locked(struct k_termios *t, const struct k_termios *was, const struct k_termios *fixed)
{
	t->iflag = mix(t->iflag, was->iflag, fixed->iflag);
	t->oflag = mix(t->oflag, was->oflag, fixed->oflag);
	t->cflag = mix(t->cflag, was->cflag, fixed->cflag);
	t->lflag = mix(t->lflag, was->lflag, fixed->lflag);
	for (size_t i = 0; i < sizeof(t->cc); i++)
		if (fixed->cc[i])
			t->cc[i] = was->cc[i];
}

static bool usual_flow(const struct k_termios *t)
{
	return (t->iflag & IXON) && t->cc[VSTOP] == 023 && t->cc[VSTART] == 021;
}

/* What a master in packet mode learns of changed settings: TIOCPKT_*. */
static u8 packet_bits(const struct k_termios *was, const struct k_termios *now)
{
	u8 bits = (was->lflag | now->lflag) & EXTPROC ? TIOCPKT_IOCTL : 0;
	if (usual_flow(was) != usual_flow(now))
		bits |= usual_flow(now) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
	return bits;
}

/* How many bytes of struct k_termios the program knows: TCSETS* or TCSETS2*; 0: it has a struct termio (TCSETA*). */
static long set_settings(struct tty *tty, u64 arg, size_t bytes, bool flush)
{
	struct k_termios t = tty->ldisc.termios;
	int r = tty_check_background(tty, SIGTTOU);
	if (r)
		return r;
	if (bytes ? copy_from_user(&t, user(arg), bytes) : read_old_settings(&t, arg))
		return -EFAULT;
	if ((t.cflag & CBAUD) != BOTHER || bytes != sizeof(t))
		t.ispeed = t.ospeed = baud(t.cflag);
	t.cflag = (t.cflag & ~(u32)(CSIZE | PARENB)) | CS8 | CREAD; /* there is no wire to be otherwise */
	t.line = N_TTY_NUMBER;
	keep_locked(&t, &tty->ldisc.termios, &tty->fixed);
	if (flush)
		ldisc_flush_input(&tty->ldisc);
	tty->ldisc.event(&tty->ldisc, packet_bits(&tty->ldisc.termios, &t));
	ldisc_set_termios(&tty->ldisc, &t);
	/* What counts as readable or writable may have changed. */
	wake_up(&tty->read_wait, 0);
	wake_up(&tty->write_wait, 0);
	tty_wake(tty);
	return 0;
}

static long get_settings(const struct tty *tty, u64 arg, size_t bytes)
{
	return copy_to_user(user(arg), &tty->ldisc.termios, bytes);
}

static long get_old_settings(const struct tty *tty, u64 arg)
{
	const struct k_termios *t = &tty->ldisc.termios;
	struct k_termio old = {(u16)t->iflag, (u16)t->oflag, (u16)t->cflag, (u16)t->lflag, t->line, {0}};
	memcpy(old.cc, t->cc, sizeof(old.cc));
	return put_user(user(arg), old);
}

static long set_locked(struct tty *tty, u64 arg)
{
	struct k_termios fixed = {0};
	if (!cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&fixed, user(arg), K_TERMIOS_BYTES))
		return -EFAULT;
	tty->fixed = fixed;
	return 0;
}

static long settings(struct tty *tty, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TCGETS:
		return get_settings(tty, arg, K_TERMIOS_BYTES);
	case TCGETS2:
		return get_settings(tty, arg, sizeof(struct k_termios));
	case TCSETS:
	case TCSETSW: /* output is sent when the master takes it: nothing to drain */
		return set_settings(tty, arg, K_TERMIOS_BYTES, false);
	case TCSETSF:
		return set_settings(tty, arg, K_TERMIOS_BYTES, true);
	case TCSETS2:
	case TCSETSW2:
		return set_settings(tty, arg, sizeof(struct k_termios), false);
	case TCSETSF2:
		return set_settings(tty, arg, sizeof(struct k_termios), true);
	case TCGETA:
		return get_old_settings(tty, arg);
	case TCSETA:
	case TCSETAW:
		return set_settings(tty, arg, 0, false);
	case TCSETAF:
		return set_settings(tty, arg, 0, true);
	case TIOCGLCKTRMIOS:
		return copy_to_user(user(arg), &tty->fixed, K_TERMIOS_BYTES);
	case TIOCSLCKTRMIOS:
		return set_locked(tty, arg);
	}
	return -ENOIOCTLCMD;
}

/* ---- window size ---- */

static long set_size(struct tty *tty, u64 arg)
{
	struct k_winsize size;
	if (get_user(size, user(arg)))
		return -EFAULT;
	if (!memcmp(&size, &tty->size, sizeof(size)))
		return 0;
	tty->size = size;
	tty_signal(tty, SIGWINCH);
	return 0;
}

/* ---- queues ---- */

static long flush(struct tty *tty, bool master, u64 which)
{
	int r = tty_check_background(tty, SIGTTOU);
	if (r)
		return r;
	if (which > FLUSH_BOTH)
		return -EINVAL;
	/* What is the slave's input is the master's output. */
	bool input = which == FLUSH_BOTH || (which == FLUSH_INPUT) != master;
	bool output = which == FLUSH_BOTH || (which == FLUSH_OUTPUT) != master;
	if (input)
		ldisc_flush_input(&tty->ldisc);
	if (output)
		ldisc_flush_output(&tty->ldisc);
	if (!master)
		tty->ldisc.event(&tty->ldisc, (input ? TIOCPKT_FLUSHREAD : 0) | (output ? TIOCPKT_FLUSHWRITE : 0));
	tty_wake(tty);
	return 0;
}

static long flow(struct tty *tty, bool master, u64 what)
{
	int r = tty_check_background(tty, SIGTTOU);
	if (r)
		return r;
	if (what > START_INPUT)
		return -EINVAL;
	if (master)
		return 0;
	const u8 *cc = tty->ldisc.termios.cc;
	if (what == STOP_OUTPUT || what == START_OUTPUT)
		ldisc_hold(&tty->ldisc, what == STOP_OUTPUT);
	else if (cc[what == STOP_INPUT ? VSTOP : VSTART])
		ldisc_write(&tty->ldisc, &cc[what == STOP_INPUT ? VSTOP : VSTART], 1);
	tty_wake(tty);
	return 0;
}

static long put_int(u64 arg, int value)
{
	return put_user(user(arg), value);
}

static long type_byte(struct tty *tty, u64 arg)
{
	u8 c;
	if (tty_current() != tty && !cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(c, user(arg)))
		return -EFAULT;
	ldisc_receive(&tty->ldisc, &c, 1);
	tty_wake(tty);
	return 0;
}

static long queues(struct tty *tty, bool master, u32 cmd, u64 arg)
{
	switch (cmd) {
	case FIONREAD:
		return put_int(arg, (int)(master ? ldisc_output_bytes(&tty->ldisc) : ldisc_input_bytes(&tty->ldisc)));
	case TIOCOUTQ:
		return put_int(arg, 0); /* what was written is at the master already */
	case TCFLSH:
		return flush(tty, master, arg);
	case TCXONC:
		return flow(tty, master, arg);
	case TCSBRK: /* with an argument: tcdrain(3) */
	case TCSBRKP:
	case TIOCSBRK:
	case TIOCCBRK:
		return tty_check_background(tty, SIGTTOU);
	case TIOCSTI:
		return type_byte(tty, arg);
	}
	return -ENOIOCTLCMD;
}

/* ---- requests of the master alone ---- */

static int get_int(u64 arg, int *value)
{
	return get_user(*value, user(arg));
}

static long set_packet(struct tty *tty, u64 arg)
{
	int on;
	if (get_int(arg, &on))
		return -EFAULT;
	tty->packet = on;
	tty->packet_status = 0;
	return 0;
}

static long set_lock(struct tty *tty, u64 arg)
{
	int on;
	if (get_int(arg, &on))
		return -EFAULT;
	tty->locked = on;
	return 0;
}

static long send_signal(struct tty *tty, u64 sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal(tty, (int)sig);
	return 0;
}

static long master_only(struct tty *tty, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TIOCGPTN:
		return put_int(arg, (int)tty->index);
	case TIOCSPTLCK:
		return set_lock(tty, arg);
	case TIOCGPTLCK:
		return put_int(arg, tty->locked);
	case TIOCGPTPEER:
		return pty_open_peer(tty, (u32)arg);
	case TIOCPKT:
		return set_packet(tty, arg);
	case TIOCGPKT:
		return put_int(arg, tty->packet);
	case TIOCSIG:
		return send_signal(tty, arg);
	}
	return -ENOIOCTLCMD;
}

/* ---- the rest ---- */

static long set_discipline(u64 arg)
{
	int number;
	if (get_int(arg, &number))
		return -EFAULT;
	return number == N_TTY_NUMBER ? 0 : -EINVAL;
}

static long hang_up(struct tty *tty)
{
	if (!cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	tty_hang_up(tty);
	return 0;
}

/* TIOCSSOFTCAR: CLOCAL by another name. */
static long set_soft_carrier(struct tty *tty, u64 arg)
{
	struct k_termios t = tty->ldisc.termios;
	int on;
	if (get_int(arg, &on))
		return -EFAULT;
	t.cflag = on ? t.cflag | CLOCAL : t.cflag & ~(u32)CLOCAL;
	ldisc_set_termios(&tty->ldisc, &t);
	return 0;
}

static long general(struct tty *tty, bool master, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TIOCGWINSZ:
		return put_user(user(arg), tty->size);
	case TIOCSWINSZ:
		return set_size(tty, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		tty->exclusive[master] = cmd == TIOCEXCL;
		return 0;
	case TIOCGEXCL:
		return put_int(arg, tty->exclusive[master]);
	case TIOCGETD:
		return put_int(arg, N_TTY_NUMBER);
	case TIOCSETD:
		return set_discipline(arg);
	case TIOCGDEV:
		return put_int(arg, (int)DEV(PTY_MAJOR, tty->index));
	case TIOCGSOFTCAR:
		return put_int(arg, (tty->ldisc.termios.cflag & CLOCAL) != 0);
	case TIOCSSOFTCAR:
		return set_soft_carrier(tty, arg);
	case TIOCGPTPEER:
		return -EIO; /* of the master alone */
	case TIOCVHANGUP:
		return hang_up(tty);
	}
	return -ENOTTY;
}

long tty_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct tty *tty = file->data;
	bool master = tty_is_master(file);
	if (tty->hung_up && !master)
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	long r = master ? master_only(tty, cmd, arg) : -ENOIOCTLCMD;
	if (r == -ENOIOCTLCMD)
		r = settings(tty, cmd, arg);
	if (r == -ENOIOCTLCMD)
		r = queues(tty, master, cmd, arg);
	if (r == -ENOIOCTLCMD)
		r = tty_job_ioctl(tty, file, cmd, arg);
	return r == -ENOIOCTLCMD ? general(tty, master, cmd, arg) : r;
}
