/* SPDX-License-Identifier: Apache-2.0
 *
 * Terminals and job control: whose controlling terminal it is, which process group is in the foreground, and what
 * happens to the others (POSIX.1-2017 11.1.3 and 11.1.4).
 */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include "guestkernel/drv/tty.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/signal.h"

static struct tty *terminal_of(const struct process *p)
{
	return p->left_tty || !p->session ? NULL : p->session->tty;
}

struct tty *tty_current(void)
{
	return terminal_of(current->process);
}

static bool leads_session(const struct process *p)
{
	return p->session->sid == p->pid;
}

void tty_of_process(const struct process *p, u64 *rdev, int *foreground)
{
	const struct tty *tty = terminal_of(p);
	*rdev = tty ? DEV(PTY_MAJOR, tty->index) : 0;
	*foreground = !tty ? -1 : tty->pgrp;
}

void tty_signal(struct tty *tty, int sig)
{
	if (tty->pgrp)
		signal_send_group(tty->pgrp, sig, NULL);
}

static bool refuses_signal(int sig)
{
	const struct thread *t = current;
	return (t->sigmask & SIGBIT(sig)) || t->process->sighand->action[sig - 1].handler == SIG_IGNORE;
}

/* tty is the controlling terminal of who asks. */
static bool is_ours(const struct tty *tty)
{
	const struct tty *ours = tty_current();
	return ours && ours == tty;
}

int tty_check_background(struct tty *tty, int sig)
{
	int pgid = current->process->pgid;
	if (!is_ours(tty) || !tty->pgrp || tty->pgrp == pgid)
		return 0;
	if (refuses_signal(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (process_group_orphaned(pgid))
		return -EIO;
	signal_send_group(pgid, sig, NULL);
	return -ERESTARTSYS;
}

/* ---- having one ---- */

static void acquire(struct tty *tty)
{
	struct process *p = current->process;
	tty_get(tty);
	tty->session = p->session;
	tty->pgrp = p->pgid;
	p->session->tty = tty;
	p->left_tty = false;
}

static void release(struct session *s)
{
	struct tty *tty = s->tty;
	s->tty = NULL;
	tty->session = NULL;
	tty->pgrp = 0;
	tty_put(tty);
}

void tty_opened(struct tty *tty, const struct file *file)
{
	struct process *p = current->process;
	if (leads_session(p) && !p->session->tty && !tty->session && file_readable(file))
		acquire(tty);
}

static long set_controlling(struct tty *tty, const struct file *file, bool steal)
{
	struct process *p = current->process;
	if (leads_session(p) && tty->session == p->session)
		return 0;
	if (!leads_session(p) || p->session->tty)
		return -EPERM;
	if (tty->session) {
		if (!steal || !cred_has_cap(CAP_SYS_ADMIN))
			return -EPERM;
		release(tty->session);
	}
	if (!file_readable(file) && !cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	acquire(tty);
	return 0;
}

static long give_up(struct tty *tty)
{
	struct process *p = current->process;
	int pgrp = tty->pgrp;
	if (!is_ours(tty))
		return -ENOTTY;
	if (!leads_session(p)) {
		p->left_tty = true;
		return 0;
	}
	release(p->session);
	if (pgrp) {
		signal_send_group(pgrp, SIGHUP, NULL);
		signal_send_group(pgrp, SIGCONT, NULL);
	}
	return 0;
}

void tty_leave_session(struct tty *tty)
{
	struct session *s = tty->session;
	if (!s)
		return;
	struct process *leader = process_find(s->sid);
	s->lost_pgrp = tty->pgrp;
	release(s);
	if (!leader || leader->session != s)
		return;
	signal_send_process(leader, SIGHUP, NULL);
	signal_send_process(leader, SIGCONT, NULL);
}

void tty_session_end(struct session *s)
{
	if (s->tty) {
		int pgrp = s->tty->pgrp;
		release(s);
		if (pgrp)
			signal_send_group(pgrp, SIGHUP, NULL);
	} else if (s->lost_pgrp) {
		/* The terminal went first: the leader knew, the group that was in the foreground does not. */
		signal_send_group(s->lost_pgrp, SIGHUP, NULL);
		signal_send_group(s->lost_pgrp, SIGCONT, NULL);
		s->lost_pgrp = 0;
	}
}

/* ---- the foreground ---- */

static long get_foreground(struct tty *tty, bool master, u64 arg)
{
	if (!master && !is_ours(tty))
		return -ENOTTY;
	return put_user(user(arg), tty->pgrp);
}

/* 0: a group of the session; -ESRCH: no such group; -EPERM: one of another session. */
static int check_group(int pgid)
{
	struct process *p;
	int r = -ESRCH;
	list_for_each (p, &all_processes, all_link) {
		if (p->pgid != pgid || p->dead)
			continue;
		if (p->session == current->process->session)
			return 0;
		r = -EPERM;
	}
	return r;
}

static long set_foreground(struct tty *tty, u64 arg)
{
	int pgid, r = tty_check_background(tty, SIGTTOU);
	if (r)
		return r == -EIO ? -ENOTTY : r;
	if (get_user(pgid, user(arg)))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	if (!is_ours(tty) || tty->session != current->process->session)
		return -ENOTTY;
	r = check_group(pgid);
	if (!r)
		tty->pgrp = pgid;
	return r;
}

static long get_session(struct tty *tty, bool master, u64 arg)
{
	if ((!master && !is_ours(tty)) || !tty->session)
		return -ENOTTY;
	return put_user(user(arg), tty->session->sid);
}

long tty_job_ioctl(struct tty *tty, struct file *file, u32 cmd, u64 arg)
{
	bool master = tty_is_master(file);
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(tty, file, arg == 1);
	case TIOCNOTTY:
		return master ? -ENOTTY : give_up(tty);
	case TIOCGPGRP:
		return get_foreground(tty, master, arg);
	case TIOCSPGRP:
		return set_foreground(tty, arg);
	case TIOCGSID:
		return get_session(tty, master, arg);
	}
	return -ENOIOCTLCMD;
}
