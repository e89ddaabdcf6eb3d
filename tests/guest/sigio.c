/* SPDX-License-Identifier: Apache-2.0
 * Signal-driven I/O: the owner of an open file, O_ASYNC, and what SIGIO tells of pipes, sockets, terminals and inotify.
 * area: Signals
 * flags: -pthread
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "probe.h"

#define RT     (SIGRTMIN + 2)
#define NOBODY (1 << 21) /* less than the largest number that pid_max may be, and not in use */

static sigset_t watched;

/* The next of the watched signals within this time, 0: none. */
static int signalled(siginfo_t *info, long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	memset(info, 0, sizeof(*info));
	int sig = sigtimedwait(&watched, info, &t);
	return sig > 0 ? sig : 0;
}

static void drop_signals(void)
{
	siginfo_t info;
	while (signalled(&info, 0))
		;
}

static int told(int fd, int code, long band)
{
	siginfo_t info;
	return signalled(&info, 5000) == RT && info.si_code == code && info.si_fd == fd && info.si_band == band;
}

static int silent(void)
{
	siginfo_t info;
	return signalled(&info, 0) == 0;
}

/* All events of fd come as RT. */
static int watch(int fd)
{
	return fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_SETSIG, RT) == 0 &&
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC | O_NONBLOCK) == 0;
}

#define IN_BAND	 (POLLIN | POLLRDNORM)
#define OUT_BAND (POLLOUT | POLLWRNORM | POLLWRBAND)

static void owners(void)
{
	struct f_owner_ex ex;
	int p[2];
	theme("owner");
	REQUIRE(pipe(p) == 0);
	CHECK(fcntl(p[0], F_GETOWN) == 0);
	CHECK(fcntl(p[0], F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_TID && ex.pid == 0);
	CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0 && fcntl(p[0], F_GETOWN) == getpid());
	CHECK(fcntl(p[0], F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_PID && ex.pid == getpid());
	CHECK(fcntl(p[0], F_SETOWN, -getpgrp()) == 0 && fcntl(p[0], F_GETOWN) == -getpgrp());
	CHECK(fcntl(p[0], F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_PGRP && ex.pid == getpgrp());
	ex = (struct f_owner_ex){F_OWNER_TID, (pid_t)syscall(SYS_gettid)};
	CHECK(fcntl(p[0], F_SETOWN_EX, &ex) == 0 && fcntl(p[0], F_GETOWN) == ex.pid);
	CHECK(fcntl(p[0], F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_TID);
	CHECK(fcntl(p[0], F_SETOWN, 0) == 0 && fcntl(p[0], F_GETOWN) == 0);
	CHECK_ERRNO(fcntl(p[0], F_SETOWN, NOBODY), ESRCH);
	CHECK_ERRNO(fcntl(p[0], F_SETOWN, -NOBODY), ESRCH);
	CHECK_ERRNO(fcntl(p[0], F_SETOWN, INT32_MIN), EINVAL);
	ex = (struct f_owner_ex){3, getpid()};
	CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, &ex), EINVAL);
	ex = (struct f_owner_ex){F_OWNER_PID, NOBODY};
	CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, &ex), ESRCH);
	CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, unmapped_address()), EFAULT);
	CHECK_ERRNO(fcntl(p[0], F_GETOWN_EX, unmapped_address()), EFAULT);
	CHECK(fcntl(p[0], F_GETSIG) == 0);
	CHECK(fcntl(p[0], F_SETSIG, SIGUSR1) == 0 && fcntl(p[0], F_GETSIG) == SIGUSR1);
	CHECK_ERRNO(fcntl(p[0], F_SETSIG, 65), EINVAL);
	CHECK_ERRNO(fcntl(p[0], F_SETSIG, -1), EINVAL);
	CHECK_THAT(fcntl(p[1], F_GETOWN) == 0 && fcntl(p[1], F_GETSIG) == 0, "the other end has its own");
	int copy = dup(p[0]);
	CHECK_THAT(fcntl(copy, F_GETSIG) == SIGUSR1, "a duplicate shares them");
	close(copy);
	close(p[0]);
	close(p[1]);
}

static void flags(void)
{
	int p[2], on = 1, off = 0, e = eventfd(0, 0);
	FILE *file = tmpfile();
	theme("O_ASYNC");
	REQUIRE(pipe(p) == 0 && file && e >= 0);
	CHECK(!(fcntl(p[0], F_GETFL) & O_ASYNC));
	CHECK(fcntl(p[0], F_SETFL, O_ASYNC) == 0 && (fcntl(p[0], F_GETFL) & O_ASYNC));
	CHECK(ioctl(p[0], FIOASYNC, &off) == 0 && !(fcntl(p[0], F_GETFL) & O_ASYNC));
	CHECK(ioctl(p[0], FIOASYNC, &on) == 0 && (fcntl(p[0], F_GETFL) & O_ASYNC));
	CHECK_ERRNO(ioctl(p[0], FIOASYNC, unmapped_address()), EFAULT);
	CHECK_THAT(ioctl(e, FIOASYNC, &off) == 0, "FIOASYNC: off is no change for what cannot have it");
	CHECK_ERRNO(ioctl(e, FIOASYNC, &on), ENOTTY);
	CHECK_ERRNO(ioctl(fileno(file), FIOASYNC, &on), ENOTTY);
	CHECK_THAT(fcntl(fileno(file), F_SETFL, O_ASYNC) == 0 && !(fcntl(fileno(file), F_GETFL) & O_ASYNC),
		   "F_SETFL does not set the flag for what sends no signals");
	CHECK_THAT(fcntl(fileno(file), F_SETOWN, getpid()) == 0 && fcntl(fileno(file), F_GETOWN) == getpid(),
		   "which has an owner all the same");
	fclose(file);
	close(e);
	close(p[0]);
	close(p[1]);
}

static void pipes(void)
{
	static char page[PAGE];
	siginfo_t info;
	int p[2];
	theme("SIGIO of pipes");
	REQUIRE(pipe(p) == 0);
	fcntl(p[0], F_SETFL, O_ASYNC);
	write(p[1], "x", 1);
	CHECK_THAT(silent(), "nobody is told without an owner");
	fcntl(p[0], F_SETOWN, getpid());
	write(p[1], "x", 1);
	CHECK_THAT(signalled(&info, 5000) == SIGIO && info.si_code == SI_KERNEL, "SIGIO, from the kernel");
	fcntl(p[0], F_SETSIG, SIGIO);
	write(p[1], "x", 1);
	CHECK_THAT(signalled(&info, 5000) == SIGIO && info.si_code == POLL_IN && info.si_fd == p[0],
		   "F_SETSIG adds what happened to which descriptor");
	fcntl(p[0], F_SETSIG, RT);
	write(p[1], "x", 1);
	CHECK_THAT(told(p[0], POLL_IN, IN_BAND), "a real-time signal instead");
	write(p[1], "x", 1);
	write(p[1], "x", 1);
	CHECK_THAT(told(p[0], POLL_IN, IN_BAND) && told(p[0], POLL_IN, IN_BAND) && silent(),
		   "one for each write, queued");
	CHECK_THAT(read(p[0], page, 1) == 1 && silent(), "none for a read");
	fcntl(p[0], F_SETFL, 0);
	write(p[1], "x", 1);
	CHECK_THAT(silent(), "none after O_ASYNC is cleared");
	fcntl(p[0], F_SETFL, O_ASYNC);
	int copy = dup(p[0]);
	write(p[1], "x", 1);
	CHECK_THAT(told(p[0], POLL_IN, IN_BAND), "and again when it is set");
	close(p[0]);
	write(p[1], "x", 1);
	CHECK_THAT(told(p[0], POLL_IN, IN_BAND), "as long as a duplicate lives, with the number that it was set by");
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (write(p[1], page, sizeof(page)) > 0)
		;
	fcntl(copy, F_SETFL, 0);
	drop_signals();
	REQUIRE(watch(p[1]));
	write(p[1], page, sizeof(page));
	fcntl(copy, F_SETFL, O_NONBLOCK);
	CHECK_THAT(silent(), "the writer is not told of its own writes");
	while (read(copy, page, sizeof(page)) > 0)
		;
	CHECK_THAT(told(p[1], POLL_OUT, OUT_BAND), "room in a pipe that was full: POLL_OUT");
	drop_signals();
	fcntl(copy, F_SETFL, O_ASYNC);
	close(p[1]);
	CHECK_THAT(told(copy, POLL_IN, IN_BAND), "the end of the data: POLL_IN");
	close(copy);
}

static void unix_sockets(void)
{
	char byte;
	int s[2];
	theme("SIGIO of sockets");
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && watch(s[0]));
	CHECK(silent());
	write(s[1], "x", 1);
	CHECK_THAT(told(s[0], POLL_IN, IN_BAND), "a byte: POLL_IN");
	CHECK_THAT(read(s[0], &byte, 1) == 1 && silent(), "reading it is no event");
	write(s[0], "x", 1);
	CHECK_THAT(silent(), "nor is writing");
	shutdown(s[1], SHUT_WR);
	CHECK_THAT(told(s[0], POLL_IN, IN_BAND), "the other end writes no more: POLL_IN");
	drop_signals();
	read(s[1], &byte, 1);
	drop_signals();
	close(s[1]);
	CHECK_THAT(told(s[0], POLL_HUP, POLLHUP | POLLERR), "it is gone: POLL_HUP");
	close(s[0]);
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0 && watch(s[0]));
	send(s[1], "x", 1, 0);
	CHECK_THAT(told(s[0], POLL_IN, IN_BAND), "a datagram: POLL_IN");
	close(s[0]);
	close(s[1]);
}

static void inet_sockets(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), u, one = 1;
	theme("SIGIO of internet sockets");
	REQUIRE(bind(l, (struct sockaddr *)&a, len) == 0 && listen(l, 5) == 0 &&
		getsockname(l, (struct sockaddr *)&a, &len) == 0 && watch(l) && watch(c));
	drop_signals();
	connect(c, (struct sockaddr *)&a, len);
	int seen = 0;
	for (int i = 0; i < 2; i++) {
		siginfo_t info;
		if (signalled(&info, 5000) == RT)
			seen |= info.si_fd == l && info.si_code == POLL_IN    ? 1
				: info.si_fd == c && info.si_code == POLL_OUT ? 2
									      : 4;
	}
	CHECK_THAT(seen == 3, "a connection: POLL_IN for the listener, POLL_OUT for the one that connects");
	int s = accept(l, NULL, NULL);
	drop_signals();
	CHECK_THAT(!(fcntl(s, F_GETFL) & O_ASYNC) && fcntl(s, F_GETOWN) == 0, "what accept returns has neither");
	setsockopt(s, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	write(s, "x", 1);
	CHECK_THAT(told(c, POLL_IN, IN_BAND), "data: POLL_IN");
	drop_signals();
	close(s);
	CHECK_THAT(told(c, POLL_IN, IN_BAND), "the end of the data: POLL_IN");
	close(c);
	close(l);
	drop_signals();
	u = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_port = 0;
	REQUIRE(bind(u, (struct sockaddr *)&a, len) == 0 && getsockname(u, (struct sockaddr *)&a, &len) == 0 &&
		watch(u));
	drop_signals();
	sendto(u, "x", 1, 0, (struct sockaddr *)&a, len);
	CHECK_THAT(told(u, POLL_IN, IN_BAND), "UDP: POLL_IN");
	close(u);
	drop_signals();
}

static void terminals(void)
{
	struct termios raw;
	char name[64], bytes[16];
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave = -1;
	theme("SIGIO of terminals");
	REQUIRE(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
		ptsname_r(master, name, sizeof(name)) == 0 && (slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	fcntl(slave, F_SETFL, O_ASYNC | O_NONBLOCK);
	CHECK_THAT(fcntl(slave, F_GETOWN) == getpid(),
		   "O_ASYNC makes its setter the owner of one without foreground group");
	REQUIRE(watch(slave));
	write(master, "a", 1);
	CHECK_THAT(told(slave, POLL_IN, IN_BAND), "a key: POLL_IN");
	drop_signals();
	write(slave, "b", 1);
	CHECK_THAT(silent(), "output is no event for its writer");
	CHECK_THAT(read(slave, bytes, sizeof(bytes)) == 1 && silent(), "nor is reading");
	read(master, bytes, sizeof(bytes));
	fcntl(slave, F_SETFL, 0);
	REQUIRE(watch(master));
	drop_signals();
	write(slave, "b", 1);
	CHECK_THAT(told(master, POLL_IN, IN_BAND), "output: POLL_IN for the master");
	close(slave);
	close(master);
	drop_signals();
}

static void notifications(void)
{
	char dir[] = "/tmp/guest-sigio-XXXXXX", name[64];
	int n = inotify_init();
	theme("SIGIO of inotify");
	REQUIRE(mkdtemp(dir) && n >= 0 && inotify_add_watch(n, dir, IN_CREATE) >= 0 && watch(n));
	snprintf(name, sizeof(name), "%s/x", dir);
	close(open(name, O_CREAT | O_WRONLY, 0600));
	CHECK_THAT(told(n, POLL_IN, IN_BAND), "an event: POLL_IN");
	unlink(name);
	rmdir(dir);
	close(n);
	drop_signals();
}

static int ready_fd;

static void *own_thread(void *arg)
{
	struct f_owner_ex ex = {F_OWNER_TID, (pid_t)syscall(SYS_gettid)};
	siginfo_t info;
	long ok = watch(ready_fd) && fcntl(ready_fd, F_SETOWN_EX, &ex) == 0;
	write(*(int *)arg, "x", 1);
	ok = ok && signalled(&info, 5000) == RT && info.si_fd == ready_fd;
	return (void *)ok;
}

/* A child in a group of its own, which ends with 0 when it is signalled. */
static pid_t listener(int setpgrp)
{
	int ready[2];
	char byte;
	pipe(ready);
	pid_t pid = fork_child();
	if (pid == 0) {
		siginfo_t info;
		if (setpgrp)
			setpgid(0, 0);
		close(ready[0]);
		close(ready[1]);
		_exit(signalled(&info, 10000) == RT ? 0 : 1);
	}
	close(ready[1]);
	read(ready[0], &byte, 1);
	close(ready[0]);
	return pid;
}

static void who(void)
{
	pthread_t thread;
	void *ok = NULL;
	int p[2];
	theme("who gets SIGIO");
	REQUIRE(pipe(p) == 0);
	ready_fd = p[0];
	CHECK_THAT(pthread_create(&thread, NULL, own_thread, &p[1]) == 0 && pthread_join(thread, &ok) == 0 && ok,
		   "F_OWNER_TID: that thread");
	CHECK_THAT(silent(), "and no other");
	write(p[1], "x", 1);
	CHECK_THAT(silent(), "nobody, once it has ended");
	pid_t pid = listener(1);
	CHECK(watch(p[0]) && fcntl(p[0], F_SETOWN, -pid) == 0);
	write(p[1], "x", 1);
	CHECK_THAT(wait_for(pid) == 0 && silent(), "a process group");
	if (geteuid() == 0) {
		pid = listener(0);
		CHECK_THAT(seteuid(1000) == 0 && setresuid(1000, -1, -1) == 0 && fcntl(p[0], F_SETOWN, pid) == 0,
			   "an owner may be named without the right to signal it");
		CHECK(setresuid(-1, 0, -1) == 0 && setresuid(0, 0, 0) == 0);
		write(p[1], "x", 1);
		fcntl(p[0], F_SETOWN, pid);
		sleep_ms(20);
		CHECK_THAT(waitpid(pid, NULL, WNOHANG) == 0, "but then gets no signal");
		write(p[1], "x", 1);
		CHECK_THAT(wait_for(pid) == 0, "as it does when root names it");
	}
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	limit_seconds(60);
	sigemptyset(&watched);
	sigaddset(&watched, SIGIO);
	sigaddset(&watched, RT);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	owners();
	flags();
	pipes();
	unix_sockets();
	inet_sockets();
	terminals();
	notifications();
	who();
	return finish();
}
