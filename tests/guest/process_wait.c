/* SPDX-License-Identifier: Apache-2.0
 * fork, vfork, exit, wait4 and waitid: who is waited for, with which options, and what the status says.
 * area: Processes
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "probe.h"

static pid_t child_exits(int status)
{
	pid_t pid = fork_child();
	if (pid == 0)
		_exit(status);
	return pid;
}

static pid_t child_waits(void)
{
	pid_t pid = fork_child();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int ended_by(pid_t pid, int number)
{
	int status = wait_for(pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == number;
}

static void identity(void)
{
	theme("process identity");
	pid_t self = getpid(), parent = getppid();
	CHECK(self > 0 && parent >= 0);
	CHECK(syscall(SYS_gettid) == self);
	CHECK_IN_CHILD(getpid() != self);
	CHECK_IN_CHILD(getppid() == self);
	CHECK_IN_CHILD(getpid() == syscall(SYS_gettid));
	CHECK_IN_CHILD_THAT(getpgrp() == getpgid(self), "a child keeps the process group");
	CHECK_IN_CHILD_THAT(getsid(0) == getsid(self), "a child keeps the session");
	CHECK(getppid() == parent);
}

static void statuses(void)
{
	int status;
	theme("wait status");
	for (int i = 0; i < 256; i += 51) {
		pid_t pid = child_exits(i);
		int s = wait_for(pid);
		CHECKF(WIFEXITED(s) && WEXITSTATUS(s) == i, "exit status %d", i);
	}
	status = wait_for(child_exits(0x1234));
	CHECK_THAT(status == 0x3400, "only eight bits of the exit status are kept");
	status = wait_for(child_exits(-1));
	CHECK(status == 0xff00);
	static const int deadly[] = {SIGHUP,	SIGINT,	 SIGKILL, SIGUSR1, SIGUSR2,   SIGPIPE, SIGALRM, SIGTERM,
				     SIGVTALRM, SIGPROF, SIGIO,	  SIGPWR,  SIGSTKFLT, 34,      50,	64};
	for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++) {
		pid_t pid = child_waits();
		kill(pid, deadly[i]);
		int s = wait_for(pid);
		CHECKF(s == deadly[i], "signal %d ends a process and is its status", deadly[i]);
	}
	struct rlimit none = {0, 0};
	static const int core[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				   SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
	for (size_t i = 0; i < sizeof(core) / sizeof(*core); i++) {
		pid_t pid = fork_child();
		if (pid == 0) {
			setrlimit(RLIMIT_CORE, &none);
			prctl(PR_SET_DUMPABLE, 0);
			raise(core[i]);
			_exit(1);
		}
		int s = wait_for(pid);
		CHECKF(WIFSIGNALED(s) && WTERMSIG(s) == core[i], "signal %d ends a process with a core action",
		       core[i]);
	}
	static const int ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		CHECKF(raise(ignored[i]) == 0, "signal %d is ignored by default", ignored[i]);
}

static void selection(void)
{
	int status;
	theme("wait4");
	CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
	CHECK_ERRNO(waitpid(-1, &status, WNOHANG), ECHILD);
	CHECK_ERRNO(waitpid(getpid(), &status, 0), ECHILD);
	CHECK_ERRNO(waitpid(1 << 30, &status, 0), ECHILD);
	CHECK_ERRNO(syscall(SYS_wait4, -1, NULL, 0x100, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_wait4, 0x80000000, NULL, 0, NULL), ESRCH);
	pid_t a = child_waits(), b = child_exits(7);
	CHECK(waitpid(a, &status, WNOHANG) == 0);
	CHECK(waitpid(b, &status, 0) == b && WEXITSTATUS(status) == 7);
	CHECK_ERRNO(waitpid(b, &status, 0), ECHILD);
	CHECK(waitpid(-1, &status, WNOHANG) == 0);
	CHECK_THAT(waitpid(0, &status, WNOHANG) == 0, "0 stands for the caller's process group");
	CHECK(waitpid(-getpgrp(), &status, WNOHANG) == 0);
	CHECK_THAT(kill(a, 0) == 0, "signal 0 to a live child");
	kill(a, SIGKILL);
	siginfo_t info;
	CHECK_THAT(waitid(P_PID, (id_t)a, &info, WEXITED | WNOWAIT) == 0, "WNOWAIT looks at a zombie");
	CHECK_THAT(kill(a, 0) == 0, "signal 0 to a zombie");
	CHECK_THAT(kill(a, SIGTERM) == 0, "a zombie takes signals");
	CHECK_ERRNO_THAT(syscall(SYS_wait4, a, (int *)unmapped_address(), 0, NULL), EFAULT,
			 "a bad status pointer is EFAULT");
	CHECK_THAT(waitpid(a, &status, 0) == -1 && errno == ECHILD, "and the child is reaped all the same");
	CHECK_ERRNO(kill(a, 0), ESRCH);
	/* Each of several children is reported once. */
	pid_t pids[8];
	int seen = 0, sum = 0;
	for (int i = 0; i < 8; i++)
		pids[i] = child_exits(i + 1);
	for (int i = 0; i < 8; i++) {
		pid_t pid = waitpid(-1, &status, 0);
		for (int j = 0; j < 8; j++)
			if (pids[j] == pid && WEXITSTATUS(status) == j + 1)
				seen++;
		sum += WEXITSTATUS(status);
	}
	CHECK(seen == 8 && sum == 36);
	CHECK_ERRNO_THAT(wait(&status), ECHILD, "no child is left");
	struct rusage usage;
	memset(&usage, 0xff, sizeof(usage));
	pid_t pid = child_exits(0);
	CHECK(wait4(pid, NULL, 0, &usage) == pid && usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_usec < 1000000);
	CHECK_THAT(usage.ru_maxrss > 0, "a child's peak memory is reported");
	pid = child_waits();
	CHECK_IN_CHILD_THAT(waitpid(pid, &status, WNOHANG) == -1 && errno == ECHILD, "a sibling is not a child");
	kill(pid, SIGKILL);
	wait_for(pid);
}

static void stops(void)
{
	int status;
	theme("stop and continue");
	pid_t pid = child_waits();
	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_THAT(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0, "a stop is reported once");
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid && status == 0xffff && WIFCONTINUED(status));
	CHECK_THAT(waitpid(pid, &status, WCONTINUED | WNOHANG) == 0, "a continuation is reported once");
	kill(pid, SIGSTOP);
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0);
	CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == pid &&
	      info.si_signo == SIGCHLD);
	CHECK_THAT(kill(pid, SIGTERM) == 0 && waitpid(pid, &status, WNOHANG) == 0, "SIGTERM waits while it is stopped");
	kill(pid, SIGCONT);
	CHECK_THAT(ended_by(pid, SIGTERM), "and acts after SIGCONT");
	pid = child_waits();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	CHECK_THAT(ended_by(pid, SIGKILL), "SIGKILL ends a stopped process");
}

static void wait_identifiers(void)
{
	siginfo_t info;
	theme("waitid");
	CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, 0), EINVAL);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED | 0x100), EINVAL);
	CHECK_ERRNO(waitid(77, 0, &info, WEXITED), EINVAL);
	CHECK_ERRNO(waitid(P_PID, 0, &info, WEXITED), EINVAL);
	CHECK_ERRNO(waitid(P_PID, (id_t)-1, &info, WEXITED), EINVAL);
	CHECK_ERRNO(waitid(P_PGID, (id_t)-1, &info, WEXITED), EINVAL);
	pid_t pid = child_waits();
	memset(&info, 0xff, sizeof(info));
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0);
	CHECK_THAT(info.si_pid == 0 && info.si_signo == 0, "with WNOHANG and nothing to report si_pid is zero");
	CHECK(waitid(P_PGID, 0, &info, WEXITED | WNOHANG) == 0);
	kill(pid, SIGKILL);
	CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
	CHECK(info.si_code == CLD_KILLED && info.si_status == SIGKILL && info.si_pid == pid && info.si_uid == getuid());
	CHECK_ERRNO(syscall(SYS_waitid, P_PID, pid, unmapped_address(), WEXITED | WNOWAIT, NULL), EFAULT);
	CHECK_THAT(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED, NULL) == 0, "siginfo may be NULL");
	pid = child_exits(9);
	CHECK(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED) == 0);
	CHECK(info.si_code == CLD_EXITED && info.si_status == 9 && info.si_pid == pid && info.si_signo == SIGCHLD);
	CHECK_ERRNO(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
}

static int vfork_value;

static void vforks(void)
{
	theme("vfork");
	pid_t pid = vfork();
	if (pid == 0) {
		vfork_value = 5;
		_exit(3);
	}
	CHECK_THAT(vfork_value == 5, "a vfork child writes its parent's memory, and the parent waits");
	int status = wait_for(pid);
	CHECK(WEXITSTATUS(status) == 3);
	int fds[2];
	REQUIRE(pipe(fds) == 0);
	pid = vfork();
	if (pid == 0) {
		close(fds[0]);
		_exit(0);
	}
	wait_for(pid);
	CHECK_THAT(fcntl(fds[0], F_GETFD) == 0, "its descriptors are its own");
	close(fds[0]);
	close(fds[1]);
}

static void descriptors(void)
{
	int fds[2];
	char byte;
	theme("fork and descriptors");
	int fd = memfd_create("offset", 0);
	REQUIRE(fd >= 0 && write(fd, "0123456789", 10) == 10 && pipe(fds) == 0);
	lseek(fd, 2, SEEK_SET);
	CHECK_IN_CHILD(read(fd, &byte, 1) == 1 && byte == '2');
	CHECK_THAT(lseek(fd, 0, SEEK_CUR) == 3, "parent and child share a file offset");
	CHECK_IN_CHILD(close(fd) == 0);
	CHECK_THAT(lseek(fd, 0, SEEK_CUR) == 3, "but not the descriptor table");
	pid_t pid = fork_child();
	if (pid == 0)
		_exit(write(fds[1], "x", 1) == 1 ? 0 : 1);
	close(fds[1]);
	CHECK(read(fds[0], &byte, 1) == 1 && byte == 'x');
	CHECK_THAT(read(fds[0], &byte, 1) == 0, "end of file when the last writer exits");
	wait_for(pid);
	close(fds[0]);
	close(fd);
}

int main(void)
{
	limit_seconds(60);
	identity();
	statuses();
	selection();
	stops();
	wait_identifiers();
	vforks();
	descriptors();
	return finish();
}
