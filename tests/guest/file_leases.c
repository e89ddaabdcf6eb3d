/* SPDX-License-Identifier: Apache-2.0
 * Leases of files: who may have one, who is told that it is to be given up, who waits for that.
 * area: Files
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "probe.h"

#define RT	     (SIGRTMIN + 2)
#define ANYBODY_ASKS (POLLIN | POLLRDNORM | 0x400)

static char path[] = "/tmp/lease-XXXXXX";
static sigset_t watched;

/* The next signal within this time, 0: none. */
static int signalled(siginfo_t *info, long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	memset(info, 0, sizeof(*info));
	int sig = sigtimedwait(&watched, info, &t);
	return sig > 0 ? sig : 0;
}

static int told(int fd)
{
	siginfo_t info;
	return signalled(&info, 5000) == RT && info.si_code == POLL_MSG && info.si_fd == fd &&
	       info.si_band == ANYBODY_ASKS;
}

static int silent(void)
{
	siginfo_t info;
	return signalled(&info, 0) == 0;
}

static int lease(int fd, int type)
{
	return fcntl(fd, F_SETLEASE, type);
}

/* A lease whose breaking is told by RT. */
static int leased(int flags, int type)
{
	int fd = open(path, flags);
	return lease(fd, type) == 0 && fcntl(fd, F_SETSIG, RT) == 0 ? fd : -1;
}

static int try_open(int flags)
{
	int fd = open(path, flags | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void having(void)
{
	int r = open(path, O_RDONLY), w = open(path, O_WRONLY), d = open("/tmp", O_RDONLY), p[2];
	theme("lease");
	REQUIRE(pipe(p) == 0);
	CHECK(fcntl(r, F_GETLEASE) == F_UNLCK);
	CHECK_ERRNO(lease(r, F_UNLCK), EAGAIN);
	CHECK_ERRNO(lease(r, 5), EINVAL);
	CHECK_ERRNO(lease(d, F_RDLCK), EINVAL);
	CHECK_ERRNO(lease(p[0], F_RDLCK), EINVAL);
	CHECK(fcntl(d, F_GETLEASE) == F_UNLCK && fcntl(p[0], F_GETLEASE) == F_UNLCK);
	CHECK_ERRNO(lease(r, F_RDLCK), EAGAIN);
	CHECK_ERRNO(lease(w, F_RDLCK), EAGAIN);
	CHECK_ERRNO(lease(w, F_WRLCK), EAGAIN);
	close(w);
	CHECK(lease(r, F_RDLCK) == 0 && fcntl(r, F_GETLEASE) == F_RDLCK);
	CHECK(fcntl(r, F_GETOWN) == getpid());
	CHECK(lease(r, F_WRLCK) == 0 && fcntl(r, F_GETLEASE) == F_WRLCK);
	CHECK(lease(r, F_RDLCK) == 0);
	int other = open(path, O_RDONLY);
	CHECK(fcntl(other, F_GETLEASE) == F_UNLCK);
	CHECK_ERRNO(lease(r, F_WRLCK), EAGAIN);
	CHECK_THAT(lease(other, F_RDLCK) == 0, "several may have read leases");
	CHECK_ERRNO(lease(other, F_WRLCK), EAGAIN);
	int twin = dup(r);
	CHECK_THAT(fcntl(twin, F_GETLEASE) == F_RDLCK && close(twin) == 0 && fcntl(r, F_GETLEASE) == F_RDLCK,
		   "a duplicate has it too");
	CHECK(lease(r, F_UNLCK) == 0 && fcntl(r, F_GETLEASE) == F_UNLCK && fcntl(r, F_GETOWN) == 0);
	close(other);
	close(r);
	int rw = open(path, O_RDWR), o = open(path, O_PATH);
	CHECK_ERRNO(lease(rw, F_RDLCK), EAGAIN);
	CHECK(lease(rw, F_WRLCK) == 0);
	CHECK_ERRNO(lease(o, F_RDLCK), EBADF);
	CHECK_ERRNO(fcntl(o, F_GETLEASE), EBADF);
	struct stat st;
	CHECK_THAT(stat(path, &st) == 0 && fcntl(rw, F_GETLEASE) == F_WRLCK && silent(), "a look is no opening");
	close(rw);
	close(o);
	CHECK_THAT(try_open(O_RDWR) == 0, "the last close ends it");
	close(d);
	close(p[0]);
	close(p[1]);
}

static void refused(void)
{
	theme("lease of another's file");
	if (geteuid())
		return;
	CHECK_IN_CHILD_THAT(chmod(path, 0644) == 0 && setresuid(65534, 65534, 65534) == 0 &&
				lease(open(path, O_RDONLY), F_RDLCK) == -1 && errno == EACCES,
			    "is refused");
}

static void breaking(void)
{
	siginfo_t info;
	theme("lease broken");
	int r = leased(O_RDONLY, F_RDLCK);
	REQUIRE(r >= 0);
	CHECK(try_open(O_RDONLY) == 0 && silent());
	CHECK(try_open(O_WRONLY) == -EWOULDBLOCK && told(r) && silent());
	CHECK(fcntl(r, F_GETLEASE) == F_UNLCK);
	CHECK_THAT(try_open(O_WRONLY) == -EWOULDBLOCK && silent(), "it is told once");
	CHECK(try_open(O_RDONLY) == 0);
	CHECK(lease(r, F_UNLCK) == 0 && fcntl(r, F_GETSIG) == 0 && try_open(O_WRONLY) == 0);

	CHECK(lease(r, F_WRLCK) == 0 && fcntl(r, F_SETSIG, RT) == 0);
	CHECK(try_open(O_RDONLY) == -EWOULDBLOCK && told(r));
	CHECK(fcntl(r, F_GETLEASE) == F_RDLCK);
	CHECK(try_open(O_RDONLY) == -EWOULDBLOCK && silent());
	CHECK_THAT(try_open(O_RDWR) == -EWOULDBLOCK && told(r), "who asks for more is told of, too");
	CHECK(fcntl(r, F_GETLEASE) == F_UNLCK);
	CHECK_THAT(lease(r, F_RDLCK) == 0 && fcntl(r, F_GETLEASE) == F_UNLCK, "less than was asked for is not enough");
	CHECK(lease(r, F_UNLCK) == 0);

	CHECK(lease(r, F_WRLCK) == 0 && fcntl(r, F_SETSIG, 0) == 0 && try_open(O_RDONLY) == -EWOULDBLOCK);
	CHECK_THAT(signalled(&info, 5000) == SIGIO && info.si_code == SI_KERNEL, "without F_SETSIG it is SIGIO");
	CHECK(lease(r, F_RDLCK) == 0 && fcntl(r, F_GETLEASE) == F_RDLCK && try_open(O_RDONLY) == 0);
	CHECK_THAT(unlink(path) == 0 && close(open(path, O_CREAT | O_RDWR, 0644)) == 0 && silent(),
		   "removing the name breaks nothing");
	close(r);

	int a = leased(O_RDONLY, F_RDLCK), b = leased(O_RDONLY, F_RDLCK);
	CHECK(try_open(O_WRONLY) == -EWOULDBLOCK && told(a) && told(b) && silent());
	int late = open(path, O_RDONLY);
	CHECK_ERRNO(lease(late, F_RDLCK), EAGAIN);
	close(late);
	close(a);
	CHECK(try_open(O_WRONLY) == -EWOULDBLOCK);
	close(b);
	CHECK(try_open(O_WRONLY) == 0);
}

/* A child that opens or truncates; its exit status says what came of it. */
static pid_t child_that(int truncates, int flags)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		sigprocmask(SIG_UNBLOCK, &watched, NULL);
		int fd = truncates ? truncate(path, 3) : open(path, flags);
		_exit(fd < 0 ? errno : 0);
	}
	return pid;
}

/* A child that waits until it was done to the holder's lease what it needs. */
static int waits(int truncates, int flags, int held, int then)
{
	siginfo_t info;
	int fd = leased(O_RDONLY, held), status;
	if (fd < 0)
		return 0;
	pid_t pid = child_that(truncates, flags);
	if (signalled(&info, 5000) != RT || info.si_fd != fd)
		return 0;
	until_asleep(pid, pid);
	if (waitpid(pid, &status, WNOHANG) != 0)
		return 0;
	/* A reader waits for no more than a read lease, which a writer would still be against. */
	if (then == F_RDLCK ? lease(fd, F_RDLCK) : then == F_UNLCK ? lease(fd, F_UNLCK) : 0)
		return 0;
	if (then != F_RDLCK)
		close(fd);
	int ok = wait_for(pid) == 0;
	if (then == F_RDLCK)
		close(fd);
	return ok;
}

static void handler(int number) {}

static int interrupted(void)
{
	siginfo_t info;
	struct sigaction action = {.sa_handler = handler};
	int fd = leased(O_RDONLY, F_WRLCK);
	sigaction(SIGUSR1, &action, NULL);
	pid_t pid = child_that(0, O_WRONLY);
	if (signalled(&info, 5000) != RT)
		return 0;
	until_asleep(pid, pid);
	kill(pid, SIGUSR1);
	int status = wait_for(pid);
	close(fd);
	return WIFEXITED(status) && WEXITSTATUS(status) == EINTR;
}

static int in_time(void)
{
	char text[16] = "";
	int sys = open("/proc/sys/fs/lease-break-time", O_RDWR), status;
	if (sys < 0 || read(sys, text, sizeof(text) - 1) <= 0 || pwrite(sys, "1", 1, 0) != 1)
		return geteuid() != 0; /* root's alone */
	int fd = leased(O_RDONLY, F_RDLCK);
	long before = now_us();
	pid_t pid = child_that(0, O_WRONLY);
	status = wait_for(pid);
	long took = now_us() - before;
	int ok = status == 0 && took >= 900000 && fcntl(fd, F_GETLEASE) == F_UNLCK && lease(fd, F_UNLCK) == -1 &&
		 errno == EAGAIN;
	if (pwrite(sys, text, strlen(text), 0) < 0)
		ok = 0;
	close(fd);
	close(sys);
	return ok;
}

static void waiting(void)
{
	siginfo_t info;
	theme("lease waited for");
	CHECK_THAT(waits(0, O_WRONLY, F_RDLCK, F_UNLCK), "a writer waits for a read lease");
	CHECK_THAT(waits(0, O_RDONLY, F_WRLCK, F_RDLCK), "a reader waits for a write lease to be reduced");
	CHECK_THAT(waits(0, O_RDONLY, F_WRLCK, F_UNLCK), "or given up");
	CHECK_THAT(waits(0, O_RDWR, F_WRLCK, -1), "or closed");
	CHECK_THAT(waits(1, 0, F_RDLCK, F_UNLCK), "truncate waits, too");
	CHECK_THAT(interrupted(), "a signal ends the wait");
	while (signalled(&info, 0))
		;
	CHECK_THAT(in_time(), "after fs.lease-break-time it is taken away");
}

int main(void)
{
	limit_seconds(60);
	sigemptyset(&watched);
	sigaddset(&watched, RT);
	sigaddset(&watched, SIGIO);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	int fd = mkstemp(path);
	if (fd < 0)
		return 97;
	close(fd);
	having();
	refused();
	breaking();
	waiting();
	unlink(path);
	return finish();
}
