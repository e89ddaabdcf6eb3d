/* SPDX-License-Identifier: Apache-2.0
 *
 * A pseudo-terminal between the program and the streams STDIN and STDOUT. One small buffer a direction; a full one
 * stops reading from its source, so that flow control reaches through.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define PUMP_BYTES 4096
/* More than a terminal holds; what still comes then is from a process that the program left behind. */
#define DRAIN_MAX (256 * 1024)

struct pump {
	char bytes[PUMP_BYTES];
	size_t start, end; /* read and not yet written */
	bool source_ended, sink_dead;
};

static int master = -1;
BEHIND_OTHER_DATA struct pump tty_input, tty_output; /* STDIN -> terminal, terminal -> STDOUT */
static char last_input = '\n';

/* Erasing a character then takes all of its bytes, as on any terminal of today. */
static void expect_utf8(void)
{
	struct termios settings;

	if (tcgetattr(master, &settings) == 0) {
		settings.c_iflag |= IUTF8;
		tcsetattr(master, TCSANOW, &settings);
	}
}

int tty_open(const struct job *job)
{
	struct winsize size = {.ws_row = job->header.rows, .ws_col = job->header.cols};
	char path[] = "/dev/pts/0000000000";
	int number = 0, unlock = 0, terminal;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (master < 0)
		agent_fail(WIRE_STAGE_STDIO, errno, "open /dev/ptmx", "");
	if (ioctl(master, TIOCSPTLCK, &unlock) || ioctl(master, TIOCGPTN, &number))
		agent_fail(WIRE_STAGE_STDIO, errno, "unlock the terminal", "");
	char *digit = path + sizeof path - 1;

	do
		*--digit = (char)('0' + number % 10);
	while (number /= 10);
	memmove(path + sizeof "/dev/pts/" - 1, digit, strlen(digit) + 1);
	ioctl(master, TIOCSWINSZ, &size);
	expect_utf8();
	terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		agent_fail(WIRE_STAGE_STDIO, errno, "open ", path);
	if (job->header.uid) /* best effort, as grantpt(3): the program has the open descriptor in any case */
		(void)!fchown(terminal, job->header.uid, (gid_t)-1);
	return terminal;
}

/* Source to buffer. End of file and errors end the source. */
static void pump_read(struct pump *pump, int source)
{
	if (pump->source_ended || pump->end == PUMP_BYTES)
		return;
	ssize_t n = read(source, pump->bytes + pump->end, PUMP_BYTES - pump->end);

	if (n > 0)
		pump->end += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		pump->source_ended = true;
}

/* Buffer to sink; nobody at the other end: the bytes are dropped, as those to a hung-up terminal. */
static void pump_write(struct pump *pump, int sink)
{
	while (pump->start < pump->end) {
		ssize_t n = pump->sink_dead ? -1 : write(sink, pump->bytes + pump->start, pump->end - pump->start);

		if (n < 0 && !pump->sink_dead) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			pump->sink_dead = true;
		}
		pump->start = n < 0 ? pump->end : pump->start + (size_t)n;
	}
	pump->start = pump->end = 0;
}

/* The end of standard input is typed: after a line ^D ends the input, in the middle of one it takes two. */
static void type_end_of_file(void)
{
	static bool done;

	if (done || !tty_input.source_ended || tty_input.start < tty_input.end)
		return;
	done = true;
	tty_input.start = 0;
	tty_input.end = last_input == '\n' ? 1 : 2;
	memset(tty_input.bytes, 'D' & 0x1f, tty_input.end);
}

int tty_poll(struct pollfd *fds)
{
	if (master < 0)
		return 0;
	bool want_input = !tty_input.source_ended && tty_input.end < PUMP_BYTES;
	bool want_output = !tty_output.source_ended && tty_output.end < PUMP_BYTES;

	fds[0] = (struct pollfd){.fd = want_input ? stream_fd(STREAM_STDIN) : -1, .events = POLLIN};
	fds[1] = (struct pollfd){
	    .fd = want_output || tty_input.start < tty_input.end ? master : -1,
	    .events = (short)((want_output ? POLLIN : 0) | (tty_input.start < tty_input.end ? POLLOUT : 0)),
	};
	fds[2] =
	    (struct pollfd){.fd = tty_output.start < tty_output.end ? stream_fd(STREAM_STDOUT) : -1, .events = POLLOUT};
	return TTY_POLLFDS;
}

void tty_transfer(const struct pollfd *fds, int count)
{
	if (!count)
		return;
	if (fds[0].revents) {
		pump_read(&tty_input, stream_fd(STREAM_STDIN));
		if (tty_input.end)
			last_input = tty_input.bytes[tty_input.end - 1];
	}
	pump_write(&tty_input, master);
	type_end_of_file();
	pump_write(&tty_input, master);
	if (fds[1].revents & (POLLIN | POLLERR | POLLHUP))
		pump_read(&tty_output, master);
	pump_write(&tty_output, stream_fd(STREAM_STDOUT));
}

void tty_drain(void)
{
	size_t drained = 0;

	if (master < 0)
		return;
	make_blocking(stream_fd(STREAM_STDOUT));
	do {
		pump_write(&tty_output, stream_fd(STREAM_STDOUT));
		pump_read(&tty_output, master);
		drained += tty_output.end;
	} while (tty_output.end && drained < DRAIN_MAX);
	pump_write(&tty_output, stream_fd(STREAM_STDOUT));
}

void tty_resize(const struct wire_winsize *size)
{
	struct winsize winsize = {size->rows, size->cols, size->xpixel, size->ypixel};

	if (master >= 0)
		ioctl(master, TIOCSWINSZ, &winsize);
}

pid_t tty_foreground(void)
{
	pid_t group = 0;

	return master >= 0 && ioctl(master, TIOCGPGRP, &group) == 0 && group > 0 ? group : 0;
}
