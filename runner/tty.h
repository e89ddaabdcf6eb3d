/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller's terminal: put into raw mode while the guest runs, so that every key goes to the line discipline in the
 * guest, and given back as it was however the run ends. Knows nothing of the guest.
 */
#ifndef RUNNER_TTY_H
#define RUNNER_TTY_H

#include <asm/termbits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "abi/wire.h"
#include "runner/error.h"

struct tty {
	bool used;   /* the program gets a terminal */
	bool merged; /* standard error is part of it whatever it is outside: asked for by --tty */
	int fd;	     /* own descriptor of the caller's terminal; -1: none */
	bool input;  /* the caller types on it: it is to be raw */
	bool raw;
	pid_t self;
	struct termios before, during;
};

/* Decides whether the program gets a terminal: `asked`, or standard input and output are one and we are in its
 * foreground. Opens nothing. */
void tty_decide(struct tty *tty, bool asked);

/* Takes an own descriptor, remembers the settings, and installs handlers for signals that would end the process. Before
 * confinement; harmless without a terminal. Adds to `set` the signals that tty_signal() wants to hear of. */
int tty_prepare(struct tty *tty, sigset_t *set, struct error *error);

/* Raw mode, at the very end of the set-up. In the background it waits (SIGTTOU) until the shell gives us the terminal.
 */
int tty_start(struct tty *tty, struct error *error);

enum tty_signal {
	TTY_FORWARD, /* not ours: the program's business */
	TTY_DONE,
	TTY_RESIZED, /* *size is the new window size */
};
/* SIGWINCH; SIGTSTP and SIGCONT sent from outside: the terminal is given back while we are stopped. */
enum tty_signal tty_signal(struct tty *tty, int signo, struct wire_winsize *size);

/* The settings of before; harmless when they are in force. */
void tty_restore(struct tty *tty);

#endif
