/* SPDX-License-Identifier: Apache-2.0
 *
 * Terminals: pseudo-terminal pairs with a line discipline between them, and their place in job control.
 */
#ifndef GUESTKERNEL_DRV_TTY_H
#define GUESTKERNEL_DRV_TTY_H

#include "guestkernel/drv/ldisc.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/proc/process.h"

struct k_winsize {
	u16 rows, cols, xpixel, ypixel;
};

/* A pair. Files of the master and the slave have it as data; it lives as long as one of them, or a session, refers to
 * it. */
#define PTY_MAJOR 136 /* the slaves' device numbers */

struct tty {
	struct list link; /* all pairs with an open master */
	u32 refs;
	u32 index;	       /* N of /dev/pts/N */
	struct dentry *dentry; /* its name; NULL once the master is closed */
	bool locked;	       /* TIOCSPTLCK */
	bool exclusive[2];     /* TIOCEXCL: the slave; the master, which nobody opens again */
	bool hung_up;	       /* the master is closed, or vhangup */
	bool slave_gone;       /* the slave was open and is not any more */
	bool writing;	       /* a write(2) to the slave is going on: writes do not mix */
	bool packet;	       /* TIOCPKT */
	u8 packet_status;      /* TIOCPKT_* not read yet */
	u32 slaves;	       /* open file descriptions of the slave */
	struct k_winsize size;
	struct k_termios fixed;	 /* TIOCSLCKTRMIOS: what has a bit or a byte here cannot be set */
	struct session *session; /* whose controlling terminal this is; it has the reference to us */
	int pgrp;		 /* foreground process group, 0: none */
	/* Both for the slave; the master's are the other way round: it reads what the slave writes. */
	struct wait_queue read_wait, write_wait, master_read_wait, master_write_wait;
	struct ldisc ldisc;
};

/* Sets up the devices ptmx and tty and mounts /dev/pts, where names come and go with the pairs. Once, after vfs_init().
 */
void tty_init(void);

/* ---- tty.c ---- */
extern const struct file_ops tty_slave_ops, tty_master_ops;
struct tty *tty_of(const struct file *file); /* NULL: not a terminal */
static inline bool tty_is_master(const struct file *file)
{
	return file->ops == &tty_master_ops;
}
void tty_get(struct tty *tty);
void tty_put(struct tty *tty);
/* Wakes everybody who may go on after the queues have changed. */
void tty_wake(struct tty *tty);
/* The slave is of no use any more: reads end, writes fail, the session's leader is told. */
void tty_hang_up(struct tty *tty);

/* ---- tty_ioctl.c ---- */
long tty_ioctl(struct file *file, u32 cmd, u64 arg);

/* ---- tty_job.c: job control ---- */
/* The controlling terminal of the current process, or NULL. Not referenced. */
struct tty *tty_current(void);
/* The current process wants to read (SIGTTIN) or change (SIGTTOU) the terminal: 0, or in the background -ERESTARTSYS
 * after the signal, or -EIO. */
int tty_check_background(struct tty *tty, int sig);
/* Sends to the foreground process group, if any. */
void tty_signal(struct tty *tty, int sig);
/* open(2) by a session leader without a terminal makes this one its controlling terminal. */
void tty_opened(struct tty *tty, const struct file *file);
/* TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID; -ENOIOCTLCMD: another request. */
#define ENOIOCTLCMD 515
long tty_job_ioctl(struct tty *tty, struct file *file, u32 cmd, u64 arg);
/* After a hangup: the session has no terminal any more, its leader gets SIGHUP and SIGCONT. */
void tty_leave_session(struct tty *tty);
/* A session leader ends (proc/exit.c): the foreground group gets SIGHUP. */
void tty_session_end(struct session *s);
/* For /proc/PID/stat: device number and foreground group of the process's controlling terminal; 0 and -1 without. */
void tty_of_process(const struct process *p, u64 *rdev, int *foreground);

/* ---- pty.c ---- */
int devpts_create(const char *options, struct superblock **out);
/* Removes the name of a pair whose master was closed. */
void pty_remove_name(struct tty *tty);
/* TIOCGPTPEER: opens the slave without a path; flags: O_*. A descriptor or -errno. */
long pty_open_peer(struct tty *tty, u32 flags);

#endif
