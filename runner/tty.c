/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/policy.h"

/* For the handlers, which have no other way to it. */
static struct tty *the_tty;

/* By the kernel's own structure: what glibc makes of it could lose settings. */
static bool get_settings(int fd, struct termios *settings)
{
	return !ioctl(fd, TCGETS, settings);
}

static bool foreground(int fd)
{
	pid_t group = 0;
	return !ioctl(fd, TIOCGPGRP, &group) && group == getpgrp();
}

void tty_decide(struct tty *tty, bool asked)
{
	struct termios settings;
	bool input = get_settings(0, &settings), output = get_settings(1, &settings);
	*tty = (struct tty){.fd = -1, .merged = asked, .input = input};
	tty->used = asked || (input && output && foreground(0));
}

/* cfmakeraw(3), with a byte at a time. */
static void make_raw(struct termios *t)
{
	t->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF | IUCLC |
				  INPCK | IXANY);
	t->c_oflag &= ~(tcflag_t)OPOST;
	t->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t->c_cflag = (t->c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
}

/* Nothing that could end us may leave the terminal raw. exit_group: the one way to end that each thread's filter has.
 */
static void on_fatal(int signo)
{
	if (the_tty->raw)
		ioctl(the_tty->fd, TCSETS, &the_tty->before);
	syscall(SYS_exit_group, STATUS_SIGNAL_BASE + signo);
}

static void catch_fatal(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS,	SIGILL,	 SIGFPE,  SIGABRT, SIGTRAP,
				    SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ};
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND};
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
}

int tty_prepare(struct tty *tty, sigset_t *set, struct error *error)
{
	if (!tty->used)
		return 0;
	int source = tty->input ? 0 : 1;
	if (!get_settings(source, &tty->before))
		return 0; /* --tty without a terminal outside: bytes come and go as they are */
	tty->fd = fcntl(source, F_DUPFD_CLOEXEC, 3);
	if (tty->fd < 0)
		return error_errno(error, STATUS_RUNNER, "cannot keep the terminal open");
	sigaddset(set, SIGWINCH);
	if (!tty->input)
		return 0;
	tty->self = getpid();
	tty->during = tty->before;
	make_raw(&tty->during);
	sigaddset(set, SIGTSTP);
	sigaddset(set, SIGCONT);
	the_tty = tty;
	catch_fatal();
	policy_restore_terminal(tty->fd, &tty->before);
	return 0;
}

static int set_raw(struct tty *tty)
{
	int failed;
	tty->raw = true; /* before the call: a handler may run behind it */
	do
		failed = ioctl(tty->fd, TCSETS, &tty->during);
	while (failed && errno == EINTR);
	return failed;
}

int tty_start(struct tty *tty, struct error *error)
{
	if (tty->fd < 0 || !tty->input)
		return 0;
	return set_raw(tty) ? error_errno(error, STATUS_RUNNER, "cannot set up the terminal") : 0;
}

void tty_restore(struct tty *tty)
{
	if (tty->raw)
		ioctl(tty->fd, TCSETS, &tty->before);
	tty->raw = false;
}

static void stop_here(struct tty *tty)
{
	tty_restore(tty);
	syscall(SYS_tgkill, tty->self, tty->self,
		SIGSTOP); /* returns when somebody continues us; SIGCONT then sets raw mode again */
}

enum tty_signal tty_signal(struct tty *tty, int signo, struct wire_winsize *size)
{
	struct winsize now;
	if (tty->fd < 0)
		return TTY_FORWARD;
	switch (signo) {
	case SIGTSTP:
		stop_here(tty);
		return TTY_DONE;
	case SIGCONT:
		set_raw(tty);
		break;
	case SIGWINCH:
		break;
	default:
		return TTY_FORWARD;
	}
	if (ioctl(tty->fd, TIOCGWINSZ, &now))
		return TTY_DONE;
	*size = (struct wire_winsize){now.ws_row, now.ws_col, now.ws_xpixel, now.ws_ypixel};
	return TTY_RESIZED;
}
