/* SPDX-License-Identifier: Apache-2.0
 * ioctl(2) of terminals: which end takes what, with which errors; packet mode, queues, flow, exclusive use, window
 * sizes, hangups, and what a raw read waits for.
 * area: Terminals
 */
#include <sys/stat.h>

#include "pty.h"

#define FINE 0

/* With a good argument and with a bad pointer, at the slave, at the master, and at a pipe: errno, 0 for success. */
static void requests(void)
{
#define REQUEST(name) name, #name
	static const struct {
		unsigned long request;
		const char *name;
		int slave, slave_bad, master, master_bad;
	} rows[] = {
	    {REQUEST(TCGETS), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCSETS), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCSETSW), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCSETSF), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCGETA), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCSETA), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCSETAW), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TCSETAF), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCGLCKTRMIOS), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCSLCKTRMIOS), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCGWINSZ), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCSWINSZ), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(FIONREAD), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCOUTQ), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCGETD), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCGEXCL), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCGPKT), ENOTTY, ENOTTY, FINE, EFAULT},
	    {REQUEST(TIOCPKT), ENOTTY, ENOTTY, FINE, EFAULT},
	    {REQUEST(TIOCGPTN), ENOTTY, ENOTTY, FINE, EFAULT},
	    {REQUEST(TIOCGPTLCK), ENOTTY, ENOTTY, FINE, EFAULT},
	    {REQUEST(TIOCSPTLCK), ENOTTY, ENOTTY, FINE, EFAULT},
	    {REQUEST(TIOCGPGRP), ENOTTY, ENOTTY, FINE, EFAULT},
	    {REQUEST(TIOCSPGRP), ENOTTY, EFAULT, ENOTTY, EFAULT},
	    {REQUEST(TIOCGSID), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCMGET), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCMSET), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCMBIS), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCMBIC), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCGSERIAL), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCGSOFTCAR), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCSSOFTCAR), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCGICOUNT), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCSETD), EINVAL, EFAULT, EINVAL, EFAULT},
	    {REQUEST(TIOCSERGETLSR), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCGDEV), FINE, EFAULT, FINE, EFAULT},
	    {REQUEST(TIOCLINUX), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	    {REQUEST(TIOCGRS485), ENOTTY, ENOTTY, ENOTTY, ENOTTY},
	};
	theme("terminal requests");
	int fds[2];
	if (pipe(fds))
		exit(97);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		long words[32] = {0};
		open_pair();
		ioctl(slave, TCGETS, words); /* what is set is what was there */
#define TRY(fd, argument, wanted, where)                                                                               \
	do {                                                                                                           \
		char text[100];                                                                                        \
		snprintf(text, sizeof(text), "%s at %s", rows[i].name, where);                                         \
		int error = ioctl(fd, rows[i].request, argument) < 0 ? errno : 0;                                      \
		report(error == (wanted), text, "ERRNO %d", error);                                                    \
	} while (0)
		TRY(slave, words, rows[i].slave, "the slave");
		TRY(slave, (void *)8, rows[i].slave_bad, "the slave with a bad pointer");
		TRY(master, words, rows[i].master, "the master");
		TRY(master, (void *)8, rows[i].master_bad, "the master with a bad pointer");
		if (rows[i].request != FIONREAD)
			TRY(fds[0], words, ENOTTY, "a pipe");
		close_pair();
	}
	close(fds[0]);
	close(fds[1]);
}

static char buffer[8192];

static int put(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Waits at most some seconds for what poll shall tell. */
static int becomes(int fd, short events)
{
	struct pollfd p = {fd, events, 0};
	return poll(&p, 1, 5000) == 1 && (p.revents & events);
}

static int readable_now(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void change(int fd, tcflag_t iflag_on, tcflag_t iflag_off, tcflag_t lflag_on, tcflag_t lflag_off)
{
	struct termios t;
	tcgetattr(fd, &t);
	t.c_iflag = (t.c_iflag & ~iflag_off) | iflag_on;
	t.c_lflag = (t.c_lflag & ~lflag_off) | lflag_on;
	tcsetattr(fd, TCSANOW, &t);
}

static void raw(int minimum, int time)
{
	struct termios t;
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)minimum;
	t.c_cc[VTIME] = (cc_t)time;
	tcsetattr(slave, TCSANOW, &t);
}

/* ---- packet mode ---- */

/* The status byte that the master reads alone; -1: there is none. */
static int status(void)
{
	unsigned char head[16];
	if (!becomes(master, POLLPRI))
		return -1;
	return read(master, head, sizeof(head)) == 1 ? head[0] : -2;
}

/* These bits are told, at once or one after the other, and no others. */
static int told(int bits)
{
	int seen = 0;
	while (seen != bits) {
		int more = status();
		if (more < 0)
			return 0;
		seen |= more;
	}
	return 1;
}

static int no_status(void)
{
	struct pollfd p = {master, POLLPRI, 0};
	return poll(&p, 1, 0) == 0;
}

static void packets(void)
{
	struct termios t;
	int on = 1, off = 0, value = -1;
	theme("packet mode status");
	open_pair();
	CHECK(ioctl(master, TIOCGPKT, &value) == 0 && value == 0);
	CHECK_THAT(tcflush(slave, TCIFLUSH) == 0 && no_status(), "nothing is told without packet mode");
	REQUIRE(ioctl(master, TIOCPKT, &on) == 0);
	CHECK(ioctl(master, TIOCGPKT, &value) == 0 && value == 1);
	CHECK_ERRNO(read(master, buffer, 10), EAGAIN);
	CHECK(tcflush(slave, TCIFLUSH) == 0 && status() == TIOCPKT_FLUSHREAD);
	CHECK(tcflush(slave, TCOFLUSH) == 0 && status() == TIOCPKT_FLUSHWRITE);
	CHECK(tcflush(slave, TCIOFLUSH) == 0 && status() == (TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE));
	CHECK(tcflow(slave, TCOOFF) == 0 && status() == TIOCPKT_STOP);
	CHECK(tcflow(slave, TCOOFF) == 0 && no_status());
	CHECK(tcflow(slave, TCOON) == 0 && status() == TIOCPKT_START);
	CHECK(tcflow(slave, TCOON) == 0 && no_status());
	CHECK_THAT(tcflow(slave, TCOOFF) == 0 && tcflow(slave, TCOON) == 0 && status() == TIOCPKT_START,
		   "the last of stop and start counts");
	CHECK_THAT(tcflush(slave, TCIFLUSH) == 0 && tcflow(slave, TCOOFF) == 0 &&
		       status() == (TIOCPKT_FLUSHREAD | TIOCPKT_STOP),
		   "others are told together");
	tcflow(slave, TCOON);
	status();
	put(master, "\023");
	CHECK_THAT(status() == TIOCPKT_STOP, "a typed STOP");
	put(master, "\021");
	CHECK_THAT(status() == TIOCPKT_START, "a typed START");
	put(master, "\003");
	CHECK_THAT(told(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE), "a typed INTR");
	read(master, buffer, 10);
	change(slave, 0, IXON, 0, 0);
	CHECK_THAT(status() == TIOCPKT_NOSTOP, "without IXON: TIOCPKT_NOSTOP");
	change(slave, 0, 0, ECHONL, 0);
	CHECK_THAT(no_status(), "other settings are not told");
	change(slave, IXON, 0, 0, 0);
	CHECK_THAT(status() == TIOCPKT_DOSTOP, "with IXON: TIOCPKT_DOSTOP");
	tcgetattr(slave, &t);
	t.c_cc[VSTOP] = 1;
	tcsetattr(slave, TCSANOW, &t);
	CHECK_THAT(status() == TIOCPKT_NOSTOP, "another STOP character: TIOCPKT_NOSTOP");
	t.c_cc[VSTOP] = 023;
	tcsetattr(slave, TCSANOW, &t);
	CHECK_THAT(status() == TIOCPKT_DOSTOP, "^S again: TIOCPKT_DOSTOP");
	change(slave, 0, 0, EXTPROC, 0);
	CHECK_THAT(status() == TIOCPKT_IOCTL, "EXTPROC: TIOCPKT_IOCTL");
	change(slave, 0, 0, 0, ECHONL);
	CHECK_THAT(status() == TIOCPKT_IOCTL, "each change with EXTPROC: TIOCPKT_IOCTL");
	change(slave, 0, 0, 0, EXTPROC);
	CHECK_THAT(status() == TIOCPKT_IOCTL, "the end of EXTPROC: TIOCPKT_IOCTL");
	change(slave, 0, 0, 0, ECHO);
	CHECK(no_status());
	put(slave, "abc");
	CHECK(becomes(master, POLLIN) && read(master, buffer, 1) == 1 && buffer[0] == TIOCPKT_DATA);
	CHECK_THAT(read(master, buffer, 3) == 3 && !memcmp(buffer, "\0ab", 3), "data follows a zero");
	tcflow(slave, TCOOFF);
	CHECK_THAT(becomes(master, POLLPRI) && read(master, buffer, 8) == 1 && buffer[0] == TIOCPKT_STOP,
		   "status comes before data");
	CHECK_THAT(read(master, buffer, 8) == 2 && !memcmp(buffer, "\0c", 2), "which is kept");
	tcflow(slave, TCOON);
	CHECK_THAT(ioctl(master, TIOCPKT, &off) == 0 && ioctl(master, TIOCPKT, &on) == 0 && no_status(),
		   "switching it on again forgets what there was");
	CHECK(ioctl(master, TIOCPKT, &off) == 0);
	put(slave, "d");
	CHECK(becomes(master, POLLIN) && read(master, buffer, 8) == 1 && buffer[0] == 'd');
	close_pair();
}

/* ---- queues and flow ---- */

static int queued(int fd, unsigned long request, int wanted)
{
	int n = -1;
	for (int i = 0; i < 5000 && ioctl(fd, request, &n) == 0 && n != wanted; i++)
		sleep_ms(1);
	return n == wanted;
}

static void queues(void)
{
	theme("terminal queues");
	open_pair();
	change(slave, 0, 0, 0, ECHO);
	CHECK(queued(slave, FIONREAD, 0) && queued(slave, TIOCOUTQ, 0) && queued(master, FIONREAD, 0));
	put(master, "abc\n");
	CHECK_THAT(queued(slave, FIONREAD, 4), "a typed line");
	put(master, "def");
	sleep_ms(50);
	CHECK_THAT(queued(slave, FIONREAD, 4), "an incomplete line does not count");
	put(master, "\004\004");
	CHECK_THAT(queued(slave, FIONREAD, 7), "ends of files are no bytes");
	change(slave, 0, 0, 0, ICANON);
	CHECK_THAT(queued(slave, FIONREAD, 9), "but in raw mode they are");
	CHECK(tcflush(slave, TCIFLUSH) == 0 && queued(slave, FIONREAD, 0) && !readable_now(slave));
	change(slave, 0, 0, ICANON, 0);
	put(slave, "xyz\n");
	CHECK_THAT(queued(master, FIONREAD, 5), "written bytes as they arrive");
	put(master, "abc\n");
	queued(slave, FIONREAD, 4);
	CHECK_THAT(tcflush(slave, TCOFLUSH) == 0 && queued(slave, FIONREAD, 4), "TCOFLUSH leaves the input");
	CHECK_THAT(tcflush(master, TCOFLUSH) == 0 && tcflush(slave, TCIOFLUSH) == 0 && queued(slave, FIONREAD, 0),
		   "TCIOFLUSH takes both");
	read(master, buffer, 100);
	put(slave, "more\n");
	CHECK(becomes(master, POLLIN) && tcflush(master, TCIFLUSH) == 0 && !readable_now(master));
	CHECK_ERRNO(read(master, buffer, 10), EAGAIN);
	CHECK_ERRNO(tcflush(master, 3), EINVAL);
	CHECK_ERRNO(tcflush(slave, -1), EINVAL);
	CHECK_ERRNO(tcflow(master, 4), EINVAL);
	CHECK_ERRNO(tcflow(slave, -1), EINVAL);
	CHECK(tcflow(slave, TCIOFF) == 0 && becomes(master, POLLIN) && read(master, buffer, 9) == 1 &&
	      buffer[0] == 023);
	CHECK(tcflow(slave, TCION) == 0 && becomes(master, POLLIN) && read(master, buffer, 9) == 1 && buffer[0] == 021);
	CHECK(tcflow(slave, TCOOFF) == 0);
	CHECK_ERRNO(write(slave, "x", 1), EAGAIN);
	put(master, "\021");
	sleep_ms(50);
	CHECK_ERRNO_THAT(write(slave, "x", 1), EAGAIN, "a typed START does not undo TCOOFF");
	CHECK(tcflow(slave, TCOON) == 0 && write(slave, "x", 1) == 1);
	CHECK(tcsendbreak(slave, 0) == 0 && tcdrain(slave) == 0 && tcdrain(master) == 0);
	CHECK(ioctl(slave, TIOCSBRK) == 0 || errno == ENOTTY);
	close_pair();
}

static void typing(void)
{
	char c = 'q';
	theme("TIOCSTI");
	open_pair();
	int may = ioctl(slave, TIOCSTI, &c) == 0; /* not for everybody, nor everywhere */
	CHECK_THAT(may ? getuid() == 0 : errno == EPERM || errno == EIO, "only root types into another's terminal");
	if (may) {
		c = '\n';
		CHECK(ioctl(slave, TIOCSTI, &c) == 0);
		CHECK(becomes(slave, POLLIN) && read(slave, buffer, 9) == 2 && buffer[0] == 'q');
		struct got got;
		collect(master, &got, 3, 0);
		CHECK_THAT(same(&got, "q\r\n", 3), "it is echoed");
		CHECK_ERRNO(ioctl(slave, TIOCSTI, 8), EFAULT);
	}
	close_pair();
}

/* ---- who may open ---- */

static int opens_as(uid_t user, const char *name)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		if (setresuid(user, user, user))
			_exit(99);
		int fd = open(name, O_RDWR | O_NOCTTY);
		_exit(fd >= 0 ? 0 : errno);
	}
	int result = wait_for(pid);
	return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void exclusive(void)
{
	char name[64];
	int on = 1, off = 0, value;
	theme("opening terminals");
	open_pair();
	ptsname_r(master, name, sizeof(name));
	chmod(name, 0666);
	CHECK(opens_as(getuid(), name) == 0);
	CHECK(ioctl(slave, TIOCEXCL) == 0 && ioctl(slave, TIOCGEXCL, &value) == 0 && value == 1);
	CHECK_THAT(opens_as(65534, name) == EBUSY || (getuid() != 0 && opens_as(65534, name) == 99),
		   "an exclusive terminal is busy");
	CHECK_THAT(opens_as(getuid(), name) == (getuid() ? EBUSY : 0), "but for root");
	CHECK(ioctl(master, TIOCGEXCL, &value) == 0 && value == 0);
	CHECK(ioctl(slave, TIOCNXCL) == 0 && opens_as(65534, name) == (getuid() ? 99 : 0));
	CHECK(ioctl(master, TIOCSPTLCK, &on) == 0 && opens_as(getuid(), name) == EIO);
	CHECK(ioctl(master, TIOCGPTLCK, &value) == 0 && value == 1);
	CHECK_ERRNO(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
	CHECK(ioctl(master, TIOCSPTLCK, &off) == 0 && opens_as(getuid(), name) == 0);
	int fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK_ERRNO(read(fd, buffer, 1), EAGAIN);
	close(fd);
	fd = ioctl(master, TIOCGPTPEER, O_WRONLY | O_NOCTTY);
	CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY && fcntl(fd, F_GETFD) == 0);
	CHECK_ERRNO(read(fd, buffer, 1), EBADF);
	close(fd);
	CHECK_ERRNO(ioctl(slave, TIOCGPTPEER, O_RDWR), EIO);
	CHECK_ERRNO(open(name, O_RDWR | O_DIRECTORY), ENOTDIR);
	CHECK_ERRNO(open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	close_pair();
}

static void sizes(void)
{
	struct winsize w;
	theme("window size");
	open_pair();
	CHECK(ioctl(slave, TIOCGWINSZ, &w) == 0 && !w.ws_row && !w.ws_col && !w.ws_xpixel && !w.ws_ypixel);
	w = (struct winsize){24, 80, 640, 480};
	CHECK(ioctl(slave, TIOCSWINSZ, &w) == 0);
	memset(&w, 0, sizeof(w));
	CHECK(ioctl(master, TIOCGWINSZ, &w) == 0 && w.ws_row == 24 && w.ws_col == 80 && w.ws_xpixel == 640 &&
	      w.ws_ypixel == 480);
	w = (struct winsize){65535, 65535, 65535, 65535};
	CHECK(ioctl(master, TIOCSWINSZ, &w) == 0 && ioctl(slave, TIOCGWINSZ, &w) == 0 && w.ws_row == 65535);
	close_pair();
}

/* ---- the end of one side ---- */

static void ends(void)
{
	struct winsize w;
	int n;
	theme("terminal ends");
	open_pair();
	put(slave, "rest");
	close(master);
	CHECK(becomes(slave, POLLHUP));
	CHECK(read(slave, buffer, 9) == 0);
	CHECK_ERRNO(write(slave, "x", 1), EIO);
	CHECK_ERRNO(ioctl(slave, TIOCGWINSZ, &w), EIO);
	CHECK_ERRNO(ioctl(slave, FIONREAD, &n), EIO);
	CHECK_ERRNO(tcflush(slave, TCIFLUSH), EIO);
	CHECK_ERRNO(ioctl(slave, TIOCSPGRP, &n), ENOTTY);
	CHECK_ERRNO(tcdrain(slave), EIO);
	CHECK(!isatty(slave));
	close(slave);
	open_pair();
	put(master, "typed\n");
	becomes(slave, POLLIN);
	close(master);
	CHECK_THAT(read(slave, buffer, 9) == 0, "what was typed before the hangup is lost");
	close(slave);
	open_pair();
	change(slave, 0, 0, 0, ECHO); /* nothing comes back of what is typed */
	put(slave, "last");
	close(slave);
	CHECK(becomes(master, POLLHUP) && read(master, buffer, 9) == 4);
	CHECK_ERRNO(read(master, buffer, 9), EIO);
	CHECK_THAT(write(master, "x", 1) == 1, "the master can write when nobody has the slave open");
	CHECK(ioctl(master, TIOCGWINSZ, &w) == 0 && tcflush(master, TCIOFLUSH) == 0);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
	CHECK_THAT(slave >= 0 && !readable_now(master), "it can be opened again");
	CHECK_ERRNO(read(master, buffer, 9), EAGAIN);
	close_pair();
}

/* ---- VMIN and VTIME ---- */

static void waits(void)
{
	static const struct {
		int minimum, time;
		const char *typed;
		int room, blocking, result, at_least_ms, polls;
	} rows[] = {
	    {0, 0, "", 9, 1, 0, 0, 0},		{0, 0, "ab", 9, 1, 2, 0, 1},   {0, 0, "abc", 2, 1, 2, 0, 1},
	    {0, 2, "", 9, 1, 0, 200, 0},	{0, 2, "ab", 9, 1, 2, 0, 1},   {0, 9, "abc", 1, 1, 1, 0, 1},
	    {1, 0, "a", 9, 1, 1, 0, 1},		{1, 2, "ab", 2, 1, 2, 0, 1},   {3, 0, "abc", 9, 1, 3, 0, 1},
	    {3, 0, "abcd", 2, 1, 2, 0, 1},	{3, 2, "ab", 9, 1, 2, 200, 1}, {9, 2, "abcd", 4, 1, 4, 0, 1},
	    {255, 1, "abc", 300, 1, 3, 100, 1}, {0, 0, "", 9, 0, 0, 0, 0},     {0, 2, "", 9, 0, -EAGAIN, 0, 0},
	    {1, 0, "", 9, 0, -EAGAIN, 0, 0},	{3, 0, "ab", 9, 0, 2, 0, 0},   {3, 2, "ab", 9, 0, 2, 0, 1},
	    {3, 0, "abc", 9, 0, 3, 0, 1},	{1, 0, "abc", 0, 0, 0, 0, 1},
	};
	theme("VMIN and VTIME");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_pair();
		raw(rows[i].minimum, rows[i].time);
		fcntl(slave, F_SETFL, rows[i].blocking ? 0 : O_NONBLOCK);
		put(master, rows[i].typed);
		queued(slave, FIONREAD, (int)strlen(rows[i].typed));
		CHECKF(readable_now(slave) == rows[i].polls, "poll with VMIN %d, VTIME %d, %s and %zu bytes",
		       rows[i].minimum, rows[i].time, rows[i].blocking ? "blocking" : "not blocking",
		       strlen(rows[i].typed));
		long begin = now_us();
		ssize_t n = read(slave, buffer, (size_t)rows[i].room);
		int result = n < 0 ? -errno : (int)n;
		char text[160];
		snprintf(text, sizeof(text), "read of %d with VMIN %d, VTIME %d, %s and %zu bytes", rows[i].room,
			 rows[i].minimum, rows[i].time, rows[i].blocking ? "blocking" : "not blocking",
			 strlen(rows[i].typed));
		report(result == rows[i].result && now_us() - begin >= rows[i].at_least_ms * 1000L - 20000, text, "%d",
		       result);
		close_pair();
	}
}

int main(void)
{
	limit_seconds(120);
	requests();
	packets();
	queues();
	typing();
	exclusive();
	sizes();
	ends();
	waits();
	return finish();
}
