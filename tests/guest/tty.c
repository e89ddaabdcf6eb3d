/* SPDX-License-Identifier: Apache-2.0
 *
 * Pseudo-terminals as programs use them: pairs, modes, blocking, job control, hangup.
 * area: Terminals
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "harness.h"

static int master, slave;
static char name[64], buf[8192];

static int open_master(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);
	return fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0 ? fd : -1;
}

static void open_pair(void)
{
	master = open_master();
	if (master < 0 || ptsname_r(master, name, sizeof(name)) || (slave = open(name, O_RDWR | O_NOCTTY)) < 0)
		exit(96);
}

static void close_pair(void)
{
	close(slave);
	close(master);
}

/* What fd has, waiting for the first byte at most a second; as a string. */
static const char *take(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	ssize_t n = poll(&p, 1, 1000) == 1 ? read(fd, buf, sizeof(buf) - 1) : -1;
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

static int is(int fd, const char *text)
{
	return !strcmp(take(fd), text);
}

/* Linux moves what was written to the other side a little later. */
static void settle(void)
{
	usleep(100000);
}

static int put(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static short ready(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void raw(int fd, int min, int time)
{
	struct termios t;
	tcgetattr(fd, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	tcsetattr(fd, TCSANOW, &t);
}

static void pairs(void)
{
	struct stat st;
	int number = -1, locked = 1, fd, one = 1, value;
	theme("pty pair");
	master = posix_openpt(O_RDWR | O_NOCTTY);
	REQUIRE(master >= 0);
	CHECK(ioctl(master, TIOCGPTN, &number) == 0 && number >= 0);
	CHECK(ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 1);
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
	CHECK(unlockpt(master) == 0);
	CHECK(put(master, "early\n"));
	slave = open(name, O_RDWR | O_NOCTTY);
	REQUIRE(slave >= 0);
	CHECK_THAT(is(slave, "early\n"), "what was typed before the open can be read");
	CHECK(isatty(slave) && isatty(master));
	CHECK(fstat(slave, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev >> 8 == 136);
	CHECK(stat("/dev/ptmx", &st) == 0 && st.st_rdev == 0x502);
	CHECK_ERRNO(lseek(slave, 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(ioctl(slave, TIOCGPTN, &number), ENOTTY);
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	CHECK_THAT(fd >= 0 && isatty(fd), "TIOCGPTPEER opens the slave");
	close(fd);
	CHECK(ioctl(slave, TIOCEXCL) == 0);
	CHECK(ioctl(slave, TIOCGEXCL, &value) == 0 && value == 1);
	CHECK(ioctl(slave, TIOCNXCL) == 0);
	CHECK(ioctl(slave, TIOCGETD, &value) == 0 && value == 0);
	CHECK_ERRNO(ioctl(slave, 0x54ff, &one), ENOTTY);
	close_pair();
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), ENOENT);
}

static void modes(void)
{
	struct termios t, got;
	theme("pty modes");
	open_pair();
	REQUIRE(tcgetattr(slave, &t) == 0);
	CHECK((t.c_iflag & (ICRNL | IXON)) == (ICRNL | IXON) && (t.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR));
	CHECK((t.c_lflag & (ISIG | ICANON | ECHO | IEXTEN)) == (ISIG | ICANON | ECHO | IEXTEN));
	CHECK(t.c_cc[VINTR] == 3 && t.c_cc[VEOF] == 4 && t.c_cc[VERASE] == 0177 && t.c_cc[VMIN] == 1 &&
	      t.c_cc[VSUSP] == 032);
	CHECK(cfgetospeed(&t) == B38400 && (t.c_cflag & CSIZE) == CS8);
	CHECK_THAT(tcgetattr(master, &got) == 0 && got.c_lflag == t.c_lflag, "the master shows the slave's settings");
	put(master, "ab\177c\n");
	CHECK_THAT(is(slave, "ac\n"), "a line is edited");
	CHECK_THAT(is(master, "ab\b \bc\r\n"), "and echoed");
	put(slave, "x\ny");
	CHECK_THAT(is(master, "x\r\ny"), "newline becomes return and newline");
	t.c_lflag &= ~(tcflag_t)ECHO;
	CHECK(tcsetattr(master, TCSANOW, &t) == 0);
	put(master, "hidden\n");
	CHECK_THAT(is(slave, "hidden\n") && !(ready(master) & POLLIN), "no echo");
	t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE)) | CS7 | PARENB;
	tcsetattr(slave, TCSANOW, &t); /* the C library finds that not all was taken */
	CHECK_THAT(tcgetattr(slave, &got) == 0 && (got.c_cflag & (CSIZE | PARENB)) == CS8, "always eight bits");
	t.c_cflag = got.c_cflag;
	cfsetospeed(&t, B115200);
	CHECK_THAT(tcsetattr(slave, TCSANOW, &t) == 0 && tcgetattr(slave, &got) == 0 && cfgetospeed(&got) == B115200,
		   "the speed is kept");
	put(master, "gone\n");
	settle();
	CHECK(tcsetattr(slave, TCSAFLUSH, &t) == 0);
	CHECK_THAT(!(ready(slave) & POLLIN), "TCSAFLUSH throws input away");
	struct termio old;
	CHECK(ioctl(slave, TCGETA, &old) == 0 && old.c_lflag == (got.c_lflag & 0xffff) && old.c_cc[0] == 3);
	old.c_cc[0] = 4;
	old.c_lflag |= ECHO;
	CHECK(ioctl(slave, TCSETA, &old) == 0 && tcgetattr(slave, &got) == 0 && got.c_cc[VINTR] == 4 &&
	      (got.c_lflag & ECHO));
	old.c_lflag &= (unsigned short)~ECHO;
	CHECK(ioctl(slave, TCSETAF, &old) == 0 && ioctl(slave, TCSETAW, &old) == 0 && tcgetattr(slave, &got) == 0 &&
	      !(got.c_lflag & ECHO));
	CHECK_ERRNO(ioctl(slave, TCSETA, (void *)8), EFAULT);
	CHECK_ERRNO(tcsetattr(-1, TCSANOW, &t), EBADF);
	CHECK_ERRNO(ioctl(slave, TCSETS, (void *)8), EFAULT);
	close_pair();
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void reading(void)
{
	int n;
	double start;
	theme("pty read");
	open_pair();
	fcntl(slave, F_SETFL, O_NONBLOCK);
	CHECK_ERRNO(read(slave, buf, 10), EAGAIN);
	put(master, "part");
	CHECK_ERRNO(read(slave, buf, 10), EAGAIN);
	put(master, "\004");
	CHECK(read(slave, buf, 10) == 4);
	put(master, "\004");
	CHECK_THAT(read(slave, buf, 10) == 0, "end of file");
	put(master, "one\ntwo\n");
	settle();
	CHECK(ioctl(slave, FIONREAD, &n) == 0 && n == 8);
	CHECK(read(slave, buf, 100) == 4 && read(slave, buf, 2) == 2 && read(slave, buf, 100) == 2);
	raw(slave, 3, 0);
	put(master, "ab");
	CHECK_THAT(!(ready(slave) & POLLIN), "fewer than VMIN is not readable");
	put(master, "c");
	CHECK_THAT(ready(slave) & POLLIN, "VMIN is");
	CHECK(read(slave, buf, 10) == 3);
	fcntl(slave, F_SETFL, 0);
	raw(slave, 0, 0);
	CHECK_THAT(read(slave, buf, 10) == 0, "VMIN 0, VTIME 0 does not wait");
	raw(slave, 0, 2);
	start = seconds();
	CHECK_THAT(read(slave, buf, 10) == 0 && seconds() - start > 0.15, "VTIME alone waits so long for a byte");
	put(master, "x");
	CHECK(read(slave, buf, 10) == 1);
	raw(slave, 5, 2);
	put(master, "ab");
	start = seconds();
	CHECK_THAT(read(slave, buf, 10) == 2 && seconds() - start > 0.15, "VTIME between bytes ends a read");
	take(master); /* the echo of what was typed before */
	put(master, "\377\0\r\3");
	CHECK_THAT(is(slave, "\377"), "raw bytes arrive as they are");
	put(slave, "a\nb");
	CHECK_THAT(is(master, "a\nb"), "raw bytes leave as they are");
	put(master, "gone");
	settle();
	CHECK(tcflush(slave, TCIFLUSH) == 0);
	raw(slave, 0, 0);
	CHECK(read(slave, buf, 10) == 0);
	close_pair();
}

static void flow(void)
{
	theme("pty flow");
	open_pair();
	put(master, "\023");
	settle();
	fcntl(slave, F_SETFL, O_NONBLOCK);
	CHECK_ERRNO(write(slave, "x", 1), EAGAIN);
	CHECK_THAT(!(ready(slave) & POLLOUT), "stopped output is not writable");
	put(master, "\021");
	settle();
	CHECK(write(slave, "x", 1) == 1);
	CHECK(is(master, "x"));
	CHECK(tcflow(slave, TCOOFF) == 0);
	CHECK_ERRNO(write(slave, "x", 1), EAGAIN);
	CHECK(tcflow(slave, TCOON) == 0);
	CHECK(write(slave, "y", 1) == 1 && is(master, "y"));
	CHECK(tcflow(slave, TCIOFF) == 0 && is(master, "\023"));
	CHECK(tcdrain(slave) == 0);
	CHECK_ERRNO(tcflow(slave, 9), EINVAL);
	CHECK_ERRNO(tcflush(slave, 9), EINVAL);
	close_pair();
}

static void packet(void)
{
	int one = 1, zero = 0;
	theme("pty packet mode");
	open_pair();
	CHECK(ioctl(master, TIOCPKT, &one) == 0);
	put(slave, "data");
	CHECK(read(master, buf, 100) == 5 && buf[0] == TIOCPKT_DATA && !memcmp(buf + 1, "data", 4));
	CHECK(tcflush(slave, TCIFLUSH) == 0);
	CHECK(read(master, buf, 100) == 1 && (buf[0] & TIOCPKT_FLUSHREAD));
	CHECK(ioctl(master, TIOCPKT, &zero) == 0);
	put(slave, "data");
	CHECK(read(master, buf, 100) == 4);
	close_pair();
}

static void ends(void)
{
	theme("pty hangup");
	open_pair();
	put(slave, "last");
	close(slave);
	CHECK(ready(master) & POLLHUP);
	CHECK_THAT(is(master, "last"), "output from before the close is there");
	CHECK_ERRNO(read(master, buf, 10), EIO);
	CHECK((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
	CHECK(!(ready(master) & POLLHUP));
	close(master);
	CHECK((ready(slave) & (POLLHUP | POLLIN)) == (POLLHUP | POLLIN));
	CHECK(read(slave, buf, 10) == 0);
	CHECK_ERRNO(write(slave, "x", 1), EIO);
	CHECK_ERRNO(ioctl(slave, TCGETS, buf), EIO);
	close(slave);
}

/* ---- with a session of its own; the child's answers come through a pipe ---- */

static int answers[2];

static void answer(int yes)
{
	char c = yes ? 'y' : 'n';
	if (write(answers[1], &c, 1) != 1)
		_exit(95);
}

static void expect(const char *what)
{
	struct pollfd p = {answers[0], POLLIN, 0};
	char c = 0;
	if (poll(&p, 1, 20000) == 1 && read(answers[0], &c, 1) != 1)
		c = 0;
	report(c == 'y', what, "the child says %d", c);
}

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

static void catch (int sig)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(sig, &action, NULL);
}

/* Waits for a signal that catch() was called for. */
static int wait_for(int sig)
{
	for (int i = 0; i < 20000 && caught != sig; i++)
		usleep(1000);
	int came = caught == sig;
	caught = 0;
	return came;
}

static void session_child(void)
{
	struct winsize size;
	int fd;
	close(master);
	answer(ioctl(slave, TIOCSCTTY, 0) == -1 && errno == EPERM); /* not a leader */
	setsid();
	answer(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	close(slave);
	slave = open(name, O_RDWR);
	answer(tcgetsid(slave) == getpid() && tcgetpgrp(slave) == getpgrp());
	fd = open("/dev/tty", O_RDWR);
	answer(fd >= 0 && isatty(fd) && tcgetpgrp(fd) == getpgrp());
	answer(write(fd, "via tty\n", 8) == 8);
	answer(ioctl(slave, TIOCSCTTY, 0) == 0); /* again: it is ours */
	catch (SIGINT);
	catch (SIGQUIT);
	catch (SIGTSTP);
	catch (SIGWINCH);
	catch (SIGHUP);
	answer(1); /* ready: ^C */
	answer(wait_for(SIGINT));
	answer(wait_for(SIGQUIT));
	answer(wait_for(SIGTSTP));
	answer(wait_for(SIGWINCH) && ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 30 && size.ws_col == 100);
	answer(tcsetpgrp(slave, getpgid(getppid())) == -1 && errno == EPERM);
	answer(tcsetpgrp(slave, 999999) == -1 && errno == ESRCH);
	answer(wait_for(SIGHUP)); /* the master is closed */
	answer(read(slave, buf, 10) == 0);
	answer(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	_exit(0);
}

static void sessions(void)
{
	struct winsize size = {30, 100, 0, 0};
	int n, status;
	theme("pty session");
	open_pair();
	pipe(answers);
	CHECK_ERRNO(ioctl(slave, TIOCGPGRP, &n), ENOTTY);
	pid_t child = fork();
	if (!child)
		session_child();
	close(slave);
	expect("only a session leader gets a controlling terminal");
	expect("/dev/tty without one is ENXIO");
	expect("open makes it the controlling terminal, and the group the foreground");
	expect("/dev/tty is the controlling terminal");
	expect("and can be written");
	CHECK(is(master, "via tty\r\n"));
	expect("TIOCSCTTY of the own terminal is harmless");
	CHECK(ioctl(master, TIOCGPGRP, &n) == 0 && n == child);
	CHECK(ioctl(master, TIOCGSID, &n) == 0 && n == child);
	expect("handlers are set");
	put(master, "\003");
	expect("VINTR sends SIGINT");
	put(master, "\034");
	expect("VQUIT sends SIGQUIT");
	put(master, "\032");
	expect("VSUSP sends SIGTSTP");
	CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
	expect("a new window size sends SIGWINCH and can be read");
	expect("a foreground group of another session is EPERM");
	expect("no such group is ESRCH");
	close(master);
	expect("the close of the master sends SIGHUP");
	expect("and reads end");
	expect("and there is no controlling terminal any more");
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* ---- background groups ---- */

static int wait_stopped(pid_t pid, int sig)
{
	int status;
	return waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == sig;
}

static pid_t background(void (*body)(void))
{
	pid_t pid = fork();
	if (!pid) {
		setpgid(0, 0);
		body();
		_exit(0);
	}
	setpgid(pid, pid);
	return pid;
}

static void read_terminal(void)
{
	_exit(read(slave, buf, 10) == 3 ? 0 : 1);
}

static void read_ignoring(void)
{
	signal(SIGTTIN, SIG_IGN);
	_exit(read(slave, buf, 10) == -1 && errno == EIO ? 0 : 1);
}

static void change_settings(void)
{
	struct termios t;
	tcgetattr(slave, &t);
	_exit(tcsetattr(slave, TCSANOW, &t) == 0 ? 0 : 1);
}

static void change_ignoring(void)
{
	signal(SIGTTOU, SIG_IGN);
	change_settings();
}

static void write_terminal(void)
{
	_exit(write(slave, "bg\n", 3) == 3 ? 0 : 1);
}

static int orphan[2];

static void read_orphaned(void)
{
	pid_t parent = getpid();
	if (fork())
		_exit(0); /* the group is orphaned */
	while (getppid() == parent)
		usleep(1000);
	answer(read(slave, buf, 10) == -1 && errno == EIO);
	_exit(0);
}

static int exits_well(pid_t pid)
{
	int status;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void background_leader(void)
{
	struct termios t;
	close(master);
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	pid_t pid = background(read_terminal);
	answer(wait_stopped(pid, SIGTTIN));
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(slave, pid);
	kill(-pid, SIGCONT);
	answer(1); /* type a line now */
	answer(exits_well(pid));
	tcsetpgrp(slave, getpgrp());
	signal(SIGTTOU, SIG_DFL);
	answer(exits_well(background(read_ignoring)));
	pid = background(change_settings);
	answer(wait_stopped(pid, SIGTTOU));
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	answer(exits_well(background(change_ignoring)));
	answer(exits_well(background(write_terminal)));
	tcgetattr(slave, &t);
	t.c_lflag |= TOSTOP;
	tcsetattr(slave, TCSANOW, &t);
	pid = background(write_terminal);
	answer(wait_stopped(pid, SIGTTOU));
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* The orphan holds the pipe's other end until it has answered. */
	pipe(orphan);
	exits_well(background(read_orphaned));
	close(orphan[1]);
	if (read(orphan[0], buf, 1) != 0)
		_exit(94);
	catch (SIGHUP);
	catch (SIGCONT);
	answer(ioctl(slave, TIOCNOTTY) == 0 && open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	answer(caught == SIGHUP || caught == SIGCONT);
	_exit(0);
}

static void job_control(void)
{
	theme("pty job control");
	open_pair();
	pipe(answers);
	pid_t child = fork();
	if (!child)
		background_leader();
	close(slave);
	expect("a read in the background stops by SIGTTIN");
	expect("it is continued in the foreground");
	put(master, "ab\n");
	expect("and goes on reading");
	expect("with SIGTTIN ignored it is EIO");
	expect("changing settings in the background stops by SIGTTOU");
	expect("unless SIGTTOU is ignored");
	expect("writing in the background is allowed");
	expect("but not with TOSTOP");
	expect("a read of an orphaned group is EIO");
	expect("TIOCNOTTY gives the terminal up");
	expect("and tells the foreground group");
	CHECK(exits_well(child));
	close(master);
}

static void many(void)
{
	int fds[40], good = 1;
	theme("pty many");
	for (int i = 0; i < 40; i++)
		good &= (fds[i] = open_master()) >= 0;
	CHECK_THAT(good, "forty pairs at a time");
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	int fd = open_master(), number = -1;
	CHECK_THAT(ioctl(fd, TIOCGPTN, &number) == 0 && number >= 0, "and numbers are free again");
	close(fd);
}

/* More than fits in any queue goes through when the other side reads. */
static void bulk(void)
{
	size_t total = 0;
	int status;
	theme("pty bulk");
	open_pair();
	raw(slave, 1, 0);
	pid_t child = fork();
	if (!child) {
		close(master);
		memset(buf, 'x', sizeof(buf));
		for (int i = 0; i < 50; i++)
			if (write(slave, buf, sizeof(buf)) != sizeof(buf))
				_exit(1);
		_exit(0);
	}
	close(slave);
	for (ssize_t n; (n = read(master, buf, sizeof(buf))) > 0;)
		total += (size_t)n;
	CHECK(total == 50 * sizeof(buf));
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	close(master);
}

int main(void)
{
	alarm(150);
	signal(SIGPIPE, SIG_IGN);
	pairs();
	modes();
	reading();
	flow();
	packet();
	ends();
	sessions();
	job_control();
	many();
	bulk();
	return finish();
}
