/* SPDX-License-Identifier: Apache-2.0
 * pidfd_open, pidfd_send_signal, pidfd_getfd, waiting for a pidfd with poll and waitid.
 * area: Processes
 */
#include <fcntl.h>
#include <poll.h>

#include "probe.h"

static int pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_signal(int fd, int number, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, number, info, flags);
}

static pid_t sleeper(void)
{
	pid_t pid = fork_child();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void opening(void)
{
	theme("pidfd_open");
	CHECK_ERRNO(pidfd_open(0, 0), EINVAL);
	CHECK_ERRNO(pidfd_open(-1, 0), EINVAL);
	CHECK_ERRNO(pidfd_open(1 << 30, 0), ESRCH);
	CHECK_ERRNO(pidfd_open(getpid(), 1), EINVAL);
	int fd = pidfd_open(getpid(), 0);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	struct pollfd p = {fd, POLLIN, 0};
	CHECK_THAT(poll(&p, 1, 0) == 0, "a live process is not readable");
	CHECK_ERRNO(read(fd, &p, 1), EINVAL);
	CHECK_ERRNO(write(fd, &p, 1), EINVAL);
	close(fd);
	fd = pidfd_open(getpid(), O_NONBLOCK);
	CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	close(fd);
}

static void signalling(void)
{
	siginfo_t info;
	int status;
	theme("pidfd_send_signal");
	pid_t pid = sleeper();
	int fd = pidfd_open(pid, 0);
	REQUIRE(fd >= 0);
	CHECK(pidfd_signal(fd, 0, NULL, 0) == 0);
	CHECK_ERRNO(pidfd_signal(fd, 65, NULL, 0), EINVAL);
	CHECK_ERRNO(pidfd_signal(fd, 0, NULL, 1U << 30), EINVAL);
	CHECK_ERRNO(pidfd_signal(-1, 0, NULL, 0), EBADF);
	CHECK_ERRNO(pidfd_signal(1, 0, NULL, 0), EBADF);
	CHECK_ERRNO(pidfd_signal(fd, SIGUSR1, (siginfo_t *)unmapped_address(), 0), EFAULT);
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGUSR2;
	CHECK_ERRNO_THAT(pidfd_signal(fd, SIGUSR1, &info, 0), EINVAL, "si_signo must be the signal");
	info.si_signo = SIGUSR1;
	CHECK_ERRNO_THAT(pidfd_signal(fd, SIGUSR1, &info, 0), EPERM, "a sender cannot pretend to be the kernel");
	struct pollfd p = {fd, POLLIN, 0};
	CHECK(poll(&p, 1, 0) == 0);
	CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0);
	CHECK(pidfd_signal(fd, SIGTERM, NULL, 0) == 0);
	CHECK(poll(&p, 1, 5000) == 1 && (p.revents & POLLIN));
	CHECK_THAT(pidfd_signal(fd, 0, NULL, 0) == 0, "a zombie still is a process");
	CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0 && info.si_status == SIGTERM &&
	      info.si_code == CLD_KILLED);
	CHECK_ERRNO(pidfd_signal(fd, 0, NULL, 0), ESRCH);
	CHECK_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
	CHECK_THAT(poll(&p, 1, 0) == 1 && (p.revents & POLLIN), "it stays readable");
	CHECK_ERRNO(waitid(P_PIDFD, 1000, &info, WEXITED), EBADF);
	CHECK_ERRNO(waitid(P_PIDFD, (id_t)-1, &info, WEXITED), EINVAL);
	CHECK_ERRNO(waitid(P_PIDFD, 1, &info, WEXITED), EBADF);
	close(fd);
	pid = sleeper();
	fd = pidfd_open(pid, O_NONBLOCK);
	CHECK_ERRNO_THAT(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), EAGAIN,
			 "a non-blocking pidfd does not block waitid");
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	close(fd);
	char name[32];
	pid = sleeper();
	snprintf(name, sizeof(name), "/proc/%d", pid);
	fd = open(name, O_RDONLY | O_DIRECTORY);
	CHECK_THAT(pidfd_signal(fd, SIGKILL, NULL, 0) == 0, "a /proc/PID directory will do");
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_ERRNO_THAT(pidfd_signal(fd, 0, NULL, 0), ESRCH, "the directory outlives the process");
	close(fd);
	fd = open("/proc", O_RDONLY | O_DIRECTORY);
	CHECK_ERRNO_THAT(pidfd_signal(fd, 0, NULL, 0), EBADF, "but not any directory");
	close(fd);
}

static void borrowing(void)
{
	char text[8] = "";
	theme("pidfd_getfd");
	int file = memfd_create("lent", 0);
	REQUIRE(write(file, "lent", 4) == 4);
	pid_t pid = sleeper();
	int fd = pidfd_open(pid, 0);
	close(file);
	CHECK_ERRNO(syscall(SYS_pidfd_getfd, fd, file, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_pidfd_getfd, -1, file, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_pidfd_getfd, fd, 1000, 0), EBADF);
	int copy = (int)syscall(SYS_pidfd_getfd, fd, file, 0);
	CHECK_THAT(copy >= 0 && pread(copy, text, 4, 0) == 4 && !strcmp(text, "lent"), "takes a descriptor of a child");
	CHECK(fcntl(copy, F_GETFD) == FD_CLOEXEC);
	close(copy);
	kill(pid, SIGKILL);
	wait_for(pid);
	CHECK_ERRNO(syscall(SYS_pidfd_getfd, fd, 1, 0), ESRCH);
	close(fd);
}

int main(void)
{
	limit_seconds(60);
	opening();
	signalling();
	borrowing();
	return finish();
}
