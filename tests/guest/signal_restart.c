/* SPDX-License-Identifier: Apache-2.0
 * What a signal does to a call that waits: restarted with SA_RESTART, EINTR without, EINTR always for some; stops and
 * continuations are not seen; SIGCHLD's rules; how job control stops are reported.
 * area: Signals
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <linux/futex.h>

#include "probe.h"

static volatile sig_atomic_t count;
static int fds[2];
static siginfo_t last;

static void note(int number, siginfo_t *info, void *context)
{
	count++;
	last = *info;
}

static void catch (int number, int flags)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};
	sigaction(number, &action, NULL);
}

static pid_t sleeping_child;

/* A child that sends the signal once its parent has waited for `ms`. When the parent waits again it ends that: writes
 * to `then` if that is not negative, ends the sleeping child if there is one. */
static pid_t disturb(int number, long ms, int then)
{
	pid_t parent = getpid(), pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		sleep_ms(ms);
		kill(parent, number);
		if (then >= 0 || sleeping_child) {
			sleep_ms(30);
			until_parent_asleep();
		}
		if (then >= 0 && write(then, "12345678", 8) < 0)
			_exit(1);
		if (sleeping_child)
			kill(sleeping_child, SIGTERM);
		_exit(0);
	}
	return pid;
}

enum call {
	READ_PIPE,
	WAIT4,
	WAITID,
	POLL,
	PPOLL,
	SELECT,
	PSELECT,
	EPOLL,
	NANOSLEEP,
	CLOCK_SLEEP,
	PAUSE,
	SIGSUSPEND,
	FUTEX,
	EVENTFD,
	SOCKET,
	CALLS
};
static const char *const names[] = {
    "read of a pipe",  "wait4",	    "waitid",	       "poll",	"ppoll",      "select",	    "pselect",
    "epoll_wait",      "nanosleep", "clock_nanosleep", "pause", "sigsuspend", "futex wait", "read of an eventfd",
    "recv of a socket"};

/* Waits by the given call for longer than the signal takes to come; returns the call's result. */
static long wait_by(enum call call, int event)
{
	static unsigned word;
	struct timespec t = {50, 0};
	struct timeval tv = {50, 0};
	struct pollfd p = {fds[0], POLLIN, 0};
	struct epoll_event e;
	siginfo_t info;
	sigset_t none;
	fd_set set;
	char buffer[8];
	long result;
	int fd;
	sigemptyset(&none);
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	switch (call) {
	case READ_PIPE:
		return read(fds[0], buffer, 8);
	case WAIT4:
		return waitpid(sleeping_child, NULL, 0);
	case WAITID:
		return waitid(P_PID, (id_t)sleeping_child, &info, WEXITED);
	case POLL:
		return poll(&p, 1, 50000);
	case PPOLL:
		return ppoll(&p, 1, &t, NULL);
	case SELECT:
		return select(fds[0] + 1, &set, NULL, NULL, &tv);
	case PSELECT:
		return pselect(fds[0] + 1, &set, NULL, NULL, &t, NULL);
	case EPOLL:
		fd = epoll_create1(0);
		result = epoll_wait(fd, &e, 1, 50000);
		event = errno;
		close(fd);
		errno = event;
		return result;
	case NANOSLEEP:
		return nanosleep(&t, NULL);
	case CLOCK_SLEEP:
		result = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
		errno = (int)result;
		return result ? -1 : 0;
	case PAUSE:
		return pause();
	case SIGSUSPEND:
		return sigsuspend(&none);
	case FUTEX:
		return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
	case EVENTFD:
	case SOCKET:
		return read(event, buffer, 8);
	default:
		return 0;
	}
}

static void one(enum call call, int flags, long wanted, int wanted_errno, const char *behaviour)
{
	int event[2] = {-1, -1}, then = -1;
	catch (SIGUSR1, flags);
	count = 0;
	if (call == READ_PIPE)
		then = fds[1];
	if (call == EVENTFD)
		event[0] = event[1] = then = eventfd(0, 0);
	if (call == SOCKET && socketpair(AF_UNIX, SOCK_STREAM, 0, event) == 0)
		then = event[1];
	if (call == WAIT4 || call == WAITID) {
		sleeping_child = fork_child();
		if (sleeping_child == 0)
			for (;;)
				pause();
		if (call == WAIT4 && wanted > 0)
			wanted = sleeping_child;
	}
	pid_t pid = disturb(SIGUSR1, 0, then);
	errno = 0;
	long result = wait_by(call, event[0]);
	int error = errno;
	CHECKF(count == 1 && result == wanted && (result >= 0 || error == wanted_errno), "%s %s", names[call],
	       behaviour);
	wait_for(pid);
	if (wanted == -1 && (call == WAIT4 || call == WAITID))
		wait_for(sleeping_child);
	sleeping_child = 0;
	if (call == READ_PIPE && wanted == -1)
		wait_by(call, -1);
	close(event[0]);
	close(event[1]);
}

static void restarts(void)
{
	theme("interrupted calls");
	for (int call = 0; call < CALLS; call++)
		one((enum call)call, 0, -1, EINTR, "fails with EINTR without SA_RESTART");
	one(READ_PIPE, SA_RESTART, 8, 0, "is restarted with SA_RESTART");
	one(WAIT4, SA_RESTART, 1, 0, "is restarted with SA_RESTART");
	one(WAITID, SA_RESTART, 0, 0, "is restarted with SA_RESTART");
	one(EVENTFD, SA_RESTART, 8, 0, "is restarted with SA_RESTART");
	one(SOCKET, SA_RESTART, 8, 0, "is restarted with SA_RESTART");
	static const enum call never[] = {POLL,	     PPOLL,	  SELECT, PSELECT,    EPOLL,
					  NANOSLEEP, CLOCK_SLEEP, PAUSE,  SIGSUSPEND, FUTEX /* with a time-out */};
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		one(never[i], SA_RESTART, -1, EINTR, "fails with EINTR even with SA_RESTART");
}

static void remainders(void)
{
	struct timespec t = {50, 0}, rest = {99, 9};
	struct timeval tv = {50, 0};
	theme("remaining time");
	catch (SIGUSR1, 0);
	pid_t pid = disturb(SIGUSR1, 50, -1);
	CHECK_ERRNO(nanosleep(&t, &rest), EINTR);
	CHECK_THAT(rest.tv_sec < 49 || (rest.tv_sec == 49 && rest.tv_nsec <= 950000000),
		   "nanosleep tells what is left");
	wait_for(pid);
	pid = disturb(SIGUSR1, 50, -1);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rest) == EINTR &&
	      (rest.tv_sec < 49 || (rest.tv_sec == 49 && rest.tv_nsec <= 950000000)));
	wait_for(pid);
	pid = disturb(SIGUSR1, 50, -1);
	select(0, NULL, NULL, NULL, &tv);
	CHECK_THAT(tv.tv_sec < 49 || (tv.tv_sec == 49 && tv.tv_usec <= 950000), "select tells what is left");
	wait_for(pid);
	tv = (struct timeval){0, 2000};
	CHECK(select(0, NULL, NULL, NULL, &tv) == 0 && tv.tv_usec == 0);
	/* A signal that is ignored, or a stop and a continuation, does not end a sleep. */
	signal(SIGUSR1, SIG_IGN);
	t = (struct timespec){0, 80000000};
	pid = disturb(SIGUSR1, 20, -1);
	long begin = now_us();
	CHECK_THAT(nanosleep(&t, NULL) == 0 && now_us() - begin >= 80000, "an ignored signal does not end a sleep");
	wait_for(pid);
	t = (struct timespec){2, 0}; /* long enough to be stopped in */
	pid = fork_child();
	if (pid == 0) {
		begin = now_us();
		_exit(nanosleep(&t, NULL) == 0 && now_us() - begin >= 2000000 ? 0 : 1);
	}
	until_asleep(pid, pid);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	CHECK_THAT(wait_for(pid) == 0, "a stop and continuation do not end a sleep");
	pid = fork_child();
	if (pid == 0) {
		char byte;
		_exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
	}
	until_asleep(pid, pid);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	sleep_ms(10);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK_THAT(wait_for(pid) == 0, "nor a read");
}

static void partial(void)
{
	static char big[1 << 20];
	theme("partial transfers");
	catch (SIGUSR1, 0);
	int p[2];
	REQUIRE(pipe(p) == 0);
	long size = fcntl(p[0], F_GETPIPE_SZ);
	pid_t pid = disturb(SIGUSR1, 0, -1);
	CHECK_THAT(write(p[1], big, sizeof(big)) == size, "a write that a signal breaks off tells how much it wrote");
	wait_for(pid);
	pid = disturb(SIGUSR1, 0, -1);
	CHECK_ERRNO_THAT(write(p[1], big, 1), EINTR, "one that wrote nothing fails with EINTR");
	wait_for(pid);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO_THAT(write(p[1], big, 1), EPIPE, "no reader and SIGPIPE ignored");
	catch (SIGPIPE, 0);
	count = 0;
	CHECK_ERRNO_THAT(write(p[1], big, 1), EPIPE, "no reader and SIGPIPE handled");
	CHECK_THAT(count == 1 && last.si_code == SI_USER && last.si_pid == getpid(),
		   "SIGPIPE comes as if sent by the writer itself");
	signal(SIGPIPE, SIG_DFL);
	CHECK_THAT(({
			   pid = fork_child();
			   if (pid == 0)
				   _exit(write(p[1], big, 1) == -1);
			   wait_for(pid) == SIGPIPE;
		   }),
		   "SIGPIPE kills by default");
	close(p[1]);
}

static void children(void)
{
	int status;
	theme("SIGCHLD");
	catch (SIGCHLD, 0);
	count = 0;
	pid_t pid = fork_child();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	for (int i = 0; i < 20000 && count < 1; i++)
		usleep(1000);
	CHECK_THAT(count == 1 && last.si_code == CLD_STOPPED && last.si_status == SIGSTOP && last.si_pid == pid,
		   "a stop sends it");
	kill(pid, SIGCONT);
	for (int i = 0; i < 20000 && count < 2; i++)
		usleep(1000);
	CHECK_THAT(count == 2 && last.si_code == CLD_CONTINUED && last.si_status == SIGCONT, "a continuation sends it");
	kill(pid, SIGKILL);
	wait_for(pid);
	for (int i = 0; i < 20000 && count < 3; i++)
		usleep(1000);
	CHECK_THAT(count == 3 && last.si_code == CLD_KILLED && last.si_status == SIGKILL, "the end sends it");
	catch (SIGCHLD, SA_NOCLDSTOP);
	count = 0;
	pid = fork_child();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	usleep(5000);
	CHECK_THAT(count == 0, "SA_NOCLDSTOP: neither stop nor continuation");
	kill(pid, SIGKILL);
	wait_for(pid);
	signal(SIGCHLD, SIG_IGN);
	pid = fork_child();
	if (pid == 0)
		_exit(1);
	CHECK_ERRNO_THAT(waitpid(pid, &status, 0), ECHILD,
			 "ignored: children are not kept, and wait waits for their end");
	signal(SIGCHLD, SIG_DFL);
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	sigaction(SIGCHLD, &action, NULL);
	pid = fork_child();
	if (pid == 0)
		_exit(1);
	CHECK_ERRNO_THAT(waitpid(pid, &status, 0), ECHILD, "SA_NOCLDWAIT: the same");
	signal(SIGCHLD, SIG_DFL);
}

static void jobs(void)
{
	static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
	int status;
	sigset_t pending;
	theme("job control");
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork_child();
		if (pid == 0) {
			/* Of an orphaned process group only SIGSTOP stops; its parent in the same session prevents
			 * that. */
			setpgid(0, 0);
			raise(stops[i]);
			_exit(3);
		}
		setpgid(pid, pid);
		CHECKF(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == stops[i],
		       "signal %d stops", stops[i]);
		kill(pid, SIGCONT);
		CHECKF(wait_for(pid) == 3 << 8, "after signal %d it continues where it was", stops[i]);
	}
	CHECK_IN_CHILD_THAT(({
				    /* A session of its own: its process group is orphaned. */
				    setsid();
				    raise(SIGTSTP);
				    raise(SIGTTIN);
				    raise(SIGTTOU);
				    1;
			    }),
			    "an orphaned process group is not stopped by SIGTSTP, SIGTTIN and SIGTTOU");
	CHECK_IN_CHILD_THAT(({
				    sigset_t set;
				    sigemptyset(&set);
				    sigaddset(&set, SIGTSTP);
				    sigprocmask(SIG_BLOCK, &set, NULL);
				    raise(SIGTSTP);
				    int before = sigpending(&pending) == 0 && sigismember(&pending, SIGTSTP);
				    raise(SIGCONT);
				    before &&sigpending(&pending) == 0 && !sigismember(&pending, SIGTSTP);
			    }),
			    "SIGCONT discards pending stops");
	CHECK_IN_CHILD_THAT(({
				    sigset_t set;
				    sigemptyset(&set);
				    sigaddset(&set, SIGCONT);
				    sigaddset(&set, SIGTSTP);
				    sigprocmask(SIG_BLOCK, &set, NULL);
				    raise(SIGCONT);
				    raise(SIGTSTP);
				    sigpending(&pending) == 0 && !sigismember(&pending, SIGCONT) &&
					sigismember(&pending, SIGTSTP);
			    }),
			    "a stop discards a pending SIGCONT");
	CHECK_IN_CHILD_THAT(({
				    catch (SIGTSTP, 0);
				    count = 0;
				    raise(SIGTSTP);
				    count == 1;
			    }),
			    "SIGTSTP can be handled");
	pid_t pid = fork_child();
	if (pid == 0) {
		catch (SIGCONT, 0);
		count = 0;
		raise(SIGSTOP);
		_exit(count == 1 ? 0 : 1);
	}
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	CHECK_THAT(wait_for(pid) == 0, "SIGCONT continues and runs its handler");
	pid = fork_child();
	if (pid == 0) {
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGCONT);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	CHECK_THAT(wait_for(pid) == 0, "a blocked SIGCONT continues all the same");
}

int main(void)
{
	limit_seconds(60);
	REQUIRE(pipe(fds) == 0);
	restarts();
	remainders();
	partial();
	children();
	jobs();
	return finish();
}
